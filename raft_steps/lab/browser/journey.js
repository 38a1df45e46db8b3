// The ways through a trace: from one happening to the next or back, to a moment, and how fast. Pure, as state.js is.
//
// A position is {number, time}: after the event of this number, at this time in microseconds. Several events may have
// one time, so that a time alone does not say what has happened.

import { findFlights, underWay } from "./flights.js";
import { Timeline, readTrace } from "./state.js";
import { Story, lastWhere } from "./story.js";

const FLIGHT_SECONDS = 1; // how long a usual message is seen on its way at speed 1
const QUIET_SECONDS = 1.5; // how long a stretch without any message lasts at speed 1, if the quiet is hurried through

export class Journey {
  // text: the trace; moments: those that the list beside the picture names, each [event number, mark, words].
  constructor(text, moments) {
    this.trace = readTrace(text);
    this.moments = moments;
    const { events, end } = this.trace;
    this.end = Math.max(end, events.at(-1)?.time ?? 0);
    this.timeline = new Timeline(this.trace);
    this.flights = findFlights(this.trace);
    this.story = new Story(this.trace, this.flights.byName);
    this.scale = this.flights.typical / FLIGHT_SECONDS || this.end / 20 || 1; // microseconds in a second at speed 1
    this.decimals = this.flights.typical && this.flights.typical < 50_000 ? 3 : 2;
    this.home = this.findHome();
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
    return lastWhere(this.moments, ([first]) => first <= number) + 1;
  }

  // The position of a chapter.
  chapter(place) {
    return place > 0 && place <= this.moments.length ? this.afterEvent(this.moments[place - 1][0]) : this.home;
  }
}

const positionOf = ({ last, time }) => ({ number: last, time });
