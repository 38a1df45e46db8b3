"""Step 12: term and vote are on disk. One test for each sentence of the step's own description and of Figure 2."""

from __future__ import annotations

import pytest

from raft_steps import node
from raft_steps.lab.cluster.cluster import Cluster, NoAnswer
from raft_steps.lab.commands import Ok
from raft_steps.lab.verify.fuzzer import try_scenario
from raft_steps.lab.verify.fuzzer.profiles import adversity
from raft_steps.lab.verify.model_checker import Scope, Search, run_schedule, stored_schedule
from raft_steps.lab.verify.properties import RULES
from raft_steps.step_09_one_vote_per_term import RequestVoteReply
from raft_steps.step_10_up_to_date_logs import RequestVote
from tests.helpers.runs import changed, effects, lone, sent

TENTH = {"delay": (0.1, 0.1)}  # every message takes a tenth of a second


def voter_that_restarts(step: int, how: str = "crash", at: float = 8.15) -> Cluster:
    """Let jerry vote for tom, go down, come back, and be asked by spike, who is cut off from tom, in the same term."""
    cluster = Cluster(step, draws={"tom": [8], "spike": [9], "jerry": [18]}, network=TENTH)
    cluster.cut("tom", "spike")
    cluster.cut("spike", "tom")
    getattr(cluster, how)("jerry", at=at)
    cluster.restart("jerry", at=8.7)
    return cluster.run(until=9.5)


def settled(step: int) -> Cluster:
    """Give a cluster in which tom leads in term 1, and nothing is on its way."""
    return Cluster(step, draws={"tom": [8], "jerry": [12], "spike": [18]}, network=TENTH).run(10)


def test_term_vote_and_log_are_on_disk() -> None:
    """Figure 2, persistent state on all servers: these three, and no more."""
    assert {"current_term", "voted_for", "log"} == set(node(12).durable)


def test_vote_outlives_a_crash() -> None:
    """A server that comes back may not vote again in the same term for somebody else."""
    cluster = voter_that_restarts(12)

    assert ["tom"] == cluster.leaders
    assert (1, "tom") == (cluster.node("jerry").current_term, cluster.node("jerry").voted_for)


def test_step_11_votes_twice() -> None:
    """Before, the same run has two leaders in one term, two clients are told that they have written, and one is wrong."""
    cluster = voter_that_restarts(11)
    answers = [cluster.set("x", 1, to="tom"), cluster.set("x", 2, to="spike")]
    cluster.heal()
    cluster.run(30)

    assert [Ok(), Ok()] == answers
    assert ["1 set x 1", "1 set x 2"] == sorted({f"1 set x {last(cluster, name)}" for name in cluster.servers})


def last(cluster: Cluster, name: str) -> str:
    """Give the value that the last entry of a server's log writes."""
    log = cluster.node(name).log
    value: str = log[log.last_index].command.value
    return value


def test_write_is_lost_by_nobody_now() -> None:
    """With term and vote on disk, whoever asks the wrong server is told so, and all logs are the same in the end."""
    cluster = voter_that_restarts(12)
    cluster.set("x", 1, to="tom")
    assert not isinstance(cluster.set("x", 2, to="spike"), Ok)
    cluster.heal()
    cluster.run(30)

    assert {"1"} == {last(cluster, name) for name in cluster.servers}


def test_term_outlives_a_crash() -> None:
    """A candidate that comes back runs in the next term, though it has no entry of the last."""
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


def test_log_knows_a_term_that_was_not_stored() -> None:
    """It may hold entries of a term that the server had no time to store: the newer of the two counts."""
    tom = lone(12, "1 set x 1", "5 set y 2", current_term=3)
    tom.on_start()
    assert 5 == tom.current_term

    tom = lone(12, "1 set x 1", current_term=3, voted_for="spike")
    tom.on_start()
    assert (3, "spike") == (tom.current_term, tom.voted_for)


def test_start_is_otherwise_as_before() -> None:
    """A timeout is drawn and waited for; who is told to lead leads."""
    tom = lone(12)
    tom.on_start()
    assert [("start", "election", tom.election_timeout)] == effects(tom)

    tom = lone(12, is_leader=True)
    tom.on_start()
    assert {"jerry", "spike"} == {to for to, _ in sent(tom)}


def test_vote_that_is_not_stored_is_not_heard() -> None:
    """Stored before anything that depends on it leaves: a vote that a crash takes away has not reached anyone."""
    cluster = voter_that_restarts(12, "lose", at=8.05)

    assert [] == [event for event in cluster.trace.of("sent", server="jerry") if event.seconds < 8.7]
    assert ["spike"] == cluster.leaders
    assert "spike" == cluster.node("jerry").voted_for


def test_same_candidate_may_ask_again() -> None:
    """What is stored is whom one has voted for, so that a lost yes can be said again."""
    tom = lone(12, current_term=4, voted_for="jerry")
    tom.on_start()
    effects(tom)
    for candidate, granted in (("spike", False), ("jerry", True)):
        tom.on_request_vote(candidate, RequestVote(term=4, last_log_index=0, last_log_term=0))
        assert [(candidate, RequestVoteReply(term=4, vote_granted=granted))] == sent(tom)


def test_what_is_volatile_begins_anew() -> None:
    """Commit index and state machine are not on disk: they come back with the next call, each entry once."""
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
def test_search_finds_the_second_vote_before_and_none_now(rule: str) -> None:
    """Two timeouts and one crash: at step 11 a server votes twice, at step 12 no order of events makes it."""
    scope = Scope(timeouts={"election": 2}, crashes=1, messages=("RequestVote", "RequestVoteReply"))

    assert Search(11, servers=3).run(scope, invariants=[rule]).violated
    assert Search(12, servers=3).run(scope, invariants=[rule]).exhausted


def test_stored_find_breaks_step_11() -> None:
    """The find of old still runs: jerry votes for tom, restarts, and votes for spike."""
    broken = run_schedule(stored_schedule("vote_after_restart"), node(11)).breaks

    assert ["Election Safety"] == [each.name for each in broken]


@pytest.mark.parametrize("profile", ["crashes", "disks", "hostile"])
def test_every_promise_is_kept(profile: str) -> None:
    """Ten promises, at every event, while servers crash at any event and disks tear."""
    broken = {seed: try_scenario(adversity(12, profile, seed), RULES).broken for seed in range(10)}

    assert {""} == set(broken.values()), broken


def test_forgetting_one_of_the_three_breaks_a_promise() -> None:
    """Each of the durable fields is needed: without any one of them some run breaks a promise."""
    kept = ("log", "current_term", "voted_for")
    for left_out in kept:
        forgetful = changed(12, durable=tuple(name for name in kept if name != left_out))
        broken = {
            try_scenario(adversity(None, "hostile", seed, node_class=forgetful), RULES, forgetful).broken
            for seed in range(12)
        }
        assert broken - {""}, left_out


def test_vote_cleared_within_its_term_is_given_twice() -> None:
    """The bug of the notebook: who follows begins afresh, and a call that does not fit leaves no entry to tell the term."""

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


def test_retry_is_carried_out_twice() -> None:
    """What is still broken: a client that hears nothing and asks again has its command in the log twice."""
    cluster = settled(12)
    cluster.crash("tom", at=10.15)
    first = cluster.set("x", 1)
    cluster.set("x", 2)
    cluster.set("x", 1)

    assert isinstance(first, NoAnswer)
    assert Ok(value="1") == cluster.get("x")


def test_leader_that_was_cut_off_answers_from_what_it_had() -> None:
    """What is still broken: a read asks nobody, so a former leader that does not know tells what was."""
    cluster = settled(12)
    cluster.set("x", 1)
    cluster.partition("tom")
    cluster.run(until=lambda: len(cluster.leaders) > 1)
    new = next(name for name in cluster.leaders if name != "tom")
    cluster.set("x", 2, to=new)

    assert Ok(value="1") == cluster.get("x", to="tom")
