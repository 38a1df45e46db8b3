// Python in a worker of the page: the runtime, and the course's package. It has no package manager and no Jupyter: a session
// answers the player's requests, as text and bytes.
//
// The page posts { session, open: { scenario, step } } once for each run, and then { session, request }. It receives
// { ready } or { failed } once, and { session, kind, content, buffers } or { session, failed } for each run.

/**
 * @typedef {{ session: number, open?: { scenario: string, step: number }, request?: string }} Order
 */

const PYTHON = new URL("python/", import.meta.url);

const COURSE = "/course"; // its folder in Python's file system

const START = `
import sys
sys.path.insert(0, "${COURSE}")
from pyodide.ffi import to_js
from raft_steps.lab.cluster.page_session import open_session

sessions = {}

def start(number, scenario, step, post):
    def post_copies(kind, content, buffers):
        post(kind, content, to_js([bytes(each) for each in buffers]))
    sessions[number] = open_session(scenario, step, post_copies)

def answer(number, request):
    sessions[number].answer(request)
`;

async function boot() {
  const { loadPyodide } = await import(new URL("pyodide.mjs", PYTHON).href);
  const python = await loadPyodide({ indexURL: PYTHON.href });
  const course = await fetch(new URL("raft_steps.zip", PYTHON));
  if (!course.ok) throw new Error(`the course's package: ${course.status} ${course.statusText}`);
  python.unpackArchive(await course.arrayBuffer(), "zip", { extractDir: COURSE });
  python.runPython(START);
  return python;
}

const booted = boot();
booted.then(
  () => self.postMessage({ ready: true }),
  (error) => self.postMessage({ failed: String(error) }),
);

/** @param {Order} order */
async function carryOut({ session, open, request }) {
  const python = await booted;
  /**
   * @param {string} kind
   * @param {string} content
   * @param {Uint8Array[]} buffers
   */
  const post = (kind, content, buffers) =>
    self.postMessage({
      session,
      kind,
      content: JSON.parse(content),
      buffers: buffers.map((each) => each.slice().buffer),
    });
  if (open) python.globals.get("start")(session, open.scenario, open.step, post);
  else python.globals.get("answer")(session, request);
}

self.addEventListener("message", async ({ data }) => {
  try {
    await carryOut(data);
  } catch (error) {
    self.postMessage({ session: data.session, failed: String(error) });
  }
});
