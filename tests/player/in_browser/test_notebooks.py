"""Tests of the course's notebooks in a real JupyterLab: all cells run, and the player of notebook 06 works."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.player.in_browser.in_jupyterlab import ROOT, run_all
from tests.player.in_browser.player_on_page import PlayerOnPage

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_notebook_06_runs_and_its_player_plays(open_notebook: Callable[..., Any], tmp_path: Path, dark: bool) -> None:
    """All cells run without an error and without a request that leaves the machine; the player plays and scrubs."""
    page, watched = open_notebook(ROOT / "notebooks" / "06_term_checks.ipynb", dark=dark)
    errors = run_all(page)
    player = PlayerOnPage(page)

    assert errors == []

    player.press_by_key("start")
    player.settle(playing="0")
    before = player.time
    player.press_by_key("play")
    player.until("Number(player.dataset.time) > given", before)
    player.press_by_key("play")
    player.settle(playing="0")

    player.root.locator(".rp-lanes").focus()
    page.keyboard.press("End")
    player.until("Number(player.dataset.time) > 60")
    page.screenshot(path=tmp_path / "player.png")

    assert watched.left == []
    assert watched.complaints == []


def test_notebook_05_shows_its_errors_and_no_other(open_notebook: Callable[..., Any]) -> None:
    """The only errors are the two that are intended."""
    page, watched = open_notebook(ROOT / "notebooks" / "05_term_in_append_entries.ipynb")

    errors = run_all(page)

    assert [error.partition(":")[0] for error in errors] == ["MessageError", "MessageError"], errors
    assert watched.left == []
