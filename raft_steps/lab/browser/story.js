// A trace as a list of happenings: what a reader takes for one step.
//
// A node reacts to one thing at a time: a message, a timer, a client. What it then does (its new role, what it stores
// and sends) has the same time and belongs to it. Such a happening is one press of "Next", and a line or two of the
// list. The lines are those of story() in words.py, and so is what counts as an idle heartbeat: see flights.py.

import { messageWords, predicate, several, subject } from "./words.js";

const CAUSES = new Set(["started", "restarted", "delivered", "timer_fired", "asked"]);
const EFFECTS = new Set([
  "term", "role", "appended", "truncated", "applied", "answered", "sent", "timer_started", "timer_cancelled", "failed",
]);
const UNTOLD = new Set(["timer_started", "timer_cancelled"]);
const WEIGHTY = new Set(["term", "role", "appended", "truncated", "applied", "answered", "failed"]);
const WEIGHTY_FIELDS = ["current_term", "voted_for", "votes", "acknowledgements", "commit_index", "state_machine"];

// The story of a trace.
export class Story {
  constructor(trace, flights) {
    this.events = trace.events;
    this.flights = flights; // by name, as findFlights() gives them
    this.groups = groupsOf(trace.events);
    this.idle = idleEvents(trace.events, flights, this.groups);
    this.happenings = this.gather();
    this.weighty = this.happenings.filter((happening) => this.lines(happening, false).length > 0);
  }

  // Cuts the events into happenings, each {first, last, time, place}: what its cause brought about, and what became at
  // once of the messages that were sent in it.
  gather() {
    const found = [];
    let current = null;
    for (const { kind, message, number, time } of this.events) {
      const effect = current !== null && this.groups[number] === this.groups[current.first] && number > current.first;
      const stillborn = kind === "dropped" && current?.time === time && this.flights.get(message)?.event >= current.first;
      if (effect || stillborn) {
        current.last = number;
      } else {
        current = { first: number, last: number, time, place: found.length };
        found.push(current);
      }
    }
    return found;
  }

  // The last happening that has begun after the event of this number; -1 before the first.
  placeOf(number) {
    return lastWhere(this.happenings, (happening) => happening.first <= number);
  }

  // The happenings that are told, with or without idle heartbeats.
  told(heartbeats) {
    return heartbeats ? this.happenings : this.weighty;
  }

  // The lines of a happening; none where it is but an idle heartbeat and those are not told.
  lines(happening, heartbeats) {
    const together = new Map();
    for (let number = happening.first; number <= happening.last; number += 1) {
      const event = this.events[number];
      if (UNTOLD.has(event.kind) || (!heartbeats && this.idle.has(number))) continue;
      const group = this.groups[number];
      if (!together.has(group)) together.set(group, []);
      together.get(group).push(event);
    }
    const groups = [...together.values()];
    return groups.filter((events) => heartbeats || !isBareTick(events)).map((events) => this.together(events));
  }

  // What a server was told and what it did about it, in one line; what is alike is told together.
  together(events) {
    const told = [];
    for (let start = 0, end = 0; start < events.length; start = end) {
      const first = events[start];
      while (end < events.length && likeness(events[end]) === likeness(first)) end += 1;
      const alike = events.slice(start, end);
      if (first.kind === "sent") {
        told.push(likeness(first) + several(alike.map((event) => event.to)));
      } else if ((first.kind === "appended" || first.kind === "applied") && alike.length > 2) {
        told.push(`${first.kind === "appended" ? "stores" : "applies"} entries ${first.index} to ${alike.at(-1).index}`);
      } else {
        told.push(...alike.map((event) => predicate(event, this.flights.get(event.message)?.fields)));
      }
    }
    return subject(events[0]) + told.join("; ");
  }
}

// The place of the last item of a sorted list for which something holds; -1 where it holds for none.
export function lastWhere(items, holds) {
  let low = 0;
  let high = items.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (holds(items[middle])) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

const likeness = (event) => (event.kind === "sent" ? `sends ${messageWords(event.type, event.fields)} to ` : event.kind);
const isBareTick = (events) => events.length === 1 && events[0].kind === "timer_fired" && events[0].timer === "heartbeat";

// Which event brought each event about: the number of that one, or its own.
function groupsOf(events) {
  const latest = new Map();
  return events.map((event) => {
    if (CAUSES.has(event.kind)) latest.set(event.server, event.number);
    return EFFECTS.has(event.kind) ? (latest.get(event.server) ?? event.number) : event.number;
  });
}

// The numbers of all events of idle heartbeats and of their answers.
function idleEvents(events, flights, groups) {
  const weighty = new Set(events.filter(isWeighty).map((event) => groups[event.number]));
  const endsWeighty = (flight) => flight.ends.some((number) => weighty.has(groups[number]));
  const arrivals = new Map();
  const idle = new Set();
  for (const flight of flights.values()) {
    for (const number of flight.ends) if (events[number].kind === "delivered") arrivals.set(number, flight);
    const empty = flight.type === "AppendEntries" && !flight.fields.entries?.length;
    if (empty && !weighty.has(groups[flight.event]) && !endsWeighty(flight)) idle.add(flight);
  }
  for (const flight of flights.values()) {
    const call = arrivals.get(groups[flight.event]);
    if (call?.type !== "AppendEntries") continue;
    const success = flight.type === "AppendEntriesReply" && flight.fields.success !== false;
    if (success && idle.has(call) && !endsWeighty(flight)) idle.add(flight);
    else idle.delete(call);
  }
  return new Set([...idle].flatMap((flight) => [flight.event, ...flight.ends]));
}

function isWeighty(event) {
  if (WEIGHTY.has(event.kind)) return true;
  return event.changes !== undefined && WEIGHTY_FIELDS.some((name) => name in event.changes);
}
