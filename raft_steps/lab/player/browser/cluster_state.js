// The state of the cluster at any moment of a trace: the twin of Moment, advance() and moment_after() in trace.py.
//
// This module uses neither the page nor a clock, so that Node.js can run it: a test compares it with its Python twin on
// recorded runs. It computes one thing more than the twin: which entries each server has applied.

/** @import { Moment, NetworkSettings, ServerState, Trace, TraceEvent } from "./types.js" */

import { getValue, lastIndexWhere } from "./collections.js";

// A complete moment is kept after this many events. Any other is computed from the one before it, so that a jump costs
// the same anywhere in a trace of any length.
export const KEYFRAME_EVERY = 256;

/**
 * Reads lines of JSON, one object each. One call of JSON.parse is much faster than one for each line.
 *
 * @param {string} text
 * @returns {any[]}
 */
export function readLines(text) {
  return JSON.parse(`[${text.trimEnd().replaceAll("\n", ",")}]`);
}

/**
 * Reads the text that Trace.to_text() writes: a header, then one event per line.
 *
 * @param {string} text
 * @returns {Trace}
 */
export function readTrace(text) {
  const [header, ...events] = readLines(text);
  events.forEach((event, number) => {
    event.number = number;
  });
  return { ...header, events };
}

/**
 * @param {readonly string[]} names
 * @returns {Moment}
 */
function emptyMoment(names) {
  /** @type {Moment["servers"]} */
  const servers = new Map();
  for (const name of names) {
    servers.set(name, {
      up: false,
      paused: false,
      life: 0,
      role: "follower",
      fields: {},
      log: [],
      snapshot: null,
      timers: {},
      applied: new Set(),
    });
  }
  return { servers, inFlight: new Map(), held: {}, network: {}, sides: [], cuts: [] };
}

/**
 * Copies what advance() changes in place. The values inside are replaced and never changed, so they are shared.
 *
 * @param {Moment} moment
 * @returns {Moment}
 */
function copyMoment(moment) {
  /** @type {Moment["servers"]} */
  const servers = new Map();
  for (const [name, state] of moment.servers) {
    servers.set(name, {
      ...state,
      fields: { ...state.fields },
      log: state.log.slice(),
      timers: { ...state.timers },
      applied: new Set(state.applied),
    });
  }
  const { inFlight, held, network, sides, cuts } = moment;
  return { servers, inFlight: new Map(inFlight), held: { ...held }, network, sides, cuts: cuts.slice() };
}

/**
 * Applies an event to a moment, in place.
 *
 * @param {Moment} moment
 * @param {TraceEvent} event
 */
export function advance(moment, event) {
  switch (event.kind) {
    case "sent":
      moment.inFlight.set(event.message, event);
      break;
    case "delivered":
    case "dropped":
      if (event.copy) break; // The original may still be on its way.
      moment.inFlight.delete(event.message);
      delete moment.held[event.message];
      break;
    case "held":
      moment.held[event.message] = event.due;
      break;
    case "network":
      moment.network = { ...moment.network, ...networkSettings(event) };
      break;
    case "partitioned":
      moment.sides = event.sides;
      break;
    case "cut":
      moment.cuts.push(`${event.from}>${event.to}`);
      break;
    case "healed":
      moment.sides = [];
      moment.cuts = [];
      break;
  }
  if (event.server) advanceServer(getValue(moment.servers, event.server), event);
}

/**
 * Returns the settings that an event changes; what it does not mention stays as it is.
 *
 * @param {NetworkSettings} event
 * @returns {NetworkSettings}
 */
function networkSettings({ loss, delay }) {
  return { ...(loss === undefined ? {} : { loss }), ...(delay === undefined ? {} : { delay }) };
}

/**
 * @param {ServerState} state
 * @param {TraceEvent} event
 */
function advanceServer(state, event) {
  switch (event.kind) {
    case "started":
    case "restarted":
      Object.assign(state, { up: true, paused: false, life: event.life, log: event.log.slice(), fields: {} });
      state.snapshot = event.snapshot ?? null;
      state.applied = new Set();
      break;
    case "crashed":
      Object.assign(state, { up: false, paused: false, role: "follower", timers: {} });
      break;
    case "paused":
    case "resumed":
      state.paused = event.kind === "paused";
      break;
    case "timer_started":
      state.timers[event.timer] = [event.time, event.due];
      break;
    case "timer_fired":
    case "timer_cancelled":
      delete state.timers[event.timer];
      break;
    case "role":
      state.role = event.role;
      break;
    case "appended":
      state.log.push({ index: event.index, term: event.term, command: event.command });
      break;
    case "truncated":
      if (event.after < baseIndex(state)) state.snapshot = null; // A new log has taken the place of the old one.
      state.log.length = Math.min(state.log.length, event.after - baseIndex(state));
      for (const index of state.applied) if (index > event.after) state.applied.delete(index);
      break;
    case "compacted": {
      const fits = state.log.some(({ index, term }) => index === event.index && term === event.term);
      state.log = fits ? state.log.filter(({ index }) => index > event.index) : [];
      state.snapshot = { index: event.index, term: event.term, data: event.data };
      break;
    }
    case "applied":
      state.applied.add(event.index);
      break;
  }
  if (event.changes) Object.assign(state.fields, event.changes);
}

/**
 * Returns the index of the last entry that is no longer in a log, because a snapshot stands for it; 0 without one.
 *
 * @param {ServerState} state
 */
export function baseIndex({ snapshot }) {
  return snapshot?.index ?? 0;
}

/** A trace that returns the moment after any event, in any order. */
export class Timeline {
  /**
   * @param {Trace} trace
   * @param {Timeline | null} known the timeline of a trace with the same first `shared` events; its keyframes are reused
   * @param {number} shared
   */
  constructor(trace, known = null, shared = 0) {
    this.trace = trace;
    const kept = known && shared > 0 ? known.keyframes.slice(0, Math.floor(shared / KEYFRAME_EVERY) + 1) : null;
    // keyframes[k] is the moment before event k * KEYFRAME_EVERY. They are computed when they are first passed.
    /** @type {Moment[]} */
    this.keyframes = kept ?? [emptyMoment(trace.servers)];
  }

  /**
   * Returns the number of the last event that has happened at a time; -1 before everything.
   *
   * @param {number} time
   */
  numberAt(time) {
    return lastIndexWhere(this.trace.events, (event) => event.time <= time);
  }

  /**
   * Returns the cluster after the event of this number, as a copy that the caller may keep and change.
   *
   * @param {number} number
   */
  momentAfter(number) {
    const count = Math.max(0, Math.min(number + 1, this.trace.events.length)); // how many events have happened
    let frame = Math.min(Math.floor(count / KEYFRAME_EVERY), this.keyframes.length - 1);
    const moment = copyMoment(this.keyframes[frame]);
    for (let next = frame * KEYFRAME_EVERY; next < count; next += 1) {
      advance(moment, this.trace.events[next]);
      if ((next + 1) % KEYFRAME_EVERY === 0) {
        frame += 1;
        this.keyframes[frame] ??= copyMoment(moment);
      }
    }
    return moment;
  }
}
