// The banner that reports a violated property of Raft, with a button that goes to the moment.

/** @import { Clock, Violation } from "./types.js" */

import { html, pressButton } from "./dom.js";

export class ViolationBanner {
  /** @param {(number: number) => void} onGo called with the number of the event that violated the property */
  constructor(onGo) {
    /** @type {Violation | undefined} */
    this.shown = undefined;
    this.words = html("span");
    const go = pressButton("Go there", () => this.shown && onGo(this.shown.event), { "data-act": "violation" });
    const sign = html("strong", { "aria-hidden": "true" }, "⚠");
    this.element = html("div", { class: "rp-alarm", role: "alert", hidden: true }, sign, this.words, go);
  }

  /**
   * Shows the last violation up to an event, if there is one.
   *
   * @param {readonly Violation[]} violations
   * @param {number} number
   * @param {Clock} clock
   */
  draw(violations, number, clock) {
    const past = violations.filter(({ event }) => event <= number);
    const shown = past.at(-1);
    if (shown?.event === this.shown?.event && shown?.rule === this.shown?.rule) return;
    this.shown = shown;
    this.element.hidden = shown === undefined;
    if (!shown) return;
    const count = past.length > 1 ? `${past.length} properties were violated so far; the latest: ` : "";
    const later = shown.step === null ? "" : ` Step ${shown.step} fixes this.`;
    this.words.textContent = `${count}${shown.rule} was violated at ${clock(shown.time)} s: ${shown.text}${later}`;
  }
}
