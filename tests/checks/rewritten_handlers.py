"""Which handlers a step rewrites, which checks concern a handler, and which checks run again in those of a later step."""

from __future__ import annotations

import ast
import functools
import inspect
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FunctionType, ModuleType
from typing import Any

import raft_steps
from raft_steps import node
from raft_steps.lab.checks import check, checks_of
from tests.checks.check_tools import failed_checks

NamedCheck = tuple[int, str]  # a step and the name of one of its checks


def rewritten_handlers(step: int) -> set[str]:
    """Return the names of the handlers that a step writes and that the step before has already."""
    tree = ast.parse(inspect.getsource(raft_steps.step(step)))
    node_class = next(each for each in tree.body if isinstance(each, ast.ClassDef) and each.name == "Node")
    written = {each.name for each in node_class.body if isinstance(each, ast.FunctionDef)}
    return {name for name in written if name.startswith("on_")} & set(_handlers(node(step - 1)))


@functools.cache
def concerned_checks(step: int) -> dict[str, set[str]]:
    """Return the names of a step's checks that concern each handler: they fail if the handler does nothing."""
    return {name: set(failed_checks(_without(node(step), name), step)) for name in _handlers(node(step))}


def checks_run_by(step: int) -> set[NamedCheck]:
    """Return the checks of earlier steps that run again when a step's checks run on its Node."""
    ran: set[NamedCheck] = set()
    with _recorded(step, ran):
        assert check(node(step), step).passed
    return ran


def _handlers(node_class: type) -> list[str]:
    names = [name for name in dir(node_class) if name.startswith("on_")]
    return [name for name in names if inspect.isfunction(inspect.getattr_static(node_class, name))]


def _without(node_class: type, handler: str) -> type:
    """Return a Node whose handler does nothing; it expects the same message, so that a check can send it."""

    def ignore(self: object, first: object = None, second: object = None) -> None:
        pass

    original: Any = inspect.getattr_static(node_class, handler)
    copy = FunctionType(ignore.__code__, original.__globals__, handler, ignore.__defaults__)
    copy.__annotations__ = {
        mine: original.__annotations__[its]
        for mine, its in zip(("first", "second"), inspect.signature(original).parameters, strict=False)
        if its in original.__annotations__
    }
    if "message" in original.__annotations__:
        copy.__annotations__["second"] = original.__annotations__["message"]
    module = ModuleType("tests.checks.idle_handlers")
    sys.modules[module.__name__] = module  # dataclasses looks it up there.
    return type("Node", (node_class,), {handler: copy, "__module__": module.__name__})


@contextmanager
def _recorded(step: int, ran: set[NamedCheck]) -> Iterator[None]:
    """Record which checks of earlier steps run in this block."""
    checks = [(earlier, each) for earlier in range(1, step) for each in checks_of(earlier)]
    originals = [each.run for _, each in checks]
    for (earlier, each), original in zip(checks, originals, strict=True):

        def run(*arguments: Any, key: NamedCheck = (earlier, each.name), original: Any = original) -> None:
            ran.add(key)
            original(*arguments)

        object.__setattr__(each, "run", run)  # A check is frozen; it is put back below.
    try:
        yield
    finally:
        for (_, each), original in zip(checks, originals, strict=True):
            object.__setattr__(each, "run", original)
