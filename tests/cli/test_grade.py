"""The command `grade`: the files that it writes, its output and its errors."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from raft_steps.lab.cli.command import main
from raft_steps.lab.course.handouts import release_handouts
from raft_steps.lab.grading import run as grading_run
from tests.grading.submissions import step_06

ROOT = Path(__file__).parents[2]


def put(folder: Path, files: dict[str, str]) -> None:
    """Write the files that students hand in."""
    folder.mkdir()
    for name, content in files.items():
        (folder / name).write_text(content, encoding="utf-8")


@pytest.mark.slow
def test_command_grades(tmp_path: Path) -> None:
    """The command writes CSV, JSON and pages, and prints a line for each student."""
    put(tmp_path / "in", {"ann.py": step_06.OWN_TERM_REFUSED, "bob.py": ""})
    out = tmp_path / "out"

    answer = CliRunner().invoke(main, ["grade", str(tmp_path / "in"), "--step", "6", "--out", str(out), "--seeds", "1"])

    assert 0 == answer.exit_code, answer.output
    assert "ann: 4 of 10 checks fail" in answer.output
    assert "bob: bob.py is empty." in answer.output
    assert {"scores.csv", "scores.json", "pages", "results", "private_seeds.txt"} == {p.name for p in out.iterdir()}


@pytest.mark.slow
def test_submission_without_verdict_ends_with_2(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """If a judge is killed, the command prints no score for that student, and its exit status is not a verdict."""
    monkeypatch.setattr(grading_run, "START", "import os; os.kill(os.getpid(), 9)")
    put(tmp_path / "in", {"ann.py": step_06.RIGHT})
    command = ["grade", str(tmp_path / "in"), "--step", "6", "--out", str(tmp_path / "out"), "--seeds", "1"]

    text, data = (CliRunner().invoke(main, [*command, *more]) for more in ([], ["--json"]))

    assert (2, 2) == (text.exit_code, data.exit_code)
    assert "?  ann: Could not be judged: the grader's process was ended by signal 9" in text.output
    assert "not judged: ann" in text.output
    printed = json.loads(data.stdout)
    assert ({}, ["ann"]) == (printed["students"], printed["not_judged"])


def test_empty_folder_and_unknown_step_are_errors(tmp_path: Path) -> None:
    """The errors for an empty folder and an unknown step are sentences, with exit status 2."""
    empty = CliRunner().invoke(main, ["grade", str(tmp_path), "--step", "6", "--out", str(tmp_path / "out")])
    unknown = CliRunner().invoke(main, ["grade", str(tmp_path), "--step", "99"])

    assert (2, 2) == (empty.exit_code, unknown.exit_code)
    assert "nothing was handed in" in empty.output
    assert "there is no step 99" in unknown.output


@pytest.mark.parametrize(
    "secret, error",
    [
        ("seeds.txt", "no file seeds.txt"),
        ("blank", "is empty"),
        ("", "is empty"),
        ("bytes", "is not a text file"),
        (".", "no file ."),
    ],
)
def test_wrong_secret_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, secret: str, error: str) -> None:
    """A secret that looks like the name of a missing file is refused: the name would be easy to guess."""
    monkeypatch.chdir(tmp_path)
    put(tmp_path / "in", {"ann.py": ""})
    (tmp_path / "bytes").write_bytes(b"\xff\xfe")
    (tmp_path / "blank").write_text("\n", encoding="utf-8")

    answer = CliRunner().invoke(main, ["grade", "in", "--step", "6", "--private-seeds", secret])

    assert 2 == answer.exit_code
    assert error in answer.output


@pytest.mark.parametrize(
    "options, error",
    [
        (["--class", "My Node"], "'My Node' is not the name of a class"),
        (["--mutants", "mutants.py"], "--mutants are for --find-the-bug"),
        (["--find-the-bug", "--mutants", "mutants.py"], "mutants.py defines no Node"),
    ],
)
def test_wrong_option_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: list[str], error: str
) -> None:
    """The error for an option that cannot be used is a sentence, with exit status 2."""
    monkeypatch.chdir(tmp_path)
    put(tmp_path / "in", {"ann.txt": "x", "ann.py": ""})
    (tmp_path / "mutants.py").write_text("x = 1\n", encoding="utf-8")
    answer = CliRunner().invoke(main, ["grade", "in", "--step", "6", *options])

    assert (2, True) == (answer.exit_code, error in answer.output), answer.output


def test_secret_may_be_long(tmp_path: Path) -> None:
    """A sentence that is too long for the name of a file is a valid secret."""
    put(tmp_path / "in", {"ann.py": ""})
    arguments = ["grade", str(tmp_path / "in"), "--step", "6", "--out", str(tmp_path / "out")]

    assert 0 == CliRunner().invoke(main, [*arguments, "--private-seeds", "long " * 200]).exit_code


def test_edition_cannot_grade_a_step_that_it_lacks(tmp_path: Path) -> None:
    """In an edition in which the student writes the step, grading it is an error, and there are no scores."""
    release_handouts(ROOT / "notebooks", tmp_path / "out", [6])
    put(tmp_path / "in", {"ann.py": step_06.RIGHT})
    answer = subprocess.run(
        [sys.executable, "-m", "raft_steps", "grade", str(tmp_path / "in"), "--step", "6"],
        cwd=tmp_path / "out" / "step_06",
        env=os.environ | {"PYTHONPATH": "."},
        capture_output=True,
        text=True,
        check=False,
    )

    assert 2 == answer.returncode
    assert "step 6 is yours to write" in answer.stderr
    assert 1 == len(answer.stderr.splitlines())
    assert not (tmp_path / "out" / "step_06" / "grades").exists()


@pytest.mark.slow
def test_step_without_mutants_is_an_error(tmp_path: Path) -> None:
    """Step 1 promises too little for a wrong Node to break it, so no score is possible."""
    put(tmp_path / "in", {"ann.txt": "x"})
    arguments = ["grade", str(tmp_path / "in"), "--step", "1", "--find-the-bug", "--out", str(tmp_path / "out")]

    answer = CliRunner().invoke(main, arguments)

    assert 2 == answer.exit_code
    assert "pass your own with --mutants" in answer.output


def test_mutants_with_a_syntax_error_are_an_error(tmp_path: Path) -> None:
    """The error for a module of wrong Nodes that cannot be imported has its name and line."""
    put(tmp_path / "in", {"ann.txt": "x"})
    (tmp_path / "broken.py").write_text("class Node(:\n", encoding="utf-8")
    arguments = ["grade", str(tmp_path / "in"), "--step", "12", "--find-the-bug", "--out", str(tmp_path / "out")]

    answer = CliRunner().invoke(main, [*arguments, "--mutants", str(tmp_path / "broken.py")])

    assert 2 == answer.exit_code
    assert "broken.py, line 1" in answer.output
