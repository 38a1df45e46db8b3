// The connection to Python: it sends numbered requests, each of which gets one answer, and receives traces. A model has
// one connection, however many views it has, so that all of them show the same branches.

/** @import { Answer, KernelMessage, KernelRequest, LiveState, Model, TraceMessage } from "./types.js" */

import { Branches } from "./branches.js";

const ANSWER_MILLISECONDS = 2000; // how long a request waits for its answer
/** @type {Answer} */
const NO_ANSWER = { ok: false, silent: true, said: "The kernel does not answer, so nothing was changed." };
/** @type {WeakMap<Model, KernelLink>} */
const links = new WeakMap();

/**
 * A trace has arrived. `opened` marks one that replaces all others, and that the player opens with.
 *
 * @typedef {Pick<TraceMessage, "branch" | "at"> & { opened?: boolean }} TraceNews
 */

/**
 * The functions that are called for each new trace, and for each new state of the session.
 *
 * @typedef {{ trace(news: TraceNews): void, live(): void }} Listener
 */

export class KernelLink {
  /** @param {Model} model */
  constructor(model) {
    this.model = model;
    /** @type {Map<number, (answer: Answer) => void>} */
    this.waiting = new Map();
    /** @type {Set<Listener>} */
    this.listeners = new Set();
    /** @type {Map<number, Promise<Answer>>} */
    this.fetching = new Map();
    this.requestCount = 0;
    this.loadMilliseconds = 0; // for tests
    this.branches = this.readBranches();
    model.on("msg:custom", (message, buffers) => this.receive(message, buffers));
    model.on("change:trace", () => this.reload());
    model.on("change:live", () => {
      for (const listener of this.listeners) listener.live();
      this.catchUp();
    });
    this.catchUp();
  }

  /**
   * Returns the link of a model, which is made on the first call.
   *
   * @param {Model} model
   */
  static of(model) {
    const known = links.get(model);
    if (known) return known;
    const link = new KernelLink(model);
    links.set(model, link);
    return link;
  }

  /** @returns {Partial<LiveState>} the state of the session; empty if the player shows a trace alone */
  get live() {
    return this.model.get("live") ?? {};
  }

  get isLive() {
    return "current" in this.live;
  }

  /** The branch that is the cluster in Python. */
  get current() {
    return this.live.current ?? 0;
  }

  /** @param {number} id */
  branchInfo(id) {
    return this.live.branches?.find((branch) => branch.id === id);
  }

  readBranches() {
    const begun = performance.now();
    const branches = new Branches(new TextDecoder().decode(this.model.get("trace")), this.current);
    this.loadMilliseconds = performance.now() - begun;
    return branches;
  }

  reload() {
    this.branches = this.readBranches();
    this.notify({ branch: this.current, at: null, opened: true });
  }

  /**
   * Fetches what Python sent before this link existed: when all cells of a notebook are run at once, those below a player
   * may finish before its JavaScript is loaded. The state says how long the current branch should be.
   */
  catchUp() {
    const expected = this.branchInfo(this.current);
    if (!expected) return;
    const held = this.branches.find(this.current);
    if (held?.end !== expected.end || held.events.length !== expected.events) this.fetch(this.current);
  }

  /**
   * Adds a listener, and returns a function that removes it.
   *
   * @param {Listener} listener
   */
  listen(listener) {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** @param {TraceNews} news */
  notify(news) {
    for (const listener of this.listeners) listener.trace(news);
  }

  /**
   * @param {KernelMessage} message
   * @param {readonly DataView[]} buffers
   */
  receive(message, buffers) {
    if (message.kind === "trace") this.applyDelta(message, new TextDecoder().decode(buffers[0]));
    else if (message.kind === "answer") this.waiting.get(message.id)?.(message);
  }

  /**
   * @param {TraceMessage} message
   * @param {string} text
   */
  applyDelta(message, text) {
    if (this.branches.applyDelta(message, text)) this.notify(message);
    else this.fetch(message.branch);
  }

  /**
   * Sends a request and returns its answer. It never rejects: a kernel that does not answer counts as one that refuses.
   *
   * @param {KernelRequest} request
   * @returns {Promise<Answer>}
   */
  request(request) {
    this.requestCount += 1;
    const id = this.requestCount;
    return new Promise((resolve) => {
      /** @param {Answer} answer */
      const finish = (answer) => {
        clearTimeout(timer);
        this.waiting.delete(id);
        resolve(answer);
      };
      const timer = setTimeout(() => finish(NO_ANSWER), ANSWER_MILLISECONDS);
      this.waiting.set(id, finish);
      try {
        this.model.send({ id, ...request });
      } catch {
        finish(NO_ANSWER); // The kernel is gone, and the channel to it with it.
      }
    });
  }

  /**
   * Fetches the whole trace of a branch, which comes before the answer. Calls during a fetch share it.
   *
   * @param {number} branch
   * @returns {Promise<Answer>}
   */
  fetch(branch) {
    const running = this.fetching.get(branch);
    if (running) return running;
    const answer = this.request({ do: "fetch", branch }).finally(() => this.fetching.delete(branch));
    this.fetching.set(branch, answer);
    return answer;
  }

  /**
   * Makes sure that the trace of a branch is here, and returns whether it is: a page that was reloaded holds the current
   * branch only.
   *
   * @param {number} branch
   */
  async ensureBranch(branch) {
    return this.branches.has(branch) || (await this.fetch(branch)).ok;
  }
}
