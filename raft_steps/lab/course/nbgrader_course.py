"""A course directory for nbgrader, with an assignment for each notebook, ready for nbgrader's own commands.

    nbgrader_config.py             the folder of the course, the time limit of a cell, the text that replaces a solution
    private_seeds.txt              the secret that private seeds are derived from, if there is one
    source/step_06/                an assignment: the notebook with its solution, and the other files of the handout
    source/step_06/raft_steps/     the package with the earlier steps; kernels import it, because they start here
    .settings/                     made by nbgrader_config.py: where kernels look for settings, instead of the user's

nbgrader adds release/, submitted/, autograded/, feedback/ and its gradebook.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from pathlib import Path

from raft_steps.lab.course import managed_folder, package_subset
from raft_steps.lab.course.handouts import (
    Handout,
    accompanying_files,
    hidden_names_of_course,
    list_handouts,
    prepare,
)
from raft_steps.lab.course.managed_folder import Release, ReleaseError, check_target
from raft_steps.lab.course.notebooks import Cell, Notebook, format_notebook, load
from raft_steps.lab.course.redaction import HiddenNames
from raft_steps.lab.files import read_text

SEEDS_FILE, SCHEME_FILE = "private_seeds.txt", "scheme.toml"
# The points of what is private, as a share of those of the checks that students see: 40 to 60, as in the grader's scheme.
PRIVATE_SHARE = 2 / 3
CELL_LIMIT_S = 20
# Files and folders that nbgrader and its users create in the directory.
NBGRADER_FILES = frozenset(
    {
        *("release", "submitted", "autograded", "feedback", "exchange", "downloaded", "archive", "gradebook.db"),
        *("grades.csv", SCHEME_FILE, ".nbgrader.log", "nbgrader.log", ".jupyter", ".settings"),
    }
)
CHECK = re.compile(r"check\((?P<node>\w+), step=(?P<step>\d+)\)\.require\(\)")
# Canvas, Moodle in folders or not, ann/06_term_checks.ipynb and ann_06_term_checks.ipynb, wherever nbgrader has unpacked
# them: what a zip file contains is in a folder with the name of the zip file.
DOWNLOADS = (
    r".*/extracted/(?:[^/]+/)??(?P<student_id>[^/]+?)"
    r"(?:_(?:LATE_)?\d+_\d+_(?:[^/]*/(?:[^/]+/)*)?|_\d+_assignsubmission_file_?(?:[^/]*/(?:[^/]+/)*)?|_"
    r"|/(?:(?![^/]*_\d+_)[^/]+/)*)"
    r"(?P<file_id>\d\d[a-z]?_[a-z0-9_]*[a-z])(?:-\d+| \(\d+\))?\.ipynb$"
)
CONFIG = f'''"""The settings of nbgrader for this course, whatever folder nbgrader is started in."""

import os
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
# Every assignment contains the laboratory, which replaces solutions by what there is to write.
sys.path.insert(0, str(next(path for path in sorted(HERE.glob("source/*")) if (path / "raft_steps").is_dir())))

from raft_steps.lab.course.environment import adopt_clean_environment  # noqa: E402
from raft_steps.lab.course.nbgrader_preprocessor import set_up  # noqa: E402

# Points must not depend on the settings of the user who grades: a profile of IPython, a backend of matplotlib, Python's flags.
adopt_clean_environment(HERE / ".settings", keep=("JUPYTER", "NBGRADER"))
if (HERE / "{SEEDS_FILE}").is_file():
    os.environ["RAFT_STEPS_PRIVATE_SEEDS"] = str(HERE / "{SEEDS_FILE}")
if (HERE / "{SCHEME_FILE}").is_file():
    os.environ["RAFT_STEPS_SCHEME"] = str(HERE / "{SCHEME_FILE}")

c = get_config()  # noqa: F821  # nbgrader defines it.
c.CourseDirectory.root = str(HERE)
c.CourseDirectory.course_id = "raft_steps"
set_up(c, HERE)
c.FileNameCollectorPlugin.named_regexp = {DOWNLOADS!r}
# A cell of the course takes a few seconds. nbgrader gives up on an endless one after twice this time.
c.Execute.timeout = {CELL_LIMIT_S}
c.ExecutePreprocessor.timeout = {CELL_LIMIT_S}
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
    """Make a course directory for nbgrader, or renew one; what nbgrader has added stays.

    Args:
        notebooks: The folder of the course's notebooks.
        out: The course directory.
        steps: The numbers of the steps; all by default.
        secret: The secret that private seeds are derived from, as for `raft-steps grade`, or the name of a file that
            holds it; by default the one that the directory has already. With a secret, each assignment from step 4
            on has a cell that is graded with private seeds, and that is empty in the students' copy.
        force: Also overwrite edited files of the release. Other files stay.

    Raises:
        ReleaseError: Something in the folder would be lost, a step has no notebook, or the secret is empty.
        EditionError: A file is named like a step, but is not part of the course; or something is missing.
        NotebookError: A notebook cannot be read, or cannot be handed out.
    """
    check_target(notebooks, out)
    result = Release(out, warnings=package_subset.warn_of_unlisted_files())
    if secret is None and (out / SEEDS_FILE).is_file():  # Given for an earlier release, and kept for the whole term.
        secret = str(out / SEEDS_FILE)
    hidden = hidden_names_of_course(notebooks)
    files = {"nbgrader_config.py": CONFIG.encode()}
    if secret is not None:
        files[SEEDS_FILE] = f"{read_secret(secret)}\n".encode()
    for handout in list_handouts(notebooks, steps):
        for name, content in _assignment(handout, hidden, private=secret is not None).items():
            files[f"source/{handout.name}/{name}"] = content
    managed_folder.fill(result, files, force=force, others=NBGRADER_FILES)
    return result


def read_secret(given: str) -> str:
    """Return the secret: the content of a file of this name, or the text itself."""
    path = Path(given)
    secret = read_text(path, "a secret").strip() if path.is_file() else given.strip()
    if not secret:
        raise ReleaseError("the secret for the private seeds is empty")
    return secret


def _assignment(handout: Handout, hidden: HiddenNames, *, private: bool) -> dict[str, bytes]:
    """Return the files of an assignment's source, by their paths in its folder."""
    notebook = load(handout.notebook)
    prepare(notebook, handout.notebook.name, handout, hidden, solutions=True)
    for cell in notebook.cells:
        cell.metadata.pop("trusted", None)
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    _show_points(notebook, private=private)
    # Without notebook 00: nbgrader would grade every notebook in the folder.
    files = {handout.notebook.name: format_notebook(notebook).encode()}
    return files | accompanying_files(handout) | package_subset.package_files(handout.last)


def _show_points(notebook: Notebook, *, private: bool) -> None:
    """Make each graded cell show its points, and add a cell that is graded with private seeds."""
    cells: list[Cell] = []
    for cell in notebook.cells:
        cells.append(cell)
        if not cell.metadata.get("nbgrader", {}).get("grade"):
            continue
        found = CHECK.fullmatch(cell.source.strip())
        if found is None:
            cell.source = f"print({cell.source.strip()})"  # nbgrader would take a result of the cell for its points.
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
    """Return the cell that is graded with private seeds, with the metadata of the check before it."""
    from nbformat.v4 import new_code_cell

    points = round(check.metadata["nbgrader"]["points"] * PRIVATE_SHARE, 2)
    graded = dict(check.metadata["nbgrader"]) | {"grade_id": f"step-{int(step):02}-private", "points": points}
    source = PRIVATE.format(node=node, step=step, points=points)
    return new_code_cell(source, id=f"{check.id}-private", metadata={"nbgrader": graded})
