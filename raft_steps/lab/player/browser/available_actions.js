// What can be done at a moment, and why not what cannot: pure functions of the moment. An action is
// {act, label, key, line, why}: its line is what the scenario says, and `why` is "" if it would change something.

import { plainSeconds } from "./narration.js";

const PLAIN = /^[^\s;'"\\]+$/;

// A word as a scenario's line spells it.
export const asWord = (text) => (PLAIN.test(text) ? text : `'${String(text).replaceAll("'", `'"'"'`)}'`);

// What can be done to a server.
export function serverActions(moment, name) {
  const state = moment.servers.get(name);
  const down = state.up ? "" : `${name} is down`;
  const unstarted = state.up || state.life ? "" : ", not started yet";
  const held = state.paused ? `${name} is paused` : "";
  const timer = "election" in state.timers ? "" : `no election timer of ${name} is running`;
  const alone = standsAlone(moment, name) ? `${name} is cut off already` : "";
  const only = moment.servers.size < 2 ? "there is no other server" : "";
  const action = (act, label, key, line, why) => ({ act, label, key, line, why });
  return [
    action("timeout", "Time out now", "T", `timeout ${name}`, down || held || timer),
    action("crash", "Crash", "X", `crash ${name}`, down && down + unstarted),
    action("restart", unstarted ? "Start" : "Restart", "X", `restart ${name}`, state.up ? `${name} is running` : ""),
    action("pause", "Pause", "P", `pause ${name}`, down || held),
    action("resume", "Resume", "P", `resume ${name}`, down || (state.paused ? "" : `${name} is not paused`)),
    action("isolate", "Cut off", "O", partitionLine(moment, [name]), only || alone),
  ];
}

// What can be done to a message; seconds: how much later it is to arrive if it is held back.
export function messageActions(moment, name, { seconds, time = 0 }) {
  const copy = name.endsWith(" copy") ? "this is a copy; act on its original" : "";
  const gone = moment.inFlight.has(name) ? "" : "it is not on its way any more";
  const amount = seconds > 0 ? "" : "say how many seconds";
  const [from, to] = name.split("#")[0].split(">");
  const waits = time > dueOf(moment, name) ? `it waits until ${to} goes on` : "";
  const cut = moment.cuts.includes(`${from}>${to}`) ? "this link is cut already" : "";
  const action = (act, label, key, line, why) => ({ act, label, key, line, why });
  return [
    action("drop", "Drop", "D", `drop ${name}`, copy || gone),
    action("hold", "Hold back", "H", `hold ${name} ${seconds}`, copy || gone || waits || amount),
    action("duplicate", "Duplicate", "2", `duplicate ${name}`, copy || gone || waits),
    action("cut", `Cut ${from} → ${to}`, "C", `cut ${from}>${to}`, cut),
  ];
}

// When a message on its way is to arrive.
function dueOf(moment, name) {
  return moment.held[name] ?? moment.inFlight.get(name)?.due ?? Infinity;
}

// What can be done to the cluster. chosen: the servers that are ticked for a partition.
export function clusterActions(moment, chosen) {
  const names = [...moment.servers.keys()];
  const action = (act, label, key, line, why) => ({ act, label, key, line, why });
  const none = chosen.length === 0 ? "tick the servers of one side first" : "";
  const all = chosen.length === names.length ? "all servers are on one side" : "";
  const same = !none && isSide(moment, chosen) ? "this is a side already" : "";
  const whole = moment.sides.length < 2 && moment.cuts.length === 0 ? "nothing is cut" : "";
  return [
    action("partition", "Part off", "W", partitionLine(moment, chosen), none || all || same),
    action("heal", "Heal", "M", "heal", whole),
  ];
}

// The line of a client's request, or why it cannot be made; to: the server that is asked, "" for whoever leads.
export function clientAction(moment, { verb, key, value, to }) {
  const words = verb === "set" ? [key, value] : [key];
  const missing = words.some((word) => word === "")
    ? `${verb} needs ${verb === "set" ? "a key and a value" : "a key"}`
    : "";
  const states = [...moment.servers.values()];
  const nobody = states.some(({ up }) => up) ? "" : "all servers are down";
  const down = to && !moment.servers.get(to)?.up ? `${to} is down` : "";
  const line = [verb, ...words.map(asWord), ...(to ? ["to", to] : [])].join(" ");
  return { act: "ask", line, why: missing || nobody || down };
}

// The line that changes the network's loss (a share from 0 to 1) or delay (seconds), or why it would change nothing.
export function networkAction(moment, live, { loss, delay }) {
  const now = { loss: live.loss, delay: live.delay, ...moment.network };
  if (loss !== undefined) {
    const wrong = loss >= 0 && loss <= 1 ? "" : "a share lies between 0 and 100%";
    return { act: "loss", line: `loss ${loss}`, why: wrong || (loss === now.loss ? "it is so already" : "") };
  }
  const [low, high] = delay;
  const wrong = low >= 0 && high >= low ? "" : "the shortest time comes first, and none is negative";
  const same = low === now.delay?.[0] && high === now.delay?.[1] ? "it is so already" : "";
  return { act: "delay", line: `delay ${low} ${high}`, why: wrong || same };
}

// The line that makes some servers a side of their own, with the sides that there are left as they are.
export function partitionLine(moment, chosen) {
  const others = moment.sides.map((side) => side.filter((name) => !chosen.includes(name)));
  const rest = others.filter((side) => side.length > 0);
  const sides = rest.length > 1 ? [chosen, ...rest] : [chosen];
  return `partition ${sides.map((side) => side.join(" ")).join(" | ")}`;
}

function isSide(moment, chosen) {
  return moment.sides.some((side) => side.length === chosen.length && side.every((name) => chosen.includes(name)));
}

function standsAlone(moment, name) {
  return isSide(moment, [name]);
}

// How long a message is held back unless the reader says otherwise: some times as long as one usually takes.
export function usualHold(typical) {
  const seconds = (8 * typical) / 1e6;
  return seconds >= 1 ? Math.round(seconds) : Number(plainSeconds(8 * typical || 1e6));
}
