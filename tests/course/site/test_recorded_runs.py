"""The runs that a site plays are those of the notebooks' players, and of the course's own Nodes."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest

from raft_steps.lab.course.site.recorded_runs import RecordedRun, RunDiffersError, record, repeat

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def run() -> RecordedRun:
    """Record the run of notebook 01."""
    path, runs = record(ROOT / "notebooks" / "01_key_value_store.ipynb")
    (run,) = runs

    assert "01_key_value_store.ipynb" == path.name
    return run


@pytest.mark.slow
def test_run_is_that_of_the_player(run: RecordedRun) -> None:
    """The trace is whole, and the player opens where it does in the notebook."""
    header, *events = [json.loads(line) for line in run.trace.splitlines()]

    assert "01_key_value_store-player" == run.name
    assert ("step 1", ["tom"], run.scenario) == (
        header["title"],
        header["servers"],
        header["scenario"].replace("step 1; ", ""),
    )
    assert {"crashed", "restarted"} <= {event["kind"] for event in events}
    assert {"start", "speed", "hurry", "heartbeats", "chapter", "scenario", "step"} == run.state(True).keys()
    assert 1 == run.state(True)["step"]


@pytest.mark.slow
def test_other_run_is_refused(run: RecordedRun) -> None:
    """A run that the course's Node does not repeat could not be steered from its scenario."""
    lines = run.trace.splitlines()
    other = dataclasses.replace(run, trace=b"\n".join([*lines[:-1], lines[-1].replace(b'"time"', b'"tame"')]))

    assert run == repeat(run)
    with pytest.raises(
        RunDiffersError, match=r"01_key_value_store.ipynb, cell player: .* not that of the Node of step 1"
    ):
        repeat(other)


@pytest.mark.slow
def test_run_of_a_wrong_node_only_plays() -> None:
    """A cell whose player shows another Node than the course's says so by its tag, and its page does not steer it."""
    _, (run,) = record(ROOT / "notebooks" / "06b_debugging.ipynb")

    assert ("06b_debugging-player", "", 6) == (run.name, run.scenario, run.step)
    assert run.trace


def test_run_without_a_scenario_is_kept_as_it_is() -> None:
    """The player of a stored trace cannot be steered anyway."""
    run = RecordedRun(notebook="08b.ipynb", cell="p", trace=b"{}", options={}, scenario="", step=8)

    assert run is repeat(run)
