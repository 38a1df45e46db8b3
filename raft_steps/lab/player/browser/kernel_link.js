// The connection to Python: it sends numbered requests, each of which one message answers, and receives traces. A model has
// one connection, however many views it has, so that all of them show the same branches.

/** @import { Answer, KernelRequest, LiveState, Model, NewsMessage, TraceMessage } from "./types.js" */

import { Branches } from "./branches.js";

const OVERDUE_MILLISECONDS = 400; // how long a request waits before the reader is told that it does
const LOOK_MILLISECONDS = 500; // how often it is then asked what the kernel does
const IDLE_LOOKS = 5; // a kernel that was idle so often in a row has not received the request
const ENDED = new Set(["dead", "restarting", "autorestarting", "terminating"]);
const GONE = "The kernel has ended or does not know this player any more, so nothing was changed. Run the cell again.";
const CUT_OFF = "The connection to the kernel was lost, so it is not known whether this was done.";
/** @type {WeakMap<Model, KernelLink>} */
const links = new WeakMap();

/**
 * New traces have arrived, or a new state of the session.
 *
 * @typedef {object} News
 * @property {readonly TraceMessage[]} traces those that are here now
 * @property {number | null} at the time of the reader's own action; null if this answers no action
 * @property {boolean} opened whether everything that was known is replaced
 */

/**
 * What is called with news, and with what the reader should know about the kernel: that requests wait for it, or "" once
 * none does, and that it has gone.
 *
 * @typedef {{ news(news: News): void, wait(words: string): void, lose(words: string): void }} Listener
 */

/**
 * A request without an answer.
 *
 * @typedef {{ resolve: (answer: Answer) => void, words: string, timer: ReturnType<typeof setTimeout>, isOverdue: boolean,
 *   idle: number }} Waiting
 */

export class KernelLink {
  /** @param {Model} model */
  constructor(model) {
    this.model = model;
    /** @type {Map<number, Waiting>} */
    this.waiting = new Map();
    /** @type {Set<Listener>} */
    this.listeners = new Set();
    /** @type {Map<number, Promise<Answer>>} */
    this.fetching = new Map();
    this.requestCount = 0;
    this.isGone = false;
    this.loadMilliseconds = 0; // for tests
    /** @type {Partial<LiveState>} */
    this.live = model.get("live") ?? {}; // the state of the session; empty if the player shows a trace alone
    this.branches = this.readBranches();
    model.on("msg:custom", (message, buffers) => this.receive(message, buffers));
    model.on("change:trace", () => this.reload());
    model.on("comm_live_update", () => this.lose());
    // When all cells of a notebook are run at once, those below a player may finish before its JavaScript is loaded.
    if (this.isLive) this.request({ do: "open" });
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

  /** Reads the model again, after the page was connected to the kernel again. */
  reload() {
    this.isGone = false;
    this.live = this.model.get("live") ?? {};
    this.branches = this.readBranches();
    this.notify({ traces: [], at: null, opened: true });
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

  /** @param {News} news */
  notify(news) {
    for (const listener of this.listeners) listener.news(news);
  }

  /**
   * Receives new events, the state and perhaps the answer to a request, which may be late.
   *
   * @param {NewsMessage} message
   * @param {readonly DataView[]} buffers
   */
  receive({ kind, traces, live, id, ok = true, said = "", text = "", at = null }, buffers) {
    if (kind !== "news") return;
    const decoder = new TextDecoder();
    const here = traces.filter((trace, index) => this.branches.applyDelta(trace, decoder.decode(buffers[index])));
    this.live = live;
    const isAnswer = id !== undefined && this.waiting.has(id);
    this.notify({ traces: here, at: isAnswer ? at : null, opened: false });
    for (const trace of traces) if (!here.includes(trace)) this.fetch(trace.branch);
    if (id !== undefined) this.settle(id, { ok, said, text });
  }

  // Requests.

  /**
   * Sends a request and returns its answer. It never rejects, and waits for as long as the kernel may still answer.
   *
   * @param {KernelRequest} request
   * @returns {Promise<Answer>}
   */
  request(request) {
    this.requestCount += 1;
    const id = this.requestCount;
    return new Promise((resolve) => {
      const timer = setTimeout(() => this.look(id), OVERDUE_MILLISECONDS);
      this.waiting.set(id, { resolve, words: wordsOfWaiting(request), timer, isOverdue: false, idle: 0 });
      try {
        if (this.isGone) throw new Error("the kernel has ended");
        this.model.send({ id, ...request });
      } catch {
        this.settle(id, { ok: false, said: GONE }); // The channel to the kernel is closed.
      }
    });
  }

  /**
   * @param {number} id
   * @param {Answer} answer
   */
  settle(id, answer) {
    const waiting = this.waiting.get(id);
    if (!waiting) return;
    clearTimeout(waiting.timer);
    this.waiting.delete(id);
    waiting.resolve(answer);
    if (waiting.isOverdue) this.tellWaiting();
  }

  /**
   * Tells the reader that a request waits, and looks again and again whether the kernel may still answer it.
   *
   * @param {number} id
   */
  look(id) {
    const waiting = this.waiting.get(id);
    if (!waiting) return;
    const status = this.kernelStatus();
    waiting.idle = status === "idle" ? waiting.idle + 1 : 0;
    if (ENDED.has(status)) this.lose();
    else if (waiting.idle >= IDLE_LOOKS) this.settle(id, { ok: false, said: GONE });
    else {
      waiting.timer = setTimeout(() => this.look(id), LOOK_MILLISECONDS);
      if (waiting.isOverdue) return;
      waiting.isOverdue = true;
      this.tellWaiting();
    }
  }

  tellWaiting() {
    const overdue = [...this.waiting.values()].filter(({ isOverdue }) => isOverdue);
    for (const listener of this.listeners) listener.wait(overdue.at(-1)?.words ?? "");
  }

  /** Returns what the kernel does, such as busy or idle; "" where the page does not know it. */
  kernelStatus() {
    return this.model.widget_manager?.kernel?.status ?? "";
  }

  /** Answers all requests, after the kernel has ended, or the connection to it was lost. */
  lose() {
    this.isGone = ENDED.has(this.kernelStatus());
    const said = this.isGone ? GONE : CUT_OFF;
    for (const id of [...this.waiting.keys()]) this.settle(id, { ok: false, said });
    if (this.isGone) for (const listener of this.listeners) listener.lose(GONE);
  }

  /**
   * Fetches the whole trace of a branch. Calls during a fetch share it.
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

/**
 * Returns what the reader is told while a request waits; "" for one that the reader did not make.
 *
 * @param {KernelRequest} request
 */
function wordsOfWaiting(request) {
  if (request.do === "open") return "";
  if (request.do === "extend") return "The kernel is busy. The run goes on when it is free.";
  return "The kernel is busy. This will be done when it is free: when the cell that runs has ended.";
}
