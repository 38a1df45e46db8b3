"""Messages turn into one line of text and back, and what they hold is checked by their own annotations."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from raft_steps.lab.commands import Delete, Get, NotLeader, Ok, Set
from raft_steps.lab.errors import MessageError
from raft_steps.lab.log import Entry
from raft_steps.lab.messages import as_data, check_message, from_text, handler_name, message, to_text
from raft_steps.step_02_append_entries import AppendEntries as AppendEntriesWithoutTerm
from raft_steps.step_04_leader_election import RequestVote, RequestVoteReply
from raft_steps.step_05_term_in_append_entries import AppendEntries

NUMBERS = st.integers(min_value=0, max_value=2**70)
COMMANDS = st.none() | st.builds(Set, key=st.text(), value=st.text()) | st.builds(Delete, key=st.text())
ENTRIES = st.builds(Entry, index=NUMBERS, term=NUMBERS, command=COMMANDS)
ALL = (AppendEntries, RequestVote, RequestVoteReply, Entry, Set, Delete, Get, Ok, NotLeader)
MESSAGES = (
    st.builds(
        AppendEntries,
        term=NUMBERS,
        prev_log_index=NUMBERS,
        prev_log_term=NUMBERS,
        entries=st.lists(ENTRIES, max_size=4).map(tuple),
    )
    | st.builds(RequestVote, term=NUMBERS)
    | st.builds(RequestVoteReply, vote_granted=st.booleans())
    | st.builds(Ok, value=st.none() | st.text())
    | st.builds(NotLeader, leader=st.none() | st.text())
    | ENTRIES
)
# The laboratory's way to make a message, and Python's.
MAKERS: list[Callable[[Any], Any]] = [message, dataclass(frozen=True, slots=True, kw_only=True)]
HEARTBEAT = AppendEntries(term=3, prev_log_index=2, prev_log_term=1, entries=())


@message
class Reading:
    """A message with fields of every kind that an annotation can ask for."""

    share: float
    pair: tuple[int, str]
    empty: tuple[()]
    kind: Literal["a", "b"]
    any: Any


READING = Reading(share=0.5, pair=(1, "x"), empty=(), kind="a", any=[1])


@given(sent=MESSAGES)
def test_every_message_comes_back(sent: Any) -> None:
    """What text says of a message is the message: nothing is lost on the way."""
    text = to_text(sent)

    assert sent == from_text(text, *ALL)
    assert "\n" not in text


def test_text_is_readable() -> None:
    """The text is JSON that names the type first, and then the fields in the class's order."""
    assert (
        '{"type": "AppendEntries", "term": 3, "prev_log_index": 2, "prev_log_term": 1, "entries": []}'
        == to_text(HEARTBEAT)
    )  # fmt: skip


@pytest.mark.parametrize(
    "text, complaint",
    [
        ("hello", "it is not JSON: 'hello'"),
        ("[" * 100_000, "it is not JSON"),
        ("[1]", "this one has None"),
        ('{"term": 1}', "this one has None"),
        ('{"type": ["RequestVote"]}', r"this one has \['RequestVote'\]"),
        ('{"type": "Vote", "term": 1}', "one of AppendEntries, RequestVote; this one has 'Vote'"),
        ('{"type": "RequestVote"}', "RequestVote has no term; a message has all its fields: term"),
        ('{"type": "RequestVote", "term": "1"}', "RequestVote.term should be int, not '1'"),
        ('{"type": "RequestVote", "term": true}', "RequestVote.term should be int, not True"),
        ('{"type": "RequestVote", "term": 1.0}', "RequestVote.term should be int, not 1.0"),
        ('{"type": "RequestVote", "term": null}', "RequestVote.term should be int, not None"),
        ('{"type": "RequestVote", "term": 1, "log": 2}', "RequestVote has no field 'log'; it has term"),
    ],
)
def test_bad_text_is_refused(text: str, complaint: str) -> None:
    """A text that is not a message raises an error that says what is wrong and what would be right."""
    with pytest.raises(MessageError, match=complaint):
        from_text(text, AppendEntries, RequestVote)


@pytest.mark.parametrize(
    "entries, complaint",
    [
        ("3", r"AppendEntries.entries should be a tuple of Entry, not 3"),
        ("[3]", r"AppendEntries.entries\[0\] should be Entry, not 3"),
        ('[{"type": "Set", "key": "x", "value": "1"}]', r"entries\[0\] should be of type Entry, not 'Set'"),
        (
            '[{"type": "Entry", "index": 1, "term": 1, "command": {"type": "Get", "key": "x"}}]',
            r"entries\[0\].command should be Set or Delete or Append or CompareAndSet or OpenSession or InSession or Transfer or Configuration or None, not ",
        ),
        ('[{"type": "Entry", "index": 1, "term": 1, "command": 5}]', r"entries\[0\].command should be Set or Delete"),
        ('[{"type": "Entry", "index": 1, "command": null}]', r"entries\[0\] has no term"),
    ],
)
def test_bad_part_is_named(entries: str, complaint: str) -> None:
    """An error inside a list of entries says which entry and which of its fields."""
    text = f'{{"type": "AppendEntries", "term": 1, "prev_log_index": 0, "prev_log_term": 0, "entries": {entries}}}'

    with pytest.raises(MessageError, match=complaint):
        from_text(text, AppendEntries)


def test_message_without_term_is_no_message_of_step_5() -> None:
    """A call that step 4 sends, without a term, gets a clear error from a receiver that needs one."""
    text = to_text(AppendEntriesWithoutTerm(prev_log_index=0, prev_log_term=0, entries=()))

    with pytest.raises(MessageError, match="AppendEntries has no term"):
        from_text(text, AppendEntries)


def test_message_is_immutable() -> None:
    """A message cannot change once it is built, so a receiver cannot change what the sender holds."""
    with pytest.raises(AttributeError, match="cannot assign to field 'term'"):
        HEARTBEAT.term = 4  # type: ignore[misc]


def test_messages_compare_by_value() -> None:
    """Two messages that say the same are equal, and can be kept in a set."""
    same = AppendEntries(term=3, prev_log_index=2, prev_log_term=1, entries=())

    assert {HEARTBEAT} == {same}


def test_message_is_built_by_names() -> None:
    """Fields are given by name only: the order of two numbers cannot be confused."""
    with pytest.raises(TypeError, match="positional"):
        RequestVote(3)  # type: ignore[call-arg]


class Vote:
    """Three fields, one of them an answer."""

    term: int
    granted: bool
    voter: str


@pytest.mark.parametrize(
    "given",
    [{}, {"term": 1}, {"term": 1, "granted": True, "voter": "tom", "why": ""}, {"granted": True, "voter": "tom"}],
    ids=["nothing", "one", "too much", "no term"],
)
def test_constructor_complains_as_a_dataclass_does(given: dict[str, Any]) -> None:
    """The constructor that `message` writes names what is missing or unknown in the words that Python has for it."""
    classes = [make(type("Vote", (Vote,), {"__annotations__": Vote.__annotations__})) for make in MAKERS]
    complaints = []
    for made in classes:
        with pytest.raises(TypeError) as caught:
            made(**given)
        complaints.append(str(caught.value))

    assert complaints[0] == complaints[1]
    assert "__init__() " in complaints[0]


def test_constructor_leaves_alone_what_does_more() -> None:
    """Defaults, fields that are not given, and what a class does on its own after or instead of it, are kept."""

    @message
    class Defaults:
        term: int
        entries: tuple[int, ...] = ()

    @message
    class Checked:
        term: int

        def __post_init__(self) -> None:
            if self.term < 1:
                raise ValueError("terms begin at 1")

    @message
    class Own:
        term: int

        def __init__(self, text: str) -> None:
            object.__setattr__(self, "term", int(text))

    @message
    class Drawn:
        term: int
        seen: bool = field(init=False, default=True)

    assert () == Defaults(term=1).entries
    assert (2,) == Defaults(term=1, entries=(2,)).entries
    with pytest.raises(ValueError, match="terms begin at 1"):
        Checked(term=0)
    assert Own("7").term == 7
    assert Drawn(term=1).seen


def test_message_that_extends_another_is_built_whole() -> None:
    """A class built on a message has the fields of both; one without fields needs none."""

    @message
    class Plain:
        """Nothing to say."""

    @message
    class Term:
        term: int

    @message
    class Longer(Term):
        index: int

    assert Plain() == Plain()
    assert (1, 2) == (Longer(term=1, index=2).term, Longer(term=1, index=2).index)
    assert "Longer(term=1, index=2)" in repr(Longer(term=1, index=2))


@pytest.mark.parametrize("term", ["3", 3.0, True, None])
def test_wrong_type_is_found_before_sending(term: Any) -> None:
    """A term that is not a whole number is found when the message is sent, not when it arrives."""
    with pytest.raises(MessageError, match=r"RequestVote.term should be int, not .* \(\w+\)"):
        check_message(RequestVote(term=term))


def test_entries_must_be_a_tuple_of_entries() -> None:
    """A list, which the sender could still change, is not accepted as a tuple, nor is a tuple of something else."""
    entry = Entry(index=1, term=1, command=None)

    for wrong in ([entry], (entry, 1), None):
        with pytest.raises(MessageError, match="entries should be a tuple of Entry"):
            check_message(AppendEntries(term=1, prev_log_index=0, prev_log_term=0, entries=wrong))  # type: ignore[arg-type]


def test_inside_of_entries_is_checked() -> None:
    """A wrong term inside an entry is found too."""
    entry = Entry(index=1, term="1", command=None)  # type: ignore[arg-type]

    with pytest.raises(MessageError, match="entries"):
        check_message(AppendEntries(term=1, prev_log_index=0, prev_log_term=0, entries=(entry,)))


def test_message_holds_nothing_that_changes() -> None:
    """A message class with a list is rejected: its receiver could change what the sender still has."""

    @message
    class Batch:
        items: list[int]

    with pytest.raises(MessageError, match="so not a list; use a tuple"):
        check_message(Batch(items=[1]))


@pytest.mark.parametrize("thing", ["hello", 3, None, RequestVote, {"term": 1}])
def test_other_things_are_no_messages(thing: object) -> None:
    """Only an object of a message class is a message; the class itself, text and dictionaries are not."""
    with pytest.raises(MessageError, match="is not a message; build one"):
        check_message(thing)


@pytest.mark.parametrize(
    "name, value",
    [("share", "x"), ("pair", (1, 2)), ("pair", (1,)), ("pair", [1, "x"]), ("empty", (1,)), ("kind", "c")],
)
def test_every_annotation_is_understood(name: str, value: Any) -> None:
    """Floats, pairs, literals and Any are checked as they are written, one by one."""
    check_message(READING)

    with pytest.raises(MessageError, match=rf"Reading\.{name} should be "):
        check_message(Reading(**{**as_fields(READING), name: value}))


def as_fields(reading: Reading) -> dict[str, Any]:
    """Return the fields of a reading as they are."""
    return {name: getattr(reading, name) for name in ("share", "pair", "empty", "kind", "any")}


def test_every_annotation_comes_back() -> None:
    """Pairs and empty tuples come back from text as tuples."""
    assert READING == from_text(to_text(READING), Reading)


def test_data_is_the_same_everywhere() -> None:
    """Sets are sorted, so that a trace does not depend on the order in which a machine keeps them."""
    assert ["jerry", "spike", "tom"] == as_data({"tom", "spike", "jerry"})
    assert {"tom": ["a", "b"], "3": [1, 2]} == as_data({"tom": {"b", "a"}, 3: (1, 2)})
    assert "'object'" == as_data(object())


@pytest.mark.parametrize(
    "message_class, name",
    [(AppendEntries, "on_append_entries"), (RequestVoteReply, "on_request_vote_reply"), (Set, "on_set")],
)
def test_handler_follows_the_name(message_class: type, name: str) -> None:
    """AppendEntries is handled by on_append_entries, and so on."""
    assert name == handler_name(message_class)
