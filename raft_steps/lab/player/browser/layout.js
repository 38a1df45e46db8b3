// The parts of a player: which there are, what they are told when the reader uses them, and where they stand.

import { Alarm } from "./violation_banner.js";
import { ClientList } from "./client_list.js";
import { Inspector } from "./inspector.js";
import { Help, Roving } from "./keyboard.js";
import { Live } from "./live.js";
import { LogTable } from "./log_table.js";
import { Card, HappeningList } from "./panels.js";
import { Ring } from "./ring.js";
import { html } from "./dom.js";
import { Transport } from "./playback_controls.js";

// Makes the parts of a player for a run of these servers. A run that is not live has no part that could change it.
export function makeParts(player, servers) {
  const ring = new Ring(servers);
  const live = player.link.isLive ? new Live(player) : null;
  const goTo = (number) => player.choose(player.journey.afterEvent(number));
  const help = new Help(live !== null, () => help.toggle(false));
  return {
    ring,
    live,
    help,
    roving: new Roving(ring),
    card: new Card(),
    list: new HappeningList((happening) => goTo(happening.first)),
    logs: new LogTable(servers),
    clients: new ClientList(goTo),
    alarm: new Alarm(goTo),
    inspector: new Inspector({ line: (action) => live.act(action), close: () => player.select(null) }, live !== null),
    transport: makeTransport(player, live !== null),
    legend: html("div", { class: "rp-below" }),
    said: html("p", { class: "rp-said", "aria-hidden": "true" }),
  };
}

function makeTransport(player, live) {
  return new Transport(
    {
      keys: () => player.help.toggle(),
      toggle: () => player.toggle(),
      home: () => player.choose(player.journey.home),
      end: () => player.choose(player.journey.last()),
      step: (direction) => player.step(direction),
      scrub: (time) => player.choose(player.journey.at(time)),
      jump: (kind, direction) => player.jump(kind, direction),
      chapter: (place) => player.choose(player.journey.chapter(place)),
    },
    live,
  );
}

// Puts the parts where they belong: gives what the player's element holds, from top to bottom.
export function placeParts(player, servers) {
  const { alarm, card, clients, help, inspector, legend, list, live, logs, ring, said, transport } = player;
  const caption = live ? [live.caption] : [];
  player.picture = html("div", { class: "rp-picture" }, ...caption, ring.element, card.element, help.element);
  const side = html("div", { class: "rp-side" }, inspector.element, list.element);
  const compared = live ? [live.beside, live.differing] : [];
  const stage = html("div", { class: "rp-stage" }, player.picture, ...compared, side);
  const above = [alarm.element, stage, legend, said, transport.element];
  if (!live) return [...above, logs.element, clients.element];
  live.element.prepend(clients.element);
  return [...above, live.makeBar(servers), logs.element, live.element];
}
