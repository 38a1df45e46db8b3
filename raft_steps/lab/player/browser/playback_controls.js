// The buttons that move time, the speed, and the clock. The time line below them is in lanes.js.

/**
 * @import { Navigation } from "./navigation.js"
 * @import { Clock, Direction, JumpKind } from "./types.js"
 */

import { disableIf, html, pressButton, svg } from "./dom.js";

const ICONS = {
  start: "M 4 3 V 13 M 13 3 L 6 8 L 13 13 Z",
  back: "M 11 3 L 4 8 L 11 13 Z",
  play: "M 5 2 L 14 8 L 5 14 Z",
  pause: "M 4 3 H 7 V 13 H 4 Z M 9 3 H 12 V 13 H 9 Z",
  next: "M 5 3 L 12 8 L 5 13 Z",
  end: "M 12 3 V 13 M 3 3 L 10 8 L 3 13 Z",
};
/** @type {[kind: JumpKind, label: string][]} */
const JUMPS = [
  ["election", "Election"],
  ["fault", "Fault"],
  ["violation", "Violation"],
];
const SPEEDS = [1 / 16, 1 / 8, 1 / 4, 1 / 2, 1, 2, 4, 8, 16];

/**
 * What the controls call.
 *
 * @typedef {object} ControlHandlers
 * @property {() => void} toggle
 * @property {() => void} home
 * @property {() => void} end
 * @property {(direction: Direction) => void} step
 * @property {(time: number) => void} goTo
 * @property {(kind: JumpKind, direction: Direction) => void} jump
 * @property {(speed: number) => void} speed
 */

export class PlaybackControls {
  /**
   * @param {Navigation} navigation
   * @param {Clock} clock
   * @param {ControlHandlers} handlers
   * @param {{ live: boolean, status: HTMLElement }} options live: whether the run is live: only then are properties checked;
   *   status: where the player says what an action did
   */
  constructor(navigation, clock, handlers, { live, status }) {
    this.clock = clock;
    this.end = navigation.end;
    this.play = iconButton("play", "Play", "Play (space)", handlers.toggle);
    this.now = html("input", {
      class: "rp-now",
      inputmode: "decimal",
      "aria-label": "Time in seconds",
      title: "Enter a time",
    });
    this.total = html("span", { class: "rp-total" });
    this.makeClock(handlers);
    this.speed = html("select", { class: "rp-speed", "aria-label": "Speed", title: "Speed (+ and −)" });
    this.speed.addEventListener("change", () => handlers.speed(Number(this.speed.value)));
    const buttons = html(
      "div",
      { class: "rp-buttons", role: "group", "aria-label": "Playing" },
      iconButton("start", "Start", "Back to the start (Home)", handlers.home),
      iconButton("back", "Back", "One step back (left arrow)", () => handlers.step(-1)),
      this.play,
      iconButton("next", "Next", "One step forward (right arrow)", () => handlers.step(1)),
      iconButton("end", "End", "To the end (End)", handlers.end),
      this.speed,
    );
    const jumps = JUMPS.filter(([kind]) => live || kind !== "violation");
    this.jumps = jumps.map(([kind, label]) => {
      /** @param {MouseEvent} event */
      const onPress = (event) => handlers.jump(kind, event.shiftKey ? -1 : 1);
      return { kind, button: pressButton(label, onPress, { "data-act": `jump-${kind}` }) };
    });
    const clockElement = html("div", { class: "rp-clock" }, this.now, this.total);
    this.element = html("div", { class: "rp-transport" }, buttons, this.makeJumpRow(), status, clockElement);
  }

  /** @param {ControlHandlers} handlers */
  makeClock({ goTo }) {
    const { now } = this;
    now.addEventListener("focus", () => now.select());
    now.addEventListener("change", () => {
      const seconds = Number.parseFloat(now.value.replace(",", "."));
      if (Number.isFinite(seconds)) goTo(Math.max(0, Math.round(seconds * 1e6)));
    });
    now.addEventListener("keydown", ({ key }) => {
      // This ends the input. A button must not get the focus here: the same key would press it.
      if (key === "Enter") /** @type {HTMLElement | null} */ (now.closest(".rp"))?.focus({ preventScroll: true });
    });
  }

  makeJumpRow() {
    const words = html("span", { class: "rp-label" }, "next");
    const buttons = this.jumps.map(({ button }) => button);
    return html("div", { class: "rp-jumps", role: "group", "aria-label": "Going to the next" }, words, ...buttons);
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
    this.total.textContent = ` / ${clock(this.end)} s`;
    this.now.style.width = `${clock(this.end).length + 1}ch`;
  }

  /** @param {number} time */
  draw(time) {
    const { now } = this;
    if (now.ownerDocument.activeElement !== now) now.value = this.clock(time);
  }

  /** @param {(kind: JumpKind) => boolean} hasNext whether there is a next marker of a kind */
  drawMarkers(hasNext) {
    for (const { kind, button } of this.jumps) {
      const why = hasNext(kind) ? "" : `no ${kind} follows so far`;
      disableIf(button, why, `To the next ${kind} (${kind[0].toUpperCase()}; with Shift to the previous one)`);
    }
  }

  /** @param {number} speed */
  showSpeed(speed) {
    if (this.speed.options.length && Number(this.speed.value) === speed) return;
    const speeds = SPEEDS.includes(speed) ? SPEEDS : [...SPEEDS, speed].sort((a, b) => a - b);
    this.speed.replaceChildren(...speeds.map((each) => html("option", { value: each }, speedName(each))));
    this.speed.value = String(speed);
  }

  /** @param {boolean} playing */
  showPlaying(playing) {
    const label = playing ? "Pause" : "Play";
    this.play.replaceChildren(makeIcon(playing ? "pause" : "play"));
    this.play.setAttribute("aria-label", label);
    this.play.title = `${label} (space)`;
  }
}

/** @param {number} speed */
function speedName(speed) {
  return speed < 1 && Number.isInteger(1 / speed) ? `1/${1 / speed} ×` : `${Number(speed.toFixed(2))} ×`;
}

/** @param {keyof typeof ICONS} name */
function makeIcon(name) {
  const shape = svg("path", { d: ICONS[name] });
  return svg("svg", { viewBox: "0 0 16 16", width: 16, height: 16, "aria-hidden": "true" }, shape);
}

/**
 * @param {keyof typeof ICONS} icon
 * @param {string} label
 * @param {string} title
 * @param {(event: MouseEvent) => void} onPress
 */
function iconButton(icon, label, title, onPress) {
  const attributes = { type: "button", title, "aria-label": label, class: `rp-icon rp-icon-${icon}`, "data-act": icon };
  const element = html("button", attributes, makeIcon(icon));
  element.addEventListener("click", onPress);
  return element;
}
