"""Step 8: a new timeout for every election. One test for each sentence of the step's docstring and of the post."""

from __future__ import annotations

import pytest

from raft_steps.lab.cluster.cluster import Cluster
from raft_steps.step_04_leader_election import RequestVote, RequestVoteReply
from tests.helpers.runs import cut_off_leader, effects, lone
from tests.steps.test_step_06 import call


def test_election_begins_with_a_new_timeout() -> None:
    """Section 5.2: a candidate restarts its randomized timeout at the start of an election."""
    tom = lone(8, election_timeout=9)
    drawn = []
    for _ in range(30):
        tom.on_election_timeout()
        assert ("start", "election", tom.election_timeout) == effects(tom)[0]
        drawn.append(tom.election_timeout)

    assert len(set(drawn)) > 5
    assert set(drawn) <= set(range(8, 19))


def test_candidate_waits_for_it_before_the_next() -> None:
    """The next election begins when the new timeout has elapsed, not earlier."""
    cluster = Cluster(8, draws={"tom": [9, 13, 8]}, later=["jerry", "spike"])
    cluster.run(31)

    assert [9.0, 22.0, 30.0] == [event.seconds for event in cluster.trace.of("timer_fired")]


def test_split_vote_does_not_repeat_forever() -> None:
    """Two candidates with the same timeout split the vote once; with new timeouts one of them is first."""
    cluster = Cluster(8, leader="tom", draws={"tom": [18], "jerry": [11, 10], "spike": [11, 12]})
    cluster.run(1)
    cluster.crash("tom")
    cluster.run(24)

    assert ["jerry"] == cluster.leaders
    assert 2 == cluster.node("jerry").current_term


def test_second_split_needs_a_second_coincidence() -> None:
    """Equal timeouts twice in a row split the vote twice; then the timeouts differ."""
    cluster = Cluster(8, leader="tom", draws={"tom": [18], "jerry": [11, 9], "spike": [11, 9]})
    cluster.run(1)
    cluster.crash("tom")
    cluster.run(21)
    assert [] == cluster.leaders
    cluster.run(60)

    assert 1 == len(cluster.leaders)


@pytest.mark.parametrize("seed", range(20))
def test_equal_timeouts_end_with_any_seed(seed: int) -> None:
    """Clusters that split the vote forever in step 7 have a leader within two minutes."""
    cluster = Cluster(8, seed=seed, leader="tom", draws={"tom": [18], "jerry": [9], "spike": [9]}, record=False)
    cluster.run(1)
    cluster.crash("tom")

    assert 1 == len(cluster.run(120, until=lambda: cluster.leader is not None).leaders)


def test_candidate_attribute_is_gone() -> None:
    """The post: I removed the candidate attribute because I wasn't using it for anything."""
    with pytest.raises(AttributeError, match="is_candidate is gone"):
        _ = lone(8).is_candidate


def test_request_vote_makes_a_candidate() -> None:
    """A server becomes a candidate by sending RequestVote; the trace still shows the candidacy."""
    cluster = Cluster(8, draws={"tom": [8], "jerry": [18], "spike": [18]})
    cluster.run(10)

    assert ["follower", "candidate", "leader"] == [event["role"] for event in cluster.trace.of("role", server="tom")]


def test_nothing_else_changes() -> None:
    """Steps 6 and 7 still hold: older terms are refused, and a deposed leader falls silent."""
    cluster = cut_off_leader(8, after=40)
    tom = lone(8, current_term=3, is_leader=True)
    tom.on_append_entries("jerry", call(4))

    assert 1 == len(cluster.leaders)
    assert not tom.is_leader
    assert ["cancel", "start", "send"] == [effect[0] for effect in effects(tom)]


def test_vote_is_still_given_once_in_a_life() -> None:
    """What is still broken: after one election, both survivors have voted, and elect nobody."""
    cluster = Cluster(8, draws={"tom": [8], "jerry": [11], "spike": [14]})
    cluster.run(20)
    cluster.crash("tom")
    cluster.run(120)
    replies = [e for e in cluster.trace.of("sent") if e["type"] == "RequestVoteReply" and e.seconds > 20]

    assert [] == cluster.leaders
    assert replies
    assert {False} == {event["fields"]["vote_granted"] for event in replies}


def test_restarting_the_crashed_server_helps() -> None:
    """As in the original: the server that comes back has a vote to give."""
    cluster = Cluster(8, draws={"tom": [8], "jerry": [11], "spike": [14]})
    cluster.run(20)
    cluster.crash("tom")
    cluster.run(60)
    cluster.restart("tom")
    cluster.run(120, until=lambda: cluster.leader is not None)

    assert 1 == len(cluster.leaders)


def test_winner_leads_as_before() -> None:
    """A winner applies its log, sends heartbeats at once, and starts the timer for the next ones."""
    tom = lone(8, "1 set x 1")
    tom.on_election_timeout()
    assert [RequestVote(term=1)] * 2 == [effect[2] for effect in effects(tom, "send")]
    tom.on_request_vote_reply("jerry", RequestVoteReply(vote_granted=True))

    assert {"x": "1"} == tom.state_machine
    assert ["cancel", "apply", "send", "send", "start"] == [effect[0] for effect in effects(tom)]
