"""What the tests in a real browser share: one JupyterLab and one Chromium for all of them, and a page for each.

Without Chromium, Playwright or JupyterLab the tests are skipped, and say so.
"""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from in_jupyterlab import Server
    from playwright.sync_api import Browser, BrowserContext, Page

CHANGE_THEME = "async () => window.jupyterapp.commands.execute('apputils:change-theme', {theme: '%s'})"
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


@pytest.fixture(scope="session")
def chromium() -> Iterator["Browser"]:
    """Give a browser."""
    if CHROMIUM is None:
        pytest.skip("NO CHROMIUM: the tests in a real browser did not run. On Debian and Ubuntu: apt install chromium")
    playwright = pytest.importorskip("playwright.sync_api", reason="NO PLAYWRIGHT: pip install playwright")
    from in_jupyterlab import CHROMIUM_ARGUMENTS

    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, headless=True, args=CHROMIUM_ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def server(chromium: "Browser", tmp_path_factory: pytest.TempPathFactory) -> Iterator["Server"]:
    """Give a running JupyterLab, which needs none of one's own settings and changes none."""
    from in_jupyterlab import running_server

    with running_server(tmp_path_factory.mktemp("jupyterlab")) as running:
        yield running


class Watched:
    """What a page did that it should not do.

    Attributes:
        left: The addresses that it asked for on other machines.
        complaints: The errors that it wrote to its console or that nobody caught.
    """

    def __init__(self, page: "Page") -> None:
        """Watch a page."""
        self.left: list[str] = []
        self.complaints: list[str] = []
        page.on("request", self._on_request)
        page.on("console", self._on_console)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def _on_request(self, request: Any) -> None:
        if not request.url.startswith(("http://127.0.0.1:", "data:", "blob:")):
            self.left.append(request.url)

    def _on_console(self, message: Any) -> None:
        if message.type == "error":
            self.complaints.append(message.text)


OpenNotebook = Callable[..., tuple["Page", Watched]]


@pytest.fixture(scope="module")
def open_notebook(server: "Server", chromium: "Browser") -> Iterator[OpenNotebook]:
    """Give a function that opens a copy of a notebook, with a kernel of its own.

    It takes the notebook's path, whether the theme is dark, and options of a browser context (such as ``reduced_motion="reduce"``), and returns the
    page and what it does that it should not.
    """
    from in_jupyterlab import await_notebook, within

    contexts: list[BrowserContext] = []

    def open_copy(path: Path, *, dark: bool = False, **options: Any) -> tuple["Page", Watched]:
        copy = server.root / path.name
        shutil.copyfile(path, copy)
        context = chromium.new_context(**{"viewport": {"width": 1280, "height": 900}} | options)
        contexts.append(context)
        context.set_default_timeout(60_000)  # A loaded machine is slow, not wrong.
        page = context.new_page()
        watched = Watched(page)
        page.goto(server.address(f"/lab/tree/{copy.name}?reset"))
        await_notebook(page)
        within(page, CHANGE_THEME % ("JupyterLab Dark" if dark else "JupyterLab Light"))
        page.wait_for_function(f"document.body.dataset.jpThemeLight === '{'false' if dark else 'true'}'")
        return page, watched

    yield open_copy
    for context in contexts:
        context.close()
    server.stop_kernels()
