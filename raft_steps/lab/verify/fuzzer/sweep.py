"""Runs many seeds of a fault profile, in chunks, on the cores of a machine or on a Dask cluster.

The trials are in the order of the seeds, however many workers there are. A Node class from a notebook's cell has no
file that another process could load, so its seeds run in this process, one after another.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

from raft_steps import COURSE
from raft_steps.lab.errors import ScenarioError
from raft_steps.lab.runtime.launching import step_of_class
from raft_steps.lab.scenario.arguments import title_of
from raft_steps.lab.scenario.scenario import Scenario
from raft_steps.lab.verify.fuzzer.blame import is_available, try_with_reference
from raft_steps.lab.verify.fuzzer.profiles import adversity, find_profile, servers_of
from raft_steps.lab.verify.fuzzer.report import SweepReport
from raft_steps.lab.verify.fuzzer.shrink import CANDIDATES_MAX, Shrunk, shrink_smallest
from raft_steps.lab.verify.fuzzer.trial import Trial
from raft_steps.lab.verify.fuzzer.workers import map_on_cores
from raft_steps.lab.verify.properties import ALL_RULES, Rule, kept_by
from raft_steps.lab.verify.properties.rules import SERVICE

# Seeds that a worker runs at a time: enough to make the transfer between processes cheap, few enough for a progress
# bar that moves and for cores that finish together.
CHUNK = 20
DURATION_MAX_S = 86_400  # of a run: a day of virtual time
SCHEDULER_TIMEOUT = "5s"  # real time for a Dask scheduler to answer


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepJob:
    """What all seeds of a sweep have in common; it is pickled for each worker.

    Attributes:
        step: The step whose Node runs; None with a custom class.
        source: The file of a custom class, as ``FILE:CLASS``; "" if there is none, or the class has no file.
        profile: The name of the fault profile.
        servers: The number of servers.
        duration_s: The length of each run, in seconds of virtual time.
        rules: The names of the rules that must not break; each worker looks the rules up again.
        reference: The step of the course's Node that the Node is compared with; None without a comparison.
    """

    step: int | None
    source: str
    profile: str
    servers: int
    duration_s: float
    rules: tuple[str, ...]
    reference: int | None = None

    def find_rules(self) -> list[Rule]:
        """Return the rules with these names."""
        return [rule for rule in ALL_RULES if rule.name in self.rules]


def try_seeds(job: SweepJob, seeds: Iterable[int], node_class: type | None = None) -> list[Trial]:
    """Run some seeds in this process.

    Args:
        job: What the seeds have in common.
        seeds: The seeds.
        node_class: The Node class, if it is neither a step's nor in a file.
    """
    node_class = node_class or _load_class(job)
    rules = job.find_rules()
    return [
        try_with_reference(_scenario(job, seed, node_class), rules, node_class, job.reference) for seed in seeds
    ]  # fmt: skip


def _scenario(job: SweepJob, seed: int, node_class: type | None) -> Scenario:
    return adversity(
        job.step, job.profile, seed, servers=job.servers, seconds=job.duration_s, node_class=node_class
    )  # fmt: skip


def sweep(
    step_or_node: int | type | str,
    profile: str = "hostile",
    seeds: Iterable[int] | int = 100,
    *,
    servers: int | None = None,
    seconds: float = 30,
    rules: Iterable[Rule] | None = None,
    reference: int | None = None,
    workers: int | None = None,
    scheduler: str | None = None,
    smallest: bool = True,
    progress: Callable[[int, int], None] | None = None,
) -> SweepReport:
    """Run many seeds of a fault profile and check each run against the properties of Raft.

    Args:
        step_or_node: The number of a step, a Node class such as your own, or the file of one, as ``FILE:CLASS``.
        profile: The name of the fault profile; `raft_steps.lab.verify.fuzzer.profiles` lists them.
        seeds: The seeds, or their number, counted from 0.
        servers: The number of servers; by default five, and one for step 1, where servers do not connect.
        seconds: The length of each run, in seconds of virtual time.
        rules: The rules that must not break; by default those that the step keeps in runs with this profile. For your own
            class, the step is the one after that which it is derived from, or the last one.
        reference: The step of the course's Node that your class is compared with: your Node is blamed only if the
            course's Node keeps the rule in the same scenario. By default, with rules by default, the same step.
        workers: The number of processes; one for each core by default.
        scheduler: The address of a Dask scheduler, such as ``tcp://host:8786``, whose workers run the seeds.
        smallest: Whether to shrink a failure: the earliest one, or another that becomes smaller.
        progress: Called after each chunk with the number of finished seeds and the number of all seeds.

    Returns:
        The report, which a notebook shows as a table.

    Raises:
        ScenarioError: There is no such profile, a number is out of range, or no scheduler answers.
        LookupError: There is no such step.
        NodeLoadError: The class cannot be loaded from its file.
    """
    find_profile(profile)
    wanted = list(range(seeds)) if isinstance(seeds, int) else list(seeds)
    if servers is None:
        servers = servers_of(step_or_node if isinstance(step_or_node, int) else reference)
    if not wanted or servers < 1 or not 0 < seconds <= DURATION_MAX_S:
        raise ScenarioError(
            f"a sweep needs at least one seed, one server and some time, at most {DURATION_MAX_S:,} s a run"
        )
    job, node_class = _job(step_or_node, profile, servers, seconds)
    job = _with_rules(job, node_class, rules, reference)
    chunks = [wanted[start : start + CHUNK] for start in range(0, len(wanted), CHUNK)]
    trials: list[Trial] = []
    for of_chunk in _run(job, chunks, node_class, workers, scheduler):
        trials += of_chunk
        if progress is not None:
            progress(len(trials), len(wanted))
    assert [trial.seed for trial in trials] == wanted, "the report names failures by their seeds"
    report = SweepReport(job.step, title_of(step_or_node), profile, servers, seconds, job.rules, trials, job.reference)
    if smallest and report.failed:
        report.smallest = _smallest_failure(job, report.failed, node_class or _load_class(job))
    return report


def _smallest_failure(job: SweepJob, failed: list[Trial], node_class: type | None) -> Shrunk:
    """Shrink the failure that comes earliest in virtual time, and others if it does not become small."""
    rules = job.find_rules()
    earliest = sorted(failed, key=lambda trial: trial.time_us)
    # A Node that failed broke no rule; then any rule may break in the smaller runs.
    failures = [
        (_scenario(job, trial.seed, node_class), [rule for rule in rules if rule.name == trial.broken] or rules)
        for trial in earliest[:CANDIDATES_MAX]
    ]
    return shrink_smallest(failures, node_class, job.reference)


def _job(step_or_node: int | type | str, profile: str, servers: int, duration_s: float) -> tuple[SweepJob, type | None]:
    """Return the job, still without rules, and the Node class if no other process can load it."""
    from raft_steps import find_step

    step = find_step(step_or_node).number if isinstance(step_or_node, int) else None
    source = str(step_or_node) if isinstance(step_or_node, str) else ""
    if source:
        path, colon, name = source.rpartition(":")
        source = f"{Path(path if colon else source).resolve()}" + (f":{name}" if colon else "")
    job = SweepJob(step=step, source=source, profile=profile, servers=servers, duration_s=duration_s, rules=())
    return job, step_or_node if isinstance(step_or_node, type) else None


def _with_rules(
    job: SweepJob, node_class: type | None, rules: Iterable[Rule] | None, reference: int | None
) -> SweepJob:
    """Return the job with its rules, and with the step whose Node the Node is compared with."""
    if rules is None:
        custom = node_class or _load_class(job)
        of_class = None if custom is None else step_of_class(custom) or COURSE[-1].number
        rules = kept_by(job.step or of_class or COURSE[-1].number, job.profile)
        reference = of_class if reference is None else reference
    if reference is not None and not is_available(reference):
        # Without the course's Node to compare with, a Node is blamed only for what no run of the step breaks.
        without = reference
        rules, reference = [rule for rule in rules if rule is not SERVICE and not rule.reason(without)], None
    return dataclasses.replace(job, rules=tuple(rule.name for rule in rules), reference=reference)


def _load_class(job: SweepJob) -> type | None:
    if not job.source:
        return None
    from raft_steps.lab.runtime.loading import load_node

    return load_node(job.source)


def _run(
    job: SweepJob, chunks: list[list[int]], node_class: type | None, workers: int | None, scheduler: str | None
) -> Iterator[list[Trial]]:
    """Run the chunks, and yield their trials in order."""
    if scheduler is not None:
        yield from _run_on_dask(job, chunks, node_class, scheduler)
    elif node_class is not None:
        yield from (try_seeds(job, chunk, node_class) for chunk in chunks)
    else:
        yield from map_on_cores(partial(try_seeds, job), chunks, workers)


def _run_on_dask(
    job: SweepJob, chunks: list[list[int]], node_class: type | None, address: str
) -> Iterator[list[Trial]]:
    try:
        distributed: Any = import_module("distributed")
    except ImportError as error:
        raise ScenarioError("a sweep on a Dask cluster needs an extra: pip install 'raft-steps[cluster]'") from error
    try:
        client = distributed.Client(address, timeout=SCHEDULER_TIMEOUT, set_as_default=False)
    except (OSError, ValueError) as error:
        raise ScenarioError(f"no Dask scheduler answers at {address}: {error}") from error
    with client:
        futures = client.map(partial(try_seeds, job, node_class=node_class), chunks, pure=False)
        for future in futures:
            yield future.result()
