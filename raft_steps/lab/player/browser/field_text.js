// The fields of a server or a message as rows [name, words], for the card and the panel. Pure.

// A value of a field in a few words.
export function spelled(value) {
  if (value === null) return "none";
  if (Array.isArray(value)) return value.length ? value.map(spelled).join("; ") : "none";
  if (typeof value !== "object") return String(value);
  const { type, ...rest } = value;
  if ("command" in value) return `${value.term} ${spelled(value.command)}`;
  if (type) return [type.toLowerCase(), ...Object.values(rest)].join(" ");
  const pairs = Object.entries(rest).map(([key, item]) => `${key}: ${spelled(item)}`);
  return pairs.length ? pairs.join(", ") : "none";
}

export function serverRows(state, time, clock) {
  const rows = Object.entries(state.fields).map(([field, value]) => [field, spelled(value)]);
  for (const [timer, [, due]] of Object.entries(state.timers)) {
    rows.push([`${timer} timer`, `${clock(Math.max(0, due - time))} s left`]);
  }
  return rows;
}

export function messageRows(flight, clock) {
  const rows = Object.entries(flight.fields).map(([field, value]) => [field, spelled(value)]);
  return [["type", flight.type], ...rows, ["sent at", `${clock(flight.leaves)} s as ${flight.name}`]];
}

// What the events of a happening changed: for each server the names of its rows, and the indexes of its log's entries.
export function changesOf(events) {
  const found = new Map();
  const of = (server) => {
    if (!found.has(server)) found.set(server, { rows: new Set(), entries: new Set() });
    return found.get(server);
  };
  for (const { kind, server, changes, timer, index, after } of events) {
    if (!server || ["sent", "dropped", "held", "doubled"].includes(kind)) continue;
    const { rows, entries } = of(server);
    for (const field of Object.keys(changes ?? {})) rows.add(field);
    if (timer) rows.add(`${timer} timer`);
    if (kind === "appended" || kind === "applied") entries.add(index);
    if (kind === "truncated") rows.add("log").add(`after ${after}`);
    if (kind === "appended") rows.add("log");
  }
  return found;
}
