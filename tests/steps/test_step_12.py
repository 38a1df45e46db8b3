"""Step 12: term and vote are on disk. One test for each sentence of the step's docstring and of Figure 2."""

from __future__ import annotations

import pytest

from raft_steps import node
from raft_steps.lab.cluster.cluster import Cluster, NoAnswer
from raft_steps.lab.commands import Ok
from raft_steps.lab.verify.fuzzer import try_scenario
from raft_steps.lab.verify.fuzzer.profiles import adversity
from raft_steps.lab.verify.model_checker import Scope, Search, StateView, predicate, run_schedule, stored_schedule
from raft_steps.lab.verify.properties import RULES
from raft_steps.step_09_one_vote_per_term import RequestVoteReply
from raft_steps.step_10_up_to_date_logs import RequestVote
from tests.helpers.runs import changed, effects, lone, sent

TENTH = {"delay": (0.1, 0.1)}  # every message takes a tenth of a second


def voter_that_restarts(step: int, how: str = "crash", at: float = 8.15) -> Cluster:
    """Let jerry vote for tom, crash, restart, and be asked in the same term by spike, which is cut off from tom."""
    cluster = Cluster(step, draws={"tom": [8], "spike": [9], "jerry": [18]}, network=TENTH)
    cluster.cut("tom", "spike")
    cluster.cut("spike", "tom")
    getattr(cluster, how)("jerry", at=at)
    cluster.restart("jerry", at=8.7)
    return cluster.run(until=9.5)


def settled(step: int) -> Cluster:
    """Return a cluster in which tom leads in term 1, and no message is on its way."""
    return Cluster(step, draws={"tom": [8], "jerry": [12], "spike": [18]}, network=TENTH).run(10)


def test_term_vote_and_log_are_on_disk() -> None:
    """Figure 2, persistent state on all servers: these three, and no more."""
    assert {"current_term", "voted_for", "log"} == set(node(12).durable)


def test_vote_survives_a_crash() -> None:
    """A server that restarts must not vote for another candidate in the same term."""
    cluster = voter_that_restarts(12)

    assert ["tom"] == cluster.leaders
    assert (1, "tom") == (cluster.node("jerry").current_term, cluster.node("jerry").voted_for)


def test_step_11_votes_twice() -> None:
    """In step 11 the same run has two leaders in one term: two writes are acknowledged, and one is lost."""
    cluster = voter_that_restarts(11)
    answers = [cluster.set("x", 1, to="tom"), cluster.set("x", 2, to="spike")]
    cluster.heal()
    cluster.run(30)

    assert [Ok(), Ok()] == answers
    assert ["1 set x 1", "1 set x 2"] == sorted({f"1 set x {last(cluster, name)}" for name in cluster.servers})


def last(cluster: Cluster, name: str) -> str:
    """Return the value that the last entry of a server's log writes."""
    log = cluster.node(name).log
    value: str = log[log.last_index].command.value
    return value


def test_no_acknowledged_write_is_lost() -> None:
    """With term and vote on disk, the wrong server refuses its client, and all logs are the same in the end."""
    cluster = voter_that_restarts(12)
    cluster.set("x", 1, to="tom")
    assert not isinstance(cluster.set("x", 2, to="spike"), Ok)
    cluster.heal()
    cluster.run(30)

    assert {"1"} == {last(cluster, name) for name in cluster.servers}


def test_term_survives_a_crash() -> None:
    """A candidate that restarts asks for votes in the next term, although it has no entry of the last one."""
    cluster = Cluster(12, draws={"tom": [8]}, later=["jerry", "spike"], network=TENTH)
    cluster.run(8.5)
    cluster.crash("tom")
    cluster.restart("tom")
    asked = {
        event["fields"]["term"]
        for event in cluster.run(19).trace.of("sent", server="tom")
        if event["type"] == "RequestVote" and event.seconds > 8.5
    }

    assert 2 == min(asked)


def test_log_may_have_a_newer_term_than_was_stored() -> None:
    """It may hold entries of a term that the server had no time to store: the newer of the two counts."""
    tom = lone(12, "1 set x 1", "5 set y 2", current_term=3)
    tom.on_start()
    assert 5 == tom.current_term

    tom = lone(12, "1 set x 1", current_term=3, voted_for="spike")
    tom.on_start()
    assert (3, "spike") == (tom.current_term, tom.voted_for)


def test_start_is_otherwise_as_before() -> None:
    """The election timer starts with a new timeout, and a named leader leads."""
    tom = lone(12)
    tom.on_start()
    assert [("start", "election", tom.election_timeout)] == effects(tom)

    tom = lone(12, is_leader=True)
    tom.on_start()
    assert {"jerry", "spike"} == {to for to, _ in sent(tom)}


def test_vote_that_is_not_stored_is_not_sent() -> None:
    """State is stored before the messages that depend on it leave: a vote that a crash erases has reached no server."""
    cluster = voter_that_restarts(12, "lose", at=8.05)

    assert [] == [event for event in cluster.trace.of("sent", server="jerry") if event.seconds < 8.7]
    assert ["spike"] == cluster.leaders
    assert "spike" == cluster.node("jerry").voted_for


def test_same_candidate_may_ask_again() -> None:
    """The name of the candidate is stored, so that a lost reply can be repeated."""
    tom = lone(12, current_term=4, voted_for="jerry")
    tom.on_start()
    effects(tom)
    for candidate, granted in (("spike", False), ("jerry", True)):
        tom.on_request_vote(candidate, RequestVote(term=4, last_log_index=0, last_log_term=0))
        assert [(candidate, RequestVoteReply(term=4, vote_granted=granted))] == sent(tom)


def test_volatile_state_is_rebuilt() -> None:
    """Commit index and state machine are not on disk: the next call restores them, and each entry is applied once."""
    cluster = settled(12)
    cluster.set("x", 1)
    cluster.run(5)
    cluster.crash("jerry")
    cluster.restart("jerry")
    assert (0, {}) == (cluster.node("jerry").commit_index, cluster.node("jerry").state_machine)
    since = len(cluster.trace)
    cluster.run(10)

    assert ["-", "set x 1"] == [
        event["command"] for event in cluster.trace.events[since:] if (event.kind, event.server) == ("applied", "jerry")
    ]


@pytest.mark.parametrize("rule", ["Election Safety", "One Vote per Term"])
def test_search_finds_a_second_vote_only_in_step_11(rule: str) -> None:
    """Two timeouts and one crash: in step 11 a server votes twice, in step 12 it does not, in any order of events."""
    scope = Scope(timeouts={"election": 2}, crashes=1, messages=("RequestVote", "RequestVoteReply"))

    assert Search(11, servers=3).run(scope, invariants=[rule]).violated
    assert Search(12, servers=3).run(scope, invariants=[rule]).exhausted


def test_stored_schedule_breaks_step_11() -> None:
    """The stored schedule still runs: jerry votes for tom, restarts, and votes for spike."""
    broken = run_schedule(stored_schedule("vote_after_restart"), node(11)).breaks

    assert ["Election Safety"] == [each.name for each in broken]


@pytest.mark.parametrize("profile", ["crashes", "disks", "hostile"])
def test_every_promise_is_kept(profile: str) -> None:
    """Ten promises, at every event, while servers crash at any event and disks tear."""
    broken = {seed: try_scenario(adversity(12, profile, seed), RULES).broken for seed in range(10)}

    assert {""} == set(broken.values()), broken


def test_forgetting_one_of_the_three_breaks_a_promise() -> None:
    """Each durable field is needed: without any one of them some run breaks a promise."""
    kept = ("log", "current_term", "voted_for")
    for left_out in kept:
        forgetful = changed(12, durable=tuple(name for name in kept if name != left_out))
        broken = {
            try_scenario(adversity(None, "hostile", seed, node_class=forgetful), RULES, forgetful).broken
            for seed in range(12)
        }
        assert broken - {""}, left_out


def test_vote_cleared_within_its_term_is_given_twice() -> None:
    """The notebook's bug: a new follower clears its vote, and a call that does not fit leaves no entry of the term."""

    class Suspect(node(12)):  # type: ignore[misc]
        def become_follower(self) -> None:
            super().become_follower()
            self.voted_for = None

    broken = {}
    for node_class in (Suspect, node(12)):
        cluster = Cluster(
            node_class,
            logs={"tom": "1 set x 1", "spike": "1 set x 1"},
            draws={"tom": [8], "spike": [9], "jerry": [18]},
            network=TENTH,
        )
        cluster.cut("tom", "spike")
        cluster.drop("tom>jerry#3")
        broken[node_class] = try_scenario(cluster.run(10).scenario, RULES, node_class).broken

    assert {Suspect: "One Vote per Term", node(12): ""} == broken


def test_retry_is_applied_twice() -> None:
    """What is still broken: a client that gets no answer and tries again has its command in the log twice."""
    cluster = settled(12)
    cluster.crash("tom", at=10.15)
    first = cluster.set("x", 1)
    cluster.set("x", 2)
    cluster.set("x", 1)

    assert isinstance(first, NoAnswer)
    assert Ok(value="1") == cluster.get("x")


def test_leader_that_was_cut_off_returns_old_values() -> None:
    """What is still broken: a leader answers reads without asking the others, so a former leader returns old values."""
    cluster = settled(12)
    cluster.set("x", 1)
    cluster.partition("tom")
    cluster.run(until=lambda: len(cluster.leaders) > 1)
    new = next(name for name in cluster.leaders if name != "tom")
    cluster.set("x", 2, to=new)

    assert Ok(value="1") == cluster.get("x", to="tom")


# A candidate that crashes, and comes back as a follower.


def leads_by_others(view: StateView) -> bool:
    """Return whether tom leads, and its own vote is not among those that it has counted."""
    return view["tom"].leads and "tom" not in view["tom"].node.votes


@pytest.mark.parametrize("step", [9, 10, 11, 12])
def test_restarted_candidate_may_lead_by_late_votes(step: int) -> None:
    """A server that was restarted as a follower leads when the votes that it asked for arrive late."""
    scope = Scope(timeouts={"tom election": 1}, crashes={"tom": 1}, messages=("RequestVote", "RequestVoteReply"))
    found = Search(step).run(scope, goal=predicate("by others", leads_by_others))

    assert found.found
    assert ["timeout", "deliver", "deliver", "crash", "restart", "deliver", "deliver"] == [
        each.verb for each in (found.schedule.steps if found.schedule else ())
    ]


@pytest.mark.parametrize("servers", [3, 4])
def test_late_votes_elect_no_second_leader(servers: int) -> None:
    """A leader by late votes is the only one of its term, also if a vote arrives twice, once before the crash."""
    scope = Scope(
        timeouts={"tom election": 1, "jerry election": 1},
        crashes={"tom": 1},
        duplicates=1 if servers == 3 else 0,
        messages=("RequestVote", "RequestVoteReply"),
    )
    rules = ["Election Safety", "One Vote per Term", "Leader Completeness"]

    assert Search(12, servers).run(scope, invariants=rules).exhausted
