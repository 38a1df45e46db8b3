"""The learner's edition: a folder with the notebooks of the course, without solutions or the cells that show them.

It is for people who have the whole course installed; `raft-steps lab` keeps one up to date for them. `handouts` makes
folders that are handed out step by step, with a package that does not contain the solutions either.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path

from raft_steps.lab.course import managed_folder
from raft_steps.lab.course.file_list import course_notebooks, own_notebooks
from raft_steps.lab.course.managed_folder import MANIFEST, Release, ReleaseError, check_target, is_release
from raft_steps.lab.course.notebooks import Notebook, format_notebook, load, step_of
from raft_steps.lab.course.redaction import hidden_names, redact, revealing_commands, spoilers

__all__ = ["MANIFEST", "Release", "ReleaseError", "bring_up_to_date", "is_release", "parse_steps", "release"]

README = "README.md"


def parse_steps(text: str) -> list[int]:
    """Parse a list of steps such as ``5-8``, ``6`` or ``0,5-8``.

    Raises:
        ReleaseError: It cannot be parsed.
    """
    steps: set[int] = set()
    for part in text.split(","):
        first, dash, last = (word.strip() for word in part.partition("-"))
        if not first.isdecimal() or (dash and not last.isdecimal()) or int(last or first) < int(first):
            raise ReleaseError(f"{text!r} cannot be read; steps are written as 6, as 5-8 or as 1,5-8")
        steps |= set(range(int(first), int(last or first) + 1))
    return sorted(steps)


def release(notebooks: Path, out: Path, steps: Collection[int] | None = None, *, force: bool = False) -> Release:
    """Make the edition in an empty folder, or renew an unedited earlier one.

    Args:
        notebooks: The folder of the course's notebooks.
        out: The folder to make it in.
        steps: The numbers of the steps; all notebooks by default. Notebook 00, with the glossary that the others use,
            is always included.
        force: Also overwrite edited files of the edition. Other files stay.

    Raises:
        ReleaseError: Something in the folder would be lost, or a step has no notebook.
        EditionError: There is a notebook that is named like one of the course, and is not part of it.
        NotebookError: A notebook cannot be read, or its solutions are not marked correctly.
    """
    check_target(notebooks, out)
    result = Release(out)
    managed_folder.fill(result, _edition_files(course_notebooks(notebooks), steps, result), force=force)
    return result


def bring_up_to_date(notebooks: Path, out: Path) -> Release:
    """Make or renew a learner's own edition: edited files stay as they are, all others are brought up to date.

    Raises:
        ReleaseError: `out` is a file, or the folder of the course.
        NotebookError: A notebook cannot be read, or its solutions are not marked correctly.
    """
    check_target(notebooks, out)
    result = Release(out)
    managed_folder.update(result, _edition_files(own_notebooks(notebooks), None, result, own=True))
    return result


def _edition_files(
    course: list[Path], steps: Collection[int] | None, result: Release, *, own: bool = False
) -> dict[str, bytes]:
    """Return the files of an edition, by name. Nothing is written, so that an error leaves the folder as it is."""
    paths = choose(course, steps)
    hidden = hidden_names({path.name: load(path) for path in course})
    names = {path.name for path in paths} | {README}
    files = {}
    titles = {}
    for path in paths:
        notebook = load(path)
        result.warnings += warn_of_spoilers(path.name, notebook)
        redact(notebook, path.name, names, hidden, own=own)
        result.warnings += warn_of_commands(path.name, notebook, hidden, own=own)
        titles[path.name] = title_of(notebook)
        files[path.name] = format_notebook(notebook).encode()
    return files | {README: _readme(titles, min(filter(None, map(step_of, titles)), default=0)).encode()}


def warn_of_spoilers(name: str, notebook: Notebook) -> list[str]:
    """Return a warning for each cell of a notebook of the course that seems to show its solution."""
    return [f"{name}, cell {cell}: it seems to show the solution; tag it reveal" for cell in spoilers(notebook)]


def warn_of_commands(
    name: str, notebook: Notebook, hidden: Mapping[int, Collection[str]], *, own: bool = False
) -> list[str]:
    """Return a warning for each cell of a student's notebook that prints code that the student is to write."""
    return [
        f"{name}, cell {cell.id}: it prints a solution that students are to write; tag it reveal"
        for cell in notebook.cells
        if revealing_commands(cell.source, name, hidden, own=own)
    ]


def choose(paths: list[Path], steps: Collection[int] | None) -> list[Path]:
    """Return the notebooks of some steps, and notebook 00.

    Raises:
        ReleaseError: A step has no notebook.
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
    """Return the title of a notebook, which is its first heading."""
    lines = (line for cell in notebook.cells if cell.cell_type == "markdown" for line in cell.source.splitlines())
    return next((line.lstrip("# ").strip() for line in lines if line.startswith("#")), "")


def _readme(titles: Mapping[str, str], first: int) -> str:
    """Return the README of an edition; `first` is the first step that the learner writes."""
    before = (
        f"- `raft-steps show {first - 1} --whole` shows the whole node that step {first} builds on.\n"
        if first > 1
        else ""
    )
    rows = "\n".join(f"| [{name}]({name}) | {title.replace('|', ' ')} |" for name, title in titles.items())
    return f"""# Raft, step by step

These notebooks are yours to write in.
Each has a section *Your turn*, in which a comment says what to write.
The cell below it checks your code and reports what is missing.

| notebook | topic |
| --- | --- |
{rows}

## To begin

In this folder, with the environment of the course activated:

    raft-steps lab

Then run a notebook's cells from the top, in order.

## Good to know

- `raft-steps progress`, or `progress()` in a notebook, shows which of your steps pass, and what comes next.
- `raft-steps check {first} --node my_raft.py:Node` checks a class in your own file; `--node` also takes a notebook.
- `mine({first or 1})`, from `raft_steps.lab`, is the Node that you saved in the notebook of step {first or 1}, for the next steps.
{before}- `raft-steps lab` never overwrites a notebook that you have changed.
  To start one again, copy it from what you were given.
"""
