// The moments that a reader may want to go to: elections, faults, broken properties. Pure; the twin of
// telling_moments() in widget.py.

import { lastWhere } from "./happenings.js";
import { eventText } from "./narration.js";

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
export const MOST_CHAPTERS = 200; // a longer list is no help in finding anything
const MARKS_OF_JUMP = {
  election: ["leader", "candidate"],
  fault: ["down", "up", "wall", "heal", "alarm"],
  violation: ["violation"],
};

// The earliest moments of a trace, each [event number, mark, words].
export function tellingMoments(trace, most = MOST_CHAPTERS) {
  const terms = {};
  const found = [];
  for (const event of trace.events) {
    if (event.kind === "term") terms[event.server] = event.term;
    const mark = markOf(event);
    if (!mark) continue;
    const term = event.kind === "role" ? ` in term ${terms[event.server] ?? 0}` : "";
    found.push([event.number, mark, eventText(event) + term]);
    if (found.length === most) break;
  }
  return found;
}

function markOf({ kind, role }) {
  if (kind === "role") return ["leader", "candidate"].includes(role) ? role : "";
  return MARK_OF[kind] ?? "";
}

// All moments and broken properties together, in order. violations: as the trait `live` has them.
export function withViolations(moments, violations = []) {
  const broken = violations.map(({ event, rule, text }) => [event, "violation", `${rule}: ${text}`]);
  return [...moments, ...broken].sort(([a], [b]) => a - b);
}

// The next moment of a kind after an event (or the one before it, if the direction is -1), if there is one.
export function nextOfKind(moments, number, kind, direction = 1) {
  const fitting = moments.filter(([, mark]) => MARKS_OF_JUMP[kind].includes(mark));
  if (direction < 0) return fitting.filter(([event]) => event < number).at(-1);
  return fitting[lastWhere(fitting, ([event]) => event <= number) + 1];
}
