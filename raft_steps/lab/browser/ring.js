// The drawing: servers on a ring, their timers, and the messages between them, as SVG. It knows no clock and no trace;
// it is told a moment, a time and what is under way.

import { MESSAGE_SHAPES, SERVER_SHAPES, messageFamily } from "./geometry.js";
import { layOut, meetsWall, onTheWay, wallPath, walls } from "./geometry.js";
import { isRefusal, isReply, messageWords } from "./words.js";

const SVG = "http://www.w3.org/2000/svg";
const LETTERS = { leader: "L", candidate: "C", follower: "F", server: "S" };
const TIMER_RADIUS = { election: 38 }; // any other timer, such as the heartbeat's, runs further outside
const OUTER_RADIUS = 44;

// Makes an SVG element with attributes and children.
export function svg(tag, attributes = {}, ...children) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

export class Ring {
  // names: the servers; longest: for each timer, the longest time that it was ever set to, in microseconds.
  constructor(names, longest) {
    this.names = names;
    this.longest = longest;
    const { places, box } = layOut(names);
    this.places = places;
    this.wallLayer = svg("g", { class: "rp-walls" });
    this.walls = [];
    this.stops = new Map();
    this.messages = svg("g", { class: "rp-messages" });
    this.servers = new Map(names.map((name) => [name, this.makeServer(name)]));
    this.shown = new Map();
    this.wallsShown = "";
    const viewBox = `${box.x} ${box.y} ${box.width} ${box.height}`;
    this.element = svg(
      "svg",
      { class: "rp-ring", viewBox, role: "group", "aria-label": "The cluster" },
      this.links(),
      this.wallLayer,
      ...[...this.servers.values()].map((server) => server.group),
      this.messages,
    );
  }

  links() {
    const lines = svg("g", { class: "rp-links" });
    this.names.forEach((a, index) => {
      for (const b of this.names.slice(index + 1)) {
        const [from, to] = [this.places.get(a), this.places.get(b)];
        lines.append(svg("line", { x1: from.x, y1: from.y, x2: to.x, y2: to.y }));
      }
    });
    return lines;
  }

  makeServer(name) {
    const { x, y, label } = this.places.get(name);
    const parts = {
      shape: svg("path", { class: "rp-shape" }),
      inner: svg("path", { class: "rp-inner", transform: "scale(0.84)" }),
      letter: svg("text", { class: "rp-letter" }),
      votes: svg("text", { class: "rp-votes", y: 16 }),
      badge: svg("g", { class: "rp-badge", transform: "translate(25 -25)" }),
      timers: svg("g", { class: "rp-timers" }),
      name: svg("text", { class: "rp-name", x: label.x - x, y: label.y - y }),
      words: svg("text", { class: "rp-words", x: label.x - x, y: label.y - y + 15 }),
    };
    parts.name.textContent = name;
    parts.badge.append(svg("circle", { r: 12 }), svg("path", { d: "M -4 -6 V 6 M 4 -6 V 6" }));
    const { timers, shape, inner, letter, votes, badge } = parts;
    const focus = svg("circle", { class: "rp-focus", r: 50 });
    const transform = `translate(${x} ${y})`;
    const attributes = { class: "rp-server", tabindex: 0, role: "img", transform, "data-server": name };
    const group = svg("g", attributes, focus, timers, shape, inner, letter, votes, badge, parts.name, parts.words);
    return { ...parts, group, arcs: new Map() };
  }

  // Draws a moment. `fresh` says that it is another than before, otherwise only time has passed; `changed` names the
  // server of the last happening. While time stands still, the messages can be reached by the keyboard.
  draw(moment, flights, time, { fresh, changed, playing }) {
    for (const [name, state] of moment.servers) {
      const server = this.servers.get(name);
      if (fresh) this.drawServer(server, name, state, name === changed);
      this.drawTimers(server, state, time);
    }
    if (fresh) this.drawWalls(moment);
    this.drawMessages(flights, playing ? -1 : 0);
  }

  drawServer(server, name, state, changed) {
    const { fields } = state;
    const down = !state.up;
    const role = down ? "follower" : state.role;
    server.group.setAttribute("class", `rp-server rp-${down ? "down" : role}${changed ? " rp-changed" : ""}`);
    server.shape.setAttribute("d", SERVER_SHAPES[role] ?? SERVER_SHAPES.server);
    server.inner.setAttribute("d", role === "leader" ? SERVER_SHAPES.leader : "");
    const counts = role === "candidate" && Array.isArray(fields.votes);
    server.letter.textContent = down ? "✕" : (LETTERS[role] ?? "S");
    server.letter.setAttribute("y", counts ? -3 : 1);
    server.votes.textContent = counts ? `${fields.votes.length}/${this.names.length}` : "";
    server.badge.style.display = state.paused ? "" : "none";
    server.words.textContent = roleWords(state);
    server.group.setAttribute("aria-label", serverWords(name, state, this.names.length));
  }

  drawTimers(server, state, time) {
    for (const [name, arc] of server.arcs) {
      if (name in state.timers) continue;
      arc.remove();
      server.arcs.delete(name);
    }
    for (const [name, [, due]] of Object.entries(state.timers)) {
      const arc = server.arcs.get(name) ?? this.addArc(server, name);
      const left = Math.max(0, due - time) / (this.longest[name] || 1);
      const drawn = (100 * Math.min(1, left)).toFixed(2);
      arc.setAttribute("stroke-dasharray", `${drawn} 200`);
    }
  }

  addArc(server, name) {
    const r = TIMER_RADIUS[name] ?? OUTER_RADIUS;
    const kind = name in TIMER_RADIUS ? "election" : "heartbeat";
    const d = `M 0 ${-r} A ${r} ${r} 0 1 1 0 ${r} A ${r} ${r} 0 1 1 0 ${-r}`;
    const arc = svg("path", { class: `rp-timer rp-timer-${kind}`, d, pathLength: 100, "data-timer": name });
    server.timers.append(arc);
    server.arcs.set(name, arc);
    return arc;
  }

  drawWalls({ sides, cuts }) {
    const key = JSON.stringify([sides, cuts]);
    if (key === this.wallsShown) return;
    this.wallsShown = key;
    const found = walls(this.names, sides);
    this.walls = found ?? [];
    this.stops.clear();
    const paths = this.walls.map(wallPath);
    const drawn = paths.flatMap((d) => [svg("path", { class: "rp-wall", d }), svg("path", { class: "rp-bricks", d })]);
    const cutLinks = found === null ? pairsAcross(sides) : [];
    this.wallLayer.replaceChildren(
      ...drawn,
      ...cutLinks.map(([a, b]) => this.cutLink(a, b, false)),
      ...cuts.map((cut) => this.cutLink(...cut.split(">"), true)),
    );
  }

  // A cut link: dashed, with a bar where messages stop; one way only, the bar is in that direction's lane.
  cutLink(from, to, oneWay) {
    const [start, end] = [this.places.get(from), this.places.get(to)];
    const [a, bar, b] = [0, 0.5, 1].map((share) => onTheWay(start, end, share, oneWay ? 0 : -8));
    const line = svg("line", { x1: a.x, y1: a.y, x2: b.x, y2: b.y });
    const turned = `translate(${bar.x} ${bar.y}) rotate(${bar.degrees})`;
    const stop = svg("path", { d: oneWay ? "M 0 -8 V 8 M -10 -5 L -3 0 L -10 5" : "M 0 -9 V 9", transform: turned });
    return svg("g", { class: "rp-cut", "data-cut": `${from}>${to}` }, line, stop);
  }

  drawMessages(flights, tabindex) {
    const gone = new Set(this.shown.keys());
    const waiting = new Map();
    for (const each of flights) {
      const { flight } = each;
      gone.delete(flight.name);
      const element = this.shown.get(flight.name) ?? this.addMessage(flight);
      const place = waiting.get(flight.to) ?? 0;
      if (each.waiting) waiting.set(flight.to, place + 1);
      const beside = each.waiting ? (place % 2 ? -1 : 1) * 17 * Math.ceil(place / 2) : 0;
      const [from, to] = [this.places.get(flight.from), this.places.get(flight.to)];
      const at = onTheWay(from, to, each.share * this.stopOf(flight), beside);
      element.setAttribute("tabindex", tabindex);
      element.setAttribute("transform", `translate(${at.x.toFixed(2)} ${at.y.toFixed(2)})`);
      element.classList.toggle("rp-crossed", each.crossed);
      element.classList.toggle("rp-pale", each.pale === true);
    }
    for (const name of gone) {
      this.shown.get(name).remove();
      this.shown.delete(name);
    }
  }

  // The share of its way after which a message is lost: at the wall, or half-way; 1 for one that arrives.
  stopOf(flight) {
    if (!flight.lost || flight.lost === "down") return 1;
    const link = `${flight.from}>${flight.to} ${flight.lost}`;
    if (!this.stops.has(link)) {
      const found = flight.lost === "cut" ? this.walls : [];
      this.stops.set(link, meetsWall(this.places.get(flight.from), this.places.get(flight.to), found));
    }
    return this.stops.get(link);
  }

  addMessage(flight) {
    const { name, from, to, type, fields } = flight;
    const family = messageFamily(type, fields);
    const { degrees } = onTheWay(this.places.get(from), this.places.get(to), 0);
    const reply = isReply(type);
    const element = svg(
      "g",
      {
        class: `rp-message rp-kind-${family}${reply ? " rp-reply" : ""}`,
        role: "img",
        "data-message": name,
        "aria-label": `${messageWords(type, fields)} from ${from} to ${to}`,
      },
      svg("circle", { class: "rp-target", r: 11 }),
      svg("line", { class: "rp-tail", x1: -19, x2: -8, transform: `rotate(${degrees})` }),
      svg("path", { class: "rp-body", d: MESSAGE_SHAPES[family] }),
      svg("path", { class: "rp-cross", d: "M -6 -6 L 6 6 M 6 -6 L -6 6" }),
    );
    if (reply && isRefusal(type, fields)) element.append(svg("path", { class: "rp-bar", d: "M -11 0 H 11" }));
    this.messages.append(element);
    this.shown.set(name, element);
    return element;
  }
}

// Under a server's name: its role as a word, and its term once there are terms to tell apart.
function roleWords(state) {
  if (!state.up) return state.life ? "down" : "not started";
  const term = state.fields.current_term;
  const role = state.paused ? `${state.role}, paused` : state.role;
  return term === undefined ? role : `${role} · term ${term}`;
}

// A server in a sentence, for those who cannot see the picture.
export function serverWords(name, state, count) {
  const said = [`${name}: ${roleWords(state).replace(" · ", ", ")}`];
  if (state.up && state.role === "candidate" && Array.isArray(state.fields.votes)) {
    said.push(`${state.fields.votes.length} of ${count} votes`);
  }
  const last = state.log.at(-1);
  said.push(last ? `log ends with entry ${last.index}, ${last.command}` : "empty log");
  return said.join("; ");
}

function pairsAcross(sides) {
  const pairs = [];
  sides.forEach((side, index) => {
    for (const other of sides.slice(index + 1)) for (const a of side) for (const b of other) pairs.push([a, b]);
  });
  return pairs;
}
