"""EDN's values in Python, with the equality of Clojure.

Python says that 1, 1.0 and True are equal, and that a keyword would equal the text of the same letters; in EDN all of
these differ. So only nil, whole numbers, texts, and lists and vectors are Python's own None, int, str and tuple; every
other value is an `EdnValue`, which is equal to values of its own kind only. All are hashable, since a register may hold
each of them.
"""

from __future__ import annotations

import json
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from typing import Any

INT_MAX_DIGITS = 600  # of a Python int: Python converts up to 640 digits whatever its settings are
TEXT_MAX = 60  # letters of a value in an error message


@dataclass(frozen=True, slots=True)
class EdnValue:
    """A value that Python has no equal of.

    Attributes:
        kind: boolean, integer (one with many digits), float, decimal, ratio, character, keyword, symbol, set, map,
            inst, uuid, opaque or tagged.
        content: What two values of a kind are compared by.
        text: The value as EDN.
    """

    kind: str
    content: Hashable
    text: str = field(compare=False)

    def __str__(self) -> str:
        return self.text

    __repr__ = __str__


@dataclass(frozen=True, slots=True, repr=False)
class EdnMap(EdnValue):
    """A map, which equals a map with the same entries in any order.

    Attributes:
        entries: The values by their keys, in the order of the text.
        line: The line on which it begins, from 1.
    """

    entries: Mapping[Hashable, Hashable] = field(default_factory=dict, compare=False)
    line: int = field(default=0, compare=False)


def keyword(name: str) -> EdnValue:
    """Return the keyword with this name, which is without the colon."""
    return EdnValue("keyword", name, f":{name}")


def edn_map(entries: Mapping[Hashable, Hashable], line: int) -> EdnMap:
    """Return the map with these entries, which begins on this line."""
    text = ", ".join(f"{edn_text(key)} {edn_text(value)}" for key, value in entries.items())
    return EdnMap("map", frozenset(entries.items()), f"{{{text}}}", entries, line)


def is_named(value: object) -> bool:
    """Return whether a value has a name: a keyword, a symbol or a text."""
    return isinstance(value, str) or (isinstance(value, EdnValue) and value.kind in ("keyword", "symbol"))


def name_of(value: object) -> str:
    """Return the name of a keyword, a symbol or a text, and any other value as EDN."""
    if isinstance(value, str):
        return value
    return str(value.content) if isinstance(value, EdnValue) and is_named(value) else edn_text(value)


def edn_text(value: object) -> str:
    """Format a value as EDN: one that was read, or Python's own bool or float."""
    if value is None or isinstance(value, bool):
        return {None: "nil", True: "true", False: "false"}[value]
    if isinstance(value, tuple):
        return f"[{' '.join(map(edn_text, value))}]"
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) else str(value)


def shorten_edn(value: object) -> str:
    """Format a value as EDN for an error message: its beginning, if it is long."""
    text = edn_text(value)
    return text if len(text) <= TEXT_MAX else text[:TEXT_MAX] + "…"


def as_json(value: object) -> Any:
    """Return a value as JSON data: lists and vectors as lists, booleans and floats as such, other kinds as EDN text."""
    if isinstance(value, tuple):
        return [as_json(item) for item in value]
    if isinstance(value, EdnValue) and value.kind in ("boolean", "float") and value.text[0] != "#":
        return value.content
    return value if value is None or isinstance(value, bool | int | float | str) else edn_text(value)
