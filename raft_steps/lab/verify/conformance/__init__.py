"""The catalogue: scenarios with checks, after the tests that other courses of Raft are known for.

Names and thresholds are those of MIT's lab (6.5840, parts 3A to 3C; 3D and the key-value labs need snapshots and client
sessions) and of eliben/raft (parts 1 to 3). The scenarios are our own, in virtual time. Each is a file beside this
module, `mit_…` or `eliben_…`; `entry` says how such a file is written, `expectations` what it may expect.

How real time is translated. Both use the paper's timing here: heartbeats every 50 ms, timeouts of 150 to 300 ms.
eliben's tests have that timing, so their times are as they are. MIT's allow ten heartbeats a second, half as many, so
MIT's times are halved: a leader within 2.5 s for 5, nothing committed for 1 s for 2, messages that take up to 13 ms for
26, a pause of 6.5 or 250 ms for 13 or 500. Counts of calls and bytes are as they are. Where their testers wait until
something has happened and then go on, a scenario goes on at a fixed time that leaves several election timeouts to it;
where a tester looks again and again, an expectation has a window with ten looks. Figure8Unreliable has 400 rounds for
1,000, and 20 s in which all must agree again: whoever goes back entry by entry needs them.

Merged, because they would be the same scenario twice: each file says in `known as` what it stands for.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from pathlib import Path

from raft_steps import STEPS, find_step
from raft_steps.lab.errors import ScenarioError
from raft_steps.lab.scenario import arguments
from raft_steps.lab.text import nearest
from raft_steps.lab.verify.conformance.entry import Entry, NotYet, read_entry, read_file
from raft_steps.lab.verify.conformance.report import CatalogueReport, Cell
from raft_steps.lab.verify.conformance.trial import Outcome, try_entry
from raft_steps.lab.verify.fuzzer.workers import map_on_cores

__all__ = [
    "CatalogueReport", "Cell", "Entry", "NotYet", "Outcome", "catalogue", "entries", "find_entry", "read_entry",
    "read_file", "try_entry",
]  # fmt: skip

FOLDER = Path(__file__).parent / "scenarios"
FIRST_STEP = 4  # the first whose servers elect; every scenario begins with an election
FEW_RUNS = 600  # so many runs, and fewer, are done before other processes have begun


@functools.cache
def entries() -> tuple[Entry, ...]:
    """Give all scenarios of the catalogue: MIT's first, in the order of the lab, then eliben's."""
    paths = sorted(FOLDER.glob("*.txt"), key=lambda path: (not path.name.startswith("mit"), path.name))
    return tuple(read_file(path) for path in paths)


def find_entry(name: str) -> Entry:
    """Give a scenario by its name.

    Raises:
        ScenarioError: There is none of that name.
    """
    for entry in entries():
        if entry.name == name:
            return entry
    raise ScenarioError(f"the catalogue has no {name!r}{nearest(name, [entry.name for entry in entries()])}")


def catalogue(
    steps: int | type | Iterable[int] | None = None,
    seeds: Iterable[int] | int = 1,
    *,
    only: Iterable[Entry | str] = (),
    workers: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> CatalogueReport:
    """Try steps, or a Node class, with the scenarios of the catalogue.

    Args:
        steps: A step's number, several, a Node class such as your own, or None for all steps that elect.
        seeds: With which seeds, or with how many from 0.
        only: The scenarios, or their names; all by default.
        workers: How many processes; by default one, and one for each core where there is much to do.
        progress: Told after each cell how many are done, of how many.

    Returns:
        The report; in a notebook, its own table.

    Raises:
        ScenarioError: There is no such step or scenario, or nothing to try.
    """
    wanted = tuple(range(seeds)) if isinstance(seeds, int) else tuple(seeds)
    chosen = tuple(find_entry(each) if isinstance(each, str) else each for each in only) or entries()
    numbers, node_class = _read_steps(steps)
    if not wanted or not numbers:
        raise ScenarioError("the catalogue needs at least one seed and one step")
    places = [(entry, step) for entry in chosen for step in numbers]
    work = functools.partial(try_seeds, wanted, node_class)
    if node_class is not None or (workers is None and len(places) * len(wanted) <= FEW_RUNS):
        workers = 1  # A class of a notebook's cell has no file that another process could load.
    cells = []
    for (entry, step), outcomes in zip(places, map_on_cores(work, places, workers), strict=True):
        cells.append(Cell(entry, step, tuple(outcomes)))
        if progress is not None:
            progress(len(cells), len(places))
    return CatalogueReport(cells)


def try_seeds(seeds: tuple[int, ...], node_class: type | None, place: tuple[Entry, int | None]) -> list[Outcome]:
    """Try one cell of the table.

    Args:
        seeds: The seeds.
        node_class: The Node class, when it is not a step's.
        place: The scenario and the step; the step is None with a class of one's own.
    """
    entry, step = place
    return [try_entry(entry, step, seed, node_class) for seed in seeds]


def _read_steps(steps: int | type | Iterable[int] | None) -> tuple[list[int | None], type | None]:
    if isinstance(steps, type):
        return [None], arguments.read_step(steps)[1]
    if steps is None:
        return [step.number for step in STEPS if step.number >= FIRST_STEP], None
    wanted = [steps] if isinstance(steps, int) else list(steps)
    try:
        numbers = [find_step(number).number for number in wanted]
    except LookupError as error:
        raise ScenarioError(str(error)) from error
    if any(number < FIRST_STEP for number in numbers):
        raise ScenarioError(f"every scenario of the catalogue begins with an election; step {FIRST_STEP} is the first")
    return list(numbers), None
