// What the time line shows of each server: stretches of time in which its term, its role and whether it runs stay the same.

/** @import { Role, TraceEvent } from "./types.js" */

import { getValue } from "./collections.js";

/**
 * @typedef {object} LaneRun
 * @property {number} from
 * @property {number} to
 * @property {number | undefined} term undefined for a Node without terms
 * @property {Role | "down" | "paused"} role
 */

/**
 * Returns the stretches of each server, in order.
 *
 * @param {readonly TraceEvent[]} events
 * @param {readonly string[]} servers
 * @param {number} end
 * @returns {Map<string, LaneRun[]>}
 */
export function findLaneRuns(events, servers, end) {
  /** @type {Map<string, Lane>} */
  const lanes = new Map(servers.map((name) => [name, new Lane()]));
  for (const event of events) {
    if (event.server) getValue(lanes, event.server).apply(event);
  }
  return new Map([...lanes].map(([name, lane]) => [name, lane.finish(end)]));
}

class Lane {
  constructor() {
    /** @type {LaneRun[]} */
    this.runs = [];
    /** @type {Role} */
    this.role = "follower";
    this.up = false;
    this.paused = false;
    /** @type {number | undefined} */
    this.term = undefined;
  }

  /** @param {TraceEvent} event */
  apply(event) {
    switch (event.kind) {
      case "started":
      case "restarted":
        Object.assign(this, { up: true, paused: false, role: "follower" });
        break;
      case "crashed":
        Object.assign(this, { up: false, paused: false });
        break;
      case "paused":
      case "resumed":
        this.paused = event.kind === "paused";
        break;
      case "role":
        this.role = event.role;
        break;
      case "term":
        this.term = event.term;
        break;
      default:
        if (event.changes?.current_term === undefined) return;
    }
    const term = event.changes?.current_term;
    if (typeof term === "number") this.term = term;
    this.begin(event.time);
  }

  get shown() {
    if (!this.up) return "down";
    return this.paused ? "paused" : this.role;
  }

  /** @param {number} time */
  begin(time) {
    const { term, shown: role } = this;
    const last = this.runs.at(-1);
    if (last && last.term === term && last.role === role) return;
    if (last) last.to = time;
    if (last && last.from === time) this.runs.pop();
    this.runs.push({ from: time, to: time, term, role });
  }

  /** @param {number} end */
  finish(end) {
    const last = this.runs.at(-1);
    if (last) last.to = Math.max(last.from, end);
    return this.runs;
  }
}
