// The controls that move time: buttons, the clock, and the scrubber with its marks.

import { allow, html, pressButton, svg } from "./dom.js";

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
  violation: "M -5 -5 H 5 V 5 H -5 Z M -5 -5 L 5 5 M 5 -5 L -5 5",
};
const MOST_MARKS = 300; // more than that is a grey bar and tells nobody anything
const JUMPS = { election: "Election", fault: "Fault", violation: "Violation" };

export class Transport {
  // act: what each control does; live: whether it is known which properties broke.
  constructor(act, live) {
    this.play = button("play", "Play", "Play (space)", act.toggle);
    this.now = html("output", { class: "rp-clock" });
    this.range = html("input", { type: "range", min: 0, step: 1, value: 0, "aria-label": "Time" });
    this.range.addEventListener("input", () => act.scrub(Number(this.range.value)));
    const buttons = html(
      "div",
      { class: "rp-buttons", role: "group", "aria-label": "Playing" },
      button("start", "Start", "Back to the start (Home)", act.home),
      button("back", "Back", "One happening back (left arrow)", () => act.step(-1)),
      this.play,
      button("next", "Next", "One happening on (right arrow)", () => act.step(1)),
      button("end", "End", "To the end (End)", act.end),
      pressButton("Keys", act.keys, { "data-act": "keys", title: "What the keys do (?)" }),
      this.now,
    );
    this.marks = html("div", { class: "rp-marks", "aria-hidden": "true" });
    const line = html("div", { class: "rp-scrubber" }, this.marks, this.range);
    this.element = html("div", { class: "rp-transport" }, buttons, line, this.makeJumps(act, live));
  }

  makeJumps(act, live) {
    const kinds = Object.entries(JUMPS).filter(([kind]) => live || kind !== "violation");
    this.jumps = kinds.map(([kind, label]) => {
      const press = (event) => act.jump(kind, event.shiftKey ? -1 : 1);
      return [kind, button("next", label, "", press, `jump-${kind}`)];
    });
    this.moments = html("select", { "aria-label": "Go to", class: "rp-goto" });
    this.moments.addEventListener("change", () => act.chapter(Number(this.moments.value)));
    const words = html("span", { class: "rp-label" }, "Go to the next");
    const buttons = this.jumps.map(([, element]) => element);
    const attributes = { class: "rp-buttons rp-jumps", role: "group", "aria-label": "Going to" };
    return html("div", attributes, words, ...buttons, this.moments);
  }

  // Takes over a run. The controls themselves stay, so that whoever uses one keeps the focus.
  take(journey, clock) {
    Object.assign(this, { clock, end: journey.end });
    this.range.max = journey.end;
    this.takeMoments(journey);
  }

  // Takes over what there is to go to.
  takeMoments({ moments, chapters, trace, end }) {
    const { clock } = this;
    this.marks.replaceChildren(...marksOf(moments, trace.events, end));
    const names = chapters.map(([number, , words]) => `${clock(trace.events[number].time)} s  ${words}`);
    if (names.join() === this.named) return;
    this.named = names.join();
    const options = ["the beginning", ...names].map((name, place) => html("option", { value: place }, name));
    this.moments.replaceChildren(...options);
  }

  draw(time, words, fresh) {
    this.now.textContent = `${this.clock(time)} s of ${this.clock(this.end)} s`;
    this.range.value = time;
    if (fresh) this.range.setAttribute("aria-valuetext", `${this.clock(time)} seconds. ${words}`);
  }

  // chapter: which moment of the list was passed last; there: whether there is a next one of a kind.
  drawMoments(chapter, there) {
    this.moments.value = chapter;
    for (const [kind, element] of this.jumps) {
      const key = kind[0].toUpperCase();
      allow(
        element,
        there(kind) ? "" : `no ${kind} follows so far`,
        `To the next ${kind} (${key}; with Shift to the one before)`,
      );
    }
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

function button(name, label, title, press, act = name) {
  const element = html("button", { type: "button", title, "data-act": act }, icon(name), html("span", {}, label));
  element.addEventListener("click", press);
  return element;
}

// The marks above the scrubber. They only show where something is; the list of moments below it leads there.
function marksOf(moments, events, end) {
  return moments.slice(0, MOST_MARKS).map(([number, kind, words]) => {
    const shape = svg("path", { class: `rp-mark rp-mark-${kind}`, d: MARKS[kind] ?? MARKS.alarm });
    const picture = svg("svg", { viewBox: "-7 -7 14 14", width: 12, height: 12 }, shape);
    const share = end ? events[number].time / end : 0;
    return html("span", { title: words, style: `left: ${(100 * share).toFixed(3)}%` }, picture);
  });
}
