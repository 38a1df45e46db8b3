// The player of a trace: the clock, the keys, and the parts that draw. This is what anywidget loads.
//
// Python simulates and sends one trace; from then on everything happens here, with or without a kernel. Nothing is
// loaded from anywhere: the modules beside this one are put in front of it when the widget is made.

import { Journey } from "./journey.js";
import { Card, HappeningList, LogTable, html, legend } from "./panels.js";
import { Ring } from "./ring.js";
import { Transport } from "./transport.js";

const GLIDE_MILLISECONDS = 300; // how long one step takes, so that the eye can follow it
const FRAME_MILLISECONDS_MAX = 100; // a tab that slept goes on where it was
const SPEEDS = [1 / 16, 16];
const LOG_NAME_WIDTH = 86; // pixels, as in widget.css
const LOG_CELL_WIDTH = 88;

class Player {
  constructor(model, element) {
    this.model = model;
    this.root = html("div", { class: "rp", role: "group" });
    this.live = html("p", { class: "rp-live", "aria-live": "polite" });
    Object.assign(this, { frame: null, playing: false, glide: null });
    this.handlers = [
      ["change:trace", () => this.load()],
      ["change:heartbeats", () => this.show(true)],
      ["change:chapter", () => this.followChapter()],
    ];
    for (const [name, handler] of this.handlers) model.on(name, handler);
    const begun = performance.now();
    this.load();
    element.append(this.root);
    this.listen();
    Object.assign(this.root.dataset, { ready: "1", loaded: (performance.now() - begun).toFixed(1) }); // for tests
  }

  load() {
    const { model } = this;
    this.pause();
    this.journey = new Journey(new TextDecoder().decode(model.get("trace")), model.get("moments"));
    this.clock = (time) => (time / 1e6).toFixed(this.journey.decimals);
    this.build();
    this.chapter = -1;
    const start = model.get("start");
    this.moveTo(start < 0 ? this.journey.home : this.journey.at(Math.min(start, this.journey.end)), true);
  }

  build() {
    const { journey, clock } = this;
    const { trace, story, flights } = journey;
    const timers = longestTimers(trace.events);
    this.ring = new Ring(trace.servers, timers);
    this.list = new HappeningList(story, clock, (happening) => this.choose(journey.afterEvent(happening.first)));
    this.card = new Card(clock);
    const entries = trace.events.reduce((most, { index, log }) => Math.max(most, index ?? 0, log?.length ?? 0), 0);
    this.logs = new LogTable(trace.servers, entries);
    this.logs.element.hidden = entries === 0;
    this.transport = new Transport(journey, clock, {
      toggle: () => (this.playing ? this.pause() : this.play()),
      home: () => this.choose(journey.home),
      end: () => this.choose(journey.last()),
      step: (direction) => this.step(direction),
      scrub: (time) => this.choose(journey.at(time)),
    });
    this.picture = html("div", { class: "rp-picture" }, this.ring.element, this.card.element);
    const side = html("div", { class: "rp-side" }, this.list.element, legend(flights.byName, timers));
    const stage = html("div", { class: "rp-stage" }, this.picture, side);
    this.root.setAttribute("aria-label", `Player of ${trace.title || "a run"}`);
    this.root.replaceChildren(stage, this.transport.element, this.logs.element, this.live);
  }

  moveTo(position, anew = false) {
    const fresh = anew || position.number !== this.position.number;
    this.position = position;
    this.show(fresh);
  }

  // Draws the position. What changes with events alone is drawn when it is fresh.
  show(fresh) {
    const { journey, model, root } = this;
    const { number, time } = this.position;
    const { story, timeline, trace } = journey;
    const heartbeats = model.get("heartbeats");
    if (fresh) this.moment = timeline.momentAfter(number);
    const flights = journey.underWay(this.moment, time, heartbeats);
    this.quiet = flights.every((each) => each.pale);
    const happening = story.happenings[story.placeOf(number)];
    const changed = number > journey.home.number ? trace.events[happening.first].server : "";
    this.ring.draw(this.moment, flights, time, { fresh, changed, playing: this.playing });
    if (fresh) {
      this.words = happening ? story.lines(happening, true).join(". ") : "";
      this.list.draw(number, heartbeats);
      this.logs.draw(this.moment);
      this.tellChapter();
    }
    this.transport.draw(time, this.words, fresh);
    if (!this.card.element.hidden) this.fillCard();
    Object.assign(root.dataset, { time: (time / 1e6).toFixed(6), event: number, playing: this.playing ? "1" : "0" });
  }

  // The clock.

  play() {
    if (this.position.time >= this.journey.end) this.moveTo(this.journey.home);
    this.glide = null;
    this.setPlaying(true);
    this.last = performance.now();
    this.awaitFrame();
  }

  pause() {
    this.glide = null;
    if (this.frame !== null) cancelAnimationFrame(this.frame);
    this.frame = null;
    if (!this.playing) return;
    this.setPlaying(false);
    this.announce();
  }

  setPlaying(playing) {
    this.playing = playing;
    this.transport.showPlaying(playing);
    this.show(false);
  }

  awaitFrame() {
    this.frame ??= requestAnimationFrame((now) => {
      this.frame = null;
      if (this.glide) this.glideOn(now);
      else this.playOn(Math.max(0, Math.min(now - this.last, FRAME_MILLISECONDS_MAX)) / 1000);
      this.last = now;
      if (this.playing || this.glide) this.awaitFrame();
    });
  }

  playOn(seconds) {
    const [speed, hurry, heartbeats] = ["speed", "hurry", "heartbeats"].map((name) => this.model.get(name));
    const { quiet, journey } = this;
    this.moveTo(journey.advance(this.position, seconds, { speed, quiet, hurry, heartbeats }));
    if (this.position.time >= journey.end) this.pause();
  }

  glideOn(now) {
    const { from, to, begun } = this.glide;
    const share = Math.min(1, (now - begun) / GLIDE_MILLISECONDS);
    if (share >= 1) {
      this.choose(to);
      return;
    }
    const time = from.time + (to.time - from.time) * Math.max(0, share) * (2 - share);
    const { number } = this.journey.at(time);
    const [low, high] = [from.number, to.number].sort((a, b) => a - b);
    this.moveTo({ number: Math.min(high, Math.max(low, number)), time });
  }

  // Going somewhere.

  choose(position) {
    this.pause();
    this.moveTo(position);
    this.announce();
  }

  step(direction) {
    const from = this.glide?.to ?? this.position;
    this.pause();
    const heartbeats = this.model.get("heartbeats");
    const to = direction > 0 ? this.journey.next(from, heartbeats) : this.journey.previous(from, heartbeats);
    if (matchMedia("(prefers-reduced-motion: reduce)").matches) {
      this.choose(to);
      return;
    }
    this.glide = { from: this.position, to, begun: performance.now() };
    this.awaitFrame();
  }

  // The list of moments under the picture names the one that was passed last, and leads to the one that is chosen.
  tellChapter() {
    const chapter = this.journey.chapterAt(this.position.number);
    if (chapter === this.chapter) return;
    this.chapter = chapter;
    this.model.set("chapter", chapter);
  }

  followChapter() {
    const chapter = this.model.get("chapter");
    if (chapter === this.chapter) return;
    this.chapter = chapter;
    this.choose(this.journey.chapter(chapter));
  }

  changeSpeed(factor) {
    const speed = Math.min(SPEEDS[1], Math.max(SPEEDS[0], this.model.get("speed") * factor));
    this.model.set("speed", speed);
    this.model.save_changes();
    this.live.textContent = `Speed ${speed}`;
  }

  // Being read.

  announce() {
    this.live.textContent = `${this.clock(this.position.time)} seconds. ${this.words}`;
  }

  listen() {
    const { root } = this;
    for (const name of ["pointerover", "focusin"]) {
      root.addEventListener(name, (event) => this.openCard(event.target.closest("[data-server], [data-message]")));
    }
    root.addEventListener("pointerleave", () => this.openCard(null));
    root.addEventListener("focusout", () => this.openCard(null));
    root.addEventListener("keydown", (event) => this.onKey(event));
    this.sizes = new ResizeObserver(() => this.fit());
    this.sizes.observe(root);
    this.keepKeys = (event) => {
      if (!isCommand(event)) event.stopPropagation();
    };
  }

  openCard(target) {
    this.subject = target;
    this.card.hide();
    if (target) this.fillCard();
  }

  fillCard() {
    if (!this.subject?.isConnected) {
      this.openCard(null);
      return;
    }
    const { server, message } = this.subject.dataset;
    if (server) this.card.showServer(server, this.moment.servers.get(server), this.position.time);
    else this.card.showMessage(this.journey.flights.byName.get(message.replace(" copy", "")));
    this.card.placeBeside(this.subject, this.picture);
  }

  // Fits the logs to the width. By now the widget is in the page, so the controls around it can keep their keys, too.
  fit() {
    this.surroundings ??= this.root.closest(".raft-player");
    this.surroundings?.addEventListener("keydown", this.keepKeys);
    this.list.centre();
    const columns = Math.max(3, Math.floor((this.root.clientWidth - LOG_NAME_WIDTH) / LOG_CELL_WIDTH));
    if (this.logs.fit(columns)) this.logs.draw(this.moment);
  }

  onKey(event) {
    if (isCommand(event)) return;
    event.stopPropagation(); // JupyterLab takes single letters as commands: b would add a cell.
    const acts = {
      ArrowRight: () => this.step(1),
      ArrowLeft: () => this.step(-1),
      Home: () => this.choose(this.journey.home),
      End: () => this.choose(this.journey.last()),
      "+": () => this.changeSpeed(2),
      "=": () => this.changeSpeed(2),
      "-": () => this.changeSpeed(1 / 2),
      " ": () => (this.playing ? this.pause() : this.play()),
      Escape: () => this.openCard(null),
    };
    const pressed = event.key === " " && event.target.closest("button") !== null; // The button hears it as a click.
    if (!Object.hasOwn(acts, event.key) || pressed) return;
    event.preventDefault();
    acts[event.key]();
  }

  close() {
    Object.assign(this, { glide: null, playing: false });
    if (this.frame !== null) cancelAnimationFrame(this.frame);
    this.sizes.disconnect();
    this.surroundings?.removeEventListener("keydown", this.keepKeys);
    for (const [name, handler] of this.handlers) this.model.off(name, handler);
    this.root.remove();
  }
}

const isCommand = (event) => event.ctrlKey || event.altKey || event.metaKey;

// For each timer of a trace, the longest time that it was ever set to: arcs of all servers are drawn to one scale.
function longestTimers(events) {
  const longest = {};
  for (const { kind, timer, time, due } of events) {
    if (kind === "timer_started") longest[timer] = Math.max(longest[timer] ?? 0, due - time);
  }
  return longest;
}

export default {
  render({ model, el }) {
    const player = new Player(model, el);
    return () => player.close();
  },
};
