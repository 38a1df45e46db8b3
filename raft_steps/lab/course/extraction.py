"""Taking a submission: the definitions that its Node needs, out of a notebook or a module, without running any of it.

A notebook is read up to the first cell that checks its Node: what comes after it, such as an exercise that breaks the
Node on purpose, does not count. Of what is read, only what the class needs is taken: classes, functions, imports and
assignments, and nothing that merely acts. Whatever metadata, kernel, outputs and check cells say is not looked at.
"""

from __future__ import annotations

import ast
import json
import stat
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from raft_steps.lab.grading.source_policy import complaints, needless_import
from raft_steps.lab.source.parse import global_names

SIZE_MAX = 5_000_000  # bytes of a file; a notebook with all its pictures has a tenth of it
TEXT_MAX = 200_000  # characters of source that are looked at


class NotTaken(Exception):  # noqa: N818  # It is the submission's, not ours.
    """There is nothing to grade; the message says why, in a sentence."""


@dataclass(slots=True)
class Cell:
    """A piece of source.

    Attributes:
        name: What an error calls it: a file's name, or ``cell:`` and a number.
        source: The whole text.
        kept: The same with all lines blank that are not taken.
    """

    name: str
    source: str
    kept: str = ""


@dataclass(slots=True)
class Taken:
    """What was taken out of a submission.

    Attributes:
        cells: The pieces, in order.
        class_name: The name of the Node class.
        remarks: What an instructor may want to know, a sentence each.
    """

    cells: list[Cell]
    class_name: str = "Node"
    remarks: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        """All that is kept, as one text."""
        return "\n".join(cell.kept for cell in self.cells)


def read_bytes(path: Path) -> bytes:
    """Read a submission's file.

    Raises:
        NotTaken: It is no plain file, or too large.
    """
    try:
        about = path.lstat()
        if not stat.S_ISREG(about.st_mode):
            raise NotTaken(f"{path.name} is no plain file, and is not opened")
        if about.st_size > SIZE_MAX:
            raise NotTaken(f"{path.name} has {about.st_size / 1e6:.0f} MB; a submission has 5 MB at most")
        return path.read_bytes()
    except OSError as error:
        raise NotTaken(f"{path.name} cannot be read: {error.strerror}") from error


def take(path: Path, class_name: str = "Node") -> Taken:
    """Take the Node out of a notebook or a module.

    Raises:
        NotTaken: There is none, or the file cannot be read as one.
    """
    data = read_bytes(path)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise NotTaken(f"{path.name} is no text, or not written in UTF-8") from error
    if not text.strip():
        raise NotTaken(f"{path.name} is empty")
    if "\0" in text:
        raise NotTaken(f"{path.name} is no text")
    remarks: list[str] = []
    if path.suffix == ".ipynb":
        cells = _cells(text, path.name, class_name, remarks)
    elif path.suffix == ".py":
        cells = [Cell(path.name, _lines_as_python(text))]
        _parse(cells[0], strict=True)
    else:
        raise NotTaken(f"{path.name} is neither a notebook (.ipynb) nor a module (.py)")
    if sum(len(cell.source) for cell in cells) > TEXT_MAX:
        raise NotTaken(f"{path.name} has more source than anybody writes for one step")
    return _needed(Taken(cells, class_name, remarks), path.name)


def _cells(text: str, name: str, class_name: str, remarks: list[str]) -> list[Cell]:
    """Read a notebook's code cells, up to the one that checks the Node."""
    try:
        data = json.loads(text)
        found = data.get("cells")
        if found is None:
            found = data["worksheets"][0]["cells"]  # The format of before 2015.
        sources = [_source(cell) for cell in found if cell.get("cell_type") == "code"]
    except (ValueError, KeyError, TypeError, IndexError, AttributeError, RecursionError) as error:
        raise NotTaken(f"{name} is no notebook: it may have been cut off, or saved by something else") from error
    _tell_kernel(data, remarks)
    cells: list[Cell] = []
    defined = False
    for number, source in enumerate(sources, start=1):
        cell = Cell(f"cell:{number}", _lines_as_python(source))
        tree = _parse(cell, strict=False)
        if defined and tree is not None and _checks(tree, class_name):
            return cells
        defined = defined or (tree is not None and class_name in _bound(tree.body))
        cells.append(cell)
    if defined:
        remarks.append("No cell checks the Node any more, so the last one of the notebook was taken.")
    return cells


def _lines_as_python(text: str) -> str:
    """End lines where Python ends them, and by one character: to it, a form feed or a line separator ends none."""
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _source(cell: dict[str, Any]) -> str:
    source = cell.get("source", cell.get("input", ""))
    return "".join(source) if isinstance(source, list) else str(source)


def _tell_kernel(data: dict[str, Any], remarks: list[str]) -> None:
    metadata = data.get("metadata")
    kernel = metadata.get("kernelspec") if isinstance(metadata, dict) else None
    language = kernel.get("language", "python") if isinstance(kernel, dict) else "python"
    if language != "python":
        remarks.append(f"The notebook says that it is written in {str(language)[:40]}; it was read as Python.")


def _parse(cell: Cell, *, strict: bool) -> ast.Module | None:
    """Parse a piece; None for a cell that is no Python, such as one with a notebook's own commands."""
    try:
        return ast.parse(cell.source)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        if not strict:
            return None
        line = f", line {error.lineno}" if isinstance(error, SyntaxError) and error.lineno else ""
        raise NotTaken(f"{_place(cell)}{line} is no Python: {getattr(error, 'msg', None) or error}") from error


def _checks(tree: ast.Module, class_name: str) -> bool:
    """Say whether a cell holds the Node against the checks."""
    return any(
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "check"
        and any(isinstance(each, ast.Name) and each.id == class_name for each in node.args)
        for node in ast.walk(tree)
    )


def _needed(taken: Taken, name: str) -> Taken:
    """Blank whatever the Node does not need."""
    statements = [(cell, st) for cell in taken.cells for st in _body(cell)]
    if not any(taken.class_name in _bound([st]) for _, st in statements):
        broken = [cell for cell in taken.cells if f"class {taken.class_name}" in cell.source and not _body(cell)]
        if broken:
            _parse(broken[-1], strict=True)
        raise NotTaken(f"{name} has no class {taken.class_name}")
    wanted, chosen = {taken.class_name}, set[int]()
    grown = True
    while grown:
        grown = False
        for number, (cell, statement) in enumerate(statements):
            future = isinstance(statement, ast.ImportFrom) and statement.module == "__future__"
            if number not in chosen and (future or (not _merely_acts(statement) and _bound([statement]) & wanted)):
                chosen.add(number)
                wanted |= global_names(_text(cell, statement))
                grown = True
    for cell in taken.cells:
        kept = [st for number, (owner, st) in enumerate(statements) if number in chosen and owner is cell]
        _keep(cell, kept, wanted, taken.remarks)
    taken.cells = [cell for cell in taken.cells if cell.kept.strip()]
    for cell in taken.cells:
        for complaint in complaints(cell.kept):
            raise NotTaken(f"in {_place(cell)}, {complaint}")
    return taken


def _place(cell: Cell) -> str:
    return cell.name.replace("cell:", "code cell ")


def _body(cell: Cell) -> list[ast.stmt]:
    tree = _parse(cell, strict=False)
    return tree.body if tree is not None else []


def _text(cell: Cell, statement: ast.stmt) -> str:
    first = min([statement.lineno, *(each.lineno for each in getattr(statement, "decorator_list", []))])
    return "\n".join(cell.source.split("\n")[first - 1 : statement.end_lineno])


def _merely_acts(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Expr | ast.Assert | ast.Delete | ast.Raise)


def _bound(statements: list[ast.stmt]) -> set[str]:
    """Name what statements define, import, assign or change, outside functions and classes."""
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
            names.add(_root(node))
        todo += ast.iter_child_nodes(node)
    return names - {""}


def _root(node: ast.AST) -> str:
    while isinstance(node, ast.Attribute | ast.Subscript):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""


def _keep(cell: Cell, statements: list[ast.stmt], wanted: set[str], remarks: list[str]) -> None:
    """Keep the lines of some statements, without imports that no Node may have."""
    lines = cell.source.split("\n")
    kept = [""] * len(lines)
    for statement in statements:
        why = needless_import(statement, wanted)
        if why:
            remarks.append(f"{_place(cell)[0].upper()}{_place(cell)[1:]}, line {statement.lineno} was left out: {why}.")
            continue
        first = min([statement.lineno, *(each.lineno for each in getattr(statement, "decorator_list", []))])
        here = slice(first - 1, statement.end_lineno)
        kept[here] = _import_text(statement, wanted) if isinstance(statement, ast.ImportFrom) else lines[here]
    cell.kept = "\n".join(kept)


def _import_text(statement: ast.ImportFrom, wanted: set[str]) -> list[str]:
    """Spell an import of those names that are needed, on as many lines as it had."""
    future = statement.module == "__future__"
    names = [each for each in statement.names if future or (each.asname or each.name) in wanted or each.name == "*"]
    text = ast.unparse(ast.ImportFrom(module=statement.module, names=names, level=statement.level))
    return [text, *[""] * ((statement.end_lineno or statement.lineno) - statement.lineno)]
