"""Running a sweep: many seeds over the cores of a machine, or over a Dask cluster, in chunks.

The order of the answers is that of the seeds, whoever is quicker. A Node class of a notebook's cell has no file, so no
other process can load it: it is tried in this one, seed after seed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

from raft_steps.lab.errors import ScenarioError
from raft_steps.lab.scenario.arguments import title_of
from raft_steps.lab.scenario.scenario import Scenario
from raft_steps.lab.verify.fuzzer.profiles import adversity, find_profile
from raft_steps.lab.verify.fuzzer.report import SweepReport
from raft_steps.lab.verify.fuzzer.shrink import shrink
from raft_steps.lab.verify.fuzzer.trial import Trial, try_scenario
from raft_steps.lab.verify.fuzzer.workers import over_cores
from raft_steps.lab.verify.properties import RULES, Rule, kept_by

CHUNK = 20  # seeds that a worker takes at once
PATIENCE = "5s"  # of real time, for a scheduler to answer


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What every seed of a sweep has in common; it travels between processes.

    Attributes:
        step: The step whose Node runs; None with a class of one's own.
        source: Where a class of one's own is, as ``FILE:CLASS``; "" for none, or for one that has no file.
        profile: The name of the kind of adversity.
        servers: How many servers.
        seconds: How long each run takes, in seconds of virtual time.
        rules: The names of the rules that must not break.
    """

    step: int | None
    source: str
    profile: str
    servers: int
    seconds: float
    rules: tuple[str, ...]

    def chosen_rules(self) -> list[Rule]:
        """Give the rules themselves."""
        return [rule for rule in RULES if rule.name in self.rules]


def try_seeds(job: Job, seeds: Iterable[int], node_class: type | None = None) -> list[Trial]:
    """Try some seeds in this process.

    Args:
        job: What they have in common.
        seeds: The seeds.
        node_class: The Node class, when it is not a step's and has no file.
    """
    node_class = node_class or _load(job)
    rules = job.chosen_rules()
    return [try_scenario(_scenario(job, seed, node_class), rules, node_class) for seed in seeds]


def _scenario(job: Job, seed: int, node_class: type | None) -> Scenario:
    return adversity(
        job.step, job.profile, seed, servers=job.servers, seconds=job.seconds, node_class=node_class
    )  # fmt: skip


def sweep(
    step_or_node: int | type | str,
    profile: str = "hostile",
    seeds: Iterable[int] | int = 100,
    *,
    servers: int = 5,
    seconds: float = 30,
    rules: Iterable[Rule] | None = None,
    workers: int | None = None,
    scheduler: str | None = None,
    smallest: bool = True,
    progress: Callable[[int, int], None] | None = None,
) -> SweepReport:
    """Try many seeds of one kind of adversity.

    Args:
        step_or_node: The number of a step, a Node class such as your own, or where one is, as ``FILE:CLASS``.
        profile: The kind of adversity; `raft_steps.lab.verify.fuzzer.profiles` lists them.
        seeds: Which seeds, or how many from 0.
        servers: How many servers.
        seconds: How long each run takes, in seconds of virtual time.
        rules: The rules that must not break; by default those that the step is expected to keep, and all of them for a
            class of your own.
        workers: How many processes; one for each core by default.
        scheduler: The address of a Dask scheduler, such as ``tcp://host:8786``, whose workers do the runs.
        smallest: Whether to shrink the first failure.
        progress: Told after each chunk how many seeds are done, of how many.

    Returns:
        The report; in a notebook, its own table.

    Raises:
        ScenarioError: There is no such profile, or a number makes no sense.
        LookupError: There is no such step.
    """
    find_profile(profile)
    wanted = list(range(seeds)) if isinstance(seeds, int) else list(seeds)
    if not wanted or servers < 1 or seconds <= 0:
        raise ScenarioError("a sweep needs at least one seed, one server and some time")
    job, node_class = _job(step_or_node, profile, servers, seconds, rules)
    chunks = [wanted[start : start + CHUNK] for start in range(0, len(wanted), CHUNK)]
    trials: list[Trial] = []
    for found in _run(job, chunks, node_class, workers, scheduler):
        trials += found
        if progress is not None:
            progress(len(trials), len(wanted))
    report = SweepReport(job.step, title_of(step_or_node), profile, servers, seconds, job.rules, trials)
    if smallest and report.failed:
        first = report.failed[0]
        own, rules = node_class or _load(job), job.chosen_rules()
        # A Node that failed broke no rule, and is held against all of them again.
        again = [rule for rule in rules if rule.name == first.broken] or rules
        report.smallest = shrink(_scenario(job, first.seed, own), own, rules=again)
    return report


def _job(
    step_or_node: int | type | str, profile: str, servers: int, seconds: float, rules: Iterable[Rule] | None
) -> tuple[Job, type | None]:
    from raft_steps import find_step

    step = find_step(step_or_node).number if isinstance(step_or_node, int) else None
    if rules is None:
        rules = kept_by(step) if step is not None else RULES
    source = str(step_or_node) if isinstance(step_or_node, str) else ""
    if source:
        path, colon, name = source.rpartition(":")
        source = f"{Path(path if colon else source).resolve()}" + (f":{name}" if colon else "")
    names = tuple(rule.name for rule in rules)
    job = Job(step=step, source=source, profile=profile, servers=servers, seconds=seconds, rules=names)
    return job, step_or_node if isinstance(step_or_node, type) else None


def _load(job: Job) -> type | None:
    if not job.source:
        return None
    from raft_steps.lab.runtime.loading import load_node

    return load_node(job.source)


def _run(
    job: Job, chunks: list[list[int]], node_class: type | None, workers: int | None, scheduler: str | None
) -> Iterator[list[Trial]]:
    """Try the chunks, and give their answers in order."""
    if scheduler is not None:
        yield from _run_on_dask(job, chunks, node_class, scheduler)
    elif node_class is not None:
        yield from (try_seeds(job, chunk, node_class) for chunk in chunks)
    else:
        yield from over_cores(partial(try_seeds, job), chunks, workers)


def _run_on_dask(job: Job, chunks: list[list[int]], node_class: type | None, address: str) -> Iterator[list[Trial]]:
    try:
        distributed: Any = import_module("distributed")
    except ImportError as error:
        raise ScenarioError("a sweep on a Dask cluster needs an extra: pip install 'raft-steps[cluster]'") from error
    try:
        client = distributed.Client(address, timeout=PATIENCE, set_as_default=False)
    except (OSError, ValueError) as error:
        raise ScenarioError(f"no Dask scheduler answers at {address}: {error}") from error
    with client:
        futures = client.map(partial(try_seeds, job, node_class=node_class), chunks, pure=False)
        for future in futures:
            yield future.result()
