// The logs as a table, one server per row, so that differences are easy to see. An entry is a cell in the colour of its
// term; its frame is solid once it is committed. Marks show what the leader knows of each follower. To the right is the
// state machine, if the Nodes have one.

/** @import { Changes, LogEntry, Moment, ServerState, TraceEvent } from "./types.js" */

import { baseIndex } from "./cluster_state.js";
import { getValue } from "./collections.js";
import { shortCommand } from "./command_words.js";
import { findLeader } from "./configurations.js";
import { html } from "./dom.js";
import { formatValue } from "./field_text.js";
import { tintClass } from "./term_tint.js";

const NAME_WIDTH = 66; // pixels, as in widget.css
const [CELL_WIDTH, WIDEST_CELL] = [76, 112];
const MACHINE_WIDTH = 104;
const MIN_COLUMNS = 2;
const MORE_COLUMNS = 1; // empty columns after the longest log of the run
const MANY_ROWS = 6; // from this many servers on, rows are lower

export class LogTable {
  /** @param {readonly string[]} names */
  constructor(names) {
    this.longest = 0; // the index of the last entry of any log of the run
    this.width = 0;
    this.hasCommitIndex = false;
    this.hasMachine = false;
    this.head = html("tr");
    this.rows = new Map(names.map((name) => [name, html("tr")]));
    this.caption = html("p");
    const body = html("tbody", {}, ...this.rows.values());
    this.table = html("table", { "aria-label": "Logs" }, html("thead", {}, this.head), body);
    const size = names.length >= MANY_ROWS ? " rp-low" : "";
    this.element = html("div", { class: `rp-logs${size}` }, this.table, this.caption);
  }

  /**
   * Prepares for a run: no column stays empty for all of it.
   *
   * @param {readonly TraceEvent[]} events
   */
  setRun(events) {
    /** @param {TraceEvent} event */
    const lastOf = ({ index, log, snapshot }) => Math.max(index ?? 0, (snapshot?.index ?? 0) + (log?.length ?? 0));
    this.longest = events.reduce((most, event) => Math.max(most, lastOf(event)), 0);
    const known = new Set(events.flatMap(({ changes }) => Object.keys(changes ?? {})));
    this.hasCommitIndex = known.has("commit_index");
    this.hasMachine = known.has("state_machine");
    const solid = `solid: ${this.hasCommitIndex ? "committed" : "applied"}`;
    const next = known.has("next_index") ? " · ▲ next entry to send" : "";
    const match = known.has("match_index") ? " · ● known to match" : "";
    this.caption.textContent = solid + next + match;
  }

  /**
   * Adapts to the width of the page. Returns whether that changes how many entries fit.
   *
   * @param {number} width
   */
  fit(width) {
    const before = this.columnCount();
    this.width = width;
    return before !== this.columnCount();
  }

  columnCount() {
    const machine = this.hasMachine ? MACHINE_WIDTH : 0;
    return Math.max(MIN_COLUMNS, Math.floor((this.width - NAME_WIDTH - machine) / CELL_WIDTH));
  }

  /**
   * Draws the last entries of the logs, as many as fit.
   *
   * @param {Moment} moment
   * @param {Map<string, Changes>} changed
   */
  draw(moment, changed) {
    const count = Math.min(this.columnCount(), Math.max(3, this.longest + MORE_COLUMNS));
    const longest = Math.max(0, ...[...moment.servers.values()].map((state) => baseIndex(state) + state.log.length));
    const first = Math.max(0, Math.min(longest, this.longest) + MORE_COLUMNS - count);
    const indexes = Array.from({ length: count }, (_, column) => first + column + 1);
    const room = this.width - NAME_WIDTH - (this.hasMachine ? MACHINE_WIDTH : 0);
    const cell = Math.floor(Math.max(CELL_WIDTH, Math.min(WIDEST_CELL, room / count)));
    this.table.style.setProperty("--rp-cell", `${cell}px`);
    const headings = indexes.map((index) => html("th", { scope: "col" }, String(index)));
    const machine = this.hasMachine ? [html("th", { scope: "col", class: "rp-machine" }, "state")] : [];
    const before = first > 0 ? `+${first}` : "";
    const attributes = { title: first > 0 ? `${first} earlier entries` : "" };
    this.head.replaceChildren(html("td", attributes, before), ...headings, ...machine);
    const leader = findLeader(moment)?.[1];
    for (const [name, row] of this.rows) {
      const state = getValue(moment.servers, name);
      const fresh = changed.get(name)?.entries;
      const known = { next: leader?.fields.next_index?.[name], match: leader?.fields.match_index?.[name] };
      const cells = indexes.map((index) => this.makeCell(state, index, fresh?.has(index) ?? false, known));
      row.className = state.up ? "" : "rp-off";
      row.replaceChildren(makeName(name, baseIndex(state), first), ...cells, ...this.makeMachine(state));
    }
  }

  /**
   * @param {ServerState} state
   * @param {number} index
   * @param {boolean} fresh
   * @param {{ next?: number, match?: number }} known what the leader knows of this server
   */
  makeCell(state, index, fresh, { next, match }) {
    const base = baseIndex(state); // A snapshot stands for the entries up to this one.
    const entry = state.log[index - base - 1];
    const marks = [];
    if (index === next) marks.push(html("i", { class: "rp-next", title: "the next entry that the leader sends" }));
    if (index === match)
      marks.push(html("i", { class: "rp-match", title: "the leader knows that it matches up to here" }));
    if (entry) return this.makeEntry(state, entry, fresh, marks);
    if (index <= base) return makeCompactedCell(index, base);
    return html("td", { class: "rp-empty" }, ...marks);
  }

  /**
   * @param {ServerState} state
   * @param {LogEntry} entry
   * @param {boolean} fresh
   * @param {readonly Node[]} marks
   */
  makeEntry(state, { index, term, command }, fresh, marks) {
    const isDone = this.hasCommitIndex ? index <= (state.fields.commit_index ?? 0) : state.applied.has(index);
    const done = this.hasCommitIndex ? "committed" : "applied";
    const title = `entry ${index}, term ${term}: ${command}, ${isDone ? done : `not ${done}`}`;
    const classes = `rp-entry ${tintClass(term)}${isDone ? " rp-applied" : ""}${fresh ? " rp-fresh" : ""}`;
    const words = html("span", { class: "rp-command" }, shortCommand(command));
    return html("td", { title, class: classes }, html("b", {}, String(term)), words, ...marks);
  }

  /** @param {ServerState} state */
  makeMachine({ up, fields }) {
    if (!this.hasMachine) return [];
    const pairs = Object.entries(fields.state_machine ?? {}).map(([key, value]) => `${key}=${formatValue(value)}`);
    const text = up ? pairs.join(" ") : "";
    return [html("td", { class: "rp-machine", title: text || "empty" }, text || (up ? "–" : ""))];
  }
}

/**
 * @param {string} name
 * @param {number} base the last entry for which a snapshot stands
 * @param {number} first how many entries are before those that are shown
 */
function makeName(name, base, first) {
  const title = `a snapshot stands for the entries up to ${base}`;
  const isHidden = base > 0 && base <= first; // Otherwise its place in the row shows it.
  const note = isHidden ? [html("small", { class: "rp-snapshot-note", title }, `snapshot 1–${base}`)] : [];
  return html("th", { scope: "row", title: name }, name, ...note);
}

/**
 * @param {number} index
 * @param {number} base
 */
function makeCompactedCell(index, base) {
  const title = `entry ${index} is no longer in the log: a snapshot stands for all up to ${base}`;
  return html("td", { title, class: "rp-entry rp-compacted" }, index === base ? "snapshot" : "⋯");
}
