"""What a submission may say: looked up in its source, before any of it runs.

A Node computes with its fields, its messages and its log. So there is a short list of what it may import, and none of
the names by which Python code gets at the interpreter. Whoever uses one hears which, and on which line.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator

from raft_steps.lab.grading.limits import HARMLESS, may_import

KNOWN_DUNDERS = frozenset(
    {
        "__name__", "__doc__", "__init__", "__len__", "__iter__", "__eq__", "__hash__", "__repr__", "__str__", "__lt__",
        "__contains__", "__getitem__", "__setitem__", "__bool__", "__post_init__", "__future__", "__add__", "__or__",
        "__and__", "__sub__", "__le__", "__gt__", "__ge__", "__ne__", "__call__", "__enter__", "__exit__", "__next__",
    }
)  # fmt: skip
FRAMES = (
    "gi_", "cr_", "ag_", "f_globals", "f_locals", "f_builtins", "f_back", "f_code", "tb_", "co_", "func_",
)  # fmt: skip
MODULES = frozenset(sys.stdlib_module_names) - {
    # Names that a field or a method may well have.
    "abc", "array", "calendar", "cmd", "code", "copy", "enum", "queue", "random", "select", "sched", "secrets", "signal",
    "statistics", "string", "struct", "test", "this", "time", "timeit", "token", "trace", "numbers",
    "heapq", "bisect", "math", "re", "collections", "itertools", "functools", "dataclasses", "typing", "keyword", "html",
    "email", "profile", "platform", "history", "decimal", "fractions", "graphlib", "mailbox", "stat", "symbol",
}  # fmt: skip


def complaints(source: str) -> Iterator[str]:
    """Say what a text uses that no Node needs: ``line 3: …``."""
    for node in ast.walk(ast.parse(source)):
        for name in _names(node):
            why = _why_not(name, attribute=isinstance(node, ast.Attribute | ast.MatchClass))
            if why:
                yield f"line {getattr(node, 'lineno', 1)}: {why}"


def _names(node: ast.AST) -> list[str]:
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return [name]
        case ast.MatchClass(kwd_attrs=names):
            return list(names)
        case ast.Global(names=names) | ast.Nonlocal(names=names):
            return list(names)
        case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
            return [name] if name.startswith("__") else []
        case ast.alias(name=name, asname=other):
            return [part for part in (*name.split("."), other or "") if part.startswith("_")]
    return []


def _why_not(name: str, *, attribute: bool) -> str:
    if name.startswith("__") and name.endswith("__") and name not in KNOWN_DUNDERS:
        return f"a Node has no use for {name}"
    if not attribute:
        return ""
    if name.startswith("__") and not name.endswith("__"):
        return f"a Node has no use for {name}"
    if name.startswith(FRAMES) or name == "mro":
        return f"a Node has no use for .{name}, which belongs to the interpreter"
    if name in MODULES or name.lstrip("_") in ("sys", "os", "io", "builtins"):
        return f"a Node has no use for .{name}, which is a module of Python's"
    return ""


def needless_import(statement: ast.stmt, wanted: set[str]) -> str:
    """Say why an import statement is left out; "" if it stays, or is none."""
    if isinstance(statement, ast.ImportFrom):
        if statement.level:
            return "a submission is one file"
        names = tuple(alias.name for alias in statement.names if (alias.asname or alias.name) in wanted)
        module = statement.module or ""
        if any(alias.name == "*" for alias in statement.names):
            # All public names of a harmless module are harmless, but for the modules among them.
            return (
                "" if module in HARMLESS and module != "typing" else f"import the names that are needed from {module}"
            )
        return may_import(module, names)
    if isinstance(statement, ast.Import):
        return next((why for alias in statement.names if (why := may_import(alias.name, ()))), "")
    return ""
