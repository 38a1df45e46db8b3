"""Calls of super(): where a method passes its arguments on, the lines that it calls are put in the call's place.

That is possible where the call is a statement of its own, passes the method's own arguments, and the inherited method
returns nothing and shares no local name with the one that calls it. The steps keep to that.
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
class Supers:
    """The uses of super() in a method.

    Attributes:
        count: How often the name stands there.
        methods: The methods that it is used to reach.
        statements: The uses that are whole statements, such as ``super().on_start()``.
    """

    count: int
    methods: list[str]
    statements: list[ast.Expr]


def supers(piece: Definition) -> Supers:
    """Find the uses of super() in a method."""
    nodes = list(ast.walk(ast.parse(piece.text)))
    reaching = {id(node): node for node in nodes if isinstance(node, ast.Attribute) and _is_super(node.value)}
    return Supers(
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
    """Spell the arguments of a call; one that is passed by its own name is that name."""
    call = statement.value
    assert isinstance(call, ast.Call)
    spelled = [ast.unparse(argument) for argument in call.args]
    for keyword in call.keywords:
        value = ast.unparse(keyword.value)
        spelled.append(value if value == keyword.arg else f"{keyword.arg}={value}")
    return spelled


def write_out(piece: Definition, inherited: Mapping[str, Definition], title: str) -> Definition:
    """Put the lines of the inherited method in the place of ``super().method(same arguments)``.

    A call of the laboratory's base, which no chapter defines, stays.

    Raises:
        SourceError: The call is not a whole statement, or its lines would mean something else here.
    """
    if piece.kind != "method" or "super" not in piece.text:
        return piece
    found = supers(piece)
    if found.count == len(found.methods) and not any(method in inherited for method in found.methods):
        return piece
    where = f"{title}, {piece.name}"
    if found.count != 1 or found.methods != [piece.name] or not found.statements:
        raise SourceError(f"{where}: super() is allowed once, as a statement of its own: super().{piece.name}(…)")
    statement, parent = found.statements[0], inherited[piece.name]
    _refuse_other_meaning(piece, parent, statement, where)
    return dataclasses.replace(piece, text=_replaced(piece.text, statement, parent))


def _refuse_other_meaning(piece: Definition, parent: Definition, statement: ast.Expr, where: str) -> None:
    """Turn down a call whose lines would not do here what they do there."""
    passed = passed_on(statement)
    if not passed == parameters(piece) == parameters(parent):
        raise SourceError(f"{where}: super().{piece.name}({', '.join(passed)}) does not pass the same arguments on")
    if any(isinstance(node, ast.Return | ast.Yield | ast.YieldFrom) for node in ast.walk(ast.parse(parent.text))):
        raise SourceError(f"{where}: the inherited {piece.name} returns; write the whole method instead of super()")
    (ours, all_ours), (theirs, all_theirs) = _names(piece), _names(parent)
    if shared := (ours & all_theirs) | (theirs & all_ours):
        raise SourceError(
            f"{where}: the inherited method uses the name {min(shared)} too; write the whole method instead of super()"
        )


def function_of(piece: Definition) -> ast.FunctionDef | ast.AsyncFunctionDef:
    """Give the syntax tree of a method."""
    function = ast.parse(piece.text).body[0]
    if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
        raise SourceError(f"{piece.name} is no method")
    return function


def parameters(piece: Definition) -> list[str]:
    """Name the parameters of a method, self excepted."""
    arguments = function_of(piece).args
    return [argument.arg for argument in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)][1:]


def _names(piece: Definition) -> tuple[set[str], set[str]]:
    """Give the names that a method assigns, and all that it uses."""
    tables = symtable.symtable(piece.text, "piece", "exec").get_children()
    table = next(table for table in tables if table.get_type() == "function" and table.get_name() == piece.name)
    symbols = table.get_symbols()
    return {s.get_name() for s in symbols if s.is_assigned()}, {s.get_name() for s in symbols}


def _replaced(text: str, statement: ast.Expr, parent: Definition) -> str:
    """Put a method's body in the place of a statement; a remark behind the statement goes above."""
    lines = text.split("\n")
    last = lines[(statement.end_lineno or 0) - 1].encode()
    remark = last[statement.end_col_offset :].decode().strip()
    new = [remark, *_body(parent)] if remark else _body(parent)
    shifted = shift("\n".join(new), statement.col_offset).split("\n")
    lines[statement.lineno - 1 : statement.end_lineno] = shifted
    return "\n".join(lines)


def _body(piece: Definition) -> list[str]:
    """Give the lines of a method after its docstring, at the left margin."""
    body = function_of(piece).body
    if isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.Constant):
        body = body[1:]
    if not body:
        return ["pass"]
    lines, first = piece.text.split("\n"), body[0].lineno - 1
    if lines[first].encode()[: body[0].col_offset].strip():  # The body stands on the line of its def.
        return [lines[first].encode()[body[0].col_offset :].decode()]
    while lines[first - 1].lstrip().startswith("#"):
        first -= 1
    return shift("\n".join(lines[first:]), -body[0].col_offset).split("\n")
