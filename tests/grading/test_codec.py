"""The codec of judge and worker: values are encoded and decoded as plain data, and nothing else is."""

import dataclasses
import enum
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Sequence
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from raft_steps.lab.commands import Ok, Set
from raft_steps.lab.grading.annotations import decode_annotation, encode_annotation
from raft_steps.lab.grading.codec import Codec, CodecError, Opaque
from raft_steps.lab.log import Entry, Log

PLAIN = st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.floats(allow_nan=False)
HASHABLE = st.recursive(PLAIN, lambda inner: st.tuples(inner, inner), max_leaves=4)
VALUES = st.recursive(
    PLAIN,
    lambda inner: st.lists(inner, max_size=3) | st.tuples(inner) | st.dictionaries(HASHABLE, inner, max_size=3),
    max_leaves=12,
) | st.sets(HASHABLE, max_size=3)  # fmt: skip


@given(VALUES)
def test_values_come_back_as_they_were(value: Any) -> None:
    """A field's value is decoded with the same types."""
    back = Codec().decode(Codec().encode(value))

    assert value == back
    assert repr(type(value)) == repr(type(back))


@pytest.mark.parametrize(
    "value",
    [
        Entry(index=1, term=2, command=Set(key="x", value="1")),
        Ok(value=None),
        deque([1, 2]),
        Counter("aab"),
        OrderedDict(a=1),
        frozenset({1}),
        defaultdict(set, {"a": {1}}),
        Log([Entry(index=1, term=1, command=None)]),
    ],
    ids=lambda value: type(value).__name__,
)
def test_values_of_nodes_come_back(value: Any) -> None:
    """Entries, answers, logs and the standard library's containers can be encoded."""
    back = Codec().decode(Codec().encode(value))

    assert value == back
    assert type(value) is type(back)


def test_other_objects_are_opaque() -> None:
    """Functions, classes, and objects of unknown classes are decoded as a value that equals nothing."""

    class Always:
        def __eq__(self, other: object) -> bool:
            return True

        __hash__ = None  # type: ignore[assignment]

    class Four(int):
        def __eq__(self, other: object) -> bool:
            return True

        __hash__ = int.__hash__

    for value in (Always(), Four(4), print, int, lambda: 4):
        back = Codec().decode(Codec().encode(value))
        equal_to: tuple[object, ...] = (4, 5, None, True)
        assert isinstance(back, Opaque)
        assert back not in equal_to


@pytest.mark.parametrize(
    "data",
    [
        [], [3], {}, ["x"], ["o", "nobody"], ["o", "Set", ["key", "x"]], ["o", "Set", ["key", "x"], ["__class__", 3]],
        ["d", [1]], ["d", [["l"], 1]], ["s", ["l"]], ["L", 3], ["dd", "eval"], ["e", "Set", "key"],
    ],
)  # fmt: skip
def test_malformed_data_is_refused(data: Any) -> None:
    """Data that `encode` never returns raises a CodecError."""
    with pytest.raises(CodecError):
        Codec().decode(data)


def test_depth_is_no_trap() -> None:
    """Data that is nested too deeply is an error, not a crash."""
    data: list[Any] = ["l"]
    for _ in range(100_000):
        data = ["l", data]

    with pytest.raises((CodecError, RecursionError)):
        Codec().decode(data)


@pytest.mark.parametrize(
    "hint",
    [
        int,
        str | None,
        tuple[int, ...],
        tuple[int, str],
        Any,
        float,
        bool,
        tuple[Entry, ...],
        Literal["a", 1],
        list,
        Sequence,
    ],
)
def test_annotations_come_back(hint: Any) -> None:
    """The annotation of a message's field is decoded as it was."""
    wire = Codec()

    assert hint == decode_annotation(encode_annotation(hint, wire.class_id), wire.classes)


def test_unknown_annotation_fits_nothing() -> None:
    """An unknown class is decoded as a class without instances."""

    @dataclasses.dataclass
    class Strange:
        x: int

    found = decode_annotation(encode_annotation(Strange, Codec().class_id), {})

    assert isinstance(found, type)
    assert not isinstance(Strange(3), found)


class Role(enum.Enum):
    """An enumeration of a submission."""

    FOLLOWER = 0


def test_member_of_an_enumeration_comes_back_as_itself() -> None:
    """A member is encoded by its name."""
    codec = Codec()
    codec.classes["Role"], codec.ids[Role] = Role, "Role"

    assert codec.decode(codec.encode(Role.FOLLOWER)) is Role.FOLLOWER


def test_objects_with_wrong_tags_or_fields_are_refused() -> None:
    """A worker cannot set special attributes, nor use a form that there is not."""
    tag, kind, *fields = Codec().encode(Ok(value=None))
    codec = Codec()
    codec.classes["Plain"] = type("Plain", (), {})

    with pytest.raises(CodecError, match="unknown tag 'z'"):
        codec.decode(["z", kind, *fields])
    with pytest.raises(CodecError, match="a field called __class__"):
        codec.decode([tag, "Plain", ["__class__", 1]])


def test_opaque_value_shows_its_class() -> None:
    """Error messages show an object that cannot be encoded by the name of its class."""
    assert "<a function>" == repr(Codec().decode(Codec().encode(test_opaque_value_shows_its_class)))
