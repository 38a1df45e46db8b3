"""Step 9: one vote per term. One test for each sentence of the step's docstring and of Figure 2."""

from __future__ import annotations

from typing import Any

import pytest

from raft_steps import node
from raft_steps.lab.checks.ten_steps import sweep_ten_steps
from raft_steps.lab.cluster.cluster import Cluster
from raft_steps.lab.cluster.experiments import leaderless
from raft_steps.lab.commands import Ok, Set
from raft_steps.lab.verify.fuzzer import sweep
from raft_steps.lab.verify.model_checker import Scope, Search, run_schedule, stored_schedule
from raft_steps.step_04_leader_election import RequestVote
from raft_steps.step_06_term_checks import AppendEntriesRefused
from raft_steps.step_09_one_vote_per_term import AppendEntriesReply, RequestVoteReply
from tests.helpers.runs import effects, lone, sent
from tests.steps.test_step_06 import call

ELECTED_AND_CRASHED: dict[str, Any] = {"draws": {"tom": [8], "jerry": [11], "spike": [14]}}
HALVES: dict[str, Any] = {"draws": {"tom": [8], "spike": [8], "jerry": [18], "tyke": [18]}}
FOUR = ["tom", "jerry", "spike", "tyke"]

NEWS = {
    "request_vote": RequestVote(term=7),
    "request_vote_reply": RequestVoteReply(term=7, vote_granted=False),
    "append_entries": call(7),
    "append_entries_reply": AppendEntriesReply(term=7, success=False, prev_log_index=0),
    "append_entries_refused": AppendEntriesRefused(term=7),
}


def hear(of_node: Any, name: str) -> None:
    """Deliver a message of term 7 from jerry to a node."""
    getattr(of_node, f"on_{name}")("jerry", NEWS[name])


@pytest.mark.parametrize("name", NEWS)
def test_any_message_brings_the_newer_term(name: str) -> None:
    """A server that receives a newer term, in any message, enters that term and has not voted in it."""
    tom = lone(9, current_term=3, voted_for="spike")
    hear(tom, name)

    assert 7 == tom.current_term
    assert tom.voted_for == ("jerry" if name == "request_vote" else None)


@pytest.mark.parametrize("name", NEWS)
def test_a_leader_does_not_lead_in_a_newer_term(name: str) -> None:
    """Section 5.1: a leader that discovers that its term is out of date immediately reverts to follower state."""
    tom = lone(9, current_term=3, is_leader=True, election_timeout=9)
    hear(tom, name)
    happened = effects(tom)

    assert not tom.is_leader
    assert ("cancel", "heartbeat") in happened
    assert ("start", "election", 9) in happened
    assert [] == [effect for effect in happened if effect[0] == "send" and type(effect[2]).__name__ == "AppendEntries"]


@pytest.mark.parametrize("name", NEWS)
def test_a_candidate_gives_up_in_a_newer_term(name: str) -> None:
    """The votes of an earlier term are dropped, and one that arrives late does not make a leader."""
    tom = lone(9, current_term=3)
    tom.on_election_timeout()
    hear(tom, name)
    tom.on_request_vote_reply("spike", RequestVoteReply(term=4, vote_granted=True))

    assert (False, 7, set()) == (tom.is_leader, tom.current_term, tom.votes)


def test_learning_an_older_term_or_the_same_changes_nothing() -> None:
    """A vote belongs to a term: only a newer one clears it."""
    tom = lone(9, current_term=3, voted_for="spike", is_leader=True)
    for term in (2, 3):
        tom.learn_term(term)

    assert (3, "spike", True) == (tom.current_term, tom.voted_for, tom.is_leader)
    assert [] == effects(tom)


def test_first_come_first_served() -> None:
    """Section 5.2: each server votes for at most one candidate in a term, which gets the same answer again."""
    tom = lone(9, current_term=3)
    answers = []
    for sender, term in (("jerry", 4), ("spike", 4), ("jerry", 4), ("jerry", 3), ("spike", 5), ("jerry", 5)):
        tom.on_request_vote(sender, RequestVote(term=term))
        ((_, reply),) = sent(tom)
        answers.append((reply.term, reply.vote_granted))

    assert [(4, True), (4, False), (4, True), (4, False), (5, True), (5, False)] == answers


def test_a_candidate_has_voted_for_itself() -> None:
    """A vote for itself is a vote: it is recorded, and no other candidate gets it in that term."""
    tom = lone(9, current_term=3)
    tom.on_election_timeout()
    effects(tom)
    tom.on_request_vote("jerry", RequestVote(term=4))

    assert "tom" == tom.voted_for
    assert [("jerry", RequestVoteReply(term=4, vote_granted=False))] == sent(tom)


def test_the_vote_stays_when_the_role_changes() -> None:
    """A server that steps down within a term keeps its vote: clearing it is the classic mistake."""
    tom = lone(9, current_term=3)
    tom.on_election_timeout()
    tom.on_append_entries("jerry", call(4))
    effects(tom)
    tom.on_request_vote("spike", RequestVote(term=4))

    assert [("spike", RequestVoteReply(term=4, vote_granted=False))] == sent(tom)


def test_only_a_granted_vote_restarts_the_timer() -> None:
    """Figure 2, Followers: only a call of the leader or a granted vote restarts the timer."""
    tom = lone(9, current_term=3, election_timeout=9)
    tom.on_request_vote("jerry", RequestVote(term=4))
    tom.on_request_vote("spike", RequestVote(term=4))
    tom.on_request_vote("spike", RequestVote(term=2))

    assert [("start", "election", 9)] == effects(tom, "start")


def test_votes_of_another_election_do_not_count() -> None:
    """Replies of another term do not count, and each election begins with one vote."""
    tom = lone(9, servers=5)
    tom.on_election_timeout()
    tom.on_request_vote_reply("jerry", RequestVoteReply(term=1, vote_granted=True))
    tom.on_election_timeout()
    assert {"tom"} == tom.votes
    tom.on_request_vote_reply("spike", RequestVoteReply(term=1, vote_granted=True))
    tom.on_request_vote_reply("spike", RequestVoteReply(term=2, vote_granted=True))

    assert ({"tom", "spike"}, False) == (tom.votes, tom.is_leader)


@pytest.mark.parametrize("servers, needed", [(1, 1), (2, 2), (3, 2), (4, 3), (5, 3), (6, 4), (7, 4)])
def test_more_than_half_must_vote(servers: int, needed: int) -> None:
    """With four servers two votes are not enough; a single server needs only its own."""
    tom = lone(9, servers=servers)
    tom.on_election_timeout()
    for peer in tom.peers()[: needed - 1]:
        assert not tom.is_leader
        tom.on_request_vote_reply(peer, RequestVoteReply(term=1, vote_granted=True))

    assert tom.is_leader


def test_a_leader_is_elected_once() -> None:
    """A vote that arrives after the election does not make the leader begin again."""
    tom = lone(9)
    tom.on_election_timeout()
    tom.on_request_vote_reply("jerry", RequestVoteReply(term=1, vote_granted=True))
    effects(tom)
    tom.on_request_vote_reply("spike", RequestVoteReply(term=1, vote_granted=True))

    assert [] == effects(tom)


def test_replies_carry_the_term_in_which_they_were_sent() -> None:
    """The term after the message was handled, which may be the message's own."""
    tom = lone(9, current_term=3)
    tom.on_append_entries("jerry", call(5))
    tom.on_append_entries("jerry", call(5, prev=4, prev_term=5))
    tom.on_append_entries("jerry", call(4))
    tom.on_request_vote("spike", RequestVote(term=6))

    assert [
        AppendEntriesReply(term=5, success=True, prev_log_index=0),
        AppendEntriesReply(term=5, success=False, prev_log_index=4),
        AppendEntriesRefused(term=5),
        RequestVoteReply(term=6, vote_granted=True),
    ] == [reply for _, reply in sent(tom)]


def test_acknowledgements_of_another_term_do_not_count() -> None:
    """A late reply neither commits a write of this term nor triggers another call."""
    tom = lone(9, current_term=6, is_leader=True)
    tom.on_client_request("client#1", Set(key="x", value="1"))
    effects(tom)
    tom.on_append_entries_reply("jerry", AppendEntriesReply(term=4, success=True, prev_log_index=0))
    tom.on_append_entries_reply("jerry", AppendEntriesReply(term=4, success=False, prev_log_index=0))
    assert [] == effects(tom)
    tom.on_append_entries_reply("jerry", AppendEntriesReply(term=6, success=True, prev_log_index=0))

    assert [("reply", "client#1", Ok())] == effects(tom, "reply")


def test_the_vote_is_not_for_life() -> None:
    """Both survivors have voted in an earlier term, and elect one of them; in step 8 they never did."""
    clusters = {step: Cluster(step, **ELECTED_AND_CRASHED) for step in (8, 9)}
    for cluster in clusters.values():
        cluster.run(20)
        cluster.crash("tom")
        cluster.run(120)

    assert {8: [], 9: ["jerry"]} == {step: cluster.leaders for step, cluster in clusters.items()}
    assert 2 == clusters[9].node("jerry").current_term
    assert [] == [seconds for seconds in leaderless(9, 50, named_leader=False) if seconds >= 120]


def test_half_of_four_elects_no_leader() -> None:
    """Four servers split in half: two leaders of one term before, no leader now, and one leader after the heal."""
    clusters = {step: Cluster(step, FOUR, **HALVES) for step in (8, 9)}
    for cluster in clusters.values():
        cluster.partition(["tom", "jerry"], ["spike", "tyke"])
        cluster.run(12)
    assert {8: ["tom", "spike"], 9: []} == {step: cluster.leaders for step, cluster in clusters.items()}
    clusters[9].heal()
    clusters[9].run(60)

    assert 1 == len(clusters[9].leaders)


@pytest.mark.parametrize("servers", [2, 3, 4])
def test_no_order_of_events_elects_two(servers: int) -> None:
    """In every order of events of a small scope, no server votes twice in a term, and no term has two leaders."""
    world = Scope(timeouts={"election": 2})
    outcome = Search(9, servers=servers).run(world, invariants=["Election Safety", "One Vote per Term"])

    assert "Space exhausted" in str(outcome)


def test_the_search_finds_the_classic_mistake() -> None:
    """A vote that is cleared with the role elects two leaders of one term, in seven events."""

    class Forgetful(node(9)):  # type: ignore[misc]
        def become_follower(self) -> None:
            super().become_follower()
            self.voted_for = None

    outcome = Search(Forgetful, servers=3).run(Scope(timeouts={"election": 2}), invariants=["Election Safety"])

    assert "Violated: Election Safety" in str(outcome)
    assert "7 events deep" in str(outcome)


def test_the_stored_schedule_breaks_only_step_8() -> None:
    """Two leaders of four: the stored schedule still breaks step 8."""
    assert ["Election Safety"] == [
        broken.name for broken in run_schedule(stored_schedule("two_leaders_of_four")).breaks
    ]


def test_the_ten_steps_always_pass() -> None:
    """Every seed passes, by the logs and the leader's answers; state machines follow in step 11."""
    swept = sweep_ten_steps(9, 60)

    assert 60 == swept.passed


def test_kept_rules_hold_during_partitions() -> None:
    """The rules that the step is expected to keep hold during partitions."""
    assert "10 survived (100.0%)" in str(sweep(9, "partitions", seeds=10, seconds=10))


def test_a_leader_without_a_committed_entry_is_still_elected() -> None:
    """What is still broken: nobody looks at the candidate's log, and an acknowledged write is deleted."""
    cluster = Cluster(9, leader="tom", draws={"jerry": [18], "spike": [9]})
    cluster.run(6)
    cluster.partition("spike")
    assert Ok() == cluster.set("x", 1)
    cluster.run(1)
    cluster.crash("tom")
    cluster.heal()
    cluster.run(12)
    assert ["spike"] == cluster.leaders
    cluster.set("y", 2)
    cluster.run(3)

    assert Ok(value=None) == cluster.get("x")
    assert ["1 set y 2"] == cluster.log("jerry")
