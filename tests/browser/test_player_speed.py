"""The player's speed in a real JupyterLab, counted in the browser's own working time."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from in_jupyterlab import run_all, within, write_notebook
from player_on_page import PlayerOnPage

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = [pytest.mark.browser, pytest.mark.slow]

SCRUBS = 40
# Scrubs all over the run, and draws each time.
SCRUB = """
(root, scrubs) => {
  const input = root.querySelector("input[type=range]");
  for (let place = 0; place < scrubs; place += 1) {
    input.value = ((place * 17) % scrubs) / scrubs * Number(input.max);
    input.dispatchEvent(new Event("input"));
  }
}
"""
FRAMES = 60
PLAYED = """
async () => {
  for (let frame = 0; frame < %d; frame += 1) await new Promise((done) => requestAnimationFrame(done));
}
"""


class Worked:
    """How long a page has worked: the time of its own thread, which other processes of the machine do not lengthen."""

    def __init__(self, page: "Page") -> None:
        """Begin to count."""
        self._session = page.context.new_cdp_session(page)
        self._session.send("Performance.enable", {"timeDomain": "threadTicks"})
        self._counted = 0.0
        self.milliseconds()

    def milliseconds(self) -> float:
        """Say how long it has worked since this was asked last."""
        metrics = {each["name"]: each["value"] for each in self._session.send("Performance.getMetrics")["metrics"]}
        before, self._counted = self._counted, 1000 * metrics["TaskDuration"]
        return self._counted - before


def test_it_is_fast(open_notebook: Callable[..., Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It plays smoothly; 50,000 events are there soon after the cell was run, and any moment of them at once."""
    path = write_notebook(
        tmp_path / "fast.ipynb",
        "from raft_steps.lab.cluster import Cluster\n"
        "from raft_steps.lab.widget import player\n"
        "long = Cluster(8, 5, seed=2)\n"
        "while len(long.trace) < 50_000:\n    long.run(500)",
        "player(long.trace, speed=4)",
    )
    page, _ = open_notebook(path)
    worked = Worked(page)
    assert [] == run_all(page)
    stage = PlayerOnPage(page)
    load = worked.milliseconds()
    stage.root.evaluate(SCRUB, SCRUBS)
    scrub = worked.milliseconds() / SCRUBS
    stage.press("play")
    worked.milliseconds()
    within(stage.page, PLAYED % FRAMES)
    frame = worked.milliseconds() / FRAMES
    stage.settle(playing="1")
    with capsys.disabled():
        print(
            f"\n  player: the browser works {load:.0f} ms until 50,000 events are drawn, {scrub:.1f} ms "
            f"to scrub to any moment, and {frame:.1f} ms for a frame while it plays"
        )

    assert load < 3000
    assert scrub < 50
    assert frame < 40
