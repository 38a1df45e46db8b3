"""Parses the source of a step into definitions.

A definition is a run of whole lines: one message, field or method, with the comments above it. Text is never generated
from a syntax tree, so comments and layout stay as their author wrote them. The source of a step is a module, or a
learner's cell (`notebook_class` finds that one). `flatten` combines the steps of a chain.
"""

from __future__ import annotations

import ast
import functools
import inspect
import symtable
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

import raft_steps
from raft_steps.lab.errors import SourceError

Kind = Literal["definition", "class variable", "field", "method"]
INDENT = 4


@dataclass(frozen=True, slots=True)
class Definition:
    """One message, field or method, as its author wrote it.

    Attributes:
        name: Its name.
        kind: What it defines; a "definition" is one at the module's level.
        text: Its lines and the comments above them, moved to the left margin, without a final newline.
        gap: Whether a blank line comes before it.
    """

    name: str
    kind: Kind
    text: str
    gap: bool = True

    @property
    def heading(self) -> str:
        """The comments above it, each line with its newline."""
        lines = self.text.split("\n")
        count = next(number for number, line in enumerate(lines) if line and not line.startswith("#"))
        return "".join(line + "\n" for line in lines[:count])


class Import(NamedTuple):
    """The origin of an imported name: a module, or a name in it."""

    module: str
    name: str = ""


@dataclass(frozen=True, slots=True)
class StepSource:
    """The source of one class of the chain: everything that it adds to the class before it.

    Attributes:
        title: Its name in messages: ``step 6``, or ``your Node``.
        text: Its whole text, as its author wrote it.
        docstring: The class's docstring as it is in the source, with its quotation marks; empty if there is none.
        definitions: The messages, and any other definition at the module's level.
        members: Class variables, fields and methods.
        imports: The origin of each imported name.
        removed: The names that the step removes.
        missing: Why the chain cannot be one complete module, if something that the class uses has no source.
    """

    title: str
    text: str
    docstring: str
    definitions: tuple[Definition, ...]
    members: tuple[Definition, ...]
    imports: Mapping[str, Import] = field(default_factory=dict)
    removed: frozenset[str] = frozenset()
    missing: str = ""


def read_step(number: int) -> StepSource:
    """Read the module of a step.

    Raises:
        SourceError: There is no such step, or its source is not available.
    """
    try:
        module = raft_steps.step(number)
        return parse_module(inspect.getsource(module), f"step {number}")
    except (LookupError, OSError) as error:
        raise SourceError(str(error)) from None


@functools.lru_cache(maxsize=128)
def parse_module(text: str, title: str) -> StepSource:
    """Parse the text of a step's module; the result is cached.

    Raises:
        SourceError: It has no class Node, or a statement that a step must not have.
    """
    lines, tree = text.splitlines(), ast.parse(text)
    node_class = next((s for s in tree.body if isinstance(s, ast.ClassDef) and s.name == "Node"), None)
    if node_class is None:
        raise SourceError(f"{title} has no class Node")
    imports: dict[str, Import] = {}
    for statement in tree.body:
        imports |= imported_names(statement)
    rest = [s for s in tree.body if s is not node_class and not isinstance(s, ast.Import | ast.ImportFrom)]
    # A comment above the first definition comes after the last import.
    start = max((s.end_lineno or 0 for s in tree.body if isinstance(s, ast.Import | ast.ImportFrom)), default=0)
    definitions = list(split_definitions(lines, rest, start, title))
    members = parse_class(lines, node_class, title)
    return StepSource(
        title=title,
        text=text,
        docstring=class_docstring(lines, node_class),
        definitions=tuple(definition for definition in definitions if not is_removal(definition)),
        members=tuple(definition for definition in members if not is_removal(definition)),
        imports=imports,
        removed=frozenset(definition.name for definition in [*definitions, *members] if is_removal(definition)),
    )


def imported_names(statement: ast.stmt) -> dict[str, Import]:
    """Return the origin of each name that an import statement binds; empty for any other statement."""
    if isinstance(statement, ast.Import):
        return {alias.asname or alias.name: Import(alias.name) for alias in statement.names}
    if isinstance(statement, ast.ImportFrom):
        return {alias.asname or alias.name: Import(statement.module or "", alias.name) for alias in statement.names}
    return {}


def parse_class(lines: Sequence[str], node_class: ast.ClassDef, title: str) -> list[Definition]:
    """Parse the body of a class into definitions, including those that remove a name."""
    body = node_class.body
    start = (body[0].end_lineno or 0) if ast.get_docstring(node_class) is not None else body[0].lineno - 1
    while start > node_class.lineno and not ast.get_docstring(node_class) and is_comment(lines[start - 1]):
        start -= 1
    return list(split_definitions(lines, body, start, title, in_class=True))


def class_docstring(lines: Sequence[str], node_class: ast.ClassDef) -> str:
    """Return a class's docstring as it is in the source, including its quotation marks."""
    if ast.get_docstring(node_class) is None:
        return ""
    first = node_class.body[0]
    return shift("\n".join(lines[first.lineno - 1 : first.end_lineno]), -first.col_offset)


def split_definitions(
    lines: Sequence[str], statements: Sequence[ast.stmt], start: int, title: str, *, in_class: bool = False
) -> Iterator[Definition]:
    """Yield consecutive statements as definitions, each with the comments above it.

    Raises:
        SourceError: A statement defines nothing, or a name is defined twice.
    """
    seen: set[str] = set()
    for statement in statements:
        first, name, last = first_line(statement), defined_name(statement), statement.end_lineno or statement.lineno
        if name is None and not is_filler(statement):
            raise SourceError(f"{title}, line {first}: a step has only definitions, not {lines[first - 1].strip()!r}")
        if name is None:
            start = max(start, last)
            continue
        if name in seen:
            raise SourceError(f"{title}, line {first}: {name} is defined twice; which one is meant?")
        seen.add(name)
        above = first - 1
        while above > start and (is_comment(lines[above - 1]) or not lines[above - 1].strip()):
            above -= 1
        gap = not lines[above].strip()
        while not lines[above].strip():
            above += 1
        ends_class = in_class and statement is statements[-1]
        last = end_of_comments(lines, last, statement.col_offset + (not ends_class))
        yield Definition(
            name, kind_of(statement, in_class), shift("\n".join(lines[above:last]), -statement.col_offset), gap
        )
        start = last


def end_of_comments(lines: Sequence[str], last: int, column: int) -> int:
    """Return the last line of the comments that follow a statement at this column or to its right."""
    for number in range(last, len(lines)):
        if is_comment(lines[number]) and len(lines[number]) - len(lines[number].lstrip()) >= column:
            last = number + 1
        elif lines[number].strip():
            break
    return last


def first_line(statement: ast.stmt) -> int:
    """Return the first line of a definition: that of its first decorator, as in a code object's co_firstlineno."""
    decorators: list[ast.expr] = getattr(statement, "decorator_list", [])
    return min([statement.lineno, *(decorator.lineno for decorator in decorators)])


def is_comment(line: str) -> bool:
    """Return whether a line is a comment."""
    return line.lstrip().startswith("#")


def is_filler(statement: ast.stmt) -> bool:
    """Return whether a statement does nothing: a docstring, an ellipsis or a pass."""
    return isinstance(statement, ast.Pass) or (
        isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
    )


def defined_name(statement: ast.stmt) -> str | None:
    """Return the name that a statement defines, or None."""
    match statement:
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
            return statement.name
        case ast.AnnAssign(target=ast.Name(id=name)) | ast.Assign(targets=[ast.Name(id=name)]):
            return name
    return None


def kind_of(statement: ast.stmt, in_class: bool) -> Kind:
    """Return what a statement defines. An assignment without annotation in a class is a class variable, not a field."""
    if not in_class:
        return "definition"
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return "method"
    annotation = ast.unparse(statement.annotation) if isinstance(statement, ast.AnnAssign) else "ClassVar"
    return "class variable" if annotation.partition("[")[0].endswith("ClassVar") else "field"


def is_removal(definition: Definition) -> bool:
    """Return whether a definition removes its name: ``name = removed("why")``."""
    match ast.parse(definition.text).body[0]:
        case ast.Assign(value=ast.Call(func=ast.Name(id="removed"))):
            return True
        case ast.AnnAssign(value=ast.Call(func=ast.Name(id="removed"))):
            return True
    return False


def shift(text: str, columns: int) -> str:
    """Indent lines, or dedent them if `columns` is negative, except inside multi-line strings that are not docstrings."""
    indented = text.lstrip("\n").startswith(" ")
    # Indented text can be parsed only in a block, which adds one line; `line - indented` subtracts it again.
    tree = ast.parse(f"if True:\n{text}" if indented else text)
    fixed = {line - indented for node in ast.walk(tree) for line in _inner_lines(node)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr):
            fixed -= {line - indented for line in _inner_lines(node.value)}
    moved = []
    for number, line in enumerate(text.split("\n"), start=1):
        if number in fixed or not line.strip():
            moved.append(line if number in fixed else "")
        elif columns >= 0:
            moved.append(" " * columns + line)
        else:
            moved.append(line[min(-columns, len(line) - len(line.lstrip())) :])
    return "\n".join(moved)


def _inner_lines(node: ast.AST) -> range:
    """Return the lines of a string after its first."""
    if isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Constant) and isinstance(node.value, str | bytes)):
        return range(node.lineno + 1, (node.end_lineno or node.lineno) + 1)
    return range(0)


def global_names(text: str) -> set[str]:
    """Return the names that a text looks up in its module or among the built-in names, or changes in its module."""
    names: set[str] = set()
    tables = [symtable.symtable(text, "definition", "exec")]
    while tables:
        table = tables.pop()
        tables += table.get_children()
        names |= {symbol.get_name() for symbol in table.get_symbols() if _is_of_module(symbol)}
    return names


def _is_of_module(symbol: symtable.Symbol) -> bool:
    return symbol.is_declared_global() or (symbol.is_global() and symbol.is_referenced())
