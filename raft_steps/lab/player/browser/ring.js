// The drawing: servers on a ring, their timers, the walls between them, as SVG; the messages are message_layer.js's. It knows no
// clock and no trace; it is told a moment, a time and what is under way.

import { SERVER_SHAPES, layOut, onTheWay, wallPath, walls } from "./geometry.js";
import { Mail } from "./message_layer.js";
import { svg } from "./dom.js";

const LETTERS = { leader: "L", candidate: "C", follower: "F", server: "S" };
const TIMER_RADIUS = { election: 38 }; // any other timer, such as the heartbeat's, runs further outside
const OUTER_RADIUS = 44;

export class Ring {
  constructor(names, label = "The cluster") {
    this.names = names;
    this.longest = {};
    const { places, box } = layOut(names);
    this.places = places;
    this.wallLayer = svg("g", { class: "rp-walls" });
    this.mail = new Mail(places, (name) => this.servers.get(name).group.focus());
    this.servers = new Map(names.map((name) => [name, this.makeServer(name)]));
    this.wallsShown = "";
    const viewBox = `${box.x} ${box.y} ${box.width} ${box.height}`;
    this.element = svg(
      "svg",
      { class: "rp-ring", viewBox, role: "group", "aria-label": label },
      this.links(),
      this.wallLayer,
      ...[...this.servers.values()].map((server) => server.group),
      this.mail.element,
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
      tick: svg("g", { class: "rp-tick", transform: "translate(-25 -25)" }),
      timers: svg("g", { class: "rp-timers" }),
      name: svg("text", { class: "rp-name", x: label.x - x, y: label.y - y }),
      words: svg("text", { class: "rp-words", x: label.x - x, y: label.y - y + 15 }),
    };
    parts.name.textContent = name;
    parts.badge.append(svg("circle", { r: 12 }), svg("path", { d: "M -4 -6 V 6 M 4 -6 V 6" }));
    const box = svg("rect", { x: -10, y: -10, width: 20, height: 20, rx: 4 });
    parts.tick.append(box, svg("path", { d: "M -5 0 L -1 5 L 6 -5" }));
    const { timers, shape, inner, letter, votes, badge, tick } = parts;
    const focus = svg("circle", { class: "rp-focus", r: 50 });
    const transform = `translate(${x} ${y})`;
    const attributes = { class: "rp-server", tabindex: -1, role: "button", transform, "data-server": name };
    const group = svg(
      "g",
      attributes,
      focus,
      timers,
      shape,
      inner,
      letter,
      votes,
      badge,
      tick,
      parts.name,
      parts.words,
    );
    return { ...parts, group, arcs: new Map() };
  }

  // Draws a moment. `fresh` says that it is another than before, otherwise only time has passed; `changed` has the
  // servers that the last happening changed, `chosen` those that are ticked, `pinned` is what the panel shows.
  draw(moment, flights, time, { fresh, changed, chosen = [], pinned = "" }) {
    for (const [name, state] of moment.servers) {
      const server = this.servers.get(name);
      if (fresh) {
        this.drawServer(server, name, state);
        const marks = {
          "rp-changed": changed.has(name),
          "rp-chosen": chosen.includes(name),
          "rp-pinned": pinned === name,
        };
        for (const [mark, on] of Object.entries(marks)) server.group.classList.toggle(mark, on);
      }
      this.drawTimers(server, state, time);
    }
    if (fresh) this.drawWalls(moment);
    this.mail.pinned = pinned;
    this.mail.draw(flights);
  }

  drawServer(server, name, state) {
    const { fields } = state;
    const down = !state.up;
    const role = down ? "follower" : state.role;
    server.group.setAttribute("class", `rp-server rp-${down ? "down" : role}`);
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
    for (const name in state.timers) {
      const arc = server.arcs.get(name) ?? this.addArc(server, name);
      const left = Math.max(0, state.timers[name][1] - time) / (this.longest[name] || 1);
      arc.setAttribute("stroke-dasharray", `${(100 * Math.min(1, left)).toFixed(1)} 200`);
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
    this.mail.takeWalls(found ?? []);
    const paths = (found ?? []).map(wallPath);
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

  // What can have the focus, in the order in which one goes through it by keyboard: servers, then messages.
  elements() {
    return [...[...this.servers.values()].map(({ group }) => group), ...this.mail.elements()];
  }
}

// Under a server's name: its role as a word, and its term once there are terms to tell apart.
export function roleWords(state) {
  if (!state.up) return state.life ? "down" : "not started";
  const term = state.fields.current_term;
  const role = state.paused ? `${state.role}, paused` : state.role;
  return term === undefined ? role : `${role} · term ${term}`;
}

// A server in a sentence, for those who cannot see the picture.
function serverWords(name, state, count) {
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
