"""Step 7: only the leader sends heartbeats. One test for each sentence of the step's docstring."""

from __future__ import annotations

import pytest

from raft_steps.lab.cluster.cluster import Cluster
from raft_steps.step_04_leader_election import RequestVoteReply
from tests.helpers.runs import cut_off_leader, effects, lone
from tests.steps.test_step_06 import call


def test_becoming_leader_starts_the_heartbeat_timer() -> None:
    """The post: I start that up when the server becomes the leader; the first heartbeats leave at once."""
    tom = lone(7)
    tom.on_election_timeout()
    effects(tom)
    tom.on_request_vote_reply("jerry", RequestVoteReply(vote_granted=True))

    assert ["cancel", "send", "send", "start"] == [effect[0] for effect in tom.effects]
    assert ("start", "heartbeat", 5) == tom.effects[-1]


@pytest.mark.parametrize("term", [3, 4])
def test_up_to_date_call_cancels_it(term: int) -> None:
    """The post: I cancel it in the event of an up-to-date append_entries call."""
    tom = lone(7, current_term=3, is_leader=True)
    tom.on_append_entries("jerry", call(term))

    assert ("cancel", "heartbeat") in effects(tom)


def test_older_call_does_not_cancel_it() -> None:
    """A leader that refuses a call of an older term goes on sending."""
    tom = lone(7, current_term=3, is_leader=True)
    tom.on_append_entries("jerry", call(2))

    assert ["send"] == [effect[0] for effect in effects(tom)]


def test_deposed_leader_falls_silent() -> None:
    """A leader that was cut off and deposed sends no more heartbeats; in step 6 it did."""

    def late_beats(cluster: Cluster) -> int:
        sent = cluster.trace.of("sent", server="tom")
        return len([e for e in sent if e["type"] == "AppendEntries" and e.seconds > cluster.time - 20])

    assert late_beats(cut_off_leader(6, after=40))
    assert 0 == late_beats(cut_off_leader(7, after=40))


def test_silence_starts_an_election() -> None:
    """Without a leader there are no heartbeats, so an election begins; in step 6 the others waited forever."""
    cluster = cut_off_leader(7, after=40)
    cluster.crash("leader")
    crashed_at = cluster.time
    cluster.run(60)

    assert [e for e in cluster.trace.of("timer_fired") if e["timer"] == "election" and e.seconds > crashed_at]


def test_timer_of_a_leader_goes_on() -> None:
    """A leader that is not deposed sends a heartbeat every 5 seconds, as before."""
    cluster = Cluster(7, leader="tom").run(31)

    assert [5.0, 10.0, 15.0, 20.0, 25.0, 30.0] == [event.seconds for event in cluster.trace.of("timer_fired")]


def test_equal_timeouts_split_the_vote_forever() -> None:
    """What is still broken, the post's one more thing: two candidates with the same timeout never elect anyone."""
    cluster = Cluster(7, leader="tom", draws={"tom": [18], "jerry": [11], "spike": [11]})
    cluster.run(1)
    cluster.crash("tom")
    cluster.run(300)
    refused = [e for e in cluster.trace.of("sent") if e["type"] == "RequestVoteReply"]

    assert [] == cluster.leaders
    assert 2 * (300 // 11) == len(refused)
    assert {False} == {event["fields"]["vote_granted"] for event in refused}


def test_unequal_timeouts_do_not() -> None:
    """A second apart is enough: a message takes 0.3 seconds at most, so the first request arrives in time."""
    cluster = Cluster(7, leader="tom", draws={"tom": [18], "jerry": [11], "spike": [12]})
    cluster.run(1)
    cluster.crash("tom")
    cluster.run(20)

    assert ["jerry"] == cluster.leaders


@pytest.mark.parametrize("seed", range(20))
def test_equal_timeouts_split_the_vote_with_any_seed(seed: int) -> None:
    """It is not a matter of luck: however long messages take, equal timeouts split the vote."""
    draws = {"tom": [18], "jerry": [9], "spike": [9]}
    cluster = Cluster(7, seed=seed, leader="tom", draws=draws, record=False)
    cluster.run(1)
    cluster.crash("tom")

    assert [] == cluster.run(120).leaders
