"""Step 5: state belongs in the messages. One test for each sentence of the step's docstring."""

from __future__ import annotations

import pytest

from raft_steps.lab.commands import Set
from raft_steps.lab.errors import MessageError
from raft_steps.lab.log import Entry
from raft_steps.lab.messages import from_text, to_text
from raft_steps.step_02_append_entries import AppendEntriesReply
from raft_steps.step_05_term_in_append_entries import AppendEntries
from tests.helpers.runs import cut_off_leader, effects, lone, sent


def heartbeat(term: int) -> AppendEntries:
    """Build a call without entries."""
    return AppendEntries(term=term, prev_log_index=0, prev_log_term=0, entries=())


def test_call_carries_the_current_term() -> None:
    """Section 5.1: current terms are exchanged whenever servers communicate; every call of the leader has its own."""
    tom = lone(5, "1 set x 1", current_term=4, is_leader=True)
    tom.on_heartbeat_timeout()
    tom.on_client_request("client#1", Set(key="x", value="2"))

    assert {4} == {message.term for _, message in sent(tom)}


def test_every_way_to_send_a_call_carries_the_term() -> None:
    """A call that catches a follower up has the term, too."""
    tom = lone(5, "1 set x 1", current_term=4, is_leader=True)
    tom.on_append_entries_reply("jerry", AppendEntriesReply(success=False, prev_log_index=1))

    assert [4] == [message.term for _, message in sent(tom)]


def test_call_turns_into_text_and_back() -> None:
    """The post: the call's object converts all its parts to and from text, the term among them."""
    entry = Entry(index=1, term=2, command=Set(key="x", value="a; b"))
    message = AppendEntries(term=3, prev_log_index=0, prev_log_term=0, entries=(entry,))

    assert message == from_text(to_text(message), AppendEntries)
    assert '"term": 3' in to_text(message)


def test_call_without_a_term_is_an_error() -> None:
    """A text without a term is not a call of this step."""
    with pytest.raises(MessageError, match="AppendEntries has no term; a message has all its fields"):
        from_text('{"type": "AppendEntries", "prev_log_index": 0, "prev_log_term": 0, "entries": []}', AppendEntries)


@pytest.mark.parametrize("own, term, after", [(0, 3, 3), (3, 3, 3), (5, 3, 5)])
def test_receiver_catches_up_with_the_term(own: int, term: int, after: int) -> None:
    """A receiver adopts a newer term, and keeps its own if that is as new or newer."""
    jerry = lone(5, name="jerry", current_term=own)
    jerry.on_append_entries("tom", heartbeat(term))

    assert after == jerry.current_term


@pytest.mark.parametrize("term", [1, 3, 5])
def test_nothing_is_refused_yet(term: int) -> None:
    """A call of any term is stored and answered with success, and restarts the election timer."""
    jerry = lone(5, name="jerry", current_term=3, election_timeout=9)
    entry = Entry(index=1, term=1, command=Set(key="x", value="1"))
    jerry.on_append_entries("tom", AppendEntries(term=term, prev_log_index=0, prev_log_term=0, entries=(entry,)))

    assert 1 == len(jerry.log)
    assert [
        ("start", "election", 9),
        ("send", "tom", AppendEntriesReply(success=True, prev_log_index=0)),
    ] == effects(jerry)


def test_log_of_a_follower_is_checked_as_before() -> None:
    """A follower that lacks the previous entry refuses, whatever the term."""
    jerry = lone(5, name="jerry")
    jerry.on_append_entries("tom", AppendEntries(term=1, prev_log_index=1, prev_log_term=1, entries=()))

    assert [("tom", AppendEntriesReply(success=False, prev_log_index=1))] == sent(jerry)


def test_leader_that_comes_back_learns_the_term() -> None:
    """A leader that was cut off receives its successor's call and adopts the term; in step 4 it never did."""
    before, after = cut_off_leader(4, after=30), cut_off_leader(5, after=30)

    assert 0 == before.node("tom").current_term
    assert after.node("tom").current_term == max(after.node(name).current_term for name in after.servers) > 0


def test_leader_that_comes_back_goes_on_leading() -> None:
    """It has the new term, and leads in it: two leaders in one term, until step 6."""
    cluster = cut_off_leader(5, after=30)

    assert 2 == len(cluster.leaders)
    assert 1 == len({cluster.node(name).current_term for name in cluster.leaders})


def test_leader_goes_on_after_a_call_of_another() -> None:
    """A newer term changes a leader's term and nothing else."""
    tom = lone(5, is_leader=True, current_term=1)
    tom.on_append_entries("jerry", heartbeat(2))

    assert (2, True) == (tom.current_term, tom.is_leader)


def test_candidate_goes_on_after_a_call() -> None:
    """Until step 6 a candidate that receives a leader's call stays a candidate, and a late vote still counts."""
    tom = lone(5)
    tom.on_election_timeout()
    tom.on_append_entries("jerry", heartbeat(2))

    assert (2, True) == (tom.current_term, tom.is_candidate)
