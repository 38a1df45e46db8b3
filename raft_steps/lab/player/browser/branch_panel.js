// The panel of the branches: where each left its parent, buttons to show it or to compare it, and the seed of the run.

/** @import { BranchInfo, LiveState } from "./types.js" */

import { branchTree } from "./branches.js";
import { disableIf, html, pressButton } from "./dom.js";

const INDENT = 14; // pixels for each level of the tree
const MAX_INDENTED = 6; // deeper levels are not indented any further

/**
 * @typedef {object} BranchHandlers
 * @property {(id: number) => void} switchTo
 * @property {(id: number | null) => void} compare
 * @property {(seed: number) => void} seed
 * @property {() => void} reset
 */

export class BranchPanel {
  /** @param {BranchHandlers} handlers */
  constructor(handlers) {
    this.handlers = handlers;
    /** @type {Partial<LiveState> | null} */
    this.live = null;
    /** @type {number | null} */
    this.compared = null;
    this.drawn = "";
    this.list = html("ul", { class: "rp-lines rp-family" });
    this.seed = html("input", { type: "number", step: 1, min: 0, "aria-label": "Seed" });
    const run = pressButton("Run with it", () => handlers.seed(Number(this.seed.value)), { "data-act": "seed" });
    this.reset = pressButton("Reset", () => handlers.reset(), { "data-act": "reset" });
    const seed = html("label", { class: "rp-ticked" }, "Seed ", this.seed);
    const row = html("div", { class: "rp-row" }, seed, run, this.reset);
    this.element = html("section", { class: "rp-branches", "aria-label": "Branches" }, this.list, row);
  }

  /**
   * @param {Partial<LiveState>} live
   * @param {number | null} compared the branch that is shown next to the current one
   */
  draw(live, compared) {
    if (live === this.live && compared === this.compared) return;
    this.live = live;
    this.compared = compared;
    const { branches = [], current = 0, script = [] } = live;
    const drawn = JSON.stringify([branches, current, compared, script.length]);
    if (drawn === this.drawn) return;
    this.drawn = drawn;
    const focused = this.focusedButton();
    this.seed.value = String(branches.find(({ id }) => id === current)?.seed ?? 0);
    this.list.replaceChildren(...branchTree(branches).map((branch) => this.makeLine(branch, current, compared)));
    const again = focused && this.list.querySelector(focused);
    if (again instanceof HTMLElement) again.focus();
    requestAnimationFrame(() => this.showCurrent());
    const why = script.length ? "" : "this branch has no actions";
    disableIf(this.reset, why, "A new branch: the same beginning without any action");
  }

  /** Scrolls the list, and nothing else, such that the current branch can be seen. */
  showCurrent() {
    const current = /** @type {HTMLElement | null} */ (this.list.querySelector("[aria-current]"));
    if (current) this.list.scrollTop = current.offsetTop - this.list.offsetTop - this.list.clientHeight / 2;
  }

  /** Returns a selector of the button in the list that has the focus, or null: drawing the list replaces its buttons. */
  focusedButton() {
    const active = this.list.ownerDocument.activeElement;
    if (!(active instanceof HTMLElement) || !this.list.contains(active)) return null;
    const [name, value] = Object.entries(active.dataset)[0]; // such as ["switch", "3"]
    return `[data-${name}="${value}"]`;
  }

  /**
   * @param {BranchInfo & { depth: number }} branch
   * @param {number} current
   * @param {number | null} compared
   */
  makeLine(branch, current, compared) {
    const { id, name, seed, parent, from, last, depth } = branch;
    const isCurrent = id === current;
    const left = parent === null ? "" : `left ${parent} at ${from / 1e6} s`;
    const action = last && last !== name ? `last: ${last}` : "";
    const words = [`seed ${seed}`, left, action].filter(Boolean).join("; ");
    const button = pressButton(`${id}: ${name}`, () => this.handlers.switchTo(id), {
      class: "rp-branch",
      "data-switch": id,
      title: isCurrent ? "This branch is shown" : "Go to this branch",
    });
    const text = html("span", { class: "rp-about" }, button, html("small", {}, words));
    const style = `padding-left: ${6 + INDENT * Math.min(depth, MAX_INDENTED)}px`;
    const item = html("li", { "data-branch": id, style }, text, this.makeCompareButton(id, isCurrent, id === compared));
    if (isCurrent) item.setAttribute("aria-current", "true");
    return item;
  }

  /**
   * @param {number} id
   * @param {boolean} isCurrent
   * @param {boolean} isCompared
   */
  makeCompareButton(id, isCurrent, isCompared) {
    const onPress = () => this.handlers.compare(isCompared ? null : id);
    const button = pressButton(isCompared ? "Stop" : "Compare", onPress, { "data-compare": id });
    const title = isCompared ? "Show this branch alone again" : "Show it next to this one";
    disableIf(button, isCurrent ? "it is the one that is shown" : "", title);
    return button;
  }
}
