"""The tour: its recorded run is the one that the course's Node makes, and every view of it can be shown."""

from pathlib import Path

from raft_steps.lab import Cluster, tour
from raft_steps.lab.course.tour import FILE, SCENARIO
from tests.course.notebook_rules import ROOT

STORED = ROOT / "raft_steps" / "lab" / "course" / FILE


def record() -> str:
    """Make the run, and return its trace as text."""
    return Cluster.replay(SCENARIO).trace.to_text()


def test_the_recorded_run_is_current() -> None:
    """The course's Node makes the same run, to the byte."""
    assert record() == STORED.read_text(encoding="utf-8")


def test_every_view_is_that_of_a_cluster() -> None:
    """Pictures and words are those that the cluster itself shows."""
    cluster, run = Cluster.replay(SCENARIO), tour()

    assert str(cluster.timeline(start=2, end=8)) == str(run.timeline(2, 8))
    assert str(cluster.story(start=2, end=8)) == str(run.story(2, 8))
    assert str(cluster.logs(at=8)).splitlines()[1:] == str(run.logs(8)).splitlines()[1:]
    assert "At 8.00 s: tom down" in str(run.ring(8))
    assert "At 8.00 s: tom down" in str(run.play(at=8))


if __name__ == "__main__":
    Path(STORED).write_text(record(), encoding="utf-8")
