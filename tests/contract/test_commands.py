"""Requests are formatted as a client types them, and parsed back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from raft_steps.lab.commands import Delete, Get, Request, Set, command_of_words, command_text, parse_command
from raft_steps.lab.errors import ScenarioError

REQUESTS = (
    st.builds(Set, key=st.text(), value=st.text())
    | st.builds(Delete, key=st.text())
    | st.builds(Get, key=st.text())
)  # fmt: skip


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
    ],
)
def test_commands_are_read_as_they_are_typed(text: str, request_: Request) -> None:
    """A client types a verb, a key and perhaps a value; quotes hold words together."""
    assert request_ == parse_command(text)


@pytest.mark.parametrize("text", ["", "set", "set x", "set x 1 2", "get", "delete x y", "put x 1", "SET x 1"])
def test_other_words_are_no_command(text: str) -> None:
    """Anything else gets an error that lists the three commands."""
    with pytest.raises(ScenarioError, match="write set KEY VALUE, delete KEY or get KEY"):
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
