// The line to Python: requests with a number, each of which gets one answer, and the traces that Python sends. There is
// one for each model, however many views it has; what it knows of the branches is the same in all of them.

import { Branches } from "./branches.js";

const PATIENCE_MILLISECONDS = 2000;
const links = new WeakMap();

export class Link {
  constructor(model) {
    this.model = model;
    this.waiting = new Map();
    this.listeners = new Set();
    this.fetching = new Map();
    this.count = 0;
    this.load();
    model.on("msg:custom", (message, buffers) => this.hear(message, buffers));
    model.on("change:trace", () => this.load());
    model.on("change:live", () => {
      this.tell("live");
      this.catchUp();
    });
    this.catchUp();
  }

  // The line of a model, which is made when it is first asked for.
  static of(model) {
    if (!links.has(model)) links.set(model, new Link(model));
    return links.get(model);
  }

  get live() {
    return this.model.get("live") ?? {};
  }

  get isLive() {
    return "current" in this.live;
  }

  // The branch that is the cluster in Python.
  get current() {
    return this.live.current ?? 0;
  }

  load() {
    const begun = performance.now();
    this.branches = new Branches(new TextDecoder().decode(this.model.get("trace")), this.current);
    this.loading = performance.now() - begun; // for tests
    this.tell("trace", { branch: this.current, keep: 0, at: null, opened: true });
  }

  // Fetches what Python sent before anybody here could hear it: when a notebook runs as a whole, the cells below a player
  // may be through before its JavaScript has been loaded. `live` says how long the current branch is.
  catchUp() {
    if (!this.isLive) return;
    const held = this.branches.trace(this.current);
    const branch = this.live.branches.find(({ id }) => id === this.current);
    if (held?.end !== branch.end || held.events.length !== branch.events) this.fetch(this.current);
  }

  // listener: {trace(message), live()}; gives a function that takes it away again.
  listen(listener) {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  tell(what, message) {
    for (const listener of this.listeners) listener[what](message);
  }

  hear(message, buffers) {
    if (message.kind === "trace") this.take(message, new TextDecoder().decode(buffers[0]));
    else if (message.kind === "answer") this.waiting.get(message.id)?.(message);
  }

  take(message, text) {
    if (this.branches.take(message, text)) this.tell("trace", message);
    else this.fetch(message.branch);
  }

  // Asks Python for something; gives its answer {ok, said}. Nothing is thrown: silence is an answer, too.
  ask(request) {
    this.count += 1;
    const id = this.count;
    return new Promise((resolve) => {
      const silence = { ok: false, silent: true, said: "No kernel answers, so nothing was changed." };
      const timer = setTimeout(() => answered(silence), PATIENCE_MILLISECONDS);
      const answered = (answer) => {
        clearTimeout(timer);
        this.waiting.delete(id);
        resolve(answer);
      };
      this.waiting.set(id, answered);
      try {
        this.model.send({ id, ...request });
      } catch {
        answered(silence); // The kernel is gone, and with it the way to it.
      }
    });
  }

  // Asks for the whole trace of a branch, which comes before the answer; only once at a time.
  fetch(branch) {
    const done = () => this.fetching.delete(branch);
    if (!this.fetching.has(branch)) this.fetching.set(branch, this.ask({ do: "fetch", branch }).finally(done));
    return this.fetching.get(branch);
  }

  // Sees to it that the trace of a branch is here: a page that was loaded anew holds the current one alone.
  async have(branch) {
    return this.branches.has(branch) || (await this.fetch(branch)).ok;
  }
}
