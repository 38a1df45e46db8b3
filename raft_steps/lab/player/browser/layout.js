// The parts of a player: which there are, how they are connected to it, and where they are on the page.

/** @import { Player } from "./widget.js" */

import { ClientList } from "./client_list.js";
import { html } from "./dom.js";
import { Inspector } from "./inspector.js";
import { Help, RovingFocus } from "./keyboard.js";
import { LiveSession } from "./live.js";
import { LogTable } from "./log_table.js";
import { Card, HappeningList } from "./panels.js";
import { PlaybackControls } from "./playback_controls.js";
import { Ring } from "./ring.js";
import { ViolationBanner } from "./violation_banner.js";

/**
 * @typedef {object} Parts
 * @property {Ring} ring
 * @property {LiveSession | null} live null for a trace alone, which has no part that could change it
 * @property {Help} help
 * @property {RovingFocus} roving
 * @property {Card} card
 * @property {HappeningList} list
 * @property {LogTable} logs
 * @property {ClientList} clients
 * @property {ViolationBanner} banner
 * @property {Inspector} inspector
 * @property {PlaybackControls} controls
 * @property {HTMLElement} legend
 * @property {HTMLElement} status
 * @property {HTMLElement} picture the frame of the ring, with what lies above it
 */

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
  const card = new Card(clock);
  const handlers = { act: live ? live.act.bind(live) : () => undefined, close: () => player.select(null) };
  const overlays = [ring.element, card.element, help.element];
  return {
    ring,
    live,
    help,
    card,
    roving: new RovingFocus(ring),
    list: new HappeningList(navigation.happenings, clock, ({ first }) => goTo(first)),
    logs: new LogTable(servers),
    clients: new ClientList(clock, goTo),
    banner: new ViolationBanner(goTo),
    inspector: new Inspector(handlers, live !== null),
    controls: makeControls(player, live !== null),
    legend: html("div", { class: "rp-below" }),
    status: html("p", { class: "rp-said", "aria-hidden": "true" }),
    picture: html("div", { class: "rp-picture" }, ...(live ? [live.caption] : []), ...overlays),
  };
}

/**
 * @param {Player} player
 * @param {boolean} live
 */
function makeControls(player, live) {
  const handlers = {
    keys: () => player.parts.help.toggle(),
    toggle: () => player.toggle(),
    home: () => player.choose(player.navigation.home),
    end: () => player.choose(player.navigation.endPosition()),
    step: player.step.bind(player),
    jump: player.jump.bind(player),
    scrub: (/** @type {number} */ time) => player.choose(player.navigation.positionAt(time)),
    chapter: (/** @type {number} */ chapter) => player.choose(player.navigation.chapterPosition(chapter)),
  };
  return new PlaybackControls(player.navigation, player.clock, handlers, live);
}

/**
 * Returns the content of the player's element, from top to bottom.
 *
 * @param {Parts} parts
 */
export function arrangeParts({ banner, clients, controls, inspector, legend, list, live, logs, picture, status }) {
  const side = html("div", { class: "rp-side" }, inspector.element, list.element);
  const compared = live ? [live.otherPicture, live.differences] : [];
  const stage = html("div", { class: "rp-stage" }, picture, ...compared, side);
  const above = [banner.element, stage, legend, status, controls.element];
  if (!live) return [...above, logs.element, clients.element];
  live.element.prepend(clients.element);
  return [...above, live.bar.element, logs.element, live.element];
}
