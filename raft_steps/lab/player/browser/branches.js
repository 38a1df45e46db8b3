// The branches of a live cluster as the browser holds them; it draws nothing and sends nothing.
//
// The events that two branches have in common, those before one left the other, are shared and never changed. A delta
// from Python contains the number of events that stay, and those that follow.

/** @import { BranchInfo, Position, Trace, TraceEvent, TraceMessage } from "./types.js" */

import { readLines, readTrace } from "./cluster_state.js";
import { getValue } from "./collections.js";

export class Branches {
  /**
   * @param {string} text the trace of the branch that the player opens with
   * @param {number} current the number of that branch
   */
  constructor(text, current = 0) {
    /** @type {Map<number, Trace>} */
    this.traces = new Map([[current, readTrace(text)]]);
    this.seen = new Map([[current, 0]]);
  }

  /** @param {number} branch */
  has(branch) {
    return this.traces.has(branch);
  }

  /** @param {number} branch one that is here; see has() */
  trace(branch) {
    return getValue(this.traces, branch);
  }

  /** @param {number} branch */
  find(branch) {
    return this.traces.get(branch);
  }

  /**
   * Applies a delta. Returns whether that was possible: if the events to keep are not here, the whole trace has to be
   * fetched.
   *
   * @param {TraceMessage} message
   * @param {string} text the lines of the events that follow those to keep
   */
  applyDelta({ branch, parent = null, keep, end, servers, title }, text) {
    const before = this.traces.get(branch) ?? (parent === null ? undefined : this.traces.get(parent));
    if (keep > (before?.events.length ?? 0)) return false;
    const events = before ? before.events.slice(0, keep) : [];
    for (const event of text.trim() ? readLines(text) : []) {
      event.number = events.length;
      events.push(event);
    }
    this.traces.set(branch, { servers, title, events, end });
    return true;
  }

  /**
   * Records how far a branch has been shown. A later action changes nothing that the reader has seen, so it needs no new
   * branch.
   *
   * @param {number} branch
   * @param {number} time
   */
  markSeen(branch, time) {
    this.seen.set(branch, Math.max(this.seenUntil(branch), time));
  }

  /** @param {number} branch */
  seenUntil(branch) {
    return this.seen.get(branch) ?? 0;
  }
}

/**
 * Returns the time, in whole microseconds, of an action at a position: after everything that has happened there, and
 * before everything else.
 *
 * @param {Position} position
 * @param {readonly TraceEvent[]} events
 * @returns {number}
 */
export function timeOfAction({ number, time }, events) {
  const at = Math.max(0, Math.ceil(time));
  return events[number]?.time === at ? at + 1 : at;
}

/**
 * Returns the branches in the order of a tree, each below the one that it left, with its depth.
 *
 * @template {Pick<BranchInfo, "id" | "parent">} Branch
 * @param {readonly Branch[]} branches
 * @returns {(Branch & { depth: number })[]}
 */
export function branchTree(branches) {
  const ids = new Set(branches.map(({ id }) => id));
  /** @type {(Branch & { depth: number })[]} */
  const found = [];
  /**
   * @param {Branch} branch
   * @param {number} depth
   */
  const add = (branch, depth) => {
    found.push({ ...branch, depth });
    for (const child of branches) if (child.parent === branch.id) add(child, depth + 1);
  };
  for (const branch of branches) if (branch.parent === null || !ids.has(branch.parent)) add(branch, 0);
  return found;
}

/**
 * Counts the first events that two traces share. Shared events are the same objects, so this compares no contents.
 *
 * @param {readonly TraceEvent[]} one
 * @param {readonly TraceEvent[]} other
 * @returns {number}
 */
export function countSharedEvents(one, other) {
  let [low, high] = [0, Math.min(one.length, other.length)];
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (one[middle - 1] === other[middle - 1]) low = middle;
    else high = middle - 1;
  }
  return low;
}
