// Describes how two branches differ at one moment: in leaders, servers that are down, network, terms, logs and state
// machines.

/** @import { LogEntry, Moment, ServerState } from "./types.js" */

import { baseIndex } from "./cluster_state.js";
import { joinNames } from "./narration.js";

/**
 * A row of the comparison.
 *
 * @typedef {{ what: string, one: string, other: string }} Difference
 */

/**
 * Returns the aspects in which two moments differ.
 *
 * @param {Moment} one
 * @param {Moment} other
 * @returns {Difference[]}
 */
export function findDifferences(one, other) {
  const aspects = {
    Leader: leaders,
    Down: serversDown,
    Network: networkSides,
    Terms: differingTerms,
    Logs: differingLogs,
    "State machines": differingStateMachines,
  };
  const found = [];
  for (const [what, describe] of Object.entries(aspects)) {
    const [a, b] = [describe(one, other), describe(other, one)];
    if (a !== b) found.push({ what, one: a, other: b });
  }
  return found;
}

/**
 * @param {Moment} moment
 * @param {(state: ServerState) => boolean} holds
 */
const namesWhere = (moment, holds) => [...moment.servers].filter(([, state]) => holds(state)).map(([name]) => name);

/** @param {Moment} moment */
const leaders = (moment) => joinNames(namesWhere(moment, ({ up, role }) => up && role === "leader"));

/** @param {Moment} moment */
const serversDown = (moment) => joinNames(namesWhere(moment, ({ up }) => !up));

/** @param {Moment} moment */
function networkSides(moment) {
  const cuts = moment.cuts.map((cut) => cut.replace(">", " → "));
  const sides = moment.sides.length > 1 ? [moment.sides.map((side) => side.join(" ")).join(" | ")] : [];
  return [...sides, ...cuts].join("; ") || "whole";
}

/**
 * Describes each server that differs from itself in the other moment; servers with the same description are combined.
 *
 * @param {Moment} moment
 * @param {Moment} other
 * @param {(state: ServerState, otherState: ServerState) => [here: string, there: string]} describe
 */
function describeServers(moment, other, describe) {
  /** @type {Map<string, string[]>} */
  const found = new Map();
  for (const [name, state] of moment.servers) {
    const otherState = other.servers.get(name);
    if (otherState === undefined) continue;
    const [here, there] = describe(state, otherState);
    if (here !== there) found.set(here, [...(found.get(here) ?? []), name]);
  }
  return [...found].map(([text, names]) => `${joinNames(names)}: ${text}`).join("; ");
}

/**
 * @param {Moment} moment
 * @param {Moment} other
 */
function differingTerms(moment, other) {
  /** @param {ServerState} state */
  const term = ({ fields }) => String(fields.current_term ?? "none");
  return describeServers(moment, other, (state, otherState) => [term(state), term(otherState)]);
}

/**
 * @param {Moment} moment
 * @param {Moment} other
 */
function differingLogs(moment, other) {
  return describeServers(moment, other, (state, otherState) => {
    const [base, otherBase] = [baseIndex(state), baseIndex(otherState)];
    if (base !== otherBase) return [`a snapshot up to entry ${base}`, `a snapshot up to entry ${otherBase}`];
    const { log } = state;
    const { log: otherLog } = otherState;
    const first = firstDifference(log, otherLog);
    return first < 0 ? ["", ""] : [describeEntry(log, first, base), describeEntry(otherLog, first, base)];
  });
}

/**
 * @param {readonly LogEntry[]} log
 * @param {number} place
 * @param {number} base the index of the entry before the first one
 */
function describeEntry(log, place, base) {
  const entry = log[place];
  const index = base + place + 1;
  return entry ? `entry ${index} is ${entry.command} of term ${entry.term}` : `no entry ${index}`;
}

/**
 * Returns the place of the first entry in which two logs differ, from 0; -1 if they are equal.
 *
 * @param {readonly LogEntry[]} log
 * @param {readonly LogEntry[]} other
 * @returns {number}
 */
export function firstDifference(log, other) {
  const longest = Math.max(log.length, other.length);
  for (let place = 0; place < longest; place += 1) {
    const [a, b] = [log[place], other[place]];
    if (a?.term !== b?.term || a?.command !== b?.command) return place;
  }
  return -1;
}

/**
 * @param {Moment} moment
 * @param {Moment} other
 */
function differingStateMachines(moment, other) {
  /** @param {ServerState} state */
  const contents = ({ fields }) => {
    const pairs = Object.entries(fields.state_machine ?? {});
    pairs.sort(([a], [b]) => (a < b ? -1 : 1));
    return pairs.map(([key, value]) => `${key}=${value}`).join(" ") || "empty";
  };
  return describeServers(moment, other, (state, otherState) => [contents(state), contents(otherState)]);
}
