"""Measures the speed of the laboratory, next to what it is compared with; `make bench` runs it.

A busy machine slows everything down, so the ratios within one run say more than the numbers. Each figure is the median
of several repetitions, and things that are compared are measured in turns.
"""

from __future__ import annotations

import argparse
import heapq
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from raft_steps.lab.checks.ten_steps import sweep_ten_steps
from raft_steps.lab.cluster.cluster import Cluster
from raft_steps.lab.commands import Set
from raft_steps.lab.messages import message
from raft_steps.lab.pictures.space_time import timeline
from raft_steps.lab.runtime.simulator.simulation import Simulation
from raft_steps.lab.scenario.model import MICROSECONDS, Action
from raft_steps.lab.scenario.scenario import default_scenario
from raft_steps.lab.text_table import text_table
from tests.bench.catalogue import figures as catalogue_figures
from tests.bench.linearizability import figures as linearizability_figures
from tests.bench.search import search_rows
from tests.bench.sweeps import sweep_figures
from tests.bench.writes import write_figures

ROOT = Path(__file__).parents[2]
PENDING = 40  # messages in flight in the bare loop: about as many as five servers have
STEP, SERVERS = 8, 5

# Run by a new Python: prints how long an import takes, and which packages it loads that do not belong to Python.
IMPORT = """
import sys, time
sys.path.insert(0, sys.argv[1])
before, begun = set(sys.modules), time.perf_counter()
import raft_steps
if sys.argv[2] == "all":
    import raft_steps.lab.cluster.cluster
    raft_steps.node(8)
took = time.perf_counter() - begun
names = {name.partition(".")[0] for name in set(sys.modules) - before} - set(sys.stdlib_module_names) - {"raft_steps"}
import json
print(json.dumps([took, sorted(names)]))
"""


@dataclass(frozen=True)
class Sizes:
    """How much is done; the tests do little."""

    repetitions: int = 5
    messages: int = 200_000
    beating: int = 300  # virtual seconds of heartbeats
    writing: int = 120  # virtual seconds with writes
    seeds: int = 1000
    drawn: int = 60  # virtual seconds of the recorded run
    operations: int = 10_000  # of the large history
    swept: int = 400  # seeds of the hostile profile


@dataclass(frozen=True)
class Row:
    """One line of the table."""

    what: str
    measured: str
    target: str = ""
    met: bool | None = None


@message
class Call:
    """A message like AppendEntries, for the bare loop."""

    term: int
    prev_log_index: int
    prev_log_term: int
    entries: tuple[int, ...]


def seconds_of(work: Callable[[], object]) -> float:
    """Measure one piece of work."""
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def median(work: Callable[[], float], repetitions: int) -> float:
    """Return the median of several measurements."""
    return statistics.median(work() for _ in range(repetitions))


def bare_loop(count: int) -> float:
    """Return the events per second of a heap that delivers message objects to a handler that does nothing."""
    agenda: list[tuple[int, int, Callable[[Call], None], Call]] = []

    def handler(message: Call) -> None:
        """Do nothing."""

    def call(number: int) -> Call:
        return Call(term=1, prev_log_index=number, prev_log_term=1, entries=())

    for number in range(PENDING):
        heapq.heappush(agenda, (number, number, handler, call(number)))

    def deliver() -> None:
        for number in range(PENDING, count + PENDING):
            now, _, hear, arrived = heapq.heappop(agenda)
            hear(arrived)
            heapq.heappush(agenda, (now + 1000 + number * 7919 % 9000, number, handler, call(number)))

    return count / seconds_of(deliver)


def simpy_loop(count: int) -> float | None:
    """Return the timeouts per second of SimPy, or None if it is not installed."""
    try:
        import simpy
    except ImportError:
        return None
    environment = simpy.Environment()

    def wait(delay: int) -> Generator[Any, Any, Any]:
        while True:
            yield environment.timeout(delay)

    for number in range(PENDING):
        environment.process(wait(1000 + number * 7919 % 9000))
    done = 0

    def steps() -> None:
        nonlocal done
        for done in range(count):  # noqa: B007  # The count is the measure.
            environment.step()

    return count / seconds_of(steps)


def heartbeats(virtual: int) -> float:
    """Return the events per second of five servers with heartbeats and a loss of 5%, after their election."""
    simulation = Simulation(default_scenario(STEP, SERVERS, timing="paper", loss=0.05), record=False)
    simulation.run_until(5 * MICROSECONDS)
    before = simulation.event_count
    took = seconds_of(lambda: simulation.run_until((5 + virtual) * MICROSECONDS))
    return (simulation.event_count - before) / took


def writes(virtual: int, per_second: int = 20) -> tuple[float, float]:
    """Return the virtual seconds, and the events, per second of five servers that are written to."""
    every = MICROSECONDS // per_second
    actions = [Action(5 * MICROSECONDS + n * every, "set", (f"k{n % 10}", str(n))) for n in range(virtual * per_second)]
    simulation = Simulation(default_scenario(STEP, SERVERS, timing="paper", actions=tuple(actions)), record=False)
    simulation.run_until(5 * MICROSECONDS)
    before = simulation.event_count
    took = seconds_of(lambda: simulation.run_until((5 + virtual) * MICROSECONDS))
    leader = next(host.node for host in simulation.hosts.values() if host.node.is_leader)
    assert len(leader.log) == virtual * per_second
    assert isinstance(leader.log[1].command, Set)
    return virtual / took, (simulation.event_count - before) / took


def imports(what: str) -> tuple[float, list[str]]:
    """Return how long a fresh Python takes to import the course, and what is loaded that is not Python's own."""
    command = [sys.executable, "-I", "-c", IMPORT, str(ROOT), what]
    took, names = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    return took, names


def simulator_rows(sizes: Sizes) -> list[Row]:
    """Measure the simulator against its peers, in turns."""
    bare, simpy, ours = [], [], []
    for _ in range(sizes.repetitions):
        bare.append(bare_loop(sizes.messages))
        simpy.append(simpy_loop(sizes.messages))
        ours.append(heartbeats(sizes.beating))
    bare_rate, our_rate = statistics.median(bare), statistics.median(ours)
    timeouts = [rate for rate in simpy if rate is not None]
    ratio = statistics.median(one / other for one, other in zip(ours, bare, strict=True))
    rows = [Row("bare heapq loop with message objects", f"{bare_rate:,.0f} events/s")]
    if timeouts:
        against = statistics.median(one / other for one, other in zip(ours, timeouts, strict=True))
        rows.append(Row("SimPy, as many timeouts", f"{statistics.median(timeouts):,.0f} events/s"))
        compared = f"; {against:.2f} of SimPy"
    else:
        compared = "; SimPy is not installed"
    measured = f"{our_rate:,.0f} events/s: {ratio:.2f} of bare{compared}"
    return [*rows, Row("simulator, 5 servers, heartbeats, 5% loss", measured, "0.25 of bare", ratio >= 0.25)]


def writing_row(sizes: Sizes) -> Row:
    """Measure a cluster that is written to, in turns with the bare loop."""
    found = [(*writes(sizes.writing), bare_loop(sizes.messages)) for _ in range(sizes.repetitions)]
    virtual, events, _ = (statistics.median(column) for column in zip(*found, strict=True))
    ratio = statistics.median(ours / bare for _, ours, bare in found)
    measured = f"{virtual:,.0f} virtual s/s ({events:,.0f} events/s: {ratio:.2f} of bare)"
    return Row("5 servers, heartbeats, 20 writes a second", measured, "1,000 virtual s/s", virtual >= 1000)


def ten_steps_row(sizes: Sizes) -> Row:
    """Measure the ten-step test."""
    took = seconds_of(lambda: sweep_ten_steps(STEP, sizes.seeds))
    return Row(f"ten-step test, step {STEP}, {sizes.seeds:,} seeds", f"{took:.1f} s", "20 s", took < 20)


def picture_row(sizes: Sizes) -> Row:
    """Measure a recorded run, and its picture."""
    runs, pictures = [], []
    for _ in range(sizes.repetitions):
        cluster = Cluster(STEP, SERVERS, timing="paper")
        runs.append(seconds_of(partial(cluster.run, sizes.drawn)))
        pictures.append(seconds_of(partial(timeline, cluster.trace)))
    run, picture = statistics.median(runs), statistics.median(pictures)
    measured = f"{run + picture:.2f} s ({run:.2f} s and {picture:.2f} s)"
    return Row(f"{sizes.drawn} virtual s recorded, and the diagram", measured, "0.3 s", run + picture < 0.3)


def import_rows(sizes: Sizes) -> list[Row]:
    """Measure the import, and whether it needs the standard library only."""
    took = median(lambda: imports("package")[0], sizes.repetitions)
    everything = median(lambda: imports("all")[0], sizes.repetitions)
    foreign = imports("all")[1]
    return [
        Row("import raft_steps", f"{took * 1000:.0f} ms", "150 ms", took < 0.15),
        Row("import raft_steps, Cluster and step 8", f"{everything * 1000:.0f} ms", "150 ms", everything < 0.15),
        Row("what that loads besides Python's own", ", ".join(foreign) or "nothing", "nothing", not foreign),
    ]


def measure(sizes: Sizes) -> list[Row]:
    """Measure everything."""
    return [
        *simulator_rows(sizes),
        writing_row(sizes),
        ten_steps_row(sizes),
        picture_row(sizes),
        *(Row(*row) for row in linearizability_figures(sizes.operations, sizes.repetitions)),
        *(Row(*row) for row in sweep_figures(sizes.swept, sizes.repetitions)),
        *(Row(*row) for row in search_rows(sizes.messages // 4)),
        *(Row(*row) for row in write_figures(sizes.messages // 20, sizes.repetitions)),
        *(Row(*row) for row in catalogue_figures(max(1, sizes.seeds // 10))),
        *import_rows(sizes),
    ]


def table(rows: list[Row]) -> str:
    """Lay the rows out in columns."""
    verdicts = {None: "", True: "met", False: "NOT MET"}
    cells = [("what", "measured", "target", ""), *((r.what, r.measured, r.target, verdicts[r.met]) for r in rows)]
    return "\n".join(text_table(cells))


def main(arguments: list[str]) -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="do little, to see that everything works")
    quick = parser.parse_args(arguments).quick
    sizes = Sizes(1, 2_000, 2, 2, 3, 2, 200, 4) if quick else Sizes()
    print(f"Python {sys.version.split()[0]}; the median of {sizes.repetitions} repetitions each")
    print(table(measure(sizes)))


if __name__ == "__main__":
    main(sys.argv[1:])
