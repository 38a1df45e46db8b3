// The controls that move time: buttons, the clock, and the scrubber with its marks.

/**
 * @import { Navigation } from "./navigation.js"
 * @import { Clock, Direction, JumpKind, Marker, MarkKind, TraceEvent } from "./types.js"
 */

import { disableIf, html, pressButton, svg } from "./dom.js";

const ICONS = {
  start: "M 4 3 V 13 M 13 3 L 6 8 L 13 13 Z",
  back: "M 11 3 L 4 8 L 11 13 Z",
  play: "M 4 2 L 14 8 L 4 14 Z",
  pause: "M 4 3 H 7 V 13 H 4 Z M 9 3 H 12 V 13 H 9 Z",
  next: "M 5 3 L 12 8 L 5 13 Z",
  end: "M 12 3 V 13 M 3 3 L 10 8 L 3 13 Z",
};
// The mark of each kind of moment on the scrubber: a shape above the line, so that colour is not all that differs.
/** @type {Record<MarkKind, string>} */
const MARKS = {
  leader: "M -4 -4 H 4 V 4 H -4 Z",
  candidate: "M 0 -5 L 5 0 L 0 5 L -5 0 Z",
  down: "M -4 -4 L 4 4 M 4 -4 L -4 4",
  up: "M 0 5 V -4 M -4 0 L 0 -5 L 4 0",
  wall: "M -2 -5 V 5 M 2 -5 V 5",
  heal: "M -5 0 A 5 5 0 1 0 5 0 A 5 5 0 1 0 -5 0 Z",
  alarm: "M 0 -5 L 5 4 H -5 Z",
  violation: "M -5 -5 H 5 V 5 H -5 Z M -5 -5 L 5 5 M 5 -5 L -5 5",
};
const MAX_MARKS = 300; // more than that merge into a grey bar
/** @type {[kind: JumpKind, label: string][]} */
const JUMPS = [
  ["election", "Election"],
  ["fault", "Fault"],
  ["violation", "Violation"],
];

/**
 * What the controls call.
 *
 * @typedef {object} ControlHandlers
 * @property {() => void} toggle
 * @property {() => void} home
 * @property {() => void} end
 * @property {() => void} keys
 * @property {(direction: Direction) => void} step
 * @property {(time: number) => void} scrub
 * @property {(kind: JumpKind, direction: Direction) => void} jump
 * @property {(chapter: number) => void} chapter
 */

export class PlaybackControls {
  /**
   * @param {Navigation} navigation
   * @param {Clock} clock
   * @param {ControlHandlers} handlers
   * @param {boolean} live whether the run is live: only then are properties checked
   */
  constructor(navigation, clock, handlers, live) {
    this.clock = clock;
    this.end = navigation.end;
    this.chapterNames = "";
    this.play = iconButton("play", "Play", "Play (space)", handlers.toggle);
    this.now = html("output", { class: "rp-clock" });
    this.range = html("input", { type: "range", min: 0, step: 1, value: 0, "aria-label": "Time" });
    this.range.addEventListener("input", () => handlers.scrub(Number(this.range.value)));
    const buttons = html(
      "div",
      { class: "rp-buttons", role: "group", "aria-label": "Playing" },
      iconButton("start", "Start", "Back to the start (Home)", handlers.home),
      iconButton("back", "Back", "One step back (left arrow)", () => handlers.step(-1)),
      this.play,
      iconButton("next", "Next", "One step forward (right arrow)", () => handlers.step(1)),
      iconButton("end", "End", "To the end (End)", handlers.end),
      pressButton("Keys", handlers.keys, { "data-act": "keys", title: "What the keys do (?)" }),
      this.now,
    );
    this.marks = html("div", { class: "rp-marks", "aria-hidden": "true" });
    const scrubber = html("div", { class: "rp-scrubber" }, this.marks, this.range);
    const jumps = JUMPS.filter(([kind]) => live || kind !== "violation");
    this.jumps = jumps.map(([kind, label]) => {
      /** @param {MouseEvent} event */
      const onPress = (event) => handlers.jump(kind, event.shiftKey ? -1 : 1);
      return { kind, button: iconButton("next", label, "", onPress, `jump-${kind}`) };
    });
    this.chapters = html("select", { "aria-label": "Go to", class: "rp-goto" });
    this.chapters.addEventListener("change", () => handlers.chapter(Number(this.chapters.value)));
    this.element = html("div", { class: "rp-transport" }, buttons, scrubber, this.makeJumpRow());
  }

  makeJumpRow() {
    const words = html("span", { class: "rp-label" }, "Go to the next");
    const buttons = this.jumps.map(({ button }) => button);
    const attributes = { class: "rp-buttons rp-jumps", role: "group", "aria-label": "Going to" };
    return html("div", attributes, words, ...buttons, this.chapters);
  }

  /**
   * Shows another run. The controls themselves stay, so that the one in use keeps the focus.
   *
   * @param {Navigation} navigation
   * @param {Clock} clock
   */
  setRun(navigation, clock) {
    this.clock = clock;
    this.end = navigation.end;
    this.range.max = String(navigation.end);
    this.setMarkers(navigation);
  }

  /**
   * Shows the moments that the reader can go to.
   *
   * @param {Navigation} navigation
   */
  setMarkers({ markers, chapters, trace, end }) {
    this.marks.replaceChildren(...makeMarks(markers, trace.events, end));
    const names = chapters.map(({ event, text }) => `${this.clock(trace.events[event].time)} s  ${text}`);
    if (names.join() === this.chapterNames) return;
    this.chapterNames = names.join();
    const options = ["the beginning", ...names].map((name, index) => html("option", { value: index }, name));
    this.chapters.replaceChildren(...options);
  }

  /**
   * @param {number} time
   * @param {string} words what has just happened
   * @param {boolean} fresh whether that may have changed
   */
  draw(time, words, fresh) {
    this.now.textContent = `${this.clock(time)} s of ${this.clock(this.end)} s`;
    this.range.value = String(time);
    if (fresh) this.range.setAttribute("aria-valuetext", `${this.clock(time)} seconds. ${words}`);
  }

  /**
   * @param {number} chapter the current one
   * @param {(kind: JumpKind) => boolean} hasNext whether there is a next marker of a kind
   */
  drawMarkers(chapter, hasNext) {
    this.chapters.value = String(chapter);
    for (const { kind, button } of this.jumps) {
      const why = hasNext(kind) ? "" : `no ${kind} follows so far`;
      disableIf(button, why, `To the next ${kind} (${kind[0].toUpperCase()}; with Shift to the previous one)`);
    }
  }

  /** @param {boolean} playing */
  showPlaying(playing) {
    const label = playing ? "Pause" : "Play";
    this.play.replaceChildren(makeIcon(playing ? "pause" : "play"), html("span", {}, label));
    this.play.title = `${label} (space)`;
  }
}

/** @param {keyof typeof ICONS} name */
function makeIcon(name) {
  const shape = svg("path", { d: ICONS[name] });
  return svg("svg", { viewBox: "0 0 16 16", width: 14, height: 14, "aria-hidden": "true" }, shape);
}

/**
 * @param {keyof typeof ICONS} icon
 * @param {string} label
 * @param {string} title
 * @param {(event: MouseEvent) => void} onPress
 * @param {string} act
 */
function iconButton(icon, label, title, onPress, act = icon) {
  const element = html("button", { type: "button", title, "data-act": act }, makeIcon(icon), html("span", {}, label));
  element.addEventListener("click", onPress);
  return element;
}

/**
 * Makes the marks above the scrubber. They only show where something is; the list of chapters below goes there.
 *
 * @param {readonly Marker[]} markers
 * @param {readonly TraceEvent[]} events
 * @param {number} end
 */
function makeMarks(markers, events, end) {
  return markers.slice(0, MAX_MARKS).map(({ event, kind, text }) => {
    const shape = svg("path", { class: `rp-mark rp-mark-${kind}`, d: MARKS[kind] });
    const picture = svg("svg", { viewBox: "-7 -7 14 14", width: 12, height: 12 }, shape);
    const share = end ? events[event].time / end : 0;
    return html("span", { title: text, style: `left: ${(100 * share).toFixed(3)}%` }, picture);
  });
}
