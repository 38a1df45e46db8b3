"""Step 2: a leader copies its log. One test for each sentence of the step's docstring and of Section 5.3."""

from __future__ import annotations

import pytest

from raft_steps.lab.cluster.cluster import Cluster
from raft_steps.lab.commands import NotLeader, Ok, Set
from raft_steps.lab.log import Entry
from raft_steps.step_02_append_entries import AppendEntries, AppendEntriesReply
from tests.helpers.runs import effects, lone, sent

SET_X = Set(key="x", value="1")


def call(prev: int, prev_term: int, *entries: tuple[int, int]) -> AppendEntries:
    """Build a call: the previous entry, and the new ones as index and term."""
    made = tuple(Entry(index=index, term=term, command=SET_X) for index, term in entries)
    return AppendEntries(prev_log_index=prev, prev_log_term=prev_term, entries=made)


def terms(node: object) -> list[int]:
    """Return the terms of a node's entries."""
    return [entry.term for entry in node.log]  # type: ignore[attr-defined]


def test_one_server_is_named_leader() -> None:
    """The named leader leads from its start; the others follow, and refuse clients."""
    cluster = Cluster(2)

    assert ["tom"] == cluster.leaders
    assert NotLeader() == cluster.get("x", to="jerry")


def test_restarted_leader_does_not_lead() -> None:
    """A server is named leader once: after a restart it is a follower, and nobody leads."""
    cluster = Cluster(2)
    cluster.crash("tom")
    cluster.restart("tom")

    assert [] == cluster.run(60).leaders


def test_leader_sends_heartbeats() -> None:
    """The leader sends calls without entries, at once and then every 5 seconds."""
    trace = Cluster(2).run(20).trace
    beats = [event for event in trace.of("sent", server="tom") if event["to"] == "jerry"]

    assert [0.0, 5.0, 10.0, 15.0] == [event.seconds for event in beats]
    assert {"AppendEntries"} == {event["type"] for event in beats}
    assert [[]] * 4 == [event["fields"]["entries"] for event in beats]


def test_new_entry_is_sent_to_every_follower() -> None:
    """A write is sent to all followers at once, with the index and term of the previous entry."""
    tom = lone(2, "1 set y 0", is_leader=True, current_term=1)
    tom.on_client_request("client#1", SET_X)

    assert [("jerry", call(1, 1, (2, 1))), ("spike", call(1, 1, (2, 1)))] == sent(tom)


def test_client_is_answered_without_waiting() -> None:
    """The leader answers before any follower has the entry (until step 3): the entry can still be lost."""
    cluster = Cluster(2)
    cluster.crash("followers")

    assert Ok() == cluster.set("x", 1)
    assert ["0 set x 1"] == cluster.log("tom")


def test_follower_stores_what_follows_an_entry_that_it_has() -> None:
    """Section 5.3: a follower that has the previous entry stores the new ones, and confirms it."""
    jerry = lone(2, "1 set x 1", name="jerry")
    jerry.on_append_entries("tom", call(1, 1, (2, 1), (3, 2)))

    assert [1, 1, 2] == terms(jerry)
    assert [("tom", AppendEntriesReply(success=True, prev_log_index=1))] == sent(jerry)


@pytest.mark.parametrize("prev, prev_term", [(2, 1), (1, 2)])
def test_follower_refuses_what_follows_an_entry_that_it_lacks(prev: int, prev_term: int) -> None:
    """Section 5.3: it refuses if it has no entry there, or one of another term; its log does not change."""
    jerry = lone(2, "1 set x 1", name="jerry")
    jerry.on_append_entries("tom", call(prev, prev_term, (prev + 1, 2)))

    assert [1] == terms(jerry)
    assert [("tom", AppendEntriesReply(success=False, prev_log_index=prev))] == sent(jerry)


def test_leader_tries_again_one_entry_earlier() -> None:
    """After a refusal, the leader sends its entries from one entry earlier on."""
    tom = lone(2, "1 set x 1", "1 set x 1", "2 set x 1", is_leader=True)
    tom.on_append_entries_reply("jerry", AppendEntriesReply(success=False, prev_log_index=2))

    assert [("jerry", call(1, 1, (2, 1), (3, 2)))] == sent(tom)


def test_all_logs_share_the_first_entry() -> None:
    """The leader goes back to the common first entry at most, which no follower refuses."""
    tom, jerry = lone(2, "1 set x 1", is_leader=True), lone(2, name="jerry")
    tom.on_append_entries_reply("jerry", AppendEntriesReply(success=False, prev_log_index=1))
    ((_, message),) = sent(tom)
    jerry.on_append_entries("tom", message)

    assert 0 == message.prev_log_index
    assert [1] == terms(jerry)


def test_refusal_of_an_entry_beyond_the_log_is_harmless() -> None:
    """A late refusal of an entry that the leader no longer has goes back to the end of its own log."""
    tom = lone(2, "1 set x 1", is_leader=True)
    tom.on_append_entries_reply("jerry", AppendEntriesReply(success=False, prev_log_index=9))

    assert [("jerry", call(1, 1))] == sent(tom)


def test_entries_that_differ_are_deleted() -> None:
    """Section 5.3: an entry that conflicts with a new one is deleted, and all that follow it."""
    jerry = lone(2, "1 set x 1", "1 set x 1", "1 set x 1", name="jerry")
    jerry.on_append_entries("tom", call(1, 1, (2, 2)))

    assert [1, 2] == terms(jerry)


def test_entries_that_agree_are_kept() -> None:
    """Entries that agree are kept, with those that follow them: a late call deletes nothing."""
    jerry = lone(2, "1 set x 1", "1 set x 1", "2 set x 1", name="jerry")
    jerry.log.changes = []
    jerry.on_append_entries("tom", call(0, 0, (1, 1), (2, 1)))

    assert [1, 1, 2] == terms(jerry)
    assert [] == jerry.log.changes


def test_heartbeats_bring_an_empty_follower_up_to_date() -> None:
    """Heartbeats alone find out what a follower lacks, and send it: no write is needed."""
    cluster = Cluster(2, logs={"tom": "1 set x 1; 1 set y 2; 2 delete x", "jerry": "1 set x 1; 3 set z 3; 3 set z 4"})
    cluster.run(10)

    assert [cluster.log("tom")] * 2 == [cluster.log("jerry"), cluster.log("spike")]


def test_follower_that_was_down_catches_up() -> None:
    """A follower that restarts gets the entries that it has missed."""
    cluster = Cluster(2)
    cluster.crash("spike")
    cluster.set("x", 1)
    cluster.restart("spike")
    cluster.run(10)

    assert ["0 set x 1"] == cluster.log("spike")


def test_followers_apply_nothing() -> None:
    """A follower stores entries and applies none of them (until step 3): only a restart replays its log."""
    cluster = Cluster(2)
    cluster.set("x", 1)
    cluster.run(10)
    assert {} == cluster.node("jerry").state_machine
    cluster.crash("jerry")
    cluster.restart("jerry")

    assert {"x": "1"} == cluster.node("jerry").state_machine


def test_heartbeat_timer_does_not_ask_who_leads() -> None:
    """The heartbeat timer restarts, whether its server still leads or not: a fault until step 7."""
    tom = lone(2, is_leader=False)
    tom.on_heartbeat_timeout()

    assert ["send", "send", "start"] == [effect[0] for effect in effects(tom)]
