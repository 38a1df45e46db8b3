"""Tests of the live cluster in a real JupyterLab: every action on servers, messages and the cluster."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.player.in_browser.in_jupyterlab import write_notebook
from tests.player.in_browser.live_on_page import LiveOnPage

pytestmark = [pytest.mark.browser, pytest.mark.slow]

RUN = """
from raft_steps.lab.cluster.cluster import Cluster

cluster = Cluster(11, seed=1)
cluster.run(until=lambda: cluster.leader)
cluster.run(6)
"""


@pytest.fixture(scope="module")
def notebook(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write a notebook with a live cluster, which stays open for the tests of this file."""
    return write_notebook(tmp_path_factory.mktemp("notebooks") / "live.ipynb", RUN, "cluster.play()")


@pytest.fixture
def live(open_notebook: Callable[..., Any], notebook: Path) -> LiveOnPage:
    """Return a new cluster at the end of its run, with a leader and two followers."""
    live = LiveOnPage(*open_notebook(notebook))
    live.press_by_key("end")
    return live


def follower_of(live: LiveOnPage) -> str:
    """Return the name of a follower."""
    return next(name for name in ("tom", "jerry", "spike") if "follower" in live.words(name))


def leader_of(live: LiveOnPage) -> str:
    """Return the name of the leader."""
    return next(name for name in ("tom", "jerry", "spike") if "leader" in live.words(name))


def go_to_votes(live: LiveOnPage) -> None:
    """Move to the time at which a candidate has just requested votes."""
    live.press("start")
    live.settle(time="0.000000")
    live.step_from("next", live.event)
    live.message().wait_for(state="attached")


def test_a_server_crashes_and_restarts(live: LiveOnPage) -> None:
    """Crash and restart act on the selected server, in the picture and in Python; impossible actions are disabled."""
    name = follower_of(live)
    live.select(live.server(name))
    assert not live.allowed("restart")
    live.do("crash")

    assert live.words(name).startswith(f"{name}: down")
    assert f"{name} crashes" == live.said()
    assert [f"crash {name}"] == live.script()
    assert [name] == live.ask("[event.server for event in cluster.trace.of('crashed')]")
    assert not live.allowed("crash")
    assert not live.allowed("timeout")

    live.do("restart")
    assert live.words(name).startswith(f"{name}: follower")
    assert [f"crash {name}", f"restart {name}"] == live.script()
    assert 0 == live.branch()


def test_a_server_is_paused_and_goes_on(live: LiveOnPage) -> None:
    """Pause stops a server, and resume lets it continue."""
    name = follower_of(live)
    live.select(live.server(name))
    assert not live.allowed("resume")
    live.do("pause")
    assert "paused" in live.words(name)
    assert not live.allowed("pause")
    live.do("resume")

    assert "paused" not in live.words(name)


def test_a_server_times_out_now(live: LiveOnPage) -> None:
    """After a timeout, a follower becomes a candidate at once, in the next term, and requests votes."""
    name = follower_of(live)
    live.select(live.server(name))
    live.do("timeout")

    assert live.words(name).startswith(f"{name}: candidate, term 2; 1 of 3 votes")
    assert 2 == live.root.locator(".rp-picture .rp-kind-vote").count()
    assert "candidate" in live.root.locator(".rp-inspector .rp-title").inner_text()
    assert 0 < live.root.locator(".rp-fields .rp-fresh").count(), "what the last happening changed is marked"


def test_a_server_is_cut_off_and_the_network_heals(live: LiveOnPage) -> None:
    """Cut off isolates one server, and heal ends it. Both are disabled when they would change nothing."""
    name = leader_of(live)
    assert not live.allowed("heal")
    live.select(live.server(name))
    live.do("isolate")
    assert 1 == live.root.locator(".rp-picture .rp-wall").count()
    assert [f"partition {name}"] == live.script()
    assert not live.allowed("isolate")

    live.do("heal")
    assert 0 == live.root.locator(".rp-picture .rp-wall").count()


def test_a_partition_is_chosen_by_ticking(live: LiveOnPage) -> None:
    """The selected servers form one side; a click with Shift selects as well."""
    assert not live.allowed("partition")
    live.server("tom").click(modifiers=["Shift"])
    live.show("network")
    live.root.locator("[data-tick=jerry]").check()
    assert 2 == live.root.locator(".rp-picture .rp-chosen").count()
    live.do("partition")

    assert ["partition tom jerry"] == live.script()
    assert 1 == live.root.locator(".rp-picture .rp-wall").count()
    assert 0 == live.root.locator(".rp-picture .rp-chosen").count()


def test_a_line_across_the_picture_partitions(live: LiveOnPage) -> None:
    """The servers on the smaller side of a drawn line are cut off from the others."""
    box = live.root.locator(".rp-disc").bounding_box()
    assert box
    height = box["y"] + 0.4 * box["height"]  # tom is above it
    live.page.mouse.move(box["x"] - 20, height)
    live.page.mouse.down()
    live.page.mouse.move(box["x"] + box["width"] / 2, height, steps=3)
    live.page.mouse.move(box["x"] + box["width"] + 20, height, steps=3)
    live.done(live.page.mouse.up)

    assert ["partition tom"] == live.script()


def test_one_key_deposes_the_leader_and_one_splits_the_vote(live: LiveOnPage) -> None:
    """N cuts the leader off and lets another server time out; B lets all others time out at once."""
    name = leader_of(live)
    live.server(name).focus()
    live.done(lambda: live.key("n"))
    live.until("player.querySelectorAll('.rp-script code').length === 2")
    assert f"partition {name}" == live.script()[0]
    live.press("play")
    live.until("player.querySelector('.rp-sentence').innerText.includes('still believes that it leads')")
    live.press("play")

    live.again()
    live.press_by_key("end")
    live.server(name).focus()
    live.key("b")
    live.until("player.querySelector('.rp-sentence').innerText.includes('the vote is split')")


def test_a_message_is_held_doubled_and_dropped(live: LiveOnPage) -> None:
    """In the past, the first action starts a branch and the next ones continue it; each is shown at once."""
    go_to_votes(live)
    message = live.message()
    name = message.get_attribute("data-message") or ""
    live.select(message)
    live.do("hold")
    assert 1 == live.branch()
    assert "held back until" in live.said()
    live.do("duplicate")
    assert 1 == live.branch()
    assert 1 == live.root.locator("[data-message$=copy]").count()
    live.do("drop")

    assert [f"hold {name} 2", f"duplicate {name}", f"drop {name}"] == live.script()
    assert 1 <= live.root.locator(".rp-picture .rp-crossed").count()
    assert not live.allowed("drop")
    kinds = live.ask("[event.kind for event in cluster.trace if event.kind in ('held', 'doubled')]")
    assert ["held", "doubled"] == kinds


def test_one_direction_of_a_link_is_cut(live: LiveOnPage) -> None:
    """The link of a message can be cut, in its direction only."""
    go_to_votes(live)
    live.select(live.message())
    live.do("cut")

    assert 1 == live.root.locator(".rp-picture .rp-cut").count()
    assert not live.allowed("cut")
    assert live.allowed("heal")


def test_clients_ask(live: LiveOnPage) -> None:
    """A client sets, gets and deletes; its requests and answers are listed, and the logs have the entries."""
    live.show("client")
    live.root.locator("[aria-label=Key]").fill("the key")
    live.root.locator("[aria-label=Value]").fill("it's 5")
    live.do("ask")
    assert ["set 'the key' 'it'\"'\"'s 5'"] == live.script()
    live.press("end")
    live.until("player.querySelector('.rp-clients').innerText.includes('ok')")
    assert 1 <= live.root.locator(".rp-logs td", has_text="the key ← it's 5").count()

    live.show("client")
    live.root.locator("[aria-label='What the client asks']").select_option("get")
    assert not live.root.locator("[aria-label=Value]").is_visible()
    live.do("ask")
    live.press("end")
    live.until("player.querySelector('.rp-clients').innerText.includes(given)", "it's 5")
    live.root.locator("[aria-label='What the client asks']").select_option("delete")
    live.root.locator("[aria-label='Which server it asks']").select_option(follower_of(live))
    live.do("ask")
    live.press("end")
    live.until("player.querySelector('.rp-clients').innerText.includes('not the leader')")


def test_the_network_loses_and_delays(live: LiveOnPage) -> None:
    """Loss and delay are set from now on; the current values are disabled."""
    assert not live.allowed("loss")
    assert not live.allowed("delay")
    live.show("network")
    live.root.locator("[aria-label^='Share of the messages']").fill("25")
    live.do("loss")
    live.root.locator("[aria-label^='Longest time']").fill("2")
    live.do("delay")

    assert ["loss 0.25", "delay 0.2 2"] == live.script()
    assert not live.allowed("loss")
    assert not live.allowed("delay")
    live.press("start")
    live.until("player.querySelector(`[aria-label^='Share of the messages']`).value === '0'")


def test_playing_at_the_end_lets_the_run_go_on(live: LiveOnPage) -> None:
    """Playing does not stop at the end: Python extends the run in advance."""
    end = live.time
    live.press("play")
    live.until("Number(player.dataset.time) > given", end + 6)

    live.press("play")
    live.settle(playing="0")
    assert live.ask("cluster.time") > end + 6
    assert [] == live.script()


def test_stepping_at_the_end_lets_the_run_go_on(live: LiveOnPage) -> None:
    """Next finds the next event, however far the run must be extended for it."""
    end, event = live.time, live.event
    live.step_from("next", event)

    assert end < live.time


def test_python_moves_the_view(live: LiveOnPage) -> None:
    """The same verbs in Python are shown at once, and a cell that extends the run moves the player to its end."""
    name = follower_of(live)
    live.ask(f"cluster.crash('{name}')")
    live.until("player.querySelector('.rp-script').innerText.includes('crash')")
    live.until(f"player.querySelector('[data-server={name}]').getAttribute('aria-label').includes('down')")
    live.ask("cluster.run(20).time")

    live.until("Number(player.dataset.time) > given", 20)


def test_a_player_that_has_only_just_opened_stays(live: LiveOnPage) -> None:
    """When all cells run, those below a player extend its run, but the player stays at the time at which it opened."""
    live.page.emulate_media(reduced_motion="reduce")  # or else it would begin to play
    live.page.evaluate(
        "() => { const real = performance.now.bind(performance); performance.now = () => real() / 1000; }"
    )
    live.again()
    before, end = live.time, live.root.get_by_label("Time", exact=True).get_attribute("aria-valuemax")
    live.ask("cluster.run(20).time")
    live.until("Number(player.querySelector('[aria-label=Time]').ariaValueMax) > Number(given)", end)

    assert before == live.time
    live.page.evaluate("() => delete performance.now")
    live.page.emulate_media(reduced_motion="no-preference")


def test_reset_and_seed_begin_branches(live: LiveOnPage) -> None:
    """Reset starts a branch without actions; another seed repeats the actions with other random choices."""
    assert not live.allowed("reset")
    live.select(live.server(follower_of(live)))
    live.do("crash")
    live.do("reset")
    assert 1 == live.branch()
    assert [] == live.script()
    live.show("branches")
    live.root.locator("[aria-label=Seed]").fill("7")
    live.do("seed")

    assert 2 == live.branch()
    assert 7 == live.ask("cluster.scenario.seed")
    assert "seed 7" in live.root.locator("[data-branch='2']").inner_text()


def test_nothing_leaves_the_machine_and_nobody_complains(live: LiveOnPage) -> None:
    """After all these tests, no request has left the machine and the console is empty."""
    assert [] == live.watched.left
    assert [] == live.watched.complaints
