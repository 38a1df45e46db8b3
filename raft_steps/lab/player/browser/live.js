// The live half of the player: what is asked of Python, and the panels that only a live cluster has. What came of it the
// player draws, as it draws everything: from the trace.

import { Bar } from "./action_bar.js";
import { timeOfAction } from "./branches.js";
import { differences } from "./state_diff.js";
import { Family } from "./branch_panel.js";
import { Journey } from "./navigation.js";
import { Ring } from "./ring.js";
import { Script } from "./script_panel.js";
import { changesOf } from "./field_text.js";
import { html } from "./dom.js";

const AHEAD_SECONDS = 2; // the reader's: so long before its end a run is asked to go on
const MOST_CHUNKS = 12; // how far the next happening is looked for

export class Live {
  constructor(player) {
    Object.assign(this, { player, link: player.link, turn: Promise.resolve(), extending: null, stuck: -1 });
    Object.assign(this, { compared: null, other: null, acting: false });
    this.script = new Script({
      go: (time) => player.choose(player.journey.at(Math.min(time, player.journey.end))),
      paste: (text) => this.request({ do: "paste", text }),
      say: (words) => player.say(words),
    });
    this.family = new Family({
      switchTo: (id) => this.switchTo(id),
      compare: (id) => this.compare(id),
      seed: (seed) => this.request({ do: "seed", seed }),
      reset: () => this.request({ do: "reset" }),
    });
    this.beside = html("figure", { class: "rp-beside", hidden: true });
    this.caption = html("p", { class: "rp-caption", hidden: true });
    this.differing = html("table", { class: "rp-differing", "aria-label": "What differs", hidden: true });
    this.element = html("div", { class: "rp-more" }, this.family.element, this.script.element);
  }

  // The bar of a cluster with these servers.
  makeBar(names) {
    const act = { line: (action) => this.act(action), choose: () => this.player.show(true) };
    this.bar = new Bar(names, act, this.link.live.clients !== false);
    return this.bar.element;
  }

  // Draws what the panels show of a moment; those that time alone does not change, when it is fresh.
  draw(moment, time, heartbeats, fresh) {
    const { live } = this.link;
    if (fresh) {
      this.bar.draw(moment, live);
      this.script.draw(live, this.player.clock);
      this.family.draw(live, this.compared);
    }
    if (this.other) this.drawBeside(moment, time, heartbeats);
  }

  // Crosses out the messages that were dropped by hand and are still on their way.
  doom(flights, time) {
    const dropped = (this.link.live.script ?? []).filter(({ line, at }) => line.startsWith("drop ") && at <= time);
    const names = new Set(dropped.map(({ line }) => line.slice("drop ".length)));
    if (names.size) for (const each of flights) each.crossed ||= names.has(each.flight.name.replace(" copy", ""));
  }

  // Does what an action says, at the time that is shown; one after the other, for each begins where the last one led.
  act(action) {
    if (action.why) {
      this.player.say(`Nothing to do: ${action.why}.`);
      return this.turn;
    }
    this.turn = this.turn.then(() => this.send(action.line));
    return this.turn;
  }

  async send(line) {
    const { player, link } = this;
    const { branch } = player;
    const at = timeOfAction(player.position, player.journey.trace.events);
    const seen = Math.floor(link.branches.seenOf(branch));
    const begun = performance.now();
    this.acting = true;
    const answer = await link.ask({ do: "act", branch, at, seen, action: line });
    this.acting = false;
    this.stuck = -1;
    player.say(answer.said);
    if (answer.ok && line.startsWith("partition")) this.bar.untick();
    const time = Math.max(at, player.playing.playing ? player.position.time : 0);
    player.moveTo(answer.ok ? player.journey.at(time) : player.position, true);
    player.answered(performance.now() - begun);
  }

  // Asks for something that is no action; says what came of it.
  async request(what) {
    const begun = performance.now();
    const answer = await this.link.ask(what);
    this.stuck = -1;
    this.player.say(answer.said);
    this.player.answered(performance.now() - begun);
    return answer.ok;
  }

  async switchTo(id) {
    if (id === this.link.current) return;
    if (await this.link.have(id)) await this.request({ do: "switch", branch: id });
    else this.player.say("That branch could not be fetched.");
  }

  // Lets the run go on if its end is near.
  lookAhead() {
    const { journey, position, model } = this.player;
    const rate = journey.scale * model.get("speed");
    const near = Math.max(this.link.live.chunk ?? 0, AHEAD_SECONDS * rate);
    if (journey.end - position.time < near) this.extend();
  }

  // Lets the run go on where it could not before: the reader wants it to.
  tryAgain() {
    this.stuck = -1;
    this.extend();
  }

  // Lets the run go on for a while; says whether it did. There is one such request at a time.
  extend() {
    const { player, link } = this;
    if (this.stuck >= player.journey.end) return Promise.resolve(false);
    this.extending ??= link.ask({ do: "extend", branch: player.branch }).then(({ ok, said }) => {
      this.extending = null;
      if (!ok) {
        this.stuck = player.journey.end;
        player.say(said);
      }
      return ok;
    });
    return this.extending;
  }

  // Lets the run go on until something is told after a position; gives the position of it, or the end.
  async reach(position, heartbeats) {
    this.stuck = -1;
    for (let chunk = 0; chunk < MOST_CHUNKS && this.isLast(position, heartbeats); chunk += 1) {
      if (!(await this.extend())) break;
    }
    return this.player.journey.next(position, heartbeats);
  }

  isLast({ number }, heartbeats) {
    return this.player.journey.nextTold(number, heartbeats) === undefined;
  }

  // Comparing.

  async compare(id) {
    if (id !== null && !(await this.link.have(id))) return;
    this.compared = id;
    this.takeBeside();
    this.player.show(true);
    if (id !== null) this.player.say(`Branch ${id} is shown beside this one.`);
  }

  // Takes over the branch that is compared with, from its trace; none, if it is the one that is shown.
  takeBeside() {
    const { player, link, compared } = this;
    if (compared === player.branch) this.compared = null;
    const trace = this.compared === null ? undefined : link.branches.trace(compared);
    player.root.classList.toggle("rp-comparing", trace !== undefined);
    this.beside.hidden = this.differing.hidden = this.caption.hidden = trace === undefined;
    this.other = null;
    this.beside.replaceChildren();
    if (!trace) return;
    const ring = new Ring(trace.servers, "The other branch");
    this.other = { ring, journey: new Journey(trace), drawn: -2 };
    ring.longest = player.ring.longest;
    this.caption.textContent = this.nameOf(player.branch);
    this.beside.replaceChildren(html("p", { class: "rp-caption" }, this.nameOf(compared)), ring.element);
  }

  drawBeside(moment, time, heartbeats) {
    const { journey, ring } = this.other;
    const { number } = journey.at(Math.min(time, journey.end));
    const fresh = number !== this.other.drawn;
    if (fresh) this.other.moment = journey.timeline.momentAfter(number);
    this.other.drawn = number;
    const theirs = this.other.moment;
    const happening = journey.story.happenings[journey.story.placeOf(number)];
    const changed = happening ? changesOf(journey.trace.events.slice(happening.first, happening.last + 1)) : new Map();
    ring.draw(theirs, journey.underWay(theirs, time, heartbeats), time, { fresh, changed });
    this.drawDifferences(differences(moment, theirs));
  }

  drawDifferences(rows) {
    const said = JSON.stringify([this.player.branch, this.compared, rows]);
    if (said === this.said) return;
    this.said = said;
    const heads = ["", `Branch ${this.player.branch}`, `Branch ${this.compared}`];
    const none = "At this moment both are the same, as far as one can see.";
    const lines = rows.map(({ what, one, other }) => {
      return html("tr", {}, html("th", { scope: "row" }, what), html("td", {}, one), html("td", {}, other));
    });
    if (!rows.length) lines.push(html("tr", {}, html("td", { colspan: 3 }, none)));
    const head = html("tr", {}, ...heads.map((words) => html("th", { scope: "col" }, words)));
    this.differing.replaceChildren(html("thead", {}, head), html("tbody", {}, ...lines));
  }

  nameOf(branch) {
    return `Branch ${branch}: ${this.link.live.branches.find(({ id }) => id === branch)?.name ?? ""}`;
  }
}
