"""Tests of a live cluster whose kernel is busy or has ended: what the player says is true, and a late answer is shown."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.player.in_browser.in_jupyterlab import within, write_notebook
from tests.player.in_browser.live_on_page import LiveOnPage

pytestmark = [pytest.mark.browser, pytest.mark.slow]

RUN = """
from raft_steps.lab.cluster.cluster import Cluster

cluster = Cluster(11, seed=1)
cluster.run(until=lambda: cluster.leader)
cluster.run(6)
"""
# A cell that uses the cluster for as long as a file exists, and then runs it on.
LONG_CELL = """
import pathlib, time

wait = pathlib.Path({path!r})
if wait.exists():
    with cluster._lock:
        while wait.exists():
            time.sleep(0.05)
        cluster.run(7)
"""
RUN_LAST_CELL = """
async () => {
  const { content } = window.jupyterapp.shell.currentWidget;
  content.activeCellIndex = content.widgets.length - 1;
  window.jupyterapp.commands.execute("notebook:run-cell");
  while (content.activeCell.model.sharedModel.execution_count !== null || !content.activeCell.promptNode.innerText.includes("*"))
    await new Promise((done) => requestAnimationFrame(done));
}
"""
RESTART = "async () => window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.restart()"


def test_busy_kernel_is_waited_for(open_notebook: Callable[..., Any], tmp_path: Path) -> None:
    """During a cell, a click is reported as waiting; it is carried out when the cell ends, on a branch that says why.

    After a restart of the kernel the player says that it can change nothing any more.
    """
    wait = tmp_path / "wait"
    path = write_notebook(tmp_path / "busy.ipynb", RUN, "cluster.play()", LONG_CELL.format(path=str(wait)))
    live = LiveOnPage(*open_notebook(path))
    live.press("end")
    live.select(live.server("tom"))
    before = live.time
    wait.touch()
    within(live.page, RUN_LAST_CELL)
    answers = live.root.get_attribute("data-answers")
    live.server("tom").focus()
    live.key("x")
    live.until("player.querySelector('.rp-said').innerText.startsWith('The kernel is busy. This will be done')")
    assert live.root.evaluate("(root) => root.classList.contains('rp-waiting')")
    assert answers == live.root.get_attribute("data-answers")

    wait.unlink()
    live.until("player.querySelector('.rp-said').innerText.startsWith('tom crashes; this is a new branch, because')")
    live.until("!player.classList.contains('rp-waiting')")
    assert live.words("tom").startswith("tom: down")
    assert before <= live.time < before + 0.001
    assert 1 == live.branch()
    assert "a cell has run the cluster on" in live.root.locator("[data-switch='1']").inner_text()

    within(live.page, RESTART)
    live.until("player.querySelector('.rp-said').innerText.includes('kernel has ended')")
    live.done(lambda: live.key("x"))
    assert "nothing was changed" in live.said()
    assert live.words("tom").startswith("tom: down")
