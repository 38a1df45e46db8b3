"""The student edition: a folder with the notebooks of the course, solutions and reveals taken out.

It is for whoever has the course itself, as `raft-steps lab` keeps it for a learner. What is handed out step by step,
with a package in which the solutions are missing too, is `edition.py`'s.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path

from raft_steps.lab.course import managed_folder
from raft_steps.lab.course.managed_folder import MANIFEST, Release, ReleaseError, is_release, refuse_place
from raft_steps.lab.course.notebooks import Notebook, load, notebooks_of, spell, step_of
from raft_steps.lab.course.redaction import commands_that_tell, solved_in, spoilers, student_edition

__all__ = ["MANIFEST", "Release", "ReleaseError", "bring_up_to_date", "is_release", "parse_steps", "release"]

README = "README.md"


def parse_steps(text: str) -> list[int]:
    """Read which steps are meant: ``5-8``, ``6``, ``0,5-8``.

    Raises:
        ReleaseError: It cannot be read.
    """
    steps: set[int] = set()
    for part in text.split(","):
        first, dash, last = (word.strip() for word in part.partition("-"))
        if not first.isdecimal() or (dash and not last.isdecimal()) or int(last or first) < int(first):
            raise ReleaseError(f"{text!r} cannot be read; steps are written as 6, as 5-8 or as 1,5-8")
        steps |= set(range(int(first), int(last or first) + 1))
    return sorted(steps)


def release(notebooks: Path, out: Path, steps: Collection[int] | None = None, *, force: bool = False) -> Release:
    """Make the student edition in an empty folder, or renew an earlier one that nobody has worked in.

    Args:
        notebooks: The folder of the course's notebooks.
        out: The folder to make it in.
        steps: The numbers of the steps; all notebooks by default. Notebook 00, which explains the words that all others
            use, is always there.
        force: Write even where somebody has worked; the files of the release are then overwritten, others stay.

    Raises:
        ReleaseError: There is something in the folder that would be lost, or there is no notebook of a step.
        NotebookError: A notebook cannot be read, or its solutions are not marked as they should be.
    """
    refuse_place(notebooks, out)
    result = Release(out)
    managed_folder.fill(result, _student_files(notebooks, steps, result), force=force)
    return result


def bring_up_to_date(notebooks: Path, out: Path) -> Release:
    """Make or renew somebody's own student edition: what they have worked in stays, all else is as in the course.

    Raises:
        ReleaseError: The folder cannot be one.
        NotebookError: A notebook cannot be read, or its solutions are not marked as they should be.
    """
    refuse_place(notebooks, out)
    result = Release(out)
    managed_folder.bring_up_to_date(result, _student_files(notebooks, None, result))
    return result


# What is released.


def _student_files(notebooks: Path, steps: Collection[int] | None, result: Release) -> dict[str, bytes]:
    """Give the files of a release, by name: all of them are made before the first is written."""
    course = notebooks_of(notebooks)
    paths = chosen(course, steps)
    solved = solved_in({path.name: load(path) for path in course})
    names = {path.name for path in paths} | {README}
    files = {}
    titles = {}
    for path in paths:
        notebook = load(path)
        result.warnings += shows_solution(path.name, notebook)
        student_edition(notebook, path.name, names, solved)
        result.warnings += prints_solution(path.name, notebook, solved)
        titles[path.name] = title_of(notebook)
        files[path.name] = spell(notebook).encode()
    return files | {README: _readme(titles, min(filter(None, map(step_of, titles)), default=0)).encode()}


def shows_solution(name: str, notebook: Notebook) -> list[str]:
    """Name the cells of a notebook of the course that seem to show its solution, for its author."""
    return [f"{name}, cell {cell}: it seems to show the solution; tag it reveal" for cell in spoilers(notebook)]


def prints_solution(name: str, notebook: Notebook, solved: Mapping[int, Collection[str]]) -> list[str]:
    """Name the cells of a student's notebook that print what is still to be found, for the course's author."""
    return [
        f"{name}, cell {cell.id}: it prints a solution that is still to be found; tag it reveal"
        for cell in notebook.cells
        if commands_that_tell(cell.source, name, solved)
    ]


def chosen(paths: list[Path], steps: Collection[int] | None) -> list[Path]:
    """Choose the notebooks of some steps, and the one before all.

    Raises:
        ReleaseError: There is none of a step.
    """
    numbers = {path: step_of(path.name) for path in paths}
    if not numbers:
        raise ReleaseError("there are no notebooks to release")
    known = sorted(set(numbers.values()))
    for step in steps if steps is not None else known:
        if step not in known:
            raise ReleaseError(f"there is no notebook of step {step}; there are {', '.join(map(str, known))}")
    return [path for path in paths if steps is None or numbers[path] in {0, *steps}]


def title_of(notebook: Notebook) -> str:
    """Give the title of a notebook: its first heading."""
    lines = (line for cell in notebook.cells if cell.cell_type == "markdown" for line in cell.source.splitlines())
    return next((line.lstrip("# ").strip() for line in lines if line.startswith("#")), "")


def _readme(titles: Mapping[str, str], first: int) -> str:
    """Write the page that a student reads first; `first` is the first step that they write themselves."""
    before = (
        f"- `raft-steps show {first - 1} --whole` shows the whole node that step {first} builds on.\n"
        if first > 1
        else ""
    )
    rows = "\n".join(f"| [{name}]({name}) | {title.replace('|', ' ')} |" for name, title in titles.items())
    return f"""# Raft, step by step

These notebooks are yours to write in.
Each has a section *Your turn*, where a cell says what to write.
The cell below it checks what you wrote, and says what is missing.

| notebook | what it is about |
| --- | --- |
{rows}

## To begin

In this folder, and in the environment that the course is installed in:

    raft-steps lab

Then run a notebook's cells from the top, in order.

## Good to know

- `raft-steps check {first} --node my_raft.py:Node` checks a class that you keep in a file of your own.
{before}- `raft-steps lab` never overwrites what you have changed.
  To begin a notebook anew, copy it again from what you were given.
"""
