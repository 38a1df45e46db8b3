"""Extracts a Node class from a notebook or a module, with everything that decides how it behaves, without running any of it.

Kept are the class and what it needs, directly or indirectly: classes, functions, imports and assignments. Kept, too,
are statements with an effect on one of these, such as ``HISTORY.append(…)`` or ``register(Node)``; they may fail, as
cells of a notebook may. What uses the laboratory, such as a Cluster of the Node, decides nothing about it and is left out.
"""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from raft_steps.lab import HOMES
from raft_steps.lab.source.parse import first_line, global_names
from raft_steps.lab.source.submission_cells import (
    TEXT_MAX,
    ExtractedCell,
    SubmissionCells,
    SubmissionError,
    bound_names,
    parse_or_raise,
    read_cells,
    read_submission,
    statements_of,
)

LABORATORY = "raft_steps.lab"
# The modules of the laboratory that a Node is made of; names from others are tools.
MATERIAL = frozenset({"commands", "errors", "log", "messages", "node"})
# Needed for bases such as mine(5), although they come from elsewhere.
NEVER_TOOLS = frozenset({"mine"})


@dataclass(slots=True)
class ExtractedNode:
    """A Node class and what it needs, as text.

    Attributes:
        cells: The cells that contain it, in order.
        class_name: The name of the Node class.
        remarks: Remarks for the instructor, one sentence each.
        taken: Which Node was taken, as a clause, such as "Node of code cell 9, as code cell 10 checks it".
    """

    cells: list[ExtractedCell]
    class_name: str = "Node"
    remarks: list[str] = field(default_factory=list)
    taken: str = ""

    @property
    def text(self) -> str:
        """Everything that is kept, as one text."""
        return "\n".join(cell.kept for cell in self.cells)


def extract_node(path: Path, class_name: str = "Node") -> ExtractedNode:
    """Extract a Node class from a notebook or a module.

    Raises:
        SubmissionError: The file has no such class, or cannot be read as a notebook or a module.
    """
    return _extracted(read_submission(path, class_name), path.name, class_name)


def extract_from_notebook(text: str, name: str, class_name: str = "Node") -> ExtractedNode:
    """Extract a Node class from the text of a notebook's file; `name` is the file's name, for messages.

    Raises:
        SubmissionError: The text is not that of a notebook, or has no such class.
    """
    return _extracted(read_cells(text, name, class_name), name, class_name)


@dataclass(slots=True)
class _Statement:
    """A statement at the top level of a cell, and the names that it binds and uses."""

    cell: ExtractedCell
    tree: ast.stmt
    binds: set[str]
    uses: set[str]

    @property
    def is_import(self) -> bool:
        return isinstance(self.tree, ast.Import | ast.ImportFrom)


def _extracted(read: SubmissionCells, name: str, class_name: str) -> ExtractedNode:
    if sum(len(cell.source) for cell in (*read.above, *read.below)) > TEXT_MAX:
        raise SubmissionError(f"{name} has more than {TEXT_MAX:,} characters of source, too many for one step")
    statements = _statements(read.above)
    classes = [each for each in statements if class_name in each.binds]
    if not classes:
        broken = [
            cell for cell in read.above if f"class {class_name}" in cell.source and not statements_of(cell.source)
        ]
        if broken:
            parse_or_raise(broken[-1])
        raise SubmissionError(f"{name} has no class {class_name}")
    needed, wanted = _closure(statements, {class_name})
    below = _statements(read.below)
    missing = wanted - {each for one in needed for each in one.binds} - set(dir(builtins))
    late = [each for each in below if each.binds & missing and not isinstance(each.tree, ast.Expr)]
    for each in late:
        label = f"{each.cell.label[0].upper()}{each.cell.label[1:]}"
        read.remarks.append(f"{label}, below the check, defines {_names(each.binds & missing)}; it was taken, too.")
    more, wanted = _closure(statements + below, wanted) if late else (needed, wanted)
    needed = [each for each in more if each in statements or each in late]
    effects = _effects(statements, needed)
    for cell in (*read.above, *read.below):
        own = [each for each in (*needed, *effects) if each.cell is cell]
        _keep_lines(cell, [each.tree for each in own], wanted | {each for one in effects for each in one.uses})
        cell.needed = sorted(first_line(each.tree) for each in needed if each.cell is cell)
    cells = [cell for cell in (*read.above, *read.below) if cell.kept.strip()]
    return ExtractedNode(cells, class_name, read.remarks, _taken(classes[-1], class_name, read, below))


def _taken(last: _Statement, class_name: str, read: SubmissionCells, below: list[_Statement]) -> str:
    if not last.cell.name.startswith("cell:"):
        return ""
    if other := [each for each in below if class_name in each.binds]:
        read.remarks.append(f"The {class_name} of {other[-1].cell.label}, below the exercise, was not taken.")
    return f"{class_name} of {last.cell.label}" + (f", as {read.checked_in} checks it" if read.checked_in else "")


def _names(names: set[str]) -> str:
    return ", ".join(sorted(names))


def _statements(cells: Sequence[ExtractedCell]) -> list[_Statement]:
    found = []
    for cell in cells:
        lines = cell.source.split("\n")
        for tree in statements_of(cell.source):
            text = "\n".join(lines[_line_range(tree)])
            try:
                uses = global_names(text)
            except (SyntaxError, ValueError, RecursionError, MemoryError):  # Another statement shares its lines.
                uses = {each.id for each in ast.walk(tree) if isinstance(each, ast.Name)}
            found.append(_Statement(cell, tree, bound_names([tree]), uses))
    return found


def _closure(statements: Sequence[_Statement], names: set[str]) -> tuple[list[_Statement], set[str]]:
    """Return the statements that define names, and what these use in turn, and all the names."""
    wanted, chosen = set(names), set[int]()
    grown = True
    while grown:
        grown = False
        for number, each in enumerate(statements):
            if number not in chosen and _defines(each, wanted):
                chosen.add(number)
                wanted |= each.uses
                grown = True
    return [statements[number] for number in sorted(chosen)], wanted


def _defines(statement: _Statement, wanted: set[str]) -> bool:
    if isinstance(statement.tree, ast.ImportFrom) and statement.tree.module == "__future__":
        return True  # It changes the meaning of the whole cell.
    if isinstance(statement.tree, ast.Expr | ast.Assert | ast.Delete | ast.Raise):
        return False  # It defines nothing.
    return bool(statement.binds & wanted)


def _effects(statements: Sequence[_Statement], needed: Sequence[_Statement]) -> list[_Statement]:
    """Return the statements that may change what the Node needs, and the definitions that these need."""
    own = {name for each in needed if not each.is_import for name in each.binds}
    tools: set[str] = set()
    rest = []
    for each in statements:
        if any(each is one for one in needed):
            continue
        tools |= _imported_tools(each)
        if each.uses & tools and not each.is_import:
            tools |= each.binds - own
        else:
            rest.append(each)
    reached = _with_functions(rest, own)
    effects = [each for each in rest if _touched(each) & reached]
    support, _ = _closure(rest, {name for each in effects for name in each.uses} - own)
    return [each for each in rest if each in effects or each in support]


def _with_functions(statements: Sequence[_Statement], names: set[str]) -> set[str]:
    """Return names, and those of the functions that use them: a call of such a function may change them."""
    reached, grown = set(names), True
    while grown:
        grown = False
        for each in statements:
            if isinstance(each.tree, ast.FunctionDef) and each.uses & reached and not each.binds <= reached:
                reached |= each.binds
                grown = True
    return reached


def _touched(statement: _Statement) -> set[str]:
    """Return the names that a statement uses when it runs; of a definition only its decorators and bases are run."""
    tree = statement.tree
    if statement.is_import:
        return set()
    if isinstance(tree, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        run = [*tree.decorator_list, *(tree.bases if isinstance(tree, ast.ClassDef) else [])]
        return {each.id for one in run for each in ast.walk(one) if isinstance(each, ast.Name)}
    return statement.uses


def _imported_tools(statement: _Statement) -> set[str]:
    """Return the names of the laboratory that a statement imports and that no Node is made of."""
    tree = statement.tree
    if isinstance(tree, ast.Import):
        return {(each.asname or each.name).partition(".")[0] for each in tree.names if _is_tool(each.name, "")}
    if isinstance(tree, ast.ImportFrom):
        return {each.asname or each.name for each in tree.names if _is_tool(tree.module or "", each.name)}
    return set()


def _is_tool(module: str, name: str) -> bool:
    if module != LABORATORY and not module.startswith(f"{LABORATORY}."):
        return module.partition(".")[0] in ("IPython", "matplotlib", "ipywidgets")
    home = module.removeprefix(LABORATORY).lstrip(".") or HOMES.get(name, name)
    return home not in MATERIAL and name not in NEVER_TOOLS


def _line_range(statement: ast.stmt) -> slice:
    """Return the lines of a statement, including its decorators, as a slice of the lines of its text."""
    return slice(first_line(statement) - 1, statement.end_lineno)


def _keep_lines(cell: ExtractedCell, statements: list[ast.stmt], wanted: set[str]) -> None:
    """Keep the lines of some statements; an import keeps only the names that are wanted."""
    lines = cell.source.split("\n")
    kept = [""] * len(lines)
    imports = [each for each in statements if isinstance(each, ast.ImportFrom)]
    for each in imports:
        kept[_line_range(each)] = _narrowed_import(each, wanted)
    # After the imports: a statement that shares its line with one (`a = 1; from b import c`) needs the whole line.
    for place in (_line_range(each) for each in statements if each not in imports):
        kept[place] = lines[place]
    assert len(kept) == len(lines)  # Messages name lines of the source.
    cell.kept = "\n".join(kept)


def _narrowed_import(statement: ast.ImportFrom, wanted: set[str]) -> list[str]:
    """Return an import of only the wanted names, padded with blank lines to its former number of lines."""
    future = statement.module == "__future__"
    names = [each for each in statement.names if future or (each.asname or each.name) in wanted or each.name == "*"]
    text = ast.unparse(ast.ImportFrom(module=statement.module, names=names, level=statement.level))
    return [text, *[""] * ((statement.end_lineno or statement.lineno) - statement.lineno)]


def top_level_imports(cell: ExtractedCell) -> Iterator[ast.Import | ast.ImportFrom]:
    """Yield the top-level import statements that are kept of a cell."""
    for statement in ast.parse(cell.kept).body:
        if isinstance(statement, ast.Import | ast.ImportFrom):
            yield statement
