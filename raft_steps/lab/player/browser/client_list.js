// The list of clients' requests and their answers, and the functions that find them in a trace.

/** @import { Clock, EventOfKind, TraceEvent } from "./types.js" */

import { lastIndexWhere } from "./collections.js";
import { closestTo, html } from "./dom.js";
import { eventText } from "./narration.js";

const MAX_SHOWN = 5;

/**
 * A request and its answer, if it got one.
 *
 * @typedef {{ asked: EventOfKind<"asked">, answered?: EventOfKind<"answered"> }} ClientRequest
 */

/**
 * Returns the requests of a trace, in order.
 *
 * @param {readonly TraceEvent[]} events
 * @returns {ClientRequest[]}
 */
export function requestsOf(events) {
  /** @type {Map<string, ClientRequest>} */
  const found = new Map();
  for (const event of events) {
    if (event.kind === "asked") found.set(event.client, { asked: event });
    if (event.kind !== "answered") continue;
    const request = found.get(event.client);
    if (request) request.answered ??= event;
  }
  return [...found.values()];
}

/**
 * Returns the answer that a request has got by an event, in words; "waits" if it has none yet.
 *
 * @param {ClientRequest} request
 * @param {number} number
 * @returns {string}
 */
export function answerAt({ asked, answered }, number) {
  if (!answered || answered.number > number) return "waits";
  const words = eventText(answered, { request: asked.request });
  return words.slice(words.indexOf(": ") + 2);
}

export class ClientList {
  /**
   * @param {Clock} clock
   * @param {(number: number) => void} onChoose called with the number of a request's event
   */
  constructor(clock, onChoose) {
    this.clock = clock;
    /** @type {ClientRequest[]} */
    this.requests = [];
    this.list = html("ol", { class: "rp-lines", tabindex: 0, "aria-label": "Requests" });
    this.none = html("p", { class: "rp-none" }, "No client has asked for anything yet.");
    this.element = html("section", { class: "rp-clients", "aria-label": "Clients" }, this.none, this.list);
    this.list.addEventListener("click", (event) => {
      const line = closestTo(event, "[data-event]");
      if (line) onChoose(Number(line.dataset.event));
    });
  }

  /**
   * @param {readonly TraceEvent[]} events
   * @param {Clock} clock
   */
  setRun(events, clock) {
    this.clock = clock;
    this.requests = requestsOf(events);
  }

  /** @param {number} number the last event that has happened */
  draw(number) {
    const last = lastIndexWhere(this.requests, ({ asked }) => asked.number <= number);
    const shown = this.requests.slice(Math.max(0, last + 1 - MAX_SHOWN), last + 1);
    this.none.hidden = shown.length > 0;
    this.list.replaceChildren(...shown.map((request) => this.makeLine(request, number)));
  }

  /**
   * @param {ClientRequest} request
   * @param {number} number
   */
  makeLine(request, number) {
    const { time, server, request: words } = request.asked;
    const text = answerAt(request, number);
    const answer = html("span", { class: text === "waits" ? "rp-waits" : "" }, text);
    const when = html("span", { class: "rp-when" }, this.clock(time));
    return html("li", { "data-event": request.asked.number }, when, html("span", {}, `${server}: ${words} → `, answer));
  }
}
