"""The commands for learners who write their Node in a file: start, check with a picture, watch, run; help in an edition."""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any
from xml.etree import ElementTree as ET

import click
import pytest

from raft_steps import STEPS
from raft_steps.lab.cli import edition_help
from raft_steps.lab.cli.edition_help import fit_to_edition
from raft_steps.lab.course.starter import starter
from raft_steps.lab.runtime.loading import load_node
from tests.cli.test_commands import call, complaint, printed

STEP_06 = "from raft_steps import step_06_term_checks as step_06\n\n\nclass Node(step_06.Node):\n    pass\n"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in an empty folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


# start


@pytest.mark.parametrize("number", [entry.number for entry in STEPS])
def test_beginning_of_a_step_fails_its_check_cleanly(number: int, folder: Path) -> None:
    """What `start` prints can be loaded, and its check reports what is not written yet, with exit status 1."""
    (folder / "my_raft.py").write_text(printed("start", str(number)), encoding="utf-8")
    report = printed("check", str(number), "--node", "my_raft.py", status=1)

    assert report.startswith(f"step {number}: ")
    assert "FAIL" in report
    assert "is not written yet" in report


@pytest.mark.parametrize("number", [entry.number for entry in STEPS])
def test_beginning_has_no_solution(number: int) -> None:
    """Each method that is to be written has a docstring, and one line that says so."""
    tree = ast.parse(starter(number))
    methods = [each for each in ast.walk(tree) if isinstance(each, ast.FunctionDef)]
    unwritten = [each for each in methods if "NotImplementedError" in ast.unparse(each)]

    assert unwritten
    assert all([2] == [len(each.body)] for each in unwritten)
    assert "SOLUTION" not in starter(number)


def test_beginning_imports_what_the_solution_needs() -> None:
    """The imports are those of the whole step, so that nothing has to be guessed: step 12 declares a ClassVar."""
    assert "from typing import ClassVar" in starter(12)
    assert '"""Step 6: an older term is refused.' in starter(6).splitlines()[0]


def test_beginning_of_an_unknown_step_is_an_error() -> None:
    """The error has the steps that there are."""
    assert "there is no step 99" in complaint("start", "99")


def test_class_without_its_needs_is_told_where_they_are(folder: Path) -> None:
    """A class that was copied from a notebook without the classes that are given there gets a hint."""
    (folder / "my_raft.py").write_text("class Node(Deaf):\n    pass\n", encoding="utf-8")

    said = complaint("check", "6", "--node", "my_raft.py")
    assert (
        "line 1: NameError: name 'Deaf' is not defined; raft-steps start STEP prints what a step's class needs" in said
    )


# check --picture and --story


def test_failing_check_is_drawn_and_told(folder: Path) -> None:
    """The picture and the story are those of the run of the first check that fails; JSON has no story."""
    (folder / "my_raft.py").write_text(printed("start", "6"), encoding="utf-8")
    told = printed("check", "6", "--node", "my_raft.py", "--picture", "run.svg", "--story", status=1)

    assert "svg" in ET.fromstring((folder / "run.svg").read_text(encoding="utf-8")).tag  # noqa: S314  # We made it.
    assert "The run of the check that failed first, an older term is refused:\n     0.00 s  tom starts" in told
    assert (
        "0.00 s" not in printed("check", "6", "--node", "my_raft.py", "--story", "--json", status=1).split("checks")[0]
    )


def test_passing_check_draws_nothing(folder: Path) -> None:
    """Without a failure there is nothing to draw or to tell."""
    told = printed("check", "6", "--picture", "run.svg", "--story")

    assert "The run of" not in told
    assert not (folder / "run.svg").exists()


# watch


def saved_files(monkeypatch: pytest.MonkeyPatch, *texts: str) -> list[Any]:
    """Let watchfiles report that my_raft.py was saved with each of these texts; return the folder and filter it is given."""
    given: list[Any] = []

    def watch(folder: Path, *, watch_filter: Callable[[Any, str], bool]) -> Iterator[set[str]]:
        given.extend([folder, watch_filter])
        for text in texts:
            Path("my_raft.py").write_text(text, encoding="utf-8")
            yield {"my_raft.py"}

    module = ModuleType("watchfiles")
    module.watch = watch  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "watchfiles", module)
    return given


def test_file_is_checked_whenever_it_is_saved(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each save is checked for the step that the class is derived for; a file that cannot be loaded ends nothing."""
    given = saved_files(monkeypatch, "class Node(:\n", STEP_06.replace("    pass", "    x = 1\n"), starter(6))
    (folder / "my_raft.py").write_text(STEP_06, encoding="utf-8")
    parts = printed("watch", "my_raft.py").split("-- waiting for my_raft.py to be saved; Control-C ends --\n")

    assert ["step 7: ", "Error: m", "step 7: ", "step 6: ", ""] == [part[:8] for part in parts]
    assert "cannot be loaded: SyntaxError" in parts[1]
    assert folder.resolve() == given[0]
    assert given[1](None, str(folder.resolve() / "my_raft.py"))
    assert not given[1](None, str(folder.resolve() / "other.py"))


def test_step_to_watch_can_be_named(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A class that is derived from no step needs --step; one that is may be checked for another."""
    saved_files(monkeypatch)
    (folder / "my_raft.py").write_text(STEP_06, encoding="utf-8")
    (folder / "alone.py").write_text(
        "from raft_steps.lab import node\n\nclass Node(node.Node):\n    pass\n", encoding="utf-8"
    )

    assert printed("watch", "my_raft.py", "--step", "6").startswith("step 6: 10 of 10")
    assert "alone.py is not derived from a step of the course; name the step with --step" in complaint(
        "watch", "alone.py"
    )


def test_watching_needs_a_file_and_a_library(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without either, the error says what to do."""
    monkeypatch.setitem(sys.modules, "watchfiles", None)
    (folder / "my_raft.py").write_text(STEP_06, encoding="utf-8")

    assert "there is no file none.py" == complaint("watch", "none.py")
    assert 'this needs the library watchfiles: pip install "raft-steps[watch]"' == complaint("watch", "my_raft.py")


def test_saved_file_is_read_again(folder: Path) -> None:
    """The line in a message is that of the file as it is now."""
    path = folder / "my_raft.py"
    for text in ("self.first_line", "self.other_line"):
        path.write_text(f"{STEP_06[:-9]}    def on_start(self) -> None:\n        {text}\n", encoding="utf-8")
        load_node(str(path))
        assert text in printed("check", "7", "--node", "my_raft.py", status=1)


# Help in an edition.


def test_help_has_no_example_that_the_edition_cannot_run() -> None:
    """Lines with later steps are left out; the step that is written can be begun, checked and run with a class."""

    @click.group()
    def group() -> None:
        """Examples.

        raft-steps run 7 --seconds 3
        raft-steps run 6 --node my_raft.py
        raft-steps check 6
        raft-steps check 7
        raft-steps diff 5 6
        raft-steps show 5
        raft-steps replay 'raft-steps 1; step 8; until 3'
        """

    fit_to_edition(group, 5)

    kept = [line.strip() for line in (group.help or "").splitlines() if line.strip()]
    assert ["Examples.", "raft-steps run 6 --node my_raft.py", "raft-steps check 6", "raft-steps show 5"] == kept


def test_help_of_the_whole_course_is_whole() -> None:
    """In the full course nothing is left out."""
    assert "raft-steps run 7 --scenario" in printed("--help")
    assert edition_help._last_step(f"raft-steps diff 5 {STEPS[-1].number}") == STEPS[-1].number
    assert "raft-steps diff 5 6" in call("diff", "--help").stdout
