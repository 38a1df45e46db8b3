// Runs the course in Pyodide as a page does, and prints what happened as JSON: node in_pyodide.mjs PYTHON-FOLDER STEPS

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const [folder, steps] = process.argv.slice(2);
const { loadPyodide } = await import(pathToFileURL(join(folder, "pyodide.mjs")).href);
const python = await loadPyodide({ indexURL: folder });
const course = readFileSync(join(folder, "raft_steps.zip"));
python.unpackArchive(new Uint8Array(course), "zip", { extractDir: "/course" });
const found = python.runPython(`
import json
import sys

sys.path.insert(0, "/course")
from raft_steps import node
from raft_steps.lab import check
from raft_steps.lab.cluster.page_session import open_session

ENDLESS = """
from raft_steps import node

class Node(node(5)):
    def on_append_entries(self, sender, message):
        while True:
            pass
"""


def passes(step):
    class Node(node(step)):
        pass

    class Before(node(step - 1) if step > 1 else node(1)):
        if step == 1:
            def replay_log(self):
                pass

    return [check(each, step=step).passed for each in (Node, Before)]


found = {"steps": {str(step): passes(step) for step in range(1, ${steps} + 1)}}
names = {"__name__": "__main__"}
exec(compile(ENDLESS.lstrip(), "your_node.py", "exec"), names)
found["loop"] = str(check(names["Node"], step=6))
posts = []
text = "raft-steps 1; servers tom jerry spike; seed 0; at 12 set x 1; until 20"
session = open_session(text, 8, lambda kind, content, buffers: posts.append([kind, len(buffers)]))
session.answer('{"id": 1, "do": "seed", "seed": 5}')
found["session"] = posts
json.dumps(found)
`);
console.log(found);
