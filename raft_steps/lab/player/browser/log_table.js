// The logs as a table, one server per row, so that differences are easy to see. To their right are columns for related
// fields, if the Nodes have them: the commit index, the leader's record of each follower, the state machine.

/** @import { Changes, LogEntry, Moment, ServerState, TraceEvent } from "./types.js" */

import { baseIndex } from "./cluster_state.js";
import { getValue } from "./collections.js";
import { html } from "./dom.js";
import { formatValue } from "./field_text.js";

const NAME_WIDTH = 86; // pixels, as in widget.css
const CELL_WIDTH = 88;
const MIN_COLUMNS = 3;

/**
 * A column next to the entries, which is shown if the Nodes have the field.
 *
 * @typedef {object} ExtraColumn
 * @property {string} field
 * @property {string} title
 * @property {number} width
 * @property {(state: ServerState, name: string, leader: ServerState | null) => string} text
 */

/** @type {ExtraColumn[]} */
const EXTRA_COLUMNS = [
  { field: "commit_index", title: "committed", width: 76, text: commitText },
  { field: "next_index", title: "next / match", width: 92, text: followerText },
  { field: "state_machine", title: "state machine", width: 190, text: stateMachineText },
];

export class LogTable {
  /** @param {readonly string[]} names */
  constructor(names) {
    this.longest = 0; // the length of the longest log of the run
    this.width = 0;
    /** @type {ExtraColumn[]} */
    this.extras = [];
    this.hasCommitIndex = false;
    this.head = html("tr");
    this.rows = new Map(names.map((name) => [name, html("tr")]));
    this.caption = html("p");
    const body = html("tbody", {}, ...this.rows.values());
    const table = html("table", { "aria-label": "Logs" }, html("thead", {}, this.head), body);
    this.element = html("div", { class: "rp-logs", hidden: true }, this.caption, table);
  }

  /**
   * Prepares for a run: no column stays empty for all of it.
   *
   * @param {readonly TraceEvent[]} events
   */
  setRun(events) {
    this.longest = events.reduce(
      (most, { index, log, snapshot }) => Math.max(most, index ?? 0, (snapshot?.index ?? 0) + (log?.length ?? 0)),
      0,
    );
    const known = new Set(events.flatMap(({ changes }) => Object.keys(changes ?? {})));
    this.extras = EXTRA_COLUMNS.filter(({ field }) => known.has(field));
    this.hasCommitIndex = known.has("commit_index");
    const when = this.hasCommitIndex ? "this server knows that it is committed" : "it is applied";
    this.caption.textContent = `Logs: term and command of each entry; its frame is solid once ${when}`;
    this.element.hidden = this.longest === 0;
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
    const extras = this.extras.reduce((sum, { width }) => sum + width + 3, 0);
    const fitting = Math.floor((this.width - NAME_WIDTH - extras) / CELL_WIDTH);
    return Math.min(Math.max(MIN_COLUMNS, fitting), this.longest);
  }

  /**
   * Draws the last entries of the logs, as many as fit.
   *
   * @param {Moment} moment
   * @param {Map<string, Changes>} changed
   */
  draw(moment, changed) {
    const count = this.columnCount();
    const longest = Math.max(...[...moment.servers.values()].map((state) => baseIndex(state) + state.log.length));
    const first = Math.max(0, longest - count);
    const indexes = Array.from({ length: count }, (_, column) => first + column);
    const headings = indexes.map((index) => html("th", { scope: "col" }, String(index + 1)));
    const more = this.extras.map(({ title, width }) => html("th", { scope: "col", style: `width: ${width}px` }, title));
    this.head.replaceChildren(html("td", {}, first > 0 ? `… ${first} before` : ""), ...headings, ...more);
    const leader = findLeader(moment);
    for (const [name, row] of this.rows) {
      const state = getValue(moment.servers, name);
      const fresh = changed.get(name)?.entries;
      const base = baseIndex(state);
      const cells = indexes.map((index) =>
        index < base
          ? makeCompactedCell(index + 1, base)
          : this.makeCell(state, state.log[index - base], fresh?.has(index + 1) ?? false),
      );
      const extras = this.extras.map(({ text }) => makeExtraCell(text(state, name, leader)));
      row.className = state.up ? "" : "rp-off";
      row.replaceChildren(html("th", { scope: "row" }, name), ...cells, ...extras);
    }
  }

  /**
   * @param {ServerState} state
   * @param {LogEntry | undefined} entry
   * @param {boolean} fresh
   */
  makeCell(state, entry, fresh) {
    if (!entry) return html("td");
    const { index, term, command } = entry;
    const isDone = this.hasCommitIndex ? index <= (state.fields.commit_index ?? 0) : state.applied.has(index);
    const done = this.hasCommitIndex ? "committed" : "applied";
    const title = `entry ${index}, term ${term}: ${command}, ${isDone ? done : `not ${done}`}`;
    const classes = `${isDone ? "rp-applied" : "rp-entry"}${fresh ? " rp-fresh" : ""}`;
    const words = html("span", { class: "rp-command" }, command);
    return html("td", { title, class: classes }, html("b", {}, String(term)), words);
  }
}

/**
 * @param {number} index
 * @param {number} base
 */
function makeCompactedCell(index, base) {
  const title = `entry ${index} is no longer in the log: a snapshot stands for all up to ${base}`;
  return html("td", { title, class: "rp-compacted" }, index === base ? "snapshot" : "");
}

/** @param {string} text */
function makeExtraCell(text) {
  return html("td", { class: "rp-extra", title: text }, text);
}

/** @param {ServerState} state */
function commitText({ up, fields }) {
  return up && fields.commit_index !== undefined ? `to ${fields.commit_index}` : "";
}

/**
 * Returns what the leader of the highest term knows about a follower's log.
 *
 * @param {ServerState} _
 * @param {string} name
 * @param {ServerState | null} leader
 */
function followerText(_, name, leader) {
  const next = leader?.fields.next_index?.[name];
  const match = leader?.fields.match_index?.[name];
  return next === undefined && match === undefined ? "" : `${next ?? "?"} / ${match ?? "?"}`;
}

/** @param {ServerState} state */
function stateMachineText({ up, fields }) {
  if (!up || fields.state_machine === undefined) return "";
  const pairs = Object.entries(fields.state_machine).map(([key, value]) => `${key}=${formatValue(value)}`);
  return pairs.length ? pairs.join("  ") : "empty";
}

/**
 * Returns the leader of the highest term; null if nobody leads.
 *
 * @param {Moment} moment
 * @returns {ServerState | null}
 */
function findLeader(moment) {
  /** @type {ServerState | null} */
  let found = null;
  let highest = -1;
  for (const state of moment.servers.values()) {
    const term = state.fields.current_term ?? 0;
    if (state.up && state.role === "leader" && term > highest) [found, highest] = [state, term];
  }
  return found;
}
