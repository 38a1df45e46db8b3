"""axe-core finds nothing wrong in any state of the player, light or dark, and what it cannot find is tested here, too."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.player.in_browser.in_jupyterlab import ROOT, write_notebook
from tests.player.in_browser.live_on_page import LiveOnPage

pytestmark = [pytest.mark.browser, pytest.mark.slow]

AXE = ROOT / "tests" / "player" / "js" / "node_modules" / "axe-core" / "axe.min.js"
RUN = """
from raft_steps.lab.cluster.cluster import Cluster

cluster = Cluster(11, 5, seed=1)
cluster.run(until=lambda: cluster.leader)
cluster.set("x", 1)
cluster.partition(cluster.leader)
cluster.run(20)
"""
# A cluster of nine, in which a rule is broken.
NINE = """
from raft_steps.lab.cluster.cluster import Cluster

cluster = Cluster(8, 9, seed=1)
cluster.run(until=lambda: cluster.leader)
cluster.partition(cluster.leader)
cluster.run(20)
"""
VIOLATIONS = """
async (player, rules) => (await axe.run(player, { resultTypes: ["violations"], ...(rules ? { runOnly: rules } : {}) })).violations
  .flatMap(({ id, nodes }) => nodes.map(({ html, any, all }) => `${id}: ${html.slice(0, 120)} ${[...any, ...all].map((e) => e.message).join()}`))
"""
COLOURS = ["color-contrast"]  # All else is the same in both themes.
# Counts the changes of live regions while a function's time passes.
SPOKEN = """
async (player) => {
  let spoken = 0;
  const regions = [...player.querySelectorAll("[aria-live]:not([aria-live=off]), output, [role=status], [role=alert], [role=log]")];
  const observer = new MutationObserver(() => { spoken += 1; });
  for (const region of regions) observer.observe(region, { childList: true, characterData: true, subtree: true });
  for (let frame = 0; frame < 60; frame += 1) await new Promise((done) => requestAnimationFrame(done));
  observer.disconnect();
  return [regions.length, spoken];
}
"""


@pytest.fixture(scope="module")
def notebook(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write a notebook with a live cluster, which stays open for the tests of this file."""
    return write_notebook(tmp_path_factory.mktemp("notebooks") / "axe.ipynb", RUN, "cluster.play(at=8.6)")


class Audit:
    """What axe-core finds wrong in a player, by the player's state."""

    def __init__(self, live: LiveOnPage, *, dark: bool) -> None:
        """Load axe-core into the page."""
        live.page.add_script_tag(content=AXE.read_text(encoding="utf-8"))
        self.live = live
        self.rules = COLOURS if dark else None
        self.wrong: dict[str, list[str]] = {}

    def look(self, state: str) -> None:
        """Run axe-core; its findings are those of the state."""
        if found := self.live.root.evaluate(VIOLATIONS, self.rules):
            self.wrong[state] = found


@pytest.fixture(params=[False, True], ids=["light", "dark"])
def dark(request: pytest.FixtureRequest) -> bool:
    """Return whether the theme is dark; without axe-core there is nothing to test."""
    if not AXE.is_file():
        pytest.skip("NO AXE-CORE: the player's accessibility was not checked; make javascript installs it")
    return bool(request.param)


def test_axe_finds_nothing(open_notebook: Callable[..., Any], notebook: Path, dark: bool) -> None:
    """Neither while it plays nor later, in no tab, with nothing or anything selected, alone or next to a branch."""
    live = LiveOnPage(*open_notebook(notebook, dark=dark))
    audit = Audit(live, dark=dark)
    live.press("start")
    live.press("play")
    audit.look("it plays")
    live.settle(playing="1")
    live.press("play")
    audit.look("it has stopped")
    for tab in ("client", "network", "story", "branches", "script", "fields"):
        live.show(tab)
        audit.look(f"the tab {tab}")
    live.scrub(8.6)
    live.select(live.message())
    audit.look("a selected message")
    live.key("Escape")
    live.select(live.server("jerry"))
    audit.look("a selected server")
    live.do("pause")
    audit.look("a paused server")
    live.do("crash")
    audit.look("a crashed server")
    live.key("?")
    audit.look("the keys")
    live.key("Escape")
    live.root.locator("[data-compare='0']").first.evaluate("(button) => button.click()")
    live.until("!player.querySelector('.rp-compared').hidden")
    audit.look("two branches")
    live.press("end")
    audit.look("the end")

    assert {} == audit.wrong


def test_axe_finds_nothing_after_an_alarm(open_notebook: Callable[..., Any], tmp_path: Path, dark: bool) -> None:
    """With nine servers, one of which has broken a rule."""
    path = write_notebook(tmp_path / "nine.ipynb", NINE, "cluster.play(at=20)")
    live = LiveOnPage(*open_notebook(path, dark=dark))
    audit = Audit(live, dark=dark)
    assert "One Vote per Term" in live.root.locator(".rp-alarm").inner_text()
    audit.look("an alarm")

    assert {} == audit.wrong


def test_no_region_speaks_while_it_plays(open_notebook: Callable[..., Any], notebook: Path) -> None:
    """Only what happens, and an alarm, are live regions, and not the clock: a screen reader would read nothing else."""
    live = LiveOnPage(*open_notebook(notebook))
    live.press("start")
    live.press("play")
    live.await_motion()

    assert [2, 0] == live.root.evaluate(SPOKEN)
    live.press("play")
    assert "seconds." in live.root.locator("[aria-live]").first.inner_text()


@pytest.mark.parametrize(
    "tab, lines", [("story", ".rp-list"), ("script", ".rp-script .rp-lines"), ("client", ".rp-clients .rp-lines")]
)
def test_lines_of_lists_are_reached_by_keyboard(
    open_notebook: Callable[..., Any], notebook: Path, tab: str, lines: str
) -> None:  # fmt: skip
    """A list is one stop for Tab; the arrow keys go through its lines, and Enter goes to the moment of one."""
    live = LiveOnPage(*open_notebook(notebook))
    live.button("end").focus()
    live.key("Enter")
    live.show(tab)
    live.root.locator(f"{lines}[tabindex='0']").focus()
    live.key("ArrowUp")
    live.key("ArrowUp")
    live.key("Enter")
    live.until("document.activeElement.matches(given)", f"{lines} > li")

    assert live.time < 30


def test_an_election_is_heard_as_documented(open_notebook: Callable[..., Any], tmp_path: Path) -> None:
    """The sentences of docs/live_cluster.md: tom has crashed, and jerry is elected."""
    cells = "from raft_steps.lab import Cluster\n\ncluster = Cluster(8, leader='tom')", "cluster.crash('tom')"
    path = write_notebook(tmp_path / "heard.ipynb", *cells, "cluster.run(20).play(at=0)")
    live = LiveOnPage(*open_notebook(path))
    heard = []
    live.server("tom").focus()
    for key in ("e", "ArrowRight", "ArrowRight", "ArrowRight"):
        live.key(key)
        live.steady()
        heard.append(live.root.locator(".rp-live").inner_text())
    guide = (ROOT / "docs" / "live_cluster.md").read_text(encoding="utf-8")

    assert heard[0] in guide
    assert [] == [each for each in heard[1:] if each.split(" seconds. ")[1] not in guide]
    assert "tom: down; empty log" == live.words("tom")
