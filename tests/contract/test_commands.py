"""Requests are formatted as a client types them, and parsed back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from raft_steps.lab.commands import (
    Append,
    CompareAndSet,
    Configuration,
    Delete,
    Get,
    InSession,
    OpenSession,
    Request,
    Set,
    Transfer,
    command_of_words,
    command_text,
    operation_of,
    parse_command,
)
from raft_steps.lab.errors import ScenarioError

TEXTS = st.text() | st.sampled_from(["as", "4.2", "to", "session"])  # words that could be taken for others
WRITES = (
    st.builds(Set, key=TEXTS, value=TEXTS)
    | st.builds(Delete, key=TEXTS)
    | st.builds(Append, key=TEXTS, value=TEXTS)
    | st.builds(CompareAndSet, key=TEXTS, expected=TEXTS, value=TEXTS)
)
SERVERS = st.lists(st.from_regex("[a-z_0-9]+", fullmatch=True), min_size=1, unique=True).map(tuple)
NUMBERS = st.integers(1, 10**17)
REQUESTS = (
    WRITES
    | st.builds(Get, key=TEXTS)
    | st.builds(OpenSession)
    | st.builds(Transfer, server=TEXTS)
    | st.builds(Configuration, voters=SERVERS, old_voters=st.just(()) | SERVERS)
    | st.builds(InSession, session=NUMBERS, serial=NUMBERS, command=WRITES)
)


@given(request_=REQUESTS)
def test_every_request_comes_back(request_: Request) -> None:
    """Whatever a key or a value holds, blanks and quotes too, it comes back from its text."""
    assert request_ == parse_command(command_text(request_))


@pytest.mark.parametrize(
    "text, request_",
    [
        ("set x 1", Set(key="x", value="1")),
        ('set x "two words"', Set(key="x", value="two words")),
        ("set x ''", Set(key="x", value="")),
        ("delete x", Delete(key="x")),
        ("get x", Get(key="x")),
        ("append x 1", Append(key="x", value="1")),
        ("cas x 1 2", CompareAndSet(key="x", expected="1", value="2")),
        ("open session", OpenSession()),
        ("transfer jerry", Transfer(server="jerry")),
        ("members a,b", Configuration(voters=("a", "b"))),
        ("members a,b from b,c", Configuration(voters=("a", "b"), old_voters=("b", "c"))),
        ("append x 1 as 4.2", InSession(session=4, serial=2, command=Append(key="x", value="1"))),
        ("set as 4.2", Set(key="as", value="4.2")),
    ],
)
def test_commands_are_read_as_they_are_typed(text: str, request_: Request) -> None:
    """A client types a verb, a key and perhaps a value; quotes hold words together."""
    assert request_ == parse_command(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "set",
        "set x",
        "set x 1 2",
        "get",
        "delete x y",
        "put x 1",
        "SET x 1",
        "cas x 1",
        "get x as 4.2",
        "open session as 4.2",
        "transfer jerry as 4.2",
        "members a,b as 4.2",
        "members a b",
        "set x 1 as 4",
        "set x 1 as 0.1",
        "set x 1 as 4.2 as 4.3",
    ],
)
def test_other_words_are_no_command(text: str) -> None:
    """Anything else gets an error that lists the commands."""
    with pytest.raises(ScenarioError, match="write set KEY VALUE, delete KEY, append KEY VALUE"):
        parse_command(text)


@pytest.mark.parametrize("text", ["members a,,b", "members ''", "members a,b,a", "members a from b,b"])
def test_members_are_different_names(text: str) -> None:
    """A list of servers that has no name, an empty one or one twice is refused."""
    with pytest.raises(ScenarioError, match="write different names with commas between them"):
        parse_command(text)


def test_open_quotation_mark_is_named() -> None:
    """A quotation mark that is never closed is named in the error."""
    with pytest.raises(ScenarioError, match="has an open quotation mark"):
        parse_command("set x 'a")


def test_words_are_taken_as_they_are() -> None:
    """Words that are apart already are not taken apart again."""
    assert Set(key="a b", value="'") == command_of_words("set", "a b", "'")


def test_common_first_entry_is_a_dash() -> None:
    """The entry that all logs share has no command."""
    assert "-" == command_text(None)


def test_operation_of_a_request_is_without_its_session() -> None:
    """What a request does to a key is its command; opening a session and a transfer do nothing to any."""
    append = Append(key="x", value="1")

    assert append == operation_of(InSession(session=4, serial=2, command=append))
    assert (append, Get(key="x")) == (operation_of(append), operation_of(Get(key="x")))
    assert [None] * 3 == [operation_of(each) for each in (OpenSession(), Transfer(server="jerry"), None)]
    assert None is operation_of(Configuration(voters=("a",)))
