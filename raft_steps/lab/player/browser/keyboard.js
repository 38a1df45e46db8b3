// The keys, what they do, and the help that lists them. JupyterLab takes single letters as commands (b would add a cell), so
// that no key which is pressed in here is heard outside, but for those with Ctrl, Alt or Meta.

import { html, pressButton } from "./dom.js";

const HELP = [
  ["Space", "play or pause"],
  ["← →", "one happening back or on"],
  ["↑ ↓", "to the server or message before or after"],
  ["Home End", "to the beginning or the end"],
  ["+ −", "faster or slower"],
  ["E F", "to the next election or fault; with Shift to the one before"],
  ["Enter", "select the server or message, with all its fields"],
  ["Escape", "close what is open"],
];
const LIVE_HELP = [
  ["V", "to the next broken property; with Shift to the one before"],
  ["T", "server: its election timer runs out now"],
  ["X", "server: crash, or restart"],
  ["P", "server: pause, or resume"],
  ["O", "server: cut off from all others"],
  ["S", "server: tick it for a partition (also Shift and a click)"],
  ["W M", "part off the ticked servers; mend every cut"],
  ["D H 2", "message: drop, hold back, duplicate"],
  ["C", "to what a client asks; on a message: cut its link, one way"],
];
const EDITED = "textarea, select, input:not([type=range]):not([type=checkbox])";

// Whether a key belongs to the browser or to JupyterLab.
export const isCommand = (event) => event.ctrlKey || event.altKey || event.metaKey;

// Whether a key is written into a field.
export const isWriting = (event) => event.target.closest?.(EDITED) !== null;

// Whether a key presses what has the focus anyway.
export function isPressing({ key, target }) {
  if (key === " ") return target.closest("button, input[type=checkbox], summary") !== null;
  return key === "Enter" && target.closest("button, summary") !== null;
}

// The list of keys, which opens and closes.
export class Help {
  constructor(live, onClose) {
    const rows = [...HELP, ...(live ? LIVE_HELP : [])];
    const list = rows.flatMap(([keys, does]) => [html("dt", {}, ...keysOf(keys)), html("dd", {}, does)]);
    const close = pressButton("×", onClose, {
      class: "rp-close",
      "aria-label": "Close the keys",
      title: "Close (Escape)",
    });
    const head = html("header", {}, html("h4", {}, "Keys"), close);
    this.element = html(
      "section",
      { class: "rp-help", "aria-label": "Keys", hidden: true },
      head,
      html("dl", {}, ...list),
    );
  }

  toggle(open = this.element.hidden) {
    this.element.hidden = !open;
  }
}

function keysOf(words) {
  return words.split(" ").map((key) => html("kbd", {}, key));
}

// Which of the servers and messages the keyboard is at: one stop for Tab, and the arrows go on from there.
export class Roving {
  constructor(ring) {
    this.ring = ring;
    this.at = null;
    this.settle(ring.elements()[0]);
  }

  settle(element) {
    if (!element || element === this.at) return;
    this.at?.setAttribute("tabindex", -1);
    this.at = element;
    element.setAttribute("tabindex", 0);
  }

  // Sees to it that there is a stop, also when the message that was one has arrived.
  mend() {
    if (!this.at?.isConnected) this.settle(this.ring.elements()[0]);
  }

  move(direction) {
    const all = this.ring.elements();
    const place = all.indexOf(this.at);
    const next = all[(place + direction + all.length) % all.length];
    this.settle(next);
    next?.focus();
  }
}
