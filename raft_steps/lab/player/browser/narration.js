// One event as a sentence: the twin of event_text() and message_text() in Python, which narrate the same run in print.
// A test compares the two, so that the list next to the ring and the story in a notebook use the same words.

/** @import { MessageFields, NetworkSettings, TraceEvent } from "./types.js" */

/**
 * What a sentence needs that the event itself does not have: the fields of the message that arrives, if they are known,
 * or the request that an answer belongs to.
 *
 * @typedef {{ fields?: MessageFields, request?: string }} EventContext
 */

const MAX_QUOTED = 60; // characters of a client's text
// biome-ignore lint/suspicious/noControlCharactersInRegex: a client's text may contain any character
const UNPRINTABLE = /[\u0000-\u001f\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069\p{Cs}\ufffe\uffff]/gu;
// biome-ignore lint/suspicious/noControlCharactersInRegex: where Python's splitlines() ends a line
const LINE_ENDS = /\r\n|[\n-\r\x1c-\x1e\x85\u2028\u2029]/;
/** @type {Record<string, string>} */
const REASONS = {
  cut: "the link is cut",
  down: "it is down",
  lost: "the network lost it",
  scenario: "the scenario dropped it",
};

/** @param {string} type the class name of a message */
export const isReply = (type) => /(Reply|Response|Refused)$/.test(type);

/**
 * @param {string} type
 * @param {MessageFields} fields
 */
export const isRefusal = (type, fields) =>
  type.endsWith("Refused") || fields.success === false || fields.vote_granted === false;

/**
 * Returns a client's text on one line, shortened if it is long.
 *
 * @param {unknown} text
 */
function quote(text) {
  const line = String(text)
    .replace(/[\t\n\r]+/g, " ")
    .replace(UNPRINTABLE, "\ufffd");
  const letters = Array.from(line);
  return letters.length <= MAX_QUOTED ? line : `${letters.slice(0, MAX_QUOTED - 1).join("")}…`;
}

/**
 * Lists names as a sentence does: tom, jerry and spike.
 *
 * @param {readonly string[]} names
 * @returns {string}
 */
export function joinNames(names) {
  if (names.length < 2) return names[0] ?? "nobody";
  return `${names.slice(0, -1).join(", ")} and ${names.at(-1)}`;
}

/** @param {number} count */
const entryCount = (count) => `${count} ${count === 1 ? "entry" : "entries"}`;

/**
 * Formats a time in seconds without trailing zeros.
 *
 * @param {number} time
 * @returns {string}
 */
export const plainSeconds = (time) => String(Number((time / 1e6).toPrecision(6)));

/**
 * Describes a message: RequestVote of term 3, a heartbeat of term 3, a vote.
 *
 * @param {string} type
 * @param {MessageFields} fields
 * @returns {string}
 */
export function messageWords(type, fields) {
  const term = "term" in fields ? ` of term ${fields.term}` : "";
  const vote = voteWords(type, fields);
  if (vote) return vote;
  if (type === "AppendEntriesRefused") return `a refusal${term}`;
  if (fields.success === false) return `a request for earlier entries${term}`;
  if (fields.success === true) return `an acknowledgement${term}`;
  if (type === "AppendEntries" && Array.isArray(fields.entries)) {
    const { length } = fields.entries;
    return length ? `AppendEntries${term} with ${entryCount(length)}` : `a heartbeat${term}`;
  }
  const index = type === "CommitEntry" && "index" in fields ? ` ${fields.index}` : "";
  return `${type}${index}${term}`;
}

/**
 * Describes the answer to a question for a vote; "" for another message.
 *
 * @param {string} type
 * @param {MessageFields} fields
 * @returns {string}
 */
function voteWords(type, fields) {
  if (!("vote_granted" in fields)) return "";
  const term = "term" in fields ? ` of term ${fields.term}` : "";
  if (type === "RequestVoteReply") return fields.vote_granted ? `a vote${term}` : `a refusal to vote${term}`;
  if (type !== "PreVoteReply" || !("next_term" in fields)) return "";
  return `a ${fields.vote_granted ? "" : "refused "}pre-vote for term ${fields.next_term}`;
}

/**
 * Describes one event as a sentence.
 *
 * @param {TraceEvent} event
 * @param {EventContext} [context]
 * @returns {string}
 */
export function eventText(event, context) {
  return subjectOf(event) + predicateOf(event, context);
}

/**
 * Returns how a sentence about an event begins: with its server, unless it is about none or names it itself.
 *
 * @param {TraceEvent} event
 * @returns {string}
 */
export function subjectOf(event) {
  if (!event.server || ["failed", "note", "doubled"].includes(event.kind)) return "";
  return event.kind === "timer_fired" ? `${event.server}'s ` : `${event.server} `;
}

/**
 * Describes one event without its subject.
 *
 * @param {TraceEvent} event
 * @param {EventContext} [context]
 * @returns {string}
 */
export function predicateOf(event, { fields, request = "" } = {}) {
  switch (event.kind) {
    case "sent":
      return `sends ${messageWords(event.type, event.fields)} to ${event.to}`;
    case "delivered":
      return `receives ${event.copy ? "a copy of " : ""}${arrivalWords(event, fields)} from ${event.from}`;
    case "dropped":
      return `does not get ${arrivalWords(event, fields)} from ${event.from}: ${REASONS[event.reason] ?? event.reason}`;
    case "held":
      return `waits for ${arrivalWords(event, fields)} from ${event.from}: held back until ${plainSeconds(event.due)} s`;
    case "doubled":
      return `a copy of ${arrivalWords(event, fields)} from ${event.from} is on its way to ${event.server}`;
    case "appended":
    case "applied": {
      const verb = event.kind === "appended" ? "stores" : "applies";
      return `${verb} entry ${event.index} of term ${event.term}: ${quote(event.command)}`;
    }
    case "asked":
      return `is asked by ${event.client}: ${quote(event.request)}`;
    case "told":
      return `is told to ${quote(event.order)}`;
    case "answered":
      return `answers ${event.client}: ${answerWords(event, request)}`;
    case "timer_started":
      return `starts its ${event.timer} timer: ${plainSeconds(event.due - event.time)} s`;
    case "timer_cancelled":
      return `stops its ${event.timer} timer`;
    case "timer_fired":
      return `${event.timer} timer runs out`;
    default:
      return statusWords(event);
  }
}

/**
 * Describes an event that changes the state of a server or of the network.
 *
 * @param {TraceEvent} event
 */
function statusWords(event) {
  switch (event.kind) {
    case "started":
    case "restarted": {
      const verb = event.kind === "started" ? "starts" : "restarts";
      const found = event.snapshot ? [`a snapshot up to entry ${event.snapshot.index}`] : [];
      if (event.log?.length) found.push(entryCount(event.log.length));
      return found.length ? `${verb} with ${found.join(" and ")} on disk` : verb;
    }
    case "crashed":
      return "crashes";
    case "paused":
      return "is paused";
    case "resumed":
      return "resumes";
    case "role":
      return event.role === "server" ? "serves clients" : `becomes ${event.role}`;
    case "term":
      return `enters term ${event.term}`;
    case "truncated":
      return event.after ? `deletes its entries after ${event.after}` : "deletes all its entries";
    case "compacted":
      return `has a snapshot in place of the entries up to ${event.index}`;
    case "partitioned":
      return `the network is partitioned: ${event.sides.map((side) => side.join(" ")).join(" | ")}`;
    case "cut":
      return `the link from ${event.from} to ${event.to} is cut`;
    case "healed":
      return "the network heals";
    case "network":
      return networkWords(event);
    case "failed":
      return quote(event.error ? event.error.split(LINE_ENDS)[0] : `${event.server} fails`);
    case "note":
      return quote(event.text);
    default:
      return event.kind;
  }
}

/** @param {NetworkSettings} event */
function networkWords({ loss, delay }) {
  const parts = [];
  if (loss !== undefined) parts.push(`the network loses ${Number((100 * loss).toPrecision(6))}% of the messages`);
  if (delay !== undefined) parts.push(`messages take ${delay[0]} to ${delay[1]} s`);
  return parts.join("; ");
}

/**
 * @param {{ response: string, leader?: string, reason?: string, value?: unknown }} event
 * @param {string} request
 */
function answerWords({ response, leader, reason, value }, request) {
  if (response === "NotLeader") return leader ? `not the leader, ask ${leader}` : "not the leader";
  if (response === "Refused") return `refused: ${quote(reason)}`;
  if (response === "SessionExpired") return "the session has expired";
  const found = value !== undefined && value !== null;
  if (response === "Mismatch") return `not done, ${found ? `there is ${quote(value)}` : "nothing there"}`;
  if (found) return `ok, ${quote(value)}`;
  return request.startsWith("get ") ? "nothing there" : "ok";
}

/**
 * @param {{ type: string, term?: number }} event
 * @param {MessageFields} [fields]
 */
function arrivalWords(event, fields) {
  if (fields) return messageWords(event.type, fields);
  return event.type + ("term" in event ? ` of term ${event.term}` : "");
}
