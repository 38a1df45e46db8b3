// Which servers make up the cluster, if its Nodes can change that: the configuration in force on a server, who decides in
// it, and what part each server has in it. A Node's fields are the learner's own, so any of them may be missing or odd.

/** @import { Moment, ServerState } from "./types.js" */

/**
 * Without old voters, a decision needs a majority of the voters; with them, a majority of both.
 *
 * @typedef {{ voters: readonly string[], oldVoters: readonly string[] }} Configuration
 */

/**
 * What a server is besides a voter; "" for a voter that stays one.
 *
 * @typedef {"" | "joins" | "leaves" | "learner" | "outside"} Part
 */

/**
 * @param {unknown} value
 * @returns {readonly string[]}
 */
const namesIn = (value) => (Array.isArray(value) ? value.map(String) : []);

/**
 * Returns the newest configuration that a server knows and its index; null before there is one, and for a Node without any.
 *
 * @param {ServerState} state
 * @returns {(Configuration & { index: number }) | null}
 */
export function configurationOf({ fields }) {
  const all = /** @type {Record<string, Record<string, unknown>>} */ (fields.configurations ?? {});
  const index = Math.max(0, ...Object.keys(all).map(Number).filter(Number.isInteger));
  const voters = namesIn(all[index]?.voters);
  return voters.length ? { index, voters, oldVoters: namesIn(all[index].old_voters) } : null;
}

/**
 * Returns the servers whose votes count for a server: all of the cluster, unless it knows a configuration.
 *
 * @param {Moment} moment
 * @param {ServerState} state
 */
export function votersFor(moment, state) {
  const configuration = configurationOf(state);
  if (!configuration) return [...moment.servers.keys()];
  return [...new Set([...configuration.oldVoters, ...configuration.voters])];
}

/**
 * Returns the leader of the highest term; undefined if nobody leads.
 *
 * @param {Moment} moment
 */
export function findLeader(moment) {
  const leaders = [...moment.servers].filter(([, { up, role }]) => up && role === "leader");
  /** @param {(typeof leaders)[number]} leader */
  const term = ([, { fields }]) => fields.current_term ?? 0;
  return leaders.reduce((best, each) => (term(each) > term(best) ? each : best), leaders[0]);
}

/**
 * Returns the part of each server, as the leader sees it or, without one, the server with the newest configuration.
 *
 * @param {Moment} moment
 * @returns {Map<string, Part>}
 */
export function partsOf(moment) {
  const leader = findLeader(moment);
  const indexOf = (/** @type {ServerState} */ state) => configurationOf(state)?.index ?? 0;
  const newest = [...moment.servers.values()].reduce((best, each) => (indexOf(each) > indexOf(best) ? each : best));
  const { fields } = leader?.[1] ?? newest;
  const configuration = configurationOf(leader?.[1] ?? newest) ?? firstConfiguration(leader);
  const learners = namesIn(fields.learners);
  return new Map([...moment.servers.keys()].map((name) => [name, partOf(name, configuration, learners)]));
}

/**
 * Returns the configuration before the first change, which no log has: the servers that a leader sends its log to.
 *
 * @param {[name: string, state: ServerState] | undefined} leader
 * @returns {Configuration | null}
 */
function firstConfiguration(leader) {
  if (!leader || !("configurations" in leader[1].fields)) return null;
  const [name, { fields }] = leader;
  const learners = namesIn(fields.learners);
  const peers = Object.keys(fields.next_index ?? {}).filter((peer) => !learners.includes(peer));
  return { voters: [...new Set([name, ...peers])], oldVoters: [] };
}

/**
 * @param {string} name
 * @param {Configuration | null} configuration
 * @param {readonly string[]} learners
 * @returns {Part}
 */
function partOf(name, configuration, learners) {
  if (!configuration) return "";
  const { voters, oldVoters } = configuration;
  const [votes, voted] = [voters.includes(name), oldVoters.includes(name)];
  if (votes) return voted || !oldVoters.length ? "" : "joins";
  if (voted) return "leaves";
  return learners.includes(name) ? "learner" : "outside";
}
