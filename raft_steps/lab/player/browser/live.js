// The live half of the player: requests to Python, and the panels that only a live cluster has. The results of requests are
// drawn like everything else: from the trace.

/**
 * @import { Action, KernelRequest, MessageInTransit, Moment, Position } from "./types.js"
 * @import { Player } from "./widget.js"
 */

import { ActionBar } from "./action_bar.js";
import { clusterActions } from "./available_actions.js";
import { BranchPanel } from "./branch_panel.js";
import { timeOfAction } from "./branches.js";
import { html } from "./dom.js";
import { changesOf } from "./field_text.js";
import { Navigation } from "./navigation.js";
import { Ring } from "./ring.js";
import { ScriptPanel } from "./script_panel.js";
import { findDifferences } from "./state_diff.js";

const AHEAD_SECONDS = 2; // of the reader's time: how long before its end a run is extended
const MAX_EXTENSIONS = 12; // how often a run is extended to find its next happening

/**
 * The branch that is shown next to the current one. `drawn` is the number of the event that its moment comes after.
 *
 * @typedef {{ id: number, ring: Ring, navigation: Navigation, moment: Moment, drawn: number }} Comparison
 */

export class LiveSession {
  /**
   * @param {Player} player
   * @param {readonly string[]} servers
   */
  constructor(player, servers) {
    this.player = player;
    this.link = player.link;
    this.actionQueue = Promise.resolve();
    /** @type {Promise<boolean> | null} */
    this.extending = null;
    this.stuckAt = -1; // the end of the run when it could not be extended
    /** @type {Comparison | null} */
    this.comparison = null;
    this.differencesShown = "";
    const moment = player.navigation.timeline.momentAfter(-1);
    this.bar = new ActionBar(servers, moment, this.link.live, {
      act: (action) => this.act(action),
      actAll: (actions) => this.actAll(actions),
      choose: () => player.show(true),
    });
    this.script = new ScriptPanel({
      goTo: (time) => player.choose(player.navigation.positionAt(time)),
      paste: (text) => this.request({ do: "paste", text }),
      copy: async (kind) => (await this.link.request({ do: "export", branch: player.branch, as: kind })).text ?? "",
      showMessage: (text) => player.showMessage(text),
    });
    this.branches = new BranchPanel({
      switchTo: (id) => this.switchTo(id),
      compare: (id) => this.compare(id),
      seed: (seed) => this.request({ do: "seed", seed }),
      reset: () => this.request({ do: "reset" }),
    });
    this.otherPicture = html("figure", { class: "rp-compared", hidden: true });
    this.caption = html("p", { class: "rp-caption", hidden: true });
    this.differences = html("table", { class: "rp-differing", "aria-label": "What differs", hidden: true });
  }

  /**
   * @param {Moment} moment
   * @param {number} time
   * @param {boolean} heartbeats
   * @param {boolean} fresh whether to draw also what only events change; otherwise only time has passed
   */
  draw(moment, time, heartbeats, fresh) {
    const { live } = this.link;
    if (fresh) {
      this.bar.draw(moment, live);
      this.script.draw(live, this.player.clock);
      this.branches.draw(live, this.comparison?.id ?? null);
      this.drawTabs();
    }
    if (this.comparison) this.drawComparison(this.comparison, moment, time, heartbeats);
  }

  drawTabs() {
    const { link, player } = this;
    const { branches = [], script = [] } = link.live;
    player.parts.head.draw(link.live, this.comparison?.id ?? null);
    player.parts.tabs.setLabel("branches", `Branches ${branches.length}`);
    player.parts.tabs.setLabel("script", `Script ${script.length || ""}`.trim());
  }

  /**
   * Crosses out the messages that an action has dropped and that are still on their way.
   *
   * @param {readonly MessageInTransit[]} messages
   * @param {number} time
   */
  crossOutDropped(messages, time) {
    const drops = (this.link.live.script ?? []).filter(({ line, at }) => line.startsWith("drop ") && at <= time);
    if (!drops.length) return;
    const names = new Set(drops.map(({ line }) => line.slice("drop ".length)));
    for (const message of messages) message.crossed ||= names.has(message.span.name.replace(" copy", ""));
  }

  // Requests.

  /**
   * Sends an action, which takes place at the time that is shown. Actions wait for each other, because each is applied to
   * the branch that the previous one led to.
   *
   * @param {Action} action
   */
  act(action) {
    if (action.why) this.player.showMessage(`Nothing to do: ${action.why}.`);
    // An error must not stop the queue: every later action would be lost with it.
    else this.actionQueue = this.actionQueue.then(() => this.sendAction(action.line)).catch(reportError);
  }

  /** @param {readonly Action[]} actions */
  actAll(actions) {
    for (const action of actions) this.act(action);
  }

  /** @param {readonly string[]} chosen the servers on one side of a line that the reader has drawn */
  partitionOff(chosen) {
    this.act(clusterActions(this.player.moment, chosen)[0]);
  }

  /** @param {string} line */
  async sendAction(line) {
    const { player, link } = this;
    const { branch } = player;
    const at = timeOfAction(player.position, player.navigation.trace.events);
    const seen = Math.floor(link.branches.seenUntil(branch));
    const known = player.navigation.trace.end;
    const begun = performance.now();
    const answer = await link.request({ do: "act", branch, at, seen, known, action: line });
    this.stuckAt = -1;
    player.showMessage(answer.said);
    if (answer.ok && line.startsWith("partition")) {
      this.bar.untickAll();
      player.show(true);
    }
    player.recordAnswer(performance.now() - begun);
  }

  /**
   * Sends a request other than an action, shows the answer, and returns whether the request was carried out.
   *
   * @param {KernelRequest} request
   */
  async request(request) {
    const begun = performance.now();
    const answer = await this.link.request(request);
    this.stuckAt = -1;
    this.player.showMessage(answer.said);
    this.player.recordAnswer(performance.now() - begun);
    return answer.ok;
  }

  /** @param {number} id */
  async switchTo(id) {
    if (id === this.link.current) return;
    if (await this.link.ensureBranch(id)) await this.request({ do: "switch", branch: id });
    else this.player.showMessage("That branch could not be fetched.");
  }

  // Extending the run.

  /** Extends the run if its end is near. */
  lookAhead() {
    const { navigation, position, model } = this.player;
    const rate = navigation.microsecondsPerSecond * model.get("speed");
    const near = Math.max(this.link.live.chunk ?? 0, AHEAD_SECONDS * rate);
    if (navigation.end - position.time < near) this.extend();
  }

  /** Extends the run on request of the reader, even if that was not possible before. */
  tryAgain() {
    this.stuckAt = -1;
    this.extend();
  }

  /** Extends the run, and returns whether that was possible. Calls during an extension share it. */
  extend() {
    const { player, link } = this;
    if (this.stuckAt >= player.navigation.end) return Promise.resolve(false);
    this.extending ??= link.request({ do: "extend", branch: player.branch }).then(({ ok, said }) => {
      this.extending = null;
      if (!ok) this.stuckAt = player.navigation.end;
      if (said) player.showMessage(said); // why it could not be extended, or that messages storm
      return ok;
    });
    return this.extending;
  }

  /**
   * Extends the run until a visible happening follows a position, and returns the position after it; the end if none does.
   *
   * @param {Position} position
   * @param {boolean} heartbeats
   */
  async extendToNext(position, heartbeats) {
    this.stuckAt = -1;
    for (let count = 0; count < MAX_EXTENSIONS && this.isLast(position, heartbeats); count += 1) {
      if (!(await this.extend())) break;
    }
    return this.player.navigation.next(position, heartbeats);
  }

  /**
   * Returns whether no visible happening follows a position so far.
   *
   * @param {Position} position
   * @param {boolean} heartbeats
   */
  isLast({ number }, heartbeats) {
    return this.player.navigation.nextHappening(number, heartbeats) === undefined;
  }

  // Comparing.

  /** @param {number | null} id the branch to show next to the current one; null to show the current one alone */
  async compare(id) {
    if (id !== null && !(await this.link.ensureBranch(id))) {
      this.player.showMessage("That branch could not be fetched.");
      return;
    }
    this.setComparison(id);
    this.player.show(true);
    if (id !== null) this.player.showMessage(`Branch ${id} is shown next to this one.`);
  }

  /** Reads the trace of the compared branch again, after that branch or the current one has changed. */
  refreshComparison() {
    this.setComparison(this.comparison?.id ?? null);
  }

  /** @param {number | null} id */
  setComparison(id) {
    const { player, link } = this;
    const trace = id === null || id === player.branch ? undefined : link.branches.find(id);
    player.root.classList.toggle("rp-comparing", trace !== undefined);
    for (const element of [this.otherPicture, this.differences, this.caption]) element.hidden = trace === undefined;
    this.comparison = null;
    this.otherPicture.replaceChildren();
    if (id === null || !trace) return;
    const navigation = new Navigation(trace);
    const ring = new Ring(trace.servers, { label: "The other branch", canChoose: false });
    ring.longestTimers = player.navigation.longestTimers; // Arcs of the same length stand for the same time.
    this.comparison = { id, ring, navigation, moment: navigation.timeline.momentAfter(-1), drawn: -2 };
    this.caption.textContent = this.branchTitle(player.branch);
    this.otherPicture.replaceChildren(html("p", { class: "rp-caption" }, this.branchTitle(id)), ring.element);
  }

  /**
   * @param {Comparison} comparison
   * @param {Moment} moment the current branch's
   * @param {number} time
   * @param {boolean} heartbeats
   */
  drawComparison(comparison, moment, time, heartbeats) {
    const { navigation, ring } = comparison;
    const { happenings, timeline, trace } = navigation;
    const { number } = navigation.positionAt(time);
    const fresh = number !== comparison.drawn;
    if (fresh) comparison.moment = timeline.momentAfter(number);
    comparison.drawn = number;
    const happening = happenings.at(number);
    const changed = changesOf(happening ? trace.events.slice(happening.first, happening.last + 1) : []);
    const messages = navigation.messagesInTransit(comparison.moment, time, heartbeats);
    ring.draw(comparison.moment, messages, time, { fresh, changed });
    this.drawDifferences(comparison, moment);
  }

  /**
   * @param {Comparison} comparison
   * @param {Moment} moment the current branch's
   */
  drawDifferences({ id, moment: otherMoment }, moment) {
    const rows = findDifferences(moment, otherMoment);
    const shown = JSON.stringify([this.player.branch, id, rows]);
    if (shown === this.differencesShown) return;
    this.differencesShown = shown;
    const heads = ["", `Branch ${this.player.branch}`, `Branch ${id}`];
    const lines = rows.map(({ what, one, other }) =>
      html("tr", {}, html("th", { scope: "row" }, what), html("td", {}, one), html("td", {}, other)),
    );
    if (!rows.length) {
      const none = "At this moment both are the same in everything that is shown.";
      lines.push(html("tr", {}, html("td", { colspan: 3 }, none)));
    }
    const cells = heads.map((words) => (words ? html("th", { scope: "col" }, words) : html("td")));
    const head = html("tr", {}, ...cells);
    this.differences.replaceChildren(html("thead", {}, head), html("tbody", {}, ...lines));
  }

  /** @param {number} id */
  branchTitle(id) {
    return `Branch ${id}: ${this.link.branchInfo(id)?.name ?? ""}`;
  }
}
