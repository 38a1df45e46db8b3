"""Tests that the focus stays in the player: after a click on anything in it, its keys act in it and never in JupyterLab."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.player.in_browser.in_jupyterlab import write_notebook
from tests.player.in_browser.live_on_page import LiveOnPage

pytestmark = [pytest.mark.browser, pytest.mark.slow]

RUN = """
from raft_steps.lab.cluster.cluster import Cluster

cluster = Cluster(11, seed=1)
cluster.run(until=lambda: cluster.leader)
cluster.set("x", 1)
cluster.partition(cluster.leader)
cluster.run(6)
"""
INSIDE = "document.activeElement !== document.body && Boolean(document.activeElement.closest('.raft-player'))"
# Where a click lands, as a selector and a place in the element, and whether it greys the button or removes the element.
CLICKS = {
    "a server": (".rp-picture [data-server=tom]", None),
    "a blank part of the ring": (".rp-ring", {"x": 3, "y": 3}),
    "a story line": (".rp-list li", None),
    "a script line": (".rp-script li", None),
    "a client's line": (".rp-clients li", None),
    "a lane": (".rp-lanes", {"x": 3, "y": 3}),
    "the sentence": (".rp-sentence", None),
    "the clock": (".rp-total", None),
    "the log table": (".rp-logs td", None),
    "the title of a panel": (".rp-inspector .rp-title", None),
    "a tab": ("[data-tab=network]", None),
    "a label": ("[data-panel=network] .rp-label", None),
    "Crash": ("[data-act=crash]", None),
    "Restart": ("[data-act=restart]", None),
    "Heal": ("[data-act=heal]", None),
    "Cut off": ("[data-act=isolate]", None),
    "a greyed button": ("[data-act=isolate]", None),
    "Reset": ("[data-act=reset]", None),
    "Set the loss": ("[data-act=loss]", None),
    "Close": (".rp-pill .rp-close", None),
}


@pytest.fixture(scope="module")
def live(open_notebook: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory) -> LiveOnPage:
    """Return a cluster with a cut network at the end of its run, with a cell below it that a wrong key would cut."""
    path = write_notebook(tmp_path_factory.mktemp("notebooks") / "focus.ipynb", RUN, "cluster.play()", "'untouched'")
    live = LiveOnPage(*open_notebook(path))
    live.press("end")
    live.select(live.server("tom"))
    return live


def test_keys_stay_in_the_player_after_any_click(live: LiveOnPage) -> None:
    """After each kind of click, the focus is in the player, letters change no cell, and Space plays and pauses."""
    page = live.page
    cells = page.locator(".jp-Notebook .jp-CodeCell").count()
    live.show("network")
    live.root.locator("[aria-label^=Share]").fill("5")
    lost = []
    for name, (selector, position) in CLICKS.items():
        if name == "Close" or live.root.locator(".rp-inspector").is_hidden():
            live.select(live.server("tom"))
        place = page.locator(f".raft-player {selector}, .raft-player{selector}").first
        live.reveal(place)
        place.click(position=position, force=True)  # type: ignore[arg-type]
        inside = page.evaluate(INSIDE)
        for key in ("m", "d", "d", "Shift+M"):
            page.keyboard.press(key)
        before = live.root.get_attribute("data-playing")
        page.keyboard.press(" ")
        played = page.evaluate("() => new Promise(requestAnimationFrame)") and before != live.root.get_attribute(
            "data-playing"
        )
        if live.root.get_attribute("data-playing") == "1":
            page.keyboard.press(" ")
        if not inside or not played or cells != page.locator(".jp-Notebook .jp-CodeCell").count():
            lost.append(name)

    assert [] == lost
    assert [] == live.watched.complaints


def test_a_key_after_a_click_acts_in_the_player(live: LiveOnPage) -> None:
    """A click on the sentence, then X: the selected server crashes, and no cell is cut."""
    live.press("end")
    live.select(live.server("jerry"))
    live.root.locator(".rp-sentence").click()
    live.done(lambda: live.key("x"))

    assert live.words("jerry").startswith("jerry: down")
    assert 3 == live.page.locator(".jp-Notebook .jp-CodeCell").count()


def test_the_focus_of_a_reader_without_a_mouse_stays_near(live: LiveOnPage) -> None:
    """Restart gets the focus that crash had, an unavailable button keeps it, and closing gives it to the picture."""
    live.press("end")
    live.select(live.server("spike"))
    crash = live.button("crash")
    crash.focus()
    live.done(lambda: live.key("Enter"))
    assert "restart" == live.page.evaluate("document.activeElement.dataset.act")
    live.button("timeout").focus()
    live.key("Enter")
    live.until("player.querySelector('.rp-said').innerText.startsWith('Nothing to do: spike is down')")

    live.root.locator(".rp-pill .rp-close").focus()
    live.key("Enter")
    live.until("document.activeElement.dataset.server !== undefined")
