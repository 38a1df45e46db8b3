// Draws the client at the edge of the ring: its requests travel to a server, and the answers travel back. A request takes
// no time in the simulation; here it arrives at the time of its event, and an answer leaves at the time of its own.

/**
 * @import { ClientRequest } from "./client_list.js"
 * @import { EventOfKind, Place, Point, TraceEvent } from "./types.js"
 */

import { requestsOf } from "./client_list.js";
import { lastIndexWhere } from "./collections.js";
import { shortCommand } from "./command_words.js";
import { svg } from "./dom.js";
import { eventText } from "./narration.js";

const WAY = 0.7; // how long a request travels, as a share of the usual time of a message
const [CLIENT_WIDTH, CLIENT_HEIGHT] = [68, 28];
const MAX_LETTERS = 14;
const SERVER_EDGE = 40; // how far from the centre of a server the way ends
const MAX_WAITING = 6;

/**
 * Something on its way to a server or back.
 *
 * @typedef {{ server: string, time: number, text: string, isAnswer: boolean }} Errand
 */

export class ClientLayer {
  /**
   * @param {SVGGElement} layer
   * @param {Point} place
   * @param {Map<string, Place>} servers
   */
  constructor(layer, place, servers) {
    this.layer = layer;
    this.place = place;
    this.servers = servers;
    /** @type {Errand[]} */
    this.errands = [];
    /** @type {ClientRequest[]} */
    this.requests = [];
    this.way = 1;
    this.moving = svg("g");
    this.waiting = svg("g");
    const { x, y } = place;
    const box = {
      x: x - CLIENT_WIDTH / 2,
      y: y - CLIENT_HEIGHT / 2,
      width: CLIENT_WIDTH,
      height: CLIENT_HEIGHT,
      rx: CLIENT_HEIGHT / 2,
    };
    const name = svg("text", { x, y: y + 4 });
    name.textContent = "client";
    this.node = svg("g", { class: "rp-client", "data-client": 1 }, svg("rect", box), name);
    layer.replaceChildren(this.waiting, this.node, this.moving);
    this.drawnWaiting = "";
    this.drawnMoving = "";
  }

  /**
   * @param {readonly TraceEvent[]} events
   * @param {number} typical the usual time of a message
   * @param {boolean} canAsk whether the reader can be a client
   */
  setRun(events, typical, canAsk) {
    this.requests = requestsOf(events);
    this.way = WAY * typical || 1;
    /** @type {Errand[]} */
    const errands = [];
    for (const { asked, answered } of this.requests) {
      errands.push({ server: asked.server, time: asked.time, text: shortCommand(asked.request), isAnswer: false });
      if (!answered) continue;
      const [server, time, text] = [answered.server, answered.time + this.way, answerText(answered, asked.request)];
      errands.push({ server, time, text, isAnswer: true });
    }
    this.errands = errands.sort((a, b) => a.time - b.time);
    this.layer.style.display = canAsk || this.requests.length ? "" : "none";
    this.drawnWaiting = "";
  }

  /**
   * @param {number} number the last event that has happened
   * @param {number} time
   */
  draw(number, time) {
    const first = lastIndexWhere(this.errands, (errand) => errand.time <= time) + 1;
    /** @type {Errand[]} */
    const found = [];
    for (let index = first; index < this.errands.length && this.errands[index].time - this.way <= time; index += 1) {
      found.push(this.errands[index]);
    }
    if (found.length || this.drawnMoving)
      this.moving.replaceChildren(...found.map((each) => this.makeErrand(each, time)));
    this.drawnMoving = String(found.length || "");
    this.drawWaiting(number);
  }

  /** @param {number} number */
  drawWaiting(number) {
    const last = lastIndexWhere(this.requests, ({ asked }) => asked.number <= number);
    const open = this.requests
      .slice(Math.max(0, last + 1 - MAX_WAITING), last + 1)
      .filter(({ answered }) => !answered || answered.number > number);
    const servers = [...new Set(open.map(({ asked }) => asked.server))];
    const drawn = servers.join();
    if (drawn === this.drawnWaiting) return;
    this.drawnWaiting = drawn;
    const lines = servers.map((server) => {
      const { from, to } = this.wayTo(server);
      return svg("line", { class: "rp-open-request", x1: from.x, y1: from.y, x2: to.x, y2: to.y });
    });
    this.waiting.replaceChildren(...lines);
  }

  /** @param {string} server */
  wayTo(server) {
    const place = this.servers.get(server) ?? { x: 0, y: 0 };
    const [dx, dy] = [place.x - this.place.x, place.y - this.place.y];
    const length = Math.hypot(dx, dy) || 1;
    const start = Math.min(
      CLIENT_WIDTH / 2 / Math.max(0.01, Math.abs(dx / length)),
      CLIENT_HEIGHT / 2 / Math.max(0.01, Math.abs(dy / length)),
    );
    const at = (/** @type {number} */ far) => ({
      x: this.place.x + (dx / length) * far,
      y: this.place.y + (dy / length) * far,
    });
    return { from: at(start), to: at(length - SERVER_EDGE) };
  }

  /**
   * @param {Errand} errand
   * @param {number} time
   */
  makeErrand({ server, time: arrives, text, isAnswer }, time) {
    const { from, to } = this.wayTo(server);
    const share = 1 - (arrives - time) / this.way;
    const done = isAnswer ? 1 - share : share;
    const [x, y] = [from.x + (to.x - from.x) * done, from.y + (to.y - from.y) * done];
    const words = svg("text", { x: 11, y: 4 });
    words.textContent = text.length > MAX_LETTERS ? `${text.slice(0, MAX_LETTERS - 1)}…` : text;
    const attributes = {
      class: `rp-errand${isAnswer ? " rp-answer" : ""}`,
      transform: `translate(${x.toFixed(1)} ${y.toFixed(1)})`,
    };
    return svg("g", attributes, svg("circle", { r: 6 }), words);
  }
}

/**
 * @param {EventOfKind<"answered">} answered
 * @param {string} request
 */
function answerText(answered, request) {
  const words = eventText(answered, { request });
  return words.slice(words.indexOf(": ") + 2);
}
