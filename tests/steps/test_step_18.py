"""Step 18: one test for each sentence of the step's docstring, in clusters and with single Nodes."""

from __future__ import annotations

from typing import Any

import pytest

from raft_steps import step_18_pre_vote as step_18
from raft_steps.lab.cluster.cluster import Cluster
from raft_steps.lab.commands import NotLeader, Ok
from raft_steps.lab.verify.fuzzer import try_scenario
from raft_steps.lab.verify.fuzzer.profiles import PROFILES, adversity
from raft_steps.lab.verify.properties import ALL_RULES
from raft_steps.lab.verify.properties.rules import SERVICE
from raft_steps.step_18_pre_vote import TimeoutNow
from tests.helpers.runs import effects, lone

DRAWS = {"tom": [8], "jerry": [12], "spike": [18]}


def cluster(step: int | type = 18, **options: Any) -> Cluster:
    """Return three servers of which tom leads from 8.4 s on."""
    return Cluster(step, **{"draws": DRAWS, "network": {"delay": (0.1, 0.1)}, **options}).run(10)


@pytest.mark.parametrize("step, terms", [(17, 20), (18, 1)])
def test_deaf_server_does_not_disturb(step: int, terms: int) -> None:
    """A follower that hears nobody, but is heard, raises the term again and again, until it asks first."""
    run = cluster(step)
    for sender in ("tom", "spike"):
        run.cut(sender, "jerry")
    run.run(600)
    term = run.node("tom").current_term

    assert term == 1 if terms == 1 else term > terms


def test_returning_server_deposes_nobody() -> None:
    """A server that was cut off for a minute is still in its term, and follows when it is back."""
    run = cluster()
    run.partition("jerry")
    run.run(60)
    run.heal()
    run.run(10)

    assert ("tom", {1}) == (run.leader, {run.node(name).current_term for name in run.servers})


def test_leader_that_hears_nobody_steps_down() -> None:
    """Its calls arrive and keep the others quiet; nobody would be elected, and no write committed, if it led on."""
    run = cluster()
    for sender in ("jerry", "spike"):
        run.cut(sender, "tom")
    run.run(120)

    assert run.leader in {"jerry", "spike"}
    assert Ok() == run.set("x", 1)


def test_leader_with_a_majority_leads_on() -> None:
    """One follower of two is enough, however long."""
    run = cluster()
    run.crash("spike")
    run.run(600)

    assert ("tom", 1) == (run.leader, run.node("tom").current_term)


def test_leader_hands_over_and_nothing_is_lost() -> None:
    """The successor leads a message and an election later; what was written before is there."""
    run = cluster()
    run.set("x", 1)

    assert Ok() == run.ask("transfer spike")
    run.run(0.35)
    assert ("spike", 2) == (run.leader, run.node("spike").current_term)
    assert Ok(value="1") == run.get("x")


def test_transfer_to_a_server_that_is_down_ends() -> None:
    """Commands are refused with the name of the successor; after 8 s they are accepted again."""
    run = cluster()
    run.crash("spike")
    run.ask("transfer spike")

    assert NotLeader(leader="spike") == run.set("x", 1)
    run.run(8.1)
    assert Ok() == run.set("x", 2)


def test_successor_that_lacks_entries_gets_them_first() -> None:
    """The leader sends what is missing, and only then asks the successor to run."""
    run = cluster()
    run.partition("spike")
    run.set("x", 1)
    run.heal()
    run.ask("transfer spike")
    run.run(7)

    assert "spike" == run.leader
    assert run.node("spike").log.last_index == 3


def test_copy_of_timeout_now_does_nothing() -> None:
    """The successor is in a newer term when the copy arrives."""
    tom = lone(18, "1 set x 1", current_term=1)
    tom.on_start()
    effects(tom)
    for expected in (1, 0):
        tom.on_timeout_now("jerry", TimeoutNow(term=1))
        sent = [effect for effect in effects(tom) if effect[0] == "send"]
        assert expected == len({type(effect[2]).__name__ for effect in sent})
    assert tom.current_term == 2


def test_question_leaves_no_trace() -> None:
    """A server that answers a question is as before, also on its disk."""
    tom = lone(18, "1 set x 1", current_term=1)
    before = {name: getattr(tom, name) for name in tom.durable if name != "log"}
    tom.on_pre_vote("jerry", step_18.PreVote(term=9, last_log_index=1, last_log_term=1))

    assert before == {name: getattr(tom, name) for name in tom.durable if name != "log"}
    assert ["send"] == [effect[0] for effect in effects(tom)]


def test_whole_cluster_can_be_restarted() -> None:
    """Nobody is heard after a restart, so somebody is elected."""
    run = cluster()
    run.crash(*run.servers)
    run.restart(*run.servers)
    run.run(30)

    assert run.leader is not None


@pytest.mark.parametrize("profile", PROFILES)
def test_every_rule_is_kept_under_adversity(profile: str) -> None:
    """In a few runs of every profile, no rule breaks."""
    rules = tuple(rule for rule in ALL_RULES if rule is not SERVICE)
    for seed in range(2):
        trial = try_scenario(adversity(18, profile, seed, seconds=10), rules)
        assert not trial.broken, trial.text


def test_removed_server_does_not_disturb() -> None:
    """A server that was removed without hearing of it disturbs at step 17, and only asks at step 18."""
    for step, leaders in ((17, 10), (18, 1)):
        run = cluster(step, servers=4, draws={**DRAWS, "tyke": [16]})
        run.partition("tyke")
        run.ask("members tom,jerry,spike")
        run.heal()
        run.run(400)
        elected = [event for event in run.trace.of("role") if event["role"] == "leader"]
        assert len(elected) == 1 if leaders == 1 else len(elected) > leaders


def test_new_voters_keep_a_leader() -> None:
    """A learner that becomes a voter answers for the leader's majority; a removed leader does not count itself."""
    run = cluster(servers=5, members=("tom", "jerry", "spike"))
    run.ask("members jerry,tyke,butch")
    run.run(30)
    leader = run.leader
    assert leader in {"jerry", "tyke", "butch"}
    run.crash("tom", "spike")
    run.run(120)

    assert leader == run.leader
    assert Ok() == run.set("x", 1)


def test_transfer_to_a_new_voter() -> None:
    """A server that has just become a voter can lead next; a learner cannot."""
    run = cluster(servers=4, members=("tom", "jerry", "spike"))
    run.ask("add tyke")
    run.run(5)
    run.ask("transfer tyke")
    run.run(1)

    assert "tyke" == run.leader
