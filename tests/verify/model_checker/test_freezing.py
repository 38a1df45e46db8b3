"""Values are frozen and thawed without loss, and states that differ in any value of a node are different states."""

from __future__ import annotations

from collections import Counter, OrderedDict, defaultdict, deque
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from raft_steps import node
from raft_steps.lab.commands import Set
from raft_steps.lab.log import Entry, Log
from raft_steps.lab.runtime.diagnostics import Mistake
from raft_steps.lab.verify.model_checker import Scope, Search
from raft_steps.lab.verify.model_checker.freezing import ValueFreezer
from raft_steps.lab.verify.model_checker.interning import DeterministicStream

SERVERS = ("tom", "jerry", "spike")


class Colour(Enum):
    """An enumeration, whose members are compared by identity."""

    RED = 1


@dataclass
class Box:
    """A mutable class of a learner."""

    content: list[int] = field(default_factory=list)


@dataclass(frozen=True)
class Ballot:
    """An immutable class of a learner with something mutable in it."""

    votes: list[str]


@dataclass(slots=True)
class Slot:
    """A mutable class of a learner without a ``__dict__``."""

    content: list[int]


ENTRY = Entry(index=1, term=1, command=Set(key="x", value="1"))
VALUES = [
    0, "tom", None, True, 1.5, b"x", (1, ("a", True)), [1, [2]], {"b", "a"}, frozenset({1}), {"x": [1]},
    {"spike": 1, "tom": 2}, deque([1, 2]), defaultdict(list, x=[1]), Counter("aab"), OrderedDict(b=1, a=2),
    Log([ENTRY]), ENTRY, [ENTRY], Colour.RED, Box([1]), Ballot(["tom"]), Slot([1]), int,
]  # fmt: skip


@pytest.mark.parametrize("value", VALUES, ids=lambda value: type(value).__name__)
def test_value_comes_back_as_it_was(value: Any) -> None:
    """A frozen value comes back equal and of the same type, and as another object if it is mutable."""
    freezer = ValueFreezer(SERVERS)
    frozen = freezer.freeze(value, set())
    back = freezer.thaw(frozen)

    assert (type(value), value) == (type(back), back)
    assert frozen == freezer.freeze(back, set())
    assert hash(frozen) == hash(freezer.freeze(back, set()))
    if isinstance(value, list | dict | set | deque | Log | Box | Ballot | Slot):
        assert back is not value


def test_different_values_have_different_keys() -> None:
    """Values that a node can tell apart have different keys: True and 1, a list and a tuple, two orders of keys."""
    values = [*VALUES, 1, False, 1.0, (1, 2), [1, 2], {"x": 1, "y": 2}, {"y": 2, "x": 1}, {1}, (True,), (1,)]
    keys = [ValueFreezer(SERVERS).freeze(value, set()) for value in values]

    assert len(keys) == len(set(keys))


def test_dictionary_by_server_has_no_order() -> None:
    """A dictionary whose keys are servers is sorted by server; any other keeps its order."""
    freezer = ValueFreezer(SERVERS)

    assert freezer.freeze({"spike": 1, "tom": 2}, set()) == freezer.freeze({"tom": 2, "spike": 1}, set())
    assert ["tom", "spike"] == list(freezer.thaw(freezer.freeze({"spike": 1, "tom": 2}, set())))
    assert ["y", "x"] == list(freezer.thaw(freezer.freeze({"y": 1, "x": 2}, set())))


@pytest.mark.parametrize("value", [object(), iter([1]), {"x": {"y": [[].__iter__()]}}, type("D", (dict,), {})()])
def test_what_cannot_be_compared_is_refused(value: Any) -> None:
    """An object that is only equal to itself is refused; the error names types to use."""
    with pytest.raises(Mistake, match="which a search cannot"):
        ValueFreezer(SERVERS).freeze(value, set())


PLAIN = st.none() | st.booleans() | st.integers() | st.text(max_size=3) | st.sampled_from(SERVERS)
ANYTHING = st.recursive(
    PLAIN,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.tuples(inner, inner)
        | st.dictionaries(st.text(max_size=2) | st.sampled_from(SERVERS), inner, max_size=3)
        | st.sets(PLAIN, max_size=3)
    ),
)


@given(ANYTHING)
def test_renaming_there_and_back_changes_nothing(value: Any) -> None:
    """Any value comes back from its key, and its key comes back when two names are exchanged twice."""
    freezer = ValueFreezer(SERVERS)
    frozen = freezer.freeze(value, set())
    swap = {"tom": "spike", "spike": "tom"}

    assert value == freezer.thaw(frozen)
    assert frozen == freezer.rename(freezer.rename(frozen, swap), swap)


def test_draws_are_deterministic() -> None:
    """Draws begin at the low end and spread over the range, the same in every stream."""
    stream = DeterministicStream()

    assert [8, 13, 10, 16] == [stream.between(8, 18) for _ in range(4)]
    assert 8 == DeterministicStream().between(8, 18)
    assert "a" == DeterministicStream().choice(["a", "b"])


def test_learners_field_counts_as_state() -> None:
    """States differ in a field that a learner adds, declared or not; they do not differ in a drawn timeout."""

    class Counting(node(8)):  # type: ignore[misc]  # The step's Node is known at run time only.
        heard: int = 0

        def on_request_vote_reply(self, sender: str, message: Any) -> None:
            self.heard += 1
            self.last_voter = sender
            super().on_request_vote_reply(sender, message)

    scope = Scope(timeouts={"tom election": 1})
    plain, counting = (Search(found).run(scope) for found in (node(8), Counting))

    assert counting.states > plain.states
    assert 1 == Search(8).run(Scope(timeouts={})).states
