// The script of the branch: a line for each thing that was done, to be copied as a scenario, as Python or as a test, and a
// field into which any of them can be pasted.

import { html, pressButton } from "./dom.js";

const KINDS = { scenario: "Scenario", python: "Python", pytest: "pytest" };

export class Script {
  // act: {go(time), paste(text), say(words)}.
  constructor(act) {
    Object.assign(this, { act, live: {}, drawn: "" });
    this.list = html("ol", { class: "rp-lines" });
    this.list.addEventListener("click", (event) => {
      const line = event.target.closest("[data-at]");
      if (line) act.go(Number(line.dataset.at));
    });
    const copies = Object.entries(KINDS).map(([kind, label]) =>
      pressButton(label, () => this.copy(kind), { "data-copy": kind, title: `Copy this run as ${label}` }),
    );
    this.text = html("textarea", {
      rows: 3,
      spellcheck: "false",
      "aria-label": "A scenario",
      placeholder: "Paste a scenario, Python or a test here",
    });
    const told = { "data-act": "paste", title: "Run what is pasted, as a new branch" };
    const run = pressButton("Run it", () => this.paste(), told);
    const copyRow = html("div", { class: "rp-row" }, html("span", { class: "rp-label" }, "Copy as"), ...copies);
    const pasteRow = html("div", { class: "rp-row" }, this.text, run);
    const title = html("h4", {}, "Script of this branch");
    this.element = html("section", { class: "rp-script", "aria-label": "Script" }, title, this.list, copyRow, pasteRow);
  }

  draw(live, clock) {
    if (live === this.live) return;
    Object.assign(this, { live, clock });
    const lines = live.script ?? [];
    const drawn = JSON.stringify(lines);
    if (drawn === this.drawn) return;
    this.drawn = drawn;
    const shown = lines.map(({ at, line, python }) => {
      const when = html("span", { class: "rp-when" }, `${this.clock(at)} s`);
      return html("li", { "data-at": at, title: python }, when, html("code", {}, line));
    });
    this.list.replaceChildren(...(shown.length ? shown : [html("li", { class: "rp-none" }, "Nothing was done yet.")]));
    requestAnimationFrame(() => {
      this.list.scrollTop = this.list.scrollHeight;
    });
  }

  // Copies; where the browser does not allow that, the text is put into the field and selected.
  async copy(kind) {
    const text = this.live[kind] ?? "";
    try {
      await navigator.clipboard.writeText(text);
      this.act.say(`Copied as ${KINDS[kind]}.`);
    } catch {
      this.text.value = text;
      this.text.focus();
      this.text.select();
      this.act.say(
        `The browser does not let the clipboard be used. The ${KINDS[kind]} text is selected: copy it by hand.`,
      );
    }
  }

  async paste() {
    const text = this.text.value.trim();
    if (!text) this.act.say("There is nothing in the field yet.");
    else if (await this.act.paste(text)) this.text.value = "";
  }
}
