// The branches of a live cluster as the browser holds them: pure, it draws nothing and asks nobody.
//
// A branch has a trace {servers, title, events, end}. What two branches have in common, the events before
// the one left the other, is shared and never changed. A delta from Python says how many events stay and which follow.

import { readLines, readTrace } from "./cluster_state.js";

export class Branches {
  // text: the trace that the cluster opened with; current: the branch whose trace it is.
  constructor(text, current = 0) {
    this.traces = new Map([[current, readTrace(text)]]);
    this.seen = new Map([[current, 0]]);
  }

  trace(branch) {
    return this.traces.get(branch);
  }

  has(branch) {
    return this.traces.has(branch);
  }

  // Takes a delta {branch, parent, keep, end, servers, title} and the lines of the events that follow. Says whether that
  // could be done: it cannot if the events to keep are not there, and then the whole trace has to be asked for.
  take({ branch, parent = null, keep, end, servers, title }, text) {
    const before = this.traces.get(branch) ?? this.traces.get(parent);
    if (keep > 0 && !(before?.events.length >= keep)) return false;
    const events = before ? before.events.slice(0, keep) : [];
    for (const event of text.trim() ? readLines(text) : []) {
      event.number = events.length;
      events.push(event);
    }
    this.traces.set(branch, { servers, title, events, end });
    return true;
  }

  // Writes down how far a branch has been shown: what comes after it, nobody has seen.
  show(branch, time) {
    this.seen.set(branch, Math.max(this.seenOf(branch), time));
  }

  seenOf(branch) {
    return this.seen.get(branch) ?? 0;
  }
}

// The time, in whole microseconds, at which something is done that is done at a position: after all that has happened
// by then, and before all else.
export function timeOfAction({ number, time }, events) {
  const at = Math.max(0, Math.ceil(time));
  return events[number]?.time === at ? at + 1 : at;
}

// The branches in the order of a family: each below the one that it left, with how deep it lies.
export function familyOf(branches) {
  const ids = new Set(branches.map(({ id }) => id));
  const found = [];
  const add = (branch, depth) => {
    found.push({ ...branch, depth });
    for (const child of branches) if (child.parent === branch.id) add(child, depth + 1);
  };
  for (const branch of branches) if (!ids.has(branch.parent)) add(branch, 0);
  return found;
}

// How many events two traces have in common: what is shared is the same objects.
export function sharedEvents(one, other) {
  let [low, high] = [0, Math.min(one.length, other.length)];
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (one[middle - 1] === other[middle - 1]) low = middle;
    else high = middle - 1;
  }
  return low;
}
