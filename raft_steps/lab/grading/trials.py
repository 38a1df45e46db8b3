"""What a submission is tried with: the checks of its step, adversity from private seeds, and the search.

All of it runs in the judge, on a Node class that stands in for the submission's (`proxy`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from raft_steps import node
from raft_steps.lab.checks import Report, check, checks_of
from raft_steps.lab.checks.report import CheckResult
from raft_steps.lab.errors import LabError
from raft_steps.lab.grading.baseline import passed_without_work
from raft_steps.lab.runtime.watchdog import NOT_BACK
from raft_steps.lab.verify.fuzzer import Shrunk, Trial, shrink, try_scenario
from raft_steps.lab.verify.fuzzer.profiles import adversity
from raft_steps.lab.verify.model_checker import INVARIANTS, VIOLATED, Scope, Search
from raft_steps.lab.verify.model_checker import NODE_FAILED as SEARCH_NODE_FAILED
from raft_steps.lab.verify.model_checker import SearchResult as Found
from raft_steps.lab.verify.properties import Rule, kept_by
from raft_steps.lab.verify.properties.rules import ACKNOWLEDGED_WRITES_LAST

PROFILES = ("disks", "hostile", "crashes", "partitions", "reordering", "slow")
SECONDS = 6.0  # of virtual time for each seed
SEARCH_STATES = 1_500  # that the search looks at, at most
PUBLIC_SEEDS = 40  # that are tried in place of a private one, before a failure is shown without its run


def private_seeds(secret: str, count: int) -> list[int]:
    """Make seeds of a secret: nobody who does not know it can tell them.

    Args:
        secret: The secret.
        count: How many seeds.
    """
    hashes = (hashlib.sha256(f"raft-steps grade/{number}/{secret}".encode()).digest() for number in range(count))
    return [int.from_bytes(each[:7], "big") for each in hashes]


@dataclass(slots=True)
class Swept:
    """What came of the private seeds.

    Attributes:
        tried: How many were tried.
        survived: How many broke nothing.
        first: The first that broke something.
        shown: A small run that breaks the same and holds no private seed; None where none was found.
    """

    tried: int = 0
    survived: int = 0
    first: Trial | None = None
    shown: Shrunk | None = None


@dataclass(slots=True)
class Tried:
    """All that came of a submission.

    Attributes:
        report: The checks.
        swept: The private seeds; None where they were not tried.
        found: The search; None where it was not made.
        notes: What could not be tried and why, in sentences.
        pictures: Of the sweep and of the search, as HTML.
    """

    report: Report
    swept: Swept | None = None
    found: Found | None = None
    notes: list[str] = field(default_factory=list)
    pictures: dict[str, str] = field(default_factory=dict)


@cache
def new_checks(step: int) -> frozenset[str]:
    """Return the names of the checks of a step that a Node does not pass without doing any of its work."""
    return frozenset(each.name for each in checks_of(step)) - passed_without_work(step, node(step))


def try_node(node_class: Any, step: int, seeds: Sequence[int]) -> Tried:
    """Try a Node.

    Args:
        node_class: What stands in for it.
        step: The step.
        seeds: The private seeds; each is tried with one profile, in turn.
    """
    try:
        tried = Tried(check(node_class, step))
    except LabError as error:
        return Tried(_all_failed(step, str(error)), notes=[str(error)])
    except Exception:  # noqa: BLE001  # What a Node makes the checks stumble over is no check that passes.
        words = "The Node holds something that the checks can make no sense of."
        return Tried(_all_failed(step, words), notes=[words])
    done = {result.name for result in tried.report.results if result.passed}
    if not done & new_checks(step):
        tried.notes.append("The Node does nothing of this step yet, so no seed was tried, and no search made.")
    elif any(not result.tried for result in tried.report.results):
        tried.notes.append("The Node does not come back, so no seed was tried, and no search made.")
    else:
        tried.swept = _sweep(node_class, step, seeds)
        tried.found = _search(node_class, step, tried.notes)
    return tried


def _all_failed(step: int, words: str) -> Report:
    return Report(step, [CheckResult(each, False, words, tried=False) for each in checks_of(step)])


def _sweep(node_class: Any, step: int, seeds: Sequence[int]) -> Swept:
    """Try the seeds, and make the first failure small."""
    swept, rules = Swept(), kept_by(step)
    for number, seed in enumerate(seeds):
        swept.tried += 1
        scenario = adversity(step, PROFILES[number % len(PROFILES)], seed, seconds=SECONDS, node_class=node_class)
        trial = _try(scenario, rules, node_class)
        swept.survived += not trial.broken
        if trial.broken and swept.first is None:
            swept.first = trial
            swept.shown = _shown(scenario, rules, node_class, trial, set(seeds))
        if NOT_BACK in trial.text:  # The other seeds would only wait for the same loop.
            swept.tried = len(seeds)
            break
    return swept


def _try(scenario: Any, rules: Iterable[Rule], node_class: Any) -> Trial:
    try:
        return try_scenario(scenario, rules, node_class)
    except Exception as error:  # noqa: BLE001  # As in `try_node`.
        words = str(error) if isinstance(error, LabError) else "the Node did what a simulation can make no sense of"
        return Trial(
            seed=scenario.seed, broken="Node Failed", text=words, time=0, elections=0, faults=0, answered=0, events=0
        )


def _shown(scenario: Any, rules: tuple[Rule, ...], node_class: Any, trial: Trial, private: set[int]) -> Shrunk | None:
    """Find a small run that breaks the same rule by a seed that everybody may know; None if there is none."""
    if NOT_BACK in trial.text:
        return None
    wanted = [rule for rule in rules if rule.name == trial.broken] or rules
    for seed in range(PUBLIC_SEEDS):
        profile = PROFILES[seed % len(PROFILES)]
        public = adversity(scenario.step, profile, seed, seconds=SECONDS, node_class=node_class)
        if _try(public, wanted, node_class).broken == trial.broken:
            try:
                small = shrink(public, node_class, rules=wanted)
            except Exception:  # noqa: BLE001  # As in `try_node`.
                return None
            return small if small.scenario.seed not in private else None
    return None


def _search(node_class: Any, step: int, notes: list[str]) -> Found | None:
    """Go through the orders of events of a small cluster."""
    # Before there are elections an answer is no promise of a majority: the one leader has it in its own log.
    kept = [rule.name for rule in kept_by(step) if step >= 4 or rule is not ACKNOWLEDGED_WRITES_LAST]
    names = [name for name in kept if name in INVARIANTS]
    timeouts = {"election": 2} if step >= 4 else {}
    # Nobody takes over from a leader that crashes, either.
    scope = Scope(timeouts=timeouts, commands=("set x 1",), crashes=1 if step >= 4 else 0)
    servers = 1 if step == 1 else 3
    try:
        return Search(node_class, servers).run(scope, invariants=names, states=SEARCH_STATES)
    except Exception as error:  # noqa: BLE001  # As in `try_node`.
        notes.append(str(error) if isinstance(error, LabError) else "The search can make no sense of the Node.")
        return None


def search_passed(found: Found | None) -> bool:
    """Say whether a search found nothing wrong; one that reached its limit found nothing either."""
    return found is not None and found.outcome not in (VIOLATED, SEARCH_NODE_FAILED)
