"""What GitHub Classroom and Gradescope get: a workflow, and an autograder that grades."""

import io
import json
import os
import re
import shutil
import stat
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from raft_steps.lab.cli.command import main
from tests.grading.submissions import step_06
from tests.grading.walls import real_wall

ROOT = Path(__file__).parents[2]


def release(out: Path, *options: str) -> str:
    """Make a release of step 6, and return what is printed."""
    folder = out.parent / "course"
    if not folder.exists():
        shutil.copytree(ROOT / "notebooks", folder / "notebooks")
    answer = CliRunner().invoke(main, ["release", str(out), "--steps", "6", "--folder", str(folder), *options])
    assert 0 == answer.exit_code, answer.output
    return answer.output


@pytest.mark.slow
def test_classroom_workflow_checks_the_exercise(tmp_path: Path) -> None:
    """The workflow runs the check of the step with a time, points and a reporter; the command runs in the folder as it is."""
    release(tmp_path / "out", "--classroom")
    folder = tmp_path / "out" / "step_06"
    workflow = yaml.safe_load((folder / ".github" / "workflows" / "classroom.yml").read_text(encoding="utf-8"))
    steps = workflow["jobs"]["run-autograding-tests"]["steps"]
    grader = next(each for each in steps if "autograding-command-grader" in each.get("uses", ""))
    reporter = steps[-1]
    command = grader["with"]["command"].split()
    done = subprocess.run(
        [sys.executable, "-m", "raft_steps", *command[1:]], cwd=folder, capture_output=True, text=True, check=False
    )

    assert 6 == grader["with"]["max-score"]
    assert grader["with"]["timeout"] <= 10
    assert (grader["id"], "${{ steps.checks.outputs.result }}") == (
        reporter["with"]["runners"], reporter["env"]["CHECKS_RESULTS"],
    )  # fmt: skip
    assert {"checks": "write", "actions": "read", "contents": "read"} == workflow["permissions"]
    assert "raft-steps" == command[0]
    assert 1 == done.returncode, done.stderr  # It was handed out, and nothing is written yet.
    assert "step 6" in done.stdout


@pytest.mark.slow
def test_autograder_writes_results(tmp_path: Path) -> None:
    """Its program, in a folder as Gradescope makes it, grades the submission's folder and writes results.json."""
    real_wall()
    release(tmp_path / "out", "--gradescope", "--private-seeds", "of Gradescope")
    path = tmp_path / "out" / "step_06_autograder.zip"
    place = tmp_path / "autograder"
    with zipfile.ZipFile(path) as made:
        names = made.namelist()
        made.extractall(place / "source")
        modes = {each.filename: stat.S_IMODE(each.external_attr >> 16) for each in made.infolist()}
    for name in ("submission", "results", "venv/bin"):
        (place / name).mkdir(parents=True)
    (place / "submission" / "06_term_checks.ipynb").write_text(step_06.RIGHT_NOTEBOOK, encoding="utf-8")
    (place / "submission" / "notes.py").write_text("x = 1\n", encoding="utf-8")
    command = place / "venv" / "bin" / "raft-steps"
    command.write_text(
        f'#!/bin/sh\nPYTHONPATH=source/course exec {sys.executable} -m raft_steps "$@"\n', encoding="utf-8"
    )
    command.chmod(0o755)
    program = (place / "source" / "run_autograder").read_text(encoding="utf-8").replace("cd /autograder", f"cd {place}")
    done = subprocess.run(["bash", "-c", program], capture_output=True, text=True, check=False)

    assert {"setup.sh", "run_autograder", "private_seeds.txt", "course/pyproject.toml"} <= set(names)
    assert 0o755 == modes["setup.sh"] == modes["run_autograder"]
    assert not any(re.search(r"step_(0[7-9]|1)", name) for name in names if "checks" not in name)
    assert (place / "results" / "results.json").is_file(), done.stderr
    data = json.loads((place / "results" / "results.json").read_text(encoding="utf-8"))
    assert 100 == data["score"], data
    assert 0o700 == stat.S_IMODE(os.stat(place / "source").st_mode)  # noqa: PTH116  # As os.chmod wrote it.


def test_autograder_is_the_same_every_day(tmp_path: Path) -> None:
    """A second release changes nothing; a step without an exercise is an error."""
    release(tmp_path / "out", "--gradescope")
    before = (tmp_path / "out" / "step_06_autograder.zip").read_bytes()

    assert "is up to date" in release(tmp_path / "out", "--gradescope")
    assert before == (tmp_path / "out" / "step_06_autograder.zip").read_bytes()
    with zipfile.ZipFile(io.BytesIO(before)) as made:
        assert "private_seeds.txt" not in made.namelist()
    arguments = ["release", str(tmp_path / "other"), "--folder", str(tmp_path / "course"), "--gradescope", "--flat"]
    answer = CliRunner().invoke(main, arguments)
    assert (2, True) == (answer.exit_code, "only one of" in answer.output)
