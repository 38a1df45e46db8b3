// The connection to Python, with a fake of anywidget's model. pytest starts it as it starts state.test.mjs.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { pathToFileURL } from "node:url";

const module = (name) => import(pathToFileURL(join(process.env.RAFT_STEPS_BROWSER, `${name}.js`)).href);
const { KernelLink } = await module("kernel_link");

const runs = JSON.parse(readFileSync(process.env.RAFT_STEPS_RECORDED, "utf-8"));
const linesOf = ({ text }) => text.trimEnd().split("\n");
const runOf = (wanted) => runs.find(({ name }) => name === wanted);

// Makes the model of a live cluster whose first branch has these lines, and records the requests to it.
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
  const deliver = (message, text = "") => handlers["msg:custom"](message, [new TextEncoder().encode(text)]);
  const publish = (live) => {
    traits.live = live;
    handlers["change:live"]();
  };
  return { model, asked, deliver, publish };
}

test("each request gets its own answer, in whatever order they come", async () => {
  const { model, asked, deliver } = modelOf(linesOf(runOf("step 8")));
  const link = KernelLink.of(model);
  assert.equal(KernelLink.of(model), link);
  const [first, second] = [link.request({ do: "extend", branch: 0 }), link.request({ do: "reset" })];
  deliver({ kind: "answer", id: asked[1].id, ok: false, said: "no" });
  deliver({ kind: "answer", id: asked[0].id, ok: true, said: "yes" });

  assert.deepEqual([(await first).said, (await second).said], ["yes", "no"]);
  assert.notEqual(asked[0].id, asked[1].id);
});

test("a kernel that cannot be reached counts as one that refuses", async () => {
  const { model } = modelOf(linesOf(runOf("step 8")), {
    send() {
      throw new Error("gone");
    },
  });
  const answer = await KernelLink.of(model).request({ do: "reset" });

  assert.deepEqual([answer.ok, answer.silent], [false, true]);
});

test("after a delta whose beginning is missing the whole trace is fetched, and then listeners are notified", async () => {
  const lines = linesOf(runOf("step 8"));
  const { model, asked, deliver } = modelOf(lines.slice(0, 10));
  const link = KernelLink.of(model);
  const notified = [];
  const stop = link.listen({ trace: ({ branch }) => notified.push(branch), live: () => undefined });
  const message = { kind: "trace", branch: 3, parent: 2, end: 1, servers: ["tom"], title: "" };
  deliver({ ...message, keep: 5 }, lines[10]);
  assert.deepEqual([asked.map((request) => [request.do, request.branch]), notified], [[["fetch", 3]], []]);
  deliver({ ...message, keep: 0 }, lines.slice(1).join("\n"));
  deliver({ kind: "answer", id: asked[0].id, ok: true, said: "" });

  assert.deepEqual(notified, [3]);
  assert.equal(link.branches.trace(3).events.length, lines.length - 1);
  assert.equal(await link.ensureBranch(3), true);
  stop();
  deliver({ ...message, keep: 0 }, lines[1]);
  assert.deepEqual(notified, [3]);
});

test("what Python sent before the link existed is fetched, once", async () => {
  const lines = linesOf(runOf("step 8"));
  const { end } = JSON.parse(lines[0]);
  const { model, asked, deliver, publish } = modelOf(lines.slice(0, 10), { events: lines.length - 1 });
  const link = KernelLink.of(model);
  const notified = [];
  link.listen({ trace: ({ branch }) => notified.push(branch), live: () => notified.push("live") });
  publish({ current: 0, branches: [{ id: 0, end: end + 1, events: lines.length - 1 }] });
  assert.deepEqual(
    asked.map((request) => [request.do, request.branch]),
    [["fetch", 0]],
  );
  deliver({ kind: "trace", branch: 0, keep: 0, end: end + 1, servers: ["tom"], title: "" }, lines.slice(1).join("\n"));
  deliver({ kind: "answer", id: asked[0].id, ok: true, said: "" });
  await link.fetching.get(0);
  publish({ current: 0, branches: [{ id: 0, end: end + 1, events: lines.length - 1 }] });

  assert.deepEqual(notified, ["live", 0, "live"]);
  assert.equal(link.branches.trace(0).events.length, lines.length - 1);
  assert.equal(asked.length, 1);
});

test("a branch that is missing, or shorter than in Python, is fetched when the state says so", () => {
  const lines = linesOf(runOf("step 8"));
  const { end } = JSON.parse(lines[0]);
  const { model, asked, publish } = modelOf(lines);
  const link = KernelLink.of(model);
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
