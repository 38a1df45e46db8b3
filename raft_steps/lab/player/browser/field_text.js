// The fields of a server or a message as rows of text, for the card and the inspector.

/** @import { Changes, Clock, MessageSpan, Row, ServerState, TraceEvent } from "./types.js" */

/**
 * Formats the value of a field.
 *
 * @param {unknown} value
 * @returns {string}
 */
export function formatValue(value) {
  if (value === null) return "none";
  if (Array.isArray(value)) return value.length ? value.map(formatValue).join("; ") : "none";
  if (typeof value !== "object") return String(value);
  const fields = /** @type {Record<string, unknown>} */ (value);
  const { type, ...rest } = fields;
  if (type === "Configuration" && Array.isArray(rest.voters)) return configurationWords(rest);
  if ("command" in fields) return `${fields.term} ${formatValue(fields.command)}`;
  if (typeof type === "string" && type) return [type.toLowerCase(), ...Object.values(rest)].join(" ");
  const pairs = Object.entries(rest).map(([key, item]) => `${key}: ${formatValue(item)}`);
  return pairs.length ? pairs.join(", ") : "none";
}

/** @param {Record<string, unknown>} configuration */
function configurationWords({ voters, old_voters: oldVoters }) {
  const [names, oldNames] = [voters, oldVoters].map((group) => (Array.isArray(group) ? group.join(", ") : ""));
  return oldNames ? `from ${oldNames} to ${names}` : names;
}

/**
 * @param {ServerState} state
 * @param {number} time
 * @param {Clock} clock
 * @returns {Row[]}
 */
export function serverRows(state, time, clock) {
  /** @type {Row[]} */
  const rows = Object.entries(state.fields).map(([field, value]) => [field, formatValue(value)]);
  for (const [timer, [, due]] of Object.entries(state.timers)) {
    rows.push([`${timer} timer`, `${clock(Math.max(0, due - time))} s left`]);
  }
  return rows;
}

/**
 * @param {MessageSpan} span
 * @param {Clock} clock
 * @returns {Row[]}
 */
export function messageRows(span, clock) {
  /** @type {Row[]} */
  const rows = Object.entries(span.fields).map(([field, value]) => [field, formatValue(value)]);
  return [["type", span.type], ...rows, ["sent at", `${clock(span.sent)} s as ${span.name}`]];
}

/**
 * Returns what the events of a happening changed on each server.
 *
 * @param {readonly TraceEvent[]} events
 * @returns {Map<string, Changes>}
 */
export function changesOf(events) {
  /** @type {Map<string, Changes>} */
  const found = new Map();
  for (const event of events) {
    const { kind, server } = event;
    if (!server || ["sent", "dropped", "held", "doubled"].includes(kind)) continue;
    const changes = found.get(server) ?? { rows: new Set(), entries: new Set(), received: false };
    found.set(server, changes);
    changes.received ||= kind === "delivered";
    addChanges(changes, event);
  }
  return found;
}

/**
 * @param {Changes} changes
 * @param {TraceEvent} event
 */
function addChanges({ rows, entries }, event) {
  for (const field of Object.keys(event.changes ?? {})) rows.add(field);
  if (event.timer) rows.add(`${event.timer} timer`);
  if (event.kind === "appended" || event.kind === "applied") entries.add(event.index);
  if (["appended", "truncated", "compacted"].includes(event.kind)) rows.add("log");
}
