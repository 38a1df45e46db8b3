"""Reads what was handed in, a notebook or a module, as cells of plain Python, up to the check of the exercise.

The Node that counts is the one that the last check of the exercise would see. The exercise ends at the first heading
after its check: what comes later may break the Node on purpose. Metadata and outputs are ignored, except the name of
the check cell that the course gave it.
"""

from __future__ import annotations

import ast
import json
import re
import stat
import tokenize
from collections.abc import Sequence
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any

from raft_steps.lab.errors import LabError, NotTextError
from raft_steps.lab.files import decode_text

SIZE_MAX = 5_000_000  # bytes of a file; a notebook with all its pictures has a tenth as many
TEXT_MAX = 200_000  # characters of source
CHECKS = frozenset({"check", "points_for", "private_runs"})  # functions that check a Node in a cell
CHECK_CELL = re.compile(r"step-\d+-check|check")  # nbgrader's name of the exercise's own check, or the cell's id
OWN_CHECK = re.compile(r"check\(Node, step=\d+\)\.require\(\)")  # as the course writes it
HEADING = re.compile(r"\s*#{1,2} ")
PYTHON_MAGICS = frozenset({"time", "capture", "prun"})  # cell magics that run their cell as Python
ASSIGNED_MAGIC = re.compile(r"(\s*[\w, ]+=\s*)[%!].*")
LINE_MAGIC = re.compile(r"(\s*)(?:%time\s+(?P<timed>.+)|[%!?].*|[^#'\"]*\?\s*)")


class SubmissionError(LabError):
    """A file contains no Node that can be loaded; the message says why, in a sentence without a full stop."""


@dataclass(slots=True)
class ExtractedCell:
    """A cell of a notebook, or a whole module.

    Attributes:
        name: The name of its file for Python's tracebacks: a module's file name, or ``cell:`` and a number.
        source: The whole text.
        kept: The same text, in which every line that the Node does not need is blank. Line numbers stay the same.
        needed: The first lines of the statements that define what the Node needs. The other kept statements may fail.
    """

    name: str
    source: str
    kept: str = ""
    needed: list[int] = field(default_factory=list)

    @property
    def label(self) -> str:
        """Its name in messages, such as ``code cell 3``."""
        return self.name.replace("cell:", "code cell ")

    @property
    def number(self) -> int:
        """The number of a notebook's code cell, from 1."""
        return int(self.name.removeprefix("cell:"))


@dataclass(slots=True)
class SubmissionCells:
    """The cells of a submission.

    Attributes:
        above: The cells up to the check, in order.
        below: The cells after it.
        checked_in: The label of the cell that checks the Node; "" if there is none.
        remarks: Remarks for the instructor, one sentence each.
    """

    above: list[ExtractedCell]
    below: list[ExtractedCell] = field(default_factory=list)
    checked_in: str = ""
    remarks: list[str] = field(default_factory=list)


def read_submission(path: Path, class_name: str) -> SubmissionCells:
    """Read a notebook or a module.

    Raises:
        SubmissionError: It cannot be read as one.
    """
    if path.suffix not in (".ipynb", ".py"):
        raise SubmissionError(f"{path.name} is neither a notebook (.ipynb) nor a module (.py)")
    text = read_text(path)
    if not text.strip():
        raise SubmissionError(f"{path.name} is empty")
    if path.suffix == ".ipynb":
        return read_cells(text, path.name, class_name)
    cell = ExtractedCell(path.name, _with_plain_newlines(text))
    parse_or_raise(cell)
    return SubmissionCells([cell])


def read_text(path: Path) -> str:
    """Read a submission's file as UTF-8; a module also in the encoding that it declares.

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
        text = _decode(path.read_bytes(), path)
    except OSError as error:
        raise SubmissionError(f"{path.name} cannot be read: {error.strerror}") from error
    except NotTextError as error:
        raise SubmissionError(f"{path.name} is not UTF-8 text") from error
    if "\0" in text:
        raise SubmissionError(f"{path.name} is not text")
    return text


def _decode(data: bytes, path: Path) -> str:
    if path.suffix == ".py":
        try:
            encoding, _ = tokenize.detect_encoding(BytesIO(data).readline)
            if encoding not in ("utf-8", "utf-8-sig"):
                return data.decode(encoding)
        except (SyntaxError, ValueError, LookupError):
            pass  # An unknown encoding, or not even text: reported as not being UTF-8.
    return decode_text(data, path.name, "a submission")


# Which cells of a notebook count.


@dataclass(slots=True)
class _NotebookCell:
    """A cell of a notebook as Python, or a text cell, which has no code."""

    kind: str
    source: str
    is_own_check: bool
    code: ExtractedCell | None = None
    statements: Sequence[ast.stmt] = ()


def read_cells(text: str, name: str, class_name: str) -> SubmissionCells:
    """Read the text of a notebook's file; `name` is the file's name, for messages.

    Raises:
        SubmissionError: The text is not that of a notebook.
    """
    remarks: list[str] = []
    cells = _notebook_cells(text, name, remarks)
    _number(cells, lambda each: each.kind == "code")
    if not any(class_name in bound_names(each.statements) for each in cells):
        texts = [each for each in cells if each.kind != "code" and _is_program(each.source)]
        if any(class_name in bound_names(statements_of(each.source)) for each in texts):
            _number(cells, lambda each: each.kind == "code" or each in texts)
            label = next(each.code.label for each in texts if each.code and class_name in bound_names(each.statements))
            remarks.append(f"{label[0].upper()}{label[1:]} with the Node is a text cell; it was read as code.")
    end = _find_check(cells, class_name)
    code = [(place, each.code) for place, each in enumerate(cells) if each.code is not None]
    if end is None:
        if any(class_name in bound_names(each.statements) for each in cells):
            remarks.append("No cell checks the Node any more, so the last one of the notebook was taken.")
        return SubmissionCells([each for _, each in code], [], "", remarks)
    checked = cells[end].code
    return SubmissionCells(
        [each for place, each in code if place < end],
        [each for place, each in code if place > end],
        checked.label if checked is not None else "",
        remarks,
    )


def _notebook_cells(text: str, name: str, remarks: list[str]) -> list[_NotebookCell]:
    try:
        data = json.loads(text)
        found = data.get("cells")
        if found is None:
            found = data["worksheets"][0]["cells"]  # notebook format 3, before 2015
        cells = [_NotebookCell(str(each.get("cell_type")), _source(each), _is_own_check(each)) for each in found]
    except (ValueError, KeyError, TypeError, IndexError, AttributeError, RecursionError) as error:
        raise SubmissionError(f"{name} is not a notebook: it may be cut off, or saved by another program") from error
    _remark_on_language(data, remarks)
    if sum(len(each.source) for each in cells if each.kind == "code") > TEXT_MAX:
        raise SubmissionError(f"{name} has more than {TEXT_MAX:,} characters of source, too many for one step")
    return cells


def _source(cell: dict[str, Any]) -> str:
    source = cell.get("source", cell.get("input", ""))
    return _with_plain_newlines("".join(source) if isinstance(source, list) else str(source))


def _is_own_check(cell: dict[str, Any]) -> bool:
    metadata = cell.get("metadata")
    graded = metadata.get("nbgrader") if isinstance(metadata, dict) else None
    name = graded.get("grade_id") if isinstance(graded, dict) else cell.get("id")
    return isinstance(name, str) and CHECK_CELL.fullmatch(name) is not None


def _number(cells: list[_NotebookCell], is_code: Any) -> None:
    """Number the cells that are code, and parse them."""
    number = 0
    for each in cells:
        if is_code(each):
            number += 1
            each.code = ExtractedCell(f"cell:{number}", plain_python(each.source))
            each.statements = statements_of(each.code.source)


def _find_check(cells: list[_NotebookCell], class_name: str) -> int | None:
    """Return the place of the last check of the exercise; None if no cell checks the Node."""
    defined, places, own = False, list[int](), list[int]()
    for place, each in enumerate(cells):
        if defined and each.code is not None:
            if each.is_own_check or OWN_CHECK.fullmatch(each.source.strip()):
                own.append(place)
            if each.is_own_check or _checks_node(each.statements, class_name):
                places.append(place)
        defined = defined or class_name in bound_names(each.statements)
    if not places:
        return None
    start = own[0] if own else places[0]
    headings = [place for place in range(start, len(cells)) if _is_heading(cells[place])]
    if not headings and own:  # Without its headings, a notebook does not show where the exercise ends.
        return own[-1]
    return max(place for place in places if not headings or place < headings[0])


def _is_heading(cell: _NotebookCell) -> bool:
    return cell.kind == "markdown" and cell.code is None and HEADING.match(cell.source) is not None


def _checks_node(statements: Sequence[ast.stmt], class_name: str) -> bool:
    """Return whether a cell calls check() or the like with the Node."""
    for call in (node for statement in statements for node in ast.walk(statement) if isinstance(node, ast.Call)):
        name = call.func.id if isinstance(call.func, ast.Name) else getattr(call.func, "attr", "")
        given = [*call.args, *(each.value for each in call.keywords)]
        if name in CHECKS and any(isinstance(each, ast.Name) and each.id == class_name for each in given):
            return True
    return False


def _remark_on_language(data: dict[str, Any], remarks: list[str]) -> None:
    """Add a remark if a notebook is not written in Python, according to its metadata."""
    metadata = data.get("metadata")
    kernel = metadata.get("kernelspec") if isinstance(metadata, dict) else None
    language = kernel.get("language", "python") if isinstance(kernel, dict) else "python"
    if language != "python":
        remarks.append(f"The notebook claims to be written in {str(language)[:40]}; it was read as Python.")


# Cells as plain Python.


def plain_python(source: str) -> str:
    """Return a cell without its magics and shell commands, on the same lines; a cell in another language is blank."""
    if statements_of(source) or not source.strip():
        return source
    lines = source.split("\n")
    first = next(number for number, line in enumerate(lines) if line.strip())
    if lines[first].startswith("%%"):
        if lines[first][2:].split(maxsplit=1)[:1] not in [[each] for each in PYTHON_MAGICS]:
            return "\n" * (len(lines) - 1)
        lines[first] = ""
    plain = "\n".join(lines)
    if not _parses(plain):
        plain = "\n".join(_without_magic(line) for line in lines)
    return plain if _parses(plain) else source


def _without_magic(line: str) -> str:
    if found := ASSIGNED_MAGIC.fullmatch(line):
        return f"{found[1]}None"
    if found := LINE_MAGIC.fullmatch(line):
        return f"{found[1]}{found['timed'] or 'pass'}"
    return line


def _with_plain_newlines(text: str) -> str:
    r"""Replace \r\n and \r by \n.

    Lines must end where Python ends them. str.splitlines() also ends them at form feeds and line separators.
    """
    return text.replace("\r\n", "\n").replace("\r", "\n")


def statements_of(source: str) -> list[ast.stmt]:
    """Return the statements of a text; none if it is not plain Python, such as a cell with IPython magics."""
    try:
        return ast.parse(source).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return []


def _parses(source: str) -> bool:
    return bool(statements_of(source)) or not source.strip()


def _is_program(source: str) -> bool:
    """Return whether a text cell holds a program; a word alone is valid Python, too."""
    kinds = (ast.ClassDef, ast.FunctionDef, ast.Import, ast.ImportFrom)
    return any(isinstance(each, kinds) for each in statements_of(plain_python(source)))


def parse_or_raise(cell: ExtractedCell) -> None:
    """Raise a SubmissionError with the line if a cell is not Python."""
    try:
        ast.parse(cell.source)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        line = f", line {error.lineno}" if isinstance(error, SyntaxError) and error.lineno else ""
        reason = getattr(error, "msg", None) or error
        raise SubmissionError(f"{cell.label}{line} is not valid Python: {reason}") from error


def bound_names(statements: Sequence[ast.stmt]) -> set[str]:
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
