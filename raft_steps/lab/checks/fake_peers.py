"""The fake peers of the Node under test: servers that send exactly the messages of a check, and nothing else.

A learner's Node may define its own message classes. So a fake peer sends the class with which the Node's handler is
annotated, and if that class lacks a field that the check needs, the failure names it.
"""

from __future__ import annotations

import re
import typing
from collections.abc import Callable
from dataclasses import MISSING, fields, is_dataclass
from types import FunctionType
from typing import Any

from raft_steps.lab import node
from raft_steps.lab.errors import LabError


class CheckFailed(LabError):  # noqa: N818  # It is a verdict on a Node, not an error of the laboratory.
    """The Node under test breaks a rule.

    Attributes:
        event: The number of the first event that broke it, if an event did.
        is_preparation: Whether a check did not get to its rule, because what it needs first did not happen.
    """

    def __init__(self, message: str, event: int | None = None, *, is_preparation: bool = False) -> None:
        """Store what went wrong, and at which event."""
        super().__init__(message)
        self.event, self.is_preparation = event, is_preparation


class FakePeer(node.Node):
    """A server that accepts every message and never acts by itself."""

    is_leader: bool = False

    def __getattr__(self, name: str) -> Callable[..., None]:
        """Return a handler that ignores its message, whatever the message is."""
        if name.startswith("on_"):
            return ignore
        raise AttributeError(name)


def ignore(sender: str, message: object) -> None:
    """Do nothing with a message."""


def build_message(node_class: type, message_name: str, values: dict[str, Any]) -> Any:
    """Build a message of the class that a Node's handler expects.

    Raises:
        CheckFailed: The Node has no handler for it, or its class has other fields.
    """
    # Two names for it: mypy takes what `is_dataclass` has accepted for an instance, which cannot be called.
    message_class = build = message_class_of(node_class, message_name)
    if not is_dataclass(message_class):
        raise CheckFailed(f"{message_name} is a plain class; write @message on the line above it")
    known = {field.name: field for field in fields(message_class)}
    unknown = [name for name in values if name not in known]
    if unknown:
        raise CheckFailed(
            f"{message_name} has no field {unknown[0]}; it has {', '.join(known) or 'none'}"
            + _inherited_handler_hint(node_class, message_name)
        )
    for name, field in known.items():
        if name not in values and field.default is MISSING and field.default_factory is MISSING:
            raise CheckFailed(
                f"{message_name} requires a field {name}; it should have only {', '.join(values) or 'no field'}"
            )
    return build(**values)


def _inherited_handler_hint(node_class: type, message_name: str) -> str:
    """Return a sentence if the handler is inherited from an earlier step, and so expects that step's message."""
    owner, _ = _handlers(node_class, message_name)[0]
    step = re.match(r"raft_steps\.step_(\d+)", owner.__module__)
    if step is None:
        return ""
    return f". Your Node inherits {handler_name(message_name)} from step {int(step[1])}; write it for the new message"


def handler_name(message_name: str) -> str:
    """Return the name of the method that handles a message: on_append_entries for AppendEntries."""
    return "on_" + re.sub(r"(?<!^)(?=[A-Z])", "_", message_name).lower()


def handles(node_class: type, message_name: str) -> bool:
    """Return whether a Node has a handler for a message."""
    return hasattr(node_class, handler_name(message_name))


def message_class_of(node_class: type, message_name: str) -> Any:
    """Find the class of a message that a Node handles: the one with which its handler is annotated.

    If a handler has no annotation, the class of that name in the handler's module is used, and then the class that
    the handler it overrides expects.

    Raises:
        CheckFailed: The Node has no such handler, or the class cannot be found.
    """
    for _, function in _handlers(node_class, message_name):
        # Almost all annotations are the class itself, or its name: to evaluate all of them takes a hundred times as long.
        words = [each for name, each in function.__annotations__.items() if name != "return"]
        if message_name in words:
            words.append(function.__globals__.get(message_name))
        for word in words:
            if isinstance(word, type) and word.__name__ == message_name:
                return word
        try:
            hints = typing.get_type_hints(function)
        except (NameError, TypeError, AttributeError, SyntaxError):
            hints = {}
        candidates = [hint for name, hint in hints.items() if name != "return"]
        candidates.append(function.__globals__.get(message_name))
        for candidate in candidates:
            if isinstance(candidate, type) and candidate.__name__ == message_name:
                return candidate
    raise CheckFailed(
        f"annotate the message: def {handler_name(message_name)}(self, sender: str, message: {message_name})"
    )


def _handlers(node_class: type, message_name: str) -> list[tuple[type, FunctionType]]:
    """Find the classes that define a message's handler, in method resolution order, and their methods.

    Raises:
        CheckFailed: There is none.
    """
    name = handler_name(message_name)
    found = [
        (base, function) for base in node_class.__mro__ if isinstance(function := vars(base).get(name), FunctionType)
    ]
    if not found:
        raise CheckFailed(f"the Node has no {name}(self, sender, message), the handler of {message_name}")
    return found
