// The data that the player's modules pass to one another. Only the type checker and editors read this file; it is not part
// of the widget.
//
// Times are in microseconds of virtual time unless the name ends in Seconds or Milliseconds.

// The fields that a Node declares are the learner's choice. These are the ones that the player shows in special places.
export interface NodeFields {
  current_term?: number;
  votes?: string[];
  commit_index?: number;
  next_index?: Record<string, number>;
  match_index?: Record<string, number>;
  state_machine?: Record<string, unknown>;
  [name: string]: unknown;
}

// Likewise for the fields of a message.
export interface MessageFields {
  term?: number;
  index?: number;
  entries?: unknown[];
  success?: boolean;
  vote_granted?: boolean;
  [name: string]: unknown;
}

// "server" is the role of a Node that has no leader, as in step 1.
export type Role = "leader" | "candidate" | "follower" | "server";

export interface LogEntry {
  index: number;
  term: number;
  command: string;
}

// The lower and upper bound of a message's delay, in seconds, as a scenario has them.
export type Delay = [number, number];

// What has taken the place of the first entries of a log, up to this index.
export interface LogSnapshot {
  index: number;
  term: number;
  data: string;
}

interface EventDetails {
  message: string; // the message's name, such as tom>jerry#7
  from: string;
  to: string;
  type: string;
  fields: MessageFields;
  due: number;
  copy: boolean;
  reason: string;
  timer: string;
  term: number;
  index: number;
  command: string;
  after: number;
  client: string;
  request: string;
  order: string;
  response: string;
  value: unknown;
  leader: string;
  role: Role;
  sides: string[][];
  loss: number;
  delay: Delay;
  error: string;
  text: string;
  life: number;
  log: LogEntry[];
  snapshot: LogSnapshot;
  data: string;
  changes: NodeFields;
}

// An event of one of these kinds, which always has the required details. Any other detail may be read, and is usually
// absent, so that code that treats all kinds alike needs no case distinction.
interface EventHeader {
  number: number; // its index in the trace
  time: number;
  server: string; // "" for the whole cluster
}
type EventOf<Kind extends string, Required extends keyof EventDetails = never> = Kind extends string
  ? EventHeader & { kind: Kind } & Pick<EventDetails, Required> & Partial<Omit<EventDetails, Required>>
  : never;

// trace.py documents every kind.
export type TraceEvent =
  | EventOf<"started" | "restarted", "life" | "log">
  | EventOf<"crashed" | "paused" | "resumed" | "healed" | "network">
  | EventOf<"sent", "message" | "to" | "type" | "fields" | "due">
  | EventOf<"delivered", "message" | "from" | "type">
  | EventOf<"dropped", "message" | "from" | "type" | "reason">
  | EventOf<"held" | "doubled", "message" | "from" | "type" | "due">
  | EventOf<"timer_started", "timer" | "due">
  | EventOf<"timer_cancelled" | "timer_fired", "timer">
  | EventOf<"asked", "client" | "request">
  | EventOf<"told", "order">
  | EventOf<"answered", "client" | "response">
  | EventOf<"role", "role">
  | EventOf<"term", "term">
  | EventOf<"appended" | "applied", "index" | "term" | "command">
  | EventOf<"truncated", "after">
  | EventOf<"compacted", "index" | "term" | "data">
  | EventOf<"partitioned", "sides">
  | EventOf<"cut", "from" | "to">
  | EventOf<"failed", "error">
  | EventOf<"note", "text">;

export type EventKind = TraceEvent["kind"];
export type EventOfKind<Kind extends EventKind> = Extract<TraceEvent, { kind: Kind }>;

export interface Trace {
  servers: string[];
  title: string;
  events: TraceEvent[];
  end: number;
}

// The state of one server at a moment.
export interface ServerState {
  up: boolean;
  paused: boolean;
  life: number; // how often it has been started
  role: Role;
  fields: NodeFields;
  log: LogEntry[];
  snapshot: LogSnapshot | null;
  timers: Record<string, [started: number, due: number]>;
  applied: Set<number>; // the indexes of the entries that it has applied
}

export interface NetworkSettings {
  loss?: number;
  delay?: Delay;
}

// The state of the whole cluster after an event.
export interface Moment {
  servers: Map<string, ServerState>;
  inFlight: Map<string, EventOfKind<"sent">>; // by the message's name
  held: Record<string, number>; // when a message that is held back will arrive, by its name
  network: NetworkSettings;
  sides: string[][];
  cuts: string[]; // one-way cuts, such as tom>jerry
}

// Where the player is in a trace. Several events may have the same time, so a time alone does not say what has happened.
export interface Position {
  number: number; // the number of the last event that has happened
  time: number;
}

// A message from the moment it is sent until it arrives or is lost.
export interface MessageSpan {
  name: string;
  from: string;
  to: string;
  type: string;
  fields: MessageFields;
  sent: number;
  arrives: number;
  lost: string; // why it was lost, or ""
  lostLate: boolean; // whether it was lost on its way and not when it was sent
  event: number; // the number of the event that sent it
  ends: number[]; // the numbers of the events that delivered or dropped it or its copies
  holds: { time: number; due: number }[]; // when it was held back, and when it had been due until then
  copies: DetachedSpan[]; // copies that an action made and that are still on their way
}

// A message that a Moment does not list while it is drawn: a copy, or one that has been lost.
export interface DetachedSpan {
  span: MessageSpan;
  start: number;
  cross: number; // when it is crossed out
  end: number;
}

export interface MessageSpans {
  byName: Map<string, MessageSpan>;
  detached: DetachedSpan[]; // sorted by start
  longest: number; // the longest time for which a detached span is drawn
  typical: number; // the usual time of a message; 0 if there is none
}

// A message to draw at a moment.
export interface MessageInTransit {
  span: MessageSpan;
  progress: number; // the share of its way that it has gone, from 0 to 1
  crossed: boolean; // whether it is drawn as lost
  waiting: boolean; // whether it waits for a paused receiver
  pale: boolean; // whether it is an idle heartbeat while these are hidden
}

// What the reader perceives as one step: an event and everything that it caused at once.
export interface Happening {
  first: number; // the numbers of its first and last event
  last: number;
  time: number;
  index: number; // its index among all happenings
}

export type MarkKind = "leader" | "candidate" | "down" | "up" | "wall" | "heal" | "alarm" | "violation";
export type JumpKind = "election" | "fault" | "violation" | "moment"; // a moment is any of them
export type Direction = 1 | -1;

// An event that a reader may want to jump to.
export interface Marker {
  event: number;
  kind: MarkKind;
  text: string;
}

export interface Point {
  x: number;
  y: number;
}

// Where a server is drawn on the ring.
export interface Place extends Point {
  left: boolean; // whether its label is to its left
  label: Point;
}

// A quadratic curve: its start, its control point and its end.
export type Wall = [start: Point, bend: Point, end: Point];

export interface Box extends Point {
  width: number;
  height: number;
}

// What an action on the cluster would be at a moment.
export interface Action {
  act: string;
  line: string; // the action as a line of a scenario
  why: string; // why it is not available; "" if it is available
}

// An action with a button of its own.
export interface ButtonAction extends Action {
  label: string;
  key: string;
}

// What the inspector shows and keys act on.
export type Subject = { server: string; message?: undefined } | { message: string; server?: undefined };

// The names of the rows and the indexes of the log entries that a happening changed on one server.
export interface Changes {
  rows: Set<string>;
  entries: Set<number>;
  received: boolean; // whether a message arrived
}

// A name and a value, as a card or a panel shows them.
export type Row = [name: string, value: string];

export type Clock = (time: number) => string;

// What follows is the protocol with Python: player/state.py and player/session.py write it.

export interface Violation {
  event: number;
  time: number;
  rule: string;
  text: string;
  servers: string[];
  step: number | null;
}

export interface BranchInfo {
  id: number;
  name: string;
  parent: number | null;
  from: number; // when it left its parent
  seed: number;
  end: number;
  events: number;
  last: string; // its last action, or ""
}

export interface ScriptLine {
  at: number;
  line: string;
  python: string;
}

export type ExportKind = "scenario" | "python" | "pytest";

// The state of the session. It is empty if the player shows a trace alone.
export interface LiveState {
  current: number;
  branches: BranchInfo[];
  script: ScriptLine[];
  violations: Violation[];
  unjudged: string; // what could not be judged; "" if everything was
  loss: number;
  delay: Delay;
  chunk: number; // how far a run is extended at a time
  clients: boolean; // whether the Node handles clients' requests
}

export interface Traits {
  trace: DataView;
  live: Partial<LiveState>; // when the page opened the player; messages bring what follows
  start: number; // where the player opens; negative for the beginning
  speed: number;
  heartbeats: boolean; // whether idle heartbeats are shown
  hurry: boolean; // whether time is sped up while no message is on its way
  chapter: number; // from 1; 0 before the first
  fresh?: boolean; // whether it has just been made by a cell, and plays by itself when it is seen
  stored: string; // the id of the element that stores the run in the notebook, or ""
}

// New events of a branch; their lines come as a buffer of the message.
export interface TraceMessage {
  branch: number;
  parent?: number | null;
  keep: number; // how many events of the branch, or of its parent, stay
  end: number;
  servers: string[];
  title: string;
  code: boolean; // whether Python code has caused them
}

export interface Answer {
  ok: boolean;
  said: string; // the result in one line, for the reader
  text?: string; // what was asked for, such as an export
}

// All that Python has to say at a time. It answers a request if it has that request's number.
export interface NewsMessage extends Partial<Answer> {
  kind: "news";
  traces: TraceMessage[];
  live: LiveState;
  id?: number;
  at?: number | null; // when the action took place
}

export type KernelRequest =
  // seen: how far the reader has watched; known: how far the run goes that the reader sees
  | { do: "act"; branch: number; at: number; seen: number; known: number; action: string }
  | { do: "extend" | "switch" | "fetch"; branch: number }
  | { do: "export"; branch: number; as: ExportKind }
  | { do: "open" }
  | { do: "seed"; seed: number }
  | { do: "reset" }
  | { do: "paste"; text: string };

// The part of anywidget's model that the player uses.
export interface Model {
  get<Name extends keyof Traits>(name: Name): Traits[Name];
  set<Name extends keyof Traits>(name: Name, value: Traits[Name]): void;
  on(event: "msg:custom", handler: (message: NewsMessage, buffers: DataView[]) => void): void;
  on(event: `change:${keyof Traits}` | "comm_live_update", handler: () => void): void;
  off(event: `change:${keyof Traits}`, handler: () => void): void;
  send(request: { id: number } & KernelRequest): void;
  save_changes(): void;
  widget_manager?: { kernel?: { status: string } }; // JupyterLab's and Notebook's; others have no kernel
}
