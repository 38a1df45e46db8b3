"""Values on the wire: what a Node holds and sends, as JSON that says of each value what it is.

The two ends trust each other with nothing but plain data. Numbers, words, True, False and None stand for themselves;
everything else is a list that begins with a tag. A class is known by a name that both ends have agreed on; an object of
a class that nobody has described arrives as an `Opaque`, which is equal to itself alone.

Which values are not data at all (functions, modules, classes) does not matter here: they arrive as `Opaque` too.
"""

from __future__ import annotations

import dataclasses
import enum
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Callable
from functools import cache
from typing import Any

from raft_steps.lab.commands import Delete, Get, NotLeader, Ok, Set
from raft_steps.lab.errors import LogError
from raft_steps.lab.log import Entry, Log

PLAIN = frozenset({int, str, bool, float, type(None)})
ROWS: dict[str, Callable[[Any], Any]] = {"t": tuple, "l": list, "s": set, "f": frozenset, "q": deque}
MAPS: dict[str, Callable[[Any], Any]] = {"d": dict, "od": OrderedDict, "c": lambda pairs: Counter(dict(pairs))}
TAGS: dict[type, str] = {
    tuple: "t", list: "l", set: "s", frozenset: "f", deque: "q", dict: "d", OrderedDict: "od", Counter: "c",
}  # fmt: skip
FACTORIES: dict[str, type] = {kind.__name__: kind for kind in (int, float, str, bool, list, dict, set)}
SHARED: dict[str, type] = {kind.__name__: kind for kind in (Entry, Set, Delete, Get, Ok, NotLeader)}


class WireError(Exception):
    """What arrived is not what the other end may say."""


class Opaque:
    """Something that the other end holds and this one cannot know."""

    def __init__(self, name: str) -> None:
        """Keep the name of its class."""
        self.name = name

    def __repr__(self) -> str:
        """Show what is known of it."""
        return f"<a {self.name}>"


class Wire:
    """One end's knowledge of classes.

    Attributes:
        ids: The name on the wire of each class.
        classes: The class of each name.
    """

    def __init__(self) -> None:
        """Know what both ends know from the start: entries, commands and answers."""
        self.classes: dict[str, type] = dict(SHARED)
        self.ids: dict[type, str] = {kind: name for name, kind in SHARED.items()}

    def describe(self, kind: type) -> str | None:
        """Give a name to a class that is met for the first time; None if its objects are no data."""
        return self.ids.get(kind)

    def encode(self, value: Any) -> Any:
        """Turn a value into what JSON knows."""
        kind = type(value)
        if kind in PLAIN:
            return value
        tag = TAGS.get(kind)
        if tag in ROWS:
            items = sorted(value, key=repr) if tag in ("s", "f") else value
            return [tag, *[self.encode(item) for item in items]]
        if tag is not None:
            return [tag, *[[self.encode(key), self.encode(item)] for key, item in value.items()]]
        if kind is Log:
            return ["L", *[self.encode(entry) for entry in value]]
        if kind is defaultdict and getattr(value.default_factory, "__name__", "") in FACTORIES:
            pairs = [[self.encode(key), self.encode(item)] for key, item in value.items()]
            return ["dd", value.default_factory.__name__, *pairs]
        return self._encode_object(kind, value)

    def _encode_object(self, kind: type, value: Any) -> list[Any]:
        name = self.ids.get(kind) or self.describe(kind)
        if name is None:
            return ["?", kind.__name__]
        if issubclass(kind, enum.Enum):
            return ["e", name, value.name]
        return ["o", name, *[[key, self.encode(item)] for key, item in inside(value).items()]]

    def decode(self, data: Any) -> Any:
        """Turn what JSON gave back into a value.

        Raises:
            WireError: It is nothing that `encode` gives.
        """
        if type(data) in PLAIN:
            return data
        if not isinstance(data, list) or not data or not isinstance(data[0], str):
            raise WireError("a value has a tag")
        tag, rest = data[0], data[1:]
        try:
            if tag in ROWS:
                return ROWS[tag]([self.decode(item) for item in rest])
            if tag in MAPS:
                return MAPS[tag]([(self.decode(key), self.decode(item)) for key, item in rest])
            return self._decode_object(tag, rest)
        except (TypeError, ValueError, KeyError, IndexError, AttributeError, RecursionError, LogError) as error:
            raise WireError(f"a value of tag {tag!r} cannot be read") from error

    def _decode_object(self, tag: str, rest: list[Any]) -> Any:
        if tag == "L":
            return Log([self.decode(entry) for entry in rest])
        if tag == "dd":
            return defaultdict(FACTORIES[rest[0]], [(self.decode(key), self.decode(item)) for key, item in rest[1:]])
        if tag == "?":
            return Opaque(str(rest[0]))
        kind: Any = self.classes[rest[0]]
        if tag == "e":
            return kind[rest[1]]
        if tag != "o":
            raise WireError(f"there is no tag {tag!r}")
        return build(kind, {str(key): self.decode(item) for key, item in rest[1:]})


@cache
def _field_names(kind: Any) -> dict[str, None]:
    """Name the fields of a message's class, in order; keys of dictionaries compare as sets."""
    return dict.fromkeys(field.name for field in dataclasses.fields(kind))


def inside(value: Any) -> dict[str, Any]:
    """Give what an object holds, by name."""
    kind = type(value)
    if dataclasses.is_dataclass(kind):
        return {name: getattr(value, name) for name in _field_names(kind) if hasattr(value, name)}
    return dict(getattr(value, "__dict__", {}))


def build(kind: Any, held: dict[str, Any]) -> Any:
    """Build an object of a class from what it holds; a message has all of its fields, and no other.

    Raises:
        WireError: A field is missing, or there is no such field.
    """
    if "__dataclass_fields__" in vars(kind) and held.keys() != _field_names(kind).keys():
        raise WireError(f"{kind.__name__} has other fields")
    made = kind.__new__(kind)
    for name, item in held.items():
        if name.startswith("__"):
            raise WireError("an object has no such field")
        object.__setattr__(made, name, item)
    return made
