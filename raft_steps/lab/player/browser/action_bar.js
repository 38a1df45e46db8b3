// What the tabs offer for the whole cluster: a client's request; and the sides of a partition, the network's loss and
// delay, and two situations that are worth seeing often.

/** @import { Action, LiveState, Moment } from "./types.js" */

import {
  clientAction,
  clusterActions,
  delayAction,
  deposeActions,
  lossAction,
  splitActions,
} from "./available_actions.js";
import { getValue } from "./collections.js";
import { disableIf, html, isUnavailable, pressButton } from "./dom.js";

export class ActionBar {
  /**
   * @param {readonly string[]} names
   * @param {Moment} moment
   * @param {Partial<LiveState>} live
   * @param {{ act(action: Action): void, actAll(actions: readonly Action[]): void, choose(): void }} handlers
   *   choose: the ticked servers have changed
   */
  constructor(names, moment, live, handlers) {
    this.moment = moment;
    this.live = live;
    this.handlers = handlers;
    this.networkShown = "";
    const ticks = names.map((name) => html("input", { type: "checkbox", "data-tick": name }));
    for (const tick of ticks) tick.addEventListener("change", () => handlers.choose());
    this.ticks = new Map(names.map((name, index) => [name, ticks[index]]));
    this.client = live.clients === false ? null : this.makeClient(names);
    this.sides = this.makeSides();
    this.network = this.makeNetwork();
    this.situations = this.makeSituations();
    // One server has no network.
    const network = names.length === 1 ? [] : [this.situations.element, this.sides.element, this.network.element];
    this.networkElement = html("div", { class: "rp-forms" }, ...network);
    this.clientElement = html("div", { class: "rp-forms" }, ...(this.client ? [this.client.element] : []));
    for (const element of [this.networkElement, this.clientElement]) {
      element.addEventListener("input", () => this.refresh());
    }
  }

  makeSituations() {
    const depose = pressButton("Depose the leader", () => this.handlers.actAll(deposeActions(this.moment)), {
      "data-act": "depose",
    });
    const split = pressButton("Split the vote", () => this.handlers.actAll(splitActions(this.moment)), {
      "data-act": "split",
    });
    return { element: makeGroup("Situations", depose, split), depose, split };
  }

  /** @param {readonly string[]} names */
  makeClient(names) {
    const verbs = ["set", "get", "delete"].map((each) => html("option", {}, each));
    const verb = html("select", { "aria-label": "What the client asks" }, ...verbs);
    const key = html("input", { value: "x", "aria-label": "Key", size: 5, placeholder: "key" });
    const value = html("input", { value: "1", "aria-label": "Value", size: 5, placeholder: "value" });
    const servers = [html("option", { value: "" }, "the leader"), ...names.map((name) => html("option", {}, name))];
    const to = html("select", { "aria-label": "Which server it asks" }, ...servers);
    const request = () =>
      clientAction(this.moment, { verb: verb.value, key: key.value, value: value.value, to: to.value });
    const send = pressButton("Ask", () => this.handlers.act(request()), { "data-act": "ask" });
    for (const input of [key, value]) {
      input.addEventListener("keydown", (event) => {
        if (event.key === "Enter" && !isUnavailable(send)) send.click();
      });
    }
    const element = makeGroup("Client", verb, key, value, "of", to, send);
    return { element, verb, key, value, send, request };
  }

  makeSides() {
    const labels = [...this.ticks].map(([name, tick]) => html("label", { class: "rp-ticked" }, tick, name));
    const press = (/** @type {() => Action} */ action) => () => this.handlers.act(action());
    const partition = pressButton("Partition", press(this.partition), { "data-act": "partition" });
    const heal = pressButton("Heal", press(this.healing), { "data-act": "heal" });
    return { element: makeGroup("Sides", ...labels, partition, heal), partition, heal };
  }

  makeNetwork() {
    /** @param {string} label */
    const makeInput = (label) => html("input", { type: "number", min: 0, step: "any", "aria-label": label });
    const loss = makeInput("Share of the messages that are lost, in percent");
    const low = makeInput("Shortest time that a message takes");
    const high = makeInput("Longest time that a message takes");
    // Rounded, for 0.07 * 100 / 100 is not 0.07.
    const lossNow = () => lossAction(this.moment, this.live, Number((Number(loss.value) / 100).toFixed(6)));
    const delayNow = () => delayAction(this.moment, this.live, [Number(low.value), Number(high.value)]);
    const setLoss = pressButton("Set", () => this.handlers.act(lossNow()), {
      "data-act": "loss",
      "aria-label": "Set how many are lost",
    });
    const setDelay = pressButton("Set", () => this.handlers.act(delayNow()), {
      "data-act": "delay",
      "aria-label": "Set how long they take",
    });
    const element = makeGroup("Messages", "lost", loss, "%", setLoss, "take", low, "to", high, "s", setDelay);
    return { element, loss, low, high, lossNow, delayNow, setLoss, setDelay };
  }

  /** The servers that are ticked. */
  get chosen() {
    return [...this.ticks].filter(([, tick]) => tick.checked).map(([name]) => name);
  }

  /** @param {string} name */
  toggleTick(name) {
    const tick = getValue(this.ticks, name);
    tick.checked = !tick.checked;
    this.handlers.choose();
  }

  untickAll() {
    for (const tick of this.ticks.values()) tick.checked = false;
  }

  partition = () => clusterActions(this.moment, this.chosen)[0];
  healing = () => clusterActions(this.moment, this.chosen)[1];

  focusKey() {
    this.client?.key.focus();
  }

  /**
   * @param {Moment} moment
   * @param {Partial<LiveState>} live
   */
  draw(moment, live) {
    this.moment = moment;
    this.live = live;
    const { loss = 0, delay = [0, 0] } = { loss: live.loss, delay: live.delay, ...moment.network };
    const shown = JSON.stringify([loss, delay]);
    if (shown !== this.networkShown) {
      this.networkShown = shown;
      this.network.loss.value = String(Number((100 * loss).toFixed(4)));
      this.network.low.value = String(delay[0]);
      this.network.high.value = String(delay[1]);
    }
    this.refresh();
  }

  refresh() {
    if (this.client) {
      const { verb, value, send, request } = this.client;
      value.hidden = verb.value !== "set";
      const { why, line } = request();
      disableIf(send, why, `${line} (C goes to the key)`);
    }
    const [partition, heal] = clusterActions(this.moment, this.chosen);
    disableIf(this.sides.partition, partition.why, `${partition.line} (W)`);
    disableIf(this.sides.heal, heal.why, "heal (M)");
    const { depose, split } = this.situations;
    disableIf(depose, deposeActions(this.moment)[0].why, "Cut the leader off, and let another server time out (N)");
    disableIf(split, splitActions(this.moment)[0].why, "Cut the leader off, and let all others time out at once (B)");
    const [loss, delay] = [this.network.lossNow(), this.network.delayNow()];
    disableIf(this.network.setLoss, loss.why, loss.line);
    disableIf(this.network.setDelay, delay.why, delay.line);
  }
}

/**
 * @param {string} label
 * @param {...(Node | string)} parts
 */
function makeGroup(label, ...parts) {
  const words = html("span", { class: "rp-label", "aria-hidden": "true" }, label);
  return html("div", { class: "rp-group", role: "group", "aria-label": label }, words, ...parts);
}
