"""Tests of branches in a real JupyterLab: starting, switching, comparing, exporting and pasting."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from raft_steps.lab.cluster.cluster import Cluster
from tests.player.in_browser.in_jupyterlab import ROOT, within, write_notebook
from tests.player.in_browser.live_on_page import LiveOnPage

pytestmark = [pytest.mark.browser, pytest.mark.slow]

RUN = """
from raft_steps.lab.cluster.cluster import Cluster

cluster = Cluster(11, 4, seed=2)
cluster.run(30)
"""
# A term that is a text cannot be compared with that of another server.
UNJUDGED = """\
from raft_steps.lab import Cluster
from raft_steps.lab.node import Node


class Odd(Node):
    current_term: object = 0

    def on_start(self) -> None:
        self.start_timer("work", 1)

    def on_work_timeout(self) -> None:
        self.current_term = "second"


cluster = Cluster(Odd, 2).run(5)
"""
# Two leaders in one term: in step 8, half of the votes are enough.
BROKEN = """
from raft_steps.lab.cluster.cluster import Cluster

draws = {"tom": [8], "jerry": [8], "spike": [18], "tyke": [18]}
cluster = Cluster(8, 4, seed=2, draws=draws)
cluster.run(12)
"""
ALLOW_CLIPBOARD = "() => { delete navigator.clipboard.writeText; }"
REFUSE_CLIPBOARD = "() => { navigator.clipboard.writeText = () => Promise.reject(new Error('no')); }"
STOP_KERNEL = "async () => { await window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.shutdown(); }"


@pytest.fixture(scope="module")
def notebook(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write a notebook with a live cluster, which stays open for the tests of this file."""
    return write_notebook(tmp_path_factory.mktemp("notebooks") / "branches.ipynb", RUN, "cluster.play()")


@pytest.fixture
def live(open_notebook: Callable[..., Any], notebook: Path) -> LiveOnPage:
    """Return a new cluster that has run for 30 seconds, shown in the middle of its run."""
    live = LiveOnPage(*open_notebook(notebook, permissions=["clipboard-read", "clipboard-write"]))
    live.scrub(15)
    live.settle(time="15.000000")
    return live


def crash(live: LiveOnPage, name: str = "tom") -> None:
    """Crash a server at the time that is shown."""
    live.select(live.server(name))
    live.do("crash")


def test_acting_in_the_past_forks_and_one_can_return(live: LiveOnPage) -> None:
    """An action in the past shows a new branch, and the first branch is unchanged when it is selected again."""
    before = live.ask("cluster.trace.digest()")
    crash(live)
    assert 1 == live.branch()
    assert ["crash tom"] == live.script()
    assert live.ask("cluster.trace.digest()") != before
    assert live.words("tom").startswith("tom: down")
    listed = live.root.locator("[data-branch='1']").inner_text()
    assert "left 0 at 15 s" in listed
    assert "crash tom" in listed

    live.show("branches")
    live.done(lambda: live.root.locator("[data-switch='0']").click())
    assert 0 == live.branch()
    assert not live.words("tom").startswith("tom: down")
    assert [] == live.script()
    assert before == live.ask("cluster.trace.digest()")
    assert 15.0 == pytest.approx(live.time, abs=0.001)


def test_acting_at_the_front_goes_on_with_the_branch(live: LiveOnPage) -> None:
    """A future that nobody has seen can be replaced: a second action on a new branch does not start a third one."""
    crash(live)
    live.select(live.server("jerry"))
    live.do("crash")

    assert 1 == live.branch()
    assert ["crash tom", "crash jerry"] == live.script()
    assert 2 == live.root.locator(".rp-branches [data-branch]").count()


def test_two_branches_are_compared(live: LiveOnPage) -> None:
    """Comparison shows two rings at the same time, and lists the differences; one scrubber moves both."""
    crash(live)
    live.show("branches")
    live.root.locator("[data-compare='0']").click()
    live.until("!player.querySelector('.rp-compared').hidden")
    other = live.root.locator(".rp-compared [data-server=tom]")
    assert not (other.get_attribute("aria-label") or "").startswith("tom: down")
    assert "tom" in live.root.locator(".rp-differing tr", has_text="Down").inner_text()

    live.scrub(1)
    live.until("player.querySelector('.rp-differing').innerText.includes('both are the same')")
    live.show("branches")
    live.root.locator("[data-compare='0']").click()
    live.until("player.querySelector('.rp-compared').hidden")


@pytest.mark.parametrize("kind", ["scenario", "python", "pytest"])
def test_a_copy_that_is_pasted_back_is_the_same_run(live: LiveOnPage, kind: str) -> None:
    """Each export, pasted, gives the identical trace, and the scenario also gives it outside the player."""
    crash(live)
    live.show("script")
    live.root.locator(f"[data-copy={kind}]").click()
    live.until("player.querySelector('.rp-said').innerText.startsWith('Copied')")
    text = live.page.evaluate("() => navigator.clipboard.readText()")
    digest, scenario = live.ask("[cluster.trace.digest(), cluster.scenario.to_text()]")
    live.show("branches")
    live.done(lambda: live.root.locator("[data-switch='0']").click())
    live.show("script")
    live.root.locator(".rp-script textarea").fill(text)
    live.do("paste")

    assert 2 == live.branch()
    assert scenario == live.ask("cluster.scenario.to_text()")
    assert digest == live.ask("cluster.trace.digest()")
    assert ["crash tom"] == live.script()
    if kind == "scenario":
        assert digest == Cluster.replay(text).trace.digest()


def test_the_copied_test_passes(live: LiveOnPage, tmp_path: Path) -> None:
    """The copied pytest module runs unchanged, and passes."""
    crash(live)
    live.show("script")
    live.root.locator("[data-copy=pytest]").click()
    live.until("player.querySelector('.rp-said').innerText.startsWith('Copied')")
    path = tmp_path / "test_copied.py"
    path.write_text(live.page.evaluate("() => navigator.clipboard.readText()"), encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(path)]
    plain = os.environ | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}  # A learner has none of the course's plugins.
    answer = subprocess.run(command, cwd=ROOT, env=plain, capture_output=True, text=True, check=False, timeout=120)

    assert 0 == answer.returncode, answer.stdout


def test_without_a_clipboard_the_text_is_selected(live: LiveOnPage) -> None:
    """If the browser refuses to copy, the text stays selected in the field, with a message."""
    live.page.evaluate(REFUSE_CLIPBOARD)
    live.show("script")
    live.root.locator("[data-copy=scenario]").click()
    live.until("player.querySelector('.rp-said').innerText.includes('by hand')")

    assert live.page.evaluate("() => document.getSelection().toString()").startswith("raft-steps 1;")
    live.page.evaluate(ALLOW_CLIPBOARD)


def test_nonsense_is_refused_in_words(live: LiveOnPage) -> None:
    """A text that is not a scenario changes nothing, and the error is shown."""
    live.show("script")
    live.root.locator(".rp-script textarea").fill("crash everything")
    live.do("paste")

    assert 0 == live.branch()
    assert live.said()
    assert "crash everything" == live.root.locator(".rp-script textarea").input_value()


def test_another_cluster_can_be_pasted(live: LiveOnPage) -> None:
    """A scenario with other servers and another step is drawn with those servers; going back shows the old ones."""
    other = "raft-steps 1; step 6; servers ann bob cid dan eve; seed 5; at 20 crash leader; until 40"
    live.show("script")
    live.root.locator(".rp-script textarea").fill(other)
    live.do("paste")
    assert ["ann", "bob", "cid", "dan", "eve"] == live.root.locator(".rp-picture .rp-name").all_text_contents()
    assert ["crash leader"] == live.script()
    live.press("end")
    live.select(live.server("bob"))
    live.until("player.querySelector('.rp-inspector .rp-title').textContent.startsWith('bob')")

    live.show("branches")
    live.done(lambda: live.root.locator("[data-switch='0']").click())
    assert ["tom", "jerry", "spike", "tyke"] == live.root.locator(".rp-picture .rp-name").all_text_contents()
    assert [] == live.watched.complaints


def test_another_cluster_can_be_pasted_while_messages_move(live: LiveOnPage) -> None:
    """A run of other servers can replace one that is playing, though its trace has none of the messages in flight."""
    live.show("script")
    live.root.locator(".rp-script textarea").fill("raft-steps 1; step 6; servers ann bob cid; seed 5; until 40")
    live.press("start")
    live.step_from("next", live.event)
    live.message().wait_for(state="attached")
    live.server("tom").focus()
    for _ in range(4):
        live.key("-")  # So slow that the messages are still in flight when the trace arrives.
    live.key(" ")
    live.settle(playing="1")
    live.done(lambda: live.root.locator("[data-act=paste]").press("Enter"))

    assert ["ann", "bob", "cid"] == live.root.locator(".rp-picture .rp-name").all_text_contents()
    live.settle(branch="1", playing="0")
    assert [] == live.watched.complaints


def test_a_second_view_shows_the_same(live: LiveOnPage) -> None:
    """A second view of the same player shows the same branch, and the first one continues."""
    crash(live)
    script = live.script()
    within(live.page, "async () => window.jupyterapp.commands.execute('notebook:create-output-view')")
    live.page.wait_for_function("document.querySelectorAll('.rp[data-ready]').length === 2")
    views = live.page.locator(".rp[data-ready]")

    assert [script, script] == [view.locator(".rp-script code").all_inner_texts() for view in views.all()]
    live.page.keyboard.press("Escape")
    within(live.page, "async () => window.jupyterapp.shell.currentWidget.close()")


def test_a_broken_property_is_a_banner_that_leads_to_its_moment(
    open_notebook: Callable[..., Any], tmp_path: Path
) -> None:  # fmt: skip
    """The banner appears with the violation, not before; V and the banner lead to its time."""
    path = write_notebook(tmp_path / "broken.ipynb", BROKEN, "cluster.play()")
    live = LiveOnPage(*open_notebook(path))
    banner = live.root.locator(".rp-alarm")
    assert not banner.is_visible()
    live.press("jump-violation")
    live.until("!player.querySelector('.rp-alarm').hidden")
    moment = live.time
    assert "Election Safety" in banner.inner_text()
    assert 2 == live.root.locator(".rp-picture .rp-leader").count()

    live.press("end")
    live.until("Number(player.dataset.time) > given", moment)
    live.press("violation")
    live.settle(time=f"{moment:.6f}")


def test_banner_states_that_a_run_cannot_be_judged(open_notebook: Callable[..., Any], tmp_path: Path) -> None:
    """Without a verdict on the properties there is a banner with the reason, and no moment to go to."""
    path = write_notebook(tmp_path / "odd.ipynb", UNJUDGED, "cluster.play()")
    live = LiveOnPage(*open_notebook(path))
    live.until("!player.querySelector('.rp-alarm').hidden")
    banner = live.root.locator(".rp-alarm")

    assert "Could not be judged: the properties of Raft cannot be checked from event" in banner.inner_text()
    assert not banner.locator("button").is_visible()


def test_without_a_kernel_it_plays_and_says_so(open_notebook: Callable[..., Any], tmp_path: Path) -> None:
    """Without a kernel, an action changes nothing and shows the reason; playing still works up to the end."""
    path = write_notebook(tmp_path / "gone.ipynb", RUN, "cluster.play()")
    live = LiveOnPage(*open_notebook(path))
    live.scrub(15)
    live.select(live.server("tom"))
    within(live.page, STOP_KERNEL)
    live.do("crash")

    assert "nothing was changed" in live.said()
    assert not live.words("tom").startswith("tom: down")
    assert json.dumps(live.script()) == "[]"
    event = live.event
    live.step_from("next", event)
