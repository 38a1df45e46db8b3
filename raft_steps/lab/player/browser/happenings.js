// A trace as a list of happenings: what a reader takes for one step.
//
// A node reacts to one thing at a time: a message, a timer, a client. What it then does (its new role, what it stores
// and sends) has the same time and belongs to it. Such a happening is one press of "Next", and a line or two of the
// list. The lines are those of story() in words.py, and so is what counts as an idle heartbeat: see flights.py.

import { messageWords, predicate, several, subject } from "./narration.js";

const CAUSES = new Set(["started", "restarted", "delivered", "timer_fired", "asked"]);
const EFFECTS = new Set([
  "term",
  "role",
  "appended",
  "truncated",
  "applied",
  "answered",
  "sent",
  "timer_started",
  "timer_cancelled",
  "failed",
]);
const UNTOLD = new Set(["timer_started", "timer_cancelled"]);
const WEIGHTY = new Set(["term", "role", "appended", "truncated", "applied", "answered", "failed"]);
const isAsked = (event) => event.kind === "asked";
const WEIGHTY_FIELDS = ["current_term", "voted_for", "votes", "acknowledgements", "commit_index", "state_machine"];

// The story of a trace.
export class Story {
  constructor(trace, flights) {
    this.events = trace.events;
    this.flights = flights; // by name, as findFlights() gives them
    this.requests = new Map(trace.events.filter(isAsked).map(({ client, request }) => [client, request]));
    this.groups = groupsOf(trace.events);
    this.idle = idleEvents(trace.events, flights, this.groups);
    this.happenings = this.gather();
    this.weighty = this.happenings.filter((happening) => this.isWeighty(happening));
  }

  // Cuts the events into happenings, each {first, last, time, place}: what its cause brought about, and what became at
  // once of the messages that were sent in it.
  gather() {
    const found = [];
    let current = null;
    const sentAt = (message) => this.flights.get(message)?.event;
    for (const { kind, message, number, time } of this.events) {
      const effect = current !== null && this.groups[number] === this.groups[current.first] && number > current.first;
      const stillborn = kind === "dropped" && current?.time === time && sentAt(message) >= current.first;
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

  // The events of a happening that are told, with or without idle heartbeats.
  toldEvents({ first, last }, heartbeats) {
    const events = this.events.slice(first, last + 1);
    return events.filter(({ kind, number }) => !UNTOLD.has(kind) && (heartbeats || !this.idle.has(number)));
  }

  // Whether anything is left of a happening without idle heartbeats: as lines() would say, but without any words.
  isWeighty(happening) {
    const events = this.toldEvents(happening, false);
    return events.length > 0 && !isBareTick(events);
  }

  // The lines of a happening; none where it is but an idle heartbeat and those are not told.
  lines(happening, heartbeats) {
    const together = new Map();
    for (const event of this.toldEvents(happening, heartbeats)) {
      const group = this.groups[event.number];
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
        const verb = first.kind === "appended" ? "stores" : "applies";
        told.push(`${verb} entries ${first.index} to ${alike.at(-1).index}`);
      } else {
        told.push(...alike.map((event) => predicate(event, this.fieldsOf(event))));
      }
    }
    return subject(events[0]) + told.join("; ");
  }

  // What the words about an event need beside it: the fields of its message, or the request that it answers.
  fieldsOf({ kind, message, client }) {
    return kind === "answered" ? { request: this.requests.get(client) } : this.flights.get(message)?.fields;
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

// What events have in common that are told together.
function likeness(event) {
  return event.kind === "sent" ? `sends ${messageWords(event.type, event.fields)} to ` : event.kind;
}

// Whether nothing is left of a heartbeat's tick but the tick.
function isBareTick([first, ...others]) {
  return others.length === 0 && first.kind === "timer_fired" && first.timer === "heartbeat";
}

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
