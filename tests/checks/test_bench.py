"""The bench: it sends messages to one Node, lets time pass, and fails with the event that broke a rule."""

import pytest

from raft_steps import node
from raft_steps import step_06_term_checks as step_06
from raft_steps.lab.checks.bench import Bench, CheckFailed, call_fields, parse_log
from raft_steps.lab.commands import Set
from raft_steps.lab.log import Entry
from tests.checks.wrong_nodes import mistakes


def begun(log: str = "") -> Bench:
    """Return a bench with a follower of step 6 whose election timeout is 8 s."""
    bench = Bench(step_06.Node, 6)
    bench.begin(log=log, draws=(8,))
    return bench


def test_log_is_parsed() -> None:
    """Entries are separated by semicolons; each is a term and a command."""
    assert ((1, "set x 1"), (2, "delete x")) == parse_log("1 set x 1; 2 delete x")
    assert () == parse_log("")


def test_fields_of_a_call_follow_the_preceding_entry() -> None:
    """The first entry of a call has the index after the preceding one."""
    entry = Entry(index=4, term=2, command=Set(key="x", value="1"))

    assert {"prev_log_index": 3, "prev_log_term": 1, "entries": (entry,)} == call_fields((3, 1), "2 set x 1")


def test_send_returns_the_answer() -> None:
    """A call of a peer is delivered, and what the Node sends in response is returned."""
    sent = begun("1 set x 1").call("jerry", 1, after=(1, 1), entries="1 set y 2")

    assert [("AppendEntriesReply", "jerry", True)] == [
        (event["type"], event["to"], event["fields"]["success"]) for event in sent
    ]


def test_optional_field_is_sent_if_the_message_has_it() -> None:
    """An optional field that the Node's message lacks is left out; a required one fails."""
    bench = begun()

    bench.send("jerry", "RequestVote", optional={"last_log_index": 0}, term=1)
    with pytest.raises(CheckFailed, match="RequestVote has no field last_log_index"):
        bench.send("jerry", "RequestVote", term=1, last_log_index=0)


def test_picture_shows_the_role_of_a_peer() -> None:
    """A peer that sends AppendEntries is shown as the leader of its term."""
    bench = begun()
    bench.call("jerry", 3)
    trace = bench.trace

    assert trace is not None
    state = trace.moment_after(len(trace) - 1).servers["jerry"]
    assert ("leader", 3) == (state.role, state.fields["current_term"])


def test_run_until_sent_stops_at_the_message() -> None:
    """Time stops when the Node sends the message, and all messages of that moment are returned."""
    bench = begun()

    assert ["jerry", "spike"] == [event["to"] for event in bench.run_until_sent("RequestVote")]
    assert 8_000_000 == bench.simulation.now_us


def test_run_until_sent_fails_after_its_time() -> None:
    """If the Node does not send the message, the failure says what was expected."""
    with pytest.raises(CheckFailed, match="tom should send RequestVote within 5 s, but sends none"):
        begun().run_until_sent("RequestVote", within_s=5)


def test_failure_marks_the_last_event_by_default() -> None:
    """A failure without an event marks the last one of the run."""
    bench = begun()
    with pytest.raises(CheckFailed, match="too late") as caught:
        bench.fail("too late")

    assert bench.trace is not None
    assert len(bench.trace) - 1 == caught.value.event


def test_missing_field_is_named() -> None:
    """Reading a field that the Node lacks is a failure of the Node."""
    with pytest.raises(CheckFailed, match="the Node has no commit_index"):
        begun().field("commit_index")


def test_forgotten_run_has_no_trace() -> None:
    """After `forget` there is no run to draw."""
    bench = begun()
    bench.forget()

    assert bench.trace is None


def test_plain_message_class_has_no_field() -> None:
    """A message without @message is explained by the check that sends it, and not by an error of the laboratory."""
    assert not Bench(mistakes.MessageIsPlain, 6).has_field("AppendEntries", "term")


def test_later_message_is_complete() -> None:
    """A check of an earlier step may run on a later Node: fields that it does not know have a value."""
    bench = Bench(node(11), 6)
    bench.begin(log="3 set x 1")

    assert ["AppendEntriesReply"] == [each["type"] for each in bench.call("jerry", 3, after=(1, 3))]
    assert ["RequestVoteReply"] == [each["type"] for each in bench.send("jerry", "RequestVote", term=4)]
