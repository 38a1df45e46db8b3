"""Inlines calls of super(): the lines of the inherited method replace the call.

That is possible if the call is a separate statement, passes the method's own arguments, and the inherited method
returns nothing and shares no local name with its caller. All steps are written this way; a test checks it.
"""

from __future__ import annotations

import ast
import dataclasses
import symtable
from collections.abc import Mapping
from dataclasses import dataclass

from raft_steps.lab.errors import SourceError
from raft_steps.lab.source.parse import Definition, shift


@dataclass(frozen=True, slots=True)
class SuperCalls:
    """The uses of super() in a method.

    Attributes:
        count: How often ``super`` occurs.
        methods: The methods that are called through it.
        statements: The uses that are whole statements, such as ``super().on_start()``.
    """

    count: int
    methods: list[str]
    statements: list[ast.Expr]


def super_calls(definition: Definition) -> SuperCalls:
    """Find the uses of super() in a method."""
    nodes = list(ast.walk(ast.parse(definition.text)))
    reaching = {id(node): node for node in nodes if isinstance(node, ast.Attribute) and _is_super(node.value)}
    return SuperCalls(
        count=sum(isinstance(node, ast.Name) and node.id == "super" for node in nodes),
        methods=[node.attr for node in reaching.values()],
        statements=[
            node
            for node in nodes
            if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call) and id(node.value.func) in reaching
        ],
    )


def _is_super(node: ast.expr) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "super"


def passed_on(statement: ast.Expr) -> list[str]:
    """Return the arguments of a call as text; ``x=x`` is returned as ``x``."""
    call = statement.value
    assert isinstance(call, ast.Call)
    arguments = [ast.unparse(argument) for argument in call.args]
    for keyword in call.keywords:
        value = ast.unparse(keyword.value)
        arguments.append(value if value == keyword.arg else f"{keyword.arg}={value}")
    return arguments


def inline_super(definition: Definition, inherited: Mapping[str, Definition], title: str) -> Definition:
    """Replace ``super().method(same arguments)`` by the lines of the inherited method.

    A call of a method that only the laboratory's base class defines stays as it is.

    Raises:
        SourceError: The call is not a whole statement, or the inherited lines would mean something else here.
    """
    if definition.kind != "method" or "super" not in definition.text:
        return definition
    found = super_calls(definition)
    if found.count == len(found.methods) and not any(method in inherited for method in found.methods):
        return definition
    where = f"{title}, {definition.name}"
    if found.count != 1 or found.methods != [definition.name] or not found.statements:
        raise SourceError(f"{where}: super() is allowed once, as a statement of its own: super().{definition.name}(…)")
    statement, parent = found.statements[0], inherited[definition.name]
    _check_same_meaning(definition, parent, statement, where)
    return dataclasses.replace(definition, text=_replaced(definition.text, statement, parent))


def _check_same_meaning(definition: Definition, parent: Definition, statement: ast.Expr, where: str) -> None:
    """Raise a SourceError if the inherited lines would do something else in the caller than in their own method."""
    passed = passed_on(statement)
    if not passed == parameters(definition) == parameters(parent):
        raise SourceError(
            f"{where}: super().{definition.name}({', '.join(passed)}) does not pass the same arguments on"
        )
    if any(isinstance(node, ast.Return | ast.Yield | ast.YieldFrom) for node in ast.walk(ast.parse(parent.text))):
        raise SourceError(
            f"{where}: the inherited {definition.name} returns; write the whole method instead of super()"
        )
    (ours, all_ours), (theirs, all_theirs) = _names(definition), _names(parent)
    if shared := (ours & all_theirs) | (theirs & all_ours):
        raise SourceError(
            f"{where}: the inherited method uses the name {min(shared)} too; write the whole method instead of super()"
        )


def function_of(definition: Definition) -> ast.FunctionDef | ast.AsyncFunctionDef:
    """Return the syntax tree of a method.

    Raises:
        SourceError: The definition is not a method.
    """
    function = ast.parse(definition.text).body[0]
    if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
        raise SourceError(f"{definition.name} is not a method")
    return function


def parameters(definition: Definition) -> list[str]:
    """Return the names of a method's parameters without self."""
    arguments = function_of(definition).args
    return [argument.arg for argument in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)][1:]


def _names(definition: Definition) -> tuple[set[str], set[str]]:
    """Return the names that a method assigns, and all names that it uses."""
    tables = symtable.symtable(definition.text, "definition", "exec").get_children()
    table = next(table for table in tables if table.get_type() == "function" and table.get_name() == definition.name)
    symbols = table.get_symbols()
    return {s.get_name() for s in symbols if s.is_assigned()}, {s.get_name() for s in symbols}


def _replaced(text: str, statement: ast.Expr, parent: Definition) -> str:
    """Replace a statement by a method's body; a comment after the statement goes on the line above."""
    lines = text.split("\n")
    last = lines[(statement.end_lineno or 0) - 1].encode()  # ast counts columns in bytes.
    comment = last[statement.end_col_offset :].decode().strip()
    new = [comment, *_body(parent)] if comment else _body(parent)
    shifted = shift("\n".join(new), statement.col_offset).split("\n")
    lines[statement.lineno - 1 : statement.end_lineno] = shifted
    return "\n".join(lines)


def _body(definition: Definition) -> list[str]:
    """Return the lines of a method after its docstring, without indentation."""
    body = function_of(definition).body
    if isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.Constant):
        body = body[1:]
    if not body:
        return ["pass"]
    lines, first = definition.text.split("\n"), body[0].lineno - 1
    if lines[first].encode()[: body[0].col_offset].strip():  # The body is on the line of the def.
        return [lines[first].encode()[body[0].col_offset :].decode()]
    while lines[first - 1].lstrip().startswith("#"):
        first -= 1
    return shift("\n".join(lines[first:]), -body[0].col_offset).split("\n")
