"""The graded cells of an nbgrader assignment: points for checks and for runs with private seeds."""

from __future__ import annotations

from pathlib import Path
from types import FunctionType

import pytest

from raft_steps import STEPS, node
from raft_steps.lab.checks import ChecksFailed
from raft_steps.lab.grading import nbgrader_cells
from raft_steps.lab.grading.nbgrader_cells import GradingError, points_for, private_runs


class Right(node(5)):  # type: ignore[misc]
    """A right solution: what the course's own step adds, in a student's class."""

    on_append_entries = node(6).on_append_entries
    become_follower = node(6).become_follower
    refuse_append_entries = node(6).refuse_append_entries
    on_append_entries_refused = node(6).on_append_entries_refused


class Leads(Right):
    """A server that goes on leading when it should follow."""

    def become_follower(self) -> None:
        """Wait again, and nothing else."""
        self.start_election_timer()


class Rude(Right):
    """A server that refuses without an answer."""

    def refuse_append_entries(self, to: str) -> None:
        """Send nothing."""


class Nothing(node(5)):  # type: ignore[misc]
    """An exercise that nobody has begun."""


class Forgets(Right):
    """A server whose term goes back now and then, which no check sees and a run with faults does."""

    def on_heartbeat_timeout(self) -> None:
        """Forget the term after some time."""
        super().on_heartbeat_timeout()
        if self.log.last_index > 1:
            self.current_term = 0


@pytest.fixture
def secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a file with a secret, set in the environment as nbgrader_config.py does."""
    file = tmp_path / "private_seeds.txt"
    file.write_text("a secret\n", encoding="utf-8")
    monkeypatch.setenv(nbgrader_cells.SEEDS, str(file))
    return file


def test_points_are_the_share_of_the_checks(capsys: pytest.CaptureFixture[str]) -> None:
    """All checks give all points, none gives none, and some give a part; the report is printed."""
    some = points_for(Leads, step=6, points=6)
    assert "FAIL" in capsys.readouterr().out

    assert 6.0 == points_for(Right, step=6, points=6)
    assert 0 < some < 6
    assert 0 == points_for(Nothing, step=6, points=6)


def test_validate_shows_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nbgrader's Validate shows errors only, so there a failed check raises one."""
    monkeypatch.setenv("NBGRADER_EXECUTION", "validate")

    assert 6.0 == points_for(Right, step=6, points=6)
    with pytest.raises(ChecksFailed, match=r"\d of 10 checks fail, the first is: "):
        points_for(Leads, step=6, points=6)


@pytest.mark.parametrize("number", [6, 9])
def test_solution_of_the_course_has_no_points(secret: Path, number: int) -> None:
    """A Node that builds on the step to be written, or on a later one, is refused as not the student's own."""

    class Copied(node(number)):  # type: ignore[misc]
        pass

    for graded in (points_for, private_runs):
        with pytest.raises(GradingError, match=f"your Node builds on step {number}, .* build on step 5"):
            graded(Copied, step=6, points=6)


def test_private_runs_give_points_to_a_node_that_breaks_nothing(
    secret: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A Node that violates no property gets its share of the points; otherwise the violated rules are printed."""
    assert 3.0 == private_runs(Right, step=6, points=3)
    assert "6 of 6 private runs keep what step 6 promises." in capsys.readouterr().out
    assert 0 == private_runs(Nothing, step=6, points=3)
    assert 0 < private_runs(Rude, step=6, points=3) < 3
    capsys.readouterr()
    assert 0 < private_runs(Forgets, step=6, points=3) < 3

    said = capsys.readouterr().out
    assert "Terms Never Go Back" in said
    assert [] == [word for word in said.split() if word.isdecimal() and int(word) > 6]


def test_private_runs_need_the_secret_in_grading_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a secret nothing is tried on a student's machine, and grading raises an error."""
    monkeypatch.delenv(nbgrader_cells.SEEDS, raising=False)
    monkeypatch.delenv("NBGRADER_EXECUTION", raising=False)
    assert 3 == private_runs(Forgets, step=6, points=3)

    monkeypatch.setenv("NBGRADER_EXECUTION", "autograde")
    with pytest.raises(GradingError, match="start nbgrader in the course's folder"):
        private_runs(Right, step=6, points=3)


def ignoring(name: str, step: int) -> FunctionType:
    """Return a handler as an exercise gives it away: the right message, and no statement."""

    def ignore(self: object, sender: str = "", message: object = None) -> None:
        pass

    handler: FunctionType = getattr(node(step), name)
    found = FunctionType(ignore.__code__, handler.__globals__, name, ignore.__defaults__)
    found.__annotations__ = handler.__annotations__
    return found


@pytest.mark.parametrize("step", [each.number for each in STEPS if each.number > 1])
def test_ignoring_every_event_has_no_points(step: int) -> None:
    """A Node that ignores the events of its step passes some checks, and gets no points, as from raft-steps grade."""
    own = vars(node(step)).items()
    changed = [name for name, value in own if name.startswith("on_") and isinstance(value, FunctionType)]
    idle = type("Node", (node(step - 1),), {name: ignoring(name, step) for name in changed})

    assert 0 == points_for(idle, step=step, points=10)
