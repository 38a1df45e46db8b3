// The branches: which there are, where each left, how to get back to one, and which is shown beside this one. And what all
// of them begin with: the seed.

import { familyOf } from "./branches.js";
import { allow, html, pressButton } from "./dom.js";

export class Family {
  // act: {switchTo(id), compare(id or null), seed(number), reset()}.
  constructor(act) {
    Object.assign(this, { act, drawn: "" });
    this.list = html("ul", { class: "rp-lines rp-family" });
    this.seed = html("input", { type: "number", step: 1, min: 0, "aria-label": "Seed" });
    const run = pressButton("Run with it", () => act.seed(Number(this.seed.value)), { "data-act": "seed" });
    this.reset = pressButton("Reset", () => act.reset(), { "data-act": "reset" });
    const seed = html("label", { class: "rp-ticked" }, "Seed ", this.seed);
    const title = html("h4", {}, "Branches");
    const row = html("div", { class: "rp-row" }, seed, run, this.reset);
    this.element = html("section", { class: "rp-branches", "aria-label": "Branches" }, title, this.list, row);
  }

  // compared: the branch that is shown beside this one, or null.
  draw(live, compared) {
    if (live === this.live && compared === this.compared) return;
    Object.assign(this, { live, compared });
    const drawn = JSON.stringify([live.branches, live.current, compared, (live.script ?? []).length]);
    if (drawn === this.drawn) return;
    this.drawn = drawn;
    const active = this.list.ownerDocument.activeElement;
    const focused = this.list.contains(active) ? Object.entries(active.dataset)[0] : null; // ["switch", "3"], say
    const current = live.branches.find(({ id }) => id === live.current);
    this.seed.value = current?.seed ?? 0;
    this.list.replaceChildren(...familyOf(live.branches).map((branch) => this.line(branch, live.current, compared)));
    if (focused) this.list.querySelector(`[data-${focused[0]}="${focused[1]}"]`)?.focus();
    const why = (live.script ?? []).length ? "" : "nothing was done in this branch";
    allow(this.reset, why, "A new branch: the same beginning without anything that was done");
  }

  line(branch, current, compared) {
    const here = branch.id === current;
    const rootless = branch.parent === null || branch.parent === undefined;
    const left = rootless ? "" : `left ${branch.parent} at ${branch.from / 1e6} s`;
    const last = branch.last && branch.last !== branch.name ? `last: ${branch.last}` : "";
    const words = [`seed ${branch.seed}`, left, last].filter(Boolean).join("; ");
    const name = pressButton(`${branch.id}: ${branch.name}`, () => this.act.switchTo(branch.id), {
      class: "rp-branch",
      "data-switch": branch.id,
      title: here ? "This branch is shown" : "Go to this branch",
    });
    const beside = branch.id === compared;
    const compare = pressButton(beside ? "Stop" : "Compare", () => this.act.compare(beside ? null : branch.id), {
      "data-compare": branch.id,
      title: beside ? "Show this branch alone again" : "Show it beside this one",
    });
    allow(compare, here ? "it is the one that is shown" : "", compare.title);
    const attributes = { "data-branch": branch.id, style: `padding-left: ${6 + 14 * Math.min(branch.depth, 6)}px` };
    const text = html("span", { class: "rp-about" }, name, html("small", {}, words));
    return html("li", here ? { ...attributes, "aria-current": "true" } : attributes, text, compare);
  }
}
