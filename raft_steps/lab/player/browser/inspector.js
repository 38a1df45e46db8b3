// What is shown of the selected server or message: its fields in a tab, and next to it in the picture a pill with the
// actions that are available. It is not modal: the rest of the player stays usable.

/**
 * @import { Navigation } from "./navigation.js"
 * @import { Action, ButtonAction, Changes, Clock, LiveState, MessageSpan, Moment, Row, ServerState, Subject }
 *   from "./types.js"
 */

import { defaultHoldSeconds, messageActions, serverActions } from "./available_actions.js";
import { getValue } from "./collections.js";
import { disableIf, html, pressButton } from "./dom.js";
import { messageRows, serverRows } from "./field_text.js";
import { messageWords, plainSeconds } from "./narration.js";

const GAP = 12; // pixels between a server or message and its pill

export class Inspector {
  /**
   * @param {{ act(action: Action): void, close(): void }} handlers
   * @param {boolean} live whether any action is possible at all
   */
  constructor(handlers, live) {
    this.handlers = handlers;
    this.live = live;
    /** @type {Subject | null} */
    this.subject = null;
    /** @type {Map<string, HTMLButtonElement>} */
    this.buttons = new Map();
    /** @type {Map<string, Action>} */
    this.offered = new Map(); // the action that each button stands for at this moment
    this.drawn = ""; // the buttons that are drawn
    this.hasDefault = false;
    this.title = html("p", { class: "rp-title" });
    this.fields = html("dl", { class: "rp-fields", tabindex: 0 });
    this.actions = html("div", { class: "rp-actions", role: "group" });
    this.seconds = html("input", {
      type: "number",
      min: 0,
      step: "any",
      value: 2,
      "aria-label": "Seconds to hold back",
    });
    this.hold = html("label", { class: "rp-hold" }, "for ", this.seconds, " s");
    const close = pressButton("×", () => handlers.close(), {
      class: "rp-close",
      "aria-label": "Close the panel",
      title: "Close (Escape)",
    });
    this.pill = html("div", { class: "rp-pill", hidden: true }, this.actions, close);
    this.none = html("p", { class: "rp-none" }, "Click a server or a message to see its fields here.");
    const attributes = { class: "rp-inspector", "aria-label": "Selected", hidden: true };
    this.element = html("section", attributes, this.title, this.fields);
    this.tab = html("div", {}, this.none, this.element);
  }

  /** @param {Navigation} navigation */
  setRun(navigation) {
    if (!this.hasDefault) this.seconds.value = String(defaultHoldSeconds(navigation.spans.typical));
    this.hasDefault = true; // Later runs leave what the reader may have entered.
  }

  /** @param {Subject | null} subject */
  show(subject) {
    this.subject = subject;
    this.element.hidden = subject === null;
    this.none.hidden = subject !== null;
    this.pill.hidden = subject === null;
  }

  /**
   * Places the pill below a server or message, or above it if it hides less there, and inside the frame.
   *
   * @param {Element | null} target
   * @param {Element} frame
   */
  place(target, frame) {
    const { pill } = this;
    if (pill.hidden || !target) return;
    const shape = target.querySelector(".rp-shape") ?? target;
    const [box, outer] = [shape.getBoundingClientRect(), frame.getBoundingClientRect()];
    const { offsetWidth: width, offsetHeight: height } = pill;
    const middle = box.left + box.width / 2 - outer.left - width / 2;
    const left = Math.max(0, Math.min(middle, outer.width - width));
    const tops = [box.bottom - outer.top + GAP, box.top - outer.top - height - GAP];
    const others = [...frame.querySelectorAll(".rp-server .rp-shape")].filter((each) => !target.contains(each));
    const boxes = others.map((each) => each.getBoundingClientRect());
    const covered = tops.map((top) => {
      const place = new DOMRect(outer.left + left, outer.top + top, width, height);
      const outside = Math.max(0, -top - GAP, top + height - outer.height - 2 * GAP);
      return boxes.reduce((sum, each) => sum + sharedArea(place, each), 1000 * outside);
    });
    pill.style.left = `${left.toFixed(0)}px`;
    pill.style.top = `${tops[covered[1] < covered[0] ? 1 : 0].toFixed(0)}px`;
  }

  /** The name of the selected server or message, or "". */
  get selected() {
    return this.subject?.server ?? this.subject?.message ?? "";
  }

  /**
   * Returns the actions on a server or message.
   *
   * @param {Moment} moment
   * @param {Partial<LiveState>} live
   * @param {number} time
   * @param {Subject | null} subject
   */
  actionsOn(moment, live, time, subject = this.subject) {
    if (!subject || !this.live) return [];
    if (subject.server !== undefined) return serverActions(moment, subject.server);
    return messageActions(moment, subject.message, { seconds: Number(this.seconds.value), time }).map((action) => {
      const isDropped = action.act === "drop" && (live.script ?? []).some(({ line }) => line === action.line);
      return isDropped ? { ...action, why: action.why || "it will already be lost" } : action;
    });
  }

  /**
   * @param {object} view
   * @param {Moment} view.moment
   * @param {Navigation} view.navigation
   * @param {Clock} view.clock
   * @param {number} view.time
   * @param {Partial<LiveState>} view.live
   * @param {Map<string, Changes>} view.changed
   */
  draw({ moment, navigation, clock, time, live, changed }) {
    if (!this.subject) return;
    const { server, message } = this.subject;
    if (server !== undefined) {
      const state = getValue(moment.servers, server);
      this.drawServer(server, state, { time, clock, fresh: changed.get(server)?.rows });
    } else {
      const span = navigation.spans.byName.get(message.replace(" copy", ""));
      this.drawMessage(span, message, { moment, clock });
    }
    this.drawActions(this.actionsOn(moment, live, time));
  }

  /**
   * @param {string} name
   * @param {ServerState} state
   * @param {{ time: number, clock: Clock, fresh?: Set<string> }} view
   */
  drawServer(name, state, { time, clock, fresh }) {
    this.title.textContent = `${name}: ${statusOf(state)}`;
    const last = state.log.at(-1);
    const entries = last ? `${state.log.length} long, ends with ${last.command} of term ${last.term}` : "empty";
    const log = state.snapshot ? `snapshot up to entry ${state.snapshot.index}, then ${entries}` : entries;
    const rows = state.up ? serverRows(state, time, clock) : []; // A crash erases what was in memory.
    this.fill([...rows, [state.up ? "log" : "log on disk", log]], fresh);
  }

  /**
   * @param {MessageSpan | undefined} span
   * @param {string} name
   * @param {{ moment: Moment, clock: Clock }} view
   */
  drawMessage(span, name, { moment, clock }) {
    if (!span) {
      this.title.textContent = name;
      this.fill([["", "not sent at this moment"]]);
      return;
    }
    this.title.textContent = `${span.from} → ${span.to}: ${messageWords(span.type, span.fields)}`;
    const rows = messageRows(span, clock);
    if (moment.held[name] !== undefined) rows.push(["held back", `until ${plainSeconds(moment.held[name])} s`]);
    this.fill(rows);
  }

  /**
   * Fills in the rows. Those that the last happening changed are marked, in words as well.
   *
   * @param {readonly Row[]} rows
   * @param {Set<string>} fresh
   */
  fill(rows, fresh = new Set()) {
    // While time passes, only texts change: keeping the elements keeps what the reader has selected in them.
    const fits = this.fields.children.length === 2 * rows.length;
    if (!fits) this.fields.replaceChildren(...rows.flatMap(() => [html("dt"), html("dd")]));
    rows.forEach(([name, value], index) => {
      const term = this.fields.children[2 * index];
      const description = /** @type {HTMLElement} */ (this.fields.children[2 * index + 1]);
      if (term.textContent !== name) term.textContent = name;
      if (description.textContent !== value) description.textContent = value;
      description.classList.toggle("rp-fresh", fresh.has(name));
      if (fresh.has(name)) description.title = "changed just now";
      else description.removeAttribute("title");
    });
  }

  /** @param {readonly ButtonAction[]} all */
  drawActions(all) {
    const actions = all.filter((action) => !isReplaced(action, all));
    const drawn = actions.map(({ act, label }) => act + label).join();
    if (drawn !== this.drawn) this.makeButtons(actions);
    this.drawn = drawn;
    for (const action of actions) {
      this.offered.set(action.act, action);
      disableIf(getValue(this.buttons, action.act), action.why, `${action.line} (${action.key})`);
    }
  }

  /** @param {readonly ButtonAction[]} actions */
  makeButtons(actions) {
    const focused = this.actions.ownerDocument.activeElement;
    const place = [...this.buttons.values()].indexOf(/** @type {HTMLButtonElement} */ (focused));
    this.buttons.clear();
    for (const { act, label, key } of actions) {
      const words = [html("span", {}, label), html("kbd", { "aria-hidden": "true" }, key)];
      const button = html("button", { type: "button", "data-act": act }, ...words);
      button.addEventListener("click", () => this.handlers.act(getValue(this.offered, act)));
      this.buttons.set(act, button);
    }
    const parts = [...this.buttons].flatMap(([act, button]) => (act === "hold" ? [button, this.hold] : [button]));
    this.actions.replaceChildren(...parts);
    this.actions.hidden = parts.length === 0;
    [...this.buttons.values()][place]?.focus({ preventScroll: true }); // Restart takes the place of crash.
  }
}

/**
 * Returns whether an action is unavailable and another one with the same key is available, such as crash and restart.
 *
 * @param {ButtonAction} action
 * @param {readonly ButtonAction[]} all
 */
function isReplaced(action, all) {
  const twin = all.find((other) => other !== action && other.key === action.key);
  return twin !== undefined && action.why !== "" && (twin.why === "" || all.indexOf(twin) < all.indexOf(action));
}

/**
 * @param {DOMRect} one
 * @param {DOMRect} other
 */
function sharedArea(one, other) {
  const wide = Math.min(one.right, other.right) - Math.max(one.left, other.left);
  const high = Math.min(one.bottom, other.bottom) - Math.max(one.top, other.top);
  return Math.max(0, wide) * Math.max(0, high);
}

/** @param {ServerState} state */
function statusOf(state) {
  if (!state.up) return state.life ? "down" : "not started";
  return state.paused ? `${state.role}, paused` : state.role;
}
