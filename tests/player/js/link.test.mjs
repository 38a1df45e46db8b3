// The line to Python, with a model that stands in for anywidget's. pytest starts it as it starts state.test.mjs.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { pathToFileURL } from "node:url";

const module = (name) => import(pathToFileURL(join(process.env.RAFT_STEPS_BROWSER, `${name}.js`)).href);
const { Link } = await module("kernel_link");

const runs = JSON.parse(readFileSync(process.env.RAFT_STEPS_RECORDED, "utf-8"));
const linesOf = ({ text }) => text.trimEnd().split("\n");
const runOf = (wanted) => runs.find(({ name }) => name === wanted);

// A model as anywidget gives it, of a live cluster whose first branch has these lines; what it is asked is kept.
function modelOf(lines, { send, events = lines.length - 1 } = {}) {
  const handlers = {};
  const asked = [];
  const { end } = JSON.parse(lines[0]);
  const branches = [{ id: 0, end, events }];
  const traits = { trace: new TextEncoder().encode(lines.join("\n")), live: { current: 0, branches } };
  const model = {
    get: (name) => traits[name],
    on: (name, handler) => {
      handlers[name] = handler;
    },
    send: send ?? ((request) => asked.push(request)),
  };
  const tell = (message, text = "") => handlers["msg:custom"](message, [new TextEncoder().encode(text)]);
  const publish = (live) => {
    traits.live = live;
    handlers["change:live"]();
  };
  return { model, asked, tell, publish };
}

test("each request gets its own answer, in whatever order they come", async () => {
  const { model, asked, tell } = modelOf(linesOf(runOf("step 8")));
  const link = Link.of(model);
  assert.equal(Link.of(model), link);
  const [first, second] = [link.ask({ do: "extend", branch: 0 }), link.ask({ do: "reset" })];
  tell({ kind: "answer", id: asked[1].id, ok: false, said: "no" });
  tell({ kind: "answer", id: asked[0].id, ok: true, said: "yes" });

  assert.deepEqual([(await first).said, (await second).said], ["yes", "no"]);
  assert.notEqual(asked[0].id, asked[1].id);
});

test("where nobody can be asked, silence is the answer", async () => {
  const { model } = modelOf(linesOf(runOf("step 8")), {
    send() {
      throw new Error("gone");
    },
  });
  const answer = await Link.of(model).ask({ do: "reset" });

  assert.deepEqual([answer.ok, answer.silent], [false, true]);
});

test("a trace whose beginning is not here is fetched whole, and listeners hear of it then", async () => {
  const lines = linesOf(runOf("step 8"));
  const { model, asked, tell } = modelOf(lines.slice(0, 10));
  const link = Link.of(model);
  const heard = [];
  const stop = link.listen({ trace: ({ branch }) => heard.push(branch), live: () => {} });
  const message = { kind: "trace", branch: 3, parent: 2, end: 1, servers: ["tom"], title: "" };
  tell({ ...message, keep: 5 }, lines[10]);
  assert.deepEqual([asked.map((request) => [request.do, request.branch]), heard], [[["fetch", 3]], []]);
  tell({ ...message, keep: 0 }, lines.slice(1).join("\n"));
  tell({ kind: "answer", id: asked[0].id, ok: true, said: "" });

  assert.deepEqual(heard, [3]);
  assert.equal(link.branches.trace(3).events.length, lines.length - 1);
  assert.equal(await link.have(3), true);
  stop();
  tell({ ...message, keep: 0 }, lines[1]);
  assert.deepEqual(heard, [3]);
});

test("what Python sent before anybody could hear it is fetched, once", async () => {
  const lines = linesOf(runOf("step 8"));
  const { end } = JSON.parse(lines[0]);
  const { model, asked, tell, publish } = modelOf(lines.slice(0, 10), { events: lines.length - 1 });
  const link = Link.of(model);
  const heard = [];
  link.listen({ trace: ({ branch }) => heard.push(branch), live: () => heard.push("live") });
  publish({ current: 0, branches: [{ id: 0, end: end + 1, events: lines.length - 1 }] });
  assert.deepEqual(
    asked.map((request) => [request.do, request.branch]),
    [["fetch", 0]],
  );
  tell({ kind: "trace", branch: 0, keep: 0, end: end + 1, servers: ["tom"], title: "" }, lines.slice(1).join("\n"));
  tell({ kind: "answer", id: asked[0].id, ok: true, said: "" });
  await link.fetching.get(0);
  publish({ current: 0, branches: [{ id: 0, end: end + 1, events: lines.length - 1 }] });

  assert.deepEqual(heard, ["live", 0, "live"]);
  assert.equal(link.branches.trace(0).events.length, lines.length - 1);
  assert.equal(asked.length, 1);
});

test("a branch that is shorter here than in Python, or not here at all, is fetched when Python says so", () => {
  const lines = linesOf(runOf("step 8"));
  const { end } = JSON.parse(lines[0]);
  const { model, asked, publish } = modelOf(lines);
  const link = Link.of(model);
  assert.deepEqual(asked, []);
  publish({ current: 0, branches: [{ id: 0, end: end + 5, events: lines.length - 1 }] });
  publish({ current: 4, branches: [{ id: 4, end, events: 1 }] });

  assert.deepEqual(
    asked.map((request) => [request.do, request.branch]),
    [
      ["fetch", 0],
      ["fetch", 4],
    ],
  );
  assert.equal(link.fetching.size, 2);
});
