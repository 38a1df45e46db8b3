// Where messages are between two servers: pure functions of a trace, a moment and a time.
//
// The trace says when a message left, when it is due and what became of it. Between these it is drawn on its way.

// Every message of a trace, each {name, from, to, type, fields, leaves, arrives, lost, event, ends}, and the strays:
// copies that the network made, and messages that were lost, for which the moment itself has no place (any more).
export function findFlights(trace) {
  const byName = new Map();
  const strays = [];
  const resumedAt = new Map();
  for (const event of trace.events) {
    if (event.kind === "sent") {
      byName.set(event.message, takeOff(event));
    } else if (event.kind === "resumed") {
      resumedAt.set(event.server, event.time);
    } else if (event.kind === "delivered" || event.kind === "dropped") {
      land(event, byName.get(event.message), strays, resumedAt.get(event.server) === event.time);
    }
  }
  strays.sort((a, b) => a.start - b.start);
  const longest = strays.reduce((most, stray) => Math.max(most, stray.end - stray.start), 0);
  return { byName, strays, longest, typical: typicalTime([...byName.values()]) };
}

function takeOff(event) {
  const { message, server, to, type, fields, time, due } = event;
  const when = { leaves: time, arrives: due, lost: "", event: event.number, ends: [] };
  return { name: message, from: server, to, type, fields, ...when };
}

function land(event, flight, strays, afterPause) {
  if (!flight) return;
  flight.ends.push(event.number);
  if (event.copy) {
    const copy = { ...flight, name: `${flight.name} copy`, arrives: event.time };
    strays.push({ flight: copy, start: flight.leaves, cross: Infinity, end: event.time });
  } else if (event.kind === "dropped") {
    flight.lost = event.reason;
    flight.arrives = Math.max(flight.arrives, event.time);
    const fade = (flight.arrives - flight.leaves) / 2;
    strays.push({ flight, start: event.time, cross: flight.arrives, end: flight.arrives + fade });
  } else if (!afterPause) {
    flight.arrives = event.time; // The network held it back. What waited for a paused server stands at its door.
  }
}

// How long a message usually takes, in microseconds; 0 when there is none.
function typicalTime(flights) {
  const times = flights.filter((flight) => !flight.lost).map((flight) => flight.arrives - flight.leaves);
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

function shareAt(flight, time) {
  const whole = Math.max(1, flight.arrives - flight.leaves);
  return Math.max(0, Math.min(1, (time - flight.leaves) / whole));
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
