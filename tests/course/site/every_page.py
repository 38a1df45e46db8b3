"""Opens every page of a site in a real browser, and lists what goes wrong: errors, requests to other hosts, barriers.

    python -m tests.course.site.every_page build/site

Each page is opened light, dark, and as wide as a phone. Barriers are what axe-core reports; a page that is wider than a
phone is one, too. `make javascript` installs axe-core.
"""

from __future__ import annotations

import functools
import http.server
import shutil
import sys
import threading
from pathlib import Path

from playwright.sync_api import Browser, Error, Page, Request, sync_playwright

from tests.course.site.lite import FLAGS, QuietFiles

AXE = Path(__file__).parents[2] / "player" / "js" / "node_modules" / "axe-core" / "axe.min.js"
WAYS = {"light": (1200, "light"), "dark": (1200, "dark"), "phone": (390, "light")}
RUN_AXE = """async () => (await axe.run(document, { resultTypes: ["violations"] })).violations
  .map(each => `${each.id} at ${each.nodes.length} places, first ${each.nodes[0].target.join(' ')}`)"""
IS_WIDE = "() => document.documentElement.scrollWidth > document.documentElement.clientWidth + 1"


def faults(page: Page, address: str, way: str) -> list[str]:
    """Open a page, and return what goes wrong."""
    found: list[str] = []
    host = address.split("/")[2]

    def on_failure(request: Request) -> None:
        found.append(f"{'request' if host in request.url else 'request to another host'} failed: {request.url}")

    page.on("console", lambda message: found.append(f"console: {message.text}") if message.type == "error" else None)
    page.on("pageerror", lambda error: found.append(f"error: {error}"))
    page.on("requestfailed", on_failure)
    page.goto(address)
    page.wait_for_load_state("networkidle")
    page.add_script_tag(path=AXE)
    found += page.evaluate(RUN_AXE)
    if way == "phone" and page.evaluate(IS_WIDE):
        found.append("it scrolls sideways")
    return found


def try_page(browser: Browser, address: str, way: str) -> list[str]:
    """Return what goes wrong with a page when it is shown in one way."""
    width, scheme = WAYS[way]
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)  # type: ignore[arg-type]
    try:
        return faults(context.new_page(), address, way)
    except Error as error:
        return [f"it cannot be opened: {error.message.splitlines()[0]}"]
    finally:
        context.close()


def main(site: str) -> int:
    """Try all pages, print what goes wrong, and return how many pages have a fault."""
    handler = functools.partial(QuietFiles, directory=site)
    failed = 0
    with sync_playwright() as play, http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        browser = play.chromium.launch(executable_path=shutil.which("chromium"), args=list(FLAGS))
        pages = sorted(path.name for path in Path(site).glob("*.html"))
        for name in pages:
            found = {way: try_page(browser, f"http://127.0.0.1:{server.server_port}/{name}", way) for way in WAYS}
            failed += any(found.values())
            for way, each in found.items():
                for fault in each:
                    print(f"{name}, {way}: {fault}", flush=True)
        print(f"{len(pages)} pages, {failed} with faults")
        browser.close()
        server.shutdown()
    return failed


if __name__ == "__main__":
    sys.exit(min(1, main(*sys.argv[1:])))
