"""Which of a learner's own steps is to blame, if a Node is derived from several of them and fails a check.

A Node may be built on `mine(6)`, the Node of the learner's own notebook 06. The classes above that one are rebuilt on the
course's Node of step 6: if the check passes then, step 6 or an earlier one is to blame, and not the step that is checked.
"""

from __future__ import annotations

import inspect
import types
from collections.abc import Callable
from dataclasses import MISSING, field, fields
from typing import Any

from raft_steps import node
from raft_steps.lab.runtime.launching import own_step

# What Python and @dataclass add to a class.
GENERATED = frozenset(
    {
        *("__dict__", "__weakref__", "__init__", "__repr__", "__eq__", "__match_args__", "__replace__", "__module__"),
        *("__dataclass_fields__", "__dataclass_params__", "__annotate__", "__annotate_func__", "__annotations_cache__"),
    }
)


def step_to_blame(node_class: type, passes: Callable[[type], bool]) -> int | None:
    """Return the own step that makes a Node fail; None if it is not one of those that the class is derived from.

    Args:
        node_class: The Node class, which fails.
        passes: Whether a Node class passes.
    """
    own = [(step, each) for each in node_class.__mro__[1:] if (step := _step_below(each, node_class)) is not None]
    return next((step for step, base in reversed(own) if passes(rebuilt(node_class, base, node(step)))), None)


def rebuilt(node_class: type, old: type, new: type) -> type:
    """Build a class and its bases again, with another class in place of one of its bases.

    Args:
        node_class: The class.
        old: The base that is replaced, with all of its own bases.
        new: The class that takes its place.
    """
    above = node_class.__mro__[: node_class.__mro__.index(old)]
    for each in reversed(above):
        new = _copied(each, new)
    return new


def _step_below(each: type, node_class: type) -> int | None:
    """Return the step of a class that is the Node of an own step, unless it is that of the class that is checked."""
    step = own_step(each)
    is_node = step is not None and each.__name__ == "Node" and own_step(node_class) != step
    return step if is_node else None


def _copied(each: type, base: type) -> type:
    """Return a copy of a class with another base; `super()` in its methods leads to that base."""
    cell = types.CellType()
    body = {name: _with_class(value, cell) for name, value in vars(each).items() if name not in GENERATED}
    body["__annotations__"] = inspect.get_annotations(each)
    body["__module__"] = each.__module__
    for declared in fields(each):  # @dataclass has removed the default factories from the class.
        if declared.name in body["__annotations__"] and declared.default_factory is not MISSING:
            body[declared.name] = field(default_factory=declared.default_factory)
    copy = type(each)(each.__name__, (base,), body)
    cell.cell_contents = copy
    return copy


def _with_class(value: Any, cell: types.CellType) -> Any:
    """Return a function whose zero-argument `super()` uses another class; anything else is returned as it is."""
    if not isinstance(value, types.FunctionType) or "__class__" not in value.__code__.co_freevars:
        return value
    names = value.__code__.co_freevars
    closure = tuple(
        cell if name == "__class__" else old for name, old in zip(names, value.__closure__ or (), strict=True)
    )
    copy = types.FunctionType(value.__code__, value.__globals__, value.__name__, value.__defaults__, closure)
    copy.__kwdefaults__, copy.__annotations__ = value.__kwdefaults__, value.__annotations__
    copy.__qualname__, copy.__doc__, copy.__module__ = value.__qualname__, value.__doc__, value.__module__
    return copy
