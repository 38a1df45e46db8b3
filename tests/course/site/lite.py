"""Runs the notebooks of a site in its JupyterLite, in a real browser, and compares what they show with what is stored.

    python -m tests.course.site.lite build/site [NOTEBOOK …]

It takes half a minute for a notebook, so it is not part of `make test`. No host but this one can be reached.
"""

from __future__ import annotations

import functools
import http.server
import re
import shutil
import sys
import threading
import time
from pathlib import Path
from typing import Any

import nbformat
from playwright.sync_api import Page, Request, sync_playwright

ROOT = Path(__file__).parents[3]
FLAGS = ("--no-sandbox", "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1")
LIMIT_MS = 300_000
FIND = "const w = [...window.jupyterapp.shell.widgets('main')].find(w => w.context?.path === path);"
READY = f"path => {{ if (!window.jupyterapp?.shell) return false; {FIND} return w?.context.isReady; }}"
ANSWER = f"""async path => {{ {FIND} await w.sessionContext.ready;
  await w.sessionContext.session.kernel.requestExecute({{ code: '1 + 1' }}).done; }}"""
RUN = f"""async path => {{ {FIND} const cells = w.content.model.cells, found = {{}};
  await window.jupyterapp.commands.execute('notebook:clear-all-cell-outputs');
  for (let i = 0; i < cells.length; i++) {{
    const cell = cells.get(i);
    if (cell.type !== 'code') continue;
    w.content.activeCellIndex = i;
    w.content.deselectAll();
    await window.jupyterapp.commands.execute('notebook:run-cell');
    found[cell.id] = cell.outputs.toJSON();
  }}
  return found; }}"""
# What differs from run to run: the ids of elements, and the addresses of objects. The kernel of JupyterLite names the class
# of an error in its own way.
PLAYER = 'class="raft-stored"'  # around the picture of a player that stores its run
VARIABLE = re.compile(r'id="[^"]*"|#[-\w]+|url\([^)]*\)|0x[0-9a-f]+')


class QuietFiles(http.server.SimpleHTTPRequestHandler):
    """Serves files, and prints nothing."""

    extensions_map = {**http.server.SimpleHTTPRequestHandler.extensions_map, ".mjs": "text/javascript"}

    def log_message(self, *_words: object) -> None:
        """Print nothing."""


def words(outputs: list[Any]) -> list[tuple[str, str]]:
    """Return what outputs show, without what differs from run to run."""
    parts: list[tuple[str, str]] = []
    for output in outputs:
        kind = output["output_type"]
        if kind == "stream":
            parts.append((output["name"], joined(output["text"])))
        elif kind == "error":
            parts.append((kind, output["evalue"]))
        else:
            parts += [(each, joined(output["data"].get(each, ""))) for each in ("text/plain", "text/html")]
    return [(name, VARIABLE.sub("", text).strip()) for name, text in parts]


def joined(text: str | list[str]) -> str:
    """Return a text that a notebook may store as lines."""
    return text if isinstance(text, str) else "".join(text)


def run(page: Page, address: str, path: Path) -> list[str]:
    """Run a notebook, and return the ids of the cells that show something else than what is stored.

    A chart of matplotlib is drawn by the course itself there, so such a cell must only not fail. A player stores its run
    around the picture there.
    """
    page.goto(f"{address}/lite/lab/index.html?path={path.name}", wait_until="commit")
    page.wait_for_function(READY, arg=path.name, timeout=LIMIT_MS)
    page.evaluate(ANSWER, path.name)
    found = page.evaluate(RUN, path.name)
    stored = {cell.id: cell.outputs for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"}
    assert found.keys() == stored.keys()
    charts = {name for name, outputs in stored.items() if any("image/png" in each.get("data", {}) for each in outputs)}
    failed = [each for each in charts if any(output["output_type"] == "error" for output in found[each])]
    return failed + [each for each in stored.keys() - charts if not is_same(words(found[each]), words(stored[each]))]


def is_same(found: list[tuple[str, str]], stored: list[tuple[str, str]]) -> bool:
    """Return whether outputs show the same; a player that stores its run shows its picture, and no error."""
    if not any(PLAYER in text for _, text in found):
        return found == stored
    plays = all(any(kind == name and text in shown for kind, shown in found) for name, text in stored)
    return plays and not any(kind == "error" for kind, _ in found)


def note(outside: list[str], request: Request) -> None:
    """Add the address of a request that failed."""
    outside.append(request.url)


def main(site: str, *names: str) -> int:
    """Run notebooks, print a line for each, and return how many show something else."""
    paths = sorted(each for each in (Path(site) / "lite" / "files").glob("*.ipynb") if not names or each.name in names)
    handler = functools.partial(QuietFiles, directory=site)
    failed = 0
    with sync_playwright() as play, http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        browser = play.chromium.launch(executable_path=shutil.which("chromium"), args=list(FLAGS))
        for path in paths:
            context = browser.new_context()
            outside: list[str] = []
            context.on("requestfailed", functools.partial(note, outside))
            page = context.new_page()
            page.set_default_timeout(LIMIT_MS)
            begun_s = time.monotonic()
            differing = run(page, f"http://127.0.0.1:{server.server_port}", ROOT / "notebooks" / path.name)
            away = [each for each in outside if not each.startswith(("http://127.0.0.1", "data:", "blob:"))]
            failed += bool(differing or away)
            print(f"{path.name}: {time.monotonic() - begun_s:.0f} s, differing {differing}, outside {away}", flush=True)
            context.close()
        browser.close()
        server.shutdown()
    return failed


if __name__ == "__main__":
    sys.exit(min(1, main(*sys.argv[1:])))
