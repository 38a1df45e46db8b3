"""Step 6: an older term is refused. One test for each sentence of the step's docstring and of Section 5.2."""

from __future__ import annotations

import pytest

from raft_steps.lab.cluster.cluster import Cluster
from raft_steps.lab.commands import Set
from raft_steps.lab.log import Entry
from raft_steps.step_02_append_entries import AppendEntriesReply
from raft_steps.step_05_term_in_append_entries import AppendEntries
from raft_steps.step_06_term_checks import AppendEntriesRefused
from tests.helpers.runs import cut_off_leader, effects, lone, sent

SET_X = Set(key="x", value="1")


def call(term: int, *entries: tuple[int, int], prev: int = 0, prev_term: int = 0) -> AppendEntries:
    """Build a call of a term, with entries as index and term."""
    made = tuple(Entry(index=index, term=entry_term, command=SET_X) for index, entry_term in entries)
    return AppendEntries(term=term, prev_log_index=prev, prev_log_term=prev_term, entries=made)


def test_older_term_is_refused() -> None:
    """Figure 2, receiver 1: a call from an older term is answered with the current term."""
    jerry = lone(6, name="jerry", current_term=3)
    jerry.on_append_entries("tom", call(2))

    assert [("tom", AppendEntriesRefused(term=3))] == sent(jerry)


def test_refused_call_changes_nothing() -> None:
    """Neither the log nor the term, role or timers change: the candidacy goes on, and so does its timer."""
    jerry = lone(6, "1 set y 0", name="jerry", current_term=2)
    jerry.on_election_timeout()
    effects(jerry)
    before = {name: value for name, value in vars(jerry).items() if name != "effects"}
    jerry.on_append_entries("tom", call(2, (1, 2)))

    assert before == {name: value for name, value in vars(jerry).items() if name != "effects"}
    assert [("send", "tom", AppendEntriesRefused(term=3))] == effects(jerry)
    assert ["1 set y 0"] == [f"{entry.term} set y 0" for entry in jerry.log]


def test_candidacy_goes_on_after_a_refusal() -> None:
    """A candidate that refuses an older leader can still win."""
    jerry = lone(6, name="jerry", current_term=2)
    jerry.on_election_timeout()
    jerry.on_append_entries("tom", call(2))

    assert (True, {"jerry"}) == (jerry.is_candidate, jerry.votes)


@pytest.mark.parametrize("term", [3, 4])
def test_term_at_least_as_new_is_followed(term: int) -> None:
    """At a call of the same or a newer term, the receiver catches up, follows, stores and answers, in this order."""
    jerry = lone(6, name="jerry", current_term=3, election_timeout=9)
    jerry.on_append_entries("tom", call(term, (1, 3)))

    assert (term, 1) == (jerry.current_term, len(jerry.log))
    assert [
        ("start", "election", 9),
        ("send", "tom", AppendEntriesReply(success=True, prev_log_index=0)),
    ] == effects(jerry)


@pytest.mark.parametrize("term", [3, 4])
def test_term_at_least_as_new_ends_a_candidacy(term: int) -> None:
    """Section 5.2: a candidate recognizes a leader whose term is at least its own, and returns to follower."""
    jerry = lone(6, name="jerry", current_term=2)
    jerry.on_election_timeout()
    jerry.on_append_entries("tom", call(term))

    assert not jerry.is_candidate


@pytest.mark.parametrize("term", [3, 4])
def test_term_at_least_as_new_deposes_a_leader(term: int) -> None:
    """A leader that receives a call of the same or a newer term stops leading, and refuses clients."""
    jerry = lone(6, name="jerry", current_term=3, is_leader=True)
    jerry.on_append_entries("tom", call(term))
    effects(jerry)
    jerry.on_client_request("client#1", SET_X)

    assert not jerry.is_leader
    assert ["NotLeader"] == [type(effect[2]).__name__ for effect in effects(jerry)]


def test_deposed_leader_waits_for_its_successor() -> None:
    """A leader has no election timer running; a deposed one starts it, so that it can become a candidate again."""
    jerry = lone(6, name="jerry", current_term=3, is_leader=True, election_timeout=9)
    jerry.on_append_entries("tom", call(4))

    assert [("start", "election", 9)] == effects(jerry, "start")


def test_refusal_is_a_separate_reply() -> None:
    """A refusal because of the log is an unsuccessful reply; one because of the term is a separate message."""
    jerry = lone(6, name="jerry", current_term=3)
    jerry.on_append_entries("tom", call(3, prev=1, prev_term=1))
    jerry.on_append_entries("tom", call(2, prev=1, prev_term=1))

    assert [AppendEntriesReply(success=False, prev_log_index=1), AppendEntriesRefused(term=3)] == [
        m for _, m in sent(jerry)
    ]


def test_leader_does_not_act_on_a_refusal() -> None:
    """Until step 9, a leader of an older term that is refused goes on as before."""
    tom = lone(6, is_leader=True, current_term=1)
    before = {name: value for name, value in vars(tom).items() if name != "effects"}
    tom.on_append_entries_refused("jerry", AppendEntriesRefused(term=5))

    assert before == {name: value for name, value in vars(tom).items() if name != "effects"}
    assert [] == effects(tom)


def test_refusals_do_not_cause_a_message_storm() -> None:
    """A leader of an older term is refused once per heartbeat, and does not retry at the network's speed."""
    cluster = Cluster(6, 3, leader="tom", seed=1)
    cluster.run(6)
    cluster.cut("jerry", "tom")
    cluster.cut("spike", "tom")
    for name in ("jerry", "spike"):
        cluster.node(name).current_term = 9
    cluster.run(50)
    refused = [event for event in cluster.trace.of("sent") if event["type"] == "AppendEntriesRefused"]
    beats = [
        event for event in cluster.trace.of("delivered") if event["type"] == "AppendEntries" and event["from"] == "tom"
    ]

    assert 0 < len(refused) <= len(beats)


def test_leader_that_comes_back_is_deposed() -> None:
    """A leader that was cut off follows its successor; in step 5 it went on leading."""
    before, after = cut_off_leader(5, after=40), cut_off_leader(6, after=40)
    deposed = [event.seconds for event in after.trace.of("role", server="tom") if event["role"] == "follower"]

    assert 2 == len(before.leaders)
    assert "tom" in before.leaders
    assert "tom" not in after.leaders
    assert 1 == len(deposed)


def test_heartbeats_of_a_deposed_leader_go_on() -> None:
    """A fault until step 7: a deposed leader goes on sending heartbeats, in the new term."""
    cluster = cut_off_leader(6, after=40)
    beats = [
        e
        for e in cluster.trace.of("sent", server="tom")
        if e["type"] == "AppendEntries" and e.seconds > cluster.time - 10
    ]

    assert not cluster.node("tom").is_leader
    assert beats
    assert {cluster.node("tom").current_term} == {event["fields"]["term"] for event in beats}


def test_false_heartbeats_depose_the_true_leader_too() -> None:
    """The consequence: in the adopted term, the former leader's heartbeats depose its successor.

    Then nobody leads, and the heartbeats of both prevent any election, forever.
    """
    cluster = cut_off_leader(6, after=40)
    since = cluster.time
    cluster.run(300)
    sent = [event for event in cluster.trace.of("sent") if event.seconds > since]

    assert [] == cluster.leaders
    assert 2 == len({event.server for event in sent if event["type"] == "AppendEntries"})
    assert [] == [event for event in sent if event["type"] == "RequestVote"]
