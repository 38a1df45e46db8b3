"""Tries a submission's Node: the checks of its step, runs with private seeds, and the model checker.

All of it runs in the judge, with a Node class that stands in for the submission's (`remote_node`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from raft_steps import node
from raft_steps.lab.checks import CheckReport, check, checks_of
from raft_steps.lab.checks.report import CheckResult
from raft_steps.lab.errors import LabError
from raft_steps.lab.grading.baseline import passed_without_work
from raft_steps.lab.runtime.watchdog import NOT_BACK
from raft_steps.lab.verify.fuzzer import Shrunk, Trial, shrink
from raft_steps.lab.verify.fuzzer.blame import try_with_reference
from raft_steps.lab.verify.fuzzer.profiles import adversity
from raft_steps.lab.verify.model_checker import INVARIANTS, VIOLATED, Scope, Search, SearchResult
from raft_steps.lab.verify.model_checker import NODE_FAILED as SEARCH_NODE_FAILED
from raft_steps.lab.verify.properties import Rule, kept_by
from raft_steps.lab.verify.properties.rules import ACKNOWLEDGED_WRITES_LAST

PROFILES = ("disks", "hostile", "crashes", "partitions", "reelections", "reordering", "slow")
RUN_S = 6.0  # of virtual time for each seed
SEARCH_STATES = 1_500  # how many states the search visits at most
PUBLIC_SEEDS = 40  # how many are tried to reproduce a failure without showing a private seed


def private_seeds(secret: str, count: int) -> list[int]:
    """Derive seeds from a secret; without the secret they cannot be guessed.

    Args:
        secret: The secret.
        count: How many seeds.
    """
    hashes = (hashlib.sha256(f"raft-steps grade/{number}/{secret}".encode()).digest() for number in range(count))
    return [int.from_bytes(each[:7], "big") for each in hashes]


@dataclass(slots=True)
class PrivateSweep:
    """The results of the runs with private seeds.

    Attributes:
        tried: How many seeds count. After an endless loop the rest count too, although they are not run.
        survived: In how many of these runs no property was violated.
        unjudged: What could not be judged, in a sentence for each such run; it neither survived nor failed.
        first: The first run that violated one.
        public: A small run with a public seed that violates the same property; None if none was found.
    """

    tried: int = 0
    survived: int = 0
    unjudged: list[str] = field(default_factory=list)
    first: Trial | None = None
    public: Shrunk | None = None


@dataclass(slots=True)
class TrialResults:
    """The results of all trials of a submission.

    Attributes:
        report: The results of the checks.
        sweep: The results of the private seeds; None if they were not tried.
        search: The result of the model checker; None if it was not run.
        notes: What was not tried and why, in sentences.
        pictures: HTML of the failures of ``sweep`` and of ``search``.
    """

    report: CheckReport
    sweep: PrivateSweep | None = None
    search: SearchResult | None = None
    notes: list[str] = field(default_factory=list)
    pictures: dict[str, str] = field(default_factory=dict)


@cache
def new_checks(step: int) -> frozenset[str]:
    """Return the names of the checks of a step that a Node does not pass without doing any of its work."""
    return frozenset(each.name for each in checks_of(step)) - passed_without_work(step, node(step))


def try_node(node_class: Any, step: int, seeds: Sequence[int]) -> TrialResults:
    """Run the checks, the private seeds and the model checker on a Node class; return the results.

    Args:
        node_class: The class, or one that stands in for it.
        step: The step.
        seeds: The private seeds; the fault profiles take turns.
    """
    try:
        results = TrialResults(check(node_class, step))
    except LabError as error:
        return TrialResults(_all_failed(step, str(error)), notes=[str(error)])
    except Exception:  # noqa: BLE001  # A Node may make a check fail in unforeseen ways; then no check has passed.
        words = "The Node contains something that the checks cannot interpret."
        return TrialResults(_all_failed(step, words), notes=[words])
    done = {result.name for result in results.report.results if result.passed}
    if not done & new_checks(step):
        results.notes.append("The Node does nothing of this step yet, so no seed was tried and no search made.")
    elif any(not result.tried for result in results.report.results):
        results.notes.append("A handler of the Node does not return, so no seed was tried and no search made.")
    else:
        results.sweep = _sweep(node_class, step, seeds)
        results.search = _search(node_class, step, results.notes)
    return results


def _all_failed(step: int, words: str) -> CheckReport:
    return CheckReport(step, [CheckResult(each, False, words, tried=False) for each in checks_of(step)])


def _sweep(node_class: Any, step: int, seeds: Sequence[int]) -> PrivateSweep:
    """Try the private seeds, and find a small public run for the first failure."""
    sweep = PrivateSweep()
    for number, seed in enumerate(seeds):
        sweep.tried += 1
        profile = PROFILES[number % len(PROFILES)]
        rules = kept_by(step, profile)
        scenario = adversity(step, profile, seed, seconds=RUN_S, node_class=node_class)
        trial = _try(scenario, rules, node_class, step)
        sweep.survived += trial.survived
        sweep.unjudged += [trial.unjudged] if trial.unjudged and not trial.broken else []
        if trial.broken and sweep.first is None:
            sweep.first = trial
            sweep.public = _find_public_run(step, rules, node_class, trial, set(seeds))
        if NOT_BACK in trial.text:  # The other runs would wait for the same endless loop.
            sweep.tried = len(seeds)
            break
    return sweep


def _try(scenario: Any, rules: Iterable[Rule], node_class: Any, step: int) -> Trial:
    """Run a scenario; what breaks counts only if the course's Node of the step keeps it in the same scenario."""
    try:
        return try_with_reference(scenario, rules, node_class, step)
    except Exception as error:  # noqa: BLE001  # As in `try_node`.
        words = (
            str(error) if isinstance(error, LabError) else "the Node did something that a simulation cannot interpret"
        )
        return Trial(
            seed=scenario.seed, broken="Node Failed", text=words, time_us=0, elections=0, faults=0, answered=0, events=0
        )


def _find_public_run(
    step: int, rules: tuple[Rule, ...], node_class: Any, trial: Trial, private: set[int]
) -> Shrunk | None:
    """Return a small run that violates the same property with a public seed; None if none was found."""
    if NOT_BACK in trial.text:
        return None
    wanted = [rule for rule in rules if rule.name == trial.broken] or rules
    for seed in range(PUBLIC_SEEDS):
        profile = PROFILES[seed % len(PROFILES)]
        kept = [rule for rule in wanted if rule in kept_by(step, profile)]
        public = adversity(step, profile, seed, seconds=RUN_S, node_class=node_class)
        if _try(public, kept, node_class, step).broken == trial.broken:
            try:
                small = shrink(public, node_class, rules=kept, reference=step)
            except Exception:  # noqa: BLE001  # As in `try_node`.
                return None
            return small if small.scenario.seed not in private else None
    return None


def _search(node_class: Any, step: int, notes: list[str]) -> SearchResult | None:
    """Run the model checker on a small cluster."""
    # Before step 4 the only leader answers from its own log, so an answered write may be lost with it.
    kept = [rule.name for rule in kept_by(step) if step >= 4 or rule is not ACKNOWLEDGED_WRITES_LAST]
    names = [name for name in kept if name in INVARIANTS]
    timeouts = {"election": 2} if step >= 4 else {}
    # Nor does any other server take over from a leader that crashes, so before step 4 a crash would only stop the run.
    scope = Scope(timeouts=timeouts, commands=("set x 1",), crashes=1 if step >= 4 else 0)
    servers = 1 if step == 1 else 3
    try:
        return Search(node_class, servers).run(scope, invariants=names, states=SEARCH_STATES)
    except Exception as error:  # noqa: BLE001  # As in `try_node`.
        notes.append(str(error) if isinstance(error, LabError) else "The search cannot interpret the Node.")
        return None


def search_passed(result: SearchResult | None) -> bool:
    """Return whether a search found nothing wrong; a search that reached its limit passes, too."""
    return result is not None and result.outcome not in (VIOLATED, SEARCH_NODE_FAILED)
