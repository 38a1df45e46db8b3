"""The rules about messages. An inherited method looks names up in its own module, and would build the old message.

So a message is written in full when it changes, and every method that uses it is written again with it.
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator

from raft_steps.lab.messages import handler_name
from raft_steps.lab.source.flatten import FlatNode
from raft_steps.lab.source.parse import Definition, global_names
from tests.steps.rule_cases import Case, is_message


def definitions_are_messages(case: Case) -> Iterator[str]:
    """A step defines messages, in full: another class as a base, or a constant that changes, would mislead."""
    for piece in case.step.chapter.definitions:
        statement = ast.parse(piece.text).body[0]
        if isinstance(statement, ast.ClassDef) and (statement.bases or statement.keywords):
            yield f"{piece.name} has a base; write the message in full"
        if not is_message(piece):
            if isinstance(statement, ast.ClassDef):
                yield f"{piece.name} is not a message: a class other than Node is decorated with @message alone"
            elif piece.name in case.redefined:
                yield f"{piece.name} is defined again, but inherited methods use the old one; make it a class variable"


def nothing_inherited_names_it(case: Case) -> Iterator[str]:
    """Inherited code does not use a message that the step redefines, in its lines or in its annotations."""
    for piece in case.inherited:
        for name in sorted(global_names(piece.text) & set(case.redefined)):
            yield f"{piece.name} is inherited and names the old {name}; write it again"


def built_in_one_method(case: Case) -> Iterator[str]:
    """Each message is built in exactly one method, so that a step which changes it has one place to change."""
    builders: dict[str, list[str]] = {}
    for method in case.after.methods:
        for name in sorted(_built(method)):
            builders.setdefault(name, []).append(method.name)
    for piece in _messages(case.after):
        methods = builders.get(piece.name, [])
        if len(methods) != 1:
            yield f"{piece.name} is built in {' and '.join(methods) or 'no method'}; it should be built in exactly one"


def _built(method: Definition) -> set[str]:
    nodes = ast.walk(ast.parse(method.text))
    return {node.func.id for node in nodes if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)}


def _messages(whole: FlatNode) -> list[Definition]:
    return [piece for piece in whole.definitions if is_message(piece)]


def every_message_is_used(case: Case) -> Iterator[str]:
    """A step does not define a message that no method uses."""
    kept = {piece.name for piece in case.after.definitions}
    for piece in case.step.chapter.definitions:
        if piece.name not in kept:
            yield f"{piece.name} is defined, and no method names it"


def imports_are_the_latest(case: Case) -> Iterator[str]:
    """A message is imported from the step that defined it last."""
    latest = {piece.name: step.name for step in case.earlier for piece in step.chapter.definitions}
    for name, origin in case.step.chapter.imports.items():
        home = latest.get(origin.name)
        if origin.module.startswith("raft_steps.step_") and home and origin.module != f"raft_steps.{home}":
            yield f"{name} is imported from {origin.module}, but {home} wrote it last"


def handlers_fit(case: Case) -> Iterator[str]:
    """Every message and every timer has its handler, and every handler has its message or timer."""
    methods = {method.name for method in case.after.methods}
    messages = {handler_name(type(piece.name, (), {})): piece.name for piece in _messages(case.after)}
    timers = {f"on_{name}_timeout": name for method in case.after.methods for name in _timers(method)}
    for handler, name in messages.items():
        if handler not in methods:
            yield f"{name} arrives and there is no {handler}"
    for handler, name in timers.items():
        if handler not in methods:
            yield f"the timer {name} is started and there is no {handler}"
    heard = {*messages, *timers, "on_start", "on_client_request"}
    for name in sorted(methods - heard):
        if name.startswith("on_"):
            yield f"{name} is never called: there is no such message, and no timer of that name is started"


def _timers(method: Definition) -> list[str]:
    """Return the names of the timers that a method starts."""
    found = Counter[str]()
    for node in ast.walk(ast.parse(method.text)):
        match node:
            case ast.Call(func=ast.Attribute(attr="start_timer"), args=[ast.Constant(value=str(name)), *_]):
                found[name] += 1
    return list(found)
