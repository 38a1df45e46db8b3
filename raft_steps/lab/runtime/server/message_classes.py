"""The message classes that a Node handles: its handlers are annotated with them."""

from __future__ import annotations

import typing
from dataclasses import is_dataclass
from types import FunctionType

from raft_steps.lab.errors import ServerError
from raft_steps.lab.messages import handler_name


def message_classes(node_class: type) -> tuple[type, ...]:
    """Return the classes of the messages that may arrive at a Node, sorted by name.

    Raises:
        ServerError: A handler's message has no annotation, so its line of text could not be read.
    """
    found = {}
    for name in sorted(dir(node_class)):
        if name in {"on_start", "on_client_request"} or not name.startswith("on_") or name.endswith("_timeout"):
            continue
        function = getattr(node_class, name)
        if isinstance(function, FunctionType):
            found[name] = _message_class(node_class, name)
    return tuple(found.values())


def _message_class(node_class: type, name: str) -> type:
    """Return the class with which a handler, or one that it overrides, is annotated."""
    for base in node_class.__mro__:
        function = vars(base).get(name)
        if not isinstance(function, FunctionType):
            continue
        try:
            hints = typing.get_type_hints(function)
        except (NameError, TypeError, AttributeError, SyntaxError):
            continue
        for argument, hint in hints.items():
            if argument != "return" and is_dataclass(hint) and isinstance(hint, type) and handler_name(hint) == name:
                return hint
    raise ServerError(f"annotate the message of {name}, as in def {name}(self, sender: str, message: AppendEntries)")
