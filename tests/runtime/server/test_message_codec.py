"""Tests of the fast codec: it accepts and refuses the lines that `from_text` does, and reads them as the same messages."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from raft_steps import node
from raft_steps.lab import Entry, Set, from_text, to_text
from raft_steps.lab.errors import MessageError
from raft_steps.lab.runtime.server.message_classes import message_classes
from raft_steps.lab.runtime.server.message_codec import MessageCodec

CLASSES = message_classes(node(12))
CODEC = MessageCodec(CLASSES)
NAMES = {cls.__name__: cls for cls in CLASSES}

stored_integers = st.integers(-(2**53) + 1, 2**53 - 1)
json_values = st.recursive(
    st.none() | st.booleans() | stored_integers | st.floats() | st.text(), lambda inner: st.lists(inner, max_size=3)
)
commands = st.one_of(
    st.none(),
    st.builds(lambda key, value: {"type": "Set", "key": key, "value": value}, json_values, json_values),
    st.builds(lambda key: {"type": "Delete", "key": key}, st.text()),
)
entries = st.builds(
    lambda index, term, command: {"type": "Entry", "index": index, "term": term, "command": command},
    stored_integers,
    stored_integers | json_values,
    commands,
)
calls = st.fixed_dictionaries(
    {
        "type": st.sampled_from([*NAMES, "Unknown"]),
        "term": stored_integers | json_values,
        "prev_log_index": stored_integers,
        "prev_log_term": stored_integers | st.booleans(),
        "entries": st.lists(entries, max_size=3) | json_values,
        "leader_commit": stored_integers,
    },
    optional={"more": json_values},
)


def read(line: str, *, fast: bool) -> Any:
    """Return the message of a line, or MessageError if it is refused."""
    try:
        return CODEC.decode(line.encode("utf-8", "surrogatepass")) if fast else from_text(line, *CLASSES)
    except MessageError:
        return MessageError


@pytest.mark.parametrize("step", [2, 5, 9, 12])
def test_every_step_has_a_codec(step: int) -> None:
    """The messages of a step are found by its handlers."""
    names = {cls.__name__ for cls in message_classes(node(step))}
    assert {"AppendEntries", "AppendEntriesReply"} <= names


@given(data=calls | st.dictionaries(st.text(), json_values))
def test_both_readers_agree(data: dict[str, Any]) -> None:
    """A line is the same message for both, or both refuse it."""
    line = json.dumps(data)
    assert read(line, fast=True) == read(line, fast=False)


@given(line=st.text())
def test_both_readers_agree_on_garbage(line: str) -> None:
    """Any text is the same for both."""
    assert read(line, fast=True) == read(line, fast=False)


def test_message_with_entries_comes_back() -> None:
    """A call with entries is equal after the way through the codec, and so is its line by `to_text`."""
    entry = Entry(index=1, term=1, command=Set(key="ä", value='"\n'))
    call = NAMES["AppendEntries"](
        term=3,
        prev_log_index=0,
        prev_log_term=0,
        entries=(entry, Entry(index=2, term=3, command=None)),
        leader_commit=0,
    )
    line = CODEC.encode(call)
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    assert CODEC.decode(line) == call
    assert CODEC.decode(to_text(call).encode()) == call


@pytest.mark.parametrize(
    "value, reason",
    [
        ("9007199254740992", "a number of more than 53 bits cannot be stored"),
        ("-9007199254740992", "a number of more than 53 bits cannot be stored"),
        ("9" * 5_000, "because it is not JSON"),  # Python refuses to parse so many digits.
    ],
)
def test_number_that_cannot_be_stored_is_refused(value: str, reason: str) -> None:
    """The database has 64 bits for a number, and a server counts on from what it hears."""
    with pytest.raises(MessageError, match=reason):
        CODEC.decode(b'{"type":"RequestVoteReply","term":%s,"vote_granted":true}' % value.encode())
    assert CODEC.decode(b'{"type":"RequestVoteReply","term":9007199254740991,"vote_granted":true}').term == 2**53 - 1


def test_text_that_cannot_be_stored_is_refused() -> None:
    """JSON can spell half of a surrogate pair, which UTF-8 cannot."""
    entry = {"type": "Entry", "index": 1, "term": 1, "command": {"type": "Set", "key": "\ud800", "value": ""}}
    call = {"type": "AppendEntries", "term": 1, "prev_log_index": 0, "prev_log_term": 0, "leader_commit": 0}
    with pytest.raises(MessageError, match="half of a surrogate pair is not text"):
        CODEC.decode(json.dumps(call | {"entries": [entry]}).encode())


def test_wrong_field_is_refused_when_it_is_sent() -> None:
    """A term that is a string never leaves."""
    with pytest.raises(MessageError, match=r"RequestVoteReply\.term should be int"):
        CODEC.encode(NAMES["RequestVoteReply"](term="3", vote_granted=True))
