// What the reader does with pointer and keyboard, and what is under either: the card, the selection, the keys.

import { isCommand, isPressing, isWriting } from "./keyboard.js";

const SPEEDS = [1 / 16, 16];

export class Reader {
  constructor(player) {
    this.player = player;
    this.subject = null;
    const { root } = player;
    root.addEventListener("pointerover", (event) => this.point(thingAt(event)));
    root.addEventListener("focusin", (event) => this.focus(thingAt(event)));
    for (const name of ["pointerleave", "focusout"]) root.addEventListener(name, () => this.point(null));
    root.addEventListener("click", (event) => this.click(event));
    root.addEventListener("keydown", (event) => this.onKey(event));
    this.sizes = new ResizeObserver(() => this.fit());
    this.sizes.observe(root);
    this.keepKeys = (event) => {
      if (!isCommand(event)) event.stopPropagation();
    };
  }

  // The card.

  point(thing) {
    this.subject = thing;
    this.player.card.hide();
    if (thing) this.fillCard();
  }

  focus(thing) {
    if (thing) this.player.roving.settle(thing);
    this.point(thing);
  }

  refresh() {
    if (!this.player.card.element.hidden) this.fillCard();
  }

  fillCard() {
    const { player } = this;
    const { server, message } = this.subject.isConnected ? this.subject.dataset : {};
    const flight = message && player.journey.flights.byName.get(message.replace(" copy", ""));
    const selected = (server ?? message) === player.inspector.key;
    if (selected || (!server && !flight)) {
      player.card.hide();
      return;
    }
    if (server) player.card.showServer(server, player.moment.servers.get(server), player.position.time);
    else player.card.showMessage(flight);
    player.card.placeBeside(this.subject, player.picture);
  }

  // Selecting.

  click(event) {
    const thing = thingAt(event);
    if (!thing || !this.player.ring.element.contains(thing)) return;
    const { server } = thing.dataset;
    if (event.shiftKey && server && this.player.live) this.player.live.bar.toggle(server);
    else this.select(thing);
  }

  select(thing) {
    const { server, message } = thing.dataset;
    this.player.roving.settle(thing);
    this.player.select(server ? { server } : { message });
    this.player.card.hide();
  }

  // Keys.

  onKey(event) {
    if (isWriting(event)) {
      event.stopPropagation();
      if (event.key === "Escape") this.player.roving.at?.focus();
      return;
    }
    if (isCommand(event)) return;
    event.stopPropagation(); // JupyterLab takes single letters as commands: b would add a cell.
    if (isPressing(event)) return;
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    const does = this.movements(event)[key] ?? this.actions(event.target)[key];
    if (!does) return;
    event.preventDefault();
    does();
  }

  movements({ target, shiftKey }) {
    const { player } = this;
    const jump = (kind) => () => player.jump(kind, shiftKey ? -1 : 1);
    const thing = target.closest("[data-server], [data-message]");
    const list = target.closest("select") !== null;
    return {
      ArrowRight: () => player.step(1),
      ArrowLeft: () => player.step(-1),
      ArrowDown: list ? undefined : () => player.roving.move(1),
      ArrowUp: list ? undefined : () => player.roving.move(-1),
      Home: () => player.choose(player.journey.home),
      End: () => player.choose(player.journey.last()),
      "+": () => this.changeSpeed(2),
      "=": () => this.changeSpeed(2),
      "-": () => this.changeSpeed(1 / 2),
      " ": () => player.toggle(),
      e: jump("election"),
      f: jump("fault"),
      v: jump("violation"),
      "?": () => player.help.toggle(),
      Enter: thing ? () => this.select(thing) : undefined,
      Escape: () => this.escape(),
    };
  }

  escape() {
    const { player } = this;
    const inPanel = player.inspector.element.contains(document.activeElement);
    if (!player.help.element.hidden) player.help.toggle(false);
    else if (!player.card.element.hidden) this.point(null);
    else player.select(null);
    if (inPanel) player.roving.at?.focus();
  }

  // What a letter does to what has the focus, or to what is selected: the action that changes something, or else one that
  // says why not.
  actions(target) {
    const { player } = this;
    const { live, moment } = player;
    if (!live) return {};
    const { bar } = live;
    const thing = target.closest("[data-server], [data-message]")?.dataset;
    const subject = thing ? { ...thing } : player.inspector.subject;
    const found = { w: () => live.act(bar.partition()), m: () => live.act(bar.healing()), c: () => bar.key?.focus() };
    const letters = new Map();
    for (const action of player.inspector.possible(moment, player.link.live, player.position.time, subject)) {
      const letter = action.key.toLowerCase();
      if (!letters.has(letter) || letters.get(letter).why) letters.set(letter, action);
    }
    for (const [letter, action] of letters) found[letter] = () => live.act(action);
    if (subject?.server) found.s = () => bar.toggle(subject.server);
    return found;
  }

  changeSpeed(factor) {
    const { model } = this.player;
    const speed = Math.min(SPEEDS[1], Math.max(SPEEDS[0], model.get("speed") * factor));
    model.set("speed", speed);
    model.save_changes();
    this.player.say(`Speed ${speed}.`);
  }

  // Fits the logs to the width. By now the widget is in the page, so the controls around it can keep their keys, too.
  fit() {
    const { player } = this;
    this.surroundings ??= player.root.closest(".raft-player");
    this.surroundings?.addEventListener("keydown", this.keepKeys);
    player.list.centre();
    if (player.logs.fit(player.root.clientWidth)) player.logs.draw(player.moment, player.changed);
  }

  close() {
    this.sizes.disconnect();
    this.surroundings?.removeEventListener("keydown", this.keepKeys);
  }
}

// The server or the message that an event happened on.
function thingAt(event) {
  return event.target.closest("[data-server], [data-message]");
}
