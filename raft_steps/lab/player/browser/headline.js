// The sentence that says what the cluster is doing: who leads, who wants to, and what stands in the way. It describes a
// moment and not an event, so that it can be read while the events pass.

/**
 * @import { Part } from "./configurations.js"
 * @import { Moment, ServerState } from "./types.js"
 */

import { configurationOf, partsOf, votersFor } from "./configurations.js";
import { joinNames } from "./narration.js";

/**
 * A sentence, and another one that matters most; either may be empty.
 *
 * @typedef {{ text: string, strong: string }} Headline
 */

/** @typedef {[name: string, state: ServerState]} Named */

/**
 * @param {Moment} moment
 * @returns {Headline}
 */
export function describeMoment(moment) {
  /** @type {Named[]} */
  const all = [...moment.servers];
  const up = all.filter(([, { up: runs }]) => runs);
  if (!up.length) {
    const started = all.some(([, { life }]) => life);
    return started ? { text: "", strong: "All servers are down." } : { text: "Nothing has started yet.", strong: "" };
  }
  const leaders = up.filter(([, { role }]) => role === "leader");
  const candidates = up.filter(([, { role }]) => role === "candidate");
  const newest = Math.max(-1, ...leaders.map(termOf));
  const running = candidates.filter((each) => termOf(each) > newest || !hasTerms(each));
  if (running.length) return describeElection(moment, running, leaders);
  if (leaders.length > 1) return describeLeaders(leaders);
  if (leaders.length === 1) return describeLeader(moment, leaders[0]);
  return describeWaiting(moment, up);
}

/** @param {Named} server */
const termOf = ([, { fields }]) => fields.current_term ?? 0;
/** @param {Named} server */
const hasTerms = ([, { fields }]) => fields.current_term !== undefined;
/** @param {Named} server */
const inTerm = (server) => (hasTerms(server) ? ` in term ${termOf(server)}` : "");
/** @param {readonly Named[]} servers */
const namesOf = (servers) => joinNames(servers.map(([name]) => name));
/** @param {readonly Named[]} servers */
const areOfOneTerm = (servers) => new Set(servers.map(termOf)).size === 1;

/**
 * @param {Moment} moment
 * @param {readonly Named[]} candidates
 * @param {readonly Named[]} leaders of older terms
 * @returns {Headline}
 */
function describeElection(moment, candidates, leaders) {
  const still = leaders.length
    ? ` ${namesOf(leaders)} still ${leaders.length > 1 ? "lead" : "leads"}${termWords(leaders)}.`
    : "";
  if (candidates.length === 1) {
    const [name, state] = candidates[0];
    const count = countWords(moment, state, state.fields.votes);
    return { text: `${name} asks for votes${inTerm(candidates[0])}${count}.${still}`, strong: "" };
  }
  const term = areOfOneTerm(candidates) ? inTerm(candidates[0]) : " in different terms";
  const both = candidates.length === 2 ? " both" : "";
  const text = `${namesOf(candidates)}${both} ask for votes${term}.${still}`;
  const isSplit = areOfOneTerm(candidates) && candidates.every((each) => cannotWin(moment, each));
  return { text, strong: isSplit ? "Nobody can win: the vote is split." : "" };
}

/**
 * @param {Moment} moment
 * @param {ServerState} state
 * @param {unknown} given
 */
function countWords(moment, state, given) {
  return Array.isArray(given) ? `: ${given.length} of ${votersFor(moment, state).length} so far` : "";
}

/** @param {readonly Named[]} servers */
const termWords = (servers) => (areOfOneTerm(servers) ? inTerm(servers[0]) : "");

/**
 * Returns whether a candidate stays below half of the votes, even if all get it that it has not been denied.
 *
 * @param {Moment} moment
 * @param {Named} candidate
 */
function cannotWin(moment, candidate) {
  const [name, { fields }] = candidate;
  if (!Array.isArray(fields.votes)) return false;
  const possible = [...moment.servers].filter((voter) => {
    const [voterName, state] = voter;
    if (voterName === name || fields.votes?.includes(voterName)) return true;
    if (!state.up || isCut(moment, name, voterName)) return false;
    const isNewer = termOf(voter) >= termOf(candidate);
    if (isNewer && state.role !== "follower") return false; // It votes for itself.
    const vote = state.fields.voted_for;
    return vote === name || vote === undefined || vote === null || !isNewer;
  });
  const names = possible.map(([voter]) => voter);
  const configuration = configurationOf(candidate[1]);
  if (!configuration) return 2 * names.length < moment.servers.size;
  const groups = [configuration.voters, configuration.oldVoters].filter(({ length }) => length);
  return groups.some((group) => 2 * group.filter((voter) => names.includes(voter)).length <= group.length);
}

/**
 * Returns whether no message gets from one server to another and back.
 *
 * @param {Moment} moment
 * @param {string} one
 * @param {string} other
 */
function isCut({ sides, cuts }, one, other) {
  if (cuts.includes(`${one}>${other}`) || cuts.includes(`${other}>${one}`)) return true;
  const sideOf = (/** @type {string} */ name) => sides.findIndex((side) => side.includes(name));
  return sides.length > 1 && sideOf(one) !== sideOf(other);
}

/**
 * @param {readonly Named[]} leaders
 * @returns {Headline}
 */
function describeLeaders(leaders) {
  if (areOfOneTerm(leaders)) {
    const text = `${namesOf(leaders)} lead at the same time${inTerm(leaders[0])}.`;
    return hasTerms(leaders[0])
      ? { text, strong: "A term may have only one leader." }
      : { text, strong: "Two lead at once." };
  }
  const sorted = [...leaders].sort((a, b) => termOf(b) - termOf(a));
  const [[name], ...old] = sorted;
  const text = `${name} leads${inTerm(sorted[0])}.`;
  const verb = old.length > 1 ? "still believe that they lead" : "still believes that it leads";
  return { text, strong: `${namesOf(old)} ${verb}${termWords(old)}.` };
}

/**
 * @param {Moment} moment
 * @param {Named} leader
 * @returns {Headline}
 */
function describeLeader(moment, leader) {
  const [name, state] = leader;
  const parts = partsOf(moment);
  const others = [...moment.servers.keys()].filter((each) => each !== name && parts.get(each) !== "outside");
  const reached = others.filter((each) => !isCut(moment, name, each) && moment.servers.get(each)?.up);
  const text = `${name} leads${inTerm(leader)}`;
  if (others.length && !reached.length) {
    const alone = others.every((each) => isCut(moment, name, each)) ? "cut off from all others" : "alone";
    return { text: `${text}, ${alone}.`, strong: "" };
  }
  if (state.paused) return { text: `${text}, but is paused.`, strong: "" };
  const special = describeChange(moment, leader, parts) || describePreVotes(moment);
  if (special) return { text: `${text}${special.startsWith(" and") ? "" : "."}${special}`, strong: "" };
  const behind = others.filter((each) => lengthOf(moment, each) < lengthOf(moment, name));
  const length = lengthOf(moment, name);
  if (!length) return { text: `${text}. Nothing has been written yet.`, strong: "" };
  const entries = `${length} ${length === 1 ? "entry" : "entries"}`;
  if (!behind.length)
    return { text: `${text}. Every log has ${length === 1 ? "its entry" : `all ${entries}`}.`, strong: "" };
  return {
    text: `${text}. Its log has ${entries}; ${joinNames(behind)} ${behind.length > 1 ? "lack" : "lacks"} some.`,
    strong: "",
  };
}

/**
 * Returns what a leader changes: the voters, or who leads; "" if neither.
 *
 * @param {Moment} moment
 * @param {Named} leader
 * @param {Map<string, Part>} parts
 */
function describeChange(moment, [, state], parts) {
  const configuration = configurationOf(state);
  if (configuration?.oldVoters.length) {
    const [old, next] = [configuration.oldVoters, configuration.voters].map(({ length }) => {
      return `${Math.floor(length / 2) + 1} of the ${length}`;
    });
    return ` The cluster changes: a decision needs ${old} old voters and ${next} new ones.`;
  }
  const { successor } = state.fields;
  if (typeof successor === "string" && moment.servers.has(successor)) return ` and hands over to ${successor}.`;
  const learners = [...parts].filter(([, part]) => part === "learner").map(([each]) => each);
  if (!learners.length) return "";
  const rest =
    learners.length > 1 ? "learners: they get the log before they vote" : "a learner: it gets the log before it votes";
  return ` ${joinNames(learners)} ${learners.length > 1 ? "are" : "is"} ${rest}.`;
}

/**
 * Returns who asks whether it would be elected; "" if nobody does.
 *
 * @param {Moment} moment
 */
function describePreVotes(moment) {
  const asking = [...moment.servers].filter(([, { up, fields }]) => {
    return up && Array.isArray(fields.pre_votes) && fields.pre_votes.length > 0;
  });
  if (!asking.length) return "";
  const [name, state] = asking[0];
  const term = hasTerms(asking[0]) ? ` in term ${termOf(asking[0]) + 1}` : "";
  if (asking.length > 1) return ` ${namesOf(asking)} ask who would vote for them.`;
  return ` ${name} asks who would vote for it${term}${countWords(moment, state, state.fields.pre_votes)}.`;
}

/**
 * @param {Moment} moment
 * @param {string} name
 */
const lengthOf = (moment, name) =>
  moment.servers.get(name)?.log.at(-1)?.index ?? moment.servers.get(name)?.snapshot?.index ?? 0;

/**
 * @param {Moment} moment
 * @param {readonly Named[]} up
 * @returns {Headline}
 */
function describeWaiting(moment, up) {
  if (up.every(([, { role }]) => role === "server")) {
    return {
      text: `${namesOf(up)} ${up.length > 1 ? "wait" : "waits"} for ${up.length > 1 ? "clients" : "a client"}.`,
      strong: "",
    };
  }
  const asked = describePreVotes(moment);
  if (asked) return { text: `Nobody leads.${asked}`, strong: "" };
  const next = up
    .filter(([, { timers, paused }]) => "election" in timers && !paused)
    .sort(([, a], [, b]) => a.timers.election[1] - b.timers.election[1])[0];
  const missing = 2 * up.length <= moment.servers.size ? "Too few servers run to elect one." : "";
  if (!next) return { text: "Nobody leads.", strong: missing };
  return { text: `Nobody leads. ${next[0]}'s election timer is the next to run out.`, strong: missing };
}
