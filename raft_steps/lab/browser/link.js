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
    this.count = 0;
    this.load();
    model.on("msg:custom", (message, buffers) => this.hear(message, buffers));
    model.on("change:trace", () => this.load());
    model.on("change:live", () => this.tell("live"));
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
    else this.ask({ do: "fetch", branch: message.branch });
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

  // Sees to it that the trace of a branch is here: a page that was loaded anew holds the current one alone.
  async have(branch) {
    return this.branches.has(branch) || (await this.ask({ do: "fetch", branch })).ok;
  }
}
