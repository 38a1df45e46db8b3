"""Step 4: the servers choose their leader. One test for each sentence of the step's docstring and of Section 5.2.

The faults that the step still has, until step 9 and some until steps 5 to 8, are tested like everything else.
"""

from __future__ import annotations

import pytest

from raft_steps.lab.cluster.cluster import Cluster
from raft_steps.lab.commands import Ok
from raft_steps.step_02_append_entries import AppendEntries
from raft_steps.step_04_leader_election import RequestVote, RequestVoteReply
from tests.helpers.runs import effects, lone, sent, terms

HEARTBEAT = AppendEntries(prev_log_index=0, prev_log_term=0, entries=())
GRANTED, REFUSED = RequestVoteReply(vote_granted=True), RequestVoteReply(vote_granted=False)


def test_no_server_is_named_leader() -> None:
    """All servers start as followers, and one of them is elected."""
    cluster = Cluster(4)
    assert [] == cluster.leaders
    cluster.run(30)

    assert 1 == len(cluster.leaders)


def test_timeout_is_a_whole_number_from_8_to_18() -> None:
    """The post's timeouts are whole seconds, both ends included; each server draws its own when it starts."""
    drawn = {Cluster(4, seed=seed).node("tom").election_timeout for seed in range(150)}

    assert set(range(8, 19)) == drawn


def test_follower_without_a_leader_starts_an_election() -> None:
    """After its timeout a follower raises the term, votes for itself and asks the others."""
    tom = lone(4, current_term=3, election_timeout=9)
    tom.on_election_timeout()

    assert (4, {"tom"}, True) == (tom.current_term, tom.votes, tom.is_candidate)
    assert [
        ("start", "election", 9),
        ("send", "jerry", RequestVote(term=4)),
        ("send", "spike", RequestVote(term=4)),
    ] == effects(tom)


def test_calls_of_a_leader_prevent_elections() -> None:
    """Every call restarts the follower's timer, with the full timeout."""
    tom = lone(4, election_timeout=9)
    tom.on_append_entries("jerry", HEARTBEAT)

    assert ("start", "election", 9) in effects(tom)


def test_no_election_while_the_leader_is_up() -> None:
    """With a leader that sends heartbeats no election begins: 5 seconds are less than 8."""
    cluster = Cluster(4)
    cluster.run(until=lambda: cluster.leader is not None)
    fired = len([e for e in cluster.trace.of("timer_fired") if e["timer"] == "election"])
    cluster.run(300)

    assert fired == len([e for e in cluster.trace.of("timer_fired") if e["timer"] == "election"])


@pytest.mark.parametrize("servers, needed", [(1, 0), (2, 0), (3, 1), (4, 1), (5, 2), (7, 3)])
def test_half_of_the_servers_are_enough(servers: int, needed: int) -> None:
    """A candidate leads with the votes of half of the servers, its own included; a fault until step 9.

    With two servers its own vote is half already, but it leads only after an answer that is a vote.
    """
    tom = lone(4, servers=servers)
    tom.on_election_timeout()
    voters = 0
    while not tom.is_leader:
        tom.on_request_vote_reply(tom.peers()[voters], GRANTED)
        voters += 1

    assert max(needed, 1 if servers > 1 else 0) == voters


def test_equal_split_gives_two_leaders() -> None:
    """A fault until step 9: with four servers, two candidates of one term win with two votes each."""
    draws = {"tom": [8], "jerry": [8], "spike": [18], "tyke": [18]}
    cluster = Cluster(4, 4, draws=draws, network={"delay": (0.2, 0.2)})
    cluster.drop("jerry>spike#1")
    cluster.drop("tom>tyke#1")
    cluster.run(9)

    assert ["tom", "jerry"] == cluster.leaders
    assert 1 == cluster.node("tom").current_term == cluster.node("jerry").current_term


def test_refused_vote_does_not_count() -> None:
    """A refused vote is not counted."""
    tom = lone(4)
    tom.on_election_timeout()
    tom.on_request_vote_reply("jerry", REFUSED)

    assert {"tom"} == tom.votes
    assert not tom.is_leader


def test_new_leader_sends_heartbeats() -> None:
    """A winner stops its election timer, and sends heartbeats at once and from then on."""
    tom = lone(4)
    tom.on_election_timeout()
    effects(tom)
    tom.on_request_vote_reply("jerry", GRANTED)

    assert tom.is_leader
    assert not tom.is_candidate
    assert [
        ("cancel", "election"),
        ("send", "jerry", HEARTBEAT),
        ("send", "spike", HEARTBEAT),
        ("start", "heartbeat", 5),
    ] == effects(tom)


def test_later_votes_change_nothing() -> None:
    """A leader that gets one more vote does not become leader again."""
    tom = lone(4, is_leader=True, votes={"tom", "jerry"})
    tom.on_request_vote_reply("spike", GRANTED)

    assert [] == effects(tom)


def test_new_leader_applies_its_whole_log() -> None:
    """A winner replays its log, so its reads are right, although it applied nothing as a follower."""
    cluster = Cluster(4, leader="tom", logs={"tom": "1 set x 1; 1 set y 2"})
    cluster.run(7)
    assert {} == cluster.node("jerry").state_machine
    cluster.crash("tom")
    cluster.run(until=lambda: cluster.leader is not None)

    assert Ok(value="1") == cluster.get("x")


@pytest.mark.parametrize("term, own_term, granted", [(1, 0, True), (5, 3, True), (3, 3, False), (2, 3, False)])
def test_vote_is_for_a_newer_term(term: int, own_term: int, granted: bool) -> None:
    """A server votes for a candidate whose term is newer than its own, and for no other."""
    tom = lone(4, current_term=own_term)
    tom.on_request_vote("jerry", RequestVote(term=term))

    assert ("jerry" if granted else None) == tom.voted_for
    assert [("jerry", RequestVoteReply(vote_granted=granted))] == sent(tom)


def test_granting_a_vote_restarts_the_timer() -> None:
    """Granting a vote restarts the voter's election timer; refusing does not."""
    tom = lone(4, election_timeout=9)
    tom.on_request_vote("jerry", RequestVote(term=1))
    assert ("start", "election", 9) in effects(tom)
    tom.on_request_vote("spike", RequestVote(term=2))

    assert [] == effects(tom, "start")


def test_server_votes_once_in_its_life() -> None:
    """A fault until step 9: the vote is never cleared, so a later term gets none."""
    tom = lone(4)
    tom.on_request_vote("jerry", RequestVote(term=1))
    for term in (2, 3, 99):
        tom.on_request_vote("jerry", RequestVote(term=term))

    assert [GRANTED, REFUSED, REFUSED, REFUSED] == [message for _, message in sent(tom)]


def test_restart_clears_the_vote() -> None:
    """The vote is not on disk: a server that restarts votes again, even in the same term."""
    cluster = Cluster(4, draws={"tom": [8], "jerry": [18], "spike": [18]})
    cluster.run(10)
    assert "tom" == cluster.node("jerry").voted_for
    cluster.crash("jerry")
    cluster.restart("jerry")

    assert cluster.node("jerry").voted_for is None


def test_vote_for_itself_is_not_recorded() -> None:
    """A candidate's own vote leaves voted_for alone: it can still vote for another."""
    tom = lone(4)
    tom.on_election_timeout()
    effects(tom)
    tom.on_request_vote("jerry", RequestVote(term=2))

    assert "jerry" == tom.voted_for
    assert [("jerry", GRANTED)] == sent(tom)


def test_voter_keeps_its_own_term() -> None:
    """A fault until step 9: voting for a newer term does not raise the voter's own."""
    tom = lone(4, current_term=1)
    tom.on_request_vote("jerry", RequestVote(term=7))

    assert 1 == tom.current_term


def test_votes_of_an_earlier_election_still_count() -> None:
    """A fault until step 9: a candidate keeps its votes, and a late vote makes it the leader of a later term."""
    tom = lone(4)
    tom.on_election_timeout()
    tom.on_election_timeout()
    tom.on_request_vote_reply("jerry", GRANTED)

    assert (True, 2) == (tom.is_leader, tom.current_term)


def test_late_vote_makes_a_follower_leader() -> None:
    """The same fault: a server that has become a follower leads when an old vote arrives."""
    tom = lone(4)
    tom.on_election_timeout()
    tom.on_append_entries("spike", HEARTBEAT)
    tom.on_request_vote_reply("jerry", GRANTED)

    assert tom.is_leader


def test_candidate_tries_again_after_the_same_timeout() -> None:
    """The timer is restarted at the start of an election, with the timeout that was drawn once for the whole life."""
    cluster = Cluster(4, draws={"tom": [9], "jerry": [18], "spike": [18]})
    cluster.crash("jerry", "spike")
    cluster.run(60)

    assert [9.0, 18.0, 27.0, 36.0, 45.0, 54.0] == [event.seconds for event in cluster.trace.of("timer_fired")]


def test_an_old_leader_looks_like_a_new_one() -> None:
    """The failure that opens the next notebook: a leader's messages carry no term yet.

    A leader that was cut off and comes back goes on leading in its old term, next to its successor.
    """
    cluster = Cluster(4, 5, leader="tom")
    cluster.run(6)
    cluster.partition("tom")
    cluster.run(30)
    cluster.heal()
    cluster.run(60)

    assert 2 == len(cluster.leaders)
    assert 0 == cluster.node("tom").current_term


def test_term_after_a_restart_is_that_of_the_last_entry() -> None:
    """The term is not on disk: a server that restarts is in the term of its last entry."""
    cluster = Cluster(4)
    cluster.run(30)
    assert 1 in terms(cluster)
    cluster.crash("leader")
    cluster.restart("crashed")

    assert [0, 0, 0] == sorted(terms(cluster))


def test_single_server_elects_itself() -> None:
    """In a cluster of one, a server needs no other vote."""
    cluster = Cluster(4, 1)
    cluster.run(20)

    assert "tom" == cluster.leader
    assert Ok() == cluster.set("x", 1)


def test_named_leader_still_works() -> None:
    """The ten-step test begins with a named leader; it leads without an election."""
    cluster = Cluster(4, leader="tom")
    cluster.run(60)

    assert ["tom"] == cluster.leaders
    assert [] == [event for event in cluster.trace.of("timer_fired") if event["timer"] == "election"]
