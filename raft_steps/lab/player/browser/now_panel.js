// What is happening now: one large sentence about the cluster, and below it in small type the last event and the next one.

/**
 * @import { Navigation } from "./navigation.js"
 * @import { Clock, Happening, Moment } from "./types.js"
 */

import { html } from "./dom.js";
import { describeMoment } from "./headline.js";

export class NowPanel {
  constructor() {
    this.sentence = html("p", { class: "rp-sentence" });
    this.event = html("p", { class: "rp-event" });
    this.next = html("p", { class: "rp-next-event" });
    const attributes = { class: "rp-now-panel", "aria-label": "Now" };
    this.element = html("section", attributes, this.sentence, this.event, this.next);
  }

  /**
   * @param {Moment} moment
   * @param {Navigation} navigation
   * @param {number} number the last event that has happened
   * @param {{ heartbeats: boolean, clock: Clock }} options
   */
  draw(moment, navigation, number, { heartbeats, clock }) {
    const { text, strong } = describeMoment(moment);
    const shown = `${text}|${strong}`;
    if (this.sentence.dataset.shown !== shown) {
      this.sentence.dataset.shown = shown;
      this.sentence.replaceChildren(text, ...(strong ? [text ? " " : "", html("b", {}, strong)] : []));
    }
    const { happenings } = navigation;
    const visible = happenings.lastVisible(number, heartbeats);
    setLine(this.event, "", visible, navigation, heartbeats, clock);
    setLine(this.next, "next", navigation.nextHappening(number, heartbeats), navigation, heartbeats, clock);
  }
}

/**
 * @param {HTMLElement} element
 * @param {string} label
 * @param {Happening | undefined} happening
 * @param {Navigation} navigation
 * @param {boolean} heartbeats
 * @param {Clock} clock
 */
function setLine(element, label, happening, { happenings }, heartbeats, clock) {
  const words = happening ? happenings.lines(happening, heartbeats).join(". ") : "";
  const parts = happening
    ? [html("span", { class: "rp-when" }, `${label ? `${label} ` : ""}${clock(happening.time)} s`), ` ${words}`]
    : [];
  element.title = words;
  element.replaceChildren(...parts);
}
