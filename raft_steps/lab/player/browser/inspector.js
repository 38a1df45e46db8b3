// The panel of the server or the message that was selected: its fields, and what can be done to it now. It is no modal:
// everything else goes on beside it.

import { messageActions, serverActions, usualHold } from "./available_actions.js";
import { messageRows, serverRows } from "./field_text.js";
import { allow, html, pressButton } from "./dom.js";
import { messageWords, plainSeconds } from "./narration.js";

export class Inspector {
  // act: {line(line, label), close()}; live: whether anything can be done at all.
  constructor(act, live) {
    Object.assign(this, { act, live, subject: null, buttons: new Map(), made: "" });
    this.title = html("h4");
    this.fields = html("dl", { class: "rp-fields" });
    this.actions = html("div", { class: "rp-actions", role: "group" });
    this.seconds = html("input", {
      type: "number",
      min: 0,
      step: "any",
      value: 2,
      "aria-label": "Seconds to hold back",
    });
    this.hold = html("label", { class: "rp-hold" }, "hold for ", this.seconds, " s");
    const close = pressButton("×", act.close, {
      class: "rp-close",
      "aria-label": "Close the panel",
      title: "Close (Escape)",
    });
    const head = html("header", {}, this.title, close);
    const attributes = { class: "rp-inspector", "aria-label": "Selected", hidden: true };
    this.element = html("section", attributes, head, this.actions, this.fields);
  }

  take(journey) {
    if (!this.held) this.seconds.value = usualHold(journey.flights.typical);
    this.held = true;
  }

  // subject: {server} or {message}, or null for nothing.
  show(subject) {
    this.subject = subject;
    this.element.hidden = subject === null;
  }

  get key() {
    return this.subject ? (this.subject.server ?? this.subject.message) : "";
  }

  // What can be done to the subject now; live: the trait, which knows what was already asked for.
  possible(moment, live, time, subject = this.subject) {
    if (!subject || !this.live) return [];
    if (subject.server) return serverActions(moment, subject.server);
    return messageActions(moment, subject.message, { seconds: Number(this.seconds.value), time }).map((action) => {
      const asked = action.act === "drop" && (live.script ?? []).some(({ line }) => line === action.line);
      return asked ? { ...action, why: action.why || "it will be lost already" } : action;
    });
  }

  draw({ moment, journey, clock, time, live, changed }) {
    if (!this.subject) return;
    const { server, message } = this.subject;
    if (server) this.drawServer(server, moment.servers.get(server), { time, clock, fresh: changed.get(server)?.rows });
    else this.drawMessage(journey.flights.byName.get(message.replace(" copy", "")), message, { moment, clock });
    this.drawActions(this.possible(moment, live, time));
  }

  drawServer(name, state, { time, clock, fresh }) {
    const doing = state.up ? `${state.role}${state.paused ? ", paused" : ""}` : state.life ? "down" : "not started";
    this.title.textContent = `${name}: ${doing}`;
    const last = state.log.at(-1);
    const log = last ? `${state.log.length} long, ends with ${last.command} of term ${last.term}` : "empty";
    const rows = state.up ? serverRows(state, time, clock) : []; // What a server had in memory is gone when it is down.
    this.fill([...rows, [state.up ? "log" : "log on disk", log]], fresh);
  }

  drawMessage(flight, name, { moment, clock }) {
    if (!flight) {
      this.title.textContent = name;
      this.fill([["", "not sent at this moment"]]);
      return;
    }
    this.title.textContent = `${flight.from} → ${flight.to}: ${messageWords(flight.type, flight.fields)}`;
    const held = moment.held[name] === undefined ? [] : [["held back", `until ${plainSeconds(moment.held[name])} s`]];
    this.fill([...messageRows(flight, clock), ...held]);
  }

  // Fills in the rows; those that the last happening changed are marked, in words as well.
  fill(rows, fresh = new Set()) {
    const known = this.fields.children.length === 2 * rows.length;
    if (!known) this.fields.replaceChildren(...rows.flatMap(() => [html("dt"), html("dd")]));
    rows.forEach(([name, value], place) => {
      const [term, words] = [this.fields.children[2 * place], this.fields.children[2 * place + 1]];
      if (term.textContent !== name) term.textContent = name;
      if (words.textContent !== value) words.textContent = value;
      words.classList.toggle("rp-fresh", fresh.has(name));
      if (fresh.has(name)) words.title = "changed just now";
      else words.removeAttribute("title");
    });
  }

  drawActions(actions) {
    const made = actions.map(({ act, label }) => act + label).join();
    if (made !== this.made) this.makeActions(actions, made);
    for (const action of actions) {
      const button = this.buttons.get(action.act);
      button.action = action;
      allow(button, action.why, `${action.line} (${action.key})`);
    }
  }

  makeActions(actions, made) {
    this.made = made;
    this.buttons.clear();
    for (const { act, label, key } of actions) {
      const words = [html("span", {}, label), html("kbd", { "aria-hidden": "true" }, key)];
      const attributes = { type: "button", "data-act": act, class: label.length > 12 ? "rp-wide" : "" };
      const button = html("button", attributes, ...words);
      button.addEventListener("click", () => this.act.line(button.action));
      this.buttons.set(act, button);
    }
    const parts = [...this.buttons.values()];
    if (this.subject.message) parts.push(this.hold);
    this.actions.replaceChildren(...parts);
  }
}
