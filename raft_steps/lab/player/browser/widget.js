// The player of a run: what is shown, where in time, and what the reader does. This is what anywidget loads.
//
// Python simulates and sends a trace; from then on everything happens here, with or without a kernel. If the run is live,
// Python is asked to change it or to let it go on (live.js), and answers with another trace. Nothing is loaded from
// anywhere: the modules beside this one are put in front of it when the widget is made.

import { sharedEvents } from "./branches.js";
import { Journey } from "./navigation.js";
import { Link } from "./kernel_link.js";
import { drawLegend } from "./panels.js";
import { makeParts, placeParts } from "./layout.js";
import { Playing } from "./playback.js";
import { Reader } from "./input.js";
import { changesOf } from "./field_text.js";
import { html } from "./dom.js";

const NEW_MILLISECONDS = 3000; // how long a player counts as only just opened

class Player {
  constructor(model, element) {
    this.model = model;
    this.link = Link.of(model);
    this.root = html("div", { class: "rp", role: "group" });
    this.voice = html("p", { class: "rp-live", "aria-live": "polite" });
    this.playing = new Playing(this);
    this.chapter = -1;
    this.handlers = [
      ["change:heartbeats", () => this.show(true)],
      ["change:chapter", () => this.followChapter()],
    ];
    for (const [name, handler] of this.handlers) model.on(name, handler);
    const begun = performance.now();
    this.open();
    this.unlisten = this.link.listen({ trace: (message) => this.hear(message), live: () => this.hearLive() });
    element.append(this.root);
    Object.assign(this, { opened: performance.now(), touched: false });
    for (const name of ["pointerdown", "keydown"])
      this.root.addEventListener(name, () => (this.touched = true), { capture: true });
    this.reader = new Reader(this);
    const loaded = this.link.loading + performance.now() - begun;
    Object.assign(this.root.dataset, { ready: "1", loaded: loaded.toFixed(1) }); // for tests
  }

  // Shows the current branch from where the run opens.
  open() {
    this.adopt(this.link.current);
    const start = this.model.get("start");
    this.moveTo(start < 0 ? this.journey.home : this.journey.at(Math.min(start, this.journey.end)), true);
  }

  // Takes over the trace of a branch; what is drawn stays where it is, unless the servers are others.
  adopt(branch) {
    const trace = this.link.branches.trace(branch);
    const known = this.journey ?? null;
    const shared = known ? sharedEvents(known.trace.events, trace.events) : 0;
    this.journey = new Journey(trace, { violations: this.link.live.violations, known, shared });
    this.clock = (time) => (time / 1e6).toFixed(this.journey.decimals);
    const others = known?.trace.servers.join() !== trace.servers.join();
    this.branch = branch;
    if (others) this.build();
    this.take();
    return shared;
  }

  // Makes the parts anew, for other servers.
  build() {
    const { servers, title } = this.journey.trace;
    this.playing.pause();
    Object.assign(this, makeParts(this, servers));
    this.logs.fit(this.root.clientWidth);
    this.root.setAttribute("aria-label", `Player of ${title || "a run"}`);
    this.root.replaceChildren(...placeParts(this, servers), this.voice);
  }

  // Gives the parts the run that they show.
  take() {
    const { journey, clock } = this;
    const { events } = journey.trace;
    this.ring.longest = journey.longest;
    this.list.take(journey.story, clock);
    this.card.clock = clock;
    this.logs.take(events);
    this.clients.take(events, clock);
    this.transport.take(journey, clock);
    this.inspector.take(journey);
    drawLegend(this.legend, journey.flights.byName, journey.longest);
    this.live?.takeBeside();
    this.chapter = -1;
  }

  // Hearing from Python.

  // A trace of the branch that is shown has come; without a branch of its own, it is what the player opens with anew.
  hear({ branch, at, opened }) {
    if (opened) this.open();
    else if (branch === this.branch || branch === this.link.current) this.goOn(branch, at ?? null);
    else if (branch === this.live?.compared) this.live.takeBeside();
  }

  hearLive() {
    if (this.link.current !== this.branch && this.link.branches.has(this.link.current))
      this.goOn(this.link.current, null);
    this.journey.tell(this.link.live.violations);
    this.transport.takeMoments(this.journey);
    if (!this.live?.acting) this.show(true);
  }

  // Whether it has only just opened, and nobody has touched it. Then it stays where the notebook opened it, for when all
  // cells run, those below it run at once.
  isNew() {
    return !this.touched && performance.now() - this.opened < NEW_MILLISECONDS;
  }

  // Goes on with another trace, at the time that was shown, or at one that is said.
  goOn(branch, at) {
    const { number, time } = this.position;
    const shared = this.adopt(branch);
    const { journey } = this;
    this.playing.glide = null;
    if (at !== null && this.isNew()) at = null;
    if (at !== null) this.position = journey.at(Math.min(at, journey.end));
    else if (number + 1 >= shared || time > journey.end) this.position = journey.at(Math.min(time, journey.end));
    if (this.live?.acting) return; // The answer comes next, and leads to where the action shows.
    this.moveTo(this.position, true);
    if (at !== null) this.announce();
  }

  // Drawing.

  moveTo(position, anew = false) {
    const fresh = anew || position.number !== this.position.number;
    this.position = position;
    this.link.branches.show(this.branch, position.time);
    this.show(fresh);
    if (this.live && this.playing.playing) this.live.lookAhead();
  }

  // Draws the position. What changes with events alone is drawn when it is fresh.
  show(fresh) {
    const { journey, root, clock } = this;
    const { number, time } = this.position;
    const { heartbeats } = this.options();
    if (fresh) this.lookAt(number);
    const flights = journey.underWay(this.moment, time, heartbeats);
    this.live?.doom(flights, time);
    this.quiet = flights.every((each) => each.pale);
    const { moment, changed } = this;
    const chosen = this.live?.bar.chosen ?? [];
    this.ring.draw(moment, flights, time, { fresh, changed, chosen, pinned: this.inspector.key });
    this.roving.mend();
    if (fresh) this.showEvents(number, heartbeats);
    this.live?.draw(moment, time, heartbeats, fresh);
    this.inspector.draw({ moment, journey, clock, time, live: this.link.live, changed });
    this.transport.draw(time, this.words, fresh);
    this.reader?.refresh();
    const playing = this.playing.playing ? "1" : "0";
    Object.assign(root.dataset, { time: (time / 1e6).toFixed(6), event: number, playing, branch: this.branch });
  }

  // Finds out how the cluster is after an event, and what that changed.
  lookAt(number) {
    const { story, timeline, trace, home } = this.journey;
    const happening = story.happenings[story.placeOf(number)];
    this.moment = timeline.momentAfter(number);
    this.words = happening ? story.lines(happening, true).join(". ") : "";
    const events = number > home.number ? trace.events.slice(happening.first, number + 1) : [];
    this.changed = changesOf(events);
  }

  showEvents(number, heartbeats) {
    const { journey } = this;
    this.list.draw(number, heartbeats);
    this.logs.draw(this.moment, this.changed);
    this.clients.draw(number);
    this.alarm.draw(this.link.live.violations ?? [], number, this.clock);
    const chapter = journey.chapterAt(number);
    this.transport.drawMoments(chapter, (kind) => journey.ofKind(this.position, kind) !== undefined);
    if (chapter === this.chapter) return;
    this.chapter = chapter;
    this.model.set("chapter", chapter);
  }

  showPlaying() {
    this.transport.showPlaying(this.playing.playing);
    this.show(false);
  }

  options() {
    const [speed, hurry, heartbeats] = ["speed", "hurry", "heartbeats"].map((name) => this.model.get(name));
    return { speed, hurry, heartbeats };
  }

  // Going somewhere.

  toggle() {
    if (this.pause()) return;
    const ended = this.position.time >= this.journey.end;
    if (ended && this.live) this.live.tryAgain();
    else if (ended) this.moveTo(this.journey.home);
    this.hush();
    this.playing.play();
  }

  // Stops, and tells where; says whether it was playing.
  pause() {
    const played = this.playing.pause();
    if (played) this.announce();
    return played;
  }

  // Playing has come to the end of what is known: a live run goes on as soon as Python has let it.
  async atEnd() {
    if (!this.live || !(await this.live.extend())) this.pause();
  }

  // Goes where the reader wants to be.
  choose(position) {
    this.hush();
    this.arrive(position);
  }

  arrive(position) {
    this.playing.pause();
    this.moveTo(position);
    this.announce();
  }

  async step(direction) {
    this.hush();
    const from = this.playing.goal;
    const { heartbeats } = this.options();
    const { journey, live } = this;
    if (direction < 0) this.playing.glideTo(journey.previous(from, heartbeats));
    else if (live?.isLast(from, heartbeats)) this.playing.glideTo(await live.reach(from, heartbeats));
    else this.playing.glideTo(journey.next(from, heartbeats));
  }

  jump(kind, direction) {
    const position = this.journey.ofKind(this.position, kind, direction);
    if (position) this.choose(position);
    else this.say(`No ${kind} ${direction < 0 ? "before" : "after"} this moment.`);
  }

  followChapter() {
    const chapter = this.model.get("chapter");
    if (chapter === this.chapter) return;
    this.chapter = chapter;
    this.choose(this.journey.chapter(chapter));
  }

  // Opens the panel of a server or a message, or closes it.
  select(subject) {
    this.inspector.show(subject);
    this.show(true);
  }

  announce() {
    this.voice.textContent = `${this.clock(this.position.time)} seconds. ${this.words}`;
  }

  say(words) {
    this.voice.textContent = words;
    this.said.textContent = words;
  }

  // Takes back what was said last: it was about another moment.
  hush() {
    this.said.textContent = "";
  }

  // Counts what Python has answered, and how long it took in milliseconds: for tests.
  answered(milliseconds) {
    const { dataset } = this.root;
    Object.assign(dataset, { answers: Number(dataset.answers ?? 0) + 1, took: milliseconds.toFixed(1) });
  }

  close() {
    this.playing.pause();
    this.reader.close();
    this.unlisten();
    for (const [name, handler] of this.handlers) this.model.off(name, handler);
    this.root.remove();
  }
}

export default {
  initialize({ model }) {
    Link.of(model); // Python may speak before anything is shown.
  },
  render({ model, el }) {
    const player = new Player(model, el);
    return () => player.close();
  },
};
