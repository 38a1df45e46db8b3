// Handles pointer and keyboard: the card of the server or message under the pointer or focus, the selection, the keys.

/**
 * @import { ButtonAction, JumpKind, Subject } from "./types.js"
 * @import { Player } from "./widget.js"
 */

import { deposeActions, splitActions } from "./available_actions.js";
import { getValue } from "./collections.js";
import { closestTo } from "./dom.js";
import { FocusKeeper } from "./focus.js";
import { isCommand, isPressing, isTyping, lineKeys } from "./keyboard.js";
import { fitParts } from "./layout.js";

const MIN_SPEED = 1 / 16;
const MAX_SPEED = 16;
const SERVER_OR_MESSAGE = "[data-server], [data-message]";

/** @typedef {Record<string, (() => void) | undefined>} KeyBindings */

export class PlayerInput {
  /** @param {Player} player */
  constructor(player) {
    this.player = player;
    /** @type {HTMLElement | SVGElement | null} */
    this.pointed = null; // the server or message whose card is shown
    /** @type {HTMLElement | null} */
    this.surroundings = null;
    const { root } = player;
    this.focusKeeper = new FocusKeeper(root, {
      focusPicture: () => player.parts.roving.focus(),
      refuse: (why) => player.showMessage(`Nothing to do: ${why}.`),
    });
    root.addEventListener("pointerover", (event) => this.point(closestTo(event, SERVER_OR_MESSAGE)));
    root.addEventListener("focusin", (event) => this.focus(closestTo(event, SERVER_OR_MESSAGE)));
    for (const name of ["pointerleave", "focusout"]) root.addEventListener(name, () => this.point(null));
    root.addEventListener("click", (event) => this.click(event));
    root.addEventListener("keydown", (event) => this.pressKey(event));
    this.sizes = new ResizeObserver(() => this.fit());
    this.sizes.observe(root);
    this.keepKeys = (/** @type {Event} */ event) => {
      if (!(event instanceof KeyboardEvent) || isCommand(event)) return;
      if (event.target === this.surroundings) this.pressKey(event);
      event.stopPropagation();
    };
  }

  // The card.

  /** @param {HTMLElement | SVGElement | null} element */
  point(element) {
    this.pointed = element;
    this.player.parts.card.hide();
    if (element) this.showCard(element);
  }

  /** @param {HTMLElement | SVGElement | null} element */
  focus(element) {
    if (element) this.player.parts.roving.set(element);
    this.point(element);
  }

  /** Brings the card up to date, if it is shown. */
  refresh() {
    if (this.pointed && !this.player.parts.card.element.hidden) this.showCard(this.pointed);
  }

  /** @param {HTMLElement | SVGElement} element */
  showCard(element) {
    const { navigation, parts, moment, position } = this.player;
    const { card } = parts;
    const { server, message } = element.isConnected ? element.dataset : {};
    const span = message && navigation.spans.byName.get(message.replace(" copy", ""));
    const isSelected = (server ?? message) === parts.inspector.selected; // The inspector shows the same fields.
    if (isSelected || (!server && !span)) {
      card.hide();
      return;
    }
    if (server) card.showServer(server, getValue(moment.servers, server), position.time);
    else if (span) card.showMessage(span);
    card.placeNextTo(element, parts.picture);
  }

  // Selecting.

  /** @param {MouseEvent} event */
  click(event) {
    const { parts } = this.player;
    if (closestTo(event, "[data-client]")) this.openClient();
    const element = closestTo(event, SERVER_OR_MESSAGE);
    if (!element || !parts.ring.element.contains(element)) return;
    const { server } = element.dataset;
    if (event.shiftKey && server && parts.live) parts.live.bar.toggleTick(server);
    else this.select(element);
  }

  /** @param {HTMLElement | SVGElement} element */
  select(element) {
    const { parts } = this.player;
    parts.roving.set(element);
    if (element.dataset.message !== undefined) this.player.pause(); // It would arrive before the reader has decided.
    this.player.select(subjectOfElement(element));
    parts.card.hide();
  }

  /** Opens the tab of the client, where the reader can ask for something. */
  openClient() {
    const { live, tabs } = this.player.parts;
    tabs.show("client");
    live?.bar.focusKey();
  }

  // Keys.

  /** @param {KeyboardEvent} event */
  pressKey(event) {
    if (isTyping(event)) {
      event.stopPropagation();
      if (event.key === "Escape") this.player.parts.roving.focus();
      return;
    }
    if (isCommand(event)) return;
    event.stopPropagation(); // JupyterLab takes single letters as commands: b adds a cell.
    if (isPressing(event)) return;
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    const element = closestTo(event, SERVER_OR_MESSAGE);
    const keys = { ...this.actionKeys(element), ...this.navigationKeys(event, element), ...lineKeys(event) };
    const binding = keys[key];
    if (!binding) return;
    event.preventDefault();
    binding();
  }

  /**
   * @param {KeyboardEvent} event
   * @param {HTMLElement | SVGElement | null} element the server or message that has the focus
   * @returns {KeyBindings}
   */
  navigationKeys({ shiftKey }, element) {
    const { player } = this;
    const jump = (/** @type {JumpKind} */ kind) => () => player.jump(kind, shiftKey ? -1 : 1);
    return {
      ArrowRight: () => player.step(1),
      ArrowLeft: () => player.step(-1),
      ArrowDown: () => player.parts.roving.move(1),
      ArrowUp: () => player.parts.roving.move(-1),
      Home: () => player.choose(player.navigation.home),
      End: () => player.choose(player.navigation.endPosition()),
      "+": () => this.changeSpeed(2),
      "=": () => this.changeSpeed(2),
      "-": () => this.changeSpeed(1 / 2),
      " ": () => player.toggle(),
      e: jump("election"),
      f: jump("fault"),
      v: jump("violation"),
      "?": () => player.parts.help.toggle(),
      Enter: element ? () => this.select(element) : undefined,
      Escape: () => this.escape(),
    };
  }

  /** Closes the help, or else the card, or else the inspector. */
  escape() {
    const { player } = this;
    const { inspector, help, card, roving } = player.parts;
    const inPanel = inspector.element.contains(document.activeElement);
    if (!help.element.hidden) help.toggle(false);
    else if (!card.element.hidden) this.point(null);
    else player.select(null);
    if (inPanel) roving.focus();
  }

  /**
   * Returns the bindings of letters to actions on the server or message that has the focus, or else on the selected one.
   *
   * @param {HTMLElement | SVGElement | null} element
   * @returns {KeyBindings}
   */
  actionKeys(element) {
    const { parts, moment, link, position } = this.player;
    const { live, inspector } = parts;
    if (!live) return {};
    const { bar } = live;
    const subject = element ? subjectOfElement(element) : inspector.subject;
    /** @type {KeyBindings} */
    const keys = { w: () => live.act(bar.partition()), m: () => live.act(bar.healing()), c: () => this.openClient() };
    keys.n = () => live.actAll(deposeActions(moment));
    keys.b = () => live.actAll(splitActions(moment));
    // Two actions may share a letter, such as pause and resume: prefer the one that is available.
    /** @type {Map<string, ButtonAction>} */
    const letters = new Map();
    for (const action of inspector.actionsOn(moment, link.live, position.time, subject)) {
      const letter = action.key.toLowerCase();
      if (letters.get(letter)?.why !== "") letters.set(letter, action);
    }
    for (const [letter, action] of letters) keys[letter] = () => live.act(action);
    const server = subject?.server;
    if (server !== undefined) keys.s = () => bar.toggleTick(server);
    return keys;
  }

  /** @param {number} factor */
  changeSpeed(factor) {
    const { model } = this.player;
    const speed = Math.min(MAX_SPEED, Math.max(MIN_SPEED, model.get("speed") * factor));
    this.player.setOption("speed", speed);
    this.player.showMessage(`Speed ${speed}.`);
  }

  // The page.

  /** Fits the logs to the width. By now the widget is on the page, so the controls around it can keep their keys, too. */
  fit() {
    const { root, parts, moment, changed } = this.player;
    this.surroundings ??= /** @type {HTMLElement | null} */ (root.closest(".raft-player"));
    this.surroundings?.addEventListener("keydown", this.keepKeys);
    if (this.surroundings) this.surroundings.tabIndex = -1; // A click next to a control keeps the keys, too.
    parts.list.centre();
    if (fitParts(parts)) parts.logs.draw(moment, changed);
  }

  close() {
    this.sizes.disconnect();
    this.focusKeeper.close();
    this.surroundings?.removeEventListener("keydown", this.keepKeys);
  }
}

/**
 * @param {HTMLElement | SVGElement} element
 * @returns {Subject | null}
 */
function subjectOfElement({ dataset }) {
  if (dataset.server !== undefined) return { server: dataset.server };
  return dataset.message === undefined ? null : { message: dataset.message };
}
