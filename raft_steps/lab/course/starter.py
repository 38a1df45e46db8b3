"""The text that a learner begins with who writes a step in a file instead of a notebook.

It is made from the step's notebook: the imports, the classes that are given, and the task, with a line in place of each
solution. So it is checked, from the first line on, like the notebook's cell.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import raft_steps
from raft_steps.lab.course.course_folder import NoCourseError, find_course, packaged_notebooks
from raft_steps.lab.course.notebooks import format_notebook, load
from raft_steps.lab.course.redaction import redact
from raft_steps.lab.source.extraction import ExtractedNode, extract_from_notebook, top_level_imports
from raft_steps.lab.source.flatten import format_imports
from raft_steps.lab.source.parse import Import, first_line, imported_names


def starter(step: int) -> str:
    """Return the text of a module in which a step is to be written.

    Args:
        step: The number of the step.

    Raises:
        LookupError: There is no such step.
        NoCourseError: The course's notebooks are not with its package.
        NotebookError: The step's notebook cannot be read.
    """
    entry = raft_steps.find_step(step)
    folder, has_solutions = _folder()
    path = folder / entry.notebook_name
    notebook = load(path)
    imports = dict(_imports(extract_from_notebook(format_notebook(notebook), path.name)))  # also what solutions need
    if has_solutions:
        redact(notebook, path.name, ())
    extracted = extract_from_notebook(format_notebook(notebook), path.name)
    imports |= _imports(extracted)
    definitions: list[str] = []
    for cell in extracted.cells:
        lines = cell.kept.split("\n")
        definitions += [
            "\n".join(lines[first_line(statement) - 1 : statement.end_lineno])
            for statement in ast.parse(cell.kept).body
            if not isinstance(statement, ast.Import | ast.ImportFrom | ast.Expr)  # An Expr only shows something.
        ]
    title = f'"""Step {step}: {entry.title}. To check it: raft-steps check {step} --node my_raft.py"""'
    return "\n".join([title, *format_imports(imports)]) + "".join(f"\n\n\n{each}" for each in definitions) + "\n"


def _imports(extracted: ExtractedNode) -> Iterator[tuple[str, Import]]:
    """Yield each name that the kept cells import, and its origin."""
    for cell in extracted.cells:
        for statement in top_level_imports(cell):
            yield from imported_names(statement).items()


def _folder() -> tuple[Path, bool]:
    """Return the folder of the notebooks that came with the package, and whether solutions are in them."""
    packaged = packaged_notebooks()
    if packaged is not None:
        return packaged, True
    try:
        course = find_course(Path(raft_steps.__file__).resolve().parents[1])
    except NoCourseError as error:
        raise NoCourseError("the notebooks, from which a step's beginning is made, are not with the package") from error
    return course.notebooks, course.is_full
