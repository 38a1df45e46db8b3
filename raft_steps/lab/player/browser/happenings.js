// A trace as a list of happenings: what a reader perceives as one step.
//
// A node reacts to one thing at a time: a message, a timer, a client. Whatever it does then (changes its role, stores
// entries, sends messages) has the same time and belongs to it. Such a happening is one press of "Next", and a line or
// two of the list. The lines are those of story() in Python, and so is the definition of an idle heartbeat.

/** @import { Happening, MessageSpan, Trace, TraceEvent } from "./types.js" */

import { lastIndexWhere } from "./collections.js";
import { joinNames, messageWords, predicateOf, subjectOf } from "./narration.js";

const CAUSES = new Set(["started", "restarted", "delivered", "timer_fired", "asked", "told"]);
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

/**
 * The happenings of a trace, and their words. They are brought up to date when the trace grows, in a time that depends on
 * what is new: only messages that something has happened to since then may become, or stop to be, idle.
 */
export class Happenings {
  /** @param {Map<string, MessageSpan>} spans by the message's name; they know of new events first */
  constructor(spans) {
    /** @type {readonly TraceEvent[]} */
    this.events = [];
    this.spans = spans;
    /** @type {Map<string, string>} */
    this.requests = new Map(); // by client
    /** @type {number[]} */
    this.groups = []; // for each event the number of the event that caused it, or its own
    /** @type {Map<string, number>} */
    this.causes = new Map(); // the number of the last cause on each server
    /** @type {Set<number>} */
    this.weighty = new Set(); // the groups that changed something
    /** @type {Map<number, MessageSpan>} */
    this.arrivals = new Map(); // the message that arrived in each event that delivered one
    /** @type {Map<number, MessageSpan[]>} */
    this.sentIn = new Map(); // the messages that each group sent
    /** @type {Set<number>} */
    this.idle = new Set(); // the events of idle heartbeats and of their answers
    /** @type {Happening[]} */
    this.all = [];
    /** @type {Happening[]} */
    this.significant = [];
  }

  /**
   * Adds the events that follow those that are known.
   *
   * @param {Trace} trace
   * @param {Iterable<MessageSpan>} touched the spans that are new or that something happened to
   */
  extend({ events }, touched) {
    const first = this.groups.length;
    this.events = events;
    const affected = new Set(touched);
    for (let number = first; number < events.length; number += 1) this.add(events[number], affected);
    let earliest = first;
    for (const call of this.callsAmong(affected)) earliest = Math.min(earliest, this.judge(call));
    this.collect(first);
    this.selectFrom(earliest);
  }

  /**
   * @param {TraceEvent} event
   * @param {Set<MessageSpan>} affected where to add the messages for which it may matter
   */
  add(event, affected) {
    const { number, kind, server } = event;
    if (kind === "asked") this.requests.set(event.client, event.request);
    if (CAUSES.has(kind)) this.causes.set(server, number);
    const group = EFFECTS.has(kind) ? (this.causes.get(server) ?? number) : number;
    this.groups.push(group);
    const span = event.message === undefined ? undefined : this.spans.get(event.message);
    if (span && kind === "delivered") this.arrivals.set(number, span);
    if (span && kind === "sent") addTo(this.sentIn, group, span);
    if (this.weighty.has(group) || !isSignificantEvent(event)) return;
    this.weighty.add(group);
    for (const each of this.sentIn.get(group) ?? []) affected.add(each);
    const arrived = this.arrivals.get(group);
    if (arrived) affected.add(arrived);
  }

  /**
   * Returns these messages, and those whose arrival caused one of them.
   *
   * @param {Set<MessageSpan>} affected
   */
  callsAmong(affected) {
    const calls = new Set(affected);
    for (const span of affected) {
      const call = this.arrivals.get(this.groups[span.event]);
      if (call) calls.add(call);
    }
    return calls;
  }

  /**
   * Decides whether a message is an idle heartbeat, and which messages that it caused are idle answers. Returns the number
   * of the earliest event for which that has changed; Infinity if there is none.
   *
   * @param {MessageSpan} call
   */
  judge(call) {
    const isEmpty = call.type === "AppendEntries" && !call.fields.entries?.length;
    let isIdle = isEmpty && !this.weighty.has(this.groups[call.event]) && this.changesNothing(call);
    let earliest = Infinity;
    if (call.type === "AppendEntries") {
      for (const answer of call.ends.flatMap((number) => this.sentIn.get(number) ?? [])) {
        // If the arrival of a heartbeat causes anything but a plain yes, that heartbeat mattered.
        const isSuccess = answer.type === "AppendEntriesReply" && answer.fields.success !== false;
        isIdle &&= isSuccess && this.changesNothing(answer);
        if (answer.type !== "AppendEntries") earliest = Math.min(earliest, this.mark(answer, isIdle));
      }
      return Math.min(earliest, this.mark(call, isIdle));
    }
    return earliest;
  }

  /** @param {MessageSpan} span */
  changesNothing({ ends }) {
    return !ends.some((number) => this.weighty.has(this.groups[number]));
  }

  /**
   * Records whether a message is idle, and returns the number of the first of its events for which that is new.
   *
   * @param {MessageSpan} span
   * @param {boolean} isIdle
   */
  mark({ event, ends }, isIdle) {
    const changed = [event, ...ends].filter((number) => this.idle.has(number) !== isIdle);
    for (const number of changed) {
      if (isIdle) this.idle.add(number);
      else this.idle.delete(number);
    }
    return Math.min(...changed);
  }

  /**
   * Cuts the events into happenings: a cause, its effects, and messages that were lost as soon as they were sent.
   *
   * @param {number} first the number of the first event that is in none yet
   */
  collect(first) {
    let current = this.all.at(-1);
    for (let number = first; number < this.events.length; number += 1) {
      const event = this.events[number];
      if (current && (this.isEffectOf(event, current) || this.isLostAtOnce(event, current))) {
        current.last = number;
      } else {
        current = { first: number, last: number, time: event.time, index: this.all.length };
        this.all.push(current);
      }
    }
  }

  /**
   * Finds the significant happenings from the one with this event on; those before it are known.
   *
   * @param {number} number
   */
  selectFrom(number) {
    const start = Math.max(0, this.indexAt(number));
    const { significant, all } = this;
    significant.length = lastIndexWhere(significant, ({ index }) => index < start) + 1;
    for (let index = start; index < all.length; index += 1) {
      if (this.isSignificant(all[index])) significant.push(all[index]);
    }
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
   * Returns the last shown happening that has begun after the event of this number, if there is one.
   *
   * @param {number} number
   * @param {boolean} heartbeats
   * @returns {Happening | undefined}
   */
  lastVisible(number, heartbeats) {
    const visible = this.visible(heartbeats);
    return visible[lastIndexWhere(visible, ({ first }) => first <= number)];
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
    for (const event of this.visibleEvents(happening, heartbeats)) addTo(groups, this.groups[event.number], event);
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
 * @template Key, Value
 * @param {Map<Key, Value[]>} lists
 * @param {Key} key
 * @param {Value} value
 */
function addTo(lists, key, value) {
  const list = lists.get(key);
  if (list) list.push(value);
  else lists.set(key, [value]);
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

/** @param {TraceEvent} event */
function isSignificantEvent(event) {
  if (SIGNIFICANT.has(event.kind)) return true;
  const { changes } = event;
  return changes !== undefined && SIGNIFICANT_FIELDS.some((name) => name in changes);
}
