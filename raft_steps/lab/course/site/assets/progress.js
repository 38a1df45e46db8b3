// What the reader has done, in the browser's storage: the text of each exercise, and the steps that pass. Nothing is sent.

/** @typedef {{ text: string, stub: string }} Kept */

const PREFIX = "raft-steps:";
const PASSED = `${PREFIX}passed`;

/**
 * Reads a value; a browser may refuse storage, and then nothing is kept.
 *
 * @param {string} key
 * @returns {any}
 */
function read(key) {
  try {
    return JSON.parse(localStorage.getItem(key) ?? "null");
  } catch {
    return null;
  }
}

/**
 * @param {string} key
 * @param {unknown} value
 * @returns {boolean} whether the browser has stored it
 */
function write(key, value) {
  try {
    localStorage.setItem(key, JSON.stringify(value));
    return true;
  } catch {
    return false;
  }
}

/**
 * @param {string} notebook
 * @param {string} cell
 */
const keyOf = (notebook, cell) => `${PREFIX}text:${notebook}:${cell}`;

/**
 * Returns what the reader wrote in a cell, and the stub that it was written for; null if there is nothing.
 *
 * @param {string} notebook
 * @param {string} cell
 * @returns {Kept | null}
 */
export function keptText(notebook, cell) {
  const kept = read(keyOf(notebook, cell));
  return typeof kept?.text === "string" && typeof kept?.stub === "string" ? kept : null;
}

/**
 * Keeps what the reader wrote in a cell.
 *
 * @param {string} notebook
 * @param {string} cell
 * @param {Kept} kept
 * @returns {boolean} whether the browser has stored it
 */
export function keepText(notebook, cell, kept) {
  return write(keyOf(notebook, cell), kept);
}

/** @returns {number[]} the steps whose checks have passed */
export function passedSteps() {
  const passed = read(PASSED);
  return Array.isArray(passed) ? passed : [];
}

/** @param {number} step */
export function addPassedStep(step) {
  write(
    PASSED,
    [...new Set([...passedSteps(), step])].sort((a, b) => a - b),
  );
}

/** Marks the steps that have passed in the course map of the front page. */
function markCourseMap() {
  const passed = new Set(passedSteps());
  for (const link of document.querySelectorAll("table a[href]")) {
    const name = (link.getAttribute("href") ?? "").match(/(?:^|\/)(\d\d)_[^/]*\.html$/);
    if (!name || !passed.has(Number(name[1]))) continue;
    const mark = Object.assign(document.createElement("span"), { className: "raft-passed", textContent: " ✓ passed" });
    link.after(mark);
  }
}

markCourseMap();
