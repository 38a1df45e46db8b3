// Which actions are available at a moment, and why the others are not.

/** @import { Action, ButtonAction, Delay, LiveState, Moment, ServerState } from "./types.js" */

import { getValue } from "./collections.js";
import { partsOf } from "./configurations.js";
import { plainSeconds } from "./narration.js";

const PLAIN_WORD = /^[^\s;'"\\]+$/;

/**
 * Quotes a word for a line of a scenario, which is split into words as a shell splits its command line.
 *
 * @param {string} text
 */
const quoteWord = (text) => (PLAIN_WORD.test(text) ? text : `'${text.replaceAll("'", `'"'"'`)}'`);

/**
 * @param {string} act
 * @param {string} label
 * @param {string} key
 * @param {string} line
 * @param {string} why
 * @returns {ButtonAction}
 */
const makeAction = (act, label, key, line, why) => ({ act, label, key, line, why });

/**
 * Returns the actions on a server.
 *
 * @param {Moment} moment
 * @param {string} name
 * @returns {ButtonAction[]}
 */
export function serverActions(moment, name) {
  const state = getValue(moment.servers, name);
  const down = state.up ? "" : `${name} is down`;
  const unstarted = state.up || state.life ? "" : ", not started yet";
  const paused = state.paused ? `${name} is paused` : "";
  const running = state.paused ? "" : `${name} is not paused`;
  const timer = "election" in state.timers ? "" : `no election timer of ${name} is running`;
  const alone = isSide(moment, [name]) ? `${name} is already cut off` : "";
  const only = moment.servers.size < 2 ? "there is no other server" : "";
  return [
    makeAction("timeout", "Time out", "T", `timeout ${name}`, down || paused || timer),
    makeAction("crash", "Crash", "X", `crash ${name}`, down && down + unstarted),
    makeAction(
      "restart",
      unstarted ? "Start" : "Restart",
      "X",
      `restart ${name}`,
      state.up ? `${name} is running` : "",
    ),
    makeAction("pause", "Pause", "P", `pause ${name}`, down || paused),
    makeAction("resume", "Resume", "P", `resume ${name}`, down || running),
    makeAction("isolate", "Cut off", "O", partitionLine(moment, [name]), only || alone),
    ...transferAction(moment, name),
    ...memberActions(moment, name),
  ];
}

/**
 * Returns the action that lets a server lead, if its Node has what a step must have for it.
 *
 * @param {Moment} moment
 * @param {string} name
 * @returns {ButtonAction[]}
 */
function transferAction(moment, name) {
  const state = getValue(moment.servers, name);
  if (!("successor" in state.fields)) return [];
  const leads = [...moment.servers.values()].some(({ role, up }) => up && role === "leader");
  const already = state.role === "leader" ? `${name} leads` : "";
  const why = state.up ? already : `${name} is down`;
  return [makeAction("transfer", "Let it lead", "L", `transfer ${name}`, why || (leads ? "" : "nobody leads"))];
}

/**
 * Returns the actions that make a server a voter, or none any more, if its Node can change that.
 *
 * @param {Moment} moment
 * @param {string} name
 * @returns {ButtonAction[]}
 */
function memberActions(moment, name) {
  if (!("configurations" in getValue(moment.servers, name).fields)) return [];
  const part = partsOf(moment).get(name) ?? "";
  const nobody = newestLeader(moment) ? "" : "nobody leads";
  const isIn = part === "" || part === "joins" ? `${name} is a voter already` : "";
  return [
    makeAction(
      "add",
      "Add",
      "J",
      `add ${name}`,
      nobody || isIn || (part === "learner" ? `${name} is being added` : ""),
    ),
    makeAction(
      "remove",
      "Remove",
      "J",
      `remove ${name}`,
      nobody || (isIn ? "" : `${name} is not a voter, or is leaving`),
    ),
  ];
}

/**
 * Returns the actions on a message.
 *
 * @param {Moment} moment
 * @param {string} name
 * @param {{ seconds: number, time?: number }} options seconds: for how long the message would be held back; time: the
 *   time that is shown
 * @returns {ButtonAction[]}
 */
export function messageActions(moment, name, { seconds, time = 0 }) {
  const copy = name.endsWith(" copy") ? "this is a copy; act on its original" : "";
  const gone = moment.inFlight.has(name) ? "" : "it is no longer on its way";
  const amount = seconds > 0 ? "" : "enter a number of seconds";
  const [from, to] = name.split("#")[0].split(">");
  const waits = time > dueTime(moment, name) ? `it waits until ${to} resumes` : "";
  const cut = moment.cuts.includes(`${from}>${to}`) ? "this link is already cut" : "";
  return [
    makeAction("drop", "Drop", "D", `drop ${name}`, copy || gone),
    makeAction("hold", "Hold back", "H", `hold ${name} ${seconds}`, copy || gone || waits || amount),
    makeAction("duplicate", "Duplicate", "2", `duplicate ${name}`, copy || gone || waits),
    makeAction("cut", `Cut ${from} → ${to}`, "C", `cut ${from}>${to}`, cut),
  ];
}

/**
 * Returns when a message on its way will arrive.
 *
 * @param {Moment} moment
 * @param {string} name
 */
function dueTime(moment, name) {
  return moment.held[name] ?? moment.inFlight.get(name)?.due ?? Infinity;
}

/**
 * Returns the actions on the cluster: to partition it, and to heal it.
 *
 * @param {Moment} moment
 * @param {readonly string[]} chosen the servers that are ticked for a partition
 * @returns {[partition: ButtonAction, heal: ButtonAction]}
 */
export function clusterActions(moment, chosen) {
  const none = chosen.length === 0 ? "tick the servers of one side first" : "";
  const all = chosen.length === moment.servers.size ? "all servers are on one side" : "";
  const same = !none && isSide(moment, chosen) ? "these servers are already a side" : "";
  const whole = moment.sides.length < 2 && moment.cuts.length === 0 ? "nothing is cut" : "";
  return [
    makeAction("partition", "Partition", "W", partitionLine(moment, chosen), none || all || same),
    makeAction("heal", "Heal", "M", "heal", whole),
  ];
}

/**
 * Returns the actions that depose the leader: it is cut off, and another server's election timer runs out. Which one that
 * is, is the one with the longest log, so that it is elected.
 *
 * @param {Moment} moment
 * @returns {[first: ButtonAction, ...others: ButtonAction[]]}
 */
export function deposeActions(moment) {
  const leader = newestLeader(moment);
  const others = canTimeOut(moment, leader);
  const [rival] = others.sort((a, b) => lastTermAndIndex(moment, b) - lastTermAndIndex(moment, a));
  if (!leader) return [makeAction("depose", "Depose", "N", "", "nobody leads")];
  if (!rival) return [makeAction("depose", "Depose", "N", "", "no other server has a running election timer")];
  const timeout = makeAction("timeout", "Time out", "T", `timeout ${rival}`, "");
  const [cut] = cutOff(moment, leader);
  return cut ? [cut, timeout] : [timeout];
}

/**
 * Returns the actions that split the vote: the leader is cut off, if there is one, and the election timers of all others
 * run out at once, so that each votes for itself.
 *
 * @param {Moment} moment
 * @returns {[first: ButtonAction, ...others: ButtonAction[]]}
 */
export function splitActions(moment) {
  const leader = newestLeader(moment);
  const rivals = canTimeOut(moment, leader);
  if (rivals.length < 2)
    return [makeAction("split", "Split", "B", "", "fewer than two servers have a running election timer")];
  const [first, ...rest] = rivals.map((name) => makeAction("timeout", "Time out", "T", `timeout ${name}`, ""));
  const [cut] = leader ? cutOff(moment, leader) : [];
  return cut ? [cut, first, ...rest] : [first, ...rest];
}

/**
 * @param {Moment} moment
 * @returns {string} the leader of the highest term; "" if nobody leads
 */
function newestLeader(moment) {
  const leaders = [...moment.servers].filter(([, { up, role }]) => up && role === "leader");
  leaders.sort(([, a], [, b]) => (b.fields.current_term ?? 0) - (a.fields.current_term ?? 0));
  return leaders[0]?.[0] ?? "";
}

/**
 * Returns the servers, without the leader and what it cannot reach anyway, whose election timer can run out now.
 *
 * @param {Moment} moment
 * @param {string} leader
 */
function canTimeOut(moment, leader) {
  const sides = moment.sides.filter((side) => !(side.length === 1 && side[0] === leader));
  const largest = sides.reduce((best, side) => (side.length > best.length ? side : best), sides[0] ?? []);
  const runs = (/** @type {[string, ServerState]} */ [name, state]) =>
    name !== leader && state.up && !state.paused && "election" in state.timers;
  const names = [...moment.servers].filter(runs).map(([name]) => name);
  return names.filter((name) => sides.length < 2 || largest.includes(name));
}

/**
 * Returns the action that cuts a server off; nothing if it is cut off already.
 *
 * @param {Moment} moment
 * @param {string} name
 */
function cutOff(moment, name) {
  return serverActions(moment, name).filter(({ act, why }) => act === "isolate" && why === "");
}

/**
 * @param {Moment} moment
 * @param {string} name
 */
function lastTermAndIndex(moment, name) {
  const last = getValue(moment.servers, name).log.at(-1);
  return last ? last.term * 1e9 + last.index : 0;
}

/**
 * Returns a client's request as an action.
 *
 * @param {Moment} moment
 * @param {{ verb: string, key: string, value: string, to: string }} request to: the server to ask, or "" for the leader
 * @returns {Action}
 */
export function clientAction(moment, { verb, key, value, to }) {
  const words = verb === "set" ? [key, value] : [key];
  const needed = verb === "set" ? "a key and a value" : "a key";
  const missing = words.includes("") ? `${verb} needs ${needed}` : "";
  const states = [...moment.servers.values()];
  const nobody = states.some(({ up }) => up) ? "" : "all servers are down";
  const down = to && !moment.servers.get(to)?.up ? `${to} is down` : "";
  const line = [verb, ...words.map(quoteWord), ...(to ? ["to", to] : [])].join(" ");
  return { act: "ask", line, why: missing || nobody || down };
}

/**
 * Returns the action that changes the network's loss.
 *
 * @param {Moment} moment
 * @param {Partial<LiveState>} live
 * @param {number} loss a share from 0 to 1
 * @returns {Action}
 */
export function lossAction(moment, live, loss) {
  const wrong = loss >= 0 && loss <= 1 ? "" : "the share must be between 0 and 100%";
  const same = loss === (moment.network.loss ?? live.loss) ? "this is already the loss" : "";
  return { act: "loss", line: `loss ${loss}`, why: wrong || same };
}

/**
 * Returns the action that changes the network's delay.
 *
 * @param {Moment} moment
 * @param {Partial<LiveState>} live
 * @param {Delay} delay
 * @returns {Action}
 */
export function delayAction(moment, live, [low, high]) {
  const now = moment.network.delay ?? live.delay;
  const wrong = low >= 0 && high >= low ? "" : "the shortest time comes first, and neither may be negative";
  const same = low === now?.[0] && high === now?.[1] ? "this is already the delay" : "";
  return { act: "delay", line: `delay ${low} ${high}`, why: wrong || same };
}

/**
 * Returns the line that makes some servers a side of their own and leaves the other sides as they are.
 *
 * @param {Moment} moment
 * @param {readonly string[]} chosen
 * @returns {string}
 */
export function partitionLine(moment, chosen) {
  const others = moment.sides.map((side) => side.filter((name) => !chosen.includes(name)));
  const rest = others.filter((side) => side.length > 0);
  const sides = rest.length > 1 ? [chosen, ...rest] : [chosen];
  return `partition ${sides.map((side) => side.join(" ")).join(" | ")}`;
}

/**
 * @param {Moment} moment
 * @param {readonly string[]} chosen
 */
function isSide(moment, chosen) {
  return moment.sides.some((side) => side.length === chosen.length && side.every((name) => chosen.includes(name)));
}

/**
 * Returns for how many seconds a message is held back unless the reader enters another number: long enough for several
 * other messages to arrive.
 *
 * @param {number} typical how long a message usually takes
 * @returns {number}
 */
export function defaultHoldSeconds(typical) {
  const seconds = (8 * typical) / 1e6;
  return seconds >= 1 ? Math.round(seconds) : Number(plainSeconds(8 * typical || 1e6));
}
