"""What a method can name instead of what it names: fields, parameters and methods of the same type."""

from __future__ import annotations

import ast
import dataclasses
import inspect
from collections.abc import Iterator
from typing import Any

from raft_steps.lab.log import Entry
from raft_steps.lab.node import Node, Removed

LOG_ENDS = ("self.log.last_index", "self.log.last_term")


class Names:
    """The expressions of each type that are in reach of a method, and the methods that take the same arguments.

    Attributes:
        types: The type of each expression, as text: ``{"self.current_term": "int", "message.term": "int"}``.
        fields: The fields of the Node, with their types.
    """

    def __init__(self, method: ast.FunctionDef | None, node_class: type[Node], known: dict[str, Any]) -> None:
        """Collect the names.

        Args:
            method: The method; None for the fields of the class.
            node_class: The Node of the step, with all that it inherits.
            known: The names of the step's module, such as its messages.
        """
        gone = {name for name in dir(node_class) if isinstance(inspect.getattr_static(node_class, name), Removed)}
        self.node_class = node_class
        self.fields = {f"self.{each.name}": _plain(each.type) for each in dataclasses.fields(node_class)}
        self.fields = {name: kind for name, kind in self.fields.items() if name.removeprefix("self.") not in gone}
        self.types: dict[str, str] = {}
        if method is None:
            return
        self.types |= self.fields
        if "self.log" in self.fields:
            self.types |= dict.fromkeys(LOG_ENDS, "int")
        for each in method.args.args[1:]:
            kind = ast.unparse(each.annotation) if each.annotation is not None else ""
            self.types[each.arg] = _plain(kind)
            self.types |= _fields_of(each.arg, known.get(kind))
        if any(isinstance(each, ast.Name) and each.id == "entry" for each in ast.walk(method)):
            self.types |= _fields_of("entry", Entry)

    def others(self, expression: ast.expr) -> Iterator[str]:
        """Yield the other expressions of the same type, if the type of this one is known."""
        text = ast.unparse(expression)
        kind = self.types.get(text)
        if kind is not None:
            yield from (other for other, its in self.types.items() if its == kind and other != text)

    def is_number(self, expression: ast.expr) -> bool:
        """Return whether an expression is a field, a parameter or an end of the log that is an index or a term."""
        return self.types.get(ast.unparse(expression)) == "int"

    def neighbouring_methods(self, name: str) -> list[str]:
        """Return the methods before and after a method among those of the same parameters and result."""
        order = [
            each
            for base in reversed(self.node_class.__mro__)
            for each, value in vars(base).items()
            if inspect.isfunction(value) and not each.startswith("_")
        ]
        # A method that is written again keeps its place.
        same = [each for each in dict.fromkeys(order) if self._signature(each) == self._signature(name) != ""]
        if name not in same:
            return []
        place = same.index(name)
        return same[max(0, place - 1) : place] + same[place + 1 : place + 2]

    def _signature(self, name: str) -> str:
        function = inspect.getattr_static(self.node_class, name, None)
        if not inspect.isfunction(function):
            return ""
        signature = inspect.signature(function)
        kinds = [_plain(each.annotation) for each in list(signature.parameters.values())[1:]]
        return f"({', '.join(kinds)}) -> {signature.return_annotation}"


def _fields_of(name: str, found: Any) -> dict[str, str]:
    """Return the fields of a message, entry or request, as expressions with their types."""
    if not (isinstance(found, type) and dataclasses.is_dataclass(found)):
        return {}
    return {f"{name}.{each.name}": _plain(each.type) for each in dataclasses.fields(found)}


def _plain(kind: object) -> str:
    """Return a type as text; one that may be None counts as the type itself."""
    text = kind if isinstance(kind, str) else getattr(kind, "__name__", str(kind))
    return text.removesuffix(" | None")
