// The keys, the help that lists them, and the roving focus. JupyterLab takes single letters as commands (b adds a cell), so
// the player stops every key event from leaving it, except for those with Ctrl, Alt or Meta.

/** @import { Direction } from "./types.js" */
/** @import { Ring } from "./ring.js" */

import { closestTo, html, pressButton } from "./dom.js";

const HELP = [
  ["Space", "play or pause"],
  ["← →", "one step back or forward: an event and its effects"],
  ["↑ ↓", "to the previous or next server or message"],
  ["Home End", "to the beginning or the end"],
  ["+ −", "faster or slower"],
  ["E F", "to the next election or fault; with Shift to the previous one"],
  ["PgUp PgDn", "on the time line: to the previous or next mark"],
  ["Enter", "select the server or message, with all its fields"],
  ["Escape", "close what is open"],
];
const LIVE_HELP = [
  ["V", "to the next violated property; with Shift to the previous one"],
  ["T", "server: its election timer runs out now"],
  ["X", "server: crash, or restart"],
  ["P", "server: pause, or resume"],
  ["O", "server: cut off from all others"],
  ["L", "server: the leader hands over to it, in a step that can"],
  ["J", "server: add it to the voters or remove it, in a step that can"],
  ["S", "server: tick it for a partition (also Shift and a click)"],
  ["W M", "partition off the ticked servers; heal every cut"],
  ["D H 2", "message: drop, hold back, duplicate"],
  ["C", "to the client's request; on a message: cut its link, one way"],
  ["N B", "depose the leader; split the vote"],
];
const TEXT_FIELDS = "textarea, select, input:not([type=checkbox])";

/**
 * Returns whether a key belongs to the browser or to JupyterLab.
 *
 * @param {KeyboardEvent} event
 */
export const isCommand = (event) => event.ctrlKey || event.altKey || event.metaKey;

/**
 * Returns whether a key is typed into a field.
 *
 * @param {KeyboardEvent} event
 */
export const isTyping = (event) => closestTo(event, TEXT_FIELDS) !== null;

/**
 * Returns whether the browser itself makes a key press what has the focus.
 *
 * @param {KeyboardEvent} event
 */
export function isPressing(event) {
  if (event.key === " ") return closestTo(event, "button, input[type=checkbox], summary") !== null;
  return event.key === "Enter" && closestTo(event, "button, summary") !== null;
}

/** The list of keys, which opens and closes. */
export class Help {
  /** @param {boolean} live */
  constructor(live) {
    const rows = [...HELP, ...(live ? LIVE_HELP : [])];
    const list = rows.flatMap(([keys, does]) => [html("dt", {}, ...makeKeys(keys)), html("dd", {}, does)]);
    const close = pressButton("×", () => this.toggle(false), {
      class: "rp-close",
      "aria-label": "Close the keys",
      title: "Close (Escape)",
    });
    const head = html("header", {}, html("p", { class: "rp-title" }, "Keys and signs"), close);
    const attributes = { class: "rp-help", "aria-label": "Keys", hidden: true };
    this.element = html("section", attributes, head, html("dl", {}, ...list));
  }

  toggle(open = this.element.hidden) {
    this.element.hidden = !open;
  }
}

/** @param {string} words */
function makeKeys(words) {
  return words.split(" ").map((key) => html("kbd", {}, key));
}

/** The roving focus: all servers and messages are one stop for Tab, and the arrow keys move between them. */
export class RovingFocus {
  /** @param {Ring} ring */
  constructor(ring) {
    this.ring = ring;
    /** @type {HTMLElement | SVGElement | null} */
    this.element = null;
    this.reset();
  }

  /** @param {HTMLElement | SVGElement | undefined} element */
  set(element) {
    if (!element || element === this.element) return;
    this.element?.setAttribute("tabindex", "-1");
    this.element = element;
    element.setAttribute("tabindex", "0");
  }

  reset() {
    this.set(this.ring.elements()[0]);
  }

  /** Makes sure that there is a stop for Tab, also after the message that was one has arrived. */
  repair() {
    if (!this.element?.isConnected) this.reset();
  }

  focus() {
    this.element?.focus();
  }

  /** @param {Direction} direction */
  move(direction) {
    /** @type {(HTMLElement | SVGElement)[]} */
    const all = this.ring.elements();
    const index = this.element ? all.indexOf(this.element) : -1;
    this.set(all[(index + direction + all.length) % all.length]);
    this.focus();
  }
}

const LISTS = ".rp-list, .rp-lines";
const LINES = "[data-index], [data-at], [data-event]";

/**
 * Returns the bindings of keys in a list whose lines lead to a moment. The list is one stop for Tab; from there the arrow
 * keys lead to its lines, and Enter does what a click does.
 *
 * @param {KeyboardEvent} event
 * @returns {Record<string, (() => void) | undefined>}
 */
export function lineKeys(event) {
  const list = closestTo(event, LISTS);
  const line = closestTo(event, LINES);
  if (!list) return {};
  /** @type {HTMLElement[]} */
  const lines = [...list.querySelectorAll(LINES)].filter((each) => each instanceof HTMLElement);
  const current = lines.findIndex((each) => each === line || (!line && each.hasAttribute("aria-current")));
  /** @param {Direction} direction */
  const move = (direction) => () => {
    if (current < 0) focusLine(lines.at(direction < 0 ? -1 : 0));
    else focusLine(lines[line ? current + direction : current]);
  };
  return { ArrowDown: move(1), ArrowUp: move(-1), Enter: line ? () => press(line) : undefined };
}

/** @param {HTMLElement | undefined} line */
export function focusLine(line) {
  if (!line) return;
  line.tabIndex = -1;
  line.focus();
}

/** @param {HTMLElement | SVGElement} line */
function press(line) {
  line.dispatchEvent(new MouseEvent("click", { bubbles: true }));
}
