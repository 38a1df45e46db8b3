"""A page of the site in a real browser: its player plays a recorded run, and Python in the page lets it be steered."""

from __future__ import annotations

import functools
import http.server
import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from raft_steps.lab.cluster.cluster import Cluster
from raft_steps.lab.course.notebooks import load
from raft_steps.lab.course.redaction import is_solution
from raft_steps.lab.course.site.exercises import exercise_of
from raft_steps.lab.course.site.page_python import write_python
from raft_steps.lab.course.site.recorded_runs import RecordedRun
from raft_steps.lab.course.site.sources import write_exercises, write_static
from raft_steps.lab.player.widget import encode_trace
from tests.course.site.test_page_python import PYODIDE, ROOT

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = [pytest.mark.browser, pytest.mark.slow]

SCENARIO = "raft-steps 1; step 8; servers tom jerry spike; seed 0; at 12 set x 1; until 20"
PAGE = """<!doctype html><html lang="en"><title>A page</title><link rel="stylesheet" href="_static/player.css">
<link rel="icon" href="_static/favicon.svg"><script type="module" src="_static/recorded_run.js"></script>
<body data-theme="light"><div class="raft-run" data-run="08_x-player"><p>A picture</p></div></body></html>
"""
EXERCISE = "06_term_checks.ipynb"
EXERCISE_PAGE = """<!doctype html><html lang="en"><title>A page</title><link rel="stylesheet" href="_static/your_turn.css">
<link rel="icon" href="_static/favicon.svg"><script type="module" src="_static/your_turn.js"></script>
<body data-theme="light"><div class="raft-turn" data-exercise="06_term_checks" data-cell="your-turn"></div>
<div class="tag_cell-again-run"><div class="cell_output">The course's logs</div></div>
<table><tr><td><a href="06_term_checks.html">06 term_checks</a></td></tr></table></body></html>
"""
EDITOR = ROOT / "build" / "npm" / "editor.js"
SECONDS_MAX = 90


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Yield the address of a page with one run."""
    folder = tmp_path_factory.mktemp("site")
    trace = encode_trace(Cluster.replay(SCENARIO).trace)
    options = {"start": 12_000_000, "speed": 1.0, "hurry": True, "heartbeats": True}
    run = RecordedRun(
        notebook="08_x.ipynb", cell="player", trace=trace, options=options, scenario=SCENARIO, step=8
    )  # fmt: skip
    write_static([run], folder / "_static", can_steer=True)
    if PYODIDE.is_dir():
        write_python(PYODIDE, folder / "_static" / "python")
    exercise = exercise_of(load(ROOT / "notebooks" / EXERCISE), EXERCISE)
    assert exercise is not None
    write_exercises({EXERCISE: exercise}, folder / "_static", EDITOR if EDITOR.is_file() else None)
    (folder / "exercise.html").write_text(EXERCISE_PAGE, encoding="utf-8")
    (folder / "page.html").write_text(PAGE, encoding="utf-8")
    handler = functools.partial(Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/page.html"
        server.shutdown()
        thread.join()


class Quiet(http.server.SimpleHTTPRequestHandler):
    """A server of files that prints nothing."""

    def log_message(self, *_words: object) -> None:
        """Print nothing."""


@pytest.fixture
def page(chromium: Browser, address: str) -> Iterator[Page]:
    """Yield the page, opened; in the end nothing may have gone wrong in it."""
    page = chromium.new_page()
    page.set_default_timeout(SECONDS_MAX * 1000)
    wrong: list[str] = []
    page.on("console", lambda message: wrong.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.goto(address)
    yield page
    page.close()
    assert [] == wrong


def test_recorded_run_plays(page: Page) -> None:
    """The player replaces the picture, at the time that the notebook names, in the book's colours."""
    page.get_by_role("button", name="Play this run").click()
    page.wait_for_selector('.raft-run [data-ready="1"]')
    page.get_by_role("button", name="Next").click()

    assert "/ 20.00 s" in page.locator(".raft-run").inner_text()
    assert page.get_by_text("A picture").count() == 0
    assert "true" == page.locator(".raft-run").get_attribute("data-jp-theme-light")
    page.evaluate("document.body.dataset.theme = 'dark'")
    page.wait_for_selector('.raft-run[data-jp-theme-light="false"]')


def test_missing_run_is_said_next_to_the_button(chromium: Browser, address: str) -> None:
    """The picture stays, and the reader can try again."""
    page = chromium.new_page()
    page.route("**/*.ndjson", lambda route: route.fulfill(status=404))
    page.goto(address)
    page.get_by_role("button", name="Play this run").click()
    page.get_by_text("The run could not be loaded. Check the connection, and try again.").wait_for()

    assert page.get_by_text("A picture").is_visible()
    assert page.get_by_role("button", name="Play this run").is_enabled()
    page.close()


@pytest.mark.skipif(not PYODIDE.is_dir(), reason="NO PYODIDE: make pyodide installs it, with npm")
def test_run_can_be_steered(page: Page) -> None:
    """Python starts in the page, repeats the run, and answers the player's requests."""
    page.get_by_role("button", name="Play this run").click()
    page.get_by_role("button", name="Steer this run").click()
    page.wait_for_selector('.raft-run[data-live="1"]')
    page.get_by_role("tab", name="Branches").click()
    page.get_by_label("Seed").fill("5")
    page.get_by_role("button", name="Run with it").click()
    page.get_by_text("seed 5").first.wait_for()

    page.get_by_role("tab", name="Network").click()
    assert page.get_by_role("button", name="Partition").count() == 1


@pytest.mark.skipif(not PYODIDE.is_dir(), reason="NO PYODIDE: make pyodide installs it, with npm")
def test_exercise_is_checked_and_the_page_runs_on_the_readers_node(page: Page, address: str) -> None:
    """First the stub fails, then the solution passes; the text and the step that passes outlive a reload."""
    page.goto(address.replace("page.html", "exercise.html"))
    page.get_by_role("button", name="Check", exact=True).click()
    page.wait_for_selector('.raft-report[data-checked="failed"]')
    assert "is not written yet: your turn: write on_append_entries here" in page.locator(".raft-report").inner_text()

    write(page, solution())
    page.get_by_role("button", name="Check", exact=True).click()
    page.wait_for_selector('.raft-report[data-checked="passed"]')
    page.get_by_role("button", name="Run the rest of the page with my Node").click()
    page.get_by_text("What follows on this page is now about your Node.").wait_for()
    assert page.locator('.raft-own-output img[alt*="your Node"]').count() == 1

    page.reload()
    assert "refuse_append_entries(sender)" in text_of(page)
    assert "06 term_checks ✓ passed" == page.locator("td").inner_text()


@pytest.mark.skipif(not PYODIDE.is_dir(), reason="NO PYODIDE: make pyodide installs it, with npm")
def test_endless_loop_outside_a_node_can_be_stopped(page: Page, address: str) -> None:
    """Python ends, and the next check starts it again; what the reader wrote stays."""
    page.goto(address.replace("page.html", "exercise.html"))
    write(page, "while True:\n    pass\n")
    page.get_by_role("button", name="Check", exact=True).click()
    page.get_by_text("Checking …").wait_for()
    page.get_by_role("button", name="Stop").click()
    page.get_by_text("Python was stopped.").wait_for()

    assert page.get_by_role("button", name="Check", exact=True).is_enabled()
    assert "while True:" in text_of(page)


def test_renewed_exercise_stands_next_to_what_the_reader_wrote(page: Page, address: str) -> None:
    """Nothing that was written is lost when the course changes."""
    page.goto(address.replace("page.html", "exercise.html"))
    kept = '{"text": "my own words", "stub": "an older exercise"}'
    page.evaluate("text => localStorage.setItem('raft-steps:text:06_term_checks.ipynb:your-turn', text)", kept)
    page.reload()
    page.get_by_text("This exercise was renewed after you wrote your text.").click()

    assert "my own words" == text_of(page).strip()
    assert "class Node(Deaf):" in page.locator(".raft-renewed pre").inner_text()


def solution() -> str:
    """Return the course's solution of the exercise."""
    return str(next(cell.source for cell in load(ROOT / "notebooks" / EXERCISE).cells if is_solution(cell)))


def write(page: Page, text: str) -> None:
    """Replace what is in the editor."""
    page.wait_for_selector('.raft-turn[data-ready="1"]')
    page.get_by_role("textbox").click()
    page.keyboard.press("Control+A")
    page.keyboard.insert_text(text)


def text_of(page: Page) -> str:
    """Return what is in the editor, which is a plain text field where the site was made without npm."""
    return str(page.get_by_role("textbox").evaluate("field => field.value ?? field.innerText"))
