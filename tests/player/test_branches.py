"""Tests of the branches of a live cluster: where they start, what they keep, and nodes that fail."""

from dataclasses import dataclass

import pytest

from raft_steps import node
from raft_steps.lab.cluster.cluster import Cluster
from raft_steps.lab.errors import NodeError
from raft_steps.lab.node import Node
from raft_steps.lab.player.branches import MAX_BRANCHES
from raft_steps.lab.runtime.simulator import simulation
from tests.player.live_tools import Fragile, LivePlayer, replayed


def test_action_at_the_end_continues_the_branch(player: LivePlayer) -> None:
    """An action at the end of the visible run stays on the branch, which runs for another chunk and is sent."""
    before = player.text(0)

    assert f"{player.cluster.leader} crashes" == player.act("crash leader", 30, seen=30)
    assert [[0]] == player.sent()
    assert [0] == [branch["id"] for branch in player.branches()]
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
        player.branches()[1][name] for name in ("parent", "from", "last")
    )
    assert (1, 30.0) == (player.frontend.live["current"], player.cluster.time)
    (trace,) = player.frontend.messages[0]["traces"]
    assert (1, 0, 12_000_000) == (trace["branch"], trace["parent"], player.frontend.messages[0]["at"])
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
    assert [0] == [branch["id"] for branch in player.branches()]
    assert 40.0 == player.cluster.time
    keep = player.frontend.messages[0]["traces"][0]["keep"]
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

    assert (2, 1) == (player.current, player.branches()[2]["parent"])
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


def test_another_seed_is_a_branch(player: LivePlayer) -> None:
    """The same actions run with another seed, from the start."""
    player.act("crash leader", 30, seen=30)
    player.ask("seed", seed=5)

    assert ["crash leader"] == [line["line"] for line in player.frontend.live["script"]]
    assert (5, "seed 5", 0) == tuple(player.branches()[1][name] for name in ("seed", "name", "from"))
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
    (message,) = player.frontend.messages[0]["traces"]

    assert (["a", "b", "c", "d"], "step 6") == (message["servers"], message["title"])
    assert player.lines(1) == player.frontend.held[1]


def test_pasted_scenario_without_a_step_runs_the_same_step(player: LivePlayer) -> None:
    """A scenario that names no step is run with the Node that is played."""
    step = player.cluster.scenario.step
    player.ask("paste", text="raft-steps 1; servers a b c d; until 20")

    assert step is not None
    assert f"step {step}" == player.frontend.messages[0]["traces"][0]["title"]


def test_pasted_branches_can_be_told_apart(player: LivePlayer) -> None:
    """The second pasted branch has a number in its name, and so has each further one."""
    for _ in range(3):
        player.ask("paste", text="raft-steps 1; servers a b c d; until 20")

    assert ["the first run", "pasted", "pasted 2", "pasted 3"] == [branch["name"] for branch in player.branches()]


def test_branch_with_another_past_is_reported() -> None:
    """If a node was changed by hand, a branch starts with other events than its parent, and the answer says so."""
    cluster = Cluster(8, seed=1).run(5)
    cluster.node("jerry").election_timeout = 1
    cluster.node("tom").current_term = 7
    player = LivePlayer(cluster.run(25))

    assert "its events before that time differ: was a node changed by hand" in player.act("crash tom", 28, seen=30)
    assert player.lines(1) == player.frontend.held[1]


@pytest.mark.parametrize("at, seen", [(30, 30), (20, 30), (33, 33)], ids=["at the end", "in the past", "unseen"])
def test_node_that_fails_leaves_everything_as_it_was(at: int, seen: int) -> None:
    """If a click makes a node fail, the answer names the handler and the error; no branch and no trace changes."""
    player = LivePlayer(Cluster(Fragile, seed=1).run(30))
    if at > 30:
        player.ask("extend", branch=0)
    follower = next(name for name in player.cluster.servers if name != player.cluster.leader)
    before, held = player.text(0), list(player.frontend.held[0])
    times = {"at": at * 10**6, "seen": seen * 10**6, "known": 35 * 10**6}
    answer = player.ask("act", branch=0, action=f"timeout {follower}", **times)

    assert not answer["ok"]
    assert answer["said"].startswith(f"{follower}'s on_election_timeout, at {at} s, raised ValueError: not again")
    assert [[]] == player.sent()
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


def test_late_answer_says_that_a_cell_has_run_the_cluster_on(player: LivePlayer) -> None:
    """An action at the end, carried out after a cell has run the cluster on, names that as the reason of its branch."""
    player.cluster.run(10)
    said = player.act("crash tom", 30, seen=30, known=30)
    why = "because a cell has run the cluster on to 40 s"

    assert f"tom crashes; this is a new branch, {why}" == said
    assert f"crash tom at 30 s, {why}" == player.branches()[1]["name"]
    assert "because" not in player.act("crash jerry", 20, seen=40, known=40, branch=0)


class Storm(Node):
    """A node that answers every message, twice."""

    def on_start(self) -> None:
        self.broadcast(Word())

    def on_word(self, sender: str, word: "Word") -> None:
        for _ in range(2):
            self.send(sender, word)


@dataclass
class Word:
    """A word."""


def test_storm_is_named_and_extended_in_small_parts() -> None:
    """A run whose messages multiply is extended by a limited number of events, and the answer says so."""
    player = LivePlayer(Cluster(Storm, 3))
    answers = [player.ask("extend", branch=0) for _ in range(3)]
    last = answers[-1]
    count = len(player.cluster.trace.moment_after(len(player.cluster.trace) - 1).in_flight)

    assert all(answer["ok"] for answer in answers)
    assert f"a storm: {count} messages are on their way at" in last["said"]
    assert 0 < player.cluster.time < 3 * player.session.branches.current.chunk_us / 1e6
    assert player.lines(0) == player.frontend.held[0]
    assert player.text(0) == replayed(player, 0)
