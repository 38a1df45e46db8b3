"""What other platforms need to grade an exercise: a workflow for GitHub Classroom, the zip file of a Gradescope autograder.

Gradescope's is described in https://gradescope-autograders.readthedocs.io/en/latest/specs/, GitHub's graders in
https://github.com/classroom-resources.
"""

from __future__ import annotations

import io
import stat
import zipfile
from collections.abc import Collection, Mapping
from pathlib import Path

from raft_steps.lab.course import managed_folder, package_subset
from raft_steps.lab.course.handouts import Handout, list_handouts
from raft_steps.lab.course.managed_folder import Release, ReleaseError, check_target
from raft_steps.lab.course.nbgrader_course import read_secret
from raft_steps.lab.course.notebooks import load

WORKFLOW = ".github/workflows/classroom.yml"
MINUTES_MAX = 10
SOME_DAY = (2020, 1, 1, 0, 0, 0)  # The same release is the same zip file on every day.


def has_exercise(handout: Handout) -> bool:
    """Return whether students write the step of a handout, which can be graded then."""
    return handout.last < handout.step


def classroom_files(handout: Handout) -> dict[str, bytes]:
    """Return what makes a handout a repository for GitHub Classroom, which checks the exercise at each push."""
    if not has_exercise(handout):
        return {}
    cells = load(handout.notebook).cells
    return {
        WORKFLOW: _workflow(handout, sum(each.metadata.get("nbgrader", {}).get("points", 0) for each in cells)).encode()
    }


def _workflow(handout: Handout, points: float) -> str:
    return f"""# Checks the exercise whenever the student pushes, and reports the points to GitHub Classroom.
name: Autograding Tests
on: [push, workflow_dispatch, repository_dispatch]
permissions:
  checks: write
  actions: read
  contents: read
jobs:
  run-autograding-tests:
    runs-on: ubuntu-latest
    if: github.actor != 'github-classroom[bot]'
    steps:
      - uses: actions/checkout@v4
      - uses: actions/setup-python@v5
        with:
          python-version: "3.12"
      - run: pip install .
      - name: The checks of step {handout.step}
        id: checks
        uses: classroom-resources/autograding-command-grader@v1
        with:
          test-name: The checks of step {handout.step}
          setup-command: ""
          command: raft-steps check {handout.step} --node {handout.notebook.name}:Node
          timeout: {MINUTES_MAX}
          max-score: {points:g}
      - name: Report the points
        uses: classroom-resources/autograding-grading-reporter@v1
        env:
          CHECKS_RESULTS: ${{{{ steps.checks.outputs.result }}}}
        with:
          runners: checks
"""


SETUP = """#!/usr/bin/env bash
# Run once, when Gradescope builds the image.
set -euo pipefail
apt-get update
apt-get install -y bubblewrap python3.11 python3.11-venv || apt-get install -y bubblewrap python3 python3-venv
python="$(command -v python3.11 || command -v python3)"
"$python" -m venv /autograder/venv
/autograder/venv/bin/pip install /autograder/source/course
"""
RUN = """#!/usr/bin/env bash
# Run for each submission. Only root can read the solution and the secret, and write the result.
cd /autograder
chmod 700 source submission results
graded() {{
    venv/bin/raft-steps grade submission --step {step} --out grades --results results/results.json{seeds} "$@"
}}
graded || [ -e results/results.json ] || graded --no-sandbox # As nobody, where bubblewrap is refused.
"""


def release_autograders(
    notebooks: Path, out: Path, steps: Collection[int] | None = None, *, secret: str | None = None, force: bool = False
) -> Release:
    """Make the zip file of a Gradescope autograder for each exercise.

    Args:
        notebooks: The folder of the course's notebooks.
        out: The folder to write to.
        steps: The numbers of the steps; all by default.
        secret: The secret for what is private, or the name of a file that holds it; None to draw one for each submission.
        force: Also overwrite zip files that were changed.

    Raises:
        ReleaseError: Something in the folder would be lost, or a step has no exercise.
        EditionError: A file is named like a step, but is not part of the course; or something is missing.
    """
    check_target(notebooks, out)
    result = Release(out, warnings=package_subset.warn_of_unlisted_files())
    handouts = [each for each in list_handouts(notebooks, steps) if has_exercise(each)]
    if not handouts:
        raise ReleaseError("none of these notebooks has a step to write, so there is nothing to grade")
    secret = read_secret(secret) if secret is not None else None
    files = {f"{each.name}_autograder.zip": autograder(each, secret) for each in handouts}
    managed_folder.fill(result, files, force=force)
    return result


def autograder(handout: Handout, secret: str | None = None) -> bytes:
    """Return the zip file of the autograder for an exercise, which holds the solution: it is for Gradescope alone."""
    files = {
        "course/pyproject.toml": package_subset.project_file().encode(),
        "course/LICENSE": package_subset.licence().encode(),
    }
    files |= {f"course/{name}": content for name, content in package_subset.package_files(handout.step).items()}
    seeds = ""
    if secret is not None:
        files["private_seeds.txt"], seeds = f"{secret}\n".encode(), " --private-seeds source/private_seeds.txt"
    programs = {"setup.sh": SETUP, "run_autograder": RUN.format(step=handout.step, seeds=seeds)}
    return _zip_of(files, programs)


def _zip_of(files: Mapping[str, bytes], programs: Mapping[str, str]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as made:
        for mode, group in ((0o755, {name: text.encode() for name, text in programs.items()}), (0o644, files)):
            for name, content in sorted(group.items()):
                entry = zipfile.ZipInfo(name, SOME_DAY)
                entry.external_attr = (stat.S_IFREG | mode) << 16
                entry.compress_type = zipfile.ZIP_DEFLATED
                made.writestr(entry, content)
    return out.getvalue()
