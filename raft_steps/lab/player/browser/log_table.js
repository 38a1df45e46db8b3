// The logs as a table, an entry under the other, so that one can see where they differ; and beside them what else the
// servers know of them, if their Node does: how far they are committed, what the leader thinks of each, the state.

import { spelled } from "./field_text.js";
import { html } from "./dom.js";

const NAME_WIDTH = 86; // pixels, as in widget.css
const CELL_WIDTH = 88;
const STATE_WIDTH = 190;

export class LogTable {
  constructor(names) {
    Object.assign(this, { names, most: 0, width: 0, extras: [] });
    this.head = html("tr");
    this.rows = new Map(names.map((name) => [name, html("tr")]));
    this.caption = html("p");
    const body = html("tbody", {}, ...this.rows.values());
    const table = html("table", { "aria-label": "Logs" }, html("thead", {}, this.head), body);
    this.element = html("div", { class: "rp-logs", hidden: true }, this.caption, table);
  }

  // Takes over another run; no column stays empty all the time.
  take(events) {
    this.most = events.reduce((most, { index, log }) => Math.max(most, index ?? 0, log?.length ?? 0), 0);
    const known = new Set(events.flatMap(({ changes }) => Object.keys(changes ?? {})));
    this.extras = [
      known.has("commit_index") && ["committed", 76, committedWords],
      known.has("next_index") && ["next / match", 92, followerWords],
      known.has("state_machine") && ["state machine", STATE_WIDTH, machineWords],
    ].filter(Boolean);
    this.commits = known.has("commit_index");
    const when = this.commits ? "this server knows that it is committed" : "it is carried out";
    this.caption.textContent = `Logs: term and command of each entry; its frame is solid once ${when}`;
    this.element.hidden = this.most === 0;
  }

  // Takes over how wide the page is; says whether that changes how many entries fit.
  fit(width) {
    const before = this.columns();
    this.width = width;
    return before !== this.columns();
  }

  columns() {
    const extras = this.extras.reduce((sum, [, width]) => sum + width + 3, 0);
    return Math.min(Math.max(3, Math.floor((this.width - NAME_WIDTH - extras) / CELL_WIDTH)), this.most);
  }

  draw(moment, changed) {
    const count = this.columns();
    const longest = Math.max(...[...moment.servers.values()].map((state) => state.log.length));
    const first = Math.max(0, longest - count);
    const indexes = Array.from({ length: count }, (_, column) => first + column);
    const headings = indexes.map((index) => html("th", { scope: "col" }, String(index + 1)));
    const more = this.extras.map(([name, width]) => html("th", { scope: "col", style: `width: ${width}px` }, name));
    this.head.replaceChildren(html("td", {}, first > 0 ? `… ${first} before` : ""), ...headings, ...more);
    const leader = leaderOf(moment);
    for (const [name, row] of this.rows) {
      const state = moment.servers.get(name);
      const fresh = changed.get(name);
      const cells = indexes.map((index) => this.cell(state, state.log[index], fresh?.entries.has(index + 1)));
      const extras = this.extras.map(([, , words]) => extraCell(words(state, name, leader)));
      row.className = state.up ? "" : "rp-off";
      row.replaceChildren(html("th", { scope: "row" }, name), ...cells, ...extras);
    }
  }

  cell(state, entry, fresh) {
    if (!entry) return html("td");
    const applied = state.applied.has(entry.index);
    const done = this.commits ? entry.index <= (state.fields.commit_index ?? 0) : applied;
    const said = [`entry ${entry.index}, term ${entry.term}: ${entry.command}`];
    said.push(this.commits ? (done ? "committed" : "not committed") : done ? "carried out" : "not carried out");
    const classes = `${done ? "rp-applied" : "rp-entry"}${fresh ? " rp-fresh" : ""}`;
    const words = html("span", { class: "rp-command" }, entry.command);
    return html("td", { title: said.join(", "), class: classes }, html("b", {}, String(entry.term)), words);
  }
}

function extraCell(words) {
  return html("td", { class: "rp-extra", title: words }, words);
}

const committedWords = ({ up, fields }) => (up && fields.commit_index !== undefined ? `to ${fields.commit_index}` : "");

// What the leader of the highest term thinks of a follower.
function followerWords(_, name, leader) {
  const next = leader?.fields.next_index?.[name];
  const match = leader?.fields.match_index?.[name];
  return next === undefined && match === undefined ? "" : `${next ?? "?"} / ${match ?? "?"}`;
}

function machineWords({ up, fields }) {
  if (!up || fields.state_machine === undefined) return "";
  const pairs = Object.entries(fields.state_machine).map(([key, value]) => `${key}=${spelled(value)}`);
  return pairs.length ? pairs.join("  ") : "empty";
}

export function leaderOf(moment) {
  let [found, term] = [null, -1];
  for (const state of moment.servers.values()) {
    const theirs = state.fields.current_term ?? 0;
    if (state.up && state.role === "leader" && theirs > term) [found, term] = [state, theirs];
  }
  return found;
}
