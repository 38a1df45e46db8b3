// What stands beside the ring, as HTML: the list of what happens, the legend, and the card that shows a server or a
// message whole.

import { MESSAGE_SHAPES, messageFamily } from "./geometry.js";
import { html, svg } from "./dom.js";
import { messageRows, serverRows } from "./field_text.js";
import { messageWords } from "./narration.js";

const BEFORE = 12; // how many happenings the list holds before the one that is shown, and after it
const AFTER = 8;

// The list of what happens, around the moment that is shown. A line can be clicked to go there.
export class HappeningList {
  constructor(onChoose) {
    this.list = html("ol", { class: "rp-list" });
    this.element = html("section", { class: "rp-story", "aria-label": "What happens" }, this.list);
    this.list.addEventListener("click", (event) => {
      const line = event.target.closest("[data-place]");
      if (line) onChoose(this.story.happenings[Number(line.dataset.place)]);
    });
  }

  // Takes over another run; clock spells its times.
  take(story, clock) {
    Object.assign(this, { story, clock });
  }

  draw(number, heartbeats) {
    const told = this.story.told(heartbeats);
    const now = this.positionIn(told, number);
    const lines = [];
    for (let index = Math.max(0, now - BEFORE); index < Math.min(told.length, now + 1 + AFTER); index += 1) {
      lines.push(this.line(told[index], index - now, heartbeats));
    }
    this.list.replaceChildren(...lines);
    this.centre();
  }

  // Scrolls so that the moment that is shown stands a little below the middle: what led to it matters more. That is done
  // right before the next frame is painted, for to ask where something is makes the browser lay out the page.
  centre() {
    this.centring ??= requestAnimationFrame(() => {
      this.centring = null;
      this.scroll();
    });
  }

  scroll() {
    const current = this.list.querySelector("[aria-current]");
    if (current) this.list.scrollTop = current.offsetTop - (this.list.clientHeight - current.offsetHeight) * 0.6;
  }

  // The place in the list of the last happening that has begun.
  positionIn(told, number) {
    const place = this.story.placeOf(number);
    if (told === this.story.happenings) return place;
    let index = Math.min(place, told.length - 1);
    while (index >= 0 && told[index].place > place) index -= 1;
    return index;
  }

  line(happening, distance, heartbeats) {
    const words = this.story.lines(happening, heartbeats);
    const item = html("li", { "data-place": happening.place, class: distance > 0 ? "rp-later" : "" });
    if (distance === 0) item.setAttribute("aria-current", "true");
    item.append(html("span", { class: "rp-when" }, this.clock(happening.time)));
    item.append(html("span", {}, ...words.flatMap((line, index) => (index ? [html("br"), line] : [line]))));
    return item;
  }
}

const FAMILIES = {
  heartbeat: "heartbeat",
  append: "new entries",
  vote: "vote",
  commit: "commit",
  snapshot: "snapshot",
  other: "other message",
};

// Draws the legend, with what occurs in this trace and nothing else.
export function drawLegend(element, flights, timers) {
  const found = new Set();
  for (const { type, fields } of flights.values()) found.add(messageFamily(type, fields));
  const shown = [...found, ...Object.keys(timers)].sort().join();
  if (element.dataset.shown === shown) return;
  element.dataset.shown = shown;
  element.replaceChildren(legend(found, timers));
}

function legend(found, timers) {
  const kinds = Object.keys(FAMILIES).filter((family) => found.has(family));
  const items = kinds.map((family) => sample(`rp-message rp-kind-${family}`, MESSAGE_SHAPES[family], FAMILIES[family]));
  if (kinds.length) {
    items.push(sample("rp-message rp-reply", MESSAGE_SHAPES.commit, "hollow: a reply"));
    items.push(sample("rp-message rp-reply", MESSAGE_SHAPES.commit, "barred: a refusal", "M -10 0 H 10"));
  }
  for (const timer of ["election", "heartbeat"]) {
    const arc = "M -8 5 A 9 9 0 0 1 8 5";
    if (timer in timers) items.push(sample(`rp-timer rp-timer-${timer}`, arc, `${timer} timer`));
  }
  return html("ul", { class: "rp-legend", "aria-label": "Legend" }, ...items);
}

function sample(classes, d, words, bar = "") {
  const shape = svg("path", { class: classes.startsWith("rp-timer") ? classes : "rp-body", d });
  const group = svg("g", { class: classes }, shape);
  if (bar) group.append(svg("path", { class: "rp-bar", d: bar }));
  const picture = svg("svg", { viewBox: "-12 -10 24 20", width: 22, height: 18, "aria-hidden": "true" }, group);
  return html("li", {}, picture, words);
}

// The card of the server or message under the pointer or the focus: all of its fields, by the names that the code uses.
export class Card {
  constructor() {
    this.element = html("div", { class: "rp-card", role: "tooltip", hidden: "" });
  }

  hide() {
    this.element.hidden = true;
  }

  showServer(name, state, time) {
    const words = `${name}: ${state.up ? state.role : "down"}${state.paused ? ", paused" : ""}`;
    this.fill(words, serverRows(state, time, this.clock));
  }

  showMessage(flight) {
    const words = messageWords(flight.type, flight.fields);
    this.fill(`${flight.from} → ${flight.to}: ${words}`, messageRows(flight, this.clock));
  }

  fill(title, rows) {
    const list = html("dl", {}, ...rows.flatMap(([name, value]) => [html("dt", {}, name), html("dd", {}, value)]));
    this.element.replaceChildren(html("strong", {}, title), list);
    this.element.hidden = false;
  }

  // Places the card inside the picture's frame: to the right of what it shows, or to the left, or else above or below.
  placeBeside(target, frame) {
    const [box, outer] = [target.getBoundingClientRect(), frame.getBoundingClientRect()];
    const { offsetWidth: width, offsetHeight: height } = this.element;
    const [right, left] = [box.right - outer.left + 8, box.left - outer.left - width - 8];
    const middle = box.top + box.height / 2 - outer.top - height / 2;
    const below = box.bottom - outer.top + 8;
    const top = below + height > outer.height ? box.top - outer.top - height - 8 : below;
    const beside = right + width <= outer.width || left >= 0;
    const x = right + width <= outer.width ? right : left;
    this.element.style.left = `${beside ? x : Math.max(0, Math.min(right - width / 2, outer.width - width))}px`;
    this.element.style.top = `${beside ? Math.max(0, Math.min(middle, outer.height - height)) : top}px`;
  }
}
