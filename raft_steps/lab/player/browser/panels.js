// The panels next to the ring: the list of what happens, the legend, and the card with all fields of a server or message.

/**
 * @import { MessageFamily } from "./geometry.js"
 * @import { Happenings } from "./happenings.js"
 * @import { Clock, Happening, MessageSpan, MessageSpans, Row, ServerState } from "./types.js"
 */

import { closestTo, html, svg } from "./dom.js";
import { messageRows, serverRows } from "./field_text.js";
import { MESSAGE_SHAPES, messageFamily } from "./geometry.js";
import { messageWords } from "./narration.js";

const BEFORE = 12; // how many happenings the list shows before the current one
const AFTER = 8; // and after it

/** The list of what happens around the moment that is shown. A click on a line goes there. */
export class HappeningList {
  /**
   * @param {Happenings} happenings
   * @param {Clock} clock
   * @param {(happening: Happening) => void} onChoose
   */
  constructor(happenings, clock, onChoose) {
    this.happenings = happenings;
    this.clock = clock;
    this.frame = 0; // the animation frame that will scroll the list; 0 if none is requested
    this.list = html("ol", { class: "rp-list", tabindex: 0, "aria-label": "What happens" });
    this.element = html("section", { class: "rp-story", "aria-label": "What happens" }, this.list);
    this.list.addEventListener("click", (event) => {
      const line = closestTo(event, "[data-index]");
      if (line) onChoose(this.happenings.all[Number(line.dataset.index)]);
    });
  }

  /**
   * @param {Happenings} happenings
   * @param {Clock} clock
   */
  setRun(happenings, clock) {
    this.happenings = happenings;
    this.clock = clock;
  }

  /**
   * @param {number} number the last event that has happened
   * @param {boolean} heartbeats
   */
  draw(number, heartbeats) {
    const visible = this.happenings.visible(heartbeats);
    const now = this.positionIn(visible, number);
    const lines = [];
    for (let index = Math.max(0, now - BEFORE); index < Math.min(visible.length, now + 1 + AFTER); index += 1) {
      lines.push(this.makeLine(visible[index], index - now, heartbeats));
    }
    this.list.replaceChildren(...lines);
    this.centre();
  }

  /**
   * Scrolls such that the current line is a little below the middle, because the lines before it matter more. This waits
   * until the next frame is painted, because asking for the place of an element makes the browser lay out the page.
   */
  centre() {
    this.frame ||= requestAnimationFrame(() => {
      this.frame = 0;
      this.scroll();
    });
  }

  scroll() {
    const current = /** @type {HTMLElement | null} */ (this.list.querySelector("[aria-current]"));
    if (current) this.list.scrollTop = current.offsetTop - (this.list.clientHeight - current.offsetHeight) * 0.6;
  }

  /**
   * Returns the index in the visible happenings of the last one that has begun.
   *
   * @param {readonly Happening[]} visible
   * @param {number} number
   */
  positionIn(visible, number) {
    const last = this.happenings.indexAt(number);
    if (visible === this.happenings.all) return last;
    let index = Math.min(last, visible.length - 1);
    while (index >= 0 && visible[index].index > last) index -= 1;
    return index;
  }

  /**
   * @param {Happening} happening
   * @param {number} distance from the current happening; positive for later ones
   * @param {boolean} heartbeats
   */
  makeLine(happening, distance, heartbeats) {
    const lines = this.happenings.lines(happening, heartbeats);
    const item = html("li", { "data-index": happening.index, class: distance > 0 ? "rp-later" : "" });
    if (distance === 0) item.setAttribute("aria-current", "true");
    item.append(html("span", { class: "rp-when" }, this.clock(happening.time)));
    item.append(html("span", {}, ...lines.flatMap((line, index) => (index ? [html("br"), line] : [line]))));
    return item;
  }
}

/** @type {Record<MessageFamily, string>} */
const FAMILY_NAMES = {
  heartbeat: "heartbeat",
  append: "new entries",
  vote: "vote",
  commit: "commit",
  snapshot: "snapshot",
  other: "other message",
};

// The signs of servers and of the time line: the classes of a server, the text in it, and what it means.
/** @type {[classes: string, text: string, words: string][]} */
const SERVER_SIGNS = [
  ["rp-follower rp-tint-1", "1", "term 1"],
  ["rp-follower rp-tint-2", "2", "term 2"],
  ["rp-leader rp-tint-2", "2", "thick: leader"],
  ["rp-candidate rp-tint-2", "2", "dashed: candidate; its pips are votes, square ones pre-votes"],
  ["rp-follower rp-uncounted rp-tint-2", "2", "hollow: not a voter"],
  ["rp-down", "✕", "down"],
];
/** @type {[classes: string, d: string, words: string][]} */
const MARK_SIGNS = [
  ["rp-mark rp-mark-candidate", "M 0 -6 L 6 0 L 0 6 L -6 0 Z", "election"],
  ["rp-mark rp-mark-down", "M -4 -4 L 4 4 M 4 -4 L -4 4", "crash or pause"],
  ["rp-mark rp-mark-up", "M -4 3 L 0 -4 L 4 3 Z", "restart"],
];

/**
 * Draws the legend of the signs, and of what occurs in a trace.
 *
 * @param {HTMLElement} element
 * @param {MessageSpans} spans
 * @param {Record<string, number>} timers
 */
export function drawLegend(element, spans, timers) {
  /** @type {Set<MessageFamily>} */
  const found = new Set();
  for (const { type, fields } of spans.byName.values()) found.add(messageFamily(type, fields));
  const shown = [...found, ...Object.keys(timers)].sort().join();
  if (element.dataset.shown === shown) return;
  element.dataset.shown = shown;
  element.replaceChildren(makeLegend(found, timers));
}

/**
 * @param {Set<MessageFamily>} found
 * @param {Record<string, number>} timers
 */
function makeLegend(found, timers) {
  const families = /** @type {MessageFamily[]} */ (Object.keys(FAMILY_NAMES)).filter((family) => found.has(family));
  const items = [
    ...SERVER_SIGNS.map(([classes, text, words]) => makeServerSample(classes, text, words)),
    ...families.map((family) => {
      return makeSample(`rp-message rp-kind-${family}`, "rp-body", MESSAGE_SHAPES[family], FAMILY_NAMES[family]);
    }),
  ];
  if (families.length) {
    items.push(makeSample("rp-message rp-reply", "rp-body", MESSAGE_SHAPES.commit, "hollow: a reply"));
    items.push(
      makeSample("rp-message rp-reply", "rp-body", MESSAGE_SHAPES.commit, "barred: a refusal", "M -10 0 H 10"),
    );
  }
  for (const timer of ["election", "heartbeat"]) {
    if (timer in timers)
      items.push(makeSample("", `rp-timer rp-timer-${timer}`, "M -8 5 A 9 9 0 0 1 8 5", `${timer} timer`));
  }
  items.push(...MARK_SIGNS.map(([classes, d, words]) => makeSample("", classes, d, words)));
  items.push(html("li", {}, "✂ cut"), html("li", {}, "⇄ healed"), html("li", {}, "⚠ a property is violated"));
  return html("ul", { class: "rp-legend", "aria-label": "Legend" }, ...items);
}

/**
 * @param {string} classes
 * @param {string} text
 * @param {string} words
 */
function makeServerSample(classes, text, words) {
  const figure = svg("text", { y: 4 });
  figure.textContent = text;
  const group = svg("g", { class: classes }, svg("circle", { class: "rp-shape", r: 9 }), figure);
  return html(
    "li",
    {},
    svg("svg", { viewBox: "-12 -12 24 24", width: 26, height: 26, "aria-hidden": "true" }, group),
    words,
  );
}

/**
 * @param {string} groupClasses
 * @param {string} classes
 * @param {string} d the outline
 * @param {string} words
 * @param {string} bar the path of a refusal's bar, or ""
 */
function makeSample(groupClasses, classes, d, words, bar = "") {
  const group = svg("g", { class: groupClasses }, svg("path", { class: classes, d }));
  if (bar) group.append(svg("path", { class: "rp-refusal", d: bar }));
  const picture = svg("svg", { viewBox: "-12 -10 24 20", width: 22, height: 18, "aria-hidden": "true" }, group);
  return html("li", {}, picture, words);
}

/** The card of the server or message under the pointer or the focus: all its fields, with the names that the code uses. */
export class Card {
  /** @param {Clock} clock */
  constructor(clock) {
    this.clock = clock;
    this.element = html("div", { class: "rp-card", role: "tooltip", hidden: true });
  }

  hide() {
    this.element.hidden = true;
  }

  /**
   * @param {string} name
   * @param {ServerState} state
   * @param {number} time
   */
  showServer(name, state, time) {
    const words = `${name}: ${state.up ? state.role : "down"}${state.paused ? ", paused" : ""}`;
    const log = `${state.log.length} ${state.log.length === 1 ? "entry" : "entries"}`;
    this.fill(words, state.up ? serverRows(state, time, this.clock) : [["log on disk", log]]); // The rest was in memory.
  }

  /** @param {MessageSpan} span */
  showMessage(span) {
    const words = messageWords(span.type, span.fields);
    this.fill(`${span.from} → ${span.to}: ${words}`, messageRows(span, this.clock));
  }

  /**
   * @param {string} title
   * @param {readonly Row[]} rows
   */
  fill(title, rows) {
    const list = html("dl", {}, ...rows.flatMap(([name, value]) => [html("dt", {}, name), html("dd", {}, value)]));
    this.element.replaceChildren(html("strong", {}, title), list);
    this.element.hidden = false;
  }

  /**
   * Places the card inside the picture's frame: to the right of an element, or to its left, or else below or above it.
   *
   * @param {Element} target
   * @param {Element} frame
   */
  placeNextTo(target, frame) {
    const [box, outer] = [target.getBoundingClientRect(), frame.getBoundingClientRect()];
    const { offsetWidth: width, offsetHeight: height } = this.element;
    const [right, left] = [box.right - outer.left + 8, box.left - outer.left - width - 8];
    const middle = box.top + box.height / 2 - outer.top - height / 2;
    const below = box.bottom - outer.top + 8;
    const top = below + height > outer.height ? box.top - outer.top - height - 8 : below;
    const fitsRight = right + width <= outer.width;
    const fits = fitsRight || left >= 0;
    const x = fitsRight ? right : left;
    this.element.style.left = `${fits ? x : Math.max(0, Math.min(right - width / 2, outer.width - width))}px`;
    this.element.style.top = `${fits ? Math.max(0, Math.min(middle, outer.height - height)) : top}px`;
  }
}
