// The pure parts of the live cluster: branches and their deltas, what is greyed when, what differs, the ways of messages
// that were meddled with. pytest starts it as it starts state.test.mjs.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { pathToFileURL } from "node:url";

const module = (name) => import(pathToFileURL(join(process.env.RAFT_STEPS_BROWSER, `${name}.js`)).href);
const { KEYFRAME_EVERY, Timeline, readTrace } = await module("cluster_state");
const { Branches, familyOf, sharedEvents, timeOfAction } = await module("branches");
const { Journey } = await module("navigation");
const { findFlights, underWay } = await module("message_spans");
const { nextOfKind, withViolations } = await module("markers");
const { differences, firstDifference } = await module("state_diff");
const { clientAction, clusterActions, messageActions } = await module("available_actions");
const { networkAction, partitionLine, serverActions } = await module("available_actions");
const { changesOf } = await module("field_text");
const { answerAt, requestsOf } = await module("client_list");

const runs = JSON.parse(readFileSync(process.env.RAFT_STEPS_RECORDED, "utf-8"));
const linesOf = ({ text }) => text.trimEnd().split("\n");
const runOf = (wanted) => runs.find(({ name }) => name === wanted);
const whyOf = (actions) => Object.fromEntries(actions.map(({ act, why }) => [act, why]));
const possibleOf = (actions) => actions.filter(({ why }) => !why).map(({ act }) => act);
const lineOf = (actions, wanted) => actions.find(({ act }) => act === wanted).line;

// A cluster at a moment, as cluster_state.js has it, of servers that are said in short.
function momentOf(servers, rest = {}) {
  const whole = Object.entries(servers).map(([name, state]) => [
    name,
    { up: true, paused: false, life: 1, role: "follower", fields: {}, log: [], timers: { election: [0, 9] }, ...state },
  ]);
  return { servers: new Map(whole), inFlight: new Map(), held: {}, network: {}, sides: [], cuts: [], ...rest };
}

for (const run of runs) {
  test(`${run.name}: a trace that came in pieces is the trace that came whole`, () => {
    const [header, ...rows] = linesOf(run);
    const whole = readTrace(run.text);
    const first = Math.floor(rows.length / 3);
    const branches = new Branches([header, ...rows.slice(0, first)].join("\n"));
    let journey = new Journey(branches.trace(0));
    for (let keep = first; keep < rows.length; keep += 97) {
      journey.timeline.momentAfter(keep);
      const text = rows.slice(keep, keep + 97).join("\n");
      assert.ok(branches.take({ branch: 0, keep, end: whole.end, servers: whole.servers, title: whole.title }, text));
      journey = new Journey(branches.trace(0), { known: journey, shared: keep });
    }

    assert.deepEqual(branches.trace(0).events, whole.events);
    const fresh = new Timeline(whole);
    for (const [number] of run.moments) {
      assert.deepEqual(journey.timeline.momentAfter(number), fresh.momentAfter(number), `after event ${number}`);
    }
    assert.deepEqual(journey.story.happenings, new Journey(whole).story.happenings);
  });
}

test("a branch shares what it has in common with its parent, and both stay whole", () => {
  const [header, ...rows] = linesOf(runOf("step 8"));
  const [other] = linesOf(runOf("step 7")).slice(-1);
  const branches = new Branches([header, ...rows].join("\n"));
  const keep = 2 * KEYFRAME_EVERY + 5;
  assert.ok(rows.length > keep);
  branches.take({ branch: 4, parent: 0, keep, end: 99, servers: ["a"], title: "step 3" }, `${other}\n`);
  const [parent, child] = [branches.trace(0), branches.trace(4)];

  assert.equal(parent.events.length, rows.length);
  assert.equal(child.events.length, keep + 1);
  assert.equal(child.end, 99);
  assert.deepEqual([child.servers, child.title], [["a"], "step 3"]);
  assert.equal(sharedEvents(parent.events, child.events), keep);
  assert.deepEqual(
    child.events.map(({ number }) => number),
    Array.from({ length: keep + 1 }, (_, number) => number),
  );
});

test("a delta whose beginning is not here is not taken", () => {
  const [header, row] = linesOf(runOf("step 8"));
  const branches = new Branches([header, row].join("\n"));

  assert.equal(branches.take({ branch: 1, parent: 7, keep: 1, end: 5 }, row), false);
  assert.equal(branches.take({ branch: 0, keep: 2, end: 5 }, row), false);
  assert.equal(branches.has(1), false);
  assert.equal(branches.trace(0).events.length, 1);
  assert.equal(branches.take({ branch: 1, keep: 0, end: 5 }, row), true);
});

test("what has been shown of a branch only grows", () => {
  const branches = new Branches(linesOf(runOf("step 8")).join("\n"));
  branches.show(0, 9);
  branches.show(0, 4);

  assert.deepEqual([branches.seenOf(0), branches.seenOf(3)], [9, 0]);
});

test("an action happens after what has happened at the time that is shown, and before all else", () => {
  const events = [{ time: 0 }, { time: 10 }];

  assert.equal(timeOfAction({ number: 1, time: 10 }, events), 11);
  assert.equal(timeOfAction({ number: 1, time: 17 }, events), 17);
  assert.equal(timeOfAction({ number: 1, time: 17.2 }, events), 18);
  assert.equal(timeOfAction({ number: 0, time: 0 }, events), 1);
  assert.equal(timeOfAction({ number: -1, time: 0 }, events), 0);
});

test("branches are listed below the one that they left", () => {
  const branches = [
    { id: 0, parent: null },
    { id: 1, parent: 0 },
    { id: 2, parent: 0 },
    { id: 3, parent: 1 },
    { id: 4, parent: null },
  ];

  assert.deepEqual(
    familyOf(branches).map(({ id, depth }) => [id, depth]),
    [
      [0, 0],
      [1, 1],
      [3, 2],
      [2, 1],
      [4, 0],
    ],
  );
});

test("what can be done to a server depends on whether it runs, is paused, waits, or stands alone", () => {
  const down = { spike: { up: false }, tyke: { up: false, life: 0 } };
  const moment = momentOf({ tom: {}, jerry: { paused: true }, ...down, butch: { timers: {} } });
  const possible = (name, at = moment) => possibleOf(serverActions(at, name));
  const parted = momentOf({ tom: {}, jerry: {} }, { sides: [["tom"], ["jerry"]] });

  assert.deepEqual(possible("tom"), ["timeout", "crash", "pause", "isolate"]);
  assert.deepEqual(possible("jerry"), ["crash", "resume", "isolate"]);
  assert.deepEqual(possible("spike"), ["restart", "isolate"]);
  assert.deepEqual(possible("butch"), ["crash", "pause", "isolate"]);
  assert.deepEqual(possible("tom", parted), ["timeout", "crash", "pause"]);
  assert.deepEqual(possible("tom", momentOf({ tom: {} })), ["timeout", "crash", "pause"]);
  assert.equal(serverActions(moment, "tyke").find(({ act }) => act === "restart").label, "Start");
  assert.equal(whyOf(serverActions(moment, "tyke")).crash, "tyke is down, not started yet");
});

test("what can be done to a message depends on whether it is on its way, at a closed door, or a copy", () => {
  const name = "tom>jerry#3";
  const moment = momentOf({ tom: {}, jerry: {} }, { inFlight: new Map([[name, { due: 50 }]]) });
  const possible = (message, options) => possibleOf(messageActions(moment, message, options));

  assert.deepEqual(possible(name, { seconds: 2, time: 20 }), ["drop", "hold", "duplicate", "cut"]);
  assert.deepEqual(possible(name, { seconds: 0, time: 20 }), ["drop", "duplicate", "cut"]);
  assert.deepEqual(possible(name, { seconds: 2, time: 51 }), ["drop", "cut"]);
  assert.deepEqual(possible(`${name} copy`, { seconds: 2, time: 20 }), ["cut"]);
  assert.deepEqual(possible("tom>jerry#2", { seconds: 2, time: 20 }), ["cut"]);
  moment.cuts.push("tom>jerry");
  moment.held[name] = 90;
  assert.deepEqual(possible(name, { seconds: 2, time: 51 }), ["drop", "hold", "duplicate"]);
  assert.equal(lineOf(messageActions(moment, name, { seconds: 2.5 }), "hold"), "hold tom>jerry#3 2.5");
});

test("a partition is greyed where it would change nothing, and leaves the other sides as they are", () => {
  const names = { a: {}, b: {}, c: {}, d: {} };
  const [whole, parted] = [
    momentOf(names),
    momentOf(names, {
      sides: [
        ["a", "b"],
        ["c", "d"],
      ],
    }),
  ];
  const why = (moment, chosen) => whyOf(clusterActions(moment, chosen)).partition;

  assert.ok(why(whole, []) && why(whole, ["a", "b", "c", "d"]) && why(parted, ["d", "c"]));
  assert.equal(why(whole, ["c", "d"]), "");
  assert.equal(why(parted, ["a"]), "");
  assert.equal(partitionLine(whole, ["c", "d"]), "partition c d");
  assert.equal(partitionLine(parted, ["a"]), "partition a | b | c d");
  assert.equal(partitionLine(parted, ["b", "c"]), "partition b c | a | d");
  assert.equal(whyOf(clusterActions(whole, [])).heal, "nothing is cut");
  assert.equal(whyOf(clusterActions(parted, [])).heal, "");
  assert.equal(whyOf(clusterActions(momentOf(names, { cuts: ["a>b"] }), [])).heal, "");
});

test("a client's request is spelled as a scenario spells it, and greyed where nobody could hear it", () => {
  const moment = momentOf({ tom: {}, jerry: { up: false } });
  const ask = (given) => clientAction(moment, { verb: "set", key: "x", value: "1", to: "", ...given });

  assert.deepEqual(ask({}), { act: "ask", line: "set x 1", why: "" });
  assert.equal(ask({ verb: "get", to: "tom" }).line, "get x to tom");
  assert.equal(ask({ key: "the key", value: "it's; 5" }).line, `set 'the key' 'it'"'"'s; 5'`);
  assert.ok(ask({ key: "" }).why && ask({ value: "" }).why && ask({ to: "jerry" }).why);
  assert.equal(ask({ verb: "delete", value: "" }).why, "");
  assert.ok(clientAction(momentOf({ tom: { up: false } }), { verb: "get", key: "x", value: "", to: "" }).why);
});

test("loss and delay are greyed where they are so already, by the events until the moment", () => {
  const live = { loss: 0, delay: [0.2, 0.3] };
  const later = momentOf({ tom: {} }, { network: { loss: 0.5 } });
  const why = (moment, given) => networkAction(moment, live, given).why;

  assert.ok(why(momentOf({ tom: {} }), { loss: 0 }) && why(later, { loss: 0.5 }) && why(later, { delay: [0.2, 0.3] }));
  assert.deepEqual([why(later, { loss: 0 }), why(later, { delay: [0.2, 2] })], ["", ""]);
  for (const wrong of [{ loss: 1.5 }, { loss: NaN }, { delay: [2, 1] }, { delay: [-1, 1] }])
    assert.ok(why(later, wrong));
  assert.equal(networkAction(later, live, { delay: [0.2, 2] }).line, "delay 0.2 2");
});

test("what differs is said of those servers of which it is true, and nothing where nothing differs", () => {
  const entry = (term, command) => ({ index: 1, term, command });
  const term = (number) => ({ fields: { current_term: number } });
  const one = momentOf({ tom: { role: "leader", ...term(1) }, jerry: term(1), spike: {} });
  const jerry = { role: "leader", ...term(2), log: [entry(2, "set x 1")] };
  const sides = [["tom"], ["jerry", "spike"]];
  const other = momentOf({ tom: { up: false, ...term(1) }, jerry, spike: {} }, { sides });

  assert.deepEqual(differences(one, one), []);
  assert.deepEqual(differences(one, other), [
    { what: "Leader", one: "tom", other: "jerry" },
    { what: "Down", one: "nobody", other: "tom" },
    { what: "Network", one: "whole", other: "tom | jerry spike" },
    { what: "Terms", one: "jerry: 1", other: "jerry: 2" },
    { what: "Logs", one: "jerry: no entry 1", other: "jerry: entry 1 is set x 1 of term 2" },
  ]);
  assert.equal(firstDifference([entry(1, "a"), entry(1, "b")], [entry(1, "a"), entry(2, "b")]), 1);
  assert.equal(firstDifference([entry(1, "a")], [entry(1, "a")]), -1);
});

test("the next moment of a kind, forwards and backwards, violations among them", () => {
  const moments = withViolations(
    [
      [3, "candidate", ""],
      [5, "leader", ""],
      [9, "down", ""],
    ],
    [{ event: 7, rule: "Election Safety", text: "two lead" }],
  );
  const next = (number, kind, direction) => nextOfKind(moments, number, kind, direction)?.[0];

  assert.deepEqual([next(0, "election"), next(3, "election"), next(5, "election")], [3, 5, undefined]);
  assert.deepEqual([next(5, "election", -1), next(3, "election", -1)], [3, undefined]);
  assert.equal(next(0, "fault"), 9);
  assert.deepEqual([next(0, "violation"), next(7, "violation"), next(8, "violation", -1)], [7, undefined, 7]);
});

test("a held message goes on from where it was, later; its copy leaves from there, too", () => {
  const { flights, timeline, trace } = new Journey(readTrace(runOf("steered").text));
  const held = trace.events.find(({ kind }) => kind === "held");
  const doubled = trace.events.find(({ kind }) => kind === "doubled");
  const shareOf = (name, time) => {
    const moment = timeline.momentAfter(timeline.numberAt(time));
    return underWay(flights, moment, time).find(({ flight }) => flight.name === name)?.share;
  };
  const { leaves } = flights.byName.get(held.message);

  assert.ok(Math.abs(shareOf(held.message, held.time + 1) - shareOf(held.message, held.time - 1)) < 0.01);
  assert.ok(shareOf(held.message, held.time) > 0.1, "it had gone some of its way");
  const half = (held.time + held.due) / 2;
  assert.ok(Math.abs(shareOf(held.message, half) - (1 + shareOf(held.message, held.time)) / 2) < 0.01);
  assert.equal(flights.byName.get(held.message).arrives, held.due);
  assert.ok(held.due > leaves + 2_000_000);

  const copy = `${doubled.message} copy`;
  assert.equal(shareOf(copy, doubled.time - 1), undefined);
  assert.ok(Math.abs(shareOf(copy, doubled.time) - shareOf(doubled.message, doubled.time)) < 0.01);
  assert.ok(shareOf(copy, doubled.due - 1000) > 0.99);
  assert.equal(shareOf(copy, doubled.due + 1000), undefined);
});

test("a copy that is still on its way when the run ends is seen all the same", () => {
  const [header, ...rows] = linesOf(runOf("steered"));
  const last = rows.findIndex((row) => row.includes('"doubled"'));
  const flights = findFlights(readTrace([header, ...rows.slice(0, last + 1)].join("\n")));

  assert.equal(flights.strays.filter(({ flight }) => flight.name.endsWith(" copy")).length, 1);
});

test("what a happening changed: fields, timers and entries, of the servers that it is about", () => {
  const found = changesOf([
    { kind: "delivered", server: "tom", changes: { current_term: 2 } },
    { kind: "appended", server: "tom", index: 4 },
    { kind: "timer_started", server: "tom", timer: "election" },
    { kind: "sent", server: "jerry" },
    { kind: "healed", server: "" },
  ]);

  assert.deepEqual([...found.keys()], ["tom"]);
  assert.deepEqual([...found.get("tom").rows].sort(), ["current_term", "election timer", "log"]);
  assert.deepEqual([...found.get("tom").entries], [4]);
});

test("a client waits until it is answered, and is told what it was told", () => {
  const { events } = readTrace(runOf("step 1").text);
  const [set, get] = requestsOf(events);

  assert.equal(set.asked.request, "set x 1");
  assert.equal(answerAt(set, set.asked.number), "waits");
  assert.equal(answerAt(set, set.answered.number), "ok");
  assert.equal(answerAt(get, events.length), "ok, 1");
});
