"""Tests of the player in a real JupyterLab: drawing, playing, stepping and scrubbing, by mouse and by keyboard."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.player.in_browser.in_jupyterlab import run_all, write_notebook
from tests.player.in_browser.player_on_page import PlayerOnPage

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = [pytest.mark.browser, pytest.mark.slow]

RUN = """
from raft_steps.lab.cluster.cluster import Cluster

cluster = Cluster(6, seed=1)
cluster.run(until=lambda: cluster.leader)
cluster.set("x", 1)
cluster.partition(cluster.leader)
cluster.run(30)
"""
# The boxes of visible elements.
BOXES = "(all) => all.map((e) => (e.getClientRects().length ? e.getBoundingClientRect().toJSON() : null))"


class OpenPlayer(PlayerOnPage):
    """A player on a page of its own whose cells have all been run.

    Attributes:
        watched: A record of what the page should not do.
        errors: The errors of the cells.
    """

    def __init__(self, page: "Page", watched: Any) -> None:
        """Run the notebook's cells and wait until the player is drawn."""
        self.page = page
        self.watched = watched
        self.errors = run_all(page)
        self.pin_anew()


@pytest.fixture(scope="module")
def opened(open_notebook: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory) -> OpenPlayer:
    """Open a notebook with a player once for the tests of this file."""
    path = write_notebook(tmp_path_factory.mktemp("notebooks") / "player.ipynb", RUN, "cluster.play()")
    return OpenPlayer(*open_notebook(path))


@pytest.fixture
def stage(opened: OpenPlayer) -> OpenPlayer:
    """Return the player at its beginning, as it was opened."""
    opened.press("start")
    opened.settle(playing="0", time="0.000000")
    opened.page.keyboard.press("Escape")
    opened.show("story")
    return opened


@pytest.fixture(scope="module")
def late_in_the_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write a notebook with the same run, whose player opens late in it."""
    return write_notebook(tmp_path_factory.mktemp("notebooks") / "look.ipynb", RUN, "cluster.play(at=30)")


def test_it_is_drawn_and_asks_nobody(stage: OpenPlayer) -> None:
    """Three servers are drawn, paused at the beginning; no cell failed, no request left the machine, and there was no error."""
    assert [] == stage.errors
    assert 3 == stage.root.locator(".rp-server").count()
    assert 0.0 == stage.time
    assert [] == stage.watched.left
    assert [] == stage.watched.complaints


def test_it_plays_and_pauses(stage: OpenPlayer) -> None:
    """Playing moves time and the messages; pausing stops both at once."""
    earlier = stage.time
    stage.press("play")
    stage.await_motion()
    stage.until("Number(player.dataset.time) > given", earlier)

    stage.press("play")
    stage.settle(playing="0")
    stopped = stage.time
    stage.calm()
    assert stopped == stage.time
    assert 0 < stage.root.locator("[data-message]").count()


def test_it_steps_on_and_back(stage: OpenPlayer) -> None:
    """Next shows the next event and Back the previous one; the list and the live region describe it."""
    home = stage.event
    stage.step_from("next", home)
    first, time = stage.event, stage.time
    current = stage.root.locator(".rp-list [aria-current]").inner_text()
    assert "election timer runs out" in current
    assert "election timer runs out" in stage.root.locator(".rp-live").inner_text()
    assert 0 < stage.root.locator("[data-message]").count()

    stage.step_from("next", first)
    stage.step("back", first)
    assert time == stage.time
    stage.step("back", home)
    assert 0.0 == stage.time


def test_it_scrubs(stage: OpenPlayer) -> None:
    """An entered time and a drag of the time line move to a time, with the messages and servers of that time."""
    stage.scrub(30.0)
    stage.settle(time="30.000000")
    late = stage.event
    stage.scrub(2.0)
    stage.settle(time="2.000000")

    box = stage.root.locator(".rp-lanes").bounding_box()
    assert box
    stage.page.mouse.move(box["x"] + box["width"] / 3, box["y"] + 20)
    stage.page.mouse.down()
    stage.until("Number(player.dataset.time) > 2")
    stage.page.mouse.move(box["x"] + 10, box["y"] + 20)
    stage.page.mouse.up()
    stage.settle(time="0.000000")
    stage.scrub(2.0)

    assert late > stage.event
    assert 0 == stage.root.locator("[data-message]").count()
    assert "2.00" == stage.root.locator(".rp-now").input_value()


def test_a_line_of_the_list_leads_to_its_moment(stage: OpenPlayer) -> None:
    """A click on a later event moves there."""
    line = stage.root.locator(".rp-list li").last
    shown = float(line.locator(".rp-when").inner_text())
    line.click()

    stage.until("Math.abs(Number(player.dataset.time) - given) < 0.01", shown)


def test_a_partition_is_a_wall(stage: OpenPlayer) -> None:
    """A wall is drawn during a partition, not before."""
    assert 0 == stage.root.locator(".rp-wall").count()
    stage.press("end")

    assert 1 == stage.root.locator(".rp-wall").count()


def test_keys_do_what_they_say_and_jupyterlab_gets_none(stage: OpenPlayer) -> None:
    """Space, arrows, Home, End, + and - work from a server in the drawing; no key adds, removes or changes a cell."""
    page = stage.page
    cells = page.locator(".jp-Notebook .jp-Cell").count()
    stage.root.locator(".rp-server").first.focus()
    page.keyboard.press("ArrowRight")
    stage.until("Number(player.dataset.time) > 0")
    page.keyboard.press("End")
    stage.until("(lanes => lanes.ariaValueNow === lanes.ariaValueMax)(player.querySelector('.rp-lanes'))")
    assert 30 < stage.time
    page.keyboard.press("Home")
    stage.settle(time="0.000000")
    page.keyboard.press(" ")
    stage.settle(playing="1")
    page.keyboard.press(" ")
    stage.settle(playing="0")
    page.keyboard.press("+")
    stage.until("player.querySelector('.rp-speed').value === '2'")
    page.keyboard.press("-")

    for place in (".rp-server", ".rp-lanes", "[data-act=next]", "[data-option=hurry]"):
        page.locator(place).first.focus()
        for key in ("i", "a", "y", "z", "j", "k", "0", "0"):
            page.keyboard.press(key)
    assert cells == page.locator(".jp-Notebook .jp-Cell").count()
    assert not page.locator(".jp-MarkdownCell").count()


def test_focus_shows_a_card_with_all_fields(stage: OpenPlayer) -> None:
    """A focused server or message shows its fields by their names in the code."""
    stage.root.locator(".rp-server").first.focus()
    assert "current_term" in stage.root.locator(".rp-card").inner_text()
    stage.step_from("next", stage.event)
    stage.root.locator("[data-message]").first.wait_for()
    stage.root.locator("[data-message]").first.focus()
    assert re.search(r"RequestVote[\s\S]*term\s+1", stage.root.locator(".rp-card").inner_text())
    stage.page.keyboard.press("Escape")

    assert not stage.root.locator(".rp-card").is_visible()


def test_everything_has_a_name(stage: OpenPlayer) -> None:
    """A screen reader finds the buttons, the slider, and every server with its role, term and log."""
    tree = stage.root.aria_snapshot()

    for name in ("Start", "Back", "Play", "Next", "End"):
        assert f'button "{name}"' in tree
    assert 'slider "Time"' in tree
    assert 'button "tom: follower, term 0; empty log"' in tree


def test_options_reach_the_drawing(stage: OpenPlayer) -> None:
    """Heartbeats can be hidden; on the time line, Page Down and Page Up lead to the next and the previous mark."""
    stage.press("end")
    hidden = "heartbeat of term"
    assert hidden in stage.root.locator(".rp-list").inner_text()
    stage.root.locator("[data-option=heartbeats]").uncheck()
    stage.until("!player.querySelector('.rp-list').innerText.includes(given)", f"a {hidden}")
    stage.root.locator("[data-option=heartbeats]").check()

    stage.press("start")
    lanes = stage.root.locator(".rp-lanes")
    lanes.press("PageDown")
    stage.until("player.querySelector('.rp-live').textContent.includes('becomes candidate')")
    assert "becomes candidate" in (lanes.get_attribute("aria-valuetext") or "")
    lanes.press("PageDown")
    stage.until("player.querySelector('.rp-live').textContent.includes('becomes leader')")
    lanes.press("PageUp")
    stage.until("player.querySelector('.rp-live').textContent.includes('becomes candidate')")


def test_running_the_cell_again_leaves_one_player(stage: OpenPlayer) -> None:
    """A removed player stops drawing; the new one plays by itself once it is seen, to the end of what is computed."""
    stage.press("play")
    stage.settle(playing="1")
    assert [] == run_all(stage.page)
    stage.pin_anew()
    stage.settle(playing="1")
    end = stage.root.locator(".rp-total").inner_text()
    stage.root.locator(".rp-speed").select_option("16")

    stage.settle(playing="0")
    assert end == stage.root.locator(".rp-total").inner_text()
    assert end.strip(" /s") == stage.root.locator(".rp-now").input_value()
    assert [] == stage.watched.complaints


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [860, 1280])
def test_it_can_be_read(
    open_notebook: Callable[..., Any], late_in_the_run: Path, tmp_path: Path, dark: bool, width: int
) -> None:  # fmt: skip
    """In both themes, and 700 pixels wide, labels do not overlap and nothing is cut off; a screenshot is kept."""
    stage = OpenPlayer(*open_notebook(late_in_the_run, dark=dark, width=width, height=1000, sidebar=False))
    stage.steady()
    player = stage.page.locator(".raft-player")
    player.screenshot(path=tmp_path / f"player-{'dark' if dark else 'light'}-{width}.png")
    boxes = stage.root.locator(".rp-ring .rp-name, .rp-ring .rp-words, .rp-ring .rp-shape").evaluate_all(BOXES)
    frame = stage.root.bounding_box()

    assert 3 <= len(boxes)
    assert "false" == stage.page.evaluate("document.body.dataset.jpThemeLight") if dark else True
    assert all(
        box and frame and frame["x"] <= box["x"] and box["x"] + box["width"] <= frame["x"] + frame["width"]
        for box in boxes
    )
    for place, a in enumerate(boxes):
        assert not any(_overlap(a, b) for b in boxes[place + 1 :])
    assert player.evaluate("(element) => element.scrollWidth <= element.clientWidth + 1")


def _overlap(a: Any, b: Any) -> bool:
    """Return whether two boxes share more than their edges."""
    wide = min(a["x"] + a["width"], b["x"] + b["width"]) - max(a["x"], b["x"])
    high = min(a["y"] + a["height"], b["y"] + b["height"]) - max(a["y"], b["y"])
    # A line of text is higher than its letters.
    return bool(wide > 1 and high > 0.4 * min(a["height"], b["height"]))


def test_reduced_motion_steps_without_gliding(open_notebook: Callable[..., Any], tmp_path: Path) -> None:
    """With reduced motion, the player opens paused and its steps jump; it shows what the cells below it do."""
    path = write_notebook(tmp_path / "calm.ipynb", RUN, "cluster.play()", "cluster.run(until=99)\ncluster.time")
    stage = OpenPlayer(*open_notebook(path, reduced_motion="reduce"))
    stage.until("player.querySelector('.rp-total').textContent.includes('99.00')")
    assert 0 == stage.time
    stage.press("next")

    stage.until("Number(player.dataset.time) >= 8")
    assert "0" == stage.root.get_attribute("data-playing")


def test_a_stored_player_is_a_picture(open_notebook: Callable[..., Any], tmp_path: Path) -> None:
    """A stored and normalised notebook that is opened without being run shows the static picture, not an error."""
    from raft_steps.lab.course.notebooks import refresh_one

    path = write_notebook(tmp_path / "06_stored.ipynb", RUN, "cluster.play()")
    assert not refresh_one(path).failure
    page, _ = open_notebook(path)
    picture = page.locator(".jp-OutputArea-output img")
    picture.wait_for()

    assert (picture.get_attribute("alt") or "").startswith("Player of step 6")
    assert 300 < picture.evaluate("(image) => image.naturalWidth")
    assert not page.locator("text=Error displaying widget").count()
