// Draws servers on a ring, their timers, and the walls between them, as SVG; message_layer.js draws the messages. It uses
// neither a clock nor a trace: it draws a given moment at a given time.

/** @import { Changes, MessageInTransit, Moment, ServerState } from "./types.js" */

import { getValue } from "./collections.js";
import { svg } from "./dom.js";
import { findWalls, layOutRing, pointOnLink, SERVER_SHAPES, wallPath } from "./geometry.js";
import { MessageLayer } from "./message_layer.js";

const LETTERS = { leader: "L", candidate: "C", follower: "F", server: "S" };
/** @type {Record<string, number>} */
const TIMER_RADIUS = { election: 38 };
const OUTER_RADIUS = 44; // of any other timer, such as the heartbeat's

export class Ring {
  /**
   * @param {readonly string[]} names
   * @param {string} label
   */
  constructor(names, label = "The cluster") {
    this.names = names;
    /** @type {Record<string, number>} */
    this.longestTimers = {}; // the time that a full arc of each timer stands for
    const { places, box } = layOutRing(names);
    this.places = places;
    this.wallLayer = svg("g", { class: "rp-walls" });
    this.messages = new MessageLayer(places, (name) => getValue(this.servers, name).group.focus());
    this.servers = new Map(names.map((name) => [name, this.makeServer(name)]));
    this.wallsShown = "";
    const viewBox = `${box.x} ${box.y} ${box.width} ${box.height}`;
    this.element = svg(
      "svg",
      { class: "rp-ring", viewBox, role: "group", "aria-label": label },
      this.makeLinks(),
      this.wallLayer,
      ...[...this.servers.values()].map((server) => server.group),
      this.messages.element,
    );
  }

  /** @param {string} name */
  placeOf(name) {
    return getValue(this.places, name);
  }

  makeLinks() {
    const lines = svg("g", { class: "rp-links" });
    this.names.forEach((a, index) => {
      for (const b of this.names.slice(index + 1)) {
        const [from, to] = [this.placeOf(a), this.placeOf(b)];
        lines.append(svg("line", { x1: from.x, y1: from.y, x2: to.x, y2: to.y }));
      }
    });
    return lines;
  }

  /** @param {string} name */
  makeServer(name) {
    const { x, y, label } = this.placeOf(name);
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
    const children = [focus, timers, shape, inner, letter, votes, badge, tick, parts.name, parts.words];
    const group = svg("g", attributes, ...children);
    /** @type {Map<string, SVGPathElement>} */
    const arcs = new Map();
    return { ...parts, group, arcs };
  }

  /**
   * Draws a moment.
   *
   * @param {Moment} moment
   * @param {readonly MessageInTransit[]} messages
   * @param {number} time
   * @param {object} options
   * @param {boolean} options.fresh whether to draw also what only events change; otherwise only time has passed
   * @param {Map<string, Changes>} options.changed what the last happening changed, by server
   * @param {readonly string[]} [options.chosen] the servers that are ticked
   * @param {string} [options.pinned] the server or message that the inspector shows
   */
  draw(moment, messages, time, { fresh, changed, chosen = [], pinned = "" }) {
    for (const [name, state] of moment.servers) {
      const server = getValue(this.servers, name);
      if (fresh) {
        this.drawServer(server, name, state);
        const { classList } = server.group;
        classList.toggle("rp-changed", changed.has(name));
        classList.toggle("rp-chosen", chosen.includes(name));
        classList.toggle("rp-pinned", pinned === name);
      }
      this.drawTimers(server, state, time);
    }
    if (fresh) this.drawWalls(moment);
    this.messages.pinned = pinned;
    this.messages.draw(messages);
  }

  /**
   * @param {DrawnServer} server
   * @param {string} name
   * @param {ServerState} state
   */
  drawServer(server, name, state) {
    const { votes } = state.fields;
    const role = state.up ? state.role : "follower";
    server.group.setAttribute("class", `rp-server rp-${state.up ? role : "down"}`);
    server.shape.setAttribute("d", SERVER_SHAPES[role] ?? SERVER_SHAPES.server);
    server.inner.setAttribute("d", role === "leader" ? SERVER_SHAPES.leader : "");
    const showsVotes = role === "candidate" && Array.isArray(votes);
    server.letter.textContent = state.up ? (LETTERS[role] ?? "S") : "✕";
    server.letter.setAttribute("y", showsVotes ? "-3" : "1");
    server.votes.textContent = showsVotes ? `${votes.length}/${this.names.length}` : "";
    server.badge.style.display = state.paused ? "" : "none";
    server.words.textContent = roleWords(state);
    server.group.setAttribute("aria-label", describeServer(name, state, this.names.length));
  }

  /**
   * @param {DrawnServer} server
   * @param {ServerState} state
   * @param {number} time
   */
  drawTimers(server, state, time) {
    for (const [name, arc] of server.arcs) {
      if (name in state.timers) continue;
      arc.remove();
      server.arcs.delete(name);
    }
    for (const [name, [, due]] of Object.entries(state.timers)) {
      const arc = server.arcs.get(name) ?? this.addArc(server, name);
      const left = Math.max(0, due - time) / (this.longestTimers[name] || 1);
      arc.setAttribute("stroke-dasharray", `${(100 * Math.min(1, left)).toFixed(1)} 200`);
    }
  }

  /**
   * @param {DrawnServer} server
   * @param {string} name
   */
  addArc(server, name) {
    const r = TIMER_RADIUS[name] ?? OUTER_RADIUS;
    const kind = name in TIMER_RADIUS ? "election" : "heartbeat";
    const d = `M 0 ${-r} A ${r} ${r} 0 1 1 0 ${r} A ${r} ${r} 0 1 1 0 ${-r}`;
    const arc = svg("path", { class: `rp-timer rp-timer-${kind}`, d, pathLength: 100, "data-timer": name });
    server.timers.append(arc);
    server.arcs.set(name, arc);
    return arc;
  }

  /** @param {Moment} moment */
  drawWalls({ sides, cuts }) {
    const key = JSON.stringify([sides, cuts]);
    if (key === this.wallsShown) return;
    this.wallsShown = key;
    const walls = findWalls(this.names, sides);
    this.messages.setWalls(walls ?? []);
    const paths = (walls ?? []).map(wallPath);
    const drawn = paths.flatMap((d) => [svg("path", { class: "rp-wall", d }), svg("path", { class: "rp-bricks", d })]);
    const cutPairs = walls === null ? pairsAcross(sides) : [];
    const cutLinks = cuts.map((cut) => cut.split(">"));
    this.wallLayer.replaceChildren(
      ...drawn,
      ...cutPairs.map(([a, b]) => this.drawCut(a, b, false)),
      ...cutLinks.map(([from, to]) => this.drawCut(from, to, true)),
    );
  }

  /**
   * Draws a cut link: dashed, with a bar where messages stop. If only one direction is cut, the bar is in its lane.
   *
   * @param {string} from
   * @param {string} to
   * @param {boolean} oneWay
   */
  drawCut(from, to, oneWay) {
    const [start, end] = [this.placeOf(from), this.placeOf(to)];
    const [a, bar, b] = [0, 0.5, 1].map((share) => pointOnLink(start, end, share, oneWay ? 0 : -8));
    const line = svg("line", { x1: a.x, y1: a.y, x2: b.x, y2: b.y });
    const transform = `translate(${bar.x} ${bar.y}) rotate(${bar.degrees})`;
    const stop = svg("path", { d: oneWay ? "M 0 -8 V 8 M -10 -5 L -3 0 L -10 5" : "M 0 -9 V 9", transform });
    return svg("g", { class: "rp-cut", "data-cut": `${from}>${to}` }, line, stop);
  }

  /**
   * Returns the elements that can have the focus, in the order of the arrow keys: servers, then messages.
   *
   * @returns {SVGGElement[]}
   */
  elements() {
    return [...[...this.servers.values()].map(({ group }) => group), ...this.messages.elements()];
  }
}

/** @typedef {ReturnType<Ring["makeServer"]>} DrawnServer */

/**
 * Returns the line under a server's name: its role, and its term if its Node has terms.
 *
 * @param {ServerState} state
 */
function roleWords(state) {
  if (!state.up) return state.life ? "down" : "not started";
  const term = state.fields.current_term;
  const role = state.paused ? `${state.role}, paused` : state.role;
  return term === undefined ? role : `${role} · term ${term}`;
}

/**
 * Describes a server in a sentence, for screen readers.
 *
 * @param {string} name
 * @param {ServerState} state
 * @param {number} count how many servers there are
 */
function describeServer(name, state, count) {
  const parts = [`${name}: ${roleWords(state).replace(" · ", ", ")}`];
  if (state.up && state.role === "candidate" && Array.isArray(state.fields.votes)) {
    parts.push(`${state.fields.votes.length} of ${count} votes`);
  }
  const last = state.log.at(-1);
  if (last) parts.push(`log ends with entry ${last.index}, ${last.command}`);
  else parts.push(state.snapshot ? `snapshot up to entry ${state.snapshot.index}` : "empty log");
  return parts.join("; ");
}

/**
 * @param {readonly string[][]} sides
 * @returns {[string, string][]}
 */
function pairsAcross(sides) {
  /** @type {[string, string][]} */
  const pairs = [];
  sides.forEach((side, index) => {
    for (const other of sides.slice(index + 1)) for (const a of side) for (const b of other) pairs.push([a, b]);
  });
  return pairs;
}
