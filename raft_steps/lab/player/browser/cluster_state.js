// The cluster at a moment of a trace: the twin of Moment, advance() and moment_after() in trace.py.
//
// It draws nothing and knows no clock, so that node can run it without a browser; a test holds it against the Python
// twin on recorded runs. One thing more than the twin knows is here: which entries each server has carried out.

// A moment is kept whole after every so many events. Any other is reached from the one before it, so that a jump
// costs the same anywhere in a trace of any length.
export const KEYFRAME_EVERY = 256;

const HANDLED = ["index", "term", "command"];

// Reads lines of JSON, an object each.
export function readLines(text) {
  return JSON.parse(`[${text.trimEnd().replaceAll("\n", ",")}]`);
}

// Reads the text that Trace.to_text() writes: a header, then an event a line.
export function readTrace(text) {
  const [header, ...events] = readLines(text);
  events.forEach((event, number) => {
    event.number = number;
  });
  return { ...header, events };
}

function emptyMoment(names) {
  const servers = new Map();
  for (const name of names) {
    servers.set(name, {
      up: false,
      paused: false,
      life: 0,
      role: "follower",
      fields: {},
      log: [],
      timers: {},
      applied: new Set(),
    });
  }
  return { servers, inFlight: new Map(), held: {}, network: {}, sides: [], cuts: [] };
}

// Copies what advance() changes in place. The values inside are replaced and never changed, so they are shared.
function copyOf(moment) {
  const servers = new Map();
  for (const [name, state] of moment.servers) {
    servers.set(name, {
      ...state,
      fields: { ...state.fields },
      log: state.log.slice(),
      timers: { ...state.timers },
      applied: new Set(state.applied),
    });
  }
  const { sides, network } = moment;
  const [inFlight, held, cuts] = [new Map(moment.inFlight), { ...moment.held }, moment.cuts.slice()];
  return { servers, inFlight, held, network, sides, cuts };
}

// Moves a moment on by one event.
export function advance(moment, event) {
  switch (event.kind) {
    case "sent":
      moment.inFlight.set(event.message, event);
      break;
    case "delivered":
    case "dropped":
      if (event.copy) break;
      moment.inFlight.delete(event.message);
      delete moment.held[event.message];
      break;
    case "held":
      moment.held[event.message] = event.due;
      break;
    case "network":
      moment.network = { ...moment.network, ...settingsOf(event) };
      break;
    case "partitioned":
      moment.sides = event.sides;
      break;
    case "cut":
      moment.cuts.push(`${event.from}>${event.to}`);
      break;
    case "healed":
      moment.sides = [];
      moment.cuts = [];
      break;
  }
  if (event.server) advanceServer(moment.servers.get(event.server), event);
}

// What an event says of how the network is from now on.
function settingsOf({ loss, delay }) {
  return { ...(loss === undefined ? {} : { loss }), ...(delay === undefined ? {} : { delay }) };
}

function advanceServer(state, event) {
  switch (event.kind) {
    case "started":
    case "restarted":
      Object.assign(state, { up: true, paused: false, life: event.life, log: event.log.slice(), fields: {} });
      state.applied = new Set();
      break;
    case "crashed":
      Object.assign(state, { up: false, paused: false, role: "follower", timers: {} });
      break;
    case "paused":
    case "resumed":
      state.paused = event.kind === "paused";
      break;
    case "timer_started":
      state.timers[event.timer] = [event.time, event.due];
      break;
    case "timer_fired":
    case "timer_cancelled":
      delete state.timers[event.timer];
      break;
    case "role":
      state.role = event.role;
      break;
    case "appended":
      state.log.push(Object.fromEntries(HANDLED.map((name) => [name, event[name]])));
      break;
    case "truncated":
      state.log.length = Math.min(state.log.length, event.after);
      for (const index of state.applied) if (index > event.after) state.applied.delete(index);
      break;
    case "applied":
      state.applied.add(event.index);
      break;
  }
  if (event.changes) Object.assign(state.fields, event.changes);
}

// A trace that can be asked for any moment, in any order.
export class Timeline {
  // known: the timeline of a trace that has the first `shared` events in common with this one; what it knows is kept.
  constructor(trace, known = null, shared = 0) {
    this.trace = trace;
    const kept = shared > 0 ? known.keyframes.slice(0, Math.floor(shared / KEYFRAME_EVERY) + 1) : null;
    this.keyframes = kept ?? [emptyMoment(trace.servers)]; // keyframes[k] is the moment before event k * KEYFRAME_EVERY
  }

  // The number of the last event that has happened at a time in microseconds; -1 before everything.
  numberAt(time) {
    const events = this.trace.events;
    let low = 0;
    let high = events.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (events[middle].time <= time) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }

  // The cluster after the event of this number, as a copy that the caller may keep.
  momentAfter(number) {
    const wanted = Math.max(0, Math.min(number + 1, this.trace.events.length)); // how many events have happened
    let frame = Math.min(Math.floor(wanted / KEYFRAME_EVERY), this.keyframes.length - 1);
    const moment = copyOf(this.keyframes[frame]);
    for (let next = frame * KEYFRAME_EVERY; next < wanted; next += 1) {
      advance(moment, this.trace.events[next]);
      if ((next + 1) % KEYFRAME_EVERY === 0) {
        frame += 1;
        this.keyframes[frame] ??= copyOf(moment);
      }
    }
    return moment;
  }
}
