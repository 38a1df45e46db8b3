// The script of the branch: one line for each action. It can be copied as a scenario, as Python or as a test, and each of
// these can be pasted into the field below it.

/** @import { Clock, ExportKind, LiveState } from "./types.js" */

import { closestTo, html, pressButton } from "./dom.js";

/** @type {[kind: ExportKind, label: string][]} */
const EXPORTS = [
  ["scenario", "Scenario"],
  ["python", "Python"],
  ["pytest", "pytest"],
];

/**
 * @typedef {object} ScriptHandlers
 * @property {(time: number) => void} goTo
 * @property {(text: string) => Promise<boolean>} paste runs a text as a new branch; returns whether that was possible
 * @property {(kind: ExportKind) => Promise<string>} copy returns the run in another form; "" if that is not possible
 * @property {(text: string) => void} showMessage
 */

export class ScriptPanel {
  /** @param {ScriptHandlers} handlers */
  constructor(handlers) {
    this.handlers = handlers;
    /** @type {Partial<LiveState>} */
    this.live = {};
    this.drawn = "";
    this.list = html("ol", { class: "rp-lines", tabindex: 0, "aria-label": "Actions" });
    this.list.addEventListener("click", (event) => {
      const line = closestTo(event, "[data-at]");
      if (line) handlers.goTo(Number(line.dataset.at));
    });
    this.text = html("textarea", {
      rows: 3,
      spellcheck: "false",
      "aria-label": "A scenario",
      placeholder: "Paste a scenario, Python or a test here",
    });
    const attributes = { class: "rp-script", "aria-label": "Script" };
    this.element = html("section", attributes, this.list, this.makeCopyRow(), this.makePasteRow());
  }

  makeCopyRow() {
    const buttons = EXPORTS.map(([kind, label]) =>
      pressButton(label, () => this.copy(kind, label), { "data-copy": kind, title: `Copy this run as ${label}` }),
    );
    return html("div", { class: "rp-row" }, html("span", { class: "rp-label" }, "Copy as"), ...buttons);
  }

  makePasteRow() {
    const attributes = { "data-act": "paste", title: "Run the pasted text as a new branch" };
    return html(
      "div",
      { class: "rp-row" },
      this.text,
      pressButton("Run it", () => this.paste(), attributes),
    );
  }

  /**
   * @param {Partial<LiveState>} live
   * @param {Clock} clock
   */
  draw(live, clock) {
    if (live === this.live) return;
    this.live = live;
    const lines = live.script ?? [];
    const drawn = JSON.stringify(lines);
    if (drawn === this.drawn) return;
    this.drawn = drawn;
    const shown = lines.map(({ at, line, python }) => {
      const when = html("span", { class: "rp-when" }, `${clock(at)} s`);
      return html("li", { "data-at": at, title: python }, when, html("code", {}, line));
    });
    this.list.replaceChildren(...(shown.length ? shown : [html("li", { class: "rp-none" }, "No actions yet.")]));
    requestAnimationFrame(() => {
      this.list.scrollTop = this.list.scrollHeight;
    });
  }

  /**
   * Copies the run. If the browser does not allow that, the text is put into the field and selected.
   *
   * @param {ExportKind} kind
   * @param {string} label
   */
  async copy(kind, label) {
    const text = await this.handlers.copy(kind);
    if (!text) {
      this.handlers.showMessage("The run cannot be copied: the kernel does not answer.");
      return;
    }
    try {
      await navigator.clipboard.writeText(text);
      this.handlers.showMessage(`Copied as ${label}.`);
    } catch {
      this.text.value = text;
      this.text.focus();
      this.text.select();
      const advice = `The ${label} text is selected: copy it by hand.`;
      this.handlers.showMessage(`The browser does not allow access to the clipboard. ${advice}`);
    }
  }

  async paste() {
    const text = this.text.value.trim();
    if (!text) this.handlers.showMessage("Paste something into the field first.");
    else if (await this.handlers.paste(text)) this.text.value = "";
  }
}
