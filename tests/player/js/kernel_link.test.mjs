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

const NOTHING = { news: () => undefined, wait: () => undefined, lose: () => undefined };
const LIVE = { current: 0, branches: [{ id: 0 }] };

// Makes the model of a live cluster whose first branch has these lines, and records the requests to it.
function modelOf(lines, { send, status } = {}) {
  const handlers = {};
  const asked = [];
  const kernel = { status };
  const model = {
    get: (name) => ({ trace: new TextEncoder().encode(lines.join("\n")), live: LIVE })[name],
    on: (name, handler) => {
      handlers[name] = handler;
    },
    send: send ?? ((request) => asked.push(request)),
    ...(status ? { widget_manager: { kernel } } : {}),
  };
  const deliver = (message, ...texts) => {
    const buffers = texts.map((text) => new TextEncoder().encode(text));
    handlers["msg:custom"]({ kind: "news", traces: [], live: LIVE, ...message }, buffers);
  };
  return { model, asked, deliver, kernel, lose: () => handlers.comm_live_update() };
}

// Makes a live cluster's link without the request that asks for what was missed.
function openedLink(lines, options) {
  const { deliver, asked, ...rest } = modelOf(lines, options);
  const link = KernelLink.of(rest.model);
  deliver({ id: asked.pop()?.id, ok: true });
  return { link, deliver, asked, ...rest };
}

test("each request gets its own answer, in whatever order they come", async () => {
  const { link, model, asked, deliver } = openedLink(linesOf(runOf("step 8")));
  assert.equal(KernelLink.of(model), link);
  const [first, second] = [link.request({ do: "extend", branch: 0 }), link.request({ do: "reset" })];
  deliver({ id: asked[1].id, ok: false, said: "no" });
  deliver({ id: asked[0].id, ok: true, said: "yes" });

  assert.deepEqual([(await first).said, (await second).said], ["yes", "no"]);
  assert.notEqual(asked[0].id, asked[1].id);
});

test("a kernel that cannot be reached has changed nothing", async () => {
  const { model } = modelOf(linesOf(runOf("step 8")), {
    send() {
      throw new Error("gone");
    },
  });
  const answer = await KernelLink.of(model).request({ do: "reset" });

  assert.equal(answer.ok, false);
  assert.match(answer.said, /nothing was changed/);
});

test("a busy kernel is waited for, however long, and the reader is told", async ({ mock }) => {
  mock.timers.enable({ apis: ["setTimeout"] });
  const { link, asked, deliver } = openedLink(linesOf(runOf("step 8")), { status: "busy" });
  const told = [];
  link.listen({ ...NOTHING, wait: (words) => told.push(words) });
  const answer = link.request({ do: "reset" });
  mock.timers.tick(300);
  assert.deepEqual(told, []);
  for (let look = 0; look < 100; look += 1) mock.timers.tick(600);
  assert.equal(told.length, 1);
  assert.match(told[0], /busy.*will be done when it is free/);
  deliver({ id: asked[0].id, ok: true, said: "late" });

  assert.equal((await answer).said, "late");
  assert.equal(told.at(-1), "");
});

test("an idle kernel that says nothing for seconds has not received the request", async ({ mock }) => {
  mock.timers.enable({ apis: ["setTimeout"] });
  const { link, kernel } = openedLink(linesOf(runOf("step 8")), { status: "idle" });
  let answer;
  link.request({ do: "reset" }).then((given) => {
    answer = given;
  });
  for (let look = 0; look < 3; look += 1) mock.timers.tick(600);
  kernel.status = "busy"; // It has it after all.
  mock.timers.tick(600);
  kernel.status = "idle";
  for (let look = 0; look < 4; look += 1) mock.timers.tick(600);
  await Promise.resolve();
  assert.equal(answer, undefined);
  mock.timers.tick(600);
  await Promise.resolve();

  assert.match(answer.said, /nothing was changed/);
});

test("a kernel that is restarted answers nothing any more, and the reader is told at once", async () => {
  const { link, kernel, lose } = openedLink(linesOf(runOf("step 8")), { status: "busy" });
  const told = [];
  link.listen({ ...NOTHING, lose: (words) => told.push(words) });
  const answer = link.request({ do: "reset" });
  kernel.status = "restarting";
  lose();

  assert.match((await answer).said, /nothing was changed/);
  assert.match((await link.request({ do: "reset" })).said, /nothing was changed/);
  assert.equal(told.length, 1);
});

test("after a lost connection nobody knows what was done", async () => {
  const { link, lose } = openedLink(linesOf(runOf("step 8")), { status: "unknown" });
  const answer = link.request({ do: "reset" });
  lose();

  assert.match((await answer).said, /not known whether/);
});

test("after a delta whose beginning is missing the whole trace is fetched, and then listeners are notified", async () => {
  const lines = linesOf(runOf("step 8"));
  const { link, asked, deliver } = openedLink(lines.slice(0, 10));
  const notified = [];
  const stop = link.listen({ ...NOTHING, news: ({ traces }) => notified.push(traces.map(({ branch }) => branch)) });
  const trace = { branch: 3, parent: 2, end: 1, servers: ["tom"], title: "" };
  deliver({ traces: [{ ...trace, keep: 5 }] }, lines[10]);
  assert.deepEqual([asked.map((request) => [request.do, request.branch]), notified], [[["fetch", 3]], [[]]]);
  deliver({ id: asked[0].id, ok: true, traces: [{ ...trace, keep: 0 }] }, lines.slice(1).join("\n"));

  assert.deepEqual(notified, [[], [3]]);
  assert.equal(link.branches.trace(3).events.length, lines.length - 1);
  assert.equal(await link.ensureBranch(3), true);
  stop();
  deliver({ traces: [{ ...trace, keep: 0 }] }, lines[1]);
  assert.deepEqual(notified, [[], [3]]);
});

test("what Python sent before the link existed is asked for, once", () => {
  const lines = linesOf(runOf("step 8"));
  const { model, asked, deliver } = modelOf(lines.slice(0, 10));
  const link = KernelLink.of(model);
  assert.deepEqual(
    asked.map((request) => request.do),
    ["open"],
  );
  const trace = { branch: 0, keep: 0, end: 7, servers: ["tom"], title: "" };
  deliver({ id: asked[0].id, traces: [trace] }, lines.slice(1).join("\n"));

  assert.equal(link.branches.trace(0).events.length, lines.length - 1);
  assert.equal(asked.length, 1);
});

test("only the answer to an action says where to go, and state and traces come before it", async () => {
  const lines = linesOf(runOf("step 8"));
  const { link, asked, deliver } = openedLink(lines.slice(0, 10));
  const heard = [];
  link.listen({ ...NOTHING, news: ({ at, traces }) => heard.push([at, traces.length, link.live.current]) });
  const answer = link.request({ do: "act", branch: 0, at: 5, seen: 5, known: 5, action: "heal" });
  answer.then(() => heard.push("answered"));
  const trace = { branch: 1, parent: 0, keep: 9, end: 7, servers: ["tom"], title: "" };
  deliver({ id: asked[0].id, at: 5, traces: [trace], live: { ...LIVE, current: 1 } }, lines[10]);
  await answer;
  deliver({ id: 99, at: 6 });

  assert.deepEqual(heard, [[5, 1, 1], "answered", [null, 0, 0]]);
});
