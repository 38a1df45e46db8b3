"""Extracts a Node class from a notebook or a module, with the definitions that it needs, without running any of it.

A notebook is read up to the first cell that checks its Node, because an exercise after that may break the Node on
purpose. Only what the class needs is kept: classes, functions, imports and assignments, but no statement that only has
an effect. Metadata, outputs and the cells that check are ignored.
"""

from __future__ import annotations

import ast
import json
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from raft_steps.lab.errors import LabError, NotTextError
from raft_steps.lab.files import decode_text
from raft_steps.lab.source.parse import first_line, global_names

SIZE_MAX = 5_000_000  # bytes of a file; a notebook with all its pictures has a tenth as many
TEXT_MAX = 200_000  # characters of source


class SubmissionError(LabError):
    """A file contains no Node that can be loaded; the message says why, in a sentence without a full stop."""


@dataclass(slots=True)
class ExtractedCell:
    """A cell of a notebook, or a whole module.

    Attributes:
        name: The name of its file for Python's tracebacks: a module's file name, or ``cell:`` and a number.
        source: The whole text.
        kept: The same text, in which every line that the Node does not need is blank. Line numbers stay the same.
    """

    name: str
    source: str
    kept: str = ""

    @property
    def label(self) -> str:
        """Its name in messages, such as ``code cell 3``."""
        return self.name.replace("cell:", "code cell ")

    @property
    def number(self) -> int:
        """The number of a notebook's code cell, from 1."""
        return int(self.name.removeprefix("cell:"))


@dataclass(slots=True)
class ExtractedNode:
    """A Node class and what it needs, as text.

    Attributes:
        cells: The cells that contain it, in order.
        class_name: The name of the Node class.
        remarks: Remarks for the instructor, one sentence each.
    """

    cells: list[ExtractedCell]
    class_name: str = "Node"
    remarks: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        """Everything that is kept, as one text."""
        return "\n".join(cell.kept for cell in self.cells)

    def drop_empty_cells(self) -> None:
        """Remove the cells of which nothing is kept."""
        self.cells = [cell for cell in self.cells if cell.kept.strip()]


def extract_node(path: Path, class_name: str = "Node") -> ExtractedNode:
    """Extract a Node class from a notebook or a module.

    Raises:
        SubmissionError: The file has no such class, or cannot be read as a notebook or a module.
    """
    text = read_text(path)
    if not text.strip():
        raise SubmissionError(f"{path.name} is empty")
    if path.suffix == ".ipynb":
        return extract_from_notebook(text, path.name, class_name)
    if path.suffix != ".py":
        raise SubmissionError(f"{path.name} is neither a notebook (.ipynb) nor a module (.py)")
    cell = ExtractedCell(path.name, _with_plain_newlines(text))
    _parse_or_raise(cell)
    return _extracted([cell], path.name, class_name, [])


def extract_from_notebook(text: str, name: str, class_name: str = "Node") -> ExtractedNode:
    """Extract a Node class from the text of a notebook's file; `name` is the file's name, for messages.

    Raises:
        SubmissionError: The text is not that of a notebook, or has no such class.
    """
    remarks: list[str] = []
    return _extracted(_cells_to_read(text, name, class_name, remarks), name, class_name, remarks)


def _extracted(cells: list[ExtractedCell], name: str, class_name: str, remarks: list[str]) -> ExtractedNode:
    if sum(len(cell.source) for cell in cells) > TEXT_MAX:
        raise SubmissionError(f"{name} has more than {TEXT_MAX:,} characters of source, too many for one step")
    node = ExtractedNode(cells, class_name, remarks)
    _keep_needed(node, name)
    return node


def read_text(path: Path) -> str:
    """Read a submission's file as UTF-8.

    Raises:
        SubmissionError: It is not a regular file, is too large, or is not text.
    """
    try:
        # Checked before opening, with lstat: a link may lead anywhere, and a named pipe never ends.
        status = path.lstat()
        if not stat.S_ISREG(status.st_mode):
            raise SubmissionError(f"{path.name} is not a plain file, so it is not opened")
        if status.st_size > SIZE_MAX:
            raise SubmissionError(f"{path.name} has {status.st_size / 1e6:.0f} MB; a submission has at most 5 MB")
        text = decode_text(path.read_bytes(), path.name, "a submission")
    except OSError as error:
        raise SubmissionError(f"{path.name} cannot be read: {error.strerror}") from error
    except NotTextError as error:
        raise SubmissionError(f"{path.name} is not UTF-8 text") from error
    if "\0" in text:
        raise SubmissionError(f"{path.name} is not text")
    return text


# Which cells of a notebook count.


def _cells_to_read(text: str, name: str, class_name: str, remarks: list[str]) -> list[ExtractedCell]:
    """Return a notebook's code cells up to the one that checks the Node."""
    try:
        data = json.loads(text)
        found = data.get("cells")
        if found is None:
            found = data["worksheets"][0]["cells"]  # notebook format 3, before 2015
        sources = [_source(cell) for cell in found if cell.get("cell_type") == "code"]
    except (ValueError, KeyError, TypeError, IndexError, AttributeError, RecursionError) as error:
        raise SubmissionError(f"{name} is not a notebook: it may be cut off, or saved by another program") from error
    _remark_on_language(data, remarks)
    cells: list[ExtractedCell] = []
    defined = False
    for number, source in enumerate(sources, start=1):
        cell = ExtractedCell(f"cell:{number}", _with_plain_newlines(source))
        statements = _statements(cell)
        if defined and _checks_node(statements, class_name):
            return cells
        defined = defined or class_name in _bound_names(statements)
        cells.append(cell)
    if defined:
        remarks.append("No cell checks the Node any more, so the last one of the notebook was taken.")
    return cells


def _with_plain_newlines(text: str) -> str:
    r"""Replace \r\n and \r by \n.

    Lines must end where Python ends them. str.splitlines() also ends them at form feeds and line separators.
    """
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _source(cell: dict[str, Any]) -> str:
    source = cell.get("source", cell.get("input", ""))
    return "".join(source) if isinstance(source, list) else str(source)


def _remark_on_language(data: dict[str, Any], remarks: list[str]) -> None:
    """Add a remark if a notebook is not written in Python, according to its metadata."""
    metadata = data.get("metadata")
    kernel = metadata.get("kernelspec") if isinstance(metadata, dict) else None
    language = kernel.get("language", "python") if isinstance(kernel, dict) else "python"
    if language != "python":
        remarks.append(f"The notebook claims to be written in {str(language)[:40]}; it was read as Python.")


def _statements(cell: ExtractedCell) -> list[ast.stmt]:
    """Return a cell's statements; none if it is not plain Python, such as one with IPython magics."""
    try:
        return ast.parse(cell.source).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return []


def _parse_or_raise(cell: ExtractedCell) -> None:
    """Raise a SubmissionError with the line if a cell is not Python."""
    try:
        ast.parse(cell.source)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        line = f", line {error.lineno}" if isinstance(error, SyntaxError) and error.lineno else ""
        reason = getattr(error, "msg", None) or error
        raise SubmissionError(f"{cell.label}{line} is not valid Python: {reason}") from error


def _checks_node(statements: Sequence[ast.stmt], class_name: str) -> bool:
    """Return whether a cell calls check() with the Node."""
    return any(
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "check"
        and any(isinstance(each, ast.Name) and each.id == class_name for each in node.args)
        for statement in statements
        for node in ast.walk(statement)
    )


# Which statements the Node needs.


def _keep_needed(node: ExtractedNode, file: str) -> None:
    """Keep the lines of the class, and of everything that it uses, directly or indirectly."""
    statements = [(cell, statement) for cell in node.cells for statement in _statements(cell)]
    if not any(node.class_name in _bound_names([statement]) for _, statement in statements):
        broken = [cell for cell in node.cells if f"class {node.class_name}" in cell.source and not _statements(cell)]
        if broken:
            _parse_or_raise(broken[-1])
        raise SubmissionError(f"{file} has no class {node.class_name}")
    wanted, chosen = {node.class_name}, set[int]()
    grown = True
    while grown:
        grown = False
        for number, (cell, statement) in enumerate(statements):
            if number not in chosen and _is_needed(statement, wanted):
                chosen.add(number)
                wanted |= global_names("\n".join(cell.source.split("\n")[_line_range(statement)]))
                grown = True
    for cell in node.cells:
        own = [each for number, (owner, each) in enumerate(statements) if number in chosen and owner is cell]
        _keep_lines(cell, own, wanted)
    node.drop_empty_cells()


def _is_needed(statement: ast.stmt, wanted: set[str]) -> bool:
    if isinstance(statement, ast.ImportFrom) and statement.module == "__future__":
        return True  # It changes the meaning of the whole cell.
    if isinstance(statement, ast.Expr | ast.Assert | ast.Delete | ast.Raise):
        return False  # It defines nothing.
    return bool(_bound_names([statement]) & wanted)


def _bound_names(statements: list[ast.stmt]) -> set[str]:
    """Return the names that statements define, import, assign or change, outside functions and classes."""
    names: set[str] = set()
    todo: list[ast.AST] = list(statements)
    while todo:
        node = todo.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.add(node.name)
            continue
        if isinstance(node, ast.Import | ast.ImportFrom):
            names |= {(alias.asname or alias.name).partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.Name | ast.Attribute | ast.Subscript) and isinstance(node.ctx, ast.Store):
            names.add(_root_name(node))
        todo += ast.iter_child_nodes(node)
    return names - {""}


def _root_name(node: ast.AST) -> str:
    """Return ``a`` for ``a.b[0]``: assigning to that changes what ``a`` is."""
    while isinstance(node, ast.Attribute | ast.Subscript):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""


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


def blank_out(cell: ExtractedCell, dropped: Sequence[ast.stmt]) -> None:
    """Blank the lines of some statements, except lines that another statement shares with them."""
    lines = cell.kept.split("\n")
    doomed = {line for each in dropped for line in range(each.lineno, (each.end_lineno or each.lineno) + 1)}
    places = {(each.lineno, each.col_offset) for each in dropped}
    for statement in ast.parse(cell.kept).body:
        if (statement.lineno, statement.col_offset) not in places:
            doomed -= set(range(first_line(statement), (statement.end_lineno or statement.lineno) + 1))
    cell.kept = "\n".join("" if number in doomed else line for number, line in enumerate(lines, start=1))
