"""Rewrites the cells of a notebook that use steps which an edition does not contain.

From the exercise on, the student's own Node replaces the step to be written. A cell that uses it earlier, or uses a
later step, cannot run. It becomes text, with the output that it has in the full course, and so does every cell that
needs its results.
"""

from __future__ import annotations

import ast
import itertools
import re
from collections.abc import Iterator
from html import escape

from raft_steps.lab.course.notebooks import Cell, Notebook, NotebookError
from raft_steps.lab.course.redaction import is_for_the_course_only, is_reveal, is_solution

# Functions whose first argument is the number of a step, or a list of them; diff takes two.
TAKES_A_STEP = frozenset(
    {
        *("Cluster", "Search", "catalogue", "cheat_sheet", "diff", "leaderless", "mistakes"),
        *("node", "run_ten_steps", "show", "sweep", "sweep_ten_steps", "three_fresh_followers", "whole"),
    }
)
MODULE = re.compile(r"(?:raft_steps\.)?step_(\d\d)_\w+")
IN_A_SCENARIO = re.compile(r"\bstep (\d+);")
IMAGE = re.compile(r"<img\b[^>]*>")
# Functions that show the code of a step. If the step is missing, their output is left out.
SHOWS_CODE = re.compile(r"\b(show|diff|whole|mistakes)\(")
SHOWN = "*To be read, not run: it needs step {step}, which your edition does not contain.*"
FOLLOWS = "*To be read, not run: it needs the results of a cell that cannot be run.*"


def without_missing_steps(notebook: Notebook, name: str, first_missing: int) -> None:
    """Rewrite a notebook so that it runs with only the steps before `first_missing`.

    Args:
        notebook: The notebook, which is changed.
        name: The name of its file, for messages.
        first_missing: The first step that the edition does not contain.

    Raises:
        NotebookError: A cell that a student writes, or that is graded, needs such a step.
    """
    gone: set[str] = set()
    begun = False
    cells: list[Cell] = []
    for number, cell in enumerate(notebook.cells):
        begun |= is_solution(cell)
        if cell.cell_type != "code" or is_reveal(cell) or is_for_the_course_only(cell) or not _parses(cell.source):
            cells.append(cell)
            continue
        gone |= _use_available_steps(cell, first_missing, begun=begun)
        lost = [each for each in ast.parse(cell.source).body if _is_lost(each, first_missing, gone)]
        if lost and "nbgrader" in cell.metadata:
            raise NotebookError(
                f"{name}, cell {cell.id}: it needs step {first_missing}, which the edition does not contain"
            )
        cells += _split(cell, lost, first_missing, notebook.cells[number + 1 :]) if lost else [cell]
    notebook.cells = cells


def _use_available_steps(cell: Cell, first_missing: int, *, begun: bool) -> set[str]:
    """Remove uses of missing steps that a cell does not need; return the names that it no longer imports."""
    if begun:
        cell.source = _with_own_node(cell.source, first_missing)
    cell.source = _without_rows(cell.source, first_missing)
    cell.source, lost = _without_imports(cell.source, first_missing)
    return lost


def _is_lost(statement: ast.stmt, first_missing: int, gone: set[str]) -> bool:
    """Return whether a statement cannot be run, and update `gone`, the names that are not defined."""
    lost = _uses_missing_step(statement, first_missing) or bool(gone & _loaded(statement))
    if lost:
        gone |= _bound(statement)
    else:
        gone -= _bound(statement)
    return lost


def _split(cell: Cell, lost: list[ast.stmt], first_missing: int, later: list[Cell]) -> list[Cell]:
    """Turn a cell into text; statements that later cells need and that can run stay as a cell before it."""
    positions = {_position(each) for each in lost}
    rest = [each for each in ast.parse(cell.source).body if _position(each) not in positions]
    code = [each.source for each in later if each.cell_type == "code" and not is_reveal(each) and _parses(each.source)]
    needed = set().union(*(_loaded(ast.parse(source)) for source in code))
    text = _as_text(cell, first_missing)
    if not needed & set().union(*map(_bound, rest)):
        return [text]
    text.id = f"{cell.id}-shown"
    cell.source = "\n".join(ast.get_source_segment(cell.source, each) or "" for each in rest)
    cell.outputs, cell.execution_count = [], None
    return [cell, text]


def _parses(source: str) -> bool:
    """Return whether a cell is plain Python, without IPython magics."""
    try:
        ast.parse(source)
    except SyntaxError:
        return False
    return True


# Which steps a cell uses.


def _uses_missing_step(tree: ast.AST, first_missing: int) -> bool:
    """Return whether code uses the step `first_missing` or a later one."""
    texts = (each.value for each in ast.walk(tree) if isinstance(each, ast.Constant) and isinstance(each.value, str))
    in_texts = (int(found[1]) for text in texts for found in IN_A_SCENARIO.finditer(text))
    given = (step for step, _ in _step_arguments(tree))
    return any(step >= first_missing for step in (*given, *in_texts))


def _step_arguments(tree: ast.AST) -> Iterator[tuple[int, ast.expr]]:
    """Yield the numbers of steps that code passes to functions, and the expressions that hold them."""
    for call in ast.walk(tree):
        if isinstance(call, ast.Call):
            name = getattr(call.func, "id", getattr(call.func, "attr", ""))
            if name in TAKES_A_STEP:
                given = call.args[: 2 if name == "diff" else 1]
                lists = (each.elts for each in given if isinstance(each, ast.List | ast.Tuple))
                every = [*given, *itertools.chain.from_iterable(lists)]
                yield from ((number, each) for each in every if (number := _number(each)) is not None)


def _number(expression: ast.expr) -> int | None:
    """Return the value of an integer literal; None for any other expression."""
    return expression.value if isinstance(expression, ast.Constant) and isinstance(expression.value, int) else None


def _loaded(tree: ast.AST) -> set[str]:
    """Return the names that code reads."""
    return {each.id for each in ast.walk(tree) if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Load)}


def _bound(tree: ast.AST) -> set[str]:
    """Return the names that code defines, imports or assigns to, for the cells after it."""
    match tree:
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
            return {tree.name}
        case ast.Import() | ast.ImportFrom():
            return {(alias.asname or alias.name).partition(".")[0] for alias in tree.names}
        case ast.Name(ctx=ast.Store()):
            return {tree.id}
        case ast.Lambda() | ast.ListComp() | ast.SetComp() | ast.DictComp() | ast.GeneratorExp():
            return set()  # Its names are local to it.
    return set().union(*map(_bound, ast.iter_child_nodes(tree)))


# Rewriting.


def _with_own_node(source: str, step: int) -> str:
    """Replace the step to be written by the student's own Node."""
    source = re.sub(rf"\bnode\({step}\)|\bstep_{step:02}(?:_\w+)?\.Node\b", "Node", source)
    places = [place for number, place in _step_arguments(ast.parse(source)) if number == step]
    for place in sorted(places, key=_position, reverse=True):
        source = _replace(source, place, "Node")
    return source


def _without_rows(source: str, first_missing: int) -> str:
    """Remove missing steps from a loop over steps, such as ``for step in (4, 5, 6)``."""
    for loop in ast.walk(ast.parse(source)):
        if isinstance(loop, ast.comprehension | ast.For) and getattr(loop.target, "id", "") == "step":
            steps = loop.iter
            if isinstance(steps, ast.Tuple | ast.List):
                numbers = [number for each in steps.elts if (number := _number(each)) is not None]
                kept = [number for number in numbers if number < first_missing]
                if len(kept) < len(numbers) == len(steps.elts):
                    return _replace(source, steps, f"({', '.join(map(str, kept))},)")
    return source


def _without_imports(source: str, first_missing: int) -> tuple[str, set[str]]:
    """Remove the imports of missing steps from a cell; return its source and the names that it no longer has."""
    gone: set[str] = set()
    for statement in reversed(ast.parse(source).body):
        if isinstance(statement, ast.ImportFrom) and statement.module:
            whole = _is_missing(statement.module, first_missing)
            lost = [alias for alias in statement.names if whole or _is_missing(alias.name, first_missing)]
            kept = [alias for alias in statement.names if alias not in lost]
            gone |= {alias.asname or alias.name for alias in lost}
            if lost:
                line = f"from {statement.module} import {', '.join(map(ast.unparse, kept))}" if kept else ""
                source = _replace(source, statement, line)
    return source.strip("\n"), gone


def _is_missing(module: str, first_missing: int) -> bool:
    found = MODULE.fullmatch(module)
    return found is not None and int(found[1]) >= first_missing


def _position(node: ast.expr | ast.stmt) -> tuple[int, int]:
    return node.lineno, node.col_offset


def _replace(source: str, node: ast.expr | ast.stmt, text: str) -> str:
    """Replace an expression or statement by a text; a line that becomes empty is removed."""
    lines = [line.encode() for line in source.split("\n")]  # ast counts columns in bytes.
    first, last = node.lineno - 1, (node.end_lineno or node.lineno) - 1
    joined = lines[first][: node.col_offset] + text.encode() + lines[last][node.end_col_offset :]
    lines[first : last + 1] = [joined] if joined.strip() else []
    return b"\n".join(lines).decode()


def _as_text(cell: Cell, first_missing: int) -> Cell:
    """Return a text cell: why the code cannot be run, the code, and its output unless that shows a missing step."""
    from nbformat.v4 import new_markdown_cell

    needed = max((number for number, _ in _step_arguments(ast.parse(cell.source))), default=0)
    parts = [SHOWN.format(step=needed) if needed >= first_missing else FOLLOWS, _fenced(cell.source, "python")]
    outputs = [] if SHOWS_CODE.search(cell.source) else cell.outputs
    parts += [text for output in outputs if (text := _output_text(output))]
    return new_markdown_cell("\n\n".join(parts), id=cell.id)


def _output_text(output: Cell) -> str:
    """Return an output as Markdown: its picture, or else its text."""
    data = output.get("data", {})
    if pictures := IMAGE.findall(data.get("text/html", "")):
        return "\n".join(pictures)
    if "image/png" in data:
        words = escape(str(data.get("text/plain", "a chart")), quote=True)
        return f'<img src="data:image/png;base64,{data["image/png"].strip()}" alt="{words}">'
    text = output.get("text") or data.get("text/plain") or output.get("evalue", "")
    return _fenced(text.rstrip("\n"), "text") if text.strip() else ""


def _fenced(text: str, language: str) -> str:
    return f"```{language}\n{text}\n```"
