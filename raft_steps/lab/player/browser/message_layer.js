// Draws messages on their way, as SVG. geometry.js computes where they are.

/** @import { MessageInTransit, MessageSpan, Place, Wall } from "./types.js" */

import { getValue } from "./collections.js";
import { svg } from "./dom.js";
import { MESSAGE_SHAPES, messageFamily, pointOnLink, progressAtWall } from "./geometry.js";
import { MessageDots } from "./message_dots.js";
import { isRefusal, isReply, messageWords } from "./narration.js";

const STORM = 1200; // from this many messages on, all of them are drawn as dots, and none can be selected
const CROWD = 300; // from this many messages on, they are drawn without tails, which would only overlap
const QUEUE = 16; // so many messages that wait for the same server have a place of their own
const QUEUE_STEP = 17; // pixels between two messages that wait for the same server

/**
 * The element of a message, and what it shows.
 *
 * @typedef {object} DrawnMessage
 * @property {SVGGElement} element
 * @property {string} baseClass
 * @property {MessageSpan} span
 * @property {string} transform
 * @property {string} stateClass
 * @property {boolean} crossed
 */

export class MessageLayer {
  /**
   * @param {Map<string, Place>} places
   * @param {(server: string) => void} onFocusLost called with the receiver when the message that had the focus is removed
   */
  constructor(places, onFocusLost) {
    this.places = places;
    this.onFocusLost = onFocusLost;
    /** @type {readonly Wall[]} */
    this.walls = [];
    /** @type {Map<string, number>} */
    this.stops = new Map(); // where lost messages stop, by link and reason
    /** @type {Map<string, DrawnMessage>} */
    this.shown = new Map();
    this.pinned = "";
    this.dots = new MessageDots();
    this.element = svg("g", { class: "rp-messages" }, this.dots.element);
  }

  /** @param {readonly Wall[]} walls those of the partition: messages stop there */
  setWalls(walls) {
    this.walls = walls;
    this.stops.clear();
  }

  /** @param {readonly MessageInTransit[]} messages */
  draw(messages) {
    /** @type {Map<string, number>} */
    const queues = new Map();
    const isStorm = messages.length >= STORM;
    this.dots.draw(isStorm ? messages : [], (message) => this.pointOf(message, queues));
    this.drawEach(isStorm ? [] : messages, queues);
  }

  /**
   * Draws each message as an element of its own.
   *
   * @param {readonly MessageInTransit[]} messages
   * @param {Map<string, number>} queues how many messages drawn so far wait for each server
   */
  drawEach(messages, queues) {
    /** @type {Map<string, DrawnMessage>} */
    const now = new Map();
    for (const message of messages) {
      const { span } = message;
      const known = this.shown.get(span.name);
      const isSame = known?.span.fields === span.fields; // On another branch, another message may have this name.
      if (known && !isSame) this.remove(known);
      const drawn = known && isSame ? known : this.add(span);
      now.set(span.name, drawn);
      this.shown.delete(span.name);
      drawn.span = span;
      this.update(drawn, message, queues);
    }
    for (const drawn of this.shown.values()) this.remove(drawn);
    this.shown = now;
    this.element.classList.toggle("rp-crowd", now.size > CROWD);
  }

  /**
   * @param {DrawnMessage} drawn
   * @param {MessageInTransit} message
   * @param {Map<string, number>} queues how many messages drawn so far wait for each server
   */
  update(drawn, message, queues) {
    const { span } = message;
    const at = this.pointOf(message, queues);
    const transform = `translate(${at.x.toFixed(1)} ${at.y.toFixed(1)})`;
    if (transform !== drawn.transform) drawn.element.setAttribute("transform", transform);
    drawn.transform = transform;
    const stateClass = stateClassOf(message, span.name === this.pinned);
    if (stateClass === drawn.stateClass) return;
    drawn.stateClass = stateClass;
    drawn.element.setAttribute("class", drawn.baseClass + stateClass);
    if (!message.crossed || drawn.crossed) return;
    drawn.crossed = true;
    drawn.element.append(svg("path", { class: "rp-cross", d: "M -6 -6 L 6 6 M 6 -6 L -6 6" }));
  }

  /**
   * @param {MessageInTransit} message
   * @param {Map<string, number>} queues how many messages drawn so far wait for each server
   */
  pointOf(message, queues) {
    const { from, to } = message.span;
    const queued = queues.get(to) ?? 0;
    if (message.waiting) queues.set(to, queued + 1);
    const side = queued % 2 ? -1 : 1; // waiting messages line up on both sides of the link in turn
    const offset = message.waiting ? side * QUEUE_STEP * Math.ceil(Math.min(queued, QUEUE) / 2) : 0;
    return pointOnLink(this.placeOf(from), this.placeOf(to), this.shownProgress(message), offset);
  }

  /** @param {string} server */
  placeOf(server) {
    return getValue(this.places, server);
  }

  /**
   * Returns how far along its link a message is drawn. One that is lost when it is sent takes its whole time to reach the
   * wall where it stops; one that was on its way when the wall went up moves as usual, at most to the wall.
   *
   * @param {MessageInTransit} message
   */
  shownProgress({ span, progress }) {
    if (!span.lostLate) return progress * this.stopOf(span);
    return span.lost === "cut" && this.walls.length ? Math.min(progress, this.stopOf(span)) : progress;
  }

  /**
   * Returns the share of its way after which a message stops: at the wall, or half-way; 1 for one that arrives.
   *
   * @param {MessageSpan} span
   */
  stopOf({ from, to, lost }) {
    if (!lost || lost === "down") return 1;
    const key = `${from}>${to} ${lost}`;
    const known = this.stops.get(key);
    if (known !== undefined) return known;
    const stop = progressAtWall(this.placeOf(from), this.placeOf(to), lost === "cut" ? this.walls : []);
    this.stops.set(key, stop);
    return stop;
  }

  /**
   * @param {MessageSpan} span
   * @returns {DrawnMessage}
   */
  add(span) {
    const { name, from, to, type, fields } = span;
    const family = messageFamily(type, fields);
    const { degrees } = pointOnLink(this.placeOf(from), this.placeOf(to), 0);
    const isAnswer = isReply(type);
    const baseClass = `rp-message rp-kind-${family}${isAnswer ? " rp-reply" : ""}`;
    const words = `${messageWords(type, fields)} from ${from} to ${to}`;
    const element = svg(
      "g",
      { class: baseClass, role: "button", tabindex: -1, "data-message": name, "aria-label": words },
      svg("circle", { class: "rp-target", r: 11 }),
      svg("path", { class: "rp-tail", d: "M -6 -4.5 L -32 0 L -6 4.5 Z", transform: `rotate(${degrees.toFixed(1)})` }),
      svg("path", { class: "rp-body", d: MESSAGE_SHAPES[family] }),
    );
    if (isAnswer && isRefusal(type, fields)) element.append(svg("path", { class: "rp-refusal", d: "M -11 0 H 11" }));
    this.element.append(element);
    return { element, baseClass, span, transform: "", stateClass: "", crossed: false };
  }

  /** @param {DrawnMessage} drawn */
  remove({ element, span }) {
    const hadFocus = element.ownerDocument.activeElement === element;
    element.remove();
    if (hadFocus) this.onFocusLost(span.to);
  }

  /** Returns the elements of the messages in the order of the keyboard: by link. */
  elements() {
    const drawn = [...this.shown.values()].sort((a, b) => (a.span.name < b.span.name ? -1 : 1));
    return drawn.map(({ element }) => element);
  }
}

/**
 * @param {MessageInTransit} message
 * @param {boolean} pinned
 */
function stateClassOf({ crossed, pale }, pinned) {
  return (crossed ? " rp-crossed" : "") + (pale ? " rp-pale" : "") + (pinned ? " rp-pinned" : "");
}
