// The line above the picture: what is played, its branch, the branch next to it, and the room for an alarm.

/** @import { LiveState } from "./types.js" */

import { html, pressButton } from "./dom.js";

/**
 * @typedef {object} HeadHandlers
 * @property {() => void} branches shows the list of the branches
 * @property {(id: number | null) => void} compare
 * @property {() => void} keys
 */

export class HeadBar {
  /**
   * @param {string} title
   * @param {HTMLElement} alarm
   * @param {HeadHandlers} handlers
   */
  constructor(title, alarm, handlers) {
    this.handlers = handlers;
    this.other = -1; // the branch that the second chip compares with
    /** @type {number | null} */
    this.compared = null;
    this.branch = pressButton("", () => handlers.branches(), {
      class: "rp-chip",
      "data-act": "branches",
      hidden: true,
    });
    this.compare = pressButton("", () => handlers.compare(this.compared === null ? this.other : null), {
      class: "rp-chip",
      "data-act": "compare",
      hidden: true,
    });
    const keys = pressButton("? Keys", handlers.keys, {
      class: "rp-chip",
      "data-act": "keys",
      title: "What the keys do, and what the signs mean (?)",
    });
    const name = html("span", { class: "rp-title" }, title);
    this.element = html("div", { class: "rp-head" }, name, this.branch, this.compare, alarm, keys);
  }

  /**
   * @param {Partial<LiveState>} live
   * @param {number | null} compared the branch that is shown next to the current one
   */
  draw({ branches = [], current = 0 }, compared) {
    const shown = branches.find(({ id }) => id === current);
    this.compared = compared;
    for (const chip of [this.branch, this.compare]) chip.hidden = branches.length < 2;
    if (branches.length < 2 || !shown) return;
    this.other = shown.parent ?? branches.find(({ id }) => id !== current)?.id ?? -1;
    const words = `branch ${current} · ${shown.name}`;
    const comparing = compared === null ? `compare with ${this.other}` : `next to ${compared}: stop`;
    if (this.branch.textContent !== words) this.branch.textContent = words;
    if (this.compare.textContent !== comparing) this.compare.textContent = comparing;
    this.branch.title = `${words} (all branches)`;
  }
}
