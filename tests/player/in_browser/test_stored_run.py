"""Tests of a saved notebook that is opened again without its kernel's memory: the run plays, and nothing is an error."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.player.in_browser.in_jupyterlab import ROOT, run_all, within, write_notebook
from tests.player.in_browser.player_on_page import PlayerOnPage

if TYPE_CHECKING:
    from tests.player.in_browser.laboratory import Laboratory

pytestmark = [pytest.mark.browser, pytest.mark.slow]

RUN = """
from raft_steps.lab.cluster.cluster import Cluster

cluster = Cluster(8, seed=1)
cluster.run(30)
"""
SAVE = "async () => window.jupyterapp.commands.execute('docmanager:save')"
IS_DIRTY = "async () => window.jupyterapp.shell.currentWidget.context.model.dirty"
SHUT_DOWN = "async () => window.jupyterapp.shell.currentWidget.sessionContext.shutdown()"
ERROR = "model not found"


def test_saved_notebook_plays_without_its_kernel(
    open_notebook: Callable[..., Any], load: Callable[..., "Laboratory"], tmp_path: Path
) -> None:
    """While the widget lives, it alone is shown. In the notebook that is opened again, the picture is, and plays."""
    from tests.player.in_browser.laboratory import PageLook

    page, watched = open_notebook(write_notebook(tmp_path / "saved.ipynb", RUN, "cluster.play(at=12)"))
    assert [] == run_all(page)
    PlayerOnPage(page)
    assert 1 == page.locator(".raft-stored").count()
    assert not page.locator(".raft-stored").is_visible()
    within(page, SAVE)
    path = within(page, "async () => window.jupyterapp.shell.currentWidget.context.path")
    within(page, SHUT_DOWN)
    laboratory = load()
    laboratory.clear()
    laboratory.open(path, PageLook())

    stored = page.locator(".raft-stored")
    stored.scroll_into_view_if_needed()
    page.get_by_text(ERROR).wait_for(state="attached")
    assert not page.get_by_text(ERROR).is_visible()
    assert stored.locator("img").is_visible()
    assert not within(page, IS_DIRTY)
    page.get_by_role("button", name="Play this run").click()
    player = PlayerOnPage(page)
    player.settle(time="12.000000")
    player.press("next")
    player.until("Number(player.dataset.time) > 12")
    assert "Player of step 8" == player.root.get_attribute("aria-label")
    assert not page.get_by_text(ERROR).is_visible()
    assert [] == watched.left


def test_opening_a_notebook_of_the_course_does_not_change_it(open_notebook: Callable[..., Any]) -> None:
    """Its picture is shown, and JupyterLab has nothing to save."""
    page, watched = open_notebook(ROOT / "notebooks" / "04_leader_election.ipynb")
    page.locator(".jp-OutputArea-output img").first.wait_for()

    assert not within(page, IS_DIRTY)
    assert [] == watched.complaints
