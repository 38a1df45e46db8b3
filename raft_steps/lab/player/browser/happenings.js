// A trace as a list of happenings: what a reader perceives as one step.
//
// A node reacts to one thing at a time: a message, a timer, a client. Whatever it does then (changes its role, stores
// entries, sends messages) has the same time and belongs to it. Such a happening is one press of "Next", and a line or
// two of the list. The lines are those of story() in Python, and so is the definition of an idle heartbeat.

/** @import { Happening, MessageSpan, Trace, TraceEvent } from "./types.js" */

import { lastIndexWhere } from "./collections.js";
import { joinNames, messageWords, predicateOf, subjectOf } from "./narration.js";

const CAUSES = new Set(["started", "restarted", "delivered", "timer_fired", "asked"]);
const EFFECTS = new Set([
  "term",
  "role",
  "appended",
  "truncated",
  "compacted",
  "applied",
  "answered",
  "sent",
  "timer_started",
  "timer_cancelled",
  "failed",
]);
const NOT_NARRATED = new Set(["timer_started", "timer_cancelled"]);
// A heartbeat is idle if neither it nor its answer led to any of these.
const SIGNIFICANT = new Set(["term", "role", "appended", "truncated", "compacted", "applied", "answered", "failed"]);
const SIGNIFICANT_FIELDS = ["current_term", "voted_for", "votes", "acknowledgements", "commit_index", "state_machine"];

/** The happenings of a trace, and their words. */
export class Happenings {
  /**
   * @param {Trace} trace
   * @param {Map<string, MessageSpan>} spans by the message's name
   */
  constructor(trace, spans) {
    this.events = trace.events;
    this.spans = spans;
    this.requests = requestsByClient(trace.events);
    this.groups = groupsOf(trace.events);
    this.idle = idleEvents(trace.events, spans, this.groups);
    this.all = this.collect();
    this.significant = this.all.filter((happening) => this.isSignificant(happening));
  }

  /** Cuts the events into happenings: a cause, its effects, and messages that were lost as soon as they were sent. */
  collect() {
    /** @type {Happening[]} */
    const found = [];
    let current = null;
    for (const event of this.events) {
      const { number, time } = event;
      if (current && (this.isEffectOf(event, current) || this.isLostAtOnce(event, current))) {
        current.last = number;
      } else {
        current = { first: number, last: number, time, index: found.length };
        found.push(current);
      }
    }
    return found;
  }

  /**
   * @param {TraceEvent} event
   * @param {Happening} happening
   */
  isEffectOf({ number }, { first }) {
    return this.groups[number] === this.groups[first];
  }

  /**
   * @param {TraceEvent} event
   * @param {Happening} happening
   */
  isLostAtOnce(event, { first, time }) {
    if (event.kind !== "dropped" || event.time !== time) return false;
    const sent = this.spans.get(event.message)?.event;
    return sent !== undefined && sent >= first;
  }

  /**
   * Returns the index of the last happening that has begun after the event of this number; -1 before the first.
   *
   * @param {number} number
   */
  indexAt(number) {
    return lastIndexWhere(this.all, (happening) => happening.first <= number);
  }

  /**
   * Returns the last happening that has begun after the event of this number, if there is one.
   *
   * @param {number} number
   * @returns {Happening | undefined}
   */
  at(number) {
    return this.all[this.indexAt(number)];
  }

  /**
   * Returns the happenings that are shown, with or without idle heartbeats.
   *
   * @param {boolean} heartbeats
   */
  visible(heartbeats) {
    return heartbeats ? this.all : this.significant;
  }

  /**
   * Returns the events of a happening that are narrated, with or without idle heartbeats.
   *
   * @param {Happening} happening
   * @param {boolean} heartbeats
   */
  visibleEvents({ first, last }, heartbeats) {
    const events = this.events.slice(first, last + 1);
    return events.filter(({ kind, number }) => !NOT_NARRATED.has(kind) && (heartbeats || !this.idle.has(number)));
  }

  /**
   * Returns whether lines() would return any while idle heartbeats are hidden, without formatting them.
   *
   * @param {Happening} happening
   */
  isSignificant(happening) {
    const events = this.visibleEvents(happening, false);
    return events.length > 0 && !isBareTick(events);
  }

  /**
   * Returns the lines of a happening; none if it is an idle heartbeat and those are hidden.
   *
   * @param {Happening} happening
   * @param {boolean} heartbeats
   * @returns {string[]}
   */
  lines(happening, heartbeats) {
    /** @type {Map<number, TraceEvent[]>} */
    const groups = new Map();
    for (const event of this.visibleEvents(happening, heartbeats)) {
      const group = this.groups[event.number];
      const events = groups.get(group);
      if (events) events.push(event);
      else groups.set(group, [event]);
    }
    const shown = [...groups.values()].filter((events) => heartbeats || !isBareTick(events));
    return shown.map((events) => this.describe(events));
  }

  /**
   * Describes what happened to a server and what it did in response, in one line; similar events are combined.
   *
   * @param {readonly TraceEvent[]} events
   */
  describe(events) {
    /** @type {string[]} */
    const parts = [];
    for (let start = 0, end = 0; start < events.length; start = end) {
      const key = similarityKey(events[start]);
      while (end < events.length && similarityKey(events[end]) === key) end += 1;
      parts.push(...this.describeSimilar(events.slice(start, end)));
    }
    return subjectOf(events[0]) + parts.join("; ");
  }

  /**
   * @param {readonly TraceEvent[]} events all with the same similarityKey()
   * @returns {string[]}
   */
  describeSimilar(events) {
    const [first] = events;
    if (first.kind === "sent") return [similarityKey(first) + joinNames(events.map(({ to }) => to ?? ""))];
    if ((first.kind === "appended" || first.kind === "applied") && events.length > 2) {
      const verb = first.kind === "appended" ? "stores" : "applies";
      return [`${verb} entries ${first.index} to ${events.at(-1)?.index}`];
    }
    return events.map((event) => predicateOf(event, this.contextOf(event)));
  }

  /** @param {TraceEvent} event */
  contextOf({ kind, message = "", client = "" }) {
    return kind === "answered" ? { request: this.requests.get(client) } : { fields: this.spans.get(message)?.fields };
  }
}

/**
 * @param {readonly TraceEvent[]} events
 * @returns {Map<string, string>}
 */
function requestsByClient(events) {
  const found = new Map();
  for (const event of events) if (event.kind === "asked") found.set(event.client, event.request);
  return found;
}

/**
 * Returns a key: adjacent events with the same key are described together, in one phrase.
 *
 * @param {TraceEvent} event
 */
function similarityKey(event) {
  return event.kind === "sent" ? `sends ${messageWords(event.type, event.fields)} to ` : event.kind;
}

/**
 * Returns whether only a heartbeat timer is left to narrate: the messages that it caused are hidden as idle.
 *
 * @param {readonly TraceEvent[]} events
 */
function isBareTick([first, ...others]) {
  return others.length === 0 && first.kind === "timer_fired" && first.timer === "heartbeat";
}

/**
 * Returns for each event the number of the event that caused it, or its own.
 *
 * @param {readonly TraceEvent[]} events
 * @returns {number[]}
 */
function groupsOf(events) {
  /** @type {Map<string, number>} */
  const latest = new Map();
  return events.map((event) => {
    if (CAUSES.has(event.kind)) latest.set(event.server, event.number);
    return EFFECTS.has(event.kind) ? (latest.get(event.server) ?? event.number) : event.number;
  });
}

/**
 * Returns the numbers of all events of idle heartbeats and of their answers.
 *
 * @param {readonly TraceEvent[]} events
 * @param {Map<string, MessageSpan>} spans
 * @param {readonly number[]} groups
 * @returns {Set<number>}
 */
function idleEvents(events, spans, groups) {
  const significant = new Set(events.filter(isSignificantEvent).map(({ number }) => groups[number]));
  /** @param {MessageSpan} span */
  const changesNothing = (span) => !span.ends.some((number) => significant.has(groups[number]));
  const arrivals = arrivalsOf(events, spans);
  /** @type {Set<MessageSpan>} */
  const idle = new Set();
  for (const span of spans.values()) {
    const isEmpty = span.type === "AppendEntries" && !span.fields.entries?.length;
    if (isEmpty && !significant.has(groups[span.event]) && changesNothing(span)) idle.add(span);
  }
  for (const span of spans.values()) {
    // A message that a heartbeat's arrival caused: if it is anything but a plain yes, that heartbeat mattered.
    const call = arrivals.get(groups[span.event]);
    if (call?.type !== "AppendEntries") continue;
    const isSuccess = span.type === "AppendEntriesReply" && span.fields.success !== false;
    if (isSuccess && idle.has(call) && changesNothing(span)) idle.add(span);
    else idle.delete(call);
  }
  return new Set([...idle].flatMap((span) => [span.event, ...span.ends]));
}

/**
 * Returns the message that arrived in each event that delivered one, by the event's number.
 *
 * @param {readonly TraceEvent[]} events
 * @param {Map<string, MessageSpan>} spans
 * @returns {Map<number, MessageSpan>}
 */
function arrivalsOf(events, spans) {
  const found = new Map();
  for (const event of events) {
    const span = event.kind === "delivered" ? spans.get(event.message) : undefined;
    if (span) found.set(event.number, span);
  }
  return found;
}

/** @param {TraceEvent} event */
function isSignificantEvent(event) {
  if (SIGNIFICANT.has(event.kind)) return true;
  const { changes } = event;
  return changes !== undefined && SIGNIFICANT_FIELDS.some((name) => name in changes);
}
