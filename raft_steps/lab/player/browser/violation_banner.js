// The banner that reports a violated property of Raft, with a button that goes to the moment, or that the properties
// could not be judged.

/** @import { Clock, Violation } from "./types.js" */

import { html, pressButton } from "./dom.js";

export class ViolationBanner {
  /** @param {(number: number) => void} onGo called with the number of the event that violated the property */
  constructor(onGo) {
    /** @type {Violation | undefined} */
    this.shown = undefined;
    this.unjudged = "";
    this.words = html("span");
    this.go = pressButton("Go there", () => this.shown && onGo(this.shown.event), { "data-act": "violation" });
    const sign = html("strong", { "aria-hidden": "true" }, "⚠");
    this.element = html("div", { class: "rp-alarm", role: "alert", hidden: true }, sign, this.words, this.go);
  }

  /**
   * Shows the last violation up to an event, if there is one; otherwise why they could not be judged, if they could not.
   *
   * @param {readonly Violation[]} violations
   * @param {number} number
   * @param {Clock} clock
   * @param {string} unjudged what could not be judged, as a sentence without its end; "" if everything was
   */
  draw(violations, number, clock, unjudged = "") {
    const past = violations.filter(({ event }) => event <= number);
    const shown = past.at(-1);
    const isShown = shown?.event === this.shown?.event && shown?.rule === this.shown?.rule;
    if (isShown && unjudged === this.unjudged) return;
    this.shown = shown;
    this.unjudged = unjudged;
    this.element.hidden = shown === undefined && unjudged === "";
    this.go.hidden = shown === undefined;
    if (!shown) {
      this.words.textContent = unjudged && `Could not be judged: ${unjudged}.`;
      return;
    }
    const count = past.length > 1 ? `${past.length} properties were violated so far; the latest: ` : "";
    const later = shown.step === null ? "" : ` Step ${shown.step} fixes this.`;
    this.words.replaceChildren(
      count,
      html("em", {}, shown.rule),
      ` was violated at ${clock(shown.time)} s: ${shown.text}${later}`,
    );
    this.words.title = this.words.textContent ?? "";
  }
}
