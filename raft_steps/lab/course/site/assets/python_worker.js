// Python in a worker of the page: the runtime, and the course's package. It has no package manager and no Jupyter: a session
// answers the player's requests, and cells are run, as text and bytes.
//
// The page posts { session, open: { scenario, step } } once for each run, and then { session, request }. To run cells it posts
// { order, cells, restart }. It receives { ready } or { failed } once, { session, kind, content, buffers } or
// { session, failed } for each run, and for each order { order, cell, outputs } once a cell and then { order } or
// { order, failed }.

/**
 * @typedef {{ session: string, open?: { scenario: string, step: number }, request?: string }} RunOrder
 * @typedef {{ order: number, cells: { id: string, source: string, raises?: boolean }[], restart: boolean }} CellOrder
 */

const PYTHON = new URL("python/", import.meta.url);

const COURSE = "/course"; // its folder in Python's file system

const START = `
import sys
sys.path.insert(0, "${COURSE}")
from pyodide.ffi import to_js
import json
from raft_steps.lab.cluster.page_session import open_session
from raft_steps.lab.course.page_notebook import PageNotebook

sessions = {}

def start(name, scenario, step):
    def post_named(kind, content, buffers):
        post(name, kind, content, buffers)
    sessions[name] = open_session(scenario, step, post_named)

def post(name, kind, content, buffers):
    post_to_page(name, kind, content, to_js([bytes(each) for each in buffers]))

notebook = PageNotebook(post)

def answer(name, request):
    if name in sessions:
        sessions[name].answer(request)
    else:
        notebook.answer(name, request)

def run_cell(name, source):
    return json.dumps(notebook.run_cell(name, source))
`;

/**
 * @param {string} name
 * @returns {Promise<Response>}
 */
async function load(name) {
  const answer = await fetch(new URL(name, PYTHON));
  if (!answer.ok) throw new Error(`${name}: ${answer.status} ${answer.statusText}`);
  return answer;
}

async function boot() {
  const place = await load("place.json");
  const pyodide = new URL((await place.json()).pyodide, PYTHON); // JupyterLite's copy, if the site has it.
  const { loadPyodide } = await import(new URL("pyodide.mjs", pyodide).href);
  const [python, course] = await Promise.all([loadPyodide({ indexURL: pyodide.href }), load("raft_steps.zip")]);
  python.unpackArchive(await course.arrayBuffer(), "zip", { extractDir: COURSE });
  python.globals.set("post_to_page", post);
  python.runPython(START);
  return python;
}

const booted = boot();
booted.then(
  () => self.postMessage({ ready: true }),
  (error) => self.postMessage({ failed: String(error) }),
);

/**
 * Posts a message of a session to the page.
 *
 * @param {string} session
 * @param {string} kind
 * @param {string} content
 * @param {Uint8Array[]} buffers
 */
function post(session, kind, content, buffers) {
  const copies = buffers.map((each) => each.slice().buffer);
  self.postMessage({ session, kind, content: JSON.parse(content), buffers: copies });
}

/** @param {RunOrder} order */
async function carryOut({ session, open, request }) {
  const python = await booted;
  if (open) python.globals.get("start")(session, open.scenario, open.step);
  else python.globals.get("answer")(session, request);
}

/** @param {CellOrder} order */
async function runCells({ order, cells, restart }) {
  const python = await booted;
  if (restart) python.runPython("notebook.restart()");
  for (const { id, source, raises } of cells) {
    const outputs = JSON.parse(python.globals.get("run_cell")(id, source));
    self.postMessage({ order, cell: id, outputs });
    if (outputs.at(-1)?.kind === "error" && !raises) break;
  }
  self.postMessage({ order });
}

self.addEventListener("message", async ({ data }) => {
  try {
    await (data.order === undefined ? carryOut(data) : runCells(data));
  } catch (error) {
    self.postMessage({ session: data.session, order: data.order, failed: String(error) });
  }
});
