"""A course directory for nbgrader, and the cells that give points; what nbgrader makes of them is test_nbgrader_term's."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from raft_steps import node
from raft_steps.lab.checks import ChecksFailed
from raft_steps.lab.course import jupyterlab
from raft_steps.lab.course.managed_folder import ReleaseError
from raft_steps.lab.course.nbgrader_course import PRIVATE_POINTS, release_for_nbgrader
from raft_steps.lab.course.notebooks import load
from raft_steps.lab.course.redaction import BLOCK
from raft_steps.lab.grading import nbgrader_cells
from raft_steps.lab.grading.nbgrader_cells import GradingError, points_for, private_runs
from tests.helpers.jupyter import needs

ROOT = Path(__file__).parents[2]
NOTEBOOKS = ROOT / "notebooks"


class Right(node(5)):
    """What a student writes who has it right: here, what the course's own step adds, in a class of one's own."""

    on_append_entries = node(6).on_append_entries
    become_follower = node(6).become_follower
    refuse_append_entries = node(6).refuse_append_entries
    on_append_entries_refused = node(6).on_append_entries_refused


class Leads(Right):
    """A server that goes on leading when it should follow."""

    def become_follower(self) -> None:
        """Only wait anew."""
        self.start_election_timer()


class Rude(Right):
    """A server that does not say that it refuses."""

    def refuse_append_entries(self, to: str) -> None:
        """Say nothing."""


class Nothing(node(5)):
    """What has been done when nothing has."""


class Forgets(Right):
    """A server whose term goes back now and then: no check sees it, and a run with faults does."""

    def on_heartbeat_timeout(self) -> None:
        """Forget the term after some time."""
        super().on_heartbeat_timeout()
        if self.log.last_index > 1:
            self.current_term = 0


@pytest.fixture
def secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give a file with a secret, as nbgrader_config.py names it to the kernels."""
    file = tmp_path / "private_seeds.txt"
    file.write_text("a secret\n", encoding="utf-8")
    monkeypatch.setenv(nbgrader_cells.SEEDS, str(file))
    return file


def test_points_are_the_share_of_the_checks(capsys: pytest.CaptureFixture[str]) -> None:
    """All checks give all points, none gives none, and some a part; the report is there to read."""
    some = points_for(Leads, step=6, points=6)
    assert "FAIL" in capsys.readouterr().out

    assert 6.0 == points_for(Right, step=6, points=6)
    assert 0 < some < 6
    assert 0 == points_for(Nothing, step=6, points=6)


def test_validate_shows_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """Under nbgrader's Validate, which shows errors alone, a check that fails is one; a Node that is right has none."""
    monkeypatch.setenv("NBGRADER_EXECUTION", "validate")

    assert 6.0 == points_for(Right, step=6, points=6)
    with pytest.raises(ChecksFailed, match=r"\d of 9 checks fail, the first is: "):
        points_for(Leads, step=6, points=6)


@pytest.mark.parametrize("number", [6, 9])
def test_solution_of_the_course_has_no_points(secret: Path, number: int) -> None:
    """A Node that builds on the step at hand, or on a later one, is not a student's own, wherever it was found."""

    class Copied(node(number)):
        pass

    for graded in (points_for, private_runs):
        with pytest.raises(GradingError, match=f"your Node builds on step {number}, .* build on step 5"):
            graded(Copied, step=6, points=6)


def test_private_runs_give_points_to_who_breaks_nothing(secret: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Who breaks no promise has the share of the points that the checks are worth; else it is said which broke."""
    assert 3.0 == private_runs(Right, step=6, points=3)
    assert "20 of 20 private runs keep what step 6 promises." in capsys.readouterr().out
    assert 0 == private_runs(Nothing, step=6, points=3)
    assert 0 < private_runs(Rude, step=6, points=3) < 3
    capsys.readouterr()
    assert 0 == private_runs(Forgets, step=6, points=3)

    said = capsys.readouterr().out
    assert "Terms Never Go Back" in said
    assert [] == [word for word in said.split() if word.isdecimal() and int(word) > 20]


def test_private_runs_need_the_secret_in_grading_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a secret nothing is tried at a student's, and the grading says what is wrong."""
    monkeypatch.delenv(nbgrader_cells.SEEDS, raising=False)
    monkeypatch.delenv("NBGRADER_EXECUTION", raising=False)
    assert 3 == private_runs(Forgets, step=6, points=3)

    monkeypatch.setenv("NBGRADER_EXECUTION", "autograde")
    with pytest.raises(GradingError, match="start nbgrader in the course's folder"):
        private_runs(Right, step=6, points=3)


# The directory.


def cells_of(folder: Path, assignment: str) -> dict[str, Any]:
    """Give the cells of an assignment's source, by id."""
    (path,) = (folder / "source" / assignment).glob("*.ipynb")
    return {cell.id: cell for cell in load(path).cells}


def test_assignment_is_the_notebook_and_all_that_goes_with_it(tmp_path: Path) -> None:
    """An assignment has one notebook with its solution, no outputs and no reveals, and the package of its edition."""
    release_for_nbgrader(NOTEBOOKS, tmp_path / "c", [6])
    folder, cells = tmp_path / "c" / "source" / "step_06", cells_of(tmp_path / "c", "step_06")

    assert {"source", "nbgrader_config.py"} <= {path.name for path in (tmp_path / "c").iterdir()}
    assert BLOCK.search(cells["your-turn"].source)
    assert [] == [
        cell.id for cell in cells.values() if cell.get("outputs") or "reveal" in cell.metadata.get("tags", [])
    ]
    assert (folder / "raft_steps" / "step_05_term_in_append_entries.py").is_file()
    assert not (folder / "raft_steps" / "step_06_term_checks.py").exists()


def test_graded_cells_show_their_points(tmp_path: Path) -> None:
    """A check shows the points that nbgrader's field allows; another graded cell prints what it says."""
    release_for_nbgrader(NOTEBOOKS, tmp_path / "c")
    graded = [
        (assignment.name, cell)
        for assignment in (tmp_path / "c" / "source").iterdir()
        for cell in cells_of(tmp_path / "c", assignment.name).values()
        if cell.metadata.get("nbgrader", {}).get("grade")
    ]

    assert 12 == sum("points_for(" in cell.source for _, cell in graded)
    for name, cell in graded:
        points = cell.metadata.nbgrader.points
        assert f"points={points})" in cell.source or cell.source.startswith("print(judge("), name
        assert cell.metadata.nbgrader.locked


def test_private_cell_is_hidden_and_kept(tmp_path: Path) -> None:
    """With a secret, steps from 4 on have a cell that students get empty; a later release without one keeps it."""
    out = tmp_path / "c"
    (tmp_path / "secret").write_text("from a file\n", encoding="utf-8")
    release_for_nbgrader(NOTEBOOKS, out, [3, 6], secret=str(tmp_path / "secret"))
    release_for_nbgrader(NOTEBOOKS, out, [3, 6])
    cell = cells_of(out, "step_06")["check-private"]

    assert "from a file\n" == (out / "private_seeds.txt").read_text(encoding="utf-8")
    assert cell.source.startswith("### BEGIN HIDDEN TESTS\n")
    assert cell.source.endswith("### END HIDDEN TESTS")
    assert ("step-06-private", PRIVATE_POINTS, True) == (
        cell.metadata.nbgrader.grade_id,
        cell.metadata.nbgrader.points,
        cell.metadata.nbgrader.grade,
    )
    assert "check-private" not in cells_of(out, "step_03")


def test_empty_secret_is_refused(tmp_path: Path) -> None:
    """A secret that says nothing is none, and nothing is written."""
    (tmp_path / "blank").write_text("\n", encoding="utf-8")
    with pytest.raises(ReleaseError, match="is empty"):
        release_for_nbgrader(NOTEBOOKS, tmp_path / "c", [6], secret=str(tmp_path / "blank"))

    assert not (tmp_path / "c").exists()


def test_what_nbgrader_puts_there_stays(tmp_path: Path) -> None:
    """Submissions and grades are not in the way of a renewal; a changed source is, for it is somebody's work."""
    out = tmp_path / "c"
    release_for_nbgrader(NOTEBOOKS, out, [6])
    for name in ("submitted/ann/step_06/x.ipynb", "gradebook.db", "release/step_06/x.ipynb"):
        (out / name).parent.mkdir(parents=True, exist_ok=True)
        (out / name).write_text("theirs", encoding="utf-8")
    release_for_nbgrader(NOTEBOOKS, out, [6])
    (out / "source" / "step_06" / "06_term_checks.ipynb").write_text("mine", encoding="utf-8")

    with pytest.raises(ReleaseError, match=r"06_term_checks\.ipynb, which would be lost"):
        release_for_nbgrader(NOTEBOOKS, out, [6])
    assert "theirs" == (out / "gradebook.db").read_text(encoding="utf-8")


@needs("nbgrader", reason="pip install 'raft-steps[instructor]'")
def test_nbgrader_stays_out_of_the_way_of_readers() -> None:
    """`raft-steps lab` starts none of what nbgrader adds to JupyterLab: its warnings and buttons are no reader's."""
    installed = Path(sys.prefix) / "etc" / "jupyter" / "jupyter_server_config.d" / "nbgrader.json"
    settings = json.loads((jupyterlab.SETTINGS / "jupyter_server_config.json").read_text(encoding="utf-8"))
    page = json.loads((jupyterlab.SETTINGS / "labconfig" / "page_config.json").read_text(encoding="utf-8"))

    added = json.loads(installed.read_text(encoding="utf-8"))["ServerApp"]["jpserver_extensions"]
    assert dict.fromkeys(added, False) == settings["ServerApp"]["jpserver_extensions"]
    assert page["disabledExtensions"]["@jupyter/nbgrader"]
