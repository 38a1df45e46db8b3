"""Editions for students, a folder for each notebook, to be handed out one after the other.

Each folder stands alone: the notebook without its solution, a package with the steps before it and no other, what to
install, and a page that says how to begin. A notebook with a letter, such as 08b, comes after its step, and its folder
holds that step too: hand it out when the step has been handed in.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from raft_steps.lab.course import managed_folder, package_subset
from raft_steps.lab.course.learner_edition import README, chosen, prints_solution, shows_solution, title_of
from raft_steps.lab.course.managed_folder import Release, ReleaseError, refuse_place
from raft_steps.lab.course.missing_steps import without_missing_steps
from raft_steps.lab.course.notebooks import NOTEBOOK_NAME, Notebook, load, notebooks_of, spell, step_of
from raft_steps.lab.course.redaction import is_solution, solved_in, student_edition

Solved = Mapping[int, Collection[str]]


@dataclass(frozen=True, slots=True)
class Handout:
    """What is handed out at a time: one notebook.

    Attributes:
        notebook: The notebook of the full course.
        start: The notebook before all steps, which goes with each; None where the course has none.
    """

    notebook: Path
    start: Path | None

    @property
    def step(self) -> int:
        """The step that it is about."""
        return step_of(self.notebook.name)

    @property
    def name(self) -> str:
        """The name of its folder, such as ``step_06`` or ``step_08b``."""
        return f"step_{self.notebook.name.partition('_')[0]}"

    @property
    def last(self) -> int:
        """The last step whose solution goes with it: the one before its own, or its own where it comes after that."""
        found = NOTEBOOK_NAME.fullmatch(self.notebook.name)
        return self.step - (found is not None and not found["letter"])


def release_stages(notebooks: Path, out: Path, steps: Collection[int] | None = None, *, force: bool = False) -> Release:
    """Make an edition for each notebook of some steps, in an empty folder, or renew earlier ones.

    Args:
        notebooks: The folder of the course's notebooks.
        out: The folder to make them in, each in a folder of its own.
        steps: The numbers of the steps; all by default.
        force: Write even where somebody has worked; the files of the editions are then overwritten, others stay.

    Raises:
        ReleaseError: There is something in the folder that would be lost, or there is no notebook of a step.
        EditionError: The course's list of packages or its licence is missing.
        NotebookError: A notebook cannot be read, or cannot be handed out.
    """
    refuse_place(notebooks, out)
    result = Release(out)
    solved = solved_by(notebooks)
    files = {}
    for stage in stages(notebooks, steps):
        for name, content in stage_files(stage, solved, result).items():
            files[f"{stage.name}/{name}"] = content
    managed_folder.fill(result, files, force=force)
    return result


def stages(notebooks: Path, steps: Collection[int] | None) -> list[Handout]:
    """Give what there is to hand out for some steps, in the course's order.

    Raises:
        ReleaseError: There is no notebook of a step, or none that has a step.
    """
    paths = chosen(notebooks_of(notebooks), steps)
    start = next((path for path in paths if step_of(path.name) == 0), None)
    found = [Handout(path, start) for path in paths if step_of(path.name) > 0]
    if not found:
        raise ReleaseError("notebook 00 is part of every edition; name the step that the edition is for")
    return found


def solved_by(notebooks: Path) -> Solved:
    """Name what a student writes in each step of a course: see `solved_in`.

    Raises:
        NotebookError: A notebook cannot be read.
    """
    return solved_in({path.name: load(path) for path in notebooks_of(notebooks)})


def stage_files(stage: Handout, solved: Solved, result: Release) -> dict[str, bytes]:
    """Give the files of one edition, by their paths in its folder; what an author should look at goes to the result.

    Raises:
        EditionError: The course's list of packages or its licence is missing.
        NotebookError: A notebook cannot be read, or cannot be handed out.
    """
    files = {}
    for path in filter(None, (stage.start, stage.notebook)):
        notebook = load(path)
        result.warnings += shows_solution(path.name, notebook)
        prepare(notebook, path.name, stage, solved)
        result.warnings += prints_solution(path.name, notebook, solved)
        files[path.name] = spell(notebook).encode()
    return files | around(stage) | package_subset.package_files(stage.last)


def prepare(notebook: Notebook, name: str, stage: Handout, solved: Solved, *, solutions: bool = False) -> None:
    """Turn a notebook of the course into that of an edition.

    Args:
        notebook: The notebook, which is changed.
        name: Its file's name.
        stage: The edition.
        solved: What a student writes in each step.
        solutions: Leave the solutions in, between their marks, for a tool that takes them out itself.

    Raises:
        NotebookError: A solution is not marked as it should be, or a cell needs a step that is not in the edition.
    """
    released = {path.name for path in (stage.start, stage.notebook) if path is not None} | {README}
    without_missing_steps(notebook, name, stage.last + 1)
    student_edition(notebook, name, released, solved, solutions=solutions)


def around(stage: Handout) -> dict[str, bytes]:
    """Give what stands around notebook and package: a page for the student, what to install, the licence.

    Raises:
        EditionError: The course's list of packages or its licence is missing.
    """
    notebook = load(stage.notebook)
    texts = {
        README: _readme(stage, title_of(notebook), exercise=any(map(is_solution, notebook.cells))),
        "pyproject.toml": package_subset.project_file(),
        "environment.yml": package_subset.environment_file(),
        "LICENSE": package_subset.licence(),
    }
    return {name: text.encode() for name, text in texts.items()}


def _readme(stage: Handout, title: str, *, exercise: bool) -> str:
    """Write the page that a student reads first; `exercise` says whether the notebook has one."""
    name = stage.notebook.name
    held = {0: "no step yet: you begin with the first", 1: "step 1, which you build on"}.get(
        stage.last, f"the steps 1 to {stage.last}, which you build on"
    )
    task = (
        "Where there is something to write, a line says what.\n"
        "The cell below it checks what you wrote, and says what is missing.\n"
        "Hand in the notebook alone, under its own name."
        if exercise
        else "There is nothing to hand in."
    )
    show = f"    raft-steps show {stage.last} --whole\n\n" if stage.last else ""
    before = f"{show}shows the whole node that you build on.\n" if stage.last else ""
    return f"""# {title}

[{name}]({name}) is yours to run, to change and to write in.
{task}

The package beside it, `raft_steps/`, has {held}.
Later steps are not in it: they are for you to write.

## To begin

You need Python 3.11 or newer.
In this folder:

    python3 -m venv .venv
    .venv/bin/pip install -e .
    .venv/bin/raft-steps lab

On Windows, write `.venv\\Scripts` in place of `.venv/bin`.
With conda: `conda env create --file environment.yml`, then `conda activate raft-steps`, then `raft-steps lab`.
Then run the notebook's cells from the top, in order.

## On the command line

With the environment activated (`source .venv/bin/activate`),

    raft-steps check {stage.step} --node my_raft.py:Node

checks a class that you keep in a file of your own{"," if before else "."}{" and" if before else ""}

{before}"""
