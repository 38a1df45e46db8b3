"""Fake peers: they ignore every message, and send the classes that the Node under test expects."""

import pytest

from raft_steps import step_06_term_checks as step_06
from raft_steps.lab.checks.fake_peers import CheckFailed, FakePeer, build_message, handler_name, message_class_of
from raft_steps.lab.random_stream import RandomStream
from raft_steps.step_02_append_entries import AppendEntriesReply
from raft_steps.step_05_term_in_append_entries import AppendEntries
from tests.checks.check_tools import failed_checks
from tests.checks.wrong_nodes import mistakes


def test_annotation_may_be_missing() -> None:
    """Without an annotation, the message's class is found in the handler's module."""
    assert [] == failed_checks(mistakes.AnnotationIsForgotten, 6)


def test_handler_of_any_message_does_nothing() -> None:
    """A fake peer has a handler for every message; it has no other attributes than those of a Node."""
    peer = FakePeer(name="jerry", servers=("tom", "jerry"), random=RandomStream(0))

    peer.on_append_entries("tom", AppendEntriesReply(success=True, prev_log_index=0))

    assert [] == peer.effects
    with pytest.raises(AttributeError, match="append_entries"):
        peer.append_entries  # noqa: B018  # Reading it is the test.


@pytest.mark.parametrize(
    "message_name, name",
    [("RequestVote", "on_request_vote"), ("AppendEntriesReply", "on_append_entries_reply")],
)
def test_handler_name(message_name: str, name: str) -> None:
    """The handler of a message has its name in snake case."""
    assert name == handler_name(message_name)


def test_class_is_that_of_the_annotation() -> None:
    """A message has the class that the newest handler expects, not the one of an earlier step."""
    assert AppendEntries is message_class_of(step_06.Node, "AppendEntries")


@pytest.mark.parametrize(
    "message_name, values, error",
    [
        ("InstallSnapshot", {}, "the Node has no on_install_snapshot(self, sender, message), the handler of"),
        ("AppendEntriesRefused", {"term": 1, "leader": "tom"}, "AppendEntriesRefused has no field leader; it has term"),
        ("AppendEntriesRefused", {}, "AppendEntriesRefused requires a field term; it should have only no field"),
    ],
)
def test_message_that_the_node_does_not_know(message_name: str, values: dict[str, object], error: str) -> None:
    """The failure names the missing handler, the unknown field, or the field without a value."""
    with pytest.raises(CheckFailed) as caught:
        build_message(step_06.Node, message_name, values)

    assert str(caught.value).startswith(error)


class Unreadable(step_06.Node):
    """Its handlers have annotations that are not Python, or name nothing."""

    def on_append_entries(self, sender: str, message: "Append Entries") -> None:  # type: ignore[valid-type]  # noqa: F722
        """Do nothing."""

    def on_install_snapshot(self, sender: str, message: "Snapshot") -> None:  # type: ignore[name-defined]  # noqa: F821
        """Do nothing."""


def test_annotation_may_be_wrong() -> None:
    """The class is then looked for in the handler's module, and a failure shows the annotation to write."""
    assert AppendEntries is message_class_of(Unreadable, "AppendEntries")
    with pytest.raises(CheckFailed, match="annotate the message: def on_install_snapshot"):
        message_class_of(Unreadable, "InstallSnapshot")


def test_own_handler_gets_no_advice_to_write_it() -> None:
    """The failure for an unknown field ends with its list of fields if the handler is the learner's own."""
    with pytest.raises(CheckFailed, match=r"has no field leader; it has .*\w$"):
        build_message(Unreadable, "AppendEntries", {"leader": "tom"})
