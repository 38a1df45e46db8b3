"""Steers the run and checks the exercise of every step's page of a site, in a real browser, and lists what goes wrong.

    python -m tests.course.site.every_exercise build/site [STEP …]

For each step: the player plays, Python starts, and a server crashes. Then, in a browser that has nothing of the site yet,
the exercise is checked with the course's solution, with a line that cannot run, and with a classic mistake. It takes half
a minute for a step, so it is not part of `make test`. No host but this one can be reached.
"""

from __future__ import annotations

import functools
import http.server
import shutil
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Error, Page, sync_playwright

from raft_steps.lab.course.mistakes import mistakes_of
from raft_steps.lab.course.notebooks import load
from raft_steps.lab.course.redaction import BLOCK, is_solution
from raft_steps.lab.course.site.exercises import exercise_of
from tests.course.site.lite import FLAGS, ROOT, QuietFiles

LIMIT_MS = 120_000
STRANGE = "self.no_such_field"
ANSWERS = "Number(document.querySelector('.raft-run .rp').dataset.answers ?? 0)"
Texts = dict[str, str]  # what the reader writes in each cell


def solutions(name: str) -> Texts:
    """Return the course's solution of each cell that the reader writes on a page."""
    notebook = load(ROOT / "notebooks" / name)
    exercise = exercise_of(notebook, name)
    assert exercise is not None
    yours = {cell["id"] for cell in exercise["cells"] if cell["role"] == "yours"}
    return {cell.id: cell.source for cell in notebook.cells if cell.id in yours and is_solution(cell)}


def with_strange_line(texts: Texts) -> tuple[Texts, int]:
    """Return solutions with a line that cannot run at the begin of the last method, and the number of that line."""
    cell, text = list(texts.items())[-1]
    *_, block = BLOCK.finditer(text)
    start = block.start("solution")
    changed = f"{text[:start]}{block['indent']}{STRANGE}\n{text[start:]}"
    return {**texts, cell: changed}, text.count("\n", 0, start) + 1


def with_mistake(texts: Texts, step: int) -> tuple[Texts, str] | None:
    """Return solutions with the first classic mistake that changes lines of one of them, and the check that fails then."""
    for mistake in mistakes_of(step):
        right, wrong = ("\n".join(text for sign, text in mistake.lines if sign != other) for other in "+-")
        for cell, text in texts.items():
            if text.count(f"\n{right}\n") == 1:
                return {**texts, cell: text.replace(f"\n{right}\n", f"\n{wrong}\n")}, mistake.check
    return None


def write(page: Page, texts: Texts) -> None:
    """Replace what is in the editors."""
    page.wait_for_selector('.raft-turn[data-ready="1"]')
    for cell, text in texts.items():
        page.locator(f'.raft-turn[data-cell="{cell}"]').get_by_role("textbox").click()
        page.keyboard.press("Control+A")
        page.keyboard.insert_text(text)


def check(page: Page, texts: Texts) -> tuple[bool, str, float]:
    """Check what the reader writes, and return whether it passes, the report, and how long it took."""
    write(page, texts)
    begun_s = time.monotonic()
    page.get_by_role("button", name="Check", exact=True).click()
    page.wait_for_selector(".raft-report[data-checked]")
    passed = page.locator(".raft-report").get_attribute("data-checked") == "passed"
    seconds = time.monotonic() - begun_s
    report = page.locator(".raft-report").inner_text()
    page.locator(".raft-report").evaluate("report => { delete report.dataset.checked; }")
    return passed, report, seconds


def try_exercise(page: Page, name: str, step: int) -> Iterator[str]:
    """Yield what goes wrong when the exercise is checked; how long it takes is printed."""
    texts = solutions(name)
    passed, report, cold_s = check(page, texts)
    if not passed:
        yield f"the solution does not pass: {report}"
    strange, line = with_strange_line(texts)
    passed, report, next_s = check(page, strange)
    if passed or f"line {line}: {STRANGE}" not in report:
        yield f"a line that cannot run is not named (line {line}): {report}"
    if (mistake := with_mistake(texts, step)) is not None:
        passed, report, _ = check(page, mistake[0])
        if passed or mistake[1] not in report:
            yield f"a classic mistake does not fail the check {mistake[1]!r}: {report}"
    print(
        f"step {step}: first check {cold_s:.1f} s, next {next_s:.1f} s, mistake tried: {mistake is not None}",
        flush=True,
    )


def try_run(page: Page, step: int) -> Iterator[str]:
    """Yield what goes wrong when the run is steered; how long it takes is printed."""
    if page.locator(".raft-run").count() != 1:
        yield f"it has {page.locator('.raft-run').count()} runs"
        return
    page.get_by_role("button", name="Play this run").click()
    page.wait_for_selector('.raft-run[data-playing="1"]')
    if page.get_by_role("button", name="Steer this run").count() == 0:
        print(f"step {step}: its run only plays", flush=True)  # It is that of another Node than the course's.
        return
    begun_s = time.monotonic()
    page.get_by_role("button", name="Steer this run").click()
    page.wait_for_selector('.raft-run[data-live="1"] .rp[data-ready="1"]')
    ready_s = time.monotonic() - begun_s
    player = page.locator(".raft-run .rp")
    before = player.get_attribute("data-event")
    player.locator("[data-act=next]").click()
    page.wait_for_function("before => document.querySelector('.raft-run .rp').dataset.event !== before", arg=before)
    player.locator(".rp-picture [data-server]").first.click(force=True)
    act = player.locator("[data-act=crash]:enabled, [data-act=restart]:enabled").first
    answers = page.evaluate(ANSWERS)
    act.scroll_into_view_if_needed()
    begun_s = time.monotonic()
    act.click()
    page.wait_for_function(f"{ANSWERS} > {answers}")
    print(f"step {step}: Python in {ready_s:.1f} s, an action {1000 * (time.monotonic() - begun_s):.0f} ms", flush=True)
    if player.locator(".rp-script code").count() == 0:
        yield "the action is not in the script"


@contextmanager
def opened(browser: Browser, address: str, found: list[str]) -> Iterator[Page]:
    """Open a page in a browser that has nothing of the site yet, and add what it reports as errors."""
    context = browser.new_context()
    page = context.new_page()
    page.set_default_timeout(LIMIT_MS)
    page.on("console", lambda message: found.append(f"console: {message.text}") if message.type == "error" else None)
    page.on("pageerror", lambda error: found.append(f"error: {error}"))
    page.on("requestfailed", lambda request: found.append(f"request failed: {request.url}"))
    try:
        page.goto(address)
        yield page
    except Error as error:
        found.append(error.message)
    finally:
        context.close()


def main(site: str, *steps: str) -> int:
    """Try the pages, print what goes wrong, and return how many pages have a fault."""
    handler = functools.partial(QuietFiles, directory=site)
    names = [path.name for path in sorted((ROOT / "notebooks").glob("[0-9][0-9]_*.ipynb")) if path.name[:2] != "00"]
    failed = 0
    with sync_playwright() as play, http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        browser = play.chromium.launch(executable_path=shutil.which("chromium"), args=list(FLAGS))
        for name in names:
            step = int(name[:2])
            if steps and str(step) not in steps:
                continue
            found: list[str] = []
            address = f"http://127.0.0.1:{server.server_port}/{Path(name).stem}.html"
            with opened(browser, address, found) as page:
                found += try_run(page, step)
            with opened(browser, address, found) as page:
                found += try_exercise(page, name, step)
            failed += bool(found)
            for fault in found:
                print(f"step {step}: {fault}", flush=True)
        print(f"{failed} pages with faults")
        browser.close()
        server.shutdown()
    return failed


if __name__ == "__main__":
    sys.exit(min(1, main(*sys.argv[1:])))
