// The pure parts of the live cluster: branches and their deltas, available actions, differences, and the spans of messages
// that actions changed. pytest starts it as it starts state.test.mjs.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { pathToFileURL } from "node:url";

const module = (name) => import(pathToFileURL(join(process.env.RAFT_STEPS_BROWSER, `${name}.js`)).href);
const { KEYFRAME_EVERY, Timeline, readTrace } = await module("cluster_state");
const { Branches, branchTree, countSharedEvents, timeOfAction } = await module("branches");
const { Navigation } = await module("navigation");
const { findMessageSpans, messagesInTransit } = await module("message_spans");
const { findMarkers, nextMarker, withViolations } = await module("markers");
const { findDifferences, firstDifference } = await module("state_diff");
const { clientAction, clusterActions, messageActions } = await module("available_actions");
const { delayAction, lossAction, partitionLine, serverActions } = await module("available_actions");
const { changesOf } = await module("field_text");
const { answerAt, requestsOf } = await module("client_list");

const runs = JSON.parse(readFileSync(process.env.RAFT_STEPS_RECORDED, "utf-8"));
const linesOf = ({ text }) => text.trimEnd().split("\n");
const runOf = (wanted) => runs.find(({ name }) => name === wanted);
const whyOf = (actions) => Object.fromEntries(actions.map(({ act, why }) => [act, why]));
const possibleOf = (actions) => actions.filter(({ why }) => !why).map(({ act }) => act);
const lineOf = (actions, wanted) => actions.find(({ act }) => act === wanted).line;

// Makes a moment of servers that differ from a usual one in the given properties.
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
    let navigation = new Navigation(branches.trace(0));
    for (let keep = first; keep < rows.length; keep += 97) {
      navigation.timeline.momentAfter(keep);
      const text = rows.slice(keep, keep + 97).join("\n");
      assert.ok(
        branches.applyDelta({ branch: 0, keep, end: whole.end, servers: whole.servers, title: whole.title }, text),
      );
      navigation = new Navigation(branches.trace(0), { known: navigation, shared: keep });
    }

    assert.deepEqual(branches.trace(0).events, whole.events);
    const fresh = new Timeline(whole);
    for (const [number] of run.moments) {
      assert.deepEqual(navigation.timeline.momentAfter(number), fresh.momentAfter(number), `after event ${number}`);
    }
    const { happenings, spans, longestTimers } = new Navigation(whole);
    assert.deepEqual(navigation.happenings.all, happenings.all);
    assert.deepEqual(navigation.happenings.significant, happenings.significant);
    assert.deepEqual(navigation.happenings.idle, happenings.idle); // Sets are equal in any order.
    assert.deepEqual([...navigation.spans.byName], [...spans.byName]);
    assert.deepEqual(navigation.spans.detached, spans.detached);
    assert.deepEqual([navigation.spans.longest, navigation.spans.typical], [spans.longest, spans.typical]);
    assert.deepEqual(navigation.longestTimers, longestTimers);
  });
}

test("a branch shares what it has in common with its parent, and both stay whole", () => {
  const [header, ...rows] = linesOf(runOf("step 8"));
  const [other] = linesOf(runOf("step 7")).slice(-1);
  const branches = new Branches([header, ...rows].join("\n"));
  const keep = 2 * KEYFRAME_EVERY + 5;
  assert.ok(rows.length > keep);
  branches.applyDelta({ branch: 4, parent: 0, keep, end: 99, servers: ["a"], title: "step 3" }, `${other}\n`);
  const [parent, child] = [branches.trace(0), branches.trace(4)];

  assert.equal(parent.events.length, rows.length);
  assert.equal(child.events.length, keep + 1);
  assert.equal(child.end, 99);
  assert.deepEqual([child.servers, child.title], [["a"], "step 3"]);
  assert.equal(countSharedEvents(parent.events, child.events), keep);
  assert.deepEqual(
    child.events.map(({ number }) => number),
    Array.from({ length: keep + 1 }, (_, number) => number),
  );
});

test("a delta whose beginning is missing is not applied", () => {
  const [header, row] = linesOf(runOf("step 8"));
  const branches = new Branches([header, row].join("\n"));

  assert.equal(branches.applyDelta({ branch: 1, parent: 7, keep: 1, end: 5 }, row), false);
  assert.equal(branches.applyDelta({ branch: 0, keep: 2, end: 5 }, row), false);
  assert.equal(branches.has(1), false);
  assert.equal(branches.trace(0).events.length, 1);
  assert.equal(branches.applyDelta({ branch: 1, keep: 0, end: 5 }, row), true);
});

test("how far a branch has been seen never decreases", () => {
  const branches = new Branches(linesOf(runOf("step 8")).join("\n"));
  branches.markSeen(0, 9);
  branches.markSeen(0, 4);

  assert.deepEqual([branches.seenUntil(0), branches.seenUntil(3)], [9, 0]);
});

test("an action happens after everything that has happened at the position, and before everything else", () => {
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
    branchTree(branches).map(({ id, depth }) => [id, depth]),
    [
      [0, 0],
      [1, 1],
      [3, 2],
      [2, 1],
      [4, 0],
    ],
  );
});

test("the actions on a server depend on whether it runs, is paused, has a timer, or is cut off", () => {
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

test("a leader can hand over to a server that runs, if the Node can", () => {
  const fields = { successor: null };
  const down = { spike: { up: false, fields } };
  const moment = momentOf({ tom: { fields, role: "leader" }, jerry: { fields }, ...down });
  const find = (name, at = moment) => serverActions(at, name).find(({ act }) => act === "transfer");

  assert.deepEqual(find("jerry"), { act: "transfer", label: "Let it lead", key: "L", line: "transfer jerry", why: "" });
  assert.equal(find("tom").why, "tom leads");
  assert.equal(find("spike").why, "spike is down");
  assert.equal(find("jerry", momentOf({ tom: { fields }, jerry: { fields } })).why, "nobody leads");
  assert.equal(find("jerry", momentOf({ tom: {}, jerry: {} })), undefined);
});

test("a server is added to the voters or removed, if the Node can", () => {
  const fields = { configurations: { 2: { voters: ["tom", "jerry"] } }, learners: ["tyke"] };
  const moment = momentOf({ tom: { fields, role: "leader" }, jerry: { fields }, spike: { fields }, tyke: { fields } });
  const offered = (name) =>
    serverActions(moment, name)
      .filter(({ key, why }) => key === "J" && !why)
      .map(({ line }) => line);

  assert.deepEqual(["jerry", "spike", "tyke"].map(offered), [["remove jerry"], ["add spike"], []]);
  assert.match(whyOf(serverActions(moment, "tyke")).add, /is being added/);
  assert.equal(whyOf(serverActions(momentOf({ tom: {} }), "tom")).add, undefined);
});

test("the actions on a message depend on whether it is on its way, waits for a paused server, or is a copy", () => {
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

test("a partition that would change nothing is not available, and one that would leaves the other sides as they are", () => {
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

test("a client's request is a line of a scenario, and not available if no server could receive it", () => {
  const moment = momentOf({ tom: {}, jerry: { up: false } });
  const ask = (given) => clientAction(moment, { verb: "set", key: "x", value: "1", to: "", ...given });

  assert.deepEqual(ask({}), { act: "ask", line: "set x 1", why: "" });
  assert.equal(ask({ verb: "get", to: "tom" }).line, "get x to tom");
  assert.equal(ask({ key: "the key", value: "it's; 5" }).line, `set 'the key' 'it'"'"'s; 5'`);
  assert.ok(ask({ key: "" }).why && ask({ value: "" }).why && ask({ to: "jerry" }).why);
  assert.equal(ask({ verb: "delete", value: "" }).why, "");
  assert.ok(clientAction(momentOf({ tom: { up: false } }), { verb: "get", key: "x", value: "", to: "" }).why);
});

test("loss and delay can be changed only to other values than those at the moment", () => {
  const live = { loss: 0, delay: [0.2, 0.3] };
  const later = momentOf({ tom: {} }, { network: { loss: 0.5 } });
  const whyLoss = (moment, loss) => lossAction(moment, live, loss).why;
  const whyDelay = (moment, ...delay) => delayAction(moment, live, delay).why;

  assert.ok(whyLoss(momentOf({ tom: {} }), 0) && whyLoss(later, 0.5) && whyDelay(later, 0.2, 0.3));
  assert.deepEqual([whyLoss(later, 0), whyDelay(later, 0.2, 2)], ["", ""]);
  assert.ok(whyLoss(later, 1.5) && whyLoss(later, NaN) && whyDelay(later, 2, 1) && whyDelay(later, -1, 1));
  assert.equal(lossAction(later, live, 0.1).line, "loss 0.1");
  assert.equal(delayAction(later, live, [0.2, 2]).line, "delay 0.2 2");
});

test("differences name the servers that differ, and equal moments have none", () => {
  const entry = (number, command) => ({ index: 1, term: number, command });
  const term = (number) => ({ fields: { current_term: number } });
  const one = momentOf({ tom: { role: "leader", ...term(1) }, jerry: term(1), spike: {} });
  const jerry = { role: "leader", ...term(2), log: [entry(2, "set x 1")] };
  const sides = [["tom"], ["jerry", "spike"]];
  const other = momentOf({ tom: { up: false, ...term(1) }, jerry, spike: {} }, { sides });

  assert.deepEqual(findDifferences(one, one), []);
  assert.deepEqual(findDifferences(one, other), [
    { what: "Leader", one: "tom", other: "jerry" },
    { what: "Down", one: "nobody", other: "tom" },
    { what: "Network", one: "whole", other: "tom | jerry spike" },
    { what: "Terms", one: "jerry: 1", other: "jerry: 2" },
    { what: "Logs", one: "jerry: no entry 1", other: "jerry: entry 1 is set x 1 of term 2" },
  ]);
  assert.equal(firstDifference([entry(1, "a"), entry(1, "b")], [entry(1, "a"), entry(2, "b")]), 1);
  assert.equal(firstDifference([entry(1, "a")], [entry(1, "a")]), -1);
});

test("a candidate that starts another election is marked, and one that follows in the new term is not", () => {
  const events = [
    { kind: "role", role: "candidate" },
    { kind: "term", term: 2 },
    { kind: "timer_started", timer: "election", due: 9 },
    { kind: "term", term: 3 },
    { kind: "role", role: "follower" },
    { kind: "term", term: 4 },
  ].map((event, number) => ({ number, time: number, server: "tom", ...event }));

  assert.deepEqual(
    findMarkers({ events }).map(({ event, kind }) => [event, kind]),
    [
      [0, "candidate"],
      [1, "candidate"],
    ],
  );
});

test("the next marker of a kind, forwards and backwards, including violations", () => {
  const markers = withViolations(
    [
      { event: 3, kind: "candidate", text: "" },
      { event: 5, kind: "leader", text: "" },
      { event: 9, kind: "down", text: "" },
    ],
    [{ event: 7, rule: "Election Safety", text: "two lead" }],
  );
  const next = (number, kind, direction) => nextMarker(markers, number, kind, direction)?.event;

  assert.deepEqual([next(0, "election"), next(3, "election"), next(5, "election")], [3, 5, undefined]);
  assert.deepEqual([next(5, "election", -1), next(3, "election", -1)], [3, undefined]);
  assert.equal(next(0, "fault"), 9);
  assert.deepEqual([next(0, "violation"), next(7, "violation"), next(8, "violation", -1)], [7, undefined, 7]);
});

test("a held message goes on from where it was, later; its copy leaves from there, too", () => {
  const { spans, timeline, trace } = new Navigation(readTrace(runOf("steered").text));
  const held = trace.events.find(({ kind }) => kind === "held");
  const doubled = trace.events.find(({ kind }) => kind === "doubled");
  const shareOf = (name, time) => {
    const moment = timeline.momentAfter(timeline.numberAt(time));
    return messagesInTransit(spans, moment, time).find(({ span }) => span.name === name)?.progress;
  };
  const { sent } = spans.byName.get(held.message);

  assert.ok(Math.abs(shareOf(held.message, held.time + 1) - shareOf(held.message, held.time - 1)) < 0.01);
  assert.ok(shareOf(held.message, held.time) > 0.1, "it had gone some of its way");
  const half = (held.time + held.due) / 2;
  assert.ok(Math.abs(shareOf(held.message, half) - (1 + shareOf(held.message, held.time)) / 2) < 0.01);
  assert.equal(spans.byName.get(held.message).arrives, held.due);
  assert.ok(held.due > sent + 2_000_000);

  const copy = `${doubled.message} copy`;
  assert.equal(shareOf(copy, doubled.time - 1), undefined);
  assert.ok(Math.abs(shareOf(copy, doubled.time) - shareOf(doubled.message, doubled.time)) < 0.01);
  assert.ok(shareOf(copy, doubled.due - 1000) > 0.99);
  assert.equal(shareOf(copy, doubled.due + 1000), undefined);
});

test("a copy that is still on its way when the run ends is drawn", () => {
  const [header, ...rows] = linesOf(runOf("steered"));
  const last = rows.findIndex((row) => row.includes('"doubled"'));
  const spans = findMessageSpans(readTrace([header, ...rows.slice(0, last + 1)].join("\n")));

  assert.equal(spans.detached.filter(({ span }) => span.name.endsWith(" copy")).length, 1);
});

test("a happening changes fields, timers and entries of the servers that it is about", () => {
  const found = changesOf([
    { kind: "delivered", server: "tom", changes: { current_term: 2 } },
    { kind: "appended", server: "tom", index: 4 },
    { kind: "timer_started", server: "tom", timer: "election" },
    { kind: "sent", server: "jerry" },
    { kind: "healed", server: "" },
  ]);

  assert.deepEqual([...found.keys()], ["tom"]);
  assert.deepEqual(found.get("tom").rows, new Set(["current_term", "election timer", "log"]));
  assert.deepEqual([...found.get("tom").entries], [4]);
});

test("a client waits until it is answered, and its answer is shown from then on", () => {
  const { events } = readTrace(runOf("step 1").text);
  const [set, get] = requestsOf(events);

  assert.equal(set.asked.request, "set x 1");
  assert.equal(answerAt(set, set.asked.number), "waits");
  assert.equal(answerAt(set, set.answered.number), "ok");
  assert.equal(answerAt(get, events.length), "ok, 1");
});
