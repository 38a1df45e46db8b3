"""The state in a snapshot is text that is read as an equal state, and nothing else is."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from raft_steps.lab.commands import InSession, Mismatch, Ok, SessionExpired, Set
from raft_steps.lab.errors import MessageError
from raft_steps.lab.log import Entry
from raft_steps.lab.snapshots import state_from_text, state_to_text

KEYS = st.one_of(st.text(), st.integers(), st.booleans(), st.none())
OBJECTS = st.builds(Ok, value=st.none() | st.text()) | st.builds(Mismatch, value=st.text()) | st.just(SessionExpired())
VALUES = st.recursive(
    KEYS | OBJECTS | st.frozensets(KEYS),
    lambda inner: st.lists(inner) | st.tuples(inner, inner) | st.dictionaries(KEYS, inner),
    max_leaves=12,
)


@given(state=st.dictionaries(st.text(), VALUES))
def test_state_survives_its_text(state: dict[str, Any]) -> None:
    """What is read equals what was written, with the same types and the same order of keys."""
    again = state_from_text(state_to_text(state))

    assert state == again
    assert repr(list(state)) == repr(list(again))
    assert state_to_text(state) == state_to_text(again)


def test_text_is_json() -> None:
    """The state machine is read by a person as well."""
    state = {"state_machine": {"x": "1"}, "sessions": {4: (2, Ok(value="1"))}}

    expected = '{"state_machine": {"dict": [["x", "1"]]}, "sessions": {"dict": [[4, {"tuple": [2, {"Ok": [["value", "1"]]}]}]]}}'
    assert expected == state_to_text(state)


@given(texts=st.dictionaries(st.text(), st.text() | st.text(alphabet='a"\\\\é\n\x7f\u2028😀')))
def test_dictionary_of_texts_is_what_json_makes_of_it(texts: dict[str, str]) -> None:
    """Such a dictionary is written without a JSON encoder where that makes no difference."""
    expected = json.dumps({"x": {"dict": [[key, value] for key, value in texts.items()]}}, ensure_ascii=False)

    assert expected == state_to_text({"x": texts})


def test_entries_and_commands_can_be_in_a_snapshot() -> None:
    """A later step may keep an entry, such as one that it has to carry out again."""
    entry = Entry(index=3, term=1, command=InSession(session=1, serial=2, command=Set(key="x", value="1")))

    assert {"last": entry} == state_from_text(state_to_text({"last": entry}))


@pytest.mark.parametrize("value", [object(), b"x", {"x": object()}, [len]])
def test_other_values_are_refused(value: Any) -> None:
    """The error says what a snapshot may hold."""
    with pytest.raises(MessageError, match=r"a snapshot holds plain values, collections, entries, .* not "):
        state_to_text({"x": value})


@pytest.mark.parametrize(
    "text", ["", "3", "[]", '{"x": {"Other": []}}', '{"x": {"Ok": 3}}', '{"x": {}}', '{"x": {"InSession": []}}']
)
def test_other_text_is_refused(text: str) -> None:
    """A text that no state has is refused, whatever is wrong with it."""
    with pytest.raises(MessageError, match="this is not the state of a snapshot: "):
        state_from_text(text)
