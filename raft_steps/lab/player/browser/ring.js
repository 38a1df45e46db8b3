// Draws servers on a ring, their timers, and the walls between them, as SVG; message_layer.js draws the messages. It uses
// neither a clock nor a trace: it draws a given moment at a given time.
//
// The figure in a server is its term, which also has a colour. The outline is its role: thick for a leader, dashed for a
// candidate. The pips of a candidate are its votes; square ones are those of a server that first asks who would vote for it.

/**
 * @import { Part } from "./configurations.js"
 * @import { Changes, MessageInTransit, Moment, Place, ServerState } from "./types.js"
 */

/** @typedef {{ kind: "votes" | "pre-votes", count: number }} Ballot */

import { getValue } from "./collections.js";
import { partsOf, votersFor } from "./configurations.js";
import { svg } from "./dom.js";
import { findWalls, layOutRing, pointOnLink, ringRadius, wallPath } from "./geometry.js";
import { MessageLayer } from "./message_layer.js";
import { tintClass } from "./term_tint.js";

const LETTERS = { leader: "L", candidate: "C", follower: "F", server: "S" };
const BODY_RADIUS = 34;
const TIMER_RADIUS = 42;
const OTHER_TIMER_RADIUS = 48; // of a second timer, and of all that are not the election's or the heartbeat's
const MAX_NAME = 12; // letters of a name
const CHANGING = { joins: true, leaves: true };
/** @type {Record<Part, string>} */
const PARTS = { "": "", joins: "joins", leaves: "leaves", learner: "learner", outside: "not a member" };
const MANY_PIPS = 5; // from this many on, pips are smaller
const PULSE_MILLISECONDS = 450;
const CUT_WORD = 1.05; // how far out the word at a wall is, as a multiple of where the wall ends

export class Ring {
  /**
   * @param {readonly string[]} names
   * @param {{ label?: string, canChoose?: boolean }} options canChoose: whether its servers can be selected
   */
  constructor(names, { label = "The cluster", canChoose = true } = {}) {
    this.canChoose = canChoose;
    this.names = names;
    /** @type {Record<string, number>} */
    this.longestTimers = {}; // the time that a full arc of each timer stands for
    const { places, client, box } = layOutRing(names);
    this.places = places;
    this.client = client;
    this.wallLayer = svg("g", { class: "rp-walls" });
    this.messages = new MessageLayer(places, (name) => getValue(this.servers, name).group.focus());
    this.servers = new Map(names.map((name) => [name, this.makeServer(name)]));
    this.wallsShown = "";
    this.clientLayer = svg("g"); // client_layer.js draws in it
    const viewBox = `${box.x} ${box.y} ${box.width} ${box.height}`;
    this.element = svg(
      "svg",
      { class: "rp-ring", viewBox, role: "group", "aria-label": label },
      svg("circle", { class: "rp-disc", r: ringRadius(names.length) }),
      this.wallLayer,
      this.clientLayer,
      ...[...this.servers.values()].map((server) => server.label),
      ...[...this.servers.values()].map((server) => server.group),
      this.messages.element,
    );
  }

  /** @param {string} name */
  placeOf(name) {
    return getValue(this.places, name);
  }

  /** @param {string} name */
  makeServer(name) {
    const place = this.placeOf(name);
    const { x, y } = place;
    const parts = {
      pulse: svg("circle", { class: "rp-pulse", r: BODY_RADIUS }),
      shape: svg("circle", { class: "rp-shape", r: BODY_RADIUS }),
      figure: svg("text", { class: "rp-figure" }),
      votes: svg("g", { class: "rp-votes" }),
      badge: svg("g", { class: "rp-badge", transform: "translate(29 -29)" }),
      tick: svg("g", { class: "rp-tick", transform: "translate(-29 -29)" }),
      timers: svg("g", { class: "rp-timers" }),
      ...this.makeLabel(name, place),
    };
    parts.badge.append(svg("circle", { r: 12 }), svg("path", { d: "M -4 -6 V 6 M 4 -6 V 6" }));
    const box = svg("rect", { x: -10, y: -10, width: 20, height: 20, rx: 6 });
    parts.tick.append(box, svg("path", { d: "M -5 0 L -1 5 L 6 -5" }));
    const { pulse, timers, shape, figure, votes, badge, tick } = parts;
    const focus = svg("circle", { class: "rp-focus", r: 52 });
    const transform = `translate(${x.toFixed(1)} ${y.toFixed(1)})`;
    const attributes = { class: "rp-server", role: "button", transform, "data-server": name };
    const children = [focus, timers, pulse, shape, figure, votes, badge, tick];
    const group = svg("g", attributes, ...children);
    if (this.canChoose) group.setAttribute("tabindex", "-1");
    else group.setAttribute("role", "img");
    /** @type {Map<string, SVGPathElement>} */
    const arcs = new Map();
    return { ...parts, group, arcs };
  }

  /**
   * @param {string} name
   * @param {Place} place
   */
  makeLabel(name, { x, y, left, label }) {
    const anchor = left ? "end" : "start";
    const at = { x: label.x - x, "text-anchor": anchor, "aria-hidden": "true" };
    const text = svg("text", { class: "rp-name", ...at, y: label.y - y });
    text.textContent = name.length > MAX_NAME ? `${name.slice(0, MAX_NAME - 1)}…` : name;
    const words = svg("text", { class: "rp-words", ...at, y: label.y - y + 17 });
    // It is not in the server's own group, whose name for screen readers says the same in other words.
    return { words, label: svg("g", { class: "rp-server-label", transform: `translate(${x} ${y})` }, text, words) };
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
   * @param {boolean} [options.isNew] whether that happening has not been drawn before
   * @param {readonly string[]} [options.chosen] the servers that are ticked
   * @param {string} [options.pinned] the server or message that the inspector shows
   */
  draw(moment, messages, time, { fresh, changed, isNew = false, chosen = [], pinned = "" }) {
    const parts = fresh ? partsOf(moment) : null;
    for (const [name, state] of moment.servers) {
      const server = getValue(this.servers, name);
      if (parts) {
        this.drawServer(server, name, state, { part: getValue(parts, name), voters: votersFor(moment, state).length });
        const { classList } = server.group;
        server.label.classList.toggle("rp-changed", changed.has(name));
        if (isNew && changed.get(name)?.received) this.showPulse(server);
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
   * @param {{ part: Part, voters: number }} place its part in the cluster, and how many voters it counts
   */
  drawServer(server, name, state, { part, voters }) {
    const { current_term: term } = state.fields;
    const role = state.up ? state.role : "down";
    const paused = state.paused ? " rp-halted" : "";
    const counted = part === "learner" || part === "outside" ? " rp-uncounted" : "";
    server.group.setAttribute("class", `rp-server rp-${role} ${tintClass(term)}${paused}${counted}`);
    const figure = term === undefined ? (LETTERS[state.role] ?? "S") : String(term);
    server.figure.textContent = state.up ? figure : "✕";
    server.figure.classList.toggle("rp-long", figure.length > 3);
    const ballot = ballotOf(state);
    server.figure.setAttribute("y", ballot ? "-5" : "1");
    const drawn = ballot ? `${ballot.kind} ${ballot.count} of ${voters}` : "";
    if (server.votes.dataset.drawn !== drawn) drawPips(server.votes, ballot, voters);
    server.votes.dataset.drawn = drawn;
    server.badge.style.display = state.paused ? "" : "none";
    server.words.textContent = shortWords(state, part);
    server.group.setAttribute("aria-label", describeServer(name, state, { part, voters }));
  }

  /**
   * Shows for a moment that a message has arrived.
   *
   * @param {DrawnServer} server
   */
  showPulse({ pulse }) {
    if (matchMedia("(prefers-reduced-motion: reduce)").matches) return;
    const frames = [
      { opacity: 0.5, transform: "scale(1)" },
      { opacity: 0, transform: "scale(1.45)" },
    ];
    for (const running of pulse.getAnimations()) running.cancel();
    pulse.animate(frames, { duration: PULSE_MILLISECONDS, easing: "ease-out" });
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
      const arc = server.arcs.get(name) ?? this.addArc(server, name, "election" in state.timers);
      const left = Math.max(0, due - time) / (this.longestTimers[name] || 1);
      arc.setAttribute("stroke-dasharray", `${(100 * Math.min(1, left)).toFixed(1)} 200`);
    }
  }

  /**
   * @param {DrawnServer} server
   * @param {string} name
   * @param {boolean} hasElection whether the election timer is running
   */
  addArc(server, name, hasElection) {
    const isMain = name === "election" || (name === "heartbeat" && !hasElection);
    const r = isMain ? TIMER_RADIUS : OTHER_TIMER_RADIUS;
    const kind = name === "election" ? "election" : "heartbeat";
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
    const drawn = (walls ?? []).flatMap((wall, index) => {
      const end = wall[0].x > wall[2].x ? wall[0] : wall[2];
      const [x, y] = [end.x * CUT_WORD, end.y * CUT_WORD];
      const word = svg("text", { class: "rp-cut-word", x, y: y + 4, "text-anchor": x < 0 ? "end" : "start" });
      word.textContent = "cut";
      return [svg("path", { class: "rp-wall", d: paths[index] }), word];
    });
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
 * Returns what a server has gathered: votes, or answers that it would get them; null if it asks for neither.
 *
 * @param {ServerState} state
 * @returns {Ballot | null}
 */
function ballotOf({ up, role, fields }) {
  if (up && role === "candidate" && Array.isArray(fields.votes)) return { kind: "votes", count: fields.votes.length };
  const { pre_votes: preVotes } = fields;
  return up && Array.isArray(preVotes) && preVotes.length ? { kind: "pre-votes", count: preVotes.length } : null;
}

/**
 * @param {SVGGElement} group
 * @param {Ballot | null} ballot
 * @param {number} total how many could be given
 */
function drawPips(group, ballot, total) {
  const [gap, radius] = total < MANY_PIPS ? [12, 3.8] : [Math.min(10, 54 / total), Math.min(3.4, 20 / total)];
  const shapes = Array.from({ length: ballot ? total : 0 }, (_, index) => {
    const x = gap * (index - (total - 1) / 2);
    const given = index < (ballot?.count ?? 0) ? "rp-given" : "";
    if (ballot?.kind === "votes") return svg("circle", { class: given, cx: x.toFixed(1), cy: 17, r: radius });
    return svg("rect", {
      class: given,
      x: (x - radius).toFixed(1),
      y: 17 - radius,
      width: 2 * radius,
      height: 2 * radius,
    });
  });
  group.replaceChildren(...shapes);
}

/**
 * Returns the line under a server's name. The term of a leader is written out: it explains the figure in the server.
 *
 * @param {ServerState} state
 * @param {Part} part
 */
function shortWords(state, part) {
  if (!state.up || (state.role === "leader" && !part)) return roleWords(state);
  if (!state.paused && part && state.role === "follower" && !(part in CHANGING)) return PARTS[part];
  if (!state.paused && ballotOf(state)?.kind === "pre-votes") return "asks first";
  return [state.role, state.paused ? "paused" : PARTS[part]].filter(Boolean).join(", ");
}

/**
 * Returns what a server is: its role, and its term if its Node has terms.
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
 * @param {{ part: Part, voters: number }} place its part in the cluster, and how many voters it counts
 */
function describeServer(name, state, { part, voters }) {
  const parts = [`${name}: ${roleWords(state).replace(" · ", ", ")}`];
  if (part) parts.push(PARTS[part]);
  const ballot = ballotOf(state);
  if (ballot) parts.push(`${ballot.count} of ${voters} ${ballot.kind}`);
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
