// The tabs below the player, of which one is open. The keys are those of tabs anywhere: arrows, Home and End.

import { html } from "./dom.js";

/**
 * @typedef {object} Tab
 * @property {string} name
 * @property {string} label
 * @property {HTMLElement} content
 */

export class Tabs {
  /**
   * @param {readonly Tab[]} tabs
   * @param {string} prefix what makes the ids unique in the page
   * @param {() => void} onShow called when another tab is shown
   * @param {...Node} extras what is in the row of the tabs, too
   */
  constructor(tabs, prefix, onShow, ...extras) {
    this.onShow = onShow;
    this.tabs = new Map(
      tabs.map(({ name, label, content }) => [name, { button: this.makeButton(name, label, prefix), content }]),
    );
    this.open = "";
    this.panels = html("div", { class: "rp-panels" });
    for (const [name, { button, content }] of this.tabs) {
      const attributes = {
        role: "tabpanel",
        id: `${prefix}-${name}`,
        "aria-labelledby": button.id,
        "data-panel": name,
      };
      this.panels.append(html("div", attributes, content));
    }
    const buttons = [...this.tabs.values()].map(({ button }) => button);
    this.list = html("div", { class: "rp-tab-list", role: "tablist", "aria-label": "More" }, ...buttons);
    this.list.addEventListener("keydown", (event) => this.pressKey(event));
    this.row = html("div", { class: "rp-tabs" }, this.list, ...extras);
    this.show(tabs[0].name);
  }

  /**
   * @param {string} name
   * @param {string} label
   * @param {string} prefix
   */
  makeButton(name, label, prefix) {
    const attributes = {
      type: "button",
      role: "tab",
      id: `${prefix}-tab-${name}`,
      "aria-controls": `${prefix}-${name}`,
      "data-tab": name,
    };
    const button = html("button", attributes, label);
    button.addEventListener("click", () => this.show(name));
    return button;
  }

  /** @param {string} name */
  show(name) {
    this.open = name;
    let index = 0;
    for (const [each, { button }] of this.tabs) {
      const isOpen = each === name;
      button.setAttribute("aria-selected", String(isOpen));
      button.tabIndex = isOpen ? 0 : -1;
      /** @type {HTMLElement} */ (this.panels.children[index]).hidden = !isOpen;
      index += 1;
    }
    this.onShow();
  }

  /**
   * @param {string} name
   * @param {string} label
   */
  setLabel(name, label) {
    const button = this.tabs.get(name)?.button;
    if (button && button.textContent !== label) button.textContent = label;
  }

  /** @param {KeyboardEvent} event */
  pressKey(event) {
    const names = [...this.tabs.keys()];
    const index = names.indexOf(this.open);
    /** @type {Record<string, number>} */
    const goals = { ArrowRight: index + 1, ArrowLeft: index - 1, Home: 0, End: names.length - 1 };
    const goal = goals[event.key];
    if (goal === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    this.show(names[(goal + names.length) % names.length]);
    this.tabs.get(this.open)?.button.focus();
  }
}
