"""Tests of the live cluster: branches, the session, exports, pasted scenarios, and two threads at once."""

import contextlib
import os
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from raft_steps import node
from raft_steps.lab.cluster.cluster import Cluster
from raft_steps.lab.errors import NodeError, ScenarioError
from raft_steps.lab.node import Node
from raft_steps.lab.player.branches import MAX_BRANCHES
from raft_steps.lab.player.scenario_finder import find_scenario
from raft_steps.lab.runtime.simulator import simulation
from raft_steps.lab.scenario.scenario import Scenario
from tests.player.live_tools import LivePlayer, replayed

LINE = "raft-steps 1; step 6; servers tom jerry; seed 7; at 12 set 'a key' \"it's\"; until 30"


@pytest.fixture
def player() -> LivePlayer:
    """Return a live cluster that has run for 30 seconds."""
    return LivePlayer(Cluster(8, seed=1).run(30))


def branches(player: LivePlayer) -> list[dict[str, Any]]:
    """Return the branches as the browser lists them."""
    return list(player.frontend.live["branches"])


# Actions.


def test_action_at_the_end_continues_the_branch(player: LivePlayer) -> None:
    """An action at the end of the visible run stays on the branch, which runs for another chunk and is sent."""
    before = player.text(0)

    assert f"{player.cluster.leader} crashes" == player.act("crash leader", 30, seen=30)
    assert ["trace", "live", "answer"] == player.kinds()
    assert [0] == [branch["id"] for branch in branches(player)]
    assert (35.0, 35_000_000) == (player.cluster.time, player.frontend.ends_us[0])
    assert player.text(0).split("\n", 1)[1].startswith(before.split("\n", 1)[1])
    assert ["crash leader"] == [line["line"] for line in player.frontend.live["script"]]
    assert replayed(player, 0) == player.cluster.trace.to_text()


def test_action_in_the_past_branches(player: LivePlayer) -> None:
    """An action in the past starts a branch with the same events before it; the old branch does not change."""
    before = player.text(0)
    said = player.act("crash tom", 12, seen=30)

    assert "tom crashes; this is a new branch" == said
    assert before == player.text(0)
    assert (0, 12_000_000, "crash tom at 12 s") == tuple(
        branches(player)[1][name] for name in ("parent", "from", "last")
    )
    assert (1, 30.0) == (player.frontend.live["current"], player.cluster.time)
    trace = player.frontend.messages[0]
    assert (1, 0, None) == (trace["branch"], trace["parent"], trace["at"])
    shared = player.text(1).split("\n")[1 : trace["keep"] + 1]
    assert before.split("\n")[1 : trace["keep"] + 1] == shared
    assert trace["keep"] == sum(event.time_us < 12_000_000 for event in player.cluster.trace)
    assert replayed(player, 1) == player.cluster.trace.to_text()


def test_new_branch_runs_a_chunk_past_the_action(player: LivePlayer) -> None:
    """A branch that starts near the end runs further than the old one, so that there is something to see."""
    player.act("crash tom", 29, seen=30)

    assert 34.0 == player.cluster.time


def test_unseen_future_is_discarded(player: LivePlayer) -> None:
    """What nobody has seen, and no Python code has run, is replaced: the branch itself continues."""
    player.ask("extend", branch=0)
    player.ask("extend", branch=0)
    first = player.text(0).split("\n")
    said = player.act("pause tom", 33, seen=33)

    assert "tom is paused" == said
    assert [0] == [branch["id"] for branch in branches(player)]
    assert 40.0 == player.cluster.time
    keep = player.frontend.messages[0]["keep"]
    assert first[1 : keep + 1] == player.text(0).split("\n")[1 : keep + 1]
    assert keep < len(first) - 2
    assert replayed(player, 0) == player.cluster.trace.to_text()


def test_past_of_python_code_is_kept(player: LivePlayer) -> None:
    """What Python code has run is not discarded, even if nobody has seen it."""
    before = player.text(0)
    player.act("crash tom", 20, seen=3)

    assert 1 == player.current
    assert before == player.text(0)


def test_past_of_python_code_grows(player: LivePlayer) -> None:
    """What Python code runs after the player was opened is kept as well."""
    player.cluster.run(10)
    before = player.text(0)
    player.act("crash tom", 35, seen=30)

    assert (1, before) == (player.current, player.text(0))


def test_new_branch_keeps_actions_at_the_same_time(player: LivePlayer) -> None:
    """An earlier action at the same time, whose effect cannot be seen yet, comes first on the new branch as well."""
    player.act("drop tom>jerry#900", 30, seen=30)
    player.act("crash tom", 30, seen=35)

    assert ["drop tom>jerry#900", "crash tom"] == [line["line"] for line in player.frontend.live["script"]]
    assert replayed(player, 1) == player.cluster.trace.to_text()


def test_run_of_many_parts_can_be_branched(monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that took several calls, each within its event budget, can be run again in one call."""
    monkeypatch.setattr(simulation, "EVENT_BUDGET_RECORDED", 60)
    cluster = Cluster(8, seed=1)
    for _ in range(12):
        cluster.run(10)
    assert cluster._simulation.event_count > 120
    player = LivePlayer(cluster)

    assert "tom crashes; this is a new branch" == player.act("crash tom", 119, seen=120)
    assert 60 == cluster._simulation.event_budget


def test_past_of_a_new_branch_is_kept(player: LivePlayer) -> None:
    """What a new branch shares with the old one is never discarded: an action there starts another branch."""
    player.act("crash tom", 20, seen=30)
    second = player.text(1)
    player.act("crash jerry", 12, seen=0)

    assert (2, 1) == (player.current, branches(player)[2]["parent"])
    assert second == player.text(1)
    assert ["crash jerry"] == [line["line"] for line in player.frontend.live["script"]]


def test_scheduled_actions_of_python_code_survive_a_click(player: LivePlayer) -> None:
    """An action that Python code has scheduled still happens after a click before it, on the same branch."""
    player.cluster.restart("tom", at=50)
    player.act("crash tom", 30, seen=30)
    for _ in range(5):
        player.ask("extend", branch=0)

    assert [50.0] == [event.seconds for event in player.cluster.trace.of("restarted")]
    assert replayed(player, 0) == player.cluster.trace.to_text()


@pytest.mark.parametrize(
    "action, said",
    [
        ("crash tom jerry", "tom crashes; jerry crashes"),
        ("partition tom | jerry spike", "the network parts: tom | jerry spike"),
        ("heal", "the network heals"),
        ("restart tom", "restart tom: it is so already"),
        ("lose tom", "the disk of tom will lose what its next event writes"),
        ("drop tom>jerry#900", "tom>jerry#900 will not arrive"),
        ("hold tom>jerry#900 2", "hold tom>jerry#900: it is not on its way"),
        ("loss 0.25", "the network loses 25% of the messages"),
        ("delay 1 2.5", "messages take 1 to 2.5 s"),
        ("set x 'two words' to tom", "tom is asked by client#1: set x 'two words'"),
    ],
)
def test_answer_describes_what_happened(player: LivePlayer, action: str, said: str) -> None:
    """The answer to an action describes its result, in the words of the trace."""
    assert said == player.act(action, 30.000001, seen=30)


@pytest.mark.parametrize(
    "request_, complaint",
    [
        (
            {"do": "act", "branch": 0, "at": 0, "seen": 0, "action": "crsh tom"},
            "there is no action 'crsh'; did you mean",
        ),
        ({"do": "act", "branch": 0, "at": 0, "seen": 0, "action": "crash bob"}, "there is no server 'bob'"),
        ({"do": "act", "branch": 0, "at": 0, "seen": 0, "action": " "}, "the action is empty"),
        ({"do": "act", "branch": 0, "at": 0, "seen": 0, "action": "set 'x"}, "an open quotation mark"),
        ({"do": "act", "branch": 0, "at": -1, "seen": 0, "action": "heal"}, "is before the start"),
        ({"do": "act", "branch": 0, "at": 10**15, "seen": 0, "action": "heal"}, "is after the end of the run so far"),
        ({"do": "act", "branch": 0, "at": "now", "seen": 0, "action": "heal"}, "a live cluster cannot do this"),
        ({"do": "act", "branch": 7, "at": 0, "seen": 0, "action": "heal"}, "there is no branch 7; there are 0 to 0"),
        ({"do": "switch", "branch": -1}, "there is no branch -1"),
        ({"do": "fetch", "branch": None}, "there is no branch None"),
        ({"do": "extend"}, "a live cluster cannot do this"),
        ({"do": "dance"}, "a live cluster cannot do this"),
        ({"do": "seed", "seed": "seven"}, "a live cluster cannot do this"),
        ({"do": "paste", "text": "hello"}, "there is no scenario in this text"),
        ({"do": "paste", "text": "raft-steps 1; step 99; servers tom"}, "99"),
    ],
)
def test_invalid_request_is_answered(player: LivePlayer, request_: dict[str, Any], complaint: str) -> None:
    """An invalid request is answered with the reason, and changes nothing."""
    before = player.text(0)
    answer = player.ask(**request_)

    assert not answer["ok"]
    assert complaint in answer["said"]
    assert ["answer"] == player.kinds()
    assert (1, before) == (len(player.session.branches.all), player.cluster.trace.to_text())


@pytest.mark.parametrize("request_", [None, 3, [], "act", {"id": {}}, {"id": 1, "do": ["act"]}])
def test_nonsense_is_answered(player: LivePlayer, request_: Any) -> None:
    """Whatever a browser sends, it gets an answer."""
    player.session.answer(player.frontend, request_)

    assert [("answer", False)] == [(each["kind"], each["ok"]) for each in player.frontend.messages]


# Branches.


def test_switch_makes_a_branch_the_cluster(player: LivePlayer) -> None:
    """The cluster in Python is the current branch, with its time, its scenario and its nodes."""
    player.act("crash tom", 12, seen=30)
    player.cluster.run(10)
    assert "crash tom" in player.cluster.scenario.to_text()
    assert not player.cluster._host("tom").up

    answer = player.ask("switch", branch=0)

    assert "this is branch 0: the first run" == answer["said"]
    assert ["trace", "live", "answer"] == player.kinds()
    assert (30.0, ()) == (player.cluster.time, player.cluster.scenario.actions)
    assert player.cluster._host("tom").up
    player.cluster.crash("tom")
    assert (["crash tom"], 0) == ([line["line"] for line in player.frontend.live["script"]], player.current)
    player.ask("switch", branch=1)
    assert 40.0 == player.cluster.time


def test_fetch_sends_all_of_a_branch(player: LivePlayer) -> None:
    """A browser without any events of a branch can ask for all of them; others get no events, and nothing changes."""
    player.act("crash tom", 12, seen=30)
    other = player.open()
    other.messages.clear()
    player.ask("fetch", branch=0)

    assert 0 == player.frontend.messages[0]["keep"]
    assert player.lines(0) == player.frontend.held[0]
    assert ["live"] == other.messages
    assert 1 == player.current


def test_another_seed_is_a_branch(player: LivePlayer) -> None:
    """The same actions run with another seed, from the start."""
    player.act("crash leader", 30, seen=30)
    player.ask("seed", seed=5)

    assert ["crash leader"] == [line["line"] for line in player.frontend.live["script"]]
    assert (5, "seed 5", 0) == tuple(branches(player)[1][name] for name in ("seed", "name", "from"))
    assert replayed(player, 1) == player.cluster.trace.to_text()
    assert "seed 5;" in player.cluster.scenario.to_text()


def test_reset_removes_the_actions(player: LivePlayer) -> None:
    """Reset starts a branch without actions, unless there are no actions."""
    before = player.text(0)
    player.act("crash tom", 12, seen=30)
    player.ask("reset")

    assert [] == player.frontend.live["script"]
    assert before.split("\n")[1:] == player.text(2).split("\n")[1:]
    assert "there are no actions to remove" == player.ask("reset")["said"]
    assert 3 == len(player.session.branches.all)


@pytest.mark.slow
def test_number_of_branches_is_limited(player: LivePlayer) -> None:
    """A branch beyond the limit is refused, and the existing ones can still be used."""
    for number in range(1, MAX_BRANCHES):
        player.ask("seed", seed=number)
    answer = player.ask("seed", seed=0)

    assert not answer["ok"]
    assert f"there are {MAX_BRANCHES} branches" in answer["said"]
    assert not player.ask("act", branch=0, at=5, seen=10**7, action="heal")["ok"]
    assert player.ask("switch", branch=0)["ok"]


def test_branches_run_the_learner_s_node() -> None:
    """Branches of a cluster with a learner's class run that class; a pasted scenario that names a step runs the step."""

    class Patient(node(8)):  # type: ignore[misc]
        """A node that waits longer."""

        election_timeout_range = (60, 70)

    player = LivePlayer(Cluster(Patient, seed=1).run(30))
    player.act("crash tom", 12, seen=30)
    player.ask("seed", seed=3)
    assert {Patient} == {branch.simulation.node_class for branch in player.session.branches.all}
    assert {"Patient"} == {branch.trace.title for branch in player.session.branches.all}

    player.ask("paste", text="raft-steps 1; step 8; servers tom jerry spike; until 30")

    assert (node(8), "step 8") == (player.session.branches.current.simulation.node_class, player.cluster.trace.title)


def test_pasted_scenario_may_have_other_servers(player: LivePlayer) -> None:
    """A pasted run may have other servers; the browser gets their names, and the title of the run."""
    player.ask("paste", text="raft-steps 1; step 6; servers a b c d; until 20")
    message = player.frontend.messages[0]

    assert (["a", "b", "c", "d"], "step 6") == (message["servers"], message["title"])
    assert player.lines(1) == player.frontend.held[1]


def test_branch_with_another_past_is_reported() -> None:
    """If a node was changed by hand, a branch starts with other events than its parent, and the answer says so."""
    cluster = Cluster(8, seed=1).run(5)
    cluster.node("jerry").election_timeout = 1
    cluster.node("tom").current_term = 7
    player = LivePlayer(cluster.run(25))

    assert "its events before that time differ: was a node changed by hand" in player.act("crash tom", 28, seen=30)
    assert player.lines(1) == player.frontend.held[1]


# Errors in a node.


class Fragile(node(8)):  # type: ignore[misc]
    """A node that fails in its second election."""

    def on_election_timeout(self) -> None:
        if self.current_term:
            raise ValueError("not again")
        super().on_election_timeout()


@pytest.mark.parametrize("at, seen", [(30, 30), (20, 30), (33, 33)], ids=["at the end", "in the past", "unseen"])
def test_node_that_fails_leaves_everything_as_it_was(at: int, seen: int) -> None:
    """If a click makes a node fail, the answer names the handler and the error; no branch and no trace changes."""
    player = LivePlayer(Cluster(Fragile, seed=1).run(30))
    if at > 30:
        player.ask("extend", branch=0)
    follower = next(name for name in player.cluster.servers if name != player.cluster.leader)
    before, held = player.text(0), list(player.frontend.held[0])
    answer = player.ask("act", branch=0, at=at * 10**6, seen=seen * 10**6, action=f"timeout {follower}")

    assert not answer["ok"]
    assert answer["said"].startswith(f"{follower}'s on_election_timeout, at {at} s, raised ValueError: not again")
    assert ["answer"] == player.kinds()
    assert (1, before, held) == (len(player.session.branches.all), player.text(0), player.frontend.held[0])
    assert before == player.cluster.trace.to_text()
    assert "the network heals" == player.act("heal", 35, seen=35), "the branch cannot be used any more"
    assert replayed(player, 0) == player.text(0)


def test_node_that_fails_later_ends_the_branch() -> None:
    """If a node fails in the future of a branch, the branch ends less than a chunk before; every attempt to extend it says why."""
    player = LivePlayer(Cluster(Fragile, seed=1).run(30))
    player.act("crash leader", 30, seen=30)
    while player.ask("extend", branch=0)["ok"]:
        assert player.cluster.time < 60
    before = player.text(0)

    for _ in range(2):
        assert "not again" in player.ask("extend", branch=0)["said"]
    assert before == player.cluster.trace.to_text() == replayed(player, 0)
    assert not player.cluster.trace.of("failed")


def test_cluster_that_has_failed_can_be_played() -> None:
    """A run in which a node failed is shown with the failure; a branch from its past can avoid it."""
    cluster = Cluster(Fragile, seed=1)
    cluster.run(30)
    cluster.crash(cluster.leader or "")
    with pytest.raises(NodeError):
        cluster.run(60)
    player = LivePlayer(cluster)
    failed = len(cluster.trace.of("failed"))
    while player.ask("extend", branch=0)["ok"]:
        assert cluster.time < 90

    assert (1, 2) == (failed, len(cluster.trace.of("failed"))), (
        "a run with a failure cannot be repeated, so the second failure stays"
    )
    assert player.lines(0) == player.frontend.held[0]
    assert "the network heals; this is a new branch" == player.act("heal", 12, seen=cluster.time)
    assert not cluster.trace.of("failed")


# Exports, and pasted scenarios.


def run_text(text: str, **names: Any) -> dict[str, Any]:
    """Run exported Python code; a class given by name replaces its import from my_node."""
    lines = [line for line in text.split("\n") if not line.startswith("from my_node import")]
    exec(compile("\n".join(lines), "<export>", "exec"), names)
    return names


@pytest.fixture
def busy() -> LivePlayer:
    """Return a live cluster in which every verb was used, with arguments that are hard to quote."""
    player = LivePlayer(Cluster(8, seed=1, logs={"tom": "1 set a 'b c'"}, draws={"jerry": [9, 8.5]}).run(12))
    for number, action in enumerate(
        (
            "timeout tom", "hold tom>jerry#1 0.5", "duplicate tom>spike#1", "loss 0.1", "delay 0.2 0.50", "cut tom>jerry",
            "set 'a \"key\"' \"it's\" to tom", "get x", "delete x", "heal", "partition tom | jerry spike", "drop tom>spike#30",
            "pause jerry", "resume jerry", "lose spike", "crash leader", "restart crashed", "partition tom jerry | spike",
        )
    ):  # fmt: skip
        player.act(action, 12.3 + number, seen=12.3 + number)
    return player


@pytest.mark.parametrize("how", ["scenario", "python", "pytest"])
def test_export_pastes_back(busy: LivePlayer, how: str) -> None:
    """Each of the three exports, pasted, gives the same trace, byte for byte, on a new branch."""
    before = busy.cluster.trace.to_text()
    text = busy.frontend.live[how]
    busy.ask("paste", text=f"\n{text}\n" if how == "scenario" else text)

    assert ("pasted", before) == (branches(busy)[-1]["name"], busy.cluster.trace.to_text())


def test_exported_python_does_the_same(busy: LivePlayer) -> None:
    """The exported Python code builds the cluster, repeats every action, and gives the same trace, byte for byte."""
    text = busy.frontend.live["python"]

    assert busy.cluster.trace.to_text() == run_text(text)["cluster"].trace.to_text()
    assert (
        'Cluster(8, ["tom", "jerry", "spike"], seed=1, logs={"tom": ["1 set a \'b c\'"]}, draws={"jerry": [9, 8.5]})'
        in text
    )
    assert [line["python"] for line in busy.frontend.live["script"]] == [
        line for line in text.split("\n") if line.startswith("cluster.") and "run" not in line
    ]
    for call in (
        'cluster.hold("tom>jerry#1", 0.5, at=13.3)', 'cluster.cut("tom", "jerry", at=17.3)', "cluster.heal(at=21.3)",
        'cluster.set("a \\"key\\"", "it\'s", to="tom", at=18.3)', 'cluster.partition("tom", ["jerry", "spike"], at=22.3)',
        'cluster.delay(0.2, "0.50", at=16.3)',
    ):  # fmt: skip
        assert call in text


@pytest.mark.parametrize(
    "line",
    [
        "raft-steps 1; step 2; servers tom jerry spike; seed 4; at 3 set x 1; until 9",
        "raft-steps 1; step 2; servers a b; seed 4; leader b; until 9",
        "raft-steps 1; step 8; servers a b c; later c; seed 4; leader b; until 9",
        "raft-steps 1; step 8; servers a b c; timing paper; delay 0.001 0.01; spread long; loss 0.2; duplicate 0.1; until 2",
        "raft-steps 1; step 8; servers a b c; clock a 1.5; at 1 crash a; until 30",
        "raft-steps 1; step 1; servers s; at 1 set 'two\nlines' '\u2028'; until 3",
        "raft-steps 1; step 1; servers s; log s 1 'set x \"two\nlines\"'; at 1 get x; until 3",
    ],
)
def test_every_scenario_is_exported(line: str) -> None:
    """Whatever is in a scenario, its Python code and its test give the same trace, and all three exports can be pasted."""
    player = LivePlayer(Cluster.replay(line))
    text, python = player.cluster.trace.to_text(), player.session.state()["python"]

    assert text == run_text(python)["cluster"].trace.to_text()
    run_text(player.session.state()["pytest"])["test_run_is_as_it_was"]()
    for how in ("scenario", "python", "pytest"):
        assert player.ask("paste", text=player.session.state()[how])["ok"]
        assert text == player.cluster.trace.to_text()


def test_exported_test_passes_and_can_fail(busy: LivePlayer) -> None:
    """The exported test passes, and fails if the run changes: another seed, another event, a violated rule, another leader."""
    text = busy.frontend.live["pytest"]
    run_text(text)["test_run_is_as_it_was"]()

    leader = busy.cluster.leader
    for old, new in (
        ("seed 1;", "seed 2;"),
        ("at 21.3 heal", "at 21.300001 heal"),
        ("assert [", 'assert ["Log Matching", '),
        (f'"{leader}" == cluster.leader' if leader else "cluster.leader is None", '"nibbles" == cluster.leader'),
    ):
        changed = text.replace(old, new)
        assert changed != text
        with pytest.raises(AssertionError):
            run_text(changed)["test_run_is_as_it_was"]()


class Usurper(node(8)):  # type: ignore[misc]
    """A node that leads as soon as it starts."""

    def on_start(self) -> None:
        super().on_start()
        self.is_leader = True


def test_export_imports_a_learner_s_class() -> None:
    """The exports import a learner's class from its module, or say that it has to be put into one."""
    module_level, local = LivePlayer(Cluster(Usurper, 3)), LivePlayer(Cluster(type("Mine", (node(8),), {})))
    local.cluster._simulation.node_class.__module__ = "__main__"

    state = module_level.session.state()
    assert "from tests.player.test_session import Usurper  # " in state["python"]
    assert "cluster = Cluster(Usurper, [" in state["python"]
    assert "Cluster.replay(SCENARIO, Usurper)" in state["pytest"]
    run_text(state["pytest"])["test_run_is_as_it_was"]()
    local.cluster.heal()
    assert (
        "from my_node import Mine  # your own class: put it into a file my_node.py" in local.session.state()["python"]
    )


@pytest.mark.parametrize("verb", ["timeout", "run"])
def test_exported_test_of_a_failure_expects_it(verb: str) -> None:
    """The exported test of a failure passes while the node fails, and fails once the node is fixed."""
    cluster = Cluster(Fragile, seed=1).run(30)
    leader = cluster.leader or ""
    if verb == "run":
        cluster.crash(leader)
    follower = next(name for name in cluster.servers if name != leader)
    with pytest.raises(NodeError):
        cluster.run(60) if verb == "run" else cluster.timeout(follower)
    text = LivePlayer(cluster).session.state()["pytest"]
    fixed = "from raft_steps.step_08_election_timeout_reset import Node as Fragile"

    run_text(text)["test_node_fails_as_it_did"]()
    with pytest.raises(pytest.fail.Exception):
        run_text(text.replace("from tests.player.test_session import Fragile", fixed))["test_node_fails_as_it_did"]()


@pytest.mark.parametrize(
    "text",
    [
        LINE,
        f"  {LINE}  \n",
        f"Here is what I saw:\n\n{LINE}\n\nIs that right?",
        f"# {LINE}\ncluster = Cluster(6)",
        f"cluster = Cluster.replay({LINE!r})",
        f"replay(\n    {LINE[:40]!r}\n    {LINE[40:]!r}\n)",
        Scenario.parse(LINE).to_json(),
        f"it is {LINE}",
        f"not a scenario: raft-steps for beginners\n{LINE}",
    ],
)
def test_scenario_is_found_in_any_text(text: str) -> None:
    """A scenario is found on a line, in a comment, in a Python string, as JSON, and within a sentence."""
    assert Scenario.parse(LINE) == find_scenario(text)


@pytest.mark.parametrize(
    "text, complaint",
    [
        ("", "there is no scenario in this text"),
        ("def f(:", "there is no scenario in this text"),
        ("raft-steps 1; step 6; servrs tom", "no part 'servrs'"),
        ("raft-steps 2; step 6; servers tom", "version 2"),
        ("x" * 1_000_001, "too long"),
    ],
)
def test_text_without_a_scenario_is_refused(text: str, complaint: str) -> None:
    """A text without a scenario, or with an invalid one, is refused with the reason."""
    with pytest.raises(ScenarioError, match=complaint):
        find_scenario(text)


# The state of the session.


def test_violation_names_its_event() -> None:
    """A violation is listed with the number of the event that caused it."""
    player = LivePlayer(Cluster(Usurper, 3).run(5))
    first = player.frontend.live["violations"][0]
    event = player.cluster.trace.events[first["event"]]

    assert ("Election Safety", 0, 12) == (first["rule"], first["time"], first["step"])
    assert ("jerry", "role", "leader") == (event.server, event.kind, event["role"])
    assert ["jerry", "tom"] == first["servers"]
    assert first["text"].startswith("jerry leads in term 0, and tom has led in it since 0 s")
    assert ["Election Safety"] == [violation.rule.name for violation in player.cluster.violations]


def test_violations_belong_to_their_branch() -> None:
    """A branch lists its own violations: a four-server cluster with a partition, and the same without it."""
    player = LivePlayer(Cluster(6, 4, seed=1).run(30))
    assert [] == player.frontend.live["violations"]
    leader = player.cluster.leader
    player.act(f"partition {leader}", 25, seen=30)
    for _ in range(40):
        player.ask("extend", branch=1)
    rules = {each["rule"] for each in player.frontend.live["violations"]}
    plain = Cluster.replay(player.cluster.scenario)
    player.ask("switch", branch=0)

    assert {violation.rule.name for violation in plain.violations} == rules
    assert [] == player.frontend.live["violations"]


class Strange(Node):
    """A node whose term cannot be compared."""

    current_term: Any = None

    def on_start(self) -> None:
        self.current_term = object
        self.start_timer("work", 1)

    def on_work_timeout(self) -> None:
        self.is_leader = True
        self.start_timer("work", 1)

    is_leader: Any = "perhaps"


def test_strange_node_can_be_played() -> None:
    """A node that has nothing to do with Raft runs and branches like any other, without violations."""
    player = LivePlayer(Cluster(Strange, 2).run(5))
    player.act("crash tom", 3, seen=5)

    assert (1, False) == (player.current, player.frontend.live["clients"])
    assert replayed(player, 1) == player.cluster.trace.to_text()


def test_state_holds_the_initial_network(player: LivePlayer) -> None:
    """Loss and delay are those at the start, because events hold later changes; the chunk is a heartbeat interval."""
    player.act("loss 0.25", 30, seen=30)
    player.act("delay 1 2.5", 31, seen=31)
    live = player.frontend.live
    assert (0.0, [0.2, 0.3], 5_000_000, True) == tuple(live[name] for name in ("loss", "delay", "chunk", "clients"))

    fast = LivePlayer(Cluster(8, timing="paper", network={"loss": 0.1, "delay": (0.5, 1)})).frontend.live
    assert (0.1, [0.5, 1], 50_000) == tuple(fast[name] for name in ("loss", "delay", "chunk"))


def test_python_code_moves_the_player(player: LivePlayer) -> None:
    """A verb in Python sends the new events and the time to move to; without a request, there is no answer."""
    player.cluster.crash("tom")
    player.cluster.run(10)

    assert ["trace", "live", "trace", "live"] == player.kinds()
    assert [30_000_000, 40_000_000] == [each["at"] for each in player.frontend.messages if each != "live"]
    assert player.text(0).encode() == player.frontend.trace
    assert player.frontend.trace.split(b"\n")[1:-1] == player.frontend.held[0]
    assert ["crash tom"] == [line["line"] for line in player.frontend.live["script"]]


def test_all_players_of_a_cluster_see_the_same(player: LivePlayer) -> None:
    """All open players get the changes made in one, even those opened later, which have fewer branches."""
    player.act("crash tom", 12, seen=30)
    late, closed = player.open(), player.open()
    closed.is_open = False
    player.act("crash jerry", 14, seen=30)
    player.ask("switch", branch=0)
    player.act("crash spike", 5, seen=30)

    for frontend in (player.frontend, late):
        assert player.lines(3) == frontend.held[3]
        assert (3, player.text(3).encode()) == (frontend.live["current"], frontend.trace)
    assert [] == closed.messages


def test_reloaded_page_gets_whole_traces(player: LivePlayer) -> None:
    """A browser that asks for all of the state has lost the other branches, so it is not asked to keep their events."""
    player.act("crash tom", 12, seen=30)
    player.session.on_state_request(player.frontend)
    player.frontend.held = {1: player.frontend.held[1]}
    player.act("crash jerry", 14, seen=30, branch=0)

    assert 0 == player.frontend.messages[0]["keep"]
    assert player.lines(2) == player.frontend.held[2]


IN_CELLS = """
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
for cell in (
    "import sys; sys.path.insert(0, {tests!r})",
    "from tests.player.live_tools import LivePlayer; from raft_steps.lab.cluster.cluster import Cluster",
    "player = LivePlayer(Cluster(8, seed=1).run(30)); cluster = player.cluster; cluster.run(1)",
    "before = player.kinds(); player.frontend.messages.clear()",
    "cluster.crash('tom'); cluster.run(5); cluster.restart('tom'); cluster.run(5); within = player.kinds()",
    "after = player.kinds(); player.frontend.messages.clear(); answer = player.act('crash jerry', 41, seen=41)",
    "cluster.run(5); answered = player.act('heal', 46, seen=46); both = player.kinds()",
    "whole = player.lines(0) == player.frontend.held[0]",
):
    result = shell.run_cell(cell)
    assert result.success, result.error_in_exec
names = shell.user_ns
names["player"].frontend.messages.clear()
names["cluster"].run(1)
print(names["player"].kinds() == ["trace", "live"], names["before"], names["within"], names["after"], names["both"], names["whole"])
"""


@pytest.mark.slow
def test_changes_of_a_cell_are_sent_at_its_end(tmp_path: Path) -> None:
    """In a notebook, the changes made by a cell are sent once, at its end, or earlier if a player sends a request.

    Changes between cells, made by another widget, are sent at once.
    """
    text = IN_CELLS.format(tests=str(Path(__file__).parents[2]))
    variables = {"IPYTHONDIR": str(tmp_path)}
    answer = subprocess.run(
        [sys.executable, "-c", text],
        env=os.environ | variables,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )

    once = ["trace", "live"]
    assert f"True {once} [] {once} {[*once, *once, 'answer']} True" == answer.stdout.strip().split("\n")[-1], (
        answer.stderr
    )


# Everything together.

CLICKS = st.sampled_from(
    ["crash tom", "restart crashed", "crash leader", "timeout jerry", "partition tom | jerry spike", "heal", "set x 1", "get x",
     "hold tom>jerry#3 2", "duplicate tom>jerry#4", "drop jerry>tom#2", "loss 0.3", "delay 0.1 3", "pause spike", "resume spike"]
)  # fmt: skip
REQUESTS = st.lists(
    st.tuples(st.just("act"), st.floats(0, 1), st.floats(0, 1), CLICKS)
    | st.tuples(st.sampled_from(["extend", "switch", "fetch"]), st.integers(0, 5))
    | st.tuples(st.just("seed"), st.integers(0, 3))
    | st.tuples(st.sampled_from(["reset", "paste", "python", "reload"])),
    max_size=8,
)


def request(player: LivePlayer, asked: tuple[Any, ...]) -> None:
    """Send a request that this browser could send with the branches that it has."""
    do, *words = asked
    branches_ = player.session.branches.all
    if do == "act":
        number = player.current
        end = branches_[number].end_us
        at, seen = round(words[0] * end), round(words[1] * end)
        player.ask("act", branch=number, at=at, seen=max(seen, at), action=words[2])
    elif do == "python":
        player.cluster.crash("tom")
        player.cluster.run(3)
    elif do == "reload":
        player.session.on_state_request(player.frontend)
        player.frontend.held = {player.current: player.frontend.held[player.current]}
    elif do == "paste":
        player.ask("paste", text=player.frontend.live["pytest"])
    elif do == "seed":
        player.ask("seed", seed=words[0])
    elif do == "reset":
        player.ask("reset")
    else:
        player.ask(do, branch=words[0] % len(branches_))


@pytest.mark.slow
@settings(deadline=None, max_examples=60)
@given(seed=st.integers(0, 20), asked=st.lists(REQUESTS, min_size=1, max_size=1).map(lambda lists: lists[0]))
def test_any_requests_keep_branches_consistent(seed: int, asked: list[tuple[Any, ...]]) -> None:
    """After any requests, each branch equals the run of its scenario, and the browser and the cluster have the same.

    Only the branch that a request is about may change.
    """
    player = LivePlayer(Cluster(8, seed=seed).run(20))
    for each in asked:
        before = [player.text(branch.number) for branch in player.session.branches.all]
        current = player.current
        request(player, each)
        for number, text in enumerate(before):
            assert number == current or each[0] == "extend" or text == player.text(number)
        assert player.cluster.trace.to_text() == player.text(player.current)
        assert player.text(player.current).encode() == player.frontend.trace
        for number, lines in player.frontend.held.items():
            assert player.lines(number) == lines
    for branch in player.session.branches.all:
        assert replayed(player, branch.number) == player.text(branch.number)


@pytest.mark.slow
def test_two_threads_at_once() -> None:
    """Clicks arrive on another thread while a cell uses the cluster: a hundred times both at once, and nothing is lost.

    Whatever the order, the cluster's scenario gives the same trace again, byte for byte, and the browser has it.
    """
    for seed in range(10):
        player = LivePlayer(Cluster(8, seed=seed).run(10))
        failures: list[BaseException] = []
        for number in range(10):
            start = threading.Barrier(2)
            clicking = threading.Thread(target=click, args=(player, start, number, failures))
            clicking.start()
            with taking_turns():
                start.wait()
                work(player.cluster, number)
                clicking.join()
            current = player.current
            assert [] == failures
            assert Cluster.replay(player.cluster.scenario).trace.to_text() == player.cluster.trace.to_text()
            assert player.lines(current) == player.frontend.held[current]
        assert len(player.session.branches.all) > 3
        assert all(replayed(player, branch.number) == branch.trace.to_text() for branch in player.session.branches.all)


@contextlib.contextmanager
def taking_turns() -> Iterator[None]:
    """Let two threads take turns even within a verb."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-4)  # seconds
    try:
        yield
    finally:
        sys.setswitchinterval(interval)


def work(cluster: Cluster, number: int) -> None:
    """Do what a cell does: act, run, read."""
    cluster.crash("tom")
    cluster.run(0.5)
    cluster.restart("tom")
    cluster.run(until=cluster.time + 0.5)
    if number % 5 == 0:
        cluster.story(start=cluster.time - 1)


def click(player: LivePlayer, start: threading.Barrier, number: int, failures: list[BaseException]) -> None:
    """Do what a player does meanwhile: act in the past, extend, or act at what it believes to be the end."""
    try:
        start.wait()
        if number % 3 == 0:
            at = round(player.cluster.time * 0.8e6)
            asked = {"do": "act", "branch": player.current, "at": at, "seen": at, "action": "pause jerry"}
        elif number % 3 == 1:
            asked = {"do": "extend", "branch": player.current}
        else:
            at = round(player.cluster.time * 1e6)
            asked = {"do": "act", "branch": player.current, "at": at, "seen": 0, "action": "resume jerry"}
        player.session.answer(player.frontend, {"id": number} | asked)
        answer = next(
            each for each in reversed(player.frontend.messages) if each != "live" and each["kind"] == "answer"
        )
        assert (number, True) == (answer["id"], answer["ok"]), answer
    except BaseException as error:  # noqa: BLE001  # Whatever it was, the test fails with it.
        failures.append(error)


@pytest.mark.slow
def test_answer_comes_soon() -> None:
    """The median time from a request to its answer is less than 15 ms of CPU time in a typical cluster."""
    player = LivePlayer(Cluster(8, seed=1).run(60))
    taken = []
    for number in range(30):
        begin = time.process_time()
        player.ask("act", branch=0, at=(10 + number) * 10**6, seen=60 * 10**6, action="crash leader")
        taken.append(time.process_time() - begin)

    assert statistics.median(taken) < 0.015


def test_replay_with_another_node_is_exported_with_that_node() -> None:
    """A step's scenario that is replayed with another Node is exported with that Node, and a paste runs it again."""
    line = "raft-steps 1; step 7; servers tom jerry spike; seed 1; leader tom; at 6 crash tom; until 40"
    player = LivePlayer(Cluster.replay(line, Usurper))
    digest, state = player.cluster.trace.digest(), player.session.state()

    assert "step 7" not in state["scenario"]
    assert digest == run_text(state["python"])["cluster"].trace.digest()
    run_text(state["pytest"])["test_run_is_as_it_was"]()
    assert player.ask("paste", text=state["scenario"])["ok"]
    assert digest == player.cluster.trace.digest()
