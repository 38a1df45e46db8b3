// One event as a sentence: the twin of event_text() and message_words() in words.py, which tell the same run in print.
// A test holds the two together, so that the list beside the ring and the story in a notebook use the same words.

const LONGEST = 60; // how much of a client's text is quoted
const UNPRINTABLE = /[\u0000-\u001f\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069\p{Cs}\ufffe\uffff]/gu;
const LINE_ENDS = /\r\n|[\n-\r\x1c-\x1e\x85\u2028\u2029]/; // where Python ends a line
const REASONS = {
  cut: "the link is cut",
  down: "it is down",
  lost: "the network lost it",
  scenario: "the scenario dropped it",
};

export const isReply = (type) => /(Reply|Response|Refused)$/.test(type);
export const isRefusal = (type, fields) =>
  type.endsWith("Refused") || fields.success === false || fields.vote_granted === false;
export const isHeartbeat = (type, fields) => type === "AppendEntries" && fields.entries?.length === 0;

// A client's text on one line, shortened where it is long.
function quote(text) {
  const line = String(text)
    .replace(/[\t\n\r]+/g, " ")
    .replace(UNPRINTABLE, "\ufffd");
  const letters = Array.from(line);
  return letters.length <= LONGEST ? line : `${letters.slice(0, LONGEST - 1).join("")}…`;
}

// A list as a sentence has it: tom, jerry and spike.
export function several(names) {
  if (names.length < 2) return names[0] ?? "nobody";
  return `${names.slice(0, -1).join(", ")} and ${names.at(-1)}`;
}

const entryCount = (count) => `${count} ${count === 1 ? "entry" : "entries"}`;

// Microseconds as seconds, without zeros that say nothing.
export const plainSeconds = (time) => String(Number((time / 1e6).toPrecision(6)));

// What a message is: RequestVote of term 3, a heartbeat of term 3, a vote.
export function messageWords(type, fields) {
  const term = "term" in fields ? ` of term ${fields.term}` : "";
  if (type === "RequestVoteReply" && "vote_granted" in fields) {
    return fields.vote_granted ? `a vote${term}` : `a refusal to vote${term}`;
  }
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

// One event with its subject, the server.
export function eventText(event, fields) {
  return subject(event) + predicate(event, fields);
}

// How a sentence about an event begins: with its server, unless it is about none or names it itself.
export function subject(event) {
  if (!event.server || ["failed", "note", "doubled"].includes(event.kind)) return "";
  return event.kind === "timer_fired" ? `${event.server}'s ` : `${event.server} `;
}

// One event without its subject. `fields` are those of the message that arrives, where that is known, and for an answer
// the request that it answers.
export function predicate(event, fields) {
  switch (event.kind) {
    case "sent":
      return `sends ${messageWords(event.type, event.fields)} to ${event.to}`;
    case "delivered":
      return `hears ${event.copy ? "a copy of " : ""}${arrivalWords(event, fields)} from ${event.from}`;
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
    case "answered":
      return `answers ${event.client}: ${answerWords(event, fields?.request ?? "")}`;
    case "timer_started":
      return `starts its ${event.timer} timer: ${plainSeconds(event.due - event.time)} s`;
    case "timer_cancelled":
      return `stops its ${event.timer} timer`;
    case "timer_fired":
      return `${event.timer} timer runs out`;
    default:
      return lifeWords(event);
  }
}

function lifeWords(event) {
  switch (event.kind) {
    case "started":
    case "restarted": {
      const verb = event.kind === "started" ? "starts" : "restarts";
      return event.log?.length ? `${verb} with ${entryCount(event.log.length)} on disk` : verb;
    }
    case "crashed":
      return "crashes";
    case "paused":
      return "is paused";
    case "resumed":
      return "goes on";
    case "role":
      return event.role === "server" ? "serves clients" : `becomes ${event.role}`;
    case "term":
      return `enters term ${event.term}`;
    case "truncated":
      return event.after ? `deletes its entries after ${event.after}` : "deletes all its entries";
    case "partitioned":
      return `the network parts: ${event.sides.map((side) => side.join(" ")).join(" | ")}`;
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

function networkWords({ loss, delay }) {
  const said = [];
  if (loss !== undefined) said.push(`the network loses ${Number((100 * loss).toPrecision(6))}% of the messages`);
  if (delay !== undefined) said.push(`messages take ${delay[0]} to ${delay[1]} s`);
  return said.join("; ");
}

function answerWords(event, request) {
  if (event.response === "NotLeader") return event.leader ? `not the leader, ask ${event.leader}` : "not the leader";
  if (event.value !== undefined && event.value !== null) return `ok, ${quote(event.value)}`;
  return request.startsWith("get ") ? "nothing there" : "ok";
}

function arrivalWords(event, fields) {
  if (fields) return messageWords(event.type, fields);
  return event.type + ("term" in event ? ` of term ${event.term}` : "");
}
