"""Annotations on the wire: what a message's field may hold, spelled so that the other end can rebuild it.

Only what a message may be annotated with has a spelling. Anything else arrives as a class that nothing is an instance
of, so a message that uses it is turned down where it is sent, as it would be at home.
"""

from __future__ import annotations

import collections.abc
import types
from collections.abc import Callable, Mapping
from typing import Any, Literal, Union, get_args, get_origin

PLAIN: Mapping[str, Any] = {"int": int, "str": str, "float": float, "bool": bool, "None": type(None), "Any": Any}
NAMES = {id(hint): name for name, hint in PLAIN.items()}
CONTAINERS: Mapping[str, type] = {kind.__name__: kind for kind in (list, dict, set, frozenset)}
ABSTRACT: Mapping[str, Any] = {
    name: getattr(collections.abc, name)
    for name in ("Sequence", "Iterable", "Collection", "Mapping", "Set", "Hashable", "Sized")
}


def encode_hint(hint: Any, class_id: Callable[[type], str | None]) -> Any:
    """Spell an annotation; classes by the name that `class_id` gives them."""
    origin, arguments = get_origin(hint), get_args(hint)
    if hint is None or id(hint) in NAMES:
        return "None" if hint is None else NAMES[id(hint)]
    if origin in (Union, types.UnionType):
        return ["or", *[encode_hint(each, class_id) for each in arguments]]
    if origin is tuple:
        return ["tuple", *["..." if each is Ellipsis else encode_hint(each, class_id) for each in arguments]]
    if origin is Literal:
        return ["literal", *[each for each in arguments if type(each) in (int, str, bool, type(None))]]
    kind = origin or hint
    name = getattr(kind, "__name__", "")
    if CONTAINERS.get(name) is kind or ABSTRACT.get(name) is kind:
        return ["of", name]
    if isinstance(kind, type) and (known := class_id(kind)) is not None:
        return ["class", known]
    return ["else", str(name or "something")]


def decode_hint(data: Any, classes: Mapping[str, type]) -> Any:
    """Rebuild an annotation; KeyError, TypeError or ValueError where it is none."""
    if isinstance(data, str):
        return PLAIN[data]
    tag, rest = data[0], data[1:]
    if tag == "or":
        return Union[tuple(decode_hint(each, classes) for each in rest)]  # noqa: UP007  # From a tuple.
    if tag == "tuple":
        return tuple[tuple(... if each == "..." else decode_hint(each, classes) for each in rest)]  # type: ignore[misc]
    if tag == "literal":
        return Literal[tuple(rest)]
    if tag == "of":
        return CONTAINERS.get(rest[0]) or ABSTRACT[rest[0]]
    if tag == "class":
        return classes[rest[0]]
    return type(str(rest[0]) if str(rest[0]).isidentifier() else "Unknown", (), {})
