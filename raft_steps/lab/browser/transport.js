// The controls that move time: buttons, the clock, and the scrubber with its marks.

import { html } from "./panels.js";
import { svg } from "./ring.js";

const ICONS = {
  start: "M 4 3 V 13 M 13 3 L 6 8 L 13 13 Z",
  back: "M 11 3 L 4 8 L 11 13 Z",
  play: "M 4 2 L 14 8 L 4 14 Z",
  pause: "M 4 3 H 7 V 13 H 4 Z M 9 3 H 12 V 13 H 9 Z",
  next: "M 5 3 L 12 8 L 5 13 Z",
  end: "M 12 3 V 13 M 3 3 L 10 8 L 3 13 Z",
};
// The mark of a moment on the scrubber: a shape above the line, so that colour is not all that tells them apart.
const MARKS = {
  leader: "M -4 -4 H 4 V 4 H -4 Z",
  candidate: "M 0 -5 L 5 0 L 0 5 L -5 0 Z",
  down: "M -4 -4 L 4 4 M 4 -4 L -4 4",
  up: "M 0 5 V -4 M -4 0 L 0 -5 L 4 0",
  wall: "M -2 -5 V 5 M 2 -5 V 5",
  heal: "M -5 0 A 5 5 0 1 0 5 0 A 5 5 0 1 0 -5 0 Z",
  alarm: "M 0 -5 L 5 4 H -5 Z",
};
const MOST_MARKS = 300; // more than that is a grey bar and tells nobody anything

export class Transport {
  // act: what each control does.
  constructor(journey, clock, act) {
    this.clock = clock;
    this.end = journey.end;
    this.play = button("play", "Play", "Play (space)", act.toggle);
    this.now = html("output", { class: "rp-clock" });
    this.range = html("input", { type: "range", min: 0, max: this.end, step: 1, value: 0, "aria-label": "Time" });
    this.range.addEventListener("input", () => act.scrub(Number(this.range.value)));
    const buttons = html(
      "div",
      { class: "rp-buttons", role: "group", "aria-label": "Playing" },
      button("start", "Start", "Back to the start (Home)", act.home),
      button("back", "Back", "One happening back (left arrow)", () => act.step(-1)),
      this.play,
      button("next", "Next", "One happening on (right arrow)", () => act.step(1)),
      button("end", "End", "To the end (End)", act.end),
      this.now,
    );
    const line = html("div", { class: "rp-scrubber" }, marks(journey), this.range);
    this.element = html("div", { class: "rp-transport" }, buttons, line);
  }

  draw(time, words, fresh) {
    this.now.textContent = `${this.clock(time)} s of ${this.clock(this.end)} s`;
    this.range.value = time;
    if (fresh) this.range.setAttribute("aria-valuetext", `${this.clock(time)} seconds. ${words}`);
  }

  showPlaying(playing) {
    const [name, label] = playing ? ["pause", "Pause"] : ["play", "Play"];
    this.play.replaceChildren(icon(name), html("span", {}, label));
    this.play.title = `${label} (space)`;
  }
}

function icon(name) {
  const shape = svg("path", { d: ICONS[name] });
  return svg("svg", { viewBox: "0 0 16 16", width: 14, height: 14, "aria-hidden": "true" }, shape);
}

function button(name, label, title, press) {
  const element = html("button", { type: "button", title, "data-act": name }, icon(name), html("span", {}, label));
  element.addEventListener("click", press);
  return element;
}

// The marks above the scrubber. They only show where something is; the list of moments beside it leads there.
function marks({ moments, trace, end }) {
  const strip = html("div", { class: "rp-marks", "aria-hidden": "true" });
  for (const [number, kind, words] of moments.slice(0, MOST_MARKS)) {
    const shape = svg("path", { class: `rp-mark rp-mark-${kind}`, d: MARKS[kind] ?? MARKS.alarm });
    const picture = svg("svg", { viewBox: "-7 -7 14 14", width: 12, height: 12 }, shape);
    const share = end ? trace.events[number].time / end : 0;
    strip.append(html("span", { title: words, style: `left: ${(100 * share).toFixed(3)}%` }, picture));
  }
  return strip;
}
