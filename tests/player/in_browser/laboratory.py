"""One page of JupyterLab for all tests of a worker: notebooks are opened in it one after the other.

Loading JupyterLab takes several times as long as opening a notebook in it. So a test gets the page that is there, with
its notebook alone in it, and with a theme, a size and a liking for motion as if the page were new. Only when a test has
failed is the next one given a page that is new indeed, because nobody knows what state the failure left the old one in.
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
# Closes what is open. Nobody waits for its kernels to end, and nobody is asked whether it is to be saved.
CLOSE = """
const close = (widgets) => {
  for (const widget of widgets) {
    widget.sessionContext?.shutdown().catch(() => {});
    widget.dispose();
  }
};
"""
# Opens a notebook, and then closes all else: in an empty page, JupyterLab would open its launcher.
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
# JupyterLab itself, on a very busy machine: it wants to focus a notebook whose page is being made anew.
JUPYTERLABS_OWN = "_ensureFocus"


class Watched:
    """What a page did that it should not do.

    Attributes:
        left: The addresses that it asked for on other machines, ever.
        complaints: The errors that it wrote to its console or that nobody caught, since its notebook was opened.
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
class Look:
    """How a page is to look at a notebook.

    Attributes:
        dark: Whether the theme is dark.
        width: The width of the page.
        height: The height of the page.
        sidebar: Whether the list of files is shown beside the notebook.
        reduced_motion: Whether its reader has asked for less motion.
        permissions: What the page may do beyond the usual.
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
        """Load the page, which may neither ask another machine for anything nor complain."""
        self._context: BrowserContext = browser.new_context()
        self._context.set_default_timeout(60_000)  # A loaded machine is slow, not wrong.
        self.page: Page = self._context.new_page()
        self.watched = Watched(self.page)
        self.page.goto(server.address("/lab?reset"))
        within(self.page, LOADED)
        assert [] == self.watched.left
        assert [] == self.watched.complaints

    def open(self, path: str, look: Look) -> None:
        """Open a notebook, by its path on the server, with a kernel of its own, and close all others."""
        self.look(look)
        self.watched.complaints.clear()
        within(self.page, OPEN % {"close": CLOSE, "path": json.dumps(path)})
        await_notebook(self.page)

    def look(self, look: Look) -> None:
        """Look at what is open in another way; the mouse, which may still lie on something, is taken away."""
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
