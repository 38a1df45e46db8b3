// What stands beside and below the ring, as HTML: the list of what happens, the logs, the legend, and the card that
// shows a server or a message whole.

import { MESSAGE_SHAPES, messageFamily } from "./geometry.js";
import { svg } from "./ring.js";
import { messageWords } from "./words.js";

// Makes an HTML element with attributes and children.
export function html(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

const BEFORE = 12; // how many happenings the list holds before the one that is shown, and after it
const AFTER = 8;

// The list of what happens, around the moment that is shown. A line can be clicked to go there.
export class HappeningList {
  constructor(story, clock, onChoose) {
    Object.assign(this, { story, clock });
    this.list = html("ol", { class: "rp-list" });
    this.element = html("section", { class: "rp-story", "aria-label": "What happens" }, this.list);
    this.list.addEventListener("click", (event) => {
      const line = event.target.closest("[data-place]");
      if (line) onChoose(story.happenings[Number(line.dataset.place)]);
    });
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

  // Scrolls so that the moment that is shown stands a little below the middle: what led to it matters more.
  centre() {
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

// The logs, an entry under the other, so that one can see where they differ. What does not fit is cut off at the front.
export class LogTable {
  // most: how many entries the longest log ever has; there is no column that stays empty.
  constructor(names, most) {
    this.names = names;
    this.most = most;
    this.columns = Math.min(6, most);
    this.head = html("tr");
    this.rows = new Map(names.map((name) => [name, html("tr")]));
    const caption = html("p", {}, "Logs: term and command of each entry; its frame is solid once it is carried out");
    const body = html("tbody", {}, ...this.rows.values());
    const table = html("table", { "aria-label": "Logs" }, html("thead", {}, this.head), body);
    this.element = html("div", { class: "rp-logs" }, caption, table);
  }

  // Shows as many entries as fit, and says whether that is another number than before.
  fit(columns) {
    const before = this.columns;
    this.columns = Math.min(columns, this.most);
    return before !== this.columns;
  }

  draw(moment) {
    const longest = Math.max(...[...moment.servers.values()].map((state) => state.log.length));
    const first = Math.max(0, longest - this.columns);
    const indexes = Array.from({ length: this.columns }, (_, column) => first + column);
    const corner = first > 0 ? `… ${first} before` : "";
    const headings = indexes.map((index) => html("th", { scope: "col" }, String(index + 1)));
    this.head.replaceChildren(html("td", {}, corner), ...headings);
    for (const [name, row] of this.rows) {
      const state = moment.servers.get(name);
      const cells = indexes.map((index) => logCell(state, state.log[index]));
      row.className = state.up ? "" : "rp-off";
      row.replaceChildren(html("th", { scope: "row" }, name), ...cells);
    }
  }
}

function logCell(state, entry) {
  if (!entry) return html("td");
  const done = state.applied.has(entry.index);
  const title = `entry ${entry.index}, term ${entry.term}: ${entry.command}${done ? ", carried out" : ""}`;
  const words = html("span", { class: "rp-command" }, entry.command);
  return html("td", { title, class: done ? "rp-applied" : "rp-entry" }, html("b", {}, String(entry.term)), words);
}

const FAMILIES = {
  heartbeat: "heartbeat",
  append: "new entries",
  vote: "vote",
  commit: "commit",
  snapshot: "snapshot",
  other: "other message",
};

// The legend, with what occurs in this trace and nothing else.
export function legend(flights, timers) {
  const found = new Set([...flights.values()].map((flight) => messageFamily(flight.type, flight.fields)));
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

// A value of a field in a few words.
function spelled(value) {
  if (value === null) return "none";
  if (Array.isArray(value)) return value.length ? value.map(spelled).join("; ") : "none";
  if (typeof value !== "object") return String(value);
  const { type, ...rest } = value;
  if ("command" in value) return `${value.term} ${spelled(value.command)}`;
  if (type) return [type.toLowerCase(), ...Object.values(rest)].join(" ");
  const pairs = Object.entries(rest).map(([key, item]) => `${key}: ${spelled(item)}`);
  return pairs.length ? pairs.join(", ") : "none";
}

// The card of the server or message under the pointer or the focus: all of its fields, by the names that the code uses.
export class Card {
  constructor(clock) {
    this.clock = clock;
    this.element = html("div", { class: "rp-card", role: "tooltip", hidden: "" });
  }

  hide() {
    this.element.hidden = true;
  }

  showServer(name, state, time) {
    const rows = Object.entries(state.fields).map(([field, value]) => [field, spelled(value)]);
    for (const [timer, [, due]] of Object.entries(state.timers)) {
      rows.push([`${timer} timer`, `${this.clock(Math.max(0, due - time))} s left`]);
    }
    this.fill(`${name}: ${state.up ? state.role : "down"}${state.paused ? ", paused" : ""}`, rows);
  }

  showMessage(flight) {
    const rows = Object.entries(flight.fields).map(([field, value]) => [field, spelled(value)]);
    rows.push(["sent at", `${this.clock(flight.leaves)} s as ${flight.name}`]);
    const words = messageWords(flight.type, flight.fields);
    this.fill(`${flight.from} → ${flight.to}: ${words}`, [["type", flight.type], ...rows]);
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
