"""Encodes what a Node holds and sends as JSON, and decodes it again: the values that judge and worker exchange.

Numbers, strings, True, False and None stand for themselves. Everything else is a list that begins with a tag. A class
is identified by a name that both processes have agreed on. An object of any other class, a function or a module is
decoded as an `Opaque`, which equals nothing but itself. Nothing that arrives is ever executed, unlike a pickle.
"""

from __future__ import annotations

import dataclasses
import enum
import json
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Callable
from functools import cache
from typing import Any, get_args

from raft_steps.lab.commands import Request, Response
from raft_steps.lab.errors import LogError
from raft_steps.lab.log import Entry, Log, Snapshot

encode_json = json.JSONEncoder(separators=(",", ":")).encode
# The fields of a Node that its driver sets: they stay in their own process and are never exchanged.
DRIVER_FIELDS = frozenset({"name", "servers", "random", "effects"})
PLAIN = frozenset({int, str, bool, float, type(None)})
COLLECTIONS: dict[str, Callable[[Any], Any]] = {"t": tuple, "l": list, "s": set, "f": frozenset, "q": deque}
MAPPINGS: dict[str, Callable[[Any], Any]] = {"d": dict, "od": OrderedDict, "c": lambda pairs: Counter(dict(pairs))}
TAGS: dict[type, str] = {
    tuple: "t", list: "l", set: "s", frozenset: "f", deque: "q", dict: "d", OrderedDict: "od", Counter: "c",
}  # fmt: skip
FACTORIES: dict[str, type] = {kind.__name__: kind for kind in (int, float, str, bool, list, dict, set)}
SHARED: dict[str, type] = {kind.__name__: kind for kind in (Entry, Snapshot, *get_args(Request), *get_args(Response))}


class CodecError(Exception):
    """The data that arrived is not an encoded value."""


class Opaque:
    """A value that could not be encoded: only its class's name is known."""

    def __init__(self, name: str) -> None:
        """Initialise with the name of the value's class."""
        self.name = name

    def __repr__(self) -> str:
        """Return the name, such as ``<a function>``."""
        return f"<a {self.name}>"


class Codec:
    """Encodes and decodes values, with the classes that are known so far.

    Attributes:
        ids: The name that each class has in encoded values.
        classes: The class of each such name.
    """

    def __init__(self) -> None:
        """Initialise with the classes that both processes share: entries, snapshots, commands and answers."""
        self.classes: dict[str, type] = dict(SHARED)
        self.ids: dict[type, str] = {kind: name for name, kind in SHARED.items()}

    def class_id(self, kind: type) -> str | None:
        """Return a class's name in encoded values; None if its objects cannot be encoded."""
        return self.ids.get(kind)

    def encode(self, value: Any) -> Any:
        """Turn a value into data that JSON can represent."""
        kind = type(value)
        if kind in PLAIN:
            return value
        tag = TAGS.get(kind)
        if tag in COLLECTIONS:
            items = sorted(value, key=repr) if tag in ("s", "f") else value
            return [tag, *[self.encode(item) for item in items]]
        if tag is not None:
            return [tag, *[[self.encode(key), self.encode(item)] for key, item in value.items()]]
        if kind is Log:
            return ["L", self.encode(value.snapshot), *[self.encode(entry) for entry in value]]
        if kind is defaultdict and getattr(value.default_factory, "__name__", "") in FACTORIES:
            pairs = [[self.encode(key), self.encode(item)] for key, item in value.items()]
            return ["dd", value.default_factory.__name__, *pairs]
        return self._encode_object(kind, value)

    def _encode_object(self, kind: type, value: Any) -> list[Any]:
        name = self.ids.get(kind) or self.class_id(kind)
        if name is None:
            return ["?", kind.__name__]
        if issubclass(kind, enum.Enum):
            return ["e", name, value.name]
        return ["o", name, *[[key, self.encode(item)] for key, item in fields_of(value).items()]]

    def decode(self, data: Any) -> Any:
        """Turn what `encode` returned, read from JSON, into a value.

        Raises:
            CodecError: The data is not an encoded value.
        """
        if type(data) in PLAIN:
            return data
        if not isinstance(data, list) or not data or not isinstance(data[0], str):
            raise CodecError("a value without a tag")
        tag, rest = data[0], data[1:]
        try:
            if tag in COLLECTIONS:
                return COLLECTIONS[tag]([self.decode(item) for item in rest])
            if tag in MAPPINGS:
                return MAPPINGS[tag]([(self.decode(key), self.decode(item)) for key, item in rest])
            return self._decode_object(tag, rest)
        except (TypeError, ValueError, KeyError, IndexError, AttributeError, RecursionError, LogError) as error:
            raise CodecError(f"a value of tag {tag!r} cannot be read") from error

    def _decode_object(self, tag: str, rest: list[Any]) -> Any:
        if tag == "L":
            return Log([self.decode(entry) for entry in rest[1:]], self.decode(rest[0]))
        if tag == "dd":
            return defaultdict(FACTORIES[rest[0]], [(self.decode(key), self.decode(item)) for key, item in rest[1:]])
        if tag == "?":
            return Opaque(str(rest[0]))
        kind: Any = self.classes[rest[0]]
        if tag == "e":
            return kind[rest[1]]
        if tag != "o":
            raise CodecError(f"unknown tag {tag!r}")
        return build_object(kind, {str(key): self.decode(item) for key, item in rest[1:]})


@cache
def _field_names(kind: Any) -> dict[str, None]:
    """Return the names of a dataclass's fields as the keys of a dictionary: they keep their order, and compare as a set."""
    return dict.fromkeys(field.name for field in dataclasses.fields(kind))


def fields_of(value: Any) -> dict[str, Any]:
    """Return an object's fields, by name."""
    kind = type(value)
    if dataclasses.is_dataclass(kind):
        return {name: getattr(value, name) for name in _field_names(kind) if hasattr(value, name)}
    return dict(getattr(value, "__dict__", {}))


def build_object(kind: Any, fields: dict[str, Any]) -> Any:
    """Build an object from its fields, without calling its class.

    Raises:
        CodecError: A message lacks a field or has an unknown one, or a field's name begins with ``__``.
    """
    if "__dataclass_fields__" in vars(kind) and fields.keys() != _field_names(kind).keys():
        raise CodecError(f"{kind.__name__} has other fields")
    built = kind.__new__(kind)
    for name, item in fields.items():
        if name.startswith("__"):
            raise CodecError(f"a field called {name}")
        object.__setattr__(built, name, item)  # Messages are frozen.
    return built
