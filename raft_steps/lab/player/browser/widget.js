// The player of a run: it holds the run, the reader's position in it, and the parts that show it. This is the module that
// anywidget loads.
//
// Python simulates and sends a trace; from then on everything happens in the browser, with or without a kernel. If the run
// is live, the player asks Python to change or to extend it (live.js), and receives another trace. It loads nothing:
// widget.py puts all modules into one.

/**
 * @import { News } from "./kernel_link.js"
 * @import { Changes, Direction, JumpKind, Model, Position, Subject, Traits } from "./types.js"
 */

import { playWhenSeen } from "./autoplay.js";
import { countSharedEvents } from "./branches.js";
import { html } from "./dom.js";
import { changesOf } from "./field_text.js";
import { PlayerInput } from "./input.js";
import { KernelLink } from "./kernel_link.js";
import { arrangeParts, fitParts, makeParts } from "./layout.js";
import { Navigation } from "./navigation.js";
import { drawLegend } from "./panels.js";
import { Playback } from "./playback.js";
import { hideStoredRun, makeStoredModel } from "./stored_run.js";

const OPTIONS = /** @type {const} */ (["speed", "hurry", "heartbeats"]);

export class Player {
  /**
   * @param {Model} model
   * @param {HTMLElement} element
   */
  constructor(model, element) {
    this.model = model;
    this.link = KernelLink.of(model);
    const begun = performance.now();
    this.waitWords = ""; // what the reader is told while a request waits
    this.root = html("div", { class: "rp", role: "group" });
    this.liveRegion = html("p", { class: "rp-live", "aria-live": "polite" }); // for screen readers
    this.playback = new Playback(this);
    this.clock = (/** @type {number} */ time) => (time / 1e6).toFixed(this.navigation.decimals);
    this.branch = this.link.current;
    this.navigation = new Navigation(this.link.branches.trace(this.branch), { violations: this.link.live.violations });
    this.moment = this.navigation.timeline.momentAfter(-1);
    /** @type {Position} */
    this.position = { number: -1, time: 0 };
    /** @type {Map<string, Changes>} */
    this.changed = new Map(); // what the last happening changed, by server
    this.words = ""; // the last happening in words
    this.isQuiet = true; // whether nothing is on its way
    this.chapter = -1;
    this.isTouched = false;
    this.drawnNumber = -2; // the event whose effects were drawn last
    this.tabBefore = "client"; // the tab that was open before something was selected
    this.parts = this.buildParts();
    this.input = new PlayerInput(this);
    this.setRun();
    this.moveToStart();
    this.showOptions();
    this.unlisten = this.listen();
    element.append(this.root);
    this.stopWaiting = playWhenSeen(this);
    const loaded = this.link.loadMilliseconds + performance.now() - begun;
    Object.assign(this.root.dataset, { ready: "1", loaded: loaded.toFixed(1) }); // for tests
  }

  /** Starts to listen to the model and to the reader's first touch, and returns a function that stops it. */
  listen() {
    const { model } = this;
    const onOption = () => this.showOptions();
    const onChapter = () => this.goToModelChapter();
    for (const name of OPTIONS) model.on(`change:${name}`, onOption);
    model.on("change:chapter", onChapter);
    const unlisten = this.link.listen({
      news: (news) => this.receive(news),
      wait: (words) => this.showWaiting(words),
      lose: (words) => this.showMessage(words),
    });
    const onTouch = () => {
      this.isTouched = true;
    };
    for (const name of ["pointerdown", "keydown"]) this.root.addEventListener(name, onTouch, { capture: true });
    return () => {
      unlisten();
      for (const name of OPTIONS) model.off(`change:${name}`, onOption);
      model.off("change:chapter", onChapter);
    };
  }

  // The run that is shown.

  /** Makes the parts for the servers of the run. */
  buildParts() {
    const { servers, title } = this.navigation.trace;
    const parts = makeParts(this, servers);
    this.root.setAttribute("aria-label", `Player of ${title || "a run"}`);
    this.root.replaceChildren(...arrangeParts(parts), this.liveRegion);
    fitParts(parts);
    return parts;
  }

  /** Passes the run to the parts that show it. */
  setRun() {
    const { navigation, clock, parts } = this;
    const { events } = navigation.trace;
    parts.ring.longestTimers = navigation.longestTimers;
    parts.list.setRun(navigation.happenings, clock);
    parts.logs.setRun(events);
    parts.clients.setRun(events, clock);
    parts.client.setRun(events, navigation.spans.typical, this.link.isLive && this.link.live.clients !== false);
    parts.controls.setRun(navigation, clock);
    parts.lanes.setRun(navigation, clock);
    parts.inspector.setRun(navigation);
    drawLegend(parts.legend, navigation.spans, navigation.longestTimers);
    this.drawnNumber = -2;
    parts.live?.refreshComparison();
    this.chapter = -1;
  }

  /**
   * Shows the trace of a branch. The parts are built again only if it has other servers. Returns how many events the trace
   * shares with the previous one.
   *
   * @param {number} branch
   */
  useBranch(branch) {
    const trace = this.link.branches.trace(branch);
    const known = this.navigation;
    const shared = countSharedEvents(known.trace.events, trace.events);
    const hasOtherServers = known.trace.servers.join() !== trace.servers.join();
    if (hasOtherServers) this.playback.pause(); // That draws, so it comes before anything is replaced.
    this.navigation = new Navigation(trace, { violations: this.link.live.violations, known, shared });
    this.branch = branch;
    if (hasOtherServers) this.parts = this.buildParts();
    this.setRun();
    if (hasOtherServers) this.showOptions();
    return shared;
  }

  moveToStart() {
    const start = this.model.get("start");
    this.moveTo(start < 0 ? this.navigation.home : this.navigation.positionAt(start), true);
  }

  // Messages from Python.

  /** @param {News} news */
  receive({ traces, at, opened }) {
    const { current, branches, live } = this.link;
    const shown = branches.has(current) ? current : this.branch;
    const news = traces.filter(({ branch }) => branch === shown).at(-1);
    const other = this.parts.live?.comparison?.id;
    if (opened) {
      this.useBranch(current);
      this.moveToStart();
    } else if (news || shown !== this.branch) {
      this.continueWith(shown, this.goalOf(at, news?.code ?? false));
    } else {
      if (traces.some(({ branch }) => branch === other)) this.parts.live?.refreshComparison();
      this.navigation.setViolations(live.violations);
      this.parts.lanes.setMarkers(this.navigation);
      this.show(true);
    }
  }

  /**
   * Returns where to go after news: to the reader's own action, unless that time has passed while playing; and if Python
   * code has run the cluster on, to the end, but only from the end. Otherwise null: the reader stays.
   *
   * @param {number | null} at the time of the action
   * @param {boolean} byCode
   */
  goalOf(at, byCode) {
    const { playback, position, navigation } = this;
    if (at !== null) return Math.max(at, playback.isPlaying ? position.time : 0);
    return byCode && position.time >= navigation.end ? Infinity : null;
  }

  /**
   * Continues with another trace.
   *
   * @param {number} branch
   * @param {number | null} at the time to go to, at most the end; null for the one that is shown
   */
  continueWith(branch, at) {
    const { number, time } = this.position;
    const shared = this.useBranch(branch);
    const { navigation } = this;
    this.playback.cancelGlide();
    if (at !== null) this.position = navigation.positionAt(at);
    else if (number + 1 >= shared || time > navigation.end) this.position = navigation.positionAt(time);
    this.moveTo(this.position, true);
    if (at !== null) this.announcePosition();
  }

  // Drawing.

  /**
   * @param {Position} position
   * @param {boolean} redraw whether to draw everything, even if no event has happened since
   */
  moveTo(position, redraw = false) {
    const fresh = redraw || position.number !== this.position.number;
    this.position = position;
    this.link.branches.markSeen(this.branch, position.time);
    this.show(fresh);
    if (this.playback.isPlaying && !this.playback.byItself) this.parts.live?.lookAhead();
  }

  /**
   * Draws the position.
   *
   * @param {boolean} fresh whether to draw also the parts that only events change
   */
  show(fresh) {
    const { navigation, parts, root, clock } = this;
    const { number, time } = this.position;
    const { heartbeats } = this.options();
    if (fresh) this.lookAt(number);
    const messages = navigation.messagesInTransit(this.moment, time, heartbeats);
    parts.live?.crossOutDropped(messages, time);
    this.isQuiet = messages.every(({ pale }) => pale);
    const { moment, changed } = this;
    const chosen = parts.live?.bar.chosen ?? [];
    const isNew = number !== this.drawnNumber;
    this.drawnNumber = number;
    parts.ring.draw(moment, messages, time, { fresh, changed, isNew, chosen, pinned: parts.inspector.selected });
    parts.client.draw(number, time);
    parts.roving.repair();
    if (fresh) this.showEvents(number, heartbeats);
    parts.live?.draw(moment, time, heartbeats, fresh);
    parts.inspector.draw({ moment, navigation, clock, time, live: this.link.live, changed });
    parts.controls.draw(time);
    parts.lanes.draw(time, this.words, fresh);
    this.input.refresh();
    const playing = this.playback.isPlaying ? "1" : "0";
    const data = { time: (time / 1e6).toFixed(6), event: number, playing, branch: this.branch };
    Object.assign(root.dataset, data); // for tests
  }

  /**
   * Computes the state of the cluster after an event, and what that event's happening has changed so far.
   *
   * @param {number} number
   */
  lookAt(number) {
    const { happenings, timeline, trace, home } = this.navigation;
    const happening = happenings.at(number);
    this.moment = timeline.momentAfter(number);
    this.words = happening ? happenings.lines(happening, true).join(". ") : "";
    const events = happening && number > home.number ? trace.events.slice(happening.first, number + 1) : [];
    this.changed = changesOf(events);
  }

  /**
   * @param {number} number
   * @param {boolean} heartbeats
   */
  showEvents(number, heartbeats) {
    const { navigation, parts } = this;
    parts.list.draw(number, heartbeats);
    parts.now.draw(this.moment, navigation, number, { heartbeats, clock: this.clock });
    parts.logs.draw(this.moment, this.changed);
    parts.clients.draw(number);
    parts.banner.draw(this.link.live.violations ?? [], number, this.clock, this.link.live.unjudged ?? "");
    const chapter = navigation.chapterAt(number);
    parts.controls.drawMarkers((kind) => navigation.markerPosition(this.position, kind) !== undefined);
    if (chapter === this.chapter) return;
    this.chapter = chapter;
    this.model.set("chapter", chapter);
  }

  showPlaying() {
    this.parts.controls.showPlaying(this.playback.isPlaying);
    this.show(false);
  }

  /** Shows the options of the model, after the reader or Python has changed one. */
  showOptions() {
    this.parts.controls.showSpeed(this.model.get("speed"));
    this.parts.options.draw();
    this.show(true);
  }

  /**
   * @template {"speed" | "hurry" | "heartbeats" | "fresh"} Name
   * @param {Name} name
   * @param {import("./types.js").Traits[Name]} value
   */
  setOption(name, value) {
    this.model.set(name, value);
    this.model.save_changes();
  }

  options() {
    const { model } = this;
    return { speed: model.get("speed"), hurry: model.get("hurry"), heartbeats: model.get("heartbeats") };
  }

  // Moving through time.

  toggle() {
    if (this.pause()) return;
    const { live } = this.parts;
    const isAtEnd = this.position.time >= this.navigation.end;
    if (isAtEnd && live) live.tryAgain();
    else if (isAtEnd) this.moveTo(this.navigation.home);
    this.clearMessage();
    this.playback.play();
  }

  /** Stops, announces where, and returns whether it was playing. */
  pause() {
    const wasPlaying = this.playback.pause();
    if (wasPlaying) this.announcePosition();
    return wasPlaying;
  }

  /** Called when playing has reached the end of what is known: a live run goes on as soon as Python has extended it. */
  async reachEnd() {
    const { live } = this.parts;
    if (!live || this.playback.byItself || !(await live.extend())) this.pause();
  }

  /**
   * Goes to a position that the reader has chosen.
   *
   * @param {Position} position
   */
  choose(position) {
    this.clearMessage();
    this.arriveAt(position);
  }

  /** @param {Position} position */
  arriveAt(position) {
    this.playback.pause();
    this.moveTo(position);
    this.announcePosition();
  }

  /** @param {Direction} direction */
  async step(direction) {
    this.clearMessage();
    const from = this.playback.goal;
    const { heartbeats } = this.options();
    const { live } = this.parts;
    if (direction < 0) this.playback.glideTo(this.navigation.previous(from, heartbeats));
    else if (live?.isLast(from, heartbeats)) this.playback.glideTo(await live.extendToNext(from, heartbeats));
    else this.playback.glideTo(this.navigation.next(from, heartbeats));
  }

  /**
   * @param {JumpKind} kind
   * @param {Direction} direction
   */
  jump(kind, direction) {
    const position = this.navigation.markerPosition(this.position, kind, direction);
    if (position) this.choose(position);
    else this.showMessage(`No ${kind} ${direction < 0 ? "before" : "after"} this moment.`);
  }

  /** Goes to the chapter that the model was set to, by Python or by another view. */
  goToModelChapter() {
    const chapter = this.model.get("chapter");
    if (chapter === this.chapter) return;
    this.chapter = chapter;
    this.choose(this.navigation.chapterPosition(chapter));
  }

  // Selecting and messages.

  /** @param {Subject | null} subject */
  select(subject) {
    const { inspector, picture, tabs } = this.parts;
    const wasSelected = inspector.subject !== null;
    inspector.show(subject);
    this.show(true);
    inspector.place(picture.querySelector(".rp-pinned"), picture);
    tabs.setLabel("fields", subject?.server ? `Fields of ${subject.server}` : "Fields");
    if (subject && !wasSelected) this.tabBefore = tabs.open;
    if (subject) tabs.show("fields");
    else if (tabs.open === "fields") tabs.show(this.tabBefore);
  }

  announcePosition() {
    this.liveRegion.textContent = `${this.clock(this.position.time)} seconds. ${this.words}`;
  }

  /** @param {string} text */
  showMessage(text) {
    this.liveRegion.textContent = text;
    this.parts.status.textContent = text;
    this.parts.status.title = text;
  }

  /** Clears the message: it was about another moment. What waits still does. */
  clearMessage() {
    this.parts.status.textContent = this.waitWords;
  }

  /** @param {string} words what the reader is told while a request waits for the kernel; "" if none does any more */
  showWaiting(words) {
    if (words) this.showMessage(words);
    else if (this.parts.status.textContent === this.waitWords) this.parts.status.textContent = "";
    this.waitWords = words;
    this.root.classList.toggle("rp-waiting", words !== "");
  }

  /**
   * Counts Python's answers and notes how long the last one took, for tests.
   *
   * @param {number} milliseconds
   */
  recordAnswer(milliseconds) {
    const { dataset } = this.root;
    Object.assign(dataset, { answers: Number(dataset.answers ?? 0) + 1, took: milliseconds.toFixed(1) });
  }

  close() {
    this.playback.pause();
    this.stopWaiting();
    this.input.close();
    this.unlisten();
    this.root.remove();
  }
}

/** @typedef {{ model: Model, el: HTMLElement }} View what anywidget passes to a module */

export default {
  /** @param {Pick<View, "model">} view */
  initialize({ model }) {
    KernelLink.of(model); // Python may send something before anything is shown.
  },
  /** @param {View} view */
  render({ model, el }) {
    const player = new Player(model, el);
    let show = hideStoredRun(player.root, model.get("stored") ?? "");
    const onStored = () => {
      show();
      show = hideStoredRun(player.root, model.get("stored"));
    };
    model.on("change:stored", onStored);
    return () => {
      player.close();
      model.off("change:stored", onStored);
      show();
    };
  },
  /**
   * Plays a run without a kernel, in the place of its picture.
   *
   * @param {HTMLElement} place
   * @param {Traits} state
   * @param {string} style the style sheet of the player
   */
  playStored(place, state, style) {
    const frame = html("div", { class: "raft-player" });
    place.replaceChildren(html("style", {}, style), frame);
    new Player(makeStoredModel(state), frame).root.focus({ preventScroll: true });
  },
};
