"""One page of JupyterLab for all tests of a worker: notebooks are opened in it one after the other.

Loading JupyterLab takes several times as long as opening a notebook in it. So a test reuses the page: its notebook is
the only one open, and theme, size and motion are set as in a new page. Only after a failed test does the next one get a
new page, because the failure may have left the old one in any state.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from tests.player.in_browser.in_jupyterlab import await_notebook, within

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page

    from tests.player.in_browser.in_jupyterlab import Server

LOADED = """
async () => {
  while (!window.jupyterapp) await new Promise((done) => requestAnimationFrame(done));
  await window.jupyterapp.restored;
}
"""
# Closes what is open, without waiting for its kernels to end and without asking whether to save.
CLOSE = """
const close = (widgets) => {
  for (const widget of widgets) {
    widget.sessionContext?.shutdown().catch(() => {});
    widget.dispose();
  }
};
"""
# Opens a notebook, and then closes everything else: in an empty page, JupyterLab would open its launcher.
OPEN = """
async () => {
  %(close)s
  const { shell, commands } = window.jupyterapp;
  const others = [...shell.widgets("main")];
  const notebook = await commands.execute("docmanager:open", { path: %(path)s, factory: "Notebook" });
  close(others);
  shell.activateById(notebook.id);
  while (shell.currentWidget !== notebook) await new Promise((done) => requestAnimationFrame(done));
}
"""
CLEAR = "async () => { %s close([...window.jupyterapp.shell.widgets('main')]); }"
SIDEBAR = "async () => window.jupyterapp.shell.%sLeft()"
CHANGE_THEME = "async () => window.jupyterapp.commands.execute('apputils:change-theme', {theme: '%s'})"
# JupyterLab itself, on a very busy machine: it focuses a notebook whose page is just being replaced.
JUPYTERLABS_OWN = "_ensureFocus"


class PageRecord:
    """Records what a page should not do.

    Attributes:
        left: The addresses on other machines that it has requested, ever.
        complaints: The errors in its console, and uncaught ones, since its notebook was opened.
    """

    def __init__(self, page: "Page") -> None:
        """Watch a page."""
        self.left: list[str] = []
        self.complaints: list[str] = []
        page.on("request", self._on_request)
        page.on("console", self._on_console)
        page.on("pageerror", lambda error: self._complain(str(error)))

    def _on_request(self, request: Any) -> None:
        if not request.url.startswith(("http://127.0.0.1:", "data:", "blob:")):
            self.left.append(request.url)

    def _on_console(self, message: Any) -> None:
        if message.type == "error":
            self._complain(message.text)

    def _complain(self, words: str) -> None:
        if JUPYTERLABS_OWN not in words:
            self.complaints.append(words)


@dataclass(frozen=True, kw_only=True)
class PageLook:
    """How a page shows a notebook.

    Attributes:
        dark: Whether the theme is dark.
        width: The width of the page.
        height: The height of the page.
        sidebar: Whether the list of files is shown next to the notebook.
        reduced_motion: Whether the browser asks for reduced motion.
        permissions: Additional permissions of the page.
    """

    dark: bool = False
    width: int = 1280
    height: int = 900
    sidebar: bool = True
    reduced_motion: Literal["reduce", "no-preference"] = "no-preference"
    permissions: Sequence[str] = ()


class Laboratory:
    """A page of JupyterLab."""

    def __init__(self, server: "Server", browser: "Browser") -> None:
        """Load the page, and watch it for requests to other machines and for errors."""
        self._context: BrowserContext = browser.new_context()
        self._context.set_default_timeout(60_000)  # A busy machine is slow, not wrong.
        self.page: Page = self._context.new_page()
        self.watched = PageRecord(self.page)
        self.page.goto(server.address("/lab?reset"))
        within(self.page, LOADED)
        assert [] == self.watched.left
        assert [] == self.watched.complaints

    def open(self, path: str, look: PageLook) -> None:
        """Open a notebook, by its path on the server, with a new kernel, and close all others."""
        self.look(look)
        self.watched.complaints.clear()
        within(self.page, OPEN % {"close": CLOSE, "path": json.dumps(path)})
        await_notebook(self.page)

    def look(self, look: PageLook) -> None:
        """Change how the page shows the notebook, and move the mouse away from anything it may still hover over."""
        self.page.mouse.move(0, 0)
        self.page.set_viewport_size({"width": look.width, "height": look.height})
        self.page.emulate_media(reduced_motion=look.reduced_motion)
        self._context.clear_permissions()
        self._context.grant_permissions([*look.permissions])
        within(self.page, SIDEBAR % ("expand" if look.sidebar else "collapse"))
        within(self.page, CHANGE_THEME % ("JupyterLab Dark" if look.dark else "JupyterLab Light"))
        self.page.wait_for_function(
            "(light) => document.body.dataset.jpThemeLight === light", arg="false" if look.dark else "true"
        )

    def clear(self) -> None:
        """Close every notebook, and end its kernel."""
        within(self.page, CLEAR % CLOSE)

    def close(self) -> None:
        """Close the page."""
        self._context.close()
