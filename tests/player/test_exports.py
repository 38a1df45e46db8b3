"""Tests of the exports of a branch: a line, Python code and a test, each of which gives the same run."""

from typing import Any

import pytest

from raft_steps import node
from raft_steps.lab.cluster.cluster import Cluster
from raft_steps.lab.errors import NodeError
from raft_steps.lab.player.exports import EXPORTS
from tests.player.live_tools import Fragile, LivePlayer, Usurper


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
            "pause jerry", "resume jerry", "snapshot tom jerry", "lose spike", "crash leader", "restart crashed", "partition tom jerry | spike",
        )
    ):  # fmt: skip
        player.act(action, 12.3 + number, seen=12.3 + number)
    return player


@pytest.mark.parametrize("how", ["scenario", "python", "pytest"])
def test_export_pastes_back(busy: LivePlayer, how: str) -> None:
    """Each of the three exports, pasted, gives the same trace, byte for byte, on a new branch."""
    before = busy.cluster.trace.to_text()
    text = busy.copied(how)
    busy.ask("paste", text=f"\n{text}\n" if how == "scenario" else text)

    assert ("pasted", before) == (busy.branches()[-1]["name"], busy.cluster.trace.to_text())


def test_exported_python_does_the_same(busy: LivePlayer) -> None:
    """The exported Python code builds the cluster, repeats every action, and gives the same trace, byte for byte."""
    text = busy.copied("python")

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
        "raft-steps 1; step 13; servers a b c; seed 4; at 20 retry append x 'a b' as ann to b; at 21 retry get x; until 30",
        "raft-steps 1; step 13; servers a b c; seed 4; at 20 open session; at 21 cas x 1 2 as 2.1 to a; at 22 transfer b; until 30",
        "raft-steps 1; step 13; servers a b c d; members a b; seed 4; at 20 members a,c; at 21 retry add d to a; at 22 remove c; until 30",
        "raft-steps 1; step 2; servers tom jerry spike; seed 4; at 3 set x 1; until 9",
        "raft-steps 1; step 2; servers a b; seed 4; leader b; until 9",
        "raft-steps 1; step 8; servers a b c; later c; seed 4; leader b; until 9",
        "raft-steps 1; step 8; servers a b c; timing paper; delay 0.001 0.01; spread long; loss 0.2; duplicate 0.1; until 2",
        "raft-steps 1; step 8; servers a b c; at 1 delay .001 .01; until 9",
        "raft-steps 1; step 8; servers a b c; clock a 1.5; at 1 crash a; until 30",
        "raft-steps 1; step 1; servers s; at 1 set 'two\nlines' '\u2028'; until 3",
        "raft-steps 1; step 1; servers s; log s 1 'set x \"two\nlines\"'; at 1 get x; until 3",
    ],
)
def test_every_scenario_is_exported(line: str) -> None:
    """Whatever is in a scenario, its Python code and its test give the same trace, and all three exports can be pasted."""
    player = LivePlayer(Cluster.replay(line))
    text, python = player.cluster.trace.to_text(), player.copied("python")

    assert text == run_text(python)["cluster"].trace.to_text()
    run_text(player.copied("pytest"))["test_run_is_as_it_was"]()
    for how in ("scenario", "python", "pytest"):
        assert player.ask("paste", text=player.copied(how))["ok"]
        assert text == player.cluster.trace.to_text()


def test_exported_test_passes_and_can_fail(busy: LivePlayer) -> None:
    """The exported test passes, and fails if the run changes: another seed, another event, a violated rule, another leader."""
    text = busy.copied("pytest")
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


def test_export_imports_a_learner_s_class() -> None:
    """The exports import a learner's class from its module, or say that it has to be put into one."""
    module_level, local = LivePlayer(Cluster(Usurper, 3)), LivePlayer(Cluster(type("Mine", (node(8),), {})))
    local.cluster._simulation.node_class.__module__ = "__main__"

    state = {kind: module_level.copied(kind) for kind in ("python", "pytest")}
    assert "from tests.player.live_tools import Usurper  # " in state["python"]
    assert "cluster = Cluster(Usurper, [" in state["python"]
    assert "Cluster.replay(SCENARIO, Usurper)" in state["pytest"]
    run_text(state["pytest"])["test_run_is_as_it_was"]()
    local.cluster.heal()
    assert "from my_node import Mine  # your own class: put it into a file my_node.py" in local.copied("python")


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
    text = LivePlayer(cluster).copied("pytest")
    fixed = "from raft_steps.step_08_election_timeout_reset import Node as Fragile"

    run_text(text)["test_node_fails_as_it_did"]()
    with pytest.raises(pytest.fail.Exception):
        run_text(text.replace("from tests.player.live_tools import Fragile", fixed))["test_node_fails_as_it_did"]()


def test_replay_with_another_node_is_exported_with_that_node() -> None:
    """A step's scenario that is replayed with another Node is exported with that Node, and a paste runs it again."""
    line = "raft-steps 1; step 7; servers tom jerry spike; seed 1; leader tom; at 6 crash tom; until 40"
    player = LivePlayer(Cluster.replay(line, Usurper))
    digest, state = player.cluster.trace.digest(), {kind: player.copied(kind) for kind in EXPORTS}

    assert "step 7" not in state["scenario"]
    assert digest == run_text(state["python"])["cluster"].trace.digest()
    run_text(state["pytest"])["test_run_is_as_it_was"]()
    assert player.ask("paste", text=state["scenario"])["ok"]
    assert digest == player.cluster.trace.digest()
