"""A Node class in words: the events that it hears, their messages, and its fields.

A judge makes a class of them that can stand in for it. Nothing of its code is in there.
"""

from __future__ import annotations

import dataclasses
import enum
import types
import typing
from typing import Any

from raft_steps.lab.grading.annotations import encode_hint
from raft_steps.lab.grading.codec import FACTORIES, PLAIN, TAGS, Wire
from raft_steps.lab.node import Removed

OWN = frozenset({"name", "servers", "random", "effects"})
CODE = (type, types.FunctionType, types.BuiltinFunctionType, types.MethodType, types.ModuleType)


class ChildWire(Wire):
    """The submission's end: it names each class that it meets, and describes it once.

    Attributes:
        node_base: The base of all Nodes: a Node is no value.
    """

    def __init__(self, node_base: type) -> None:
        """Begin with what both ends know."""
        super().__init__()
        self.node_base = node_base
        self._news: list[dict[str, Any]] = []

    def news(self) -> dict[str, Any]:
        """Describe the classes that were met since this was asked last."""
        if not self._news:
            return {}
        news, self._news = self._news, []
        return {"classes": news}

    def describe(self, kind: type) -> str | None:
        """Name a class, and keep its description for the judge; None for one whose objects are no data."""
        if kind in self.ids:
            return self.ids[kind]
        if issubclass(kind, (*CODE, self.node_base)) or kind.__module__ == "builtins":
            return None
        name = f"{kind.__module__}.{kind.__qualname__}#{len(self.ids)}"
        self.ids[kind], self.classes[name] = name, kind
        said: dict[str, Any] = {"id": name, "name": kind.__name__, "module": kind.__module__}
        self._news.append(said)  # Before what it holds, which may be of the same class.
        said |= self._inside(kind)
        return name

    def _inside(self, kind: Any) -> dict[str, Any]:
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
        hint = encode_hint(hints[field.name], self.describe) if field.name in hints else ["else", str(field.type)]
        return [field.name, hint, *default_of(field, self)]


def default_of(field: Any, wire: Wire) -> tuple[str, Any]:
    """Give how a field begins: not at all, with a value, or with a new one each time."""
    if field.default is not dataclasses.MISSING:
        return ("value" if type(field.default) in PLAIN or type(field.default) is tuple else "new"), wire.encode(
            field.default
        )
    if field.default_factory is not dataclasses.MISSING:
        return "new", wire.encode(field.default_factory())
    return "none", None


def describe_node(node_class: Any, wire: ChildWire) -> dict[str, Any]:
    """Describe a Node class to the judge."""
    bases = [base for base in reversed(node_class.__mro__) if base not in (object, wire.node_base)]
    fields = [
        [field.name, *default_of(field, wire)]
        for field in dataclasses.fields(node_class)
        if field.name not in OWN and not field.name.startswith("__")
    ]
    names = {name for base in bases for name in vars(base) if not name.startswith("__")} - {each[0] for each in fields}
    values = {name: getattr(node_class, name, None) for name in sorted(names)}
    return {
        "node": [_describe_base(base, wire) for base in bases],
        "fields": fields,
        "durable": wire.encode(node_class.durable),
        "constants": {name: wire.encode(v) for name, v in values.items() if _is_constant(v) and name != "durable"},
        "removed": {name: value.why for name, value in values.items() if isinstance(value, Removed)},
        "looks": [name for name, value in values.items() if isinstance(value, property)],
        "hides": [name for name, value in values.items() if value is None],
        "post_init": any("__post_init__" in vars(base) for base in bases),
    }


def _is_constant(value: object) -> bool:
    return type(value) in PLAIN or type(value) in TAGS or type(value).__name__ in FACTORIES


def _describe_base(base: Any, wire: ChildWire) -> dict[str, Any]:
    heard = {
        name: _describe_handler(name, value, wire)
        for name, value in vars(base).items()
        if isinstance(value, types.FunctionType) and name.startswith("on_")
    }
    return {"name": base.__name__, "module": base.__module__, "hears": heard}


def _describe_handler(name: str, function: types.FunctionType, wire: ChildWire) -> dict[str, Any]:
    """Say which messages a handler names: in its annotations, or by its own name where it was written."""
    try:
        hints = typing.get_type_hints(function)
    except (NameError, TypeError, AttributeError):
        hints = {}
    named = {key: wire.describe(hint) for key, hint in hints.items() if key != "return" and isinstance(hint, type)}
    message = "".join(part.capitalize() for part in name.removeprefix("on_").split("_"))
    found = function.__globals__.get(message)
    said: dict[str, Any] = {"hints": {key: value for key, value in named.items() if value is not None}}
    if isinstance(found, type) and (known := wire.describe(found)) is not None:
        said["global"] = [message, known]
    return said
