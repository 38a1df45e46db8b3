"""Inlines the inherited values that a class variable or field is computed from, as in ``(*step_12.Node.durable, "x")``.

In one file there is no earlier class to ask, so the text of the inherited value takes the place of ``Node.durable``.
"""

from __future__ import annotations

import ast
import dataclasses
from collections.abc import Mapping

from raft_steps.lab.source.parse import Definition


def inline_values(definition: Definition, inherited: Mapping[str, Definition]) -> Definition:
    """Replace ``Node.name``, in the value of a class variable or field, by the value that the chain before it has.

    A name that only the laboratory's base class has is read from there.
    """
    if definition.kind not in ("class variable", "field"):
        return definition
    text = definition.text.encode()
    found = [place for node in ast.walk(ast.parse(definition.text)) if (place := _inherited(node)) is not None]
    inner = {id(place[0].value) for place in found if isinstance(place[0], ast.Starred)}  # part of a longer one
    found = [place for place in found if id(place[0]) not in inner]
    for node, name, is_spread in sorted(found, key=lambda place: (place[0].lineno, place[0].col_offset), reverse=True):
        start, end = _offsets(text, node)
        value = _value_of(inherited[name], is_spread) if name in inherited else f"{'*' * is_spread}node.Node.{name}"
        text = text[:start] + value.encode() + text[end:]
    return dataclasses.replace(definition, text=text.decode())


def _inherited(node: ast.AST) -> tuple[ast.expr, str, bool] | None:
    """Return the expression to replace, the name that it reads, and whether it spreads a sequence; None for any other."""
    match node:
        case ast.Starred(value=ast.Attribute(value=ast.Name(id="Node"), attr=name)):
            return node, name, True
        case ast.Attribute(value=ast.Name(id="Node"), attr=name):
            return node, name, False
    return None


def _value_of(definition: Definition, is_spread: bool) -> str:
    """Return the text of a definition's value; of a tuple to spread, its elements."""
    statement = ast.parse(definition.text).body[0]
    assert isinstance(statement, ast.Assign | ast.AnnAssign)
    assert statement.value is not None
    value = statement.value
    text = ast.get_source_segment(definition.text, value) or ""
    if not is_spread:
        return text if isinstance(value, ast.Constant | ast.Name | ast.Tuple) else f"({text})"
    if isinstance(value, ast.Tuple) and value.elts:
        return ", ".join(ast.get_source_segment(definition.text, element) or "" for element in value.elts)
    return f"*{text}"


def _offsets(text: bytes, node: ast.expr) -> tuple[int, int]:
    """Return where an expression begins and ends in the text, in bytes."""
    starts = [0]
    for line in text.split(b"\n"):
        starts.append(starts[-1] + len(line) + 1)
    assert node.end_lineno is not None
    assert node.end_col_offset is not None
    return starts[node.lineno - 1] + node.col_offset, starts[node.end_lineno - 1] + node.end_col_offset
