// The player's pure JavaScript against its Python twins, on recorded runs, and by itself.
//
// pytest records the runs and starts this (tests/test_widget.py): RAFT_STEPS_RECORDED is the file of the runs, and
// RAFT_STEPS_BROWSER the folder with the modules, where node takes them for modules.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { pathToFileURL } from "node:url";

const module = (name) => import(pathToFileURL(join(process.env.RAFT_STEPS_BROWSER, `${name}.js`)).href);
const { KEYFRAME_EVERY, Timeline, readTrace } = await module("cluster_state");
const { findMessageSpans, messagesInTransit } = await module("message_spans");
const { eventText } = await module("narration");
const { Navigation } = await module("navigation");
const { layOutRing, progressAtWall, findWalls } = await module("geometry");

const runs = JSON.parse(readFileSync(process.env.RAFT_STEPS_RECORDED, "utf-8"));
const MICROSECONDS = 1e6;

// A moment as the Python side writes it down.
function plain(moment) {
  const servers = {};
  for (const [name, { applied, ...state }] of moment.servers) servers[name] = state;
  const in_flight = Object.fromEntries([...moment.inFlight].map(([name, event]) => [name, event.number]));
  const { held, network, sides, cuts } = moment;
  return JSON.parse(JSON.stringify({ servers, in_flight, held, network, sides, cuts }));
}

for (const run of runs) {
  test(`${run.name}: every moment is the Python twin's`, () => {
    const timeline = new Timeline(readTrace(run.text));
    for (const [number, expected] of run.moments) {
      assert.deepEqual(plain(timeline.momentAfter(number)), expected, `after event ${number}`);
    }
  });

  test(`${run.name}: every event has the Python twin's words`, () => {
    const { events } = readTrace(run.text);

    assert.deepEqual(
      events.map((event) => eventText(event)),
      run.words,
    );
  });

  test(`${run.name}: the list is the Python story, with and without idle heartbeats`, () => {
    const trace = readTrace(run.text);
    const { happenings } = new Navigation(trace);
    const told = (heartbeats) => happenings.all.flatMap((happening) => happenings.lines(happening, heartbeats));

    assert.deepEqual(told(true), run.story);
    assert.deepEqual(told(false), run.weighty_story);
    const spoken = happenings.all.filter((happening) => happenings.lines(happening, false).length > 0);
    assert.deepEqual(happenings.visible(false), spoken);
  });

  test(`${run.name}: the chapters are the Python twin's`, () => {
    const { chapters } = new Navigation(readTrace(run.text));

    assert.deepEqual(
      chapters.map(({ event, kind, text }) => [event, kind, text]),
      run.chapters,
    );
  });

  test(`${run.name}: stepping on meets every happening once, and stepping back meets them again`, () => {
    const navigation = new Navigation(readTrace(run.text));
    for (const heartbeats of [true, false]) {
      const told = navigation.happenings.visible(heartbeats).filter(({ first }) => first > navigation.home.number);
      let position = navigation.home;
      for (const happening of told) {
        position = navigation.next(position, heartbeats);
        assert.deepEqual(position, { number: happening.last, time: happening.time });
      }
      for (const happening of told.slice(0, -1).reverse()) {
        position = navigation.previous(position, heartbeats);
        assert.deepEqual(position, { number: happening.last, time: happening.time });
      }
      if (told.length) assert.deepEqual(navigation.previous(position, heartbeats), navigation.home);
    }
  });

  test(`${run.name}: playing meets every event in order and comes to the end`, () => {
    const navigation = new Navigation(readTrace(run.text));
    let position = navigation.home;
    const { number: last } = navigation.endPosition();
    for (let frame = 0; position.time < navigation.end || position.number < last; frame += 1) {
      const moment = navigation.timeline.momentAfter(position.number);
      const quiet = navigation.messagesInTransit(moment, position.time, true).length === 0;
      const next = navigation.advance(position, 0.5, { speed: 1, quiet, hurry: true, heartbeats: true });
      const further = next.time > position.time || next.number > position.number;
      assert.ok(further && next.time >= position.time, `frame ${frame} at ${position.time}`);
      const { events } = navigation.trace;
      const skipped = events.filter(({ number }) => number > position.number && number <= next.number);
      if (quiet)
        assert.ok(
          skipped.every(({ time }) => time === next.time),
          "the quiet ends with the next happening",
        );
      position = next;
    }
    assert.deepEqual(position, navigation.endPosition());
  });

  test(`${run.name}: a message is on its way from where it left to where it ended`, () => {
    const trace = readTrace(run.text);
    const spans = findMessageSpans(trace);
    const timeline = new Timeline(trace);
    const sent = trace.events.filter(({ kind }) => kind === "sent");

    assert.deepEqual(
      [...spans.byName.keys()],
      sent.map(({ message }) => message),
    );
    for (const { number, time } of sent) {
      for (const each of messagesInTransit(spans, timeline.momentAfter(number), time)) {
        assert.ok(each.progress >= 0 && each.progress <= 1, `${each.span.name} at ${time}`);
        assert.ok(each.span.arrives > each.span.sent, each.span.name);
      }
    }
  });
}

test("one of the runs is longer than two keyframes, and is asked for its moments in any order", () => {
  const { text, moments } = runs.reduce((longest, run) => (run.text.length > longest.text.length ? run : longest));
  const timeline = new Timeline(readTrace(text));
  assert.ok(timeline.trace.events.length > 2 * KEYFRAME_EVERY);
  const shuffled = moments.map((moment, place) => [(place * 7919) % moments.length, moment]).sort(([a], [b]) => a - b);

  for (const [, [number, expected]] of shuffled) assert.deepEqual(plain(timeline.momentAfter(number)), expected);
});

test("a moment is the caller's own: changing it changes nothing else", () => {
  const timeline = new Timeline(readTrace(runs[0].text));
  const before = plain(timeline.momentAfter(5));
  const own = timeline.momentAfter(5);
  own.servers.values().next().value.log.push("scribble");
  own.inFlight.clear();

  assert.deepEqual(plain(timeline.momentAfter(5)), before);
});

test("a lost message is drawn on its way, crossed out where it stops, and then gone", () => {
  const run = runs.find(({ text }) => text.includes('"reason": "cut"'));
  const trace = readTrace(run.text);
  const spans = findMessageSpans(trace);
  const { span, cross, end } = spans.detached.find((detached) => detached.span.lost === "cut");
  const seen = (time) => {
    const moment = new Timeline(trace).momentAfter(new Timeline(trace).numberAt(time));
    return messagesInTransit(spans, moment, time).find((each) => each.span === span);
  };

  assert.equal(seen((span.sent + cross) / 2).crossed, false);
  assert.equal(seen((cross + end) / 2).crossed, true);
  assert.equal(seen(end + MICROSECONDS), undefined);
});

test("what reaches a paused server waits next to it", () => {
  const run = runs.find(({ name }) => name === "pause");
  const navigation = new Navigation(readTrace(run.text));
  const resumed = navigation.trace.events.find(({ kind }) => kind === "resumed");
  const position = { number: resumed.number - 1, time: resumed.time - 1 };
  const waiting = navigation.messagesInTransit(navigation.timeline.momentAfter(position.number), position.time, true);

  assert.ok(waiting.some((each) => each.waiting && each.progress === 1));
});

test("a chapter leads to where it happens, and is named from there on", () => {
  const { text } = runs.find(({ name }) => name === "pause");
  const { events } = readTrace(text);
  const paused = events.find(({ kind }) => kind === "paused");
  const navigation = new Navigation(readTrace(text));
  const place = 1 + navigation.chapters.findIndex(({ event }) => event === paused.number);

  assert.deepEqual(navigation.chapterPosition(place), { number: paused.number, time: paused.time });
  assert.deepEqual(
    [-1, paused.number - 1, paused.number].map((number) => navigation.chapterAt(number)),
    [0, place - 1, place],
  );
});

test("servers and their labels do not overlap, and all lie inside the picture", () => {
  for (let count = 1; count <= 9; count += 1) {
    const names = Array.from({ length: count }, (_, number) => `s${number}`);
    const { places, box } = layOutRing(names);
    const all = [...places.values()];
    for (const [index, { x, y, label }] of all.entries()) {
      assert.ok(x - 46 >= box.x && x + 46 <= box.x + box.width, `${count} servers: ${index} in the picture`);
      assert.ok(label.y - 14 >= box.y && label.y + 19 <= box.y + box.height, `${count} servers: label ${index}`);
      for (const other of all.slice(index + 1)) {
        assert.ok(Math.hypot(x - other.x, y - other.y) > 92, `${count} servers: ${index} and its neighbour`);
        const apart = Math.abs(label.x - other.label.x) > 84 || Math.abs(label.y - other.label.y) > 30;
        assert.ok(apart, `${count} servers: label ${index} and another`);
      }
    }
  }
});

test("a message that a partition stops is stopped by the wall, one inside a side is not", () => {
  const names = ["a", "b", "c", "d", "e"];
  const { places } = layOutRing(names);
  const found = findWalls(names, [
    ["a", "b"],
    ["c", "d", "e"],
  ]);
  const meets = (from, to) => progressAtWall(places.get(from), places.get(to), found);
  const [there, back] = [meets("a", "d"), meets("d", "a")];

  assert.equal(found.length, 1);
  assert.ok(there > 0.1 && there < 0.9 && back > 0.1 && back < 0.9);
  assert.ok(Math.abs(there + back - 1) < 0.25, "it is the same wall from both sides");
  assert.equal(
    findWalls(names, [
      ["a", "c"],
      ["b", "d", "e"],
    ]),
    null,
  );
  assert.deepEqual(findWalls(names, []), []);
});
