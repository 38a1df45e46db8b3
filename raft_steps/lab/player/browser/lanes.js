// The time line, which is also the scrubber: one lane for each server, in the colours of its terms, thick while it leads,
// with a mark for everything that a reader may want to go to. time_scale.js decides where a time is.

/**
 * @import { LaneRun } from "./lane_runs.js"
 * @import { Navigation } from "./navigation.js"
 * @import { Clock, JumpKind, Direction, Marker, MarkKind } from "./types.js"
 */

import { getValue } from "./collections.js";
import { html, svg } from "./dom.js";
import { findLaneRuns } from "./lane_runs.js";
import { tintClass } from "./term_tint.js";
import { TimeScale } from "./time_scale.js";

const LEFT = 66; // pixels, for the names
const RIGHT = 10;
const AHEAD = 84; // for what is not computed yet, if the run can go on
const TOP = 4;
const FOOT = 20; // for the times and the signs of what happens to the network
const LANES_HEIGHT = 66; // of all lanes together, if they are neither too high nor too low then
const [MIN_PITCH, MAX_PITCH] = [11, 22];
const TICK_GAP = 58;
const SIGN_GAP = 22; // between a time and a sign
const MIN_RUN = 0.4; // pixels: a shorter stretch cannot be seen
const MAX_MARKS = 400;
/** @type {Partial<Record<MarkKind, string>>} */
const MARKS = {
  candidate: "M 0 -5.5 L 5 0 L 0 5.5 L -5 0 Z",
  down: "M -4 -4 L 4 4 M 4 -4 L -4 4",
  up: "M -4 3 L 0 -4 L 4 3 Z",
  alarm: "M 0 5 L 5 -4 H -5 Z",
};
/** @type {Partial<Record<MarkKind, string>>} */
const SIGNS = { wall: "✂", heal: "⇄", violation: "⚠" };

/**
 * @typedef {object} LaneHandlers
 * @property {(time: number) => void} scrub
 * @property {(kind: JumpKind, direction: Direction) => void} jump
 */

export class Lanes {
  /**
   * @param {readonly string[]} names
   * @param {LaneHandlers} handlers
   * @param {boolean} goesOn whether the run can go on
   */
  constructor(names, handlers, goesOn) {
    this.names = names;
    this.ahead = goesOn ? AHEAD : 0;
    this.pitch = Math.max(MIN_PITCH, Math.min(MAX_PITCH, LANES_HEIGHT / names.length));
    this.height = TOP + this.pitch * names.length + FOOT;
    this.width = 0;
    this.time = 0; // the time that is shown
    this.drawn = "";
    this.scale = new TimeScale([], 1);
    /** @type {Map<string, LaneRun[]>} */
    this.runs = new Map();
    /** @type {readonly Marker[]} */
    this.markers = [];
    this.clock = (/** @type {number} */ time) => String(time);
    /** @type {Navigation | null} */
    this.navigation = null;
    this.picture = svg("g");
    this.cursor = svg("g", { class: "rp-cursor" }, svg("line", { y1: 0, y2: this.height - FOOT + 4 }), this.makeKnob());
    this.veil = svg("rect", { class: "rp-veil", y: 0, height: this.height - FOOT + 2 });
    this.drawing = svg("svg", { height: this.height, "aria-hidden": "true" }, this.picture, this.veil, this.cursor);
    const role = {
      role: "slider",
      tabindex: 0,
      "aria-label": "Time",
      "aria-valuemin": 0,
      "aria-orientation": "horizontal",
    };
    this.element = html("div", { class: "rp-lanes", ...role }, this.drawing);
    this.listen(handlers);
  }

  makeKnob() {
    return svg("circle", { r: 5.5, cy: this.height - FOOT + 2 });
  }

  /** @param {LaneHandlers} handlers */
  listen({ scrub, jump }) {
    const { element } = this;
    const follow = (/** @type {PointerEvent} */ event) => {
      const place = event.clientX - this.drawing.getBoundingClientRect().left;
      scrub(this.timeAt(place));
    };
    element.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      element.setPointerCapture(event.pointerId);
      follow(event);
    });
    element.addEventListener("pointermove", (event) => {
      if (element.hasPointerCapture(event.pointerId)) follow(event);
    });
    element.addEventListener("keydown", ({ key }) => {
      if (key === "PageDown") jump("moment", 1);
      else if (key === "PageUp") jump("moment", -1);
    });
  }

  get breadth() {
    return Math.max(1, this.width - LEFT - RIGHT - this.ahead);
  }

  /** @param {number} time */
  placeOf(time) {
    return LEFT + this.scale.place(time) * this.breadth;
  }

  /**
   * Returns the time at a place, in whole microseconds.
   *
   * @param {number} place in pixels from the left
   */
  timeAt(place) {
    return Math.round(this.scale.time(Math.max(0, Math.min(1, (place - LEFT) / this.breadth))));
  }

  /**
   * @param {Navigation} navigation
   * @param {Clock} clock
   */
  setRun(navigation, clock) {
    const { trace, happenings, end } = navigation;
    this.navigation = navigation;
    this.clock = clock;
    this.scale = new TimeScale(
      happenings.significant.map(({ time }) => time),
      end,
    );
    this.runs = findLaneRuns(trace.events, trace.servers, end);
    this.element.setAttribute("aria-valuemax", (end / 1e6).toFixed(2));
    this.setMarkers(navigation);
  }

  /** @param {Navigation} navigation */
  setMarkers({ markers }) {
    this.markers = markers;
    this.drawAll();
  }

  /**
   * Adapts to the width of the page.
   *
   * @param {number} width
   */
  fit(width) {
    if (width === this.width || width <= 0) return;
    this.width = width;
    this.drawAll();
  }

  drawAll() {
    const { navigation, width } = this;
    if (!navigation || !width) return;
    this.drawing.setAttribute("width", String(width));
    const names = this.names.map((name, index) => this.makeName(name, index));
    const lanes = this.names.flatMap((name, index) => this.makeLane(name, index));
    const shown = this.markers.length > MAX_MARKS ? thinOut(this.markers, MAX_MARKS) : this.markers;
    const marks = shown.flatMap((marker) => this.makeMark(marker, navigation));
    this.picture.replaceChildren(...this.makeAhead(), ...names, ...lanes, ...this.makeTicks(), ...marks);
    this.drawCursor();
  }

  /** @param {number} index */
  middleOf(index) {
    return TOP + this.pitch * (index + 0.5);
  }

  /**
   * @param {string} name
   * @param {number} index
   */
  makeName(name, index) {
    const size = Math.min(12, this.pitch);
    const text = svg("text", { class: "rp-lane-name", x: 2, y: this.middleOf(index) + size * 0.36, "font-size": size });
    text.textContent = name.length > 9 ? `${name.slice(0, 8)}…` : name;
    return text;
  }

  /**
   * @param {string} name
   * @param {number} index
   */
  makeLane(name, index) {
    const [thick, thin] = [Math.min(14, this.pitch - 3), Math.min(6, this.pitch - 6)];
    /** @type {SVGElement[]} */
    const shapes = [];
    let reached = 0;
    for (const { from, to, term, role } of getValue(this.runs, name)) {
      const [x1, x2] = [this.placeOf(from), this.placeOf(to)];
      if (x2 - Math.max(x1, reached) < MIN_RUN) continue;
      reached = x2;
      const y = this.middleOf(index);
      if (role === "down") {
        shapes.push(svg("line", { class: "rp-lane-down", x1, x2, y1: y, y2: y }));
        continue;
      }
      const height = role === "leader" ? thick : thin;
      const kind = role === "paused" ? "rp-lane-paused" : `rp-lane-${role}`;
      const box = { x: x1, y: y - height / 2, width: x2 - x1, height, rx: Math.min(3, (x2 - x1) / 2) };
      shapes.push(svg("rect", { class: `rp-lane ${kind} ${tintClass(term)}`, ...box }));
    }
    return shapes;
  }

  makeAhead() {
    if (!this.ahead) return [];
    const x = LEFT + this.breadth;
    const height = this.pitch * this.names.length;
    const text = svg("text", { class: "rp-ahead-words", x: x + this.ahead, y: this.height - 6, "text-anchor": "end" });
    text.textContent = "not computed";
    return [svg("rect", { class: "rp-ahead", x, y: TOP, width: this.ahead, height, rx: 3 }), text];
  }

  makeTicks() {
    const signs = this.markers.filter(({ kind }) => kind in SIGNS).slice(0, MAX_MARKS);
    const taken = signs.map(({ event }) => this.placeOf(this.navigation?.trace.events[event].time ?? 0));
    const free = (/** @type {number} */ time) => taken.every((x) => Math.abs(x - this.placeOf(time)) > SIGN_GAP);
    const ticks = this.scale.ticks(TICK_GAP / this.breadth).filter(free);
    return ticks.map((time) => {
      const text = svg("text", { class: "rp-tick-time", x: this.placeOf(time), y: this.height - 6 });
      text.textContent = formatTick(time);
      return text;
    });
  }

  /**
   * @param {Marker} marker
   * @param {Navigation} navigation
   * @returns {SVGElement[]}
   */
  makeMark({ event: number, kind, text }, { trace }) {
    const event = trace.events[number];
    const x = this.placeOf(event.time);
    const title = svg("title");
    title.textContent = `${this.clock(event.time)} s  ${text}`;
    const index = this.names.indexOf(event.server);
    const shape = MARKS[kind];
    if (shape && index >= 0) {
      const size = Math.min(1, this.pitch / 13).toFixed(2);
      const transform = `translate(${x.toFixed(1)} ${this.middleOf(index).toFixed(1)}) scale(${size})`;
      return [svg("path", { class: `rp-mark rp-mark-${kind}`, d: shape, transform }, title)];
    }
    const sign = SIGNS[kind];
    if (!sign) return [];
    const bottom = this.height - FOOT + 2;
    const words = svg("text", { class: "rp-sign", x, y: this.height - 6 }, title);
    words.append(sign);
    const line = svg("line", { x1: x, x2: x, y1: TOP - 2, y2: bottom });
    return [svg("g", { class: `rp-mark rp-mark-${kind}` }, line, words)];
  }

  drawCursor() {
    const x = this.placeOf(this.time);
    const shown = `${x.toFixed(1)} ${this.breadth}`;
    if (shown === this.drawn) return;
    this.drawn = shown;
    this.cursor.setAttribute("transform", `translate(${x.toFixed(1)} 0)`);
    this.veil.setAttribute("x", x.toFixed(1));
    this.veil.setAttribute("width", Math.max(0, LEFT + this.breadth - x).toFixed(1));
  }

  /**
   * @param {number} time
   * @param {string} words what has just happened
   * @param {boolean} fresh whether that may have changed
   */
  draw(time, words, fresh) {
    this.time = time;
    this.drawCursor();
    if (!fresh) return;
    this.element.setAttribute("aria-valuenow", (time / 1e6).toFixed(2));
    this.element.setAttribute("aria-valuetext", `${this.clock(time)} seconds. ${words}`);
  }
}

/**
 * @template T
 * @param {readonly T[]} items
 * @param {number} most
 */
function thinOut(items, most) {
  const step = items.length / most;
  return Array.from({ length: most }, (_, index) => items[Math.floor(index * step)]);
}

/** @param {number} time */
function formatTick(time) {
  return `${Number((time / 1e6).toFixed(3))}${time ? "" : " s"}`;
}
