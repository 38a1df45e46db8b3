// Where messages are between two servers: pure functions of a trace, a moment and a time.
//
// The trace says when a message left, when it is due and what became of it. Between these it is drawn on its way.

const NONE = Object.freeze([]);

// Every message of a trace, each {name, from, to, type, fields, leaves, arrives, lost, event, ends}, and the strays:
// copies that the network made, and messages that were lost, for which the moment itself has no place (any more).
export function findFlights(trace) {
  const byName = new Map();
  const strays = [];
  const resumedAt = new Map();
  for (const event of trace.events) {
    const { kind } = event;
    if (kind === "sent") byName.set(event.message, takeOff(event));
    else if (kind === "resumed") resumedAt.set(event.server, event.time);
    else if (kind === "held") holdBack(event, byName.get(event.message));
    else if (kind === "doubled") double(event, byName.get(event.message));
    else if (kind === "delivered" || kind === "dropped") {
      land(event, byName.get(event.message), strays, resumedAt.get(event.server) === event.time);
    }
  }
  for (const { doubles } of byName.values()) strays.push(...doubles); // copies that were still on their way at the end
  strays.sort((a, b) => a.start - b.start);
  const longest = strays.reduce((most, stray) => Math.max(most, stray.end - stray.start), 0);
  return { byName, strays, longest, typical: typicalTime([...byName.values()]) };
}

function takeOff(event) {
  const { message, server, to, type, fields, time, due } = event;
  return {
    name: message,
    from: server,
    to,
    type,
    fields,
    leaves: time,
    arrives: due,
    lost: "",
    late: false,
    event: event.number,
    ends: [],
    holds: NONE,
    doubles: NONE,
  };
}

// Until it was held back, a message went as fast as if it were to arrive at its time.
function holdBack(event, flight) {
  if (!flight) return;
  flight.holds = [...flight.holds, { time: event.time, due: flight.arrives }];
  flight.arrives = event.due;
}

// A copy leaves from where the message itself is by then.
function double({ time, due }, flight) {
  if (!flight) return;
  const copy = { ...flight, name: `${flight.name} copy`, arrives: due, ends: [], doubles: NONE };
  copy.holds = [...flight.holds, { time, due: flight.arrives }];
  flight.doubles = [...flight.doubles, { flight: copy, start: time, cross: Infinity, end: due }];
}

function land(event, flight, strays, afterPause) {
  if (!flight) return;
  flight.ends.push(event.number);
  if (event.copy) {
    const [made, ...others] = flight.doubles; // by an action; otherwise the network made it, and it left with its original
    flight.doubles = others;
    const stray = made ?? { flight: { ...flight, name: `${flight.name} copy` }, start: flight.leaves, cross: Infinity };
    strays.push({ ...stray, flight: { ...stray.flight, arrives: event.time }, end: event.time });
  } else if (event.kind === "dropped") {
    lose(event, flight, strays);
  } else if (!afterPause) {
    flight.arrives = event.time; // The network held it back. What waited for a paused server stands at its door.
  }
}

// A message is lost as it leaves, and is then seen on its way to where that happens; or later, when it should arrive.
function lose(event, flight, strays) {
  const { leaves } = flight;
  flight.lost = event.reason;
  flight.late = event.time > leaves;
  flight.arrives = Math.max(flight.arrives, event.time);
  const fade = (flight.arrives - leaves) / 2;
  strays.push({ flight, start: event.time, cross: flight.arrives, end: flight.arrives + fade });
}

// How long a message usually takes, in microseconds; 0 when there is none.
function typicalTime(flights) {
  const times = flights.filter(({ lost, holds }) => !lost && !holds.length).map((each) => each.arrives - each.leaves);
  times.sort((a, b) => a - b);
  return times[times.length >> 1] ?? 0;
}

// The messages to draw at a moment, each {flight, share of its way, crossed out or not, waiting at the door or not}.
// The way of a lost one ends where it is lost; who draws it knows where that is.
export function underWay(flights, moment, time) {
  const found = [];
  for (const name of moment.inFlight.keys()) {
    const flight = flights.byName.get(name);
    found.push({ flight, share: shareAt(flight, time), crossed: false, waiting: time > flight.arrives });
  }
  for (let index = firstFrom(flights.strays, time - flights.longest); index < flights.strays.length; index += 1) {
    const { flight, start, cross, end } = flights.strays[index];
    if (start > time) break;
    if (time < end) found.push({ flight, share: shareAt(flight, time), crossed: time >= cross, waiting: false });
  }
  return found;
}

// How much of its way a message has gone. Each time that it was held back, the rest of its way took another time.
function shareAt(flight, time) {
  let [share, since] = [0, flight.leaves];
  for (const held of flight.holds) {
    if (held.time >= time) return going(share, since, held.due, time);
    share = going(share, since, held.due, held.time);
    since = held.time;
  }
  return going(share, since, flight.arrives, time);
}

function going(share, since, due, time) {
  const gone = Math.max(0, Math.min(1, (time - since) / Math.max(1, due - since)));
  return share + (1 - share) * gone;
}

function firstFrom(strays, time) {
  let low = 0;
  let high = strays.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (strays[middle].start < time) low = middle + 1;
    else high = middle;
  }
  return low;
}
