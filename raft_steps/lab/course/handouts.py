"""Handouts for students: one folder for each notebook, to be handed out one after another.

Each folder is complete: the notebook without its solution, a package with the steps before it and no later ones, the
list of packages to install, and a README. A notebook with a letter, such as 08b, comes after its step, and its folder
contains that step as well, so it is handed out after students have submitted the step.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from raft_steps.lab.course import managed_folder, package_subset
from raft_steps.lab.course.file_list import course_notebooks
from raft_steps.lab.course.learner_edition import README, choose, title_of, warn_of_commands, warn_of_spoilers
from raft_steps.lab.course.managed_folder import Release, ReleaseError, check_target
from raft_steps.lab.course.missing_steps import without_missing_steps
from raft_steps.lab.course.notebooks import NOTEBOOK_NAME, Notebook, format_notebook, load, step_of
from raft_steps.lab.course.redaction import HiddenNames, hidden_names, is_solution, redact


@dataclass(frozen=True, slots=True)
class Handout:
    """A notebook that is handed out.

    Attributes:
        notebook: The notebook of the full course.
        start: Notebook 00, which is part of every handout; None if the course has none.
    """

    notebook: Path
    start: Path | None

    @property
    def step(self) -> int:
        """The number of its step."""
        return step_of(self.notebook.name)

    @property
    def name(self) -> str:
        """The name of its folder, such as ``step_06`` or ``step_08b``."""
        return f"step_{self.notebook.name.partition('_')[0]}"

    @property
    def last(self) -> int:
        """The last step in its package: the one before its own, or its own if the notebook comes after the step."""
        found = NOTEBOOK_NAME.fullmatch(self.notebook.name)
        return self.step - (found is not None and not found["letter"])


def release_handouts(
    notebooks: Path,
    out: Path,
    steps: Collection[int] | None = None,
    *,
    force: bool = False,
    more: Callable[[Handout], Mapping[str, bytes]] | None = None,
) -> Release:
    """Make the handouts of some steps in an empty folder, or renew earlier ones.

    Args:
        notebooks: The folder of the course's notebooks.
        out: The folder; each handout is a folder in it.
        steps: The numbers of the steps; all by default.
        force: Also overwrite edited files of the handouts. Other files stay.
        more: Returns further files of a handout, by their paths in its folder.

    Raises:
        ReleaseError: Something in the folder would be lost, or a step has no notebook.
        EditionError: A file is named like a step, but is not part of the course; or something is missing.
        NotebookError: A notebook cannot be read, or cannot be handed out.
    """
    check_target(notebooks, out)
    result = Release(out, warnings=package_subset.warn_of_unlisted_files())
    hidden = hidden_names_of_course(notebooks)
    files: dict[str, bytes] = {}
    for handout in list_handouts(notebooks, steps):
        own = handout_files(handout, hidden, result) | dict(more(handout) if more is not None else {})
        files |= {f"{handout.name}/{name}": content for name, content in own.items()}
    managed_folder.fill(result, files, force=force)
    return result


def list_handouts(notebooks: Path, steps: Collection[int] | None) -> list[Handout]:
    """Return the handouts of some steps, in the order of the course.

    Raises:
        ReleaseError: A step has no notebook, or only notebook 00 was chosen.
    """
    paths = choose(course_notebooks(notebooks), steps)
    start = next((path for path in paths if step_of(path.name) == 0), None)
    found = [Handout(path, start) for path in paths if step_of(path.name) > 0]
    if not found:
        raise ReleaseError("notebook 00 is part of every edition; name the step that the edition is for")
    return found


def hidden_names_of_course(notebooks: Path) -> HiddenNames:
    """Return the names that students define in each step of a course; see `hidden_names`.

    Raises:
        NotebookError: A notebook cannot be read.
    """
    return hidden_names({path.name: load(path) for path in course_notebooks(notebooks)})


def handout_files(handout: Handout, hidden: HiddenNames, result: Release) -> dict[str, bytes]:
    """Return the files of one handout, by their paths in its folder; warnings for the author are added to the result.

    Raises:
        EditionError: A file is named like a step, but is not part of the course; or something is missing.
        NotebookError: A notebook cannot be read, or cannot be handed out.
    """
    files = {}
    for path in filter(None, (handout.start, handout.notebook)):
        notebook = load(path)
        result.warnings += warn_of_spoilers(path.name, notebook)
        prepare(notebook, path.name, handout, hidden)
        result.warnings += warn_of_commands(path.name, notebook, hidden)
        files[path.name] = format_notebook(notebook).encode()
    return files | accompanying_files(handout) | package_subset.package_files(handout.last)


def prepare(notebook: Notebook, name: str, handout: Handout, hidden: HiddenNames, *, solutions: bool = False) -> None:
    """Turn a notebook of the course into that of a handout.

    Args:
        notebook: The notebook, which is changed.
        name: The name of its file.
        handout: The handout.
        hidden: The names that students define in each step.
        solutions: Keep the solutions between their markers, for nbgrader, which removes them itself.

    Raises:
        NotebookError: A solution is not marked correctly, or a cell needs a step that is not in the handout.
    """
    released = {path.name for path in (handout.start, handout.notebook) if path is not None} | {README}
    without_missing_steps(notebook, name, handout.last + 1)
    redact(notebook, name, released, hidden, solutions=solutions)


def accompanying_files(handout: Handout) -> dict[str, bytes]:
    """Return the files next to the notebook and the package: the README, the list of packages to install, the licence.

    Raises:
        EditionError: A file is named like a step, but is not part of the course; or something is missing.
    """
    notebook = load(handout.notebook)
    texts = {
        README: _readme(handout, title_of(notebook), exercise=any(map(is_solution, notebook.cells))),
        "pyproject.toml": package_subset.project_file(),
        "environment.yml": package_subset.environment_file(),
        "LICENSE": package_subset.licence(),
    }
    return {name: text.encode() for name, text in texts.items()}


def _readme(handout: Handout, title: str, *, exercise: bool) -> str:
    """Return the README; `exercise` is whether the notebook has an exercise."""
    name = handout.notebook.name
    held = {0: "no step yet: you begin with the first", 1: "step 1, which you build on"}.get(
        handout.last, f"the steps 1 to {handout.last}, which you build on"
    )
    task = (
        "In each exercise a line says what to write.\n"
        "The cell below it checks your code and reports what is missing.\n"
        "Hand in only the notebook, without renaming it."
        if exercise
        else "There is nothing to hand in."
    )
    # A notebook with a letter comes after its step, whose own notebook is not in the folder.
    start = f"    raft-steps start {handout.step} > my_raft.py\n" if handout.last < handout.step else ""
    show = f"    raft-steps show {handout.last} --whole\n\n" if handout.last else ""
    before = f"{show}shows the whole node that you build on.\n" if handout.last else ""
    return f"""# {title}

In [{name}]({name}) you run cells, change them, and write code.
{task}

The package next to it, `raft_steps/`, contains {held}.
It does not contain later steps, because you write them.

## To begin

You need Python 3.11 or newer.
In this folder:

    python3 -m venv .venv
    .venv/bin/pip install -e .
    .venv/bin/raft-steps lab

On Windows, write `.venv\\Scripts` instead of `.venv/bin`.
With conda: `conda env create --file environment.yml`, then `conda activate raft-steps`, then `raft-steps lab`.
Then run the notebook's cells from the top, in order.

## On the command line

With the environment activated (`source .venv/bin/activate`),

{start}    raft-steps check {handout.step} --node my_raft.py:Node

{"begin a file of your own and check it" if start else "checks a class in your own file"}{"," if before else "."}{" and" if before else ""}

{before}"""
