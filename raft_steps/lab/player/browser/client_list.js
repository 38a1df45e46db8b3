// What clients asked and were told: a pure list of requests, and the lines that show those of a moment.

import { lastWhere } from "./happenings.js";
import { html } from "./dom.js";
import { eventText } from "./narration.js";

const MOST_SHOWN = 5;

// The requests of a trace in order, each {asked, answered}: the events, the second undefined if nobody answered.
export function requestsOf(events) {
  const found = new Map();
  for (const event of events) {
    if (event.kind === "asked") found.set(event.client, { asked: event });
    else if (event.kind === "answered" && found.has(event.client)) found.get(event.client).answered ??= event;
  }
  return [...found.values()];
}

// What a request has come to after the event of a number: "waits", or what it was told.
export function answerAt({ asked, answered }, number) {
  if (!answered || answered.number > number) return "waits";
  const words = eventText(answered, { request: asked.request });
  return words.slice(words.indexOf(": ") + 2);
}

export class ClientList {
  constructor(onChoose) {
    this.list = html("ol", { class: "rp-lines" });
    const title = html("h4", {}, "Clients");
    this.element = html("section", { class: "rp-clients", "aria-label": "Clients", hidden: true }, title, this.list);
    this.list.addEventListener("click", (event) => {
      const line = event.target.closest("[data-event]");
      if (line) onChoose(Number(line.dataset.event));
    });
  }

  take(events, clock) {
    Object.assign(this, { requests: requestsOf(events), clock });
    this.element.hidden = this.requests.length === 0;
  }

  draw(number) {
    const last = lastWhere(this.requests, ({ asked }) => asked.number <= number);
    const shown = this.requests.slice(Math.max(0, last + 1 - MOST_SHOWN), last + 1);
    this.list.replaceChildren(...shown.map((request) => this.line(request, number)));
  }

  line(request, number) {
    const { time, server, request: words } = request.asked;
    const answer = answerAt(request, number);
    const told = html("span", { class: answer === "waits" ? "rp-waits" : "" }, answer);
    const when = html("span", { class: "rp-when" }, this.clock(time));
    return html("li", { "data-event": request.asked.number }, when, html("span", {}, `${server}: ${words} → `, told));
  }
}
