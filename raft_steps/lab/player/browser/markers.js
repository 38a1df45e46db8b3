// The events that a reader may want to jump to: elections, faults, violated properties.

/** @import { Direction, JumpKind, Marker, MarkKind, Trace, TraceEvent, Violation } from "./types.js" */

import { lastIndexWhere } from "./collections.js";
import { eventText } from "./narration.js";

/** @type {Partial<Record<TraceEvent["kind"], MarkKind>>} */
const MARK_OF = {
  crashed: "down",
  restarted: "up",
  paused: "down",
  resumed: "up",
  partitioned: "wall",
  cut: "wall",
  healed: "heal",
  truncated: "alarm",
  failed: "alarm",
};
/** @type {Record<JumpKind, MarkKind[]>} */
const MARKS_OF_JUMP = {
  election: ["leader", "candidate"],
  fault: ["down", "up", "wall", "heal", "alarm"],
  violation: ["violation"],
  moment: ["leader", "candidate", "down", "up", "wall", "heal", "alarm", "violation"],
};

/**
 * Returns the markers of a trace, in order.
 *
 * @param {Trace} trace
 * @returns {Marker[]}
 */
export function findMarkers(trace) {
  /** @type {Map<string, number>} */
  const terms = new Map();
  /** @type {Map<string, string>} */
  const roles = new Map();
  /** @type {Marker[]} */
  const found = [];
  for (const event of trace.events) {
    const { number, server } = event;
    if (event.kind === "role") roles.set(server, event.role);
    if (event.kind === "term") {
      terms.set(server, event.term);
      const again = roles.get(server) === "candidate" && !changesRole(server, trace.events[number + 1]);
      if (again) found.push({ event: number, kind: "candidate", text: `${server} stands again in term ${event.term}` });
    }
    const kind = markOf(event);
    if (!kind) continue;
    const term = event.kind === "role" ? ` in term ${terms.get(event.server) ?? 0}` : "";
    found.push({ event: event.number, kind, text: eventText(event) + term });
  }
  return found;
}

/**
 * Returns whether the event after that of a new term gives the server a role: without one, a candidate remains a candidate.
 *
 * @param {string} server
 * @param {TraceEvent | undefined} next
 */
const changesRole = (server, next) => next?.kind === "role" && next.server === server;

/**
 * @param {TraceEvent} event
 * @returns {MarkKind | undefined}
 */
function markOf(event) {
  if (event.kind !== "role") return MARK_OF[event.kind];
  return event.role === "leader" || event.role === "candidate" ? event.role : undefined;
}

/**
 * Returns markers and violations together, in order.
 *
 * @param {readonly Marker[]} markers
 * @param {readonly Violation[]} violations
 * @returns {Marker[]}
 */
export function withViolations(markers, violations = []) {
  /** @type {Marker[]} */
  const violated = violations.map(({ event, rule, text }) => ({ event, kind: "violation", text: `${rule}: ${text}` }));
  return [...markers, ...violated].sort((a, b) => a.event - b.event);
}

/**
 * Returns the first marker of a kind after an event or, if the direction is -1, the last one before it.
 *
 * @param {readonly Marker[]} markers
 * @param {number} number
 * @param {JumpKind} jump
 * @param {Direction} direction
 * @returns {Marker | undefined}
 */
export function nextMarker(markers, number, jump, direction = 1) {
  const fitting = markers.filter(({ kind }) => MARKS_OF_JUMP[jump].includes(kind));
  if (direction < 0) return fitting.filter(({ event }) => event < number).at(-1);
  return fitting[lastIndexWhere(fitting, ({ event }) => event <= number) + 1];
}
