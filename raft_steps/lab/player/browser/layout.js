// The parts of a player: which there are, how they are connected to it, and where they are on the page.

/** @import { Player } from "./widget.js" */

import { ClientLayer } from "./client_layer.js";
import { ClientList } from "./client_list.js";
import { html } from "./dom.js";
import { HeadBar } from "./head_bar.js";
import { Inspector } from "./inspector.js";
import { Help, RovingFocus } from "./keyboard.js";
import { Lanes } from "./lanes.js";
import { LiveSession } from "./live.js";
import { LogTable } from "./log_table.js";
import { NowPanel } from "./now_panel.js";
import { Card, HappeningList } from "./panels.js";
import { PlaybackControls } from "./playback_controls.js";
import { Ring } from "./ring.js";
import { Tabs } from "./tabs.js";
import { ViolationBanner } from "./violation_banner.js";
import { drawWallsByHand } from "./wall_drawing.js";

/**
 * @typedef {object} Parts
 * @property {Ring} ring
 * @property {ClientLayer} client
 * @property {LiveSession | null} live null for a trace alone, which has no part that could change it
 * @property {Help} help
 * @property {RovingFocus} roving
 * @property {Card} card
 * @property {HeadBar} head
 * @property {HappeningList} list
 * @property {NowPanel} now
 * @property {LogTable} logs
 * @property {ClientList} clients
 * @property {ViolationBanner} banner
 * @property {Inspector} inspector
 * @property {PlaybackControls} controls
 * @property {Lanes} lanes
 * @property {Tabs} tabs
 * @property {Options} options
 * @property {HTMLElement} legend
 * @property {HTMLElement} status
 * @property {HTMLElement} picture the frame of the ring, with what lies above it
 */

/** @typedef {{ element: HTMLElement, draw(): void }} Options */

/**
 * Makes the parts of a player for a run of these servers.
 *
 * @param {Player} player
 * @param {readonly string[]} servers
 * @returns {Parts}
 */
export function makeParts(player, servers) {
  const { navigation, clock } = player;
  const ring = new Ring(servers);
  const live = player.link.isLive ? new LiveSession(player, servers) : null;
  /** @param {number} number */
  const goTo = (number) => player.choose(player.navigation.afterEvent(number));
  const help = new Help(live !== null);
  const legend = html("div", { class: "rp-signs" });
  help.element.append(legend);
  const card = new Card(clock);
  const act = live ? live.act.bind(live) : () => undefined;
  const inspector = new Inspector({ act, close: () => player.select(null) }, live !== null);
  const list = new HappeningList(navigation.happenings, clock, ({ first }) => goTo(first));
  const clients = new ClientList(clock, goTo);
  const status = html("p", { class: "rp-said", "aria-hidden": "true" });
  const banner = new ViolationBanner(goTo);
  const options = makeOptions(player);
  const parts = { list, live, clients, inspector };
  if (live) drawWallsByHand(ring, (chosen) => live.partitionOff(chosen));
  return {
    ...parts,
    ring,
    help,
    card,
    legend,
    status,
    banner,
    options,
    client: new ClientLayer(ring.clientLayer, ring.client, ring.places),
    head: makeHead(player, banner),
    roving: new RovingFocus(ring),
    now: new NowPanel(),
    logs: new LogTable(servers),
    controls: makeControls(player, live !== null, status),
    lanes: makeLanes(player, servers, live !== null),
    tabs: makeTabs(parts, options),
    picture: html(
      "div",
      { class: "rp-picture" },
      ...(live ? [live.caption] : []),
      ring.element,
      inspector.pill,
      card.element,
    ),
  };
}

/**
 * @param {Player} player
 * @param {ViolationBanner} banner
 */
function makeHead(player, banner) {
  return new HeadBar(player.navigation.trace.title, banner.element, {
    branches: () => player.parts.tabs.show("branches"),
    compare: (id) => player.parts.live?.compare(id),
    keys: () => player.parts.help.toggle(),
  });
}

/**
 * @param {Player} player
 * @param {boolean} live
 * @param {HTMLElement} status
 */
function makeControls(player, live, status) {
  const handlers = {
    toggle: () => player.toggle(),
    home: () => player.choose(player.navigation.home),
    end: () => player.choose(player.navigation.endPosition()),
    step: player.step.bind(player),
    jump: player.jump.bind(player),
    goTo: (/** @type {number} */ time) => player.choose(player.navigation.positionAt(time)),
    speed: (/** @type {number} */ speed) => player.setOption("speed", speed),
  };
  return new PlaybackControls(player.navigation, player.clock, handlers, { live, status });
}

/**
 * @param {Player} player
 * @param {readonly string[]} servers
 * @param {boolean} live
 */
function makeLanes(player, servers, live) {
  const scrub = (/** @type {number} */ time) => player.choose(player.navigation.positionAt(time));
  return new Lanes(servers, { scrub, jump: player.jump.bind(player) }, live);
}

/**
 * Makes the options that are not about moving time, which stand in the row of the tabs.
 *
 * @param {Player} player
 * @returns {Options}
 */
function makeOptions(player) {
  /** @type {[name: "hurry" | "heartbeats", label: string, title: string][]} */
  const labels = [
    ["hurry", "hurry through quiet times", "Play stretches without messages faster"],
    ["heartbeats", "heartbeats", "List heartbeats that change nothing, and stop at them"],
  ];
  const boxes = labels.map(([name, label, title]) => {
    const box = html("input", { type: "checkbox", "data-option": name });
    box.addEventListener("change", () => player.setOption(name, box.checked));
    return { name, box, element: html("label", { class: "rp-option", title }, box, label) };
  });
  const element = html("div", { class: "rp-options" }, ...boxes.map((each) => each.element));
  const draw = () => {
    for (const { name, box } of boxes) box.checked = player.model.get(name);
  };
  return { element, draw };
}

/**
 * @param {Pick<Parts, "list" | "live" | "clients" | "inspector">} parts
 * @param {Options} options
 */
function makeTabs({ list, live, clients, inspector }, options) {
  const client = html("div", { class: "rp-client-panel" }, ...(live ? [live.bar.clientElement] : []), clients.element);
  const tabs = [
    { name: "client", label: "Client", content: client },
    { name: "story", label: "Story", content: list.element },
  ];
  if (live) {
    tabs.splice(1, 0, { name: "network", label: "Network", content: live.bar.networkElement });
    tabs.push({ name: "branches", label: "Branches", content: live.branches.element });
    tabs.push({ name: "script", label: "Script", content: live.script.element });
  }
  tabs.push({ name: "fields", label: "Fields", content: inspector.tab });
  const prefix = `rp-${Math.random().toString(36).slice(2, 8)}`;
  return new Tabs(tabs, prefix, () => list.centre(), options.element);
}

/**
 * Returns the content of the player's element, from top to bottom.
 *
 * @param {Parts} parts
 */
export function arrangeParts({ controls, head, help, lanes, live, logs, now, picture, tabs }) {
  const compared = live ? [live.otherPicture, live.differences] : [];
  const main = html(
    "div",
    { class: "rp-main" },
    picture,
    ...compared,
    logs.element,
    now.element,
    controls.element,
    lanes.element,
  );
  return [head.element, main, tabs.row, tabs.panels, help.element];
}

/**
 * Fits the parts to the width of the page. Returns whether the logs must be drawn again.
 *
 * @param {Parts} parts
 */
export function fitParts({ inspector, lanes, logs, picture }) {
  lanes.fit(lanes.element.clientWidth);
  inspector.place(picture.querySelector(".rp-pinned"), picture);
  return logs.fit(logs.element.clientWidth);
}
