"""What a submission's source may contain, checked before any of it runs.

A Node computes with its fields, its messages and its log. So there is a short list of what it may import, and none of
the names through which Python code reaches the interpreter is allowed. A refusal names the word and its line.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

from raft_steps.lab.grading.limits import import_refusal
from raft_steps.lab.source.extraction import (
    ExtractedCell,
    ExtractedNode,
    SubmissionError,
    blank_out,
    extract_node,
    top_level_imports,
)

KNOWN_DUNDERS = frozenset(
    {
        "__name__", "__doc__", "__init__", "__len__", "__iter__", "__eq__", "__hash__", "__repr__", "__str__", "__lt__",
        "__contains__", "__getitem__", "__setitem__", "__bool__", "__post_init__", "__future__", "__add__", "__or__",
        "__and__", "__sub__", "__le__", "__gt__", "__ge__", "__ne__", "__call__", "__enter__", "__exit__", "__next__",
    }
)  # fmt: skip
# Prefixes of the attributes of frames, generators, tracebacks and code objects, which lead into the interpreter.
FRAMES = (
    "gi_", "cr_", "ag_", "f_globals", "f_locals", "f_builtins", "f_back", "f_code", "tb_", "co_", "func_",
)  # fmt: skip
MODULES = frozenset(sys.stdlib_module_names) - {
    # Words that are likely names of a field or a method.
    "abc", "array", "calendar", "cmd", "code", "copy", "enum", "queue", "random", "select", "sched", "secrets", "signal",
    "statistics", "string", "struct", "test", "this", "time", "timeit", "token", "trace", "numbers",
    "heapq", "bisect", "math", "re", "collections", "itertools", "functools", "dataclasses", "typing", "keyword", "html",
    "email", "profile", "platform", "history", "decimal", "fractions", "graphlib", "mailbox", "stat", "symbol",
}  # fmt: skip


def extract_submission(path: Path, class_name: str = "Node") -> ExtractedNode:
    """Extract a Node from a submission, and leave out the imports that a Node may not have.

    An import that is left out is a remark and not an error: notebooks import tools, and a Node that really uses one
    fails with a NameError that names it.

    Raises:
        SubmissionError: The file has no such class, cannot be read, or its source uses what no Node needs.
    """
    node = extract_node(path, class_name)
    for cell in node.cells:
        node.remarks += _leave_out_imports(cell)
    node.drop_empty_cells()
    for cell in node.cells:
        for complaint in complaints(cell.kept):
            raise SubmissionError(f"in {cell.label}, {complaint}")
    return node


def _leave_out_imports(cell: ExtractedCell) -> list[str]:
    """Blank the imports that are not allowed; return a remark for each."""
    refused = {each: why for each in top_level_imports(cell) if (why := statement_refusal(each))}
    if refused:
        blank_out(cell, list(refused))
    label = f"{cell.label[0].upper()}{cell.label[1:]}"
    return [f"{label}, line {each.lineno} was left out: {why}." for each, why in refused.items()]


def complaints(source: str) -> Iterator[str]:
    """Yield a line of text, ``line 3: …``, for each use of a name that no Node needs."""
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
        return f"a Node has no use for .{name}, which is one of Python's modules"
    return ""


def statement_refusal(statement: ast.Import | ast.ImportFrom) -> str:
    """Return why an import statement is not allowed; "" if it is."""
    if isinstance(statement, ast.Import):
        return next((why for alias in statement.names if (why := import_refusal(alias.name, ()))), "")
    if statement.level:
        return "a submission is one file, so a relative import finds nothing"
    return import_refusal(statement.module or "", tuple(alias.name for alias in statement.names))
