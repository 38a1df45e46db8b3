// The bar below the picture: what a client asks, how the network is parted, how much it loses and how slow it is.

import { clientAction, clusterActions, networkAction } from "./available_actions.js";
import { allow, html, pressButton } from "./dom.js";

export class Bar {
  // names: the servers; act: {line(action), choose()}; clients: whether the servers know what to do with a client.
  constructor(names, act, clients) {
    Object.assign(this, { act, shown: "" });
    this.ticks = new Map(names.map((name) => [name, html("input", { type: "checkbox", "data-tick": name })]));
    for (const tick of this.ticks.values()) tick.addEventListener("change", () => act.choose());
    const groups = [this.makeSides(), this.makeNetwork()];
    if (names.length === 1) groups.length = 0; // Who is alone has no network.
    if (clients) groups.unshift(this.makeClient(names));
    this.element = html("div", { class: "rp-bar", role: "group", "aria-label": "The cluster" }, ...groups);
    this.element.addEventListener("input", () => this.refresh());
  }

  makeClient(names) {
    const verbs = ["set", "get", "delete"].map((verb) => html("option", {}, verb));
    this.verb = html("select", { "aria-label": "What the client asks" }, ...verbs);
    this.key = html("input", { value: "x", "aria-label": "Key", size: 5, placeholder: "key" });
    this.value = html("input", { value: "1", "aria-label": "Value", size: 5, placeholder: "value" });
    const asked = [html("option", { value: "" }, "the leader"), ...names.map((name) => html("option", {}, name))];
    this.to = html("select", { "aria-label": "Which server it asks" }, ...asked);
    this.send = pressButton("Ask", () => this.act.line(this.request()), { "data-act": "ask" });
    for (const input of [this.key, this.value]) {
      input.addEventListener("keydown", (event) => {
        if (event.key === "Enter" && !this.send.disabled) this.send.click();
      });
    }
    return group("Client", this.verb, this.key, this.value, " asks ", this.to, this.send);
  }

  makeSides() {
    const ticks = [...this.ticks].map(([name, tick]) => html("label", { class: "rp-ticked" }, tick, name));
    this.part = pressButton("Part off", () => this.act.line(this.partition()), { "data-act": "partition" });
    this.heal = pressButton("Heal", () => this.act.line(this.healing()), { "data-act": "heal" });
    return group("Sides", ...ticks, this.part, this.heal);
  }

  makeNetwork() {
    const number = (label, step) => html("input", { type: "number", min: 0, step, "aria-label": label });
    this.loss = number("Share of the messages that are lost, in percent", "any");
    this.low = number("Shortest time that a message takes", "any");
    this.high = number("Longest time that a message takes", "any");
    const set = (act, words, press) => pressButton("Set", press, { "data-act": act, "aria-label": words });
    this.setLoss = set("loss", "Set how many are lost", () => this.act.line(this.losing()));
    this.setDelay = set("delay", "Set how long they take", () => this.act.line(this.delaying()));
    return group(
      "Messages",
      "lost",
      this.loss,
      "%",
      this.setLoss,
      "take",
      this.low,
      "to",
      this.high,
      "s",
      this.setDelay,
    );
  }

  // The servers that are ticked.
  get chosen() {
    return [...this.ticks].filter(([, tick]) => tick.checked).map(([name]) => name);
  }

  toggle(name) {
    const tick = this.ticks.get(name);
    tick.checked = !tick.checked;
    this.act.choose();
  }

  untick() {
    for (const tick of this.ticks.values()) tick.checked = false;
  }

  request() {
    const { verb, key, value, to } = this;
    return clientAction(this.moment, { verb: verb.value, key: key.value, value: value.value, to: to.value });
  }

  partition() {
    return clusterActions(this.moment, this.chosen)[0];
  }

  healing() {
    return clusterActions(this.moment, this.chosen)[1];
  }

  losing() {
    return networkAction(this.moment, this.live, { loss: Number((Number(this.loss.value) / 100).toFixed(6)) });
  }

  delaying() {
    return networkAction(this.moment, this.live, { delay: [Number(this.low.value), Number(this.high.value)] });
  }

  draw(moment, live) {
    Object.assign(this, { moment, live });
    const { loss, delay } = { loss: live.loss, delay: live.delay, ...moment.network };
    const shown = JSON.stringify([loss, delay]);
    if (shown !== this.shown) {
      this.shown = shown;
      this.loss.value = Number((100 * loss).toFixed(4));
      [this.low.value, this.high.value] = delay;
    }
    this.refresh();
  }

  refresh() {
    if (this.send) {
      this.value.hidden = this.verb.value !== "set";
      const { why, line } = this.request();
      allow(this.send, why, `${line} (C goes to the key)`);
    }
    const [part, heal] = clusterActions(this.moment, this.chosen);
    allow(this.part, part.why, `${part.line} (W)`);
    allow(this.heal, heal.why, "heal (M)");
    allow(this.setLoss, this.losing().why, this.losing().line);
    allow(this.setDelay, this.delaying().why, this.delaying().line);
  }
}

function group(label, ...parts) {
  const words = html("span", { class: "rp-label", "aria-hidden": "true" }, label);
  return html("div", { class: "rp-group", role: "group", "aria-label": label }, words, ...parts);
}
