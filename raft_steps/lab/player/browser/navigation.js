// Finds positions in a trace: of the next or previous happening, of a marker, or after some time of playing.
//
// This module uses neither the page nor a clock, so that Node.js can run it.

/**
 * @import { Direction, Happening, JumpKind, Marker, MessageInTransit, Moment, Position, Trace, TraceEvent, Violation }
 *   from "./types.js"
 */

import { Timeline } from "./cluster_state.js";
import { lastIndexWhere } from "./collections.js";
import { Happenings } from "./happenings.js";
import { findMarkers, nextMarker, withViolations } from "./markers.js";
import { MessageSpans, messagesInTransit } from "./message_spans.js";

export const MAX_CHAPTERS = 200; // a longer list would be too long to search
const SPAN_SECONDS = 1; // how long the reader sees a typical message at speed 1
const QUIET_SECONDS = 1.5; // how long a stretch without any message takes at speed 1 if it is skipped through

export class Navigation {
  /**
   * @param {Trace} trace
   * @param {object} [options]
   * @param {readonly Violation[]} [options.violations]
   * @param {Navigation | null} [options.known] the navigation of a trace with the same first `shared` events; if it has no
   *   others, the new one takes over what it knows, and the old one must not be used any more
   * @param {number} [options.shared]
   */
  constructor(trace, { violations = [], known = null, shared = 0 } = {}) {
    /** @type {Trace} */
    this.trace = trace;
    const { events, end } = trace;
    this.end = Math.max(end, events.at(-1)?.time ?? 0);
    this.timeline = new Timeline(trace, known?.timeline, shared);
    /** @type {Navigation | null} */
    const grown = known?.trace.events.length === shared ? known : null;
    /** @type {MessageSpans} */
    this.spans = grown?.spans ?? new MessageSpans();
    const touched = this.spans.extend(trace);
    /** @type {Happenings} */
    this.happenings = grown?.happenings ?? new Happenings(this.spans.byName);
    this.happenings.extend(trace, touched);
    const { typical } = this.spans;
    this.microsecondsPerSecond = typical / SPAN_SECONDS || this.end / 20 || 1; // of the reader's seconds, at speed 1
    this.decimals = typical && typical < 50_000 ? 3 : 2;
    this.home = this.findHome();
    this.longestTimers = longestTimers(grown ? events.slice(shared) : events, grown?.longestTimers);
    this.traceMarkers = findMarkers(trace);
    this.chapters = this.traceMarkers.slice(0, MAX_CHAPTERS); // the markers that the list of chapters holds
    /** @type {Marker[]} */
    this.markers = [];
    this.setViolations(violations);
  }

  /** @param {readonly Violation[]} [violations] */
  setViolations(violations) {
    this.markers = withViolations(this.traceMarkers, violations);
  }

  /**
   * Returns the beginning: when all servers that start at once have started.
   *
   * @returns {Position}
   */
  findHome() {
    const { all } = this.happenings;
    const { events } = this.trace;
    let index = 0;
    while (all[index + 1]?.time === 0 && events[all[index + 1].first].kind === "started") index += 1;
    return { number: all[index]?.last ?? -1, time: 0 };
  }

  /**
   * Returns the end of the run, which may be later than its last event.
   *
   * @returns {Position}
   */
  endPosition() {
    return { number: this.trace.events.length - 1, time: this.end };
  }

  /**
   * Returns the position at a time, after every event of that time; at most the end.
   *
   * @param {number} time
   * @returns {Position}
   */
  positionAt(time) {
    const at = Math.min(time, this.end);
    return { number: this.timeline.numberAt(at), time: at };
  }

  /**
   * Returns the position right after the happening that an event belongs to.
   *
   * @param {number} number
   */
  afterEvent(number) {
    const happening = this.happenings.at(number);
    return happening ? positionAfter(happening) : this.home;
  }

  /**
   * Returns the next visible happening after an event, if there is one.
   *
   * @param {number} number
   * @param {boolean} heartbeats
   * @returns {Happening | undefined}
   */
  nextHappening(number, heartbeats) {
    const visible = this.happenings.visible(heartbeats);
    return visible[lastIndexWhere(visible, ({ first }) => first <= number) + 1];
  }

  /**
   * Returns the position after the next happening; the end if none follows.
   *
   * @param {Position} position
   * @param {boolean} heartbeats
   */
  next({ number }, heartbeats) {
    const happening = this.nextHappening(number, heartbeats);
    return happening ? positionAfter(happening) : this.endPosition();
  }

  /**
   * Returns the position after the previous happening. Between two happenings, that is the position after the earlier one.
   *
   * @param {Position} position
   * @param {boolean} heartbeats
   */
  previous({ number, time }, heartbeats) {
    const visible = this.happenings.visible(heartbeats);
    let index = lastIndexWhere(visible, ({ first }) => first <= number);
    if (index >= 0 && visible[index].last === number && visible[index].time === time) index -= 1;
    return index < 0 || visible[index].last < this.home.number ? this.home : positionAfter(visible[index]);
  }

  /**
   * Returns the messages to draw at a moment; idle heartbeats are pale if they are hidden.
   *
   * @param {Moment} moment
   * @param {number} time
   * @param {boolean} heartbeats
   * @returns {MessageInTransit[]}
   */
  messagesInTransit(moment, time, heartbeats) {
    const messages = messagesInTransit(this.spans, moment, time);
    for (const message of messages) message.pale = !heartbeats && this.happenings.idle.has(message.span.event);
    return messages;
  }

  /**
   * Returns the position after some seconds of playing. While no message is on its way, time may be sped up, but only to
   * the next happening.
   *
   * @param {Position} position
   * @param {number} seconds
   * @param {{ speed: number, quiet: boolean, hurry: boolean, heartbeats: boolean }} options
   */
  advance({ number, time }, seconds, { speed, quiet, hurry, heartbeats }) {
    const next = this.nextHappening(number, heartbeats)?.time ?? this.end;
    const begun = this.happenings.at(number)?.time ?? 0;
    const hurrying = (next - begun) / this.microsecondsPerSecond / QUIET_SECONDS;
    const faster = quiet && hurry ? Math.max(1, hurrying) : 1;
    const reached = time + this.microsecondsPerSecond * speed * faster * seconds;
    return this.positionAt(quiet ? Math.min(reached, Math.max(next, time)) : reached);
  }

  /**
   * Returns the number of the chapter that an event is in, from 1; 0 before the first.
   *
   * @param {number} number
   */
  chapterAt(number) {
    return lastIndexWhere(this.chapters, ({ event }) => event <= number) + 1;
  }

  /**
   * Returns the position at which a chapter begins.
   *
   * @param {number} chapter from 1; 0 is the beginning
   */
  chapterPosition(chapter) {
    const isKnown = chapter > 0 && chapter <= this.chapters.length;
    return isKnown ? this.afterEvent(this.chapters[chapter - 1].event) : this.home;
  }

  /**
   * Returns the position of the next or previous election, fault or violation; undefined if there is none.
   *
   * @param {Position} position
   * @param {JumpKind} kind
   * @param {Direction} direction
   * @returns {Position | undefined}
   */
  markerPosition({ number }, kind, direction = 1) {
    const from = direction < 0 ? (this.happenings.at(number)?.first ?? 0) : number;
    const found = nextMarker(this.markers, from, kind, direction);
    return found && this.afterEvent(found.event);
  }
}

/**
 * @param {Happening} happening
 * @returns {Position}
 */
const positionAfter = ({ last, time }) => ({ number: last, time });

/**
 * Returns the longest time that each timer was ever set to: the arcs of all servers are drawn to one scale.
 *
 * @param {readonly TraceEvent[]} events
 * @param {Record<string, number>} before the longest times before these events
 * @returns {Record<string, number>}
 */
function longestTimers(events, before = {}) {
  const longest = { ...before };
  for (const event of events) {
    if (event.kind !== "timer_started") continue;
    longest[event.timer] = Math.max(longest[event.timer] ?? 0, event.due - event.time);
  }
  return longest;
}
