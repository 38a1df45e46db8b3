"""The small changes that make a mutant: what one expression or one statement can be replaced by."""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterator
from typing import TypeVar

from tests.checks.mutants.names import Names

# The neighbours of a comparison, and its negation. An order and its neighbours differ in one of three cases each.
OTHER_COMPARISONS: dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {
    ast.Lt: (ast.LtE, ast.NotEq, ast.GtE),
    ast.LtE: (ast.Lt, ast.Eq, ast.Gt),
    ast.Gt: (ast.GtE, ast.NotEq, ast.LtE),
    ast.GtE: (ast.Gt, ast.Eq, ast.Lt),
    ast.Eq: (ast.LtE, ast.GtE, ast.NotEq),
    ast.NotEq: (ast.Lt, ast.Gt, ast.Eq),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
}
OTHER_SUMS: dict[type[ast.operator], type[ast.operator]] = {ast.Add: ast.Sub, ast.Sub: ast.Add}
OTHER_FUNCTIONS = {"max": "min", "min": "max"}
OTHER_METHODS = {"add": "discard"}
EFFECTS = [[f"self.{name}"] for name in ("send", "broadcast", "start_timer", "cancel_timer", "reply")]
TIMERS = ("election", "heartbeat")

Part = TypeVar("Part", bound=ast.AST)

Place = ast.stmt | ast.expr | ast.keyword | ast.comprehension  # what a changed expression is a part of


def changed_expressions(node: ast.expr, parent: ast.AST, names: Names) -> Iterator[ast.expr]:
    """Yield what an expression can be replaced by, without the changes inside it."""
    match node:
        case ast.Compare():
            yield from _other_comparisons(node)
        case ast.BoolOp():
            yield from _other_conditions(node)
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            yield operand
        case ast.BinOp(op=operator, left=left, right=right):
            if type(operator) in OTHER_SUMS:
                yield ast.BinOp(left=left, op=OTHER_SUMS[type(operator)](), right=right)
            yield from (left, right)
        case ast.IfExp(body=body, orelse=orelse):
            yield from (body, orelse)
        case ast.Constant():
            yield from _other_constants(node, parent)
        case ast.Tuple(ctx=ast.Load()):
            yield from _other_tuples(node)
        case ast.Set():
            yield _expression("set()")
        case ast.Call():
            yield from _other_calls(node, names)
    yield from _other_names(node, parent, names)


def changed_conditions(test: ast.expr, *, has_else: bool) -> Iterator[ast.expr]:
    """Yield what the condition of an ``if``, ``while`` or conditional expression can be replaced by."""
    yield ast.Constant(value=True)  # The guard is removed.
    if has_else:
        yield ast.Constant(value=False)
    if not isinstance(test, ast.Compare):
        yield ast.UnaryOp(op=ast.Not(), operand=test)


def changed_statements(statement: ast.stmt) -> Iterator[ast.stmt | None]:
    """Yield what a statement can be replaced by as a whole; None if it is removed."""
    yield None
    if isinstance(statement, ast.AugAssign):
        if type(statement.op) in OTHER_SUMS:
            yield _with(statement, op=OTHER_SUMS[type(statement.op)]())
        yield ast.Assign(targets=[statement.target], value=statement.value, lineno=1)


def may_change_places(first: ast.stmt, second: ast.stmt) -> bool:
    """Return whether it may matter in which order two neighbouring statements run.

    It does not if one of them only assigns, the other only assigns or has one effect of the base class (which records its
    arguments and reads nothing else), and neither uses what the other assigns. After a return or a break nothing runs,
    so that a statement that is moved there is a removed one.
    """
    if isinstance(first, ast.Return | ast.Break) or isinstance(second, ast.Return | ast.Break):
        return False
    if not (_is_plain(first) and _is_plain(second)) or (_is_effect(first) and _is_effect(second)):
        return True
    return bool(_written(first) & _used(second) or _written(second) & _used(first))


def _is_plain(statement: ast.stmt) -> bool:
    """Return whether a statement is an effect, or an assignment that calls nothing."""
    if _is_effect(statement):
        return True
    is_assignment = isinstance(statement, ast.Assign | ast.AugAssign)
    return is_assignment and not any(isinstance(each, ast.Call) for each in ast.walk(statement))


def _is_effect(statement: ast.stmt) -> bool:
    """Return whether a statement is one call of an effect of the base class, and calls nothing else."""
    calls = [each for each in ast.walk(statement) if isinstance(each, ast.Call)]
    return isinstance(statement, ast.Expr) and [ast.unparse(each.func) for each in calls] in EFFECTS


def _other_comparisons(node: ast.Compare) -> Iterator[ast.expr]:
    for place, operator in enumerate(node.ops):
        for other in OTHER_COMPARISONS[type(operator)]:
            yield _with(node, ops=[*node.ops[:place], other(), *node.ops[place + 1 :]])


def _other_conditions(node: ast.BoolOp) -> Iterator[ast.expr]:
    yield _with(node, op=ast.Or() if isinstance(node.op, ast.And) else ast.And())
    for place in range(len(node.values)):
        rest = node.values[:place] + node.values[place + 1 :]
        yield rest[0] if len(rest) == 1 else _with(node, values=rest)


def _other_constants(node: ast.Constant, parent: ast.AST) -> Iterator[ast.expr]:
    if isinstance(node.value, bool):
        yield ast.Constant(value=not node.value)
    elif isinstance(node.value, int | float):
        near = (node.value + 1, node.value - 1, 0, 1)
        yield from (ast.Constant(value=each) for each in dict.fromkeys(near) if each != node.value)
    elif isinstance(node.value, str):
        yield ast.Constant(value="")
        is_timer = isinstance(parent, ast.Call) and node.value in TIMERS
        yield from (ast.Constant(value=each) for each in TIMERS if is_timer and each != node.value)


def _other_tuples(node: ast.Tuple) -> Iterator[ast.expr]:
    for place in range(len(node.elts)):
        yield _with(node, elts=node.elts[:place] + node.elts[place + 1 :])
    yield from (_with(node, elts=each) for each in _swapped(node.elts))


def _other_names(node: ast.expr, parent: ast.AST, names: Names) -> Iterator[ast.expr]:
    """Yield the other names of the same type; for an index or a term that is passed on, also its neighbours, 0 and 1."""
    text = ast.unparse(node)
    if _is_read(node):
        yield from map(_expression, names.others(node))
        if names.is_number(node) and not isinstance(parent, ast.Compare | ast.BinOp):
            yield from map(_expression, (f"{text} + 1", f"{text} - 1", "0", "1"))
    elif isinstance(node, ast.Attribute) and text in names.fields:
        others = [other for other, its in names.fields.items() if its == names.fields[text] and other != text]
        yield from (_with(_expression(other), ctx=node.ctx) for other in others)


def _other_calls(node: ast.Call, names: Names) -> Iterator[ast.expr]:
    if not (
        isinstance(node.func, ast.Name) and node.func.id in OTHER_FUNCTIONS
    ):  # In any order their result is the same.
        yield from (_with(node, args=each) for each in _swapped(node.args))
    values = [each.value for each in node.keywords]
    for order in _swapped(values):
        keywords = [ast.keyword(arg=each.arg, value=value) for each, value in zip(node.keywords, order, strict=True)]
        yield _with(node, keywords=keywords)
    match node.func:
        case ast.Name(id=name) if name in OTHER_FUNCTIONS:
            yield _with(node, func=ast.Name(id=OTHER_FUNCTIONS[name], ctx=ast.Load()))
            yield from node.args
        case ast.Attribute(value=ast.Name(id="self"), attr="send"):
            yield _with(node, func=_expression("self.broadcast"), args=node.args[1:])
        case ast.Attribute(value=ast.Name(id="self"), attr="broadcast"):
            yield _with(node, func=_expression("self.send"), args=[_expression("self.peers()[0]"), *node.args])
        case ast.Attribute(value=ast.Name(id="self"), attr="start_timer"):
            yield _with(node, func=_expression("self.cancel_timer"), args=node.args[:1])
        case ast.Attribute(value=ast.Name(id="self"), attr="cancel_timer") if "self.election_timeout" in names.fields:
            seconds = _expression("self.election_timeout")
            yield _with(node, func=_expression("self.start_timer"), args=[*node.args, seconds])
        case ast.Attribute(value=ast.Name(id="self"), attr=name):
            yield from (_with(node, func=_expression(f"self.{each}")) for each in names.neighbouring_methods(name))
        case ast.Attribute(value=target, attr=name) if name in OTHER_METHODS:
            yield _with(node, func=ast.Attribute(value=target, attr=OTHER_METHODS[name], ctx=ast.Load()))


def _swapped(values: list[ast.expr]) -> Iterator[list[ast.expr]]:
    """Yield the values with each two of them swapped."""
    for first in range(len(values)):
        for second in range(first + 1, len(values)):
            order = [*values]
            order[first], order[second] = order[second], order[first]
            yield order


def _with(node: Part, **changes: object) -> Part:
    """Return a copy of a syntax node with other parts."""
    changed = copy.copy(node)
    for name, value in changes.items():
        setattr(changed, name, value)
    return changed


def _expression(text: str) -> ast.expr:
    return ast.parse(text, mode="eval").body


def _is_read(node: ast.expr) -> bool:
    return isinstance(getattr(node, "ctx", None), ast.Load)


def _used(statement: ast.stmt) -> set[str]:
    """Return the variables and fields that a statement reads or assigns."""
    return {ast.unparse(each) for each in ast.walk(statement) if isinstance(each, ast.Name | ast.Attribute)} - {"self"}


def _written(statement: ast.stmt) -> set[str]:
    """Return the variables and fields that a statement assigns."""
    return {ast.unparse(each) for each in ast.walk(statement) if _is_target(each)}


def _is_target(node: ast.AST) -> bool:
    return isinstance(node, ast.Name | ast.Attribute) and isinstance(node.ctx, ast.Store)
