"""Makes the first-order mutants of a step: its Node with one small change in one of its methods or fields."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import raft_steps
from tests.checks.mutants.names import Names
from tests.checks.mutants.operators import (
    changed_conditions,
    changed_expressions,
    changed_statements,
    may_change_places,
)

REMOVED = "(removed)"
Shown = ast.stmt | ast.keyword
FIELDS = "fields"  # stands for the name of a method, in a mutant that changes the default of a field


@dataclass(frozen=True, slots=True)
class Mutant:
    """A Node with one change.

    Attributes:
        step: The step.
        method: The name of the method that is changed.
        original: The statement that is changed, without the body of an ``if`` or a loop, or the named argument in it.
        replacement: What it is changed to.
        number: Which of several equal changes of the method it is, from 1.
        text: The whole class, as Python text.
    """

    step: int
    method: str
    original: str
    replacement: str
    number: int
    text: str

    @property
    def key(self) -> str:
        """What identifies the mutant within its step, whatever is changed elsewhere in the step."""
        again = f" #{self.number}" if self.number > 1 else ""
        return f"{self.method}: {self.original} -> {self.replacement}{again}"


def mutants_of(step: int) -> list[Mutant]:
    """Return the mutants of a step, in the order of its text.

    Raises:
        LookupError: There is no such step.
    """
    module = raft_steps.step(step)
    tree = ast.parse(inspect.getsource(module))
    node_class = next(each for each in tree.body if isinstance(each, ast.ClassDef) and each.name == "Node")
    texts = [_text(member) for member in node_class.body]
    found: list[Mutant] = []
    seen, numbers = set(texts), Counter[tuple[str, str, str]]()
    for place, method, original, replacement in _changes(node_class, vars(module)):
        text = _text(node_class.body[place])
        if text in seen:
            continue  # Two changes may lead to the same text: of `a or b`, dropping b and `a`.
        seen.add(text)
        key = (method, original, replacement)
        numbers[key] += 1
        head = f"class Node({ast.unparse(node_class.bases[0])}):\n"
        whole = head + "\n".join([*texts[:place], text, *texts[place + 1 :]])
        found.append(Mutant(step, *key, numbers[key], whole))
    return found


def _text(member: ast.stmt) -> str:
    return textwrap.indent(ast.unparse(ast.fix_missing_locations(member)), "    ")


def _changes(node_class: ast.ClassDef, known: dict[str, Any]) -> Iterator[tuple[int, str, str, str]]:
    """Change a member of the class, yield its place and the method, original and replacement, and undo the change."""
    for place, member in enumerate(node_class.body):
        if isinstance(member, ast.FunctionDef):
            names = Names(member, known["Node"], known)
            for original, replacement in _changes_in_body(member.body, names):
                yield place, member.name, original, replacement
        elif isinstance(member, ast.AnnAssign) and isinstance(member.value, ast.Constant | ast.Tuple):
            names = Names(None, known["Node"], known)
            for original, replacement in _changes_in_expressions(member, names):
                yield place, FIELDS, original, replacement


def _changes_in_body(body: list[ast.stmt], names: Names) -> Iterator[tuple[str, str]]:
    for place, statement in enumerate(list(body)):
        if _is_docstring(statement):
            continue
        original = _head(statement)
        for changed in changed_statements(statement):
            body[place] = changed or ast.Pass()
            yield original, _head(changed) if changed else REMOVED
        body[place] = statement
        if place + 1 < len(body) and may_change_places(statement, body[place + 1]):
            body[place : place + 2] = [body[place + 1], statement]
            yield original, f"(after) {_head(body[place])}"
            body[place : place + 2] = [statement, body[place]]
        yield from _changes_in_expressions(statement, names)
        for inner in ("body", "orelse"):
            if getattr(statement, inner, None):
                yield from _changes_in_body(getattr(statement, inner), names)


def _changes_in_expressions(statement: ast.stmt, names: Names) -> Iterator[tuple[str, str]]:
    """Change every expression of a statement, but not those in its body."""
    for parent, name, place, node, shown in _expressions(statement, statement):
        original = _head(shown)
        changes = list(changed_expressions(node, parent, names))
        if name == "test" and isinstance(parent, ast.If | ast.While | ast.IfExp):
            changes += changed_conditions(node, has_else=bool(parent.orelse))
        for changed in changes:
            _put(parent, name, place, changed)
            yield original, _head(shown)
        _put(parent, name, place, node)


def _expressions(parent: ast.AST, shown: Shown) -> Iterator[tuple[ast.AST, str, int | None, ast.expr, Shown]]:
    """Yield the expressions below a syntax node, but not those in the body of a statement.

    Yields:
        The parent, the field of the parent, the place if that field is a list, the expression itself, and the part of
        the text by which its change is shown: the named argument or else the statement that it is in.
    """
    for name, value in ast.iter_fields(parent):
        for place, each in enumerate(value if isinstance(value, list) else [value]):
            if isinstance(each, ast.stmt) or not isinstance(each, ast.AST) or name == "annotation":
                continue
            if isinstance(each, ast.expr):
                yield parent, name, place if isinstance(value, list) else None, each, shown
            yield from _expressions(each, each if isinstance(each, ast.keyword) else shown)


def _put(parent: ast.AST, name: str, place: int | None, node: ast.expr) -> None:
    if place is None:
        setattr(parent, name, node)
    else:
        getattr(parent, name)[place] = node


def _is_docstring(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)


def _head(statement: Shown) -> str:
    """Return the text of a statement or a named argument; of a statement with a body, only its first line."""
    text = ast.unparse(ast.fix_missing_locations(statement))
    return text.splitlines()[0] if isinstance(statement, ast.If | ast.For | ast.While | ast.Match) else text
