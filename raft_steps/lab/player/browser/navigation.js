// The ways through a trace: from one happening to the next or back, to a moment, and how fast. Pure, as cluster_state.js is.
//
// A position is {number, time}: after the event of this number, at this time in microseconds. Several events may have
// one time, so that a time alone does not say what has happened.

import { findFlights, underWay } from "./message_spans.js";
import { MOST_CHAPTERS, nextOfKind, tellingMoments, withViolations } from "./markers.js";
import { Timeline } from "./cluster_state.js";
import { Story, lastWhere } from "./happenings.js";

const FLIGHT_SECONDS = 1; // how long a usual message is seen on its way at speed 1
const QUIET_SECONDS = 1.5; // how long a stretch without any message lasts at speed 1, if the quiet is hurried through

export class Journey {
  // known: the journey through a trace that has the first `shared` events in common; violations: the properties that
  // broke, as the trait `live` has them.
  constructor(trace, { violations = [], known = null, shared = 0 } = {}) {
    this.trace = trace;
    const { events, end } = trace;
    this.end = Math.max(end, events.at(-1)?.time ?? 0);
    this.timeline = new Timeline(trace, known?.timeline, shared);
    this.flights = findFlights(trace);
    this.story = new Story(trace, this.flights.byName);
    this.scale = this.flights.typical / FLIGHT_SECONDS || this.end / 20 || 1; // microseconds in a second at speed 1
    this.decimals = this.flights.typical && this.flights.typical < 50_000 ? 3 : 2;
    this.home = this.findHome();
    this.longest = longestTimers(events); // for each timer, in microseconds
    this.telling = tellingMoments(trace, Infinity);
    this.chapters = this.telling.slice(0, MOST_CHAPTERS);
    this.tell(violations);
  }

  // Takes over which properties broke.
  tell(violations) {
    this.moments = withViolations(this.telling, violations);
  }

  // The beginning: all servers that start at once have started.
  findHome() {
    const { happenings } = this.story;
    const { events } = this.trace;
    let place = 0;
    while (happenings[place + 1]?.time === 0 && events[happenings[place + 1].first].kind === "started") place += 1;
    return { number: happenings[place]?.last ?? -1, time: 0 };
  }

  // The end of the run, which may lie after its last event.
  last() {
    return { number: this.trace.events.length - 1, time: this.end };
  }

  // The position at a time: all that belongs to it has happened.
  at(time) {
    return { number: this.timeline.numberAt(time), time };
  }

  // The position right after the happening that an event belongs to.
  afterEvent(number) {
    const happening = this.story.happenings[this.story.placeOf(number)];
    return happening ? positionOf(happening) : this.home;
  }

  // The next happening that is told, if there is one.
  nextTold(number, heartbeats) {
    const told = this.story.told(heartbeats);
    return told[lastWhere(told, (happening) => happening.first <= number) + 1];
  }

  // One happening on.
  next({ number }, heartbeats) {
    const happening = this.nextTold(number, heartbeats);
    return happening ? positionOf(happening) : this.last();
  }

  // One happening back; from a moment between two, to the earlier one.
  previous({ number, time }, heartbeats) {
    const told = this.story.told(heartbeats);
    let place = lastWhere(told, (happening) => happening.first <= number);
    if (place >= 0 && told[place].last === number && told[place].time === time) place -= 1;
    return place < 0 || told[place].last < this.home.number ? this.home : positionOf(told[place]);
  }

  // What is on its way; `pale` marks idle heartbeats when these are hidden.
  underWay(moment, time, heartbeats) {
    const flights = underWay(this.flights, moment, time);
    for (const each of flights) each.pale = !heartbeats && this.story.idle.has(each.flight.event);
    return flights;
  }

  // How far time goes in so many seconds of the reader's: to another position. In the quiet, when nothing is on its
  // way, it may be hurried, and never runs past what ends the quiet.
  advance({ number, time }, seconds, { speed, quiet, hurry, heartbeats }) {
    const next = this.nextTold(number, heartbeats)?.time ?? this.end;
    const begun = this.story.happenings[this.story.placeOf(number)]?.time ?? 0;
    const faster = quiet && hurry ? Math.max(1, (next - begun) / this.scale / QUIET_SECONDS) : 1;
    const reached = time + this.scale * speed * faster * seconds;
    return this.at(Math.min(quiet ? Math.min(reached, Math.max(next, time)) : reached, this.end));
  }

  // Which of the moments was passed last: 0 before the first, otherwise its place from 1.
  chapterAt(number) {
    return lastWhere(this.chapters, ([first]) => first <= number) + 1;
  }

  // The position of a chapter.
  chapter(place) {
    return place > 0 && place <= this.chapters.length ? this.afterEvent(this.chapters[place - 1][0]) : this.home;
  }

  // The position of the next election, fault or violation, or of the one before; undefined where there is none.
  ofKind({ number }, kind, direction = 1) {
    const from = direction < 0 ? (this.story.happenings[this.story.placeOf(number)]?.first ?? 0) : number;
    const found = nextOfKind(this.moments, from, kind, direction);
    return found && this.afterEvent(found[0]);
  }
}

const positionOf = ({ last, time }) => ({ number: last, time });

// For each timer of a trace, the longest time that it was ever set to: arcs of all servers are drawn to one scale.
function longestTimers(events) {
  const longest = {};
  for (const { kind, timer, time, due } of events) {
    if (kind === "timer_started") longest[timer] = Math.max(longest[timer] ?? 0, due - time);
  }
  return longest;
}
