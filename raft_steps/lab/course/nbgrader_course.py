"""A course directory for nbgrader: an assignment for each notebook, from which nbgrader's own commands do the rest.

    nbgrader_config.py             where it is, how long a cell may take, what stands in the place of a solution
    private_seeds.txt              the secret that the runs are made of which no student sees, if there are any
    source/step_06/                the assignment: the notebook with its solution, and what else a student gets
    source/step_06/raft_steps/     the package with the steps before; kernels find it, for they start beside it

nbgrader puts release/, submitted/, autograded/, feedback/ and its gradebook beside them.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from pathlib import Path

from raft_steps.lab.course import managed_folder, package_subset
from raft_steps.lab.course.handouts import Handout, Solved, around, prepare, solved_by, stages
from raft_steps.lab.course.managed_folder import Release, ReleaseError, refuse_place
from raft_steps.lab.course.notebooks import Cell, Notebook, load, spell

SEEDS_FILE = "private_seeds.txt"
PRIVATE_POINTS = 3
CELL_SECONDS = 20
# What nbgrader and those who work with it put into the directory.
NBGRADERS = frozenset(
    {
        *("release", "submitted", "autograded", "feedback", "exchange", "downloaded", "archive", "gradebook.db"),
        *("grades.csv", ".nbgrader.log", "nbgrader.log", ".jupyter"),
    }
)
CHECK = re.compile(r"check\((?P<node>\w+), step=(?P<step>\d+)\)\.require\(\)")
CONFIG = f'''"""The settings of nbgrader for this course: it is found from wherever nbgrader is started with this file."""

import os
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
# Every assignment holds the laboratory, which knows what to write in the place of a solution.
sys.path.insert(0, str(next(path for path in sorted(HERE.glob("source/*")) if (path / "raft_steps").is_dir())))

from raft_steps.lab.course.nbgrader_preprocessor import preprocessors  # noqa: E402

if (HERE / "{SEEDS_FILE}").is_file():
    os.environ["RAFT_STEPS_PRIVATE_SEEDS"] = str(HERE / "{SEEDS_FILE}")

c = get_config()  # noqa: F821  # nbgrader gives it.
c.CourseDirectory.root = str(HERE)
c.CourseDirectory.course_id = "raft_steps"
c.GenerateAssignment.preprocessors = preprocessors()
# A cell of the course takes a few seconds. One that does not end is given up after twice this time.
c.Execute.timeout = {CELL_SECONDS}
c.ExecutePreprocessor.timeout = {CELL_SECONDS}
c.Execute.startup_timeout = 120
c.LimitOutput.max_lines = 500
c.ClearSolutions.text_stub = "*Write your answer here.*"
'''
PRIVATE = """### BEGIN HIDDEN TESTS
from raft_steps.lab.grading.nbgrader_cells import private_runs

private_runs({node}, step={step}, points={points})
### END HIDDEN TESTS"""


def release_for_nbgrader(
    notebooks: Path,
    out: Path,
    steps: Collection[int] | None = None,
    *,
    secret: str | None = None,
    force: bool = False,
) -> Release:
    """Make a course directory for nbgrader, or renew one; what nbgrader has put into it stays.

    Args:
        notebooks: The folder of the course's notebooks.
        out: The course directory.
        steps: The numbers of the steps; all by default.
        secret: What private seeds are made of, the same as for `raft-steps grade`: the name of a file that holds it, or
            itself; by default the one that the directory has already. With one, each assignment from step 4 on has
            a cell that is graded with them, and that students get empty.
        force: Write even where somebody has worked; the release's own files are then overwritten, others stay.

    Raises:
        ReleaseError: There is something in the folder that would be lost, there is no notebook of a step, or the
            secret is empty.
        EditionError: The course's list of packages or its licence is missing.
        NotebookError: A notebook cannot be read, or cannot be handed out.
    """
    refuse_place(notebooks, out)
    result = Release(out)
    if secret is None and (out / SEEDS_FILE).is_file():  # It was given once, and holds for the term.
        secret = str(out / SEEDS_FILE)
    solved = solved_by(notebooks)
    files = {"nbgrader_config.py": CONFIG.encode()}
    if secret is not None:
        files[SEEDS_FILE] = f"{_read_secret(secret)}\n".encode()
    for stage in stages(notebooks, steps):
        for name, content in _assignment(stage, solved, private=secret is not None).items():
            files[f"source/{stage.name}/{name}"] = content
    managed_folder.fill(result, files, force=force, others=NBGRADERS)
    return result


def _read_secret(given: str) -> str:
    """Give the secret that a file holds, or that was given itself."""
    path = Path(given)
    secret = path.read_text(encoding="utf-8").strip() if path.is_file() else given.strip()
    if not secret:
        raise ReleaseError("the secret that private seeds are made of is empty")
    return secret


def _assignment(stage: Handout, solved: Solved, *, private: bool) -> dict[str, bytes]:
    """Give the files of an assignment's source, by their paths in its folder."""
    notebook = load(stage.notebook)
    prepare(notebook, stage.notebook.name, stage, solved, solutions=True)
    for cell in notebook.cells:
        cell.metadata.pop("trusted", None)
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    _give_points(notebook, private=private)
    # nbgrader would take every notebook in the folder for one to grade, so notebook 00 is not among them.
    return {stage.notebook.name: spell(notebook).encode()} | around(stage) | package_subset.package_files(stage.last)


def _give_points(notebook: Notebook, *, private: bool) -> None:
    """Let each graded cell show its points, and add one that is graded with private seeds."""
    cells: list[Cell] = []
    for cell in notebook.cells:
        cells.append(cell)
        if not cell.metadata.get("nbgrader", {}).get("grade"):
            continue
        found = CHECK.fullmatch(cell.source.strip())
        if found is None:
            cell.source = f"print({cell.source.strip()})"  # nbgrader takes what a cell shows for its points.
            continue
        points = cell.metadata["nbgrader"]["points"]
        cell.source = (
            "from raft_steps.lab.grading.nbgrader_cells import points_for\n\n"
            f"points_for({found['node']}, step={found['step']}, points={points})"
        )
        if private and int(found["step"]) >= 4:
            cells.append(_private_cell(cell, found["node"], found["step"]))
    notebook.cells = cells


def _private_cell(check: Cell, node: str, step: str) -> Cell:
    from nbformat.v4 import new_code_cell

    graded = dict(check.metadata["nbgrader"]) | {"grade_id": f"step-{int(step):02}-private", "points": PRIVATE_POINTS}
    source = PRIVATE.format(node=node, step=step, points=PRIVATE_POINTS)
    return new_code_cell(source, id=f"{check.id}-private", metadata={"nbgrader": graded})
