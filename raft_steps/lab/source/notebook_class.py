"""Cells: it finds the source of a class that somebody wrote outside the steps, in a notebook or in a file.

Python cannot give the source of a class from a notebook, for a cell is no file. But the kernel keeps the text of every
cell for tracebacks, in `linecache`, and each method's code knows which text and which line it comes from. What the
class uses from other cells (a message, a constant, an import) is found through the names that its methods see.
"""

from __future__ import annotations

import ast
import builtins
import dataclasses
import inspect
import linecache
import re
import sys
import types
from collections import ChainMap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import raft_steps
from raft_steps.lab.errors import SourceError
from raft_steps.lab.source.parse import (
    Definition,
    Import,
    StepSource,
    class_docstring,
    cut,
    defined_name,
    first_line,
    global_names,
    is_removal,
    read_class,
    shift,
)

# Where a name may come from that does not say so itself, such as Command, which is only a union of two messages.
LABORATORY = tuple(f"raft_steps.lab.{name}" for name in ("commands", "log", "messages", "node"))
STANDARD = ("typing", "dataclasses", "collections.abc")
MARK = re.compile(r"\s*### (BEGIN|END) (SOLUTION|HIDDEN TESTS)")  # nbgrader's, in the cells of exercises


def read_cell(node_class: type, known: frozenset[str]) -> StepSource:
    """Read a class that is no step's, and what it needs that the chain before it does not have.

    Args:
        node_class: The class.
        known: The names of the messages that the chain before it defines.

    Raises:
        SourceError: The source of the class cannot be found.
    """
    title = f"your {node_class.__name__}"
    path, found = find_class(node_class, "")
    lines = _lines(path)
    space = _names_seen_by(node_class)
    pieces = [_plain(piece, space) for piece in read_class(lines, found, title)]
    members = [piece for piece in pieces if not is_removal(piece)]
    borrowed = _Borrowed(title, path, space, known | {node_class.__name__})
    for piece in members:
        borrowed.visit(piece.text)
    return StepSource(
        title=title,
        text=_text(lines, found),
        docstring=class_docstring(lines, found),
        definitions=borrowed.in_order(),
        members=tuple(members),
        imports=borrowed.imports,
        removed=frozenset(piece.name for piece in pieces if is_removal(piece)),
        missing=borrowed.missing,
    )


def _text(lines: list[str], found: ast.ClassDef) -> str:
    """Give the text of a class, without an exercise's marks."""
    kept = [line for line in lines[first_line(found) - 1 : found.end_lineno] if not MARK.match(line)]
    return shift("\n".join(kept), -found.col_offset) + "\n"


def find_class(wanted: type, path: str) -> tuple[str, ast.ClassDef]:
    """Find the text that a class was written in, and its place there.

    Args:
        wanted: The class.
        path: Where to look first when the class has no method that says it.

    Raises:
        SourceError: No text is known that holds this class.
    """
    paths = {function.__code__.co_filename for function in _functions(wanted).values()}
    if len(paths) > 1:
        raise SourceError(f"the methods of {wanted.__name__} come from several places; write them inside the class")
    for candidate in paths or _texts(path, wanted.__module__):
        for statement in ast.walk(_tree(candidate)):
            if isinstance(statement, ast.ClassDef) and _is_source_of(statement, wanted):
                return candidate, statement
    raise SourceError(
        f"the source of {wanted.__name__} cannot be found; write the whole class, methods and all, in one cell or file"
    )


def _functions(wanted: type) -> dict[str, types.FunctionType]:
    """Give the functions that were written in the body of a class."""
    functions = {}
    for name, value in vars(wanted).items():
        function = inspect.unwrap(getattr(value, "__func__", getattr(value, "fget", value)))
        if isinstance(function, types.FunctionType) and not name.startswith("__"):
            functions[name] = function
    return functions


def _texts(path: str, module_name: str) -> Iterator[str]:
    """Name the texts that may hold a definition: this one, its module's, then the cells, the latest first."""
    if path:
        yield path
    file = getattr(sys.modules.get(module_name), "__file__", None)
    if file:
        yield file
    for name, entry in reversed(list(linecache.cache.items())):
        if len(entry) > 1 and entry[1] is None:  # No time of change: the text is no file's.
            yield name


def _lines(path: str) -> list[str]:
    return [line.rstrip("\n") for line in linecache.getlines(path)]


def _tree(path: str) -> ast.Module:
    try:
        return ast.parse("\n".join(_lines(path)))
    except SyntaxError:
        return ast.Module(body=[], type_ignores=[])


def _is_source_of(statement: ast.ClassDef, wanted: type) -> bool:
    """Say whether a class statement is the one that made a class: same methods on the same lines, same names."""
    written = {name: s for s in statement.body if (name := defined_name(s)) and not name.startswith("__")}
    own = {name for name in vars(wanted) if not name.startswith("__")}
    try:
        own |= set(inspect.get_annotations(wanted))
    except NameError:  # Newer Pythons look annotations up late; the rest of the evidence has to do.
        own |= set(written)
    lines = {name: function.__code__.co_firstlineno for name, function in _functions(wanted).items()}
    return (
        statement.name == wanted.__name__
        and own == set(written)
        and all(first_line(written[name]) == line for name, line in lines.items())
    )


def _names_seen_by(node_class: type) -> Mapping[str, Any]:
    """Give the names that a class's methods see around them."""
    functions = _functions(node_class).values()
    local = [inspect.getclosurevars(function).nonlocals for function in functions]
    around = [function.__globals__ for function in functions] or [vars(sys.modules[node_class.__module__])]
    return ChainMap(*map(dict, local), *around)


def _plain(piece: Definition, space: Mapping[str, Any]) -> Definition:
    """Take out an exercise's marks, and spell ``step_05.AppendEntries`` as ``AppendEntries``: in one file it is that."""
    text = "\n".join(line for line in piece.text.split("\n") if not MARK.match(line))
    lines = [line.encode() for line in text.split("\n")]
    qualified = [
        node
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and _is_step(space.get(node.value.id))
        if node.lineno == node.end_lineno
    ]
    for node in sorted(qualified, key=lambda node: (node.lineno, node.col_offset), reverse=True):
        line = lines[node.lineno - 1]
        lines[node.lineno - 1] = line[: node.col_offset] + node.attr.encode() + line[node.end_col_offset :]
    return dataclasses.replace(piece, text=b"\n".join(lines).decode())


def _is_step(value: object) -> bool:
    return isinstance(value, types.ModuleType) and value.__name__ in {step.module_name for step in raft_steps.STEPS}


@dataclass
class _Borrowed:
    """What a class uses from around it: imports, and definitions of cells (a redefined message is one).

    Attributes:
        title: Whose class it is.
        path: The text that the class was written in.
        space: The names that its methods see.
        known: The names that the chain before it defines.
        missing: Why something cannot be found; empty when all can.
    """

    title: str
    path: str
    space: Mapping[str, Any]
    known: frozenset[str]
    imports: dict[str, Import] = field(default_factory=dict)
    definitions: list[tuple[str, int, Definition]] = field(default_factory=list)
    missing: str = ""
    seen: set[str] = field(default_factory=set)

    def visit(self, text: str) -> None:
        """Find what a piece uses; what a definition needs comes before it."""
        for name in sorted(global_names(text) - self.seen):
            if name not in self.space or self.space[name] is getattr(builtins, name, None):
                continue
            self.seen.add(name)
            value = self.space[name]
            origin = _origin(name, value)
            if origin is not None:
                self.imports[name] = origin
            elif name not in self.known or (isinstance(value, type) and not _is_from_step(value)):
                self._define(name, value)

    def _define(self, name: str, value: Any) -> None:
        try:
            path, statement = _definition(name, value, self.path, self.title)
        except SourceError as error:
            self.missing = self.missing or str(error)
            return
        definition = _plain(next(cut(_lines(path), [statement], 0, self.title)), self.space)
        self.visit(definition.text)
        self.definitions.append((path, statement.lineno, definition))

    def in_order(self) -> tuple[Definition, ...]:
        """Give the definitions as they stand in their text; if they come from several, what one needs comes before it."""
        if len({path for path, _, _ in self.definitions}) == 1:
            self.definitions.sort(key=lambda found: found[1])
        return tuple(piece for _, _, piece in self.definitions)


def _is_from_step(value: object) -> bool:
    return getattr(value, "__module__", None) in {step.module_name for step in raft_steps.STEPS}


def _origin(name: str, value: Any) -> Import | None:
    """Say from where a name can be imported, if it is the standard library's or the laboratory's."""
    if isinstance(value, types.ModuleType):
        return Import(*value.__name__.rsplit(".", 1)) if _is_ours(value.__name__) else Import(value.__name__)
    own = getattr(value, "__module__", None) or ""
    for module_name in (own, *LABORATORY, *STANDARD):
        module = sys.modules.get(module_name)
        if not (_is_ours(module_name) or module_name.partition(".")[0] in sys.stdlib_module_names):
            continue
        for spelled in (name, getattr(value, "__name__", name)):
            if module is not None and getattr(module, spelled, module) is value:
                return Import(module_name, spelled)
    return None


def _is_ours(module_name: str) -> bool:
    return module_name.startswith("raft_steps.lab.")


def _definition(name: str, value: Any, path: str, title: str) -> tuple[str, ast.stmt]:
    """Find the statement that defines a name of a cell or file, and the text that it stands in."""
    if isinstance(value, type):
        return find_class(value, path)
    if isinstance(value, types.FunctionType):
        path = value.__code__.co_filename
    for candidate in (path, *_texts("", "")):
        for statement in reversed(_tree(candidate).body):
            if defined_name(statement) == name:
                return candidate, statement
    raise SourceError(f"{title} uses {name}, whose source cannot be found; define it in the cell of the class")
