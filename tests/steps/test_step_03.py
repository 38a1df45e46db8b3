"""Step 3: the leader answers once a majority has it. One test for each sentence of the step's docstring."""

from __future__ import annotations

import pytest

from raft_steps.lab.cluster.cluster import Cluster, NoAnswer
from raft_steps.lab.commands import Ok, Set
from raft_steps.step_02_append_entries import AppendEntriesReply
from raft_steps.step_03_majority_commit import CommitEntry
from tests.helpers.runs import effects, lone, sent

SET_X = Set(key="x", value="1")
DONE = ("reply", "client#1", Ok())


@pytest.mark.parametrize("servers, needed", [(1, 0), (2, 1), (3, 1), (4, 2), (5, 2), (7, 3)])
def test_write_is_answered_once_half_of_the_followers_have_it(servers: int, needed: int) -> None:
    """Together with the leader, half of the followers are a majority; a single server is one by itself."""
    tom = lone(3, servers=servers, is_leader=True)
    tom.on_client_request("client#1", SET_X)
    answered_after = 0
    while DONE not in effects(tom):
        answered_after += 1
        tom.on_append_entries_reply(tom.peers()[answered_after - 1], AppendEntriesReply(success=True, prev_log_index=0))

    assert needed == answered_after


def test_one_follower_counts_once() -> None:
    """A follower that acknowledges twice is still one follower."""
    tom = lone(3, servers=5, is_leader=True)
    tom.on_client_request("client#1", SET_X)
    for _ in range(5):
        tom.on_append_entries_reply("jerry", AppendEntriesReply(success=True, prev_log_index=0))

    assert [] == effects(tom, "reply")


def test_refusal_is_not_an_acknowledgement() -> None:
    """A follower that refused does not count, and is called again from one entry earlier."""
    tom = lone(3, "0 set y 0", is_leader=True)
    tom.on_client_request("client#1", SET_X)
    effects(tom)
    tom.on_append_entries_reply("jerry", AppendEntriesReply(success=False, prev_log_index=1))

    assert {} == tom.state_machine
    assert [("jerry", 0)] == [(to, message.prev_log_index) for to, message in sent(tom)]


def test_write_is_applied_only_when_committed() -> None:
    """Before the commit, neither a read nor the state machine shows the write; afterwards both do."""
    tom = lone(3, is_leader=True)
    tom.on_client_request("client#1", SET_X)
    assert {} == tom.state_machine
    tom.on_append_entries_reply("jerry", AppendEntriesReply(success=True, prev_log_index=0))

    assert {"x": "1"} == tom.state_machine


def test_followers_are_told_to_apply_it() -> None:
    """The leader announces the commit, and each follower that has the entry applies it."""
    cluster = Cluster(3)
    cluster.set("x", 1)
    cluster.run(1)

    assert [{"x": "1"}] * 3 == [cluster.node(name).state_machine for name in cluster.servers]
    assert 2 == len([event for event in cluster.trace.of("sent") if event["type"] == "CommitEntry"])


def test_commit_of_a_missing_entry_is_ignored() -> None:
    """A follower that lacks the entry cannot apply it, and ignores the announcement."""
    jerry = lone(3, name="jerry")
    jerry.on_commit_entry("tom", CommitEntry(index=1))

    assert {} == jerry.state_machine
    assert [] == effects(jerry)


def test_committed_entry_survives_the_loss_of_a_minority() -> None:
    """When the client has its answer, more than one server has the entry on its disk."""
    cluster = Cluster(3, 5)
    assert Ok() == cluster.set("x", 1)
    cluster.crash("tom")

    assert sum(bool(cluster.log(name)) for name in cluster.servers[1:]) >= 2


def test_leader_without_a_majority_does_not_answer() -> None:
    """With three of five servers down the client gets no answer; the entry stays open."""
    cluster = Cluster(3, 5)
    cluster.crash("spike", "tyke", "butch")

    assert NoAnswer("no response within 20 s") == cluster.set("x", 1)
    assert 1 == len(cluster.node("tom").open_writes)


def test_open_writes_are_answered_separately() -> None:
    """Two clients that write at once each get their own answer, in the order of their entries."""
    tom = lone(3, is_leader=True)
    tom.on_client_request("client#1", SET_X)
    tom.on_client_request("client#2", SET_X)
    tom.on_append_entries_reply("jerry", AppendEntriesReply(success=True, prev_log_index=0))

    assert [DONE, ("reply", "client#2", Ok())] == effects(tom, "reply")


def test_any_acknowledgement_counts() -> None:
    """A fault until step 11: the reply to an earlier heartbeat counts for a later write."""
    cluster = Cluster(3, network={"delay": (1, 1)})
    cluster.run(1.5)  # The replies to the first heartbeats are on their way.
    cluster.crash("followers")
    answer = cluster.set("x", 1)

    assert Ok() == answer
    assert [[], []] == [cluster.log("jerry"), cluster.log("spike")]


def test_lost_commit_message_is_never_sent_again() -> None:
    """A fault until step 11: a follower that misses the announcement has the entry and never applies it."""
    cluster = Cluster(3)
    cluster.drop("tom>jerry#3")  # the first heartbeat, the entry, the commit
    cluster.set("x", 1)
    cluster.run(60)

    assert ["0 set x 1"] == cluster.log("jerry")
    assert {} == cluster.node("jerry").state_machine
    assert {"x": "1"} == cluster.node("spike").state_machine


def test_follower_that_caught_up_applies_nothing() -> None:
    """Entries from catching up are in the log but not in the state machine: no commit message follows for them."""
    cluster = Cluster(3, logs={"tom": "1 set x 1"})
    cluster.run(20)

    assert ["1 set x 1"] == cluster.log("jerry")
    assert {} == cluster.node("jerry").state_machine
