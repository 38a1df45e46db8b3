// The banner that says that a property of Raft broke, and leads to the moment.

import { html, pressButton } from "./dom.js";

export class Alarm {
  // onGo: called with the number of the event that broke it.
  constructor(onGo) {
    this.words = html("span");
    this.go = pressButton("Go there", () => onGo(this.shown.event), { "data-act": "violation" });
    const sign = html("strong", { "aria-hidden": "true" }, "⚠");
    this.element = html("div", { class: "rp-alarm", role: "alert", hidden: true }, sign, this.words, this.go);
  }

  // Shows the last property that broke until the event of a number, if one did.
  draw(violations, number, clock) {
    const broken = violations.filter(({ event }) => event <= number);
    const shown = broken.at(-1);
    if (shown?.event === this.shown?.event && shown?.rule === this.shown?.rule) return;
    this.shown = shown;
    this.element.hidden = shown === undefined;
    if (!shown) return;
    const count = broken.length > 1 ? `${broken.length} properties broke by now; the last: ` : "";
    const later = Number.isInteger(shown.step) ? ` Step ${shown.step} mends this.` : "";
    this.words.textContent = `${count}${shown.rule} broke at ${clock(shown.time)} s: ${shown.text}${later}`;
  }
}
