// Python for a page: one worker, which starts when the first run is steered or the first Node is checked. It repeats runs,
// answers the requests of their players, and runs the cells of the page's notebook.

/**
 * What Python posts about a run: "opened" comes with the state of the session and a trace, "message" is for the player.
 *
 * @typedef {{ session: string, kind: "opened" | "message", content: unknown, buffers: ArrayBuffer[] }} News
 * @typedef {{ kind: "printed" | "result" | "error" | "player", text: string, html?: string, session?: string,
 *   options?: Record<string, unknown> }} Output
 * @typedef {{ id: string, source: string, raises?: boolean }} Cell
 * @typedef {{ receive: (news: News) => void, fail: (error: Error) => void }} Run
 * @typedef {{ show: (cell: string, outputs: Output[]) => void, resolve: () => void, fail: (error: Error) => void }} Order
 */

/** @type {Promise<Worker> | null} */
let starting = null;
/** @type {Worker | null} */
let worker = null;
/** @type {Map<string, Run>} */
const runs = new Map();
/** What was posted about the players of cells before the page has drawn them. @type {Map<string, News[]>} */
const waiting = new Map();
/** @type {Map<number, Order>} */
const orders = new Map();
let numbers = 0;

/** @returns {Promise<Worker>} the worker, once Python has started */
export function startPython() {
  starting ??= new Promise((resolve, reject) => {
    const started = new Worker(new URL("python_worker.js", import.meta.url), { type: "module" });
    worker = started;
    const fail = (/** @type {string} */ text) => {
      end(new Error(text)); // The next click tries again.
      reject(new Error(text));
    };
    started.addEventListener("error", (event) => fail(event.message));
    started.addEventListener("message", ({ data }) => {
      if (data.ready) resolve(started);
      else if (data.order !== undefined) receiveOrder(data);
      else if (data.session !== undefined) receiveNews(data);
      else fail(data.failed);
    });
  });
  return starting;
}

/** @param {News & { failed?: string }} data */
function receiveNews(data) {
  const run = runs.get(data.session);
  if (data.failed) run?.fail(new Error(data.failed));
  else if (run) run.receive(data);
  else waiting.set(data.session, [...(waiting.get(data.session) ?? []), data]);
}

/** @param {{ order: number, cell?: string, outputs?: Output[], failed?: string }} data */
function receiveOrder({ order, cell, outputs, failed }) {
  const wanted = orders.get(order);
  if (cell !== undefined) {
    wanted?.show(cell, outputs ?? []);
    return;
  }
  orders.delete(order);
  if (failed) wanted?.fail(new Error(failed));
  else wanted?.resolve();
}

/**
 * Ends the worker; whatever waits for it fails.
 *
 * @param {Error} error
 */
function end(error) {
  worker?.terminate();
  worker = null;
  starting = null;
  const failed = [...orders.values()];
  orders.clear();
  waiting.clear();
  for (const order of failed) order.fail(error);
}

/** Ends Python, for example because of an endless loop; the next click starts it again. */
export function stopPython() {
  end(new Error("Python was stopped."));
}

/**
 * Runs cells in order, until one of them fails.
 *
 * @param {Cell[]} cells
 * @param {boolean} restart whether to forget what cells have defined before
 * @param {(cell: string, outputs: Output[]) => void} show is called with the outputs of each cell
 * @returns {Promise<void>}
 */
export async function runCells(cells, restart, show) {
  const started = await startPython();
  const order = ++numbers;
  await new Promise((resolve, fail) => {
    orders.set(order, { show, resolve: () => resolve(undefined), fail });
    started.postMessage({ order, cells, restart });
  });
}

/**
 * Repeats a run in Python, and returns a function that sends it a request of the player.
 *
 * @param {{ scenario: string, step: number }} run
 * @param {(news: News) => void} receive
 * @returns {Promise<(request: unknown) => void>}
 */
export async function steer({ scenario, step }, receive) {
  const started = await startPython();
  const session = `run-${++numbers}`;
  await new Promise((resolve, fail) => {
    const first = (/** @type {News} */ news) => {
      runs.set(session, { receive, fail: (error) => console.error(error) });
      receive(news);
      resolve(undefined);
    };
    runs.set(session, { receive: first, fail });
    started.postMessage({ session, open: { scenario, step } });
  });
  return (request) => started.postMessage({ session, request: JSON.stringify(request) });
}

/**
 * Receives what is posted about the player of a cell, and what was posted before.
 *
 * @param {string} session
 * @param {(news: News) => void} receive
 * @returns {(request: unknown) => void} sends a request of the player
 */
export function joinSession(session, receive) {
  const answering = worker;
  runs.set(session, { receive, fail: (error) => console.error(error) });
  for (const news of waiting.get(session) ?? []) receive(news);
  waiting.delete(session);
  return (request) => answering?.postMessage({ session, request: JSON.stringify(request) });
}
