// What differs between two branches at one moment, in words: who leads, the terms, the logs, who is down. Pure.

import { several } from "./narration.js";

// The rows of what differs, each {what, one, other}; none where nothing does.
export function differences(one, other) {
  const looks = { Leader: leading, Down: down, Network: sides, Terms: terms, Logs: ends, "State machines": machines };
  const found = [];
  for (const [what, look] of Object.entries(looks)) {
    const [a, b] = [look(one, other), look(other, one)];
    if (a !== b) found.push({ what, one: a, other: b });
  }
  return found;
}

const namesOf = (moment, holds) => [...moment.servers].filter(([, state]) => holds(state)).map(([name]) => name);

const leading = (moment) => several(namesOf(moment, ({ up, role }) => up && role === "leader"));

const down = (moment) => several(namesOf(moment, ({ up }) => !up));

function sides(moment) {
  const cuts = moment.cuts.map((cut) => cut.replace(">", " → "));
  const parted = moment.sides.length > 1 ? [moment.sides.map((side) => side.join(" ")).join(" | ")] : [];
  return [...parted, ...cuts].join("; ") || "whole";
}

// What is said of each server that is not the same in the other moment; servers of which the same is said, together.
function together(moment, other, say) {
  const found = new Map();
  for (const [name, state] of moment.servers) {
    const theirs = other.servers.get(name);
    if (theirs === undefined) continue;
    const [said, otherwise] = say(state, theirs);
    if (said !== otherwise) found.set(said, [...(found.get(said) ?? []), name]);
  }
  return [...found].map(([said, names]) => `${several(names)}: ${said}`).join("; ");
}

function terms(moment, other) {
  const said = ({ fields }) => String(fields.current_term ?? "none");
  return together(moment, other, (state, theirs) => [said(state), said(theirs)]);
}

// From where on two logs are not the same.
function ends(moment, other) {
  return together(moment, other, ({ log }, { log: theirs }) => {
    const first = firstDifference(log, theirs);
    if (first < 0) return ["", ""];
    const [here, there] = [log, theirs].map((each) => {
      const entry = each[first];
      return entry ? `entry ${first + 1} is ${entry.command} of term ${entry.term}` : `no entry ${first + 1}`;
    });
    return here === there ? ["", ""] : [here, there];
  });
}

// The place of the first entry that two logs have not in common; -1 where they are the same.
export function firstDifference(log, other) {
  const longest = Math.max(log.length, other.length);
  for (let place = 0; place < longest; place += 1) {
    const [a, b] = [log[place], other[place]];
    if (a?.term !== b?.term || a?.command !== b?.command) return place;
  }
  return -1;
}

function machines(moment, other) {
  const said = ({ fields }) => {
    const pairs = Object.entries(fields.state_machine ?? {}).sort();
    return pairs.map(([key, value]) => `${key}=${value}`).join(" ") || "empty";
  };
  return together(moment, other, (state, theirs) => [said(state), said(theirs)]);
}
