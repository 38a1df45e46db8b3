"""Tests of the live cluster by keyboard alone, and of its appearance: narrow, wide, dark, with reduced motion."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.player.in_browser.in_jupyterlab import write_notebook
from tests.player.in_browser.live_on_page import LiveOnPage

pytestmark = [pytest.mark.browser, pytest.mark.slow]

RUN = """
from raft_steps.lab.cluster.cluster import Cluster

cluster = Cluster(11, 5, seed=1)
cluster.run(until=lambda: cluster.leader)
cluster.set("x", 1)
cluster.set("y", "two")
cluster.partition(cluster.leader)
cluster.run(20)
"""
VISIONS = ("deuteranopia", "protanopia", "tritanopia", "achromatopsia")
FOCUSED = """document.activeElement.dataset.server ?? document.activeElement.dataset.message ?? """
# The boxes of a selector's visible elements, and of those that must contain them.
OVERLAPS = """
(root) => {
  const seen = [...root.querySelectorAll("button, input, select, textarea, .rp-title, .rp-label, .rp-clock, .rp-said")]
    .filter((e) => e.getClientRects().length && !e.closest(".rp-help, .rp-card, .rp-pill"));
  const boxes = seen.map((e) => [e, e.getBoundingClientRect()]);
  const frame = root.getBoundingClientRect();
  const found = [];
  boxes.forEach(([e, a], place) => {
    if (a.left < frame.left - 1 || a.right > frame.right + 1) found.push(`outside: ${e.outerHTML.slice(0, 80)}`);
    for (const [other, b] of boxes.slice(place + 1)) {
      const [wide, high] = [Math.min(a.right, b.right) - Math.max(a.left, b.left), Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top)];
      const inside = e.contains(other) || other.contains(e) || e.closest(".rp-lines, .rp-marks") || other.closest(".rp-lines, .rp-marks");
      if (wide > 1 && high > 2 && !inside) found.push(`${e.outerHTML.slice(0, 60)} and ${other.outerHTML.slice(0, 60)}`);
    }
  });
  return found;
}
"""


@pytest.fixture(scope="module")
def notebook(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write a notebook with a live cluster, which stays open for the tests of this file."""
    return write_notebook(tmp_path_factory.mktemp("notebooks") / "keys.ipynb", RUN, "cluster.play()")


@pytest.fixture(scope="module")
def in_the_middle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write a notebook with the same cluster, whose player opens in the middle of the run."""
    return write_notebook(tmp_path_factory.mktemp("notebooks") / "look.ipynb", RUN, "cluster.play(at=9.2)")


@pytest.fixture
def live(open_notebook: Callable[..., Any], notebook: Path) -> LiveOnPage:
    """Return a new cluster at the end of its run, with the focus on the only tab stop of the picture."""
    live = LiveOnPage(*open_notebook(notebook))
    live.button("end").focus()
    live.key("Enter")
    live.root.locator(".rp-picture [tabindex='0']").focus()
    return live


def focused(live: LiveOnPage) -> str:
    """Return the name of the server or the message that has the focus."""
    return str(live.page.evaluate(f"() => {FOCUSED} ''"))


def go_to(live: LiveOnPage, name: str) -> None:
    """Move to a server or a message with the arrow keys."""
    for _ in range(40):
        if focused(live) == name:
            return
        live.key("ArrowDown")
    raise AssertionError(f"the arrows do not lead to {name}")


def test_tab_stops_once_and_arrows_go_round(live: LiveOnPage) -> None:
    """The picture has one tab stop; the arrow keys reach every server and message, and wrap around."""
    assert 1 == live.root.locator(".rp-picture [tabindex='0']").count()
    first = focused(live)
    things = live.root.locator(".rp-picture [data-server], .rp-picture [data-message]").count()
    met = []
    for _ in range(things):
        met.append(focused(live))
        live.key("ArrowDown")

    assert first == focused(live)
    assert things == len(set(met))
    live.key("ArrowUp")
    assert met[-1] == focused(live)
    assert 1 == live.root.locator(".rp-picture [tabindex='0']").count()


def test_a_server_is_steered_by_letters(live: LiveOnPage) -> None:
    """T, X, P and O act on the focused server, X and P in both directions; the focus stays."""
    go_to(live, "tom")
    for key, says in (("x", "tom crashes"), ("x", "tom restarts"), ("p", "tom is paused"), ("p", "tom resumes")):
        live.done(lambda key=key: live.key(key))  # type: ignore[misc]
        assert live.said().startswith(says)
    live.done(lambda: live.key("T"))
    assert live.words("tom").startswith("tom: candidate")
    live.done(lambda: live.key("o"))
    assert live.script()[-1].startswith("partition tom")
    assert "tom" == focused(live)
    live.key("o")
    live.until("player.querySelector('.rp-said').innerText.includes('Nothing to do')")


def test_a_message_is_steered_by_letters(live: LiveOnPage) -> None:
    """H, 2 and D act on the focused message; when it arrives, the focus moves to its receiver."""
    live.key("Home")
    live.settle(time="0.000000")
    live.key("ArrowRight")
    live.until("Number(player.dataset.time) > 0")
    live.calm()
    name = live.message().get_attribute("data-message") or ""
    go_to(live, name)
    for key, verb in (("2", "duplicate"), ("h", "hold"), ("d", "drop")):
        live.done(lambda key=key: live.key(key))  # type: ignore[misc]
        assert live.script()[-1].startswith(f"{verb} {name}")
    live.key("End")

    assert name.partition(">")[2].partition("#")[0] == focused(live)


def test_a_partition_is_made_by_letters(live: LiveOnPage) -> None:
    """S selects servers, W partitions them, M heals the network."""
    for name in ("spike", "tyke"):
        go_to(live, name)
        live.key("s")
    live.done(lambda: live.key("w"))
    assert live.script()[-1].startswith("partition spike tyke")
    live.done(lambda: live.key("m"))
    assert "heal" == live.script()[-1]


def test_a_client_asks_by_keyboard(live: LiveOnPage) -> None:
    """C moves to the field of a client's request, where letters are typed and Enter sends; Escape moves back."""
    live.done(lambda: live.key("m"))
    go_to(live, "jerry")
    live.key("c")
    live.key("End")
    live.page.keyboard.type("dt")
    live.done(lambda: live.key("Enter"))
    assert "set xdt 1" == live.script()[-1]
    live.key("Escape")
    assert "jerry" == focused(live)


def test_selecting_and_jumping_by_keyboard(live: LiveOnPage) -> None:
    """Enter selects and Escape closes; E and F, with Shift backwards, lead to elections and faults; ? lists the keys."""
    go_to(live, "jerry")
    live.key("Enter")
    live.until("!player.querySelector('.rp-inspector').hidden")
    live.key("Escape")
    live.until("player.querySelector('.rp-inspector').hidden")
    late = live.time
    live.key("Shift+F")
    live.until("Number(player.dataset.time) < given", late)
    assert "the network is partitioned" in live.root.locator(".rp-list [aria-current]").inner_text()
    live.key("e")
    live.until("player.querySelector('.rp-list [aria-current]').innerText.includes('becomes candidate')")
    live.key("?")
    live.until("!player.querySelector('.rp-help').hidden")
    live.key("Escape")
    live.until("player.querySelector('.rp-help').hidden")


def test_jupyterlab_gets_none_of_it(live: LiveOnPage) -> None:
    """Whatever has the focus, no key adds, removes, changes or runs a cell."""
    page = live.page
    cells = page.locator(".jp-Notebook .jp-Cell").count()
    go_to(live, "tom")
    live.key("Enter")
    for place in (
        ".rp-pill button",
        ".rp-lanes",
        ".rp-speed",
        "[data-panel=client] input",
        "[data-panel=client] select",
        "[data-panel=script] textarea",
        "[data-panel=branches] [data-switch]",
        "[data-tab=branches]",
    ):
        live.reveal(live.root.locator(place).first)
        live.root.locator(place).first.focus()
        for key in ("b", "a", "z", "y", "Shift+Enter", "k", "j"):
            live.key(key)
    assert cells == page.locator(".jp-Notebook .jp-Cell").count()
    assert [] == live.watched.complaints


def test_the_colour_blind_see_it(live: LiveOnPage, tmp_path: Path) -> None:
    """A server's term is written in it, and its role is its outline; screenshots with simulated colour blindness are kept."""
    live.scrub(8.4)
    live.key("Escape")
    session = live.page.context.new_cdp_session(live.page)
    for vision in VISIONS:
        session.send("Emulation.setEmulatedVisionDeficiency", {"type": vision})
        live.page.locator(".raft-player").screenshot(path=tmp_path / f"{vision}.png")
    session.send("Emulation.setEmulatedVisionDeficiency", {"type": "none"})
    figures = live.root.locator(".rp-picture .rp-figure").all_text_contents()
    outlines = live.root.locator(".rp-picture .rp-shape").evaluate_all(
        "(all) => all.map((e) => getComputedStyle(e).strokeDasharray)"
    )

    assert {"1"} == set(figures)
    assert 2 == len(set(outlines))


def test_less_motion_does_not_glide(open_notebook: Callable[..., Any], notebook: Path) -> None:
    """With reduced motion, steps jump, even at the end of a live run."""
    live = LiveOnPage(*open_notebook(notebook, reduced_motion="reduce"))
    live.press("end")
    event = live.event
    live.press("next")
    live.until("Number(player.dataset.event) > given", event)

    assert "0" == live.root.get_attribute("data-playing")
    assert not live.root.evaluate("(root) => root.getAnimations({ subtree: true }).length")


@pytest.mark.parametrize("dark, width", [(False, 1460), (True, 1460), (False, 880), (True, 880)])
def test_it_looks_well(
    open_notebook: Callable[..., Any], in_the_middle: Path, tmp_path: Path, dark: bool, width: int
) -> None:  # fmt: skip
    """Light and dark, 1,280 and 700 pixels wide, nothing overlaps or is cut off; screenshots are kept."""
    live = LiveOnPage(*open_notebook(in_the_middle, dark=dark, width=width, height=2000, sidebar=False))
    live.steady()
    shot = f"{'dark' if dark else 'light'}-{width}"
    live.select(live.server("tom"))
    live.do("crash")
    live.page.locator(".raft-player").screenshot(path=tmp_path / f"selected-{shot}.png")
    assert [] == live.root.evaluate(OVERLAPS)
    assert live.page.locator(".raft-player").evaluate("(element) => element.scrollWidth <= element.clientWidth + 1")

    live.show("branches")
    live.root.locator("[data-compare='0']").click()
    live.until("!player.querySelector('.rp-compared').hidden")
    live.scrub(20)
    live.page.locator(".raft-player").screenshot(path=tmp_path / f"compared-{shot}.png")
    assert [] == live.root.evaluate(OVERLAPS)
    assert [] == live.watched.complaints
