// Where messages are between two servers: pure functions of a trace, a moment and a time.
//
// The trace contains when a message was sent, when it is due and whether it arrived. In between it is drawn on its way.

/** @import { DetachedSpan, EventOfKind, MessageInTransit, MessageSpan, Moment, Trace, TraceEvent } from "./types.js" */

import { getValue, lastIndexWhere } from "./collections.js";

const SAMPLE = 1000; // so many spans, the first ones, decide what is typical
// Most messages are never held back or copied; they share one empty list, which is replaced and never changed.
/** @type {never[]} */
const NONE = [];

/**
 * The span of every message of a trace, and the spans that no moment lists: copies and lost messages. It is brought up to
 * date when the trace grows, in a time that depends on what is new.
 */
export class MessageSpans {
  constructor() {
    /** @type {Map<string, MessageSpan>} */
    this.byName = new Map();
    /** @type {DetachedSpan[]} */
    this.detached = []; // sorted by start
    this.longest = 0; // the longest time for which a detached span is drawn
    this.typical = 0; // the usual time of a message; 0 if there is none
    this.count = 0; // how many events it has seen
    /** @type {Map<string, number>} */
    this.resumedAt = new Map();
    /** @type {Set<MessageSpan>} */
    this.copied = new Set(); // the spans with copies that are still on their way
    /** @type {Set<DetachedSpan>} */
    this.travelling = new Set(); // these copies, which are in `detached` until they arrive
    /** @type {Set<MessageSpan>} */
    this.sample = new Set(); // the first spans, which decide what is typical
  }

  /**
   * Adds the events that follow those that it has seen. Returns the spans that are new or that something happened to.
   *
   * @param {Trace} trace
   * @returns {Set<MessageSpan>}
   */
  extend({ events }) {
    /** @type {Set<MessageSpan>} */
    const touched = new Set();
    /** @type {DetachedSpan[]} */
    const found = [];
    for (; this.count < events.length; this.count += 1) {
      const event = events[this.count];
      if (event.kind === "resumed") this.resumedAt.set(event.server, event.time);
      else if (event.message !== undefined) {
        const span = this.follow(event, found);
        if (span) touched.add(span);
      }
    }
    this.replaceDetached(found);
    for (const span of touched) if (this.sample.size < SAMPLE) this.sample.add(span);
    if ([...touched].some((span) => this.sample.has(span))) this.typical = typicalTime([...this.sample]);
    return touched;
  }

  /**
   * Records what an event means for a message, and returns its span.
   *
   * @param {TraceEvent} event
   * @param {DetachedSpan[]} found where to add the spans that no moment lists
   */
  follow(event, found) {
    if (event.kind === "sent") {
      const span = startSpan(event);
      this.byName.set(span.name, span);
      return span;
    }
    const span = this.byName.get(event.message ?? "");
    if (!span) return undefined;
    if (event.kind === "held") holdBack(event, span);
    else if (event.kind === "doubled") addCopy(event, span);
    else if (event.kind === "delivered" || event.kind === "dropped") {
      endSpan(event, span, found, this.resumedAt.get(event.server) === event.time);
    }
    if (span.copies.length) this.copied.add(span);
    else this.copied.delete(span);
    return span;
  }

  /** @param {readonly DetachedSpan[]} found those that are new, besides the copies that are still on their way */
  replaceDetached(found) {
    if (this.travelling.size) this.detached = this.detached.filter((each) => !this.travelling.has(each));
    this.travelling = new Set([...this.copied].flatMap(({ copies }) => copies));
    const added = [...found, ...this.travelling];
    if (!added.length) return;
    for (const each of added) {
      this.detached.push(each);
      this.longest = Math.max(this.longest, each.end - each.start);
    }
    this.detached.sort((a, b) => a.start - b.start);
  }
}

/**
 * Finds the span of every message of a trace.
 *
 * @param {Trace} trace
 * @returns {MessageSpans}
 */
export function findMessageSpans(trace) {
  const spans = new MessageSpans();
  spans.extend(trace);
  return spans;
}

/**
 * @param {EventOfKind<"sent">} event
 * @returns {MessageSpan}
 */
function startSpan({ message, server, to, type, fields, time, due, number }) {
  return {
    name: message,
    from: server,
    to,
    type,
    fields,
    sent: time,
    arrives: due,
    lost: "",
    lostLate: false,
    event: number,
    ends: [],
    holds: NONE,
    copies: NONE,
  };
}

/**
 * Records that a message was held back. Until then it is drawn as if it were to arrive when it had been due.
 *
 * @param {EventOfKind<"held">} event
 * @param {MessageSpan} span
 */
function holdBack(event, span) {
  span.holds = [...span.holds, { time: event.time, due: span.arrives }];
  span.arrives = event.due;
}

/**
 * Records that an action copied a message. The copy starts where the message itself is at that time.
 *
 * @param {EventOfKind<"doubled">} event
 * @param {MessageSpan} span
 */
function addCopy({ time, due }, span) {
  const holds = [...span.holds, { time, due: span.arrives }];
  /** @type {MessageSpan} */
  const copy = { ...span, name: `${span.name} copy`, arrives: due, ends: [], holds, copies: NONE };
  span.copies = [...span.copies, { span: copy, start: time, cross: Infinity, end: due }];
}

/**
 * Records that a message or a copy of it was delivered or dropped.
 *
 * @param {EventOfKind<"delivered" | "dropped">} event
 * @param {MessageSpan} span
 * @param {DetachedSpan[]} detached
 * @param {boolean} afterPause whether the receiver was resumed at the time of the event
 */
function endSpan(event, span, detached, afterPause) {
  span.ends.push(event.number);
  if (event.copy) {
    // An action made the copy, or else the network did, and it was sent together with its original.
    const [made, ...others] = span.copies;
    span.copies = others;
    const copy = made ?? { span: { ...span, name: `${span.name} copy` }, start: span.sent, cross: Infinity };
    detached.push({ ...copy, span: { ...copy.span, arrives: event.time }, end: event.time });
  } else if (event.kind === "dropped") {
    loseMessage(event, span, detached);
  } else if (!afterPause) {
    span.arrives = event.time; // The network held it back. What waited for a paused server is drawn next to it.
  }
}

/**
 * Records that a message was lost: when it was sent, and then it is still drawn on its way to the place where it stops; or
 * later, when it should have arrived.
 *
 * @param {EventOfKind<"dropped">} event
 * @param {MessageSpan} span
 * @param {DetachedSpan[]} detached
 */
function loseMessage(event, span, detached) {
  span.lost = event.reason;
  span.lostLate = event.time > span.sent;
  span.arrives = Math.max(span.arrives, event.time);
  const fade = (span.arrives - span.sent) / 2;
  detached.push({ span, start: event.time, cross: span.arrives, end: span.arrives + fade });
}

/**
 * Returns the median time from sending to arrival; 0 if no message arrived undisturbed.
 *
 * @param {readonly MessageSpan[]} spans
 */
function typicalTime(spans) {
  const times = spans.filter(({ lost, holds }) => !lost && !holds.length).map((span) => span.arrives - span.sent);
  times.sort((a, b) => a - b);
  return times[times.length >> 1] ?? 0;
}

/**
 * Returns the messages to draw at a moment. A lost one gets the progress that it would have made: how far it comes
 * depends on the walls, which the drawing knows.
 *
 * @param {MessageSpans} spans
 * @param {Moment} moment
 * @param {number} time
 * @returns {MessageInTransit[]}
 */
export function messagesInTransit(spans, moment, time) {
  /** @type {MessageInTransit[]} */
  const found = [];
  for (const name of moment.inFlight.keys()) {
    const span = getValue(spans.byName, name);
    const waiting = time > span.arrives;
    found.push({ span, progress: progressAt(span, time), crossed: false, waiting, pale: false });
  }
  const { detached, longest } = spans;
  const first = lastIndexWhere(detached, ({ start }) => start < time - longest) + 1; // earlier ones have ended
  for (let index = first; index < detached.length; index += 1) {
    const { span, start, cross, end } = detached[index];
    if (start > time) break;
    if (time >= end) continue;
    found.push({ span, progress: progressAt(span, time), crossed: time >= cross, waiting: false, pale: false });
  }
  return found;
}

/**
 * Returns the share of its way that a message has gone. Each time it was held back, the rest of its way took longer.
 *
 * @param {MessageSpan} span
 * @param {number} time
 */
function progressAt(span, time) {
  let [progress, since] = [0, span.sent];
  for (const held of span.holds) {
    if (held.time >= time) return progressBetween(progress, since, held.due, time);
    progress = progressBetween(progress, since, held.due, held.time);
    since = held.time;
  }
  return progressBetween(progress, since, span.arrives, time);
}

/**
 * Returns the progress at a time, if the rest of the way takes from `since` to `due`.
 *
 * @param {number} progress the progress that was made by `since`
 * @param {number} since
 * @param {number} due
 * @param {number} time
 */
function progressBetween(progress, since, due, time) {
  const share = Math.max(0, Math.min(1, (time - since) / Math.max(1, due - since)));
  return progress + (1 - progress) * share;
}
