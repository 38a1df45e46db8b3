"""Puppets: the servers of a stage that say only what a check wants, in the words of the Node under test.

A learner's Node may have messages of its own making. So a puppet speaks the class that the Node's own handler is
annotated with, and where that class cannot say what the check wants, the failure tells the learner what is missing.
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


class CheckFailed(LabError):  # noqa: N818  # It is no error of the laboratory's.
    """The Node under test does not live up to a rule.

    Attributes:
        event: The number of the first event that broke it, if one did.
    """

    def __init__(self, message: str, event: int | None = None) -> None:
        """Keep what went wrong, and where."""
        super().__init__(message)
        self.event = event


class FakePeer(node.Node):
    """A server that hears everything and does nothing of its own accord."""

    is_leader: bool = False

    def __getattr__(self, name: str) -> Callable[..., None]:
        """Hear any message."""
        if name.startswith("on_"):
            return ignore
        raise AttributeError(name)


def ignore(sender: str, message: object) -> None:
    """Do nothing with a message."""


def build_message(node_class: type, message_name: str, values: dict[str, Any]) -> Any:
    """Build a message of the class that a Node hears.

    Raises:
        CheckFailed: The Node hears no such message, or its class has other fields.
    """
    message_class = build = message_class_of(node_class, message_name)
    if not is_dataclass(message_class):
        raise CheckFailed(f"{message_name} is a plain class; write @message on the line above it")
    known = {field.name: field for field in fields(message_class)}
    unknown = [name for name in values if name not in known]
    if unknown:
        raise CheckFailed(
            f"{message_name} has no field {unknown[0]}; it has {', '.join(known) or 'none'}"
            + _still_inherited(node_class, message_name)
        )
    for name, field in known.items():
        if name not in values and field.default is MISSING and field.default_factory is MISSING:
            raise CheckFailed(
                f"{message_name} wants {name} too, but should have {', '.join(values) or 'no field'} alone"
            )
    return build(**values)


def _still_inherited(node_class: type, message_name: str) -> str:
    """Say that the handler is an earlier step's, where it is: then it hears that step's message."""
    owner, _ = _handlers(node_class, message_name)[0]
    step = re.match(r"raft_steps\.step_(\d+)", owner.__module__)
    if step is None:
        return ""
    return f". Write {heard_by(message_name)} for the message that has it; so far it is the one of step {int(step[1])}"


def heard_by(message_name: str) -> str:
    """Say which method hears a message: AppendEntries is heard by on_append_entries."""
    return "on_" + re.sub(r"(?<!^)(?=[A-Z])", "_", message_name).lower()


def message_class_of(node_class: type, message_name: str) -> Any:
    """Find the class of a message that a Node hears: the one that its handler is annotated with.

    A handler without annotations is understood too: the class of that name where the handler was written counts, and
    after it the one that the handler before it hears.

    Raises:
        CheckFailed: The Node has no such handler, or the class cannot be found.
    """
    for _, function in _handlers(node_class, message_name):
        try:
            hints = typing.get_type_hints(function)
        except (NameError, TypeError, AttributeError):
            hints = {}
        candidates = [hint for name, hint in hints.items() if name != "return"]
        candidates.append(function.__globals__.get(message_name))
        for candidate in candidates:
            if isinstance(candidate, type) and candidate.__name__ == message_name:
                return candidate
    raise CheckFailed(f"annotate the message: def {heard_by(message_name)}(self, sender: str, message: {message_name})")


def _handlers(node_class: type, message_name: str) -> list[tuple[type, FunctionType]]:
    """Find the classes that say how a message is heard, the last word first, and their methods.

    Raises:
        CheckFailed: There is none.
    """
    name = heard_by(message_name)
    found = [
        (base, function) for base in node_class.__mro__ if isinstance(function := vars(base).get(name), FunctionType)
    ]
    if not found:
        raise CheckFailed(f"the Node has no {name}(self, sender, message), which should hear {message_name}")
    return found
