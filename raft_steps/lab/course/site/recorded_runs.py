"""Runs the notebooks, and keeps the run that each player shows, so that a page can play it without Python.

A run is kept as it was when its cell ended: later cells may act on the same cluster. Each is repeated with the course's
own Node from its scenario alone, because a page that steers a run starts from there.
"""

from __future__ import annotations

import base64
import dataclasses
import json
from collections.abc import Iterable, Iterator
from concurrent.futures import as_completed
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from raft_steps import find_step
from raft_steps.lab.course.environment import MARK, build_font_cache, own_settings
from raft_steps.lab.course.notebooks import WIDGET_VIEW, Cell, execute, load, step_of
from raft_steps.lab.errors import LabError
from raft_steps.lab.scenario.scenario import Scenario
from raft_steps.lab.verify.fuzzer.workers import submitted

if TYPE_CHECKING:
    from nbclient import NotebookClient

# What the player reads of its model, besides the trace and the state of a session.
OPTIONS = ("start", "speed", "hurry", "heartbeats")
PLAYS_ONLY = "plays-only"  # the tag of a cell whose player shows a Node that is not the course's: no page can steer it
REFERENCE = "IPY_MODEL_"  # how the state of a widget names another widget


class RunDiffersError(LabError):
    """A recorded run is not that of the course's own Node, so a page could not steer it."""


@dataclass(frozen=True, slots=True)
class RecordedRun:
    """The run of one player.

    Attributes:
        notebook: The name of the notebook's file.
        cell: The id of the cell that shows the player.
        trace: The run, as the player in the browser reads it.
        options: With what the player opens: its `start` in microseconds, `speed`, `hurry` and `heartbeats`.
        scenario: The scenario's text; "" if the player is not live, or its cell is tagged as one that only plays.
        step: The step whose Node repeats the run.
    """

    notebook: str
    cell: str
    trace: bytes
    options: dict[str, Any]
    scenario: str
    step: int

    @property
    def name(self) -> str:
        """Its name among the runs of a site, and that of its files."""
        return f"{Path(self.notebook).stem}-{self.cell}"

    def state(self, can_steer: bool) -> dict[str, Any]:
        """Return what a page needs besides the trace.

        Args:
            can_steer: Whether the page can start Python, which needs the scenario.
        """
        return {**self.options, "chapter": 0, "scenario": self.scenario if can_steer else "", "step": self.step}


def record_all(paths: Iterable[Path], jobs: int = 2) -> list[RecordedRun]:
    """Run notebooks, and return the runs of all their players.

    Args:
        paths: The notebooks.
        jobs: The number of notebooks to run at a time, each in a separate process.

    Raises:
        NotebookError: A notebook cannot be read, or a cell fails.
        RunDiffersError: A run is not that of the course's own Node.
    """
    wanted = list(paths)
    found: dict[Path, list[RecordedRun]] = {}
    with own_settings() as environment:
        build_font_cache(environment)
        work = partial(record, settings=Path(environment[MARK]))
        with submitted(work, wanted, min(jobs, len(wanted)) or 1) as futures:
            for future in as_completed(futures):
                path, runs = future.result()
                found[path] = runs
    return [run for path in wanted for run in found[path]]


def record(path: Path, settings: Path | None = None) -> tuple[Path, list[RecordedRun]]:
    """Run one notebook, and return its path and the runs of its players, each of which was repeated.

    Args:
        path: The notebook.
        settings: The folder for settings and caches of the kernel.

    Raises:
        NotebookError: The notebook cannot be read, or a cell fails.
        RunDiffersError: A run is not that of the course's own Node.
    """
    runs: list[RecordedRun] = []
    execute(load(path), path, settings, lambda client, cell: runs.extend(_runs_of(client, cell, path)))
    return path, [repeat(run) for run in runs]


def _runs_of(client: NotebookClient, cell: Cell, path: Path) -> Iterator[RecordedRun]:
    """Yield the runs of the players that a cell has shown."""
    for output in cell.outputs:
        view = output.get("data", {}).get(WIDGET_VIEW)
        if view is None:
            continue
        for child in client.widget_state[view["model_id"]].get("children", []):
            model = child.removeprefix(REFERENCE)
            state = client.widget_state[model]
            trace = client.widget_buffers.get(model, {}).get(("trace",))
            if trace is None:
                continue  # the controls next to the drawing
            lines = base64.b64decode(trace["data"])
            can_steer = state["live"] and PLAYS_ONLY not in cell.metadata.get("tags", [])
            text = json.loads(lines.partition(b"\n")[0])["scenario"] if can_steer else ""
            yield RecordedRun(
                notebook=path.name,
                cell=cell.id,
                trace=lines,
                options={name: state[name] for name in OPTIONS},
                scenario=text,
                step=(Scenario.parse(text).step if text else None) or step_of(path.name),
            )


def repeat(run: RecordedRun) -> RecordedRun:
    """Repeat a run with the course's Node of its step, and return it; the player's own run may be that of "your Node".

    Raises:
        RunDiffersError: The events differ.
    """
    if not run.scenario:
        return run
    from raft_steps.lab.cluster.cluster import Cluster
    from raft_steps.lab.player.widget import encode_trace

    again = encode_trace(Cluster.replay(run.scenario, run.step).trace)
    if _events(again) != _events(run.trace):
        raise RunDiffersError(
            f"{run.notebook}, cell {run.cell}: the run that the player shows is not that of the Node of step {run.step}"
            f" ({find_step(run.step).name}), so a page could not steer it"
        )
    return dataclasses.replace(run, trace=again)


def _events(trace: bytes) -> list[Any]:
    """Return the events of a trace, in which the order of fields has no meaning, without its title."""
    return [json.loads(line) for line in trace.splitlines()[1:]]
