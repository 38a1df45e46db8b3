// Python for the players of a page: one worker, which starts when the first run is steered.

/**
 * What Python posts about a run: "opened" and "state" come with the state of the session and a trace, "message" is for the
 * player.
 *
 * @typedef {{ session: number, kind: "opened" | "state" | "message", content: unknown, buffers: ArrayBuffer[] }} News
 */

/** @type {Promise<Worker> | null} */
let starting = null;
/** @type {Map<number, { receive: (news: News) => void, fail: (error: Error) => void }>} */
const runs = new Map();

/** @returns {Promise<Worker>} the worker, once Python has started */
function startPython() {
  starting ??= new Promise((resolve, reject) => {
    const worker = new Worker(new URL("python_worker.js", import.meta.url), { type: "module" });
    const fail = (/** @type {string} */ text) => {
      worker.terminate();
      starting = null; // The next click tries again.
      reject(new Error(text));
    };
    worker.addEventListener("error", (event) => fail(event.message));
    worker.addEventListener("message", ({ data }) => {
      if (data.ready) resolve(worker);
      else if (data.session === undefined) fail(data.failed);
      else if (data.failed) runs.get(data.session)?.fail(new Error(data.failed));
      else runs.get(data.session)?.receive(data);
    });
  });
  return starting;
}

/**
 * Repeats a run in Python, and returns a function that sends it a request of the player.
 *
 * @param {{ scenario: string, step: number }} run
 * @param {(news: News) => void} receive
 * @returns {Promise<(request: unknown) => void>}
 */
export async function steer({ scenario, step }, receive) {
  const worker = await startPython();
  const session = runs.size + 1;
  await new Promise((resolve, fail) => {
    const first = (/** @type {News} */ news) => {
      runs.set(session, { receive, fail: (error) => console.error(error) });
      receive(news);
      resolve(undefined);
    };
    runs.set(session, { receive: first, fail });
    worker.postMessage({ session, open: { scenario, step } });
  });
  return (request) => worker.postMessage({ session, request: JSON.stringify(request) });
}
