"""Describes a Node class as data: its handlers, their messages, and its fields, but none of its code.

From this description the judge builds a class that stands in for it (`remote_node`).
"""

from __future__ import annotations

import dataclasses
import enum
import types
import typing
from typing import Any

from raft_steps.lab.grading.annotations import encode_annotation
from raft_steps.lab.grading.codec import DRIVER_FIELDS, FACTORIES, PLAIN, TAGS, Codec
from raft_steps.lab.node import Removed
from raft_steps.lab.runtime.slips import find_slips

# Values that are code, and are never encoded.
# What the laboratory calls besides handlers of events, if a Node has it.
ORDERS = frozenset({"take_snapshot"})
CODE = (type, types.FunctionType, types.BuiltinFunctionType, types.MethodType, types.ModuleType)


class WorkerCodec(Codec):
    """The worker's codec: it describes each class to the judge when it first encodes an object of it.

    Attributes:
        node_base: The base of all Nodes. A Node is not encoded as a value.
    """

    def __init__(self, node_base: type) -> None:
        """Begin with the classes that both processes know."""
        super().__init__()
        self.node_base = node_base
        self._undescribed: list[dict[str, Any]] = []

    def new_classes(self) -> dict[str, Any]:
        """Return descriptions of the classes that were encoded for the first time since the last call, for an answer."""
        if not self._undescribed:
            return {}
        classes, self._undescribed = self._undescribed, []
        return {"classes": classes}

    def class_id(self, kind: type) -> str | None:
        """Return a class's name, and store its description for the judge; None if its objects cannot be encoded."""
        if kind in self.ids:
            return self.ids[kind]
        if issubclass(kind, (*CODE, self.node_base)) or kind.__module__ == "builtins":
            return None
        name = f"{kind.__module__}.{kind.__qualname__}#{len(self.ids)}"
        self.ids[kind], self.classes[name] = name, kind
        description: dict[str, Any] = {"id": name, "name": kind.__name__, "module": kind.__module__}
        self._undescribed.append(description)  # Before its fields, which may be of the same class.
        description |= self._describe_class(kind)
        return name

    def _describe_class(self, kind: Any) -> dict[str, Any]:
        if issubclass(kind, enum.Enum):
            return {"kind": "enum", "members": list(kind.__members__)}
        if "__dataclass_params__" not in vars(kind):
            return {"kind": "plain"}
        parameters: Any = vars(kind)["__dataclass_params__"]
        try:
            hints: Any = typing.get_type_hints(kind)
        except (NameError, TypeError, AttributeError):
            hints = {}
        fields = [self._field(field, hints) for field in dataclasses.fields(kind)]
        return {"kind": "message", "frozen": parameters.frozen, "eq": parameters.eq, "fields": fields}

    def _field(self, field: Any, hints: dict[str, Any]) -> list[Any]:
        annotation = (
            encode_annotation(hints[field.name], self.class_id) if field.name in hints else ["else", str(field.type)]
        )
        return [field.name, annotation, *encode_default(field, self)]


def encode_default(field: Any, codec: Codec) -> tuple[str, Any]:
    """Return how a dataclass field gets its default, and the default itself, encoded.

    ``none`` means that it has none, ``value`` that all objects share it, ``new`` that each object gets a copy.
    """
    if field.default is not dataclasses.MISSING:
        return ("value" if type(field.default) in PLAIN or type(field.default) is tuple else "new"), codec.encode(
            field.default
        )
    if field.default_factory is not dataclasses.MISSING:
        return "new", codec.encode(field.default_factory())
    return "none", None


def describe_node(node_class: Any, codec: WorkerCodec) -> dict[str, Any]:
    """Return the description of a Node class for the judge."""
    bases = [base for base in reversed(node_class.__mro__) if base not in (object, codec.node_base)]
    fields = [
        [field.name, *encode_default(field, codec)]
        for field in dataclasses.fields(node_class)
        if field.name not in DRIVER_FIELDS and not field.name.startswith("__")
    ]
    names = {name for base in bases for name in vars(base) if not name.startswith("__")} - {each[0] for each in fields}
    values = {name: getattr(node_class, name, None) for name in sorted(names)}
    return {
        "node": [_describe_base(base, codec) for base in bases],
        "fields": fields,
        "durable": codec.encode(node_class.durable),
        "constants": {name: codec.encode(v) for name, v in values.items() if _is_constant(v) and name != "durable"},
        "removed": {name: value.why for name, value in values.items() if isinstance(value, Removed)},
        "properties": [name for name, value in values.items() if isinstance(value, property)],
        "disabled": [name for name, value in values.items() if value is None],
        "post_init": any("__post_init__" in vars(base) for base in bases),
        # The laboratory starts such a Node in a term at least as new as any entry (`launching.respects_terms`).
        "learns_terms": hasattr(node_class, "learn_term"),
        "slips": _slips(node_class),
    }


def _slips(node_class: Any) -> list[str]:
    """Return the slips of the pen in a submission, whose source only its own process has; none if it cannot be read."""
    try:
        return find_slips(node_class)
    except Exception:  # noqa: BLE001  # A class may raise anything when it is looked at; slips are only a help.
        return []


def _is_constant(value: object) -> bool:
    return type(value) in PLAIN or type(value) in TAGS or type(value).__name__ in FACTORIES


def _describe_base(base: Any, codec: WorkerCodec) -> dict[str, Any]:
    handlers = {
        name: _describe_handler(name, value, codec)
        for name, value in vars(base).items()
        if isinstance(value, types.FunctionType) and (name.startswith("on_") or name in ORDERS)
    }
    return {"name": base.__name__, "module": base.__module__, "handlers": handlers}


def _describe_handler(name: str, function: types.FunctionType, codec: WorkerCodec) -> dict[str, Any]:
    """Return the messages of a handler: those in its annotations, and the one in its module that it is named after."""
    try:
        hints = typing.get_type_hints(function)
    except (NameError, TypeError, AttributeError):
        hints = {}
    named = {key: codec.class_id(hint) for key, hint in hints.items() if key != "return" and isinstance(hint, type)}
    message = "".join(part.capitalize() for part in name.removeprefix("on_").split("_"))
    found = function.__globals__.get(message)
    description: dict[str, Any] = {"hints": {key: value for key, value in named.items() if value is not None}}
    if isinstance(found, type) and (known := codec.class_id(found)) is not None:
        description["global"] = [message, known]
    return description
