"""Step 17: the servers of a cluster change while it works, and no two majorities are ever apart."""

from __future__ import annotations

from typing import ClassVar

import pytest

from raft_steps import node, step_17_membership
from raft_steps.lab.cluster.cluster import Cluster
from raft_steps.lab.commands import Ok, Refused
from raft_steps.lab.runtime.simulator.simulation import Simulation
from raft_steps.lab.verify.fuzzer.profiles import PROFILES, adversity
from raft_steps.lab.verify.model_checker import EXHAUSTED, Scope, Search, holds
from raft_steps.lab.verify.properties import ALL_RULES, Properties
from tests.checks.wrong_nodes import step_17 as wrong

STEP = 17
THREE = ("tom", "jerry", "spike")
JOINT = "members tom,tyke,butch from tom,jerry,spike"
SEEDS, SECONDS = 2, 12


def started(node_class: type | int = STEP) -> Cluster:
    """Return a cluster of three of five servers, of which tom leads."""
    draws = {"tom": [8], "jerry": [12], "spike": [16]}
    network = {"delay": (0.1, 0.1)}
    return Cluster(node_class, 5, members=THREE, draws=draws, network=network).run(10)


def configurations(cluster: Cluster, server: str) -> list[str]:
    """Return the configurations in a server's log."""
    return [text.partition(" ")[2] for text in cluster.log(server) if " members " in text]


def test_servers_are_exchanged_while_clients_write() -> None:
    """Two of three servers are exchanged; nothing is lost, and the new ones have everything."""
    cluster = started()
    for number in range(20):
        cluster.set("x", number, at=10 + number / 10)

    assert Ok() == cluster.ask("members tom,tyke,butch")
    cluster.run(5)
    assert [JOINT, "members tom,tyke,butch"] == configurations(cluster, "butch")
    assert {"x": "19"} == cluster.node("butch").state_machine == cluster.node("tyke").state_machine
    assert () == cluster.violations


def test_each_member_may_be_added_and_removed() -> None:
    """One server after the other: five in the end, and then one, which is a cluster of its own."""
    cluster = started()
    for verb in ("add tyke", "add butch", "remove jerry", "remove spike", "remove tyke", "remove butch"):
        assert Ok() == cluster.ask(verb)

    assert Ok() == cluster.set("x", 1)
    assert ("tom",) == cluster.node("tom").voters()
    assert Ok() == cluster.ask("add spike")
    cluster.run(1)
    assert {"x": "1"} == cluster.node("spike").state_machine
    assert () == cluster.violations


def test_a_change_waits_for_its_learners() -> None:
    """A server that is down does not become a voter; another change takes the place of one that waits for it."""
    cluster = started()
    cluster.crash("butch")
    waiting = cluster.ask("add butch")

    assert "NoAnswer" == type(waiting).__name__
    assert [] == configurations(cluster, "tom")
    assert Ok() == cluster.ask("add tyke")
    refused = [event["reason"] for event in cluster.trace.of("answered") if event["response"] == "Refused"]
    assert ["another change has taken its place"] == refused


def test_a_change_under_way_is_finished_by_the_next_leader() -> None:
    """Tom crashes with the joint configuration in the logs; the next leader logs the new one."""
    cluster = started()
    cluster.ask("members tom,tyke,butch", at=10)
    cluster.run(
        60, until=lambda: JOINT in configurations(cluster, "tyke") and JOINT in configurations(cluster, "jerry")
    )
    cluster.crash("tom")
    cluster.run(90)

    assert cluster.leader in ("tyke", "butch")
    assert "members tom,tyke,butch" == configurations(cluster, cluster.leader or "")[-1]
    assert () == cluster.violations


def test_a_second_change_is_refused_while_one_is_in_the_log() -> None:
    """Cut off from the others, tom cannot finish the change."""
    cluster = started()
    cluster.ask("remove spike", at=10)
    cluster.run(0.05)
    cluster.partition("tom")

    assert Refused(reason="the change before is not finished") == cluster.ask("remove jerry", to="tom")


def test_a_removed_leader_leaves_and_stays_away() -> None:
    """Tom answers its client, stops leading, and starts no election, although it hears from nobody."""
    cluster = started()

    assert Ok() == cluster.ask("remove tom")
    cluster.run(120)
    assert cluster.leader in ("jerry", "spike")
    left = cluster.trace.of("answered")[-1].number
    assert not [event for event in cluster.trace.of("sent", server="tom") if event.number > left + 5]
    assert ("jerry", "spike") == cluster.node("tom").voters()


class CompactsOften(step_17_membership.Node):
    """The same Node with short logs."""

    log_limit: ClassVar[int] = 3


def test_the_configuration_outlives_snapshots_and_crashes() -> None:
    """A server that restarts with a snapshot knows the voters, and so does one that gets the snapshot of another."""
    cluster = started(node_class=CompactsOften)
    cluster.ask("members tom,tyke,butch")
    for number in range(4):
        cluster.set("x", number)
    cluster.run(6)
    cluster.crash("tom")
    cluster.restart("tom")

    assert ("tom", "tyke", "butch") == cluster.node("tom").voters()
    assert 4 < cluster.node("tom").log.base_index
    cluster.run(60)
    assert Ok() == cluster.ask("members tyke,butch,jerry")
    cluster.run(5)
    assert 4 < cluster.node("jerry").log.base_index
    assert {"tyke", "butch", "jerry"} == set(cluster.node("jerry").voters())
    assert () == cluster.violations


@pytest.mark.parametrize("profile", PROFILES)
def test_no_rule_is_broken(profile: str) -> None:
    """A few seeds of each profile; many more were run by hand."""
    for seed in range(SEEDS):
        scenario = adversity(STEP, profile, seed, seconds=SECONDS)
        properties = Properties(watch=ALL_RULES)
        Simulation(scenario, record=False, monitor=properties).run_until(scenario.end_us)

        assert {} == properties.violations
        assert [] == properties.unjudged


def test_no_order_of_votes_elects_two_leaders() -> None:
    """The search that breaks a direct switch finds nothing here."""
    search = Search(STEP, 5, members=THREE)
    links = tuple(link for name in ("jerry", "tyke", "butch") for link in (f"tom>{name}", f"{name}>tom"))
    scope = Scope(timeouts={"tom election": 1}, commands=("members tom,tyke,butch to tom",), only=links)
    found = search.run(scope, goal=holds("tyke", "1 -", f"1 {JOINT}"))
    votes = Scope(timeouts={"jerry election": 1, "tyke election": 1}, messages=("RequestVote", "RequestVoteReply"))

    assert found.found
    assert EXHAUSTED == found.go_on(votes, invariants="all", forget=True).outcome


def test_step_16_does_not_change_its_members() -> None:
    """A Node that cannot change its members has all servers from the start, in every profile."""
    assert () == adversity(16, "memberships", 1).members
    assert ("tom", "jerry", "spike") == adversity(STEP, "memberships", 1).members
    assert not hasattr(node(16), "change_members")


BUG_OF_2015 = (
    "raft-steps 1; servers tom jerry spike tyke butch; members tom jerry spike tyke; delay 0.1 0.1; "
    "draws tom 8 9; draws jerry 18 40; draws spike 60 60; draws tyke 60 60; draws butch 900; "
    "at 9 partition tom butch | jerry spike tyke; at 9 add butch to tom; at 26.45 cut jerry>tyke; "
    "at 26.7 remove tom to jerry; at 27.2 crash jerry; at 27.3 heal; at 27.4 timeout tom; until 40"
)


def test_single_changes_had_a_bug_until_2015() -> None:
    """Two leaders change one server each, from the same configuration; joint configurations do not need the repair."""
    assert "Leader Completeness" in [
        each.rule.name for each in Cluster.replay(BUG_OF_2015, wrong.SingleChanges).violations
    ]
    assert () == Cluster.replay(BUG_OF_2015, node(STEP)).violations
