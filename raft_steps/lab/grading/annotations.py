"""Encodes the annotations of a message's fields as JSON, so that the judge can rebuild and check them.

Only annotations that a message may have can be encoded. Any other becomes a class without instances, so that sending
a message with such a field fails in the judge as it does in a notebook.
"""

from __future__ import annotations

import collections.abc
import types
from collections.abc import Callable, Mapping
from typing import Any, Literal, Union, get_args, get_origin

PLAIN: Mapping[str, Any] = {"int": int, "str": str, "float": float, "bool": bool, "None": type(None), "Any": Any}
NAMES = {id(kind): name for name, kind in PLAIN.items()}
CONTAINERS: Mapping[str, type] = {kind.__name__: kind for kind in (list, dict, set, frozenset)}
ABSTRACT: Mapping[str, Any] = {
    name: getattr(collections.abc, name)
    for name in ("Sequence", "Iterable", "Collection", "Mapping", "Set", "Hashable", "Sized")
}


def encode_annotation(annotation: Any, class_id: Callable[[type], str | None]) -> Any:
    """Turn an annotation into data that JSON can represent; a class becomes the name that `class_id` returns for it."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if annotation is None or id(annotation) in NAMES:
        return "None" if annotation is None else NAMES[id(annotation)]
    if origin in (Union, types.UnionType):
        return ["or", *[encode_annotation(each, class_id) for each in arguments]]
    if origin is tuple:
        return ["tuple", *["..." if each is Ellipsis else encode_annotation(each, class_id) for each in arguments]]
    if origin is Literal:
        return ["literal", *[each for each in arguments if type(each) in (int, str, bool, type(None))]]
    kind = origin or annotation
    name = getattr(kind, "__name__", "")
    if CONTAINERS.get(name) is kind or ABSTRACT.get(name) is kind:
        return ["of", name]
    if isinstance(kind, type) and (known := class_id(kind)) is not None:
        return ["class", known]
    return ["else", str(name or "something")]


def decode_annotation(data: Any, classes: Mapping[str, type]) -> Any:
    """Rebuild an annotation.

    Raises:
        KeyError, TypeError, ValueError, IndexError: The data is not an encoded annotation.
    """
    if isinstance(data, str):
        return PLAIN[data]
    tag, rest = data[0], data[1:]
    if tag == "or":
        return Union[tuple(decode_annotation(each, classes) for each in rest)]  # noqa: UP007  # From a tuple.
    if tag == "tuple":
        return tuple[tuple(... if each == "..." else decode_annotation(each, classes) for each in rest)]  # type: ignore[misc]
    if tag == "literal":
        return Literal[tuple(rest)]
    if tag == "of":
        return CONTAINERS.get(rest[0]) or ABSTRACT[rest[0]]
    if tag == "class":
        return classes[rest[0]]
    return type(str(rest[0]) if str(rest[0]).isidentifier() else "Unknown", (), {})
