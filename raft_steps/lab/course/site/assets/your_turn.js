// The exercises of a page: an editor for what the reader writes, a button that checks it with Python in the page, and one that
// runs the rest of the page with the reader's own Node.

/** @import { Output } from "./page_python.js" */

import { showOutputs } from "./page_outputs.js";
import { runCells, startPython, stopPython } from "./page_python.js";
import { addPassedStep, keepText, keptText } from "./progress.js";

/**
 * A cell that raises shows an error on purpose.
 *
 * @typedef {{ id: string, role: "given" | "yours" | "check" | "later", source: string, raises?: boolean }} Cell
 * @typedef {{ step: number, notebook: string, cells: Cell[] }} Exercise
 * @typedef {{ read: () => string, write: (text: string) => void }} Editor
 */

const HERE = new URL(".", import.meta.url);
const CHECKED = /^step \d+: (\d+) of (\d+) checks pass/;

/**
 * @param {string} text
 * @param {string} className
 * @param {() => void} onClick
 */
function makeButton(text, className, onClick) {
  const button = Object.assign(document.createElement("button"), { type: "button", className, textContent: text });
  button.addEventListener("click", onClick);
  return button;
}

/** @param {RegExpMatchArray | null} head the first line of a report */
const isFull = (head) => head !== null && head[1] === head[2];

class Turn {
  /**
   * @param {Exercise} exercise
   * @param {HTMLElement[]} places where the cells of the reader are written, in order
   * @param {typeof import("./editor.js").makeEditor} make
   */
  constructor(exercise, places, make) {
    this.exercise = exercise;
    /** @type {Map<string, Editor>} */
    this.editors = new Map();
    this.isPrepared = false; // whether the cells before the exercise have run
    for (const place of places) this.addEditor(place, make);
    const last = places[places.length - 1];
    this.bar = Object.assign(document.createElement("div"), { className: "raft-turn-bar" });
    this.checkButton = makeButton("Check", "raft-check", () => this.check());
    this.stopButton = makeButton("Stop", "raft-quiet", () => stopPython());
    this.stopButton.hidden = true;
    this.restButton = makeButton("Run the rest of the page with my Node", "raft-quiet", () => this.runRest());
    this.restButton.hidden = true;
    this.note = Object.assign(document.createElement("span"), { className: "raft-run-note" });
    this.note.setAttribute("role", "status");
    this.bar.append(this.checkButton, this.stopButton, this.restButton, this.note);
    this.report = Object.assign(document.createElement("div"), { className: "raft-report" });
    last.append(this.bar, this.report);
    last.dataset.ready = "1";
  }

  /**
   * @param {HTMLElement} place
   * @param {typeof import("./editor.js").makeEditor} make
   */
  addEditor(place, make) {
    const { notebook, step } = this.exercise;
    const cell = this.exercise.cells.find((each) => each.id === place.dataset.cell);
    if (!cell) throw new Error(`the page has no cell ${place.dataset.cell}`);
    const stub = cell.source;
    const kept = keptText(notebook, cell.id);
    const isOld = kept !== null && kept.stub !== stub && kept.text !== kept.stub;
    const field = Object.assign(document.createElement("div"), { className: "raft-editor" });
    const foot = Object.assign(document.createElement("p"), { className: "raft-editor-foot" });
    const said = document.createElement("span");
    const keep = (/** @type {string} */ written) => {
      const stored = keepText(notebook, cell.id, { text: written, stub: isOld ? kept.stub : stub });
      said.textContent = stored ? "" : "This browser does not store what you write; download it before you leave.";
    };
    const text = kept !== null && (isOld || kept.text !== kept.stub) ? kept.text : stub;
    const editor = make(field, text, `Your turn, step ${step}: ${cell.id}`, keep);
    this.editors.set(cell.id, editor);
    const reset = makeButton("Reset", "raft-quiet", () => {
      if (editor.read() === stub || confirm("Replace what you wrote by the empty exercise?")) editor.write(stub);
    });
    const download = makeButton("Download", "raft-quiet", () => this.download());
    foot.append(reset, download, " Kept in this browser. Esc, then Tab, leaves the editor. ", said);
    place.prepend(field, foot);
    if (isOld) place.prepend(this.renewed(stub));
  }

  /**
   * Shows the new form of an exercise above what the reader wrote for the old one.
   *
   * @param {string} stub
   */
  renewed(stub) {
    const details = Object.assign(document.createElement("details"), { className: "raft-renewed" });
    const words = "This exercise was renewed after you wrote your text. Yours is kept below; this is the new one:";
    const summary = Object.assign(document.createElement("summary"), { textContent: words });
    details.append(summary, Object.assign(document.createElement("pre"), { textContent: stub, tabIndex: 0 }));
    return details;
  }

  /** @returns {Cell[]} all cells, with what the reader wrote in place of the stubs */
  cells() {
    return this.exercise.cells.map((cell) => ({ ...cell, source: this.editors.get(cell.id)?.read() ?? cell.source }));
  }

  /** @returns {Cell[]} what has to run before the reader's Node can be checked, and its check */
  cellsToCheck() {
    const cells = this.cells();
    const roles = cells.map((cell) => cell.role);
    return cells.slice(this.isPrepared ? roles.indexOf("yours") : 0, roles.indexOf("check") + 1);
  }

  /** @param {boolean} busy whether cells run, which can then only be stopped */
  setBusy(busy) {
    this.checkButton.disabled = busy;
    this.restButton.disabled = busy;
    this.stopButton.hidden = !busy;
  }

  /**
   * Runs cells, with the buttons as they have to be meanwhile.
   *
   * @param {Cell[]} cells
   * @param {boolean} restart
   * @param {string} words what is said while they run
   * @param {(cell: string, outputs: Output[]) => void} show
   */
  async run(cells, restart, words, show) {
    this.setBusy(true);
    this.note.textContent = "Python is starting; the first time this takes some seconds …";
    try {
      await startPython();
      this.note.textContent = words;
      await runCells(cells, restart, show);
      this.note.textContent = "";
      return true;
    } catch (error) {
      this.isPrepared = false; // A new Python has nothing of the page.
      this.note.textContent = error instanceof Error ? error.message : String(error);
      return false;
    } finally {
      this.setBusy(false);
    }
  }

  async check() {
    this.report.replaceChildren();
    let passed = false;
    let prepared = true;
    const cells = new Map(this.exercise.cells.map((cell) => [cell.id, cell]));
    const done = await this.run(this.cellsToCheck(), !this.isPrepared, "Checking …", (cell, outputs) => {
      const { role, raises } = cells.get(cell) ?? {};
      const failed = !raises && outputs.some((output) => output.kind === "error");
      if (role === "given" && failed) prepared = false;
      if (role !== "given" || failed) showOutputs(this.report, outputs);
      passed ||= role === "check" && outputs.some(({ text }) => isFull(text.match(CHECKED)));
    });
    if (!done) return;
    this.isPrepared = prepared;
    if (passed) addPassedStep(this.exercise.step);
    this.restButton.hidden = !passed;
    this.report.dataset.checked = passed ? "passed" : "failed";
  }

  async runRest() {
    const cells = this.cells();
    this.isPrepared = false;
    const later = new Set(cells.filter((cell) => cell.role === "later").map((cell) => cell.id));
    const done = await this.run(cells, true, "Running the page with your Node …", (cell, outputs) => {
      const shown = later.has(cell) ? document.querySelector(`.tag_cell-${CSS.escape(cell)} .cell_output`) : null;
      if (!shown) return;
      shown.replaceChildren();
      shown.classList.add("raft-own-output");
      showOutputs(/** @type {HTMLElement} */ (shown), outputs);
    });
    if (done) this.note.textContent = "What follows on this page is now about your Node.";
  }

  /** Saves the notebook with what the reader wrote. */
  async download() {
    const { notebook } = this.exercise;
    const answer = await fetch(new URL(`../files/${notebook}`, HERE));
    if (!answer.ok) {
      this.note.textContent = `${notebook} could not be loaded: ${answer.status} ${answer.statusText}`;
      return;
    }
    const content = await answer.json();
    for (const cell of content.cells) {
      const editor = this.editors.get(cell.id);
      if (!editor) continue;
      cell.source = editor.read();
      delete cell.metadata.jupyter; // Solutions are folded, and this is the reader's own.
    }
    const file = new Blob([JSON.stringify(content, null, 1)], { type: "application/x-ipynb+json" });
    const link = Object.assign(document.createElement("a"), { href: URL.createObjectURL(file), download: notebook });
    link.click();
    URL.revokeObjectURL(link.href);
  }
}

const turns = /** @type {HTMLElement[]} */ ([...document.querySelectorAll(".raft-turn")]);
if (turns.length > 0) {
  const [answer, { makeEditor }] = await Promise.all([
    fetch(new URL(`exercises/${turns[0].dataset.exercise}.json`, HERE)),
    import("./editor.js"),
  ]);
  if (answer.ok) new Turn(await answer.json(), turns, makeEditor);
  else turns[0].textContent = "The exercise could not be loaded. Check the connection, and load the page again.";
}
