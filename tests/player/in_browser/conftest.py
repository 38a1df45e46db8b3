"""Fixtures for the tests in a real browser: one JupyterLab, one Chromium and one page for all of them.

Without Chromium, Playwright or JupyterLab the tests are skipped, with the reason.
"""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

    from tests.player.in_browser.in_jupyterlab import Server
    from tests.player.in_browser.laboratory import Laboratory, PageRecord

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


@pytest.fixture(scope="session")
def chromium() -> Iterator["Browser"]:
    """Yield a browser."""
    if CHROMIUM is None:
        pytest.skip("NO CHROMIUM: the tests in a real browser did not run. On Debian and Ubuntu: apt install chromium")
    playwright = pytest.importorskip("playwright.sync_api", reason="NO PLAYWRIGHT: pip install playwright")
    from tests.player.in_browser.in_jupyterlab import CHROMIUM_ARGUMENTS

    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, headless=True, args=CHROMIUM_ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def server(chromium: "Browser", tmp_path_factory: pytest.TempPathFactory) -> Iterator["Server"]:
    """Yield a running JupyterLab, which neither reads nor changes the user's settings."""
    from tests.player.in_browser.in_jupyterlab import running_server

    with running_server(tmp_path_factory.mktemp("jupyterlab")) as running:
        yield running


OpenNotebook = Callable[..., tuple["Page", "PageRecord"]]


@pytest.fixture(scope="session")
def load(
    server: "Server", chromium: "Browser", request: pytest.FixtureRequest
) -> Iterator[Callable[..., "Laboratory"]]:
    """Yield a function that returns a page of JupyterLab: always the same one, until a test fails."""
    from tests.player.in_browser.laboratory import Laboratory

    loaded: list[Laboratory] = []
    failed = 0

    def load_page() -> Laboratory:
        nonlocal failed
        if failed < request.session.testsfailed:
            failed = request.session.testsfailed
            while loaded:
                loaded.pop().close()
        if not loaded:
            loaded.append(Laboratory(server, chromium))
        return loaded[0]

    yield load_page
    for laboratory in loaded:
        laboratory.close()


@pytest.fixture(scope="module")
def open_notebook(load: Callable[..., "Laboratory"], server: "Server") -> Iterator[OpenNotebook]:
    """Yield a function that opens a copy of a notebook, alone in its page, with a new kernel.

    It takes the path of the notebook, and how to show it as keywords of `PageLook`. It returns the page and a record of
    what the page should not do. If the notebook is the last one opened, it is not opened again: the kernel keeps its
    state, and only the look changes.
    """
    from tests.player.in_browser.laboratory import PageLook

    shown: tuple[Path, Laboratory] | None = None

    def open_copy(path: Path, **look: Any) -> tuple["Page", "PageRecord"]:
        nonlocal shown
        laboratory = load()
        if shown == (path, laboratory):
            laboratory.look(PageLook(**look))
        else:
            shown = path, laboratory
            copy = server.new_folder() / path.name
            shutil.copyfile(path, copy)
            laboratory.open(copy.relative_to(server.root).as_posix(), PageLook(**look))
        return laboratory.page, laboratory.watched

    yield open_copy
    if shown:
        shown[1].clear()
