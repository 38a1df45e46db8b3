"""The catalogue: scenarios with expectations, after the tests of other well-known Raft courses, and what etcd documents.

Names and thresholds are those of MIT's labs (6.5840: Raft, parts 3A to 3D, and the key-value store) and of eliben/raft
(parts 1 to 5; 4 and 5 are about a key-value store, too). The scenarios are our own, in virtual time. Each is a file in the folder
``scenarios``, ``mit_…``, ``eliben_…``, ``etcd_…`` or ``paper_…``; `entry` documents the format of the files, `expectations` what they may expect.

All scenarios use the paper's timing: heartbeats every 50 ms, election timeouts of 150 to 300 ms. eliben's tests have
that timing too, and their times are unchanged. MIT's tests allow ten heartbeats a second, half as many, so their times
are halved: a leader within 2.5 s instead of 5 s, nothing committed for 1 s instead of 2 s, messages that take up to 13 ms
instead of 26 ms, a pause of 6.5 or 250 ms instead of 13 or 500 ms. Counts of calls and bytes are unchanged. If their
testers wait for something and then go on, a scenario goes on at a fixed time that leaves room for several election
timeouts; if a tester looks repeatedly, an expectation has a window in which it is checked ten times. Figure8Unreliable
has 400 rounds instead of 1,000, and 20 s in which all servers must agree again: a leader that goes back entry by entry
needs them.

Figure 7 of the paper is a scenario as well: ``paper_figure_7``.

In the labs about key-value stores clients ask again until they are answered, each in a session of its own. Their servers
decide themselves when they take a snapshot; here the scenario says when, so the laboratory's order to take one is tried,
too. The limits for logs are those of 3D, in bytes of our own text form of entries.

What etcd's documentation promises of members, learners, snapshots, pre-votes, leaders without a majority and transfers of
the leadership is tried in the scenarios that are named after etcd. The promises are etcd's, the scenarios our own.

Tests that would be the same scenario are merged: `known as` lists the tests that a file stands for.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from raft_steps import STEPS, find_step
from raft_steps.lab.errors import ScenarioError
from raft_steps.lab.scenario import arguments
from raft_steps.lab.text import nearest
from raft_steps.lab.verify.conformance.entry import CatalogueEntry, KnownFailure, read_entry, read_file
from raft_steps.lab.verify.conformance.report import CatalogueCell, CatalogueReport
from raft_steps.lab.verify.conformance.trial import CatalogueOutcome, try_entry
from raft_steps.lab.verify.fuzzer.workers import map_on_cores

__all__ = [
    "CatalogueCell", "CatalogueEntry", "CatalogueOutcome", "CatalogueReport", "KnownFailure", "catalogue", "entries",
    "find_entry", "read_entry", "read_file", "try_entry",
]  # fmt: skip

FOLDER = Path(__file__).parent / "scenarios"
FIRST_STEP = 4  # the first step with elections; every scenario begins with one
FEW_RUNS = 600  # up to this many runs take less time than starting other processes


@functools.cache
def entries() -> tuple[CatalogueEntry, ...]:
    """Return all entries of the catalogue: MIT's first, in the order of the lab, then eliben's, etcd's and the paper's."""
    paths = sorted(FOLDER.glob("*.txt"), key=lambda path: (not path.name.startswith("mit"), path.name))
    return tuple(read_file(path) for path in paths)


def find_entry(name: str) -> CatalogueEntry:
    """Return the entry with this name.

    Raises:
        ScenarioError: There is no such entry.
    """
    for entry in entries():
        if entry.name == name:
            return entry
    raise ScenarioError(f"the catalogue has no {name!r}{nearest(name, [entry.name for entry in entries()])}")


def catalogue(
    steps: int | type | Iterable[int] | None = None,
    seeds: Iterable[int] | int = 1,
    *,
    only: Iterable[CatalogueEntry | str] = (),
    workers: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> CatalogueReport:
    """Run the scenarios of the catalogue with steps, or with a Node class.

    Args:
        steps: A step's number, several, a Node class such as your own, or None for all steps that elect.
        seeds: The seeds, or their number, counted from 0.
        only: The entries, or their names; all by default.
        workers: The number of processes; by default one, and one for each core if there are many runs.
        progress: Called after each cell with the number of finished cells and the number of all cells.

    Returns:
        The report, which a notebook shows as a table.

    Raises:
        ScenarioError: There is no such step or scenario, or nothing to run.
    """
    wanted = tuple(range(seeds)) if isinstance(seeds, int) else tuple(seeds)
    chosen = tuple(find_entry(each) if isinstance(each, str) else each for each in only) or entries()
    numbers, node_class = _read_steps(steps)
    if not wanted or not numbers:
        raise ScenarioError("the catalogue needs at least one seed and one step")
    places = [(entry, step) for entry in chosen for step in numbers]
    work = functools.partial(try_seeds, wanted, node_class)
    if node_class is not None or (workers is None and len(places) * len(wanted) <= FEW_RUNS):
        workers = 1  # A class from a notebook's cell has no file that another process could load.
    cells = []
    for (entry, step), outcomes in zip(places, map_on_cores(work, places, workers), strict=True):
        cells.append(CatalogueCell(entry, step, tuple(outcomes)))
        if progress is not None:
            progress(len(cells), len(places))
    return CatalogueReport(cells)


def try_seeds(
    seeds: tuple[int, ...], node_class: type | None, place: tuple[CatalogueEntry, int | None]
) -> list[CatalogueOutcome]:
    """Run the seeds of one cell of the table.

    Args:
        seeds: The seeds.
        node_class: The Node class, if it is not a step's.
        place: The entry and the step; the step is None with a custom class.
    """
    entry, step = place
    return [try_entry(entry, step, seed, node_class) for seed in seeds]


def _read_steps(steps: int | type | Iterable[int] | None) -> tuple[list[int | None], type | None]:
    if isinstance(steps, type):
        return [None], arguments.read_step(steps)[1]
    if steps is None:
        return [step.number for step in STEPS if step.number >= FIRST_STEP], None
    given: Any = steps
    wanted = list(given) if isinstance(given, Iterable) and not isinstance(given, str) else [given]
    for number in wanted:
        if type(number) is not int:
            raise ScenarioError(f"the catalogue takes numbers of steps, or a Node class, not {number!r}")
    try:
        numbers = [find_step(number).number for number in wanted]
    except LookupError as error:
        raise ScenarioError(str(error)) from error
    if any(number < FIRST_STEP for number in numbers):
        raise ScenarioError(f"every scenario of the catalogue begins with an election; step {FIRST_STEP} is the first")
    return list(numbers), None
