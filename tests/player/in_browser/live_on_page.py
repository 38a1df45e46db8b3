"""A live cluster on a page, for tests: actions are waited for, and the kernel can be asked for their result."""

import ast
import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from tests.player.in_browser.in_jupyterlab import run_all, within
from tests.player.in_browser.player_on_page import PlayerOnPage

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

# Asks the kernel for the value of an expression, without a cell.
_ASK = """
async () => {
  const { kernel } = window.jupyterapp.shell.currentWidget.sessionContext.session;
  const request = { code: "", silent: true, store_history: false, user_expressions: { it: %s } };
  const { content } = await kernel.requestExecute(request).done;
  const { it } = content.user_expressions;
  return it.status === "ok" ? it.data["text/plain"] : `${it.ename}: ${it.evalue}`;
}
"""


class LiveOnPage(PlayerOnPage):
    """The live cluster of a notebook whose cells call it `cluster`.

    Attributes:
        watched: A record of what the page should not do.
    """

    def __init__(self, page: "Page", watched: Any) -> None:
        """Run the notebook's cells and wait until the player is drawn."""
        self.watched = watched
        self.page = page
        self.again()

    def again(self) -> None:
        """Run all cells, for the first time or again: another cluster, another player."""
        assert [] == run_all(self.page)
        self.pin_anew()

    def ask(self, expression: str) -> Any:
        """Ask the kernel for the value of an expression."""
        return ast.literal_eval(within(self.page, _ASK % json.dumps(expression)))

    def script(self) -> list[str]:
        """Return the lines of the script in the panel."""
        return self.root.locator(".rp-script code").all_inner_texts()

    def said(self) -> str:
        """Return the last message of the player."""
        return self.root.locator(".rp-said").inner_text()

    def server(self, name: str) -> "Locator":
        """Find a server in the first picture."""
        return self.root.locator(f".rp-picture [data-server={name}]")

    def words(self, name: str) -> str:
        """Return the accessible name of a server."""
        return self.server(name).get_attribute("aria-label") or ""

    def message(self) -> "Locator":
        """Find the first message in flight that is not a copy."""
        return self.root.locator(".rp-picture [data-message]:not([data-message$=copy])").first

    def done(self, deed: Callable[[], object]) -> None:
        """Do something that sends a request to Python, and wait for its answer."""
        before = int(self.root.get_attribute("data-answers") or 0)
        deed()
        self.until("Number(player.dataset.answers ?? 0) > given", before)

    def do(self, act: str) -> None:
        """Press a button that sends a request to Python."""
        self.reveal(self.button(act))
        self.steady()
        self.done(self.button(act).click)

    def key(self, key: str) -> None:
        """Press a key."""
        self.page.keyboard.press(key)

    def select(self, thing: "Locator") -> None:
        """Select a server or a message by a click, so that the panel shows it."""
        thing.click(force=True)
        self.until("!player.querySelector('.rp-inspector').hidden")

    def branch(self) -> int:
        """Return the number of the branch that is shown."""
        return int(self.root.get_attribute("data-branch") or -1)

    def allowed(self, act: str) -> bool:
        """Return whether there is a button that can be pressed; a disabled button must have a reason."""
        button = self.button(act)
        if not button.count():
            return False
        assert button.is_enabled() or button.get_attribute("title")
        return button.is_enabled()
