// What the player's look is computed from: the scale and the lanes of the time line, the sentence, the signs of commands.
//
// pytest starts this (tests/player/test_widget.py): RAFT_STEPS_RECORDED is the file of recorded runs, and RAFT_STEPS_BROWSER
// the folder with the modules, where node takes them for modules.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { pathToFileURL } from "node:url";

const module = (name) => import(pathToFileURL(join(process.env.RAFT_STEPS_BROWSER, `${name}.js`)).href);
const { deposeActions, splitActions } = await module("available_actions");
const { readTrace } = await module("cluster_state");
const { shortCommand } = await module("command_words");
const { partsOf } = await module("configurations");
const { describeMoment } = await module("headline");
const { findLaneRuns } = await module("lane_runs");
const { TimeScale } = await module("time_scale");
const { tintClass } = await module("term_tint");

const runs = JSON.parse(readFileSync(process.env.RAFT_STEPS_RECORDED, "utf-8"));
const SECOND = 1e6;

// A moment of these servers, each a follower that runs unless something else is given.
function momentOf(servers, rest = {}) {
  const whole = Object.entries(servers).map(([name, { term = 0, ...state }]) => {
    const fields = { current_term: term, voted_for: null, ...state.fields };
    const usual = { up: true, paused: false, life: 1, role: "follower", log: [], timers: { election: [0, 9] } };
    return [name, { ...usual, ...state, fields }];
  });
  return { servers: new Map(whole), inFlight: new Map(), held: {}, network: {}, sides: [], cuts: [], ...rest };
}

const candidate = (name, term) => ({ role: "candidate", term, fields: { votes: [name] } });
const sentence = (...moment) => {
  const { text, strong } = describeMoment(momentOf(...moment));
  return [text, strong].filter(Boolean).join(" ");
};

test("a quiet hour takes little of the time line, and a place leads back to its time", () => {
  const busy = Array.from({ length: 100 }, (_, index) => (index * SECOND) / 10);
  const scale = new TimeScale(busy, 3600 * SECOND);

  assert.deepEqual([scale.place(0), scale.place(3600 * SECOND)], [0, 1]);
  assert.ok(scale.place(10 * SECOND) > 0.3, "ten busy seconds of an hour");
  for (const time of [0, 123_456, 5 * SECOND, 1800 * SECOND]) {
    assert.ok(Math.abs(scale.time(scale.place(time)) - time) < 1);
  }
});

test("the times below the time line are round, in order, and apart from each other", () => {
  const scale = new TimeScale([4 * SECOND, 4.2 * SECOND, 4.3 * SECOND, 12 * SECOND], 17 * SECOND);
  const ticks = scale.ticks(0.08);

  assert.ok(ticks.length > 4 && ticks[0] === 0);
  assert.ok(ticks.slice(1).every((time, index) => scale.place(time) - scale.place(ticks[index]) >= 0.08));
  assert.ok(ticks.every((time) => time % 10_000 === 0));
  assert.deepEqual(new TimeScale([], 0).ticks(0.1), [0]);
});

for (const run of runs) {
  test(`${run.name}: the lanes of a run are without gaps, and no two in a row are the same`, () => {
    const { events, servers, end } = readTrace(run.text);
    for (const lane of findLaneRuns(events, servers, end).values()) {
      for (const [index, { from, to, term, role }] of lane.entries()) {
        const before = lane[index - 1];
        assert.ok(from <= to);
        if (before) assert.ok(before.to === from && (before.term !== term || before.role !== role));
      }
    }
  });
}

test("a lane shows terms, roles, and when a server is down or paused", () => {
  const at = (time, kind, rest = {}) => ({ time: time * SECOND, kind, server: "tom", ...rest });
  const events = [
    at(0, "started", { changes: { current_term: 0 } }),
    at(1, "role", { role: "candidate" }),
    at(1, "term", { term: 1 }),
    at(2, "role", { role: "leader" }),
    at(3, "paused"),
    at(4, "resumed"),
    at(5, "crashed"),
  ];
  const lane = findLaneRuns(events, ["tom"], 6 * SECOND).get("tom");

  assert.deepEqual(
    lane.map(({ from, to, term, role }) => [from / SECOND, to / SECOND, term, role]),
    [
      [0, 1, 0, "follower"],
      [1, 2, 1, "candidate"],
      [2, 3, 1, "leader"],
      [3, 4, 1, "paused"],
      [4, 5, 1, "leader"],
      [5, 6, 1, "down"],
    ],
  );
});

test("the sentence says who leads, who wants to, and what stands in the way", () => {
  const log = [{ index: 1, term: 0, command: "set x 1" }];
  const leader = { role: "leader", log };
  const cut = { sides: [["tom"], ["jerry", "spike"]] };

  assert.equal(sentence({ tom: { up: false }, jerry: { up: false } }), "All servers are down.");
  assert.match(sentence({ tom: {}, jerry: { timers: {} } }), /^Nobody leads\. tom's election timer is the next/);
  assert.equal(sentence({ tom: leader, jerry: { log } }), "tom leads in term 0. Every log has its entry.");
  assert.equal(sentence({ tom: leader, jerry: {} }), "tom leads in term 0. Its log has 1 entry; jerry lacks some.");
  assert.equal(sentence({ tom: leader, jerry: {}, spike: {} }, cut), "tom leads in term 0, cut off from all others.");
  assert.equal(
    sentence({ tom: leader, jerry: { role: "leader", term: 2 }, spike: {} }),
    "jerry leads in term 2. tom still believes that it leads in term 0.",
  );
  assert.match(sentence({ tom: leader, jerry: leader }), /A term may have only one leader\.$/);
  assert.equal(
    sentence({ tom: leader, jerry: candidate("jerry", 1), spike: { term: 1 } }),
    "jerry asks for votes in term 1: 1 of 3 so far. tom still leads in term 0.",
  );
});

// A leader's fields with the configuration in force.
const configured = (voters, old_voters = [], rest = {}) => ({ configurations: { 4: { voters, old_voters } }, ...rest });

test("a server has a part in the cluster as its leader sees it, also before the first change", () => {
  const partsWith = (fields, role = "leader") =>
    Object.fromEntries([...partsOf(momentOf({ tom: { role, fields }, jerry: {}, spike: {}, tyke: {} }))]);
  const peers = { jerry: 1, spike: 1 };

  assert.deepEqual(partsWith({}), { tom: "", jerry: "", spike: "", tyke: "" });
  const joint = { tom: "leaves", jerry: "", spike: "joins", tyke: "outside" };
  assert.deepEqual(partsWith(configured(["jerry", "spike"], ["tom", "jerry"])), joint);
  assert.deepEqual(partsWith(configured(["jerry", "spike"], ["tom", "jerry"]), "follower"), joint);
  assert.deepEqual(partsWith(configured(["tom", "jerry"], [], { learners: ["tyke"], next_index: peers })), {
    ...{ tom: "", jerry: "", spike: "outside", tyke: "learner" },
  });
  assert.deepEqual(partsWith({ configurations: {}, learners: ["spike"], next_index: peers }), {
    ...{ tom: "", jerry: "", spike: "learner", tyke: "outside" },
  });
});

test("the sentence says how the cluster changes, who asks first, and who takes over", () => {
  const leader = (fields) => ({ tom: { role: "leader", fields }, jerry: {}, spike: {} });
  const three = ["tom", "jerry", "spike"];

  assert.equal(
    sentence(leader(configured(["jerry"], three))),
    "tom leads in term 0. The cluster changes: a decision needs 2 of the 3 old voters and 1 of the 1 new ones.",
  );
  assert.equal(
    sentence(leader(configured(["tom", "jerry"], [], { learners: ["spike"] }))),
    "tom leads in term 0. spike is a learner: it gets the log before it votes.",
  );
  assert.equal(sentence(leader({ successor: "spike" })), "tom leads in term 0 and hands over to spike.");
  const asking = { ...leader({}), jerry: { fields: { pre_votes: ["jerry"] } } };
  assert.match(sentence(asking), /^tom leads in term 0\. jerry asks who would vote for it in term 1: 1 of 3 so far\.$/);
  assert.match(sentence({ ...asking, tom: {} }), /^Nobody leads\. jerry asks who would vote/);
});

test("votes are counted among the voters of the candidate's configuration", () => {
  const fields = { votes: ["tom"], ...configured(["tom", "jerry"], ["tom", "spike"]) };
  const rival = { role: "candidate", term: 1, fields: { votes: ["tyke"], ...configured(["tyke", "jerry"]) } };

  const alone = sentence({ tom: { role: "candidate", term: 1, fields }, jerry: {}, spike: {}, tyke: {} });
  assert.equal(alone, "tom asks for votes in term 1: 1 of 3 so far.");
  const gone = { jerry: { up: false }, spike: {}, tyke: rival };
  assert.match(sentence({ tom: { role: "candidate", term: 1, fields }, ...gone }), /the vote is split\.$/);
});

test("a vote is called split only if nobody can win any more", () => {
  const two = { jerry: candidate("jerry", 1), spike: candidate("spike", 1) };
  const cut = { sides: [["tom"], ["jerry", "spike"]] };
  const isSplit = (...moment) => sentence(...moment).endsWith("the vote is split.");

  assert.ok(isSplit({ tom: { role: "leader" }, ...two }, cut));
  assert.ok(!isSplit({ tom: {}, ...two }), "tom may still vote");
  assert.ok(!isSplit({ tom: { term: 1, fields: { voted_for: "spike" } }, ...two }), "a vote is on its way");
  assert.ok(!isSplit({ tom: {}, jerry: candidate("jerry", 2), spike: candidate("spike", 1) }, cut), "different terms");
});

test("to depose a leader, it is cut off and the best of the others times out", () => {
  const log = [{ index: 1, term: 0, command: "set x 1" }];
  const linesOf = (actions) => actions.map(({ line, why }) => line || why);
  const moment = momentOf({ tom: { role: "leader", timers: {} }, jerry: {}, spike: { log } });
  const cut = momentOf(
    { tom: { role: "leader", timers: {} }, jerry: {}, spike: {} },
    { sides: [["tom"], ["jerry", "spike"]] },
  );

  assert.deepEqual(linesOf(deposeActions(moment)), ["partition tom", "timeout spike"]);
  assert.deepEqual(linesOf(deposeActions(cut)), ["timeout jerry"]);
  assert.deepEqual(linesOf(deposeActions(momentOf({ tom: {} }))), ["nobody leads"]);
  assert.deepEqual(linesOf(splitActions(moment)), ["partition tom", "timeout jerry", "timeout spike"]);
  assert.deepEqual(linesOf(splitActions(momentOf({ tom: {}, jerry: {} }))), ["timeout tom", "timeout jerry"]);
  assert.match(splitActions(momentOf({ tom: {} }))[0].why, /fewer than two servers/);
});

test("a command is shown in few signs, without the quotes of its scenario", () => {
  const shown = {
    "set x 1": "x ← 1",
    "set 'the key' 'it'\"'\"'s 5'": "the key ← it's 5",
    "append x 1 as 4.2": "x += 1",
    "cas x 1 2": "x: 1 → 2",
    "delete x": "x ✕",
    "-": "no-op",
    "open session": "open session",
    "members tom,jerry": "members",
    "members tom,jerry from tom,spike": "joint",
  };

  for (const [command, short] of Object.entries(shown)) assert.equal(shortCommand(command), short);
});

test("terms have six colours in turn, and a Node without terms has the first", () => {
  assert.deepEqual([0, 5, 6, undefined].map(tintClass), ["rp-tint-0", "rp-tint-5", "rp-tint-0", "rp-tint-0"]);
});
