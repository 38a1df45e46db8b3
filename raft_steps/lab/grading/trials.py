"""Tries a submission's Node: the checks of its step, the model checker, hidden checks, and runs with private seeds.

All of it runs in the judge, with a Node class that stands in for the submission's (`remote_node`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

from raft_steps import node
from raft_steps.lab.checks import CheckReport, check, checks_of
from raft_steps.lab.checks.parameters import DEFAULTS, CheckParameters
from raft_steps.lab.checks.report import CheckResult
from raft_steps.lab.errors import LabError
from raft_steps.lab.grading.baseline import passed_without_work
from raft_steps.lab.random_stream import RandomStream
from raft_steps.lab.runtime.watchdog import NOT_BACK
from raft_steps.lab.scenario.scenario import Scenario
from raft_steps.lab.verify.fuzzer import Shrunk, Trial, shrink
from raft_steps.lab.verify.fuzzer.blame import answers_too_few, is_available, try_with_reference
from raft_steps.lab.verify.fuzzer.profiles import adversity, servers_of
from raft_steps.lab.verify.model_checker import INVARIANTS, VIOLATED, Scope, Search, SearchResult
from raft_steps.lab.verify.model_checker import NODE_FAILED as SEARCH_NODE_FAILED
from raft_steps.lab.verify.properties import Rule, kept_by
from raft_steps.lab.verify.properties.rules import ACKNOWLEDGED_WRITES_LAST, SERVICE

PROFILES = ("disks", "hostile", "crashes", "partitions", "reelections", "reordering", "slow")
RUN_S = 6.0  # of virtual time for each seed
SEARCH_STATES = 1_500  # how many states the search visits at most
FIRST_STEP_WITH_TERMS, LATEST_TERM = 5, 500
PUBLIC_SEEDS = 14  # how many are tried to reproduce a failure without showing a private seed


class TrialError(Exception):
    """The laboratory itself failed, so nothing is known about the Node; the message says how."""


@dataclass(slots=True)
class PrivateSweep:
    """The results of the runs with private seeds.

    Attributes:
        tried: How many seeds count. After an endless loop the rest count too, although they are not run.
        survived: In how many of these runs no property was violated.
        unjudged: What could not be judged, in a sentence for each such run; it neither survived nor failed.
        first: The first run that violated one.
        profile: The fault profile of that run.
        public: A small run with a public seed that violates the same property; None if none was found.
        picture: HTML of that run.
    """

    tried: int = 0
    survived: int = 0
    unjudged: list[str] = field(default_factory=list)
    first: Trial | None = None
    profile: str = ""
    public: Shrunk | None = None
    picture: str = ""


@dataclass(slots=True)
class TrialResults:
    """The results of all trials of a submission.

    Attributes:
        report: The results of the checks.
        new: The names of the checks that take work.
        hidden: The results of the checks with each of the hidden parameters; empty if they were not tried.
        sweep: The results of the private seeds; None if they were not tried.
        search: The result of the model checker; None if it was not run.
        notes: What was not tried and why, in sentences.
        pictures: HTML of the failure of ``search``.
    """

    report: CheckReport
    new: frozenset[str]
    hidden: list[CheckReport] = field(default_factory=list)
    sweep: PrivateSweep | None = None
    search: SearchResult | None = None
    notes: list[str] = field(default_factory=list)
    pictures: dict[str, str] = field(default_factory=dict)

    def hidden_passed(self) -> set[str]:
        """Return the names of the checks that passed with all of the hidden parameters."""
        names = [{each.name for each in report.results if each.passed} for report in self.hidden]
        return set.intersection(*names) if names else set()


@cache
def new_checks(step: int, node_class: Any = None) -> frozenset[str]:
    """Return the names of the checks of a step that a Node does not pass without doing any of its work.

    Args:
        step: The step.
        node_class: The Node to compare with in an edition of the course that does not have the step.
    """
    reference: Any = node(step) if is_available(step) else node_class
    return frozenset(each.name for each in checks_of(step)) - passed_without_work(step, reference)


def try_node(
    node_class: Any,
    step: int,
    seeds: Sequence[int],
    hidden: Sequence[CheckParameters] = (),
    draw: Callable[[TrialResults], None] | None = None,
) -> TrialResults:
    """Run the checks, the model checker, the hidden checks and the private seeds on a Node class; return the results.

    What is public comes first: a Node remembers what it has seen, and may put it into its errors.

    Args:
        node_class: The class, or one that stands in for it.
        step: The step.
        seeds: The private seeds; the fault profiles take turns.
        hidden: The parameters of the hidden checks.
        draw: Called before anything private is run, to draw the pictures of the failures so far.

    Raises:
        TrialError: The laboratory failed.
    """
    results = TrialResults(_checked(node_class, step, DEFAULTS), new=new_checks(step, node_class))
    done = {result.name for result in results.report.results if result.passed}
    if not done & results.new:
        results.notes.append("The Node does nothing of this step yet, so nothing else was tried.")
    elif any(not result.tried for result in results.report.results):
        results.notes.append("A handler of the Node does not return, so nothing else was tried.")
    else:
        results.search = _search(node_class, step, results.notes)
        if draw is not None:
            draw(results)
        results.hidden = [_checked(node_class, step, each) for each in hidden]
        results.sweep = _sweep(node_class, step, seeds)
    return results


def _checked(node_class: Any, step: int, parameters: CheckParameters) -> CheckReport:
    try:
        return check(node_class, step, parameters)
    except LabError as error:
        return _all_failed(step, str(error))
    except Exception as error:
        raise TrialError(_words(error, "the checks")) from error


def _words(error: Exception, what: str) -> str:
    return f"{what} ended with an error of the laboratory, {type(error).__name__}"


def _all_failed(step: int, words: str) -> CheckReport:
    return CheckReport(step, [CheckResult(each, False, words, tried=False) for each in checks_of(step)])


def _sweep(node_class: Any, step: int, seeds: Sequence[int]) -> PrivateSweep:
    """Try the private seeds."""
    sweep, trials = PrivateSweep(), list[Trial]()
    for number, seed in enumerate(seeds):
        sweep.tried += 1
        profile = PROFILES[number % len(PROFILES)]
        scenario = _in_a_later_term(_scenario(step, profile, seed, node_class), step)
        _begin(node_class)
        trial = _try(scenario, kept_by(step, profile), node_class, step)
        sweep.survived += trial.survived
        sweep.unjudged += [trial.unjudged] if trial.unjudged and not trial.broken else []
        if trial.broken and sweep.first is None:
            sweep.first, sweep.profile = trial, profile
        if NOT_BACK in trial.text:  # The other runs would wait for the same endless loop.
            sweep.tried = len(seeds)
            break
        trials.append(trial)
    _compare_all(sweep, trials)
    return sweep


def _in_a_later_term(scenario: Scenario, step: int) -> Scenario:
    """Let the cluster of a private run begin with an entry of some term, so that no Node can know the terms of the run."""
    if step < FIRST_STEP_WITH_TERMS:
        return scenario
    term = RandomStream(scenario.seed, "private/term").randint(2, LATEST_TERM)
    return replace(scenario, logs=dict.fromkeys(scenario.servers, ((term, "set k0 0"),)))


def _compare_all(sweep: PrivateSweep, trials: Sequence[Trial]) -> None:
    """Let a Node fail that answers clearly fewer requests in all runs together: a short one may not show it."""
    compared = [each for each in trials if each.survived and each.expected is not None]
    answered, expected = sum(each.answered for each in compared), sum(each.expected or 0 for each in compared)
    if sweep.first is None and answers_too_few(answered, expected):
        text = f"In all runs together, {answered} requests were answered, and {expected} for the course's Node."
        sweep.first, sweep.survived = replace(compared[0], broken=SERVICE.name, text=text), 0


def _begin(node_class: Any) -> None:
    """Notify a class that stands in for a Node that something begins: a check, a run or a search, it is not said which."""
    getattr(node_class, "_run_begins", lambda: None)()


def _scenario(step: int, profile: str, seed: int, node_class: Any) -> Scenario:
    """Return the scenario of a seed; in an edition without the step, it names only the class."""
    known = step if is_available(step) else None
    return adversity(known, profile, seed, servers=servers_of(step), seconds=RUN_S, node_class=node_class)


def _try(scenario: Any, rules: Iterable[Rule], node_class: Any, step: int) -> Trial:
    """Run a scenario; what breaks counts only if the course's Node of the step keeps it in the same scenario."""
    try:
        return try_with_reference(scenario, rules, node_class, step if is_available(step) else None)
    except LabError as error:
        return Trial(
            seed=scenario.seed,
            broken="Node Failed",
            text=str(error),
            time_us=0,
            elections=0,
            faults=0,
            answered=0,
            events=0,
        )
    except Exception as error:
        raise TrialError(_words(error, "a private run")) from error


def find_public_run(step: int, node_class: Any, sweep: PrivateSweep, private: set[int]) -> Shrunk | None:
    """Return a small run that violates the same property with a public seed; None if none was found.

    Args:
        step: The step.
        node_class: The Node, in a process that has run nothing private: a Node remembers, and may tell.
        sweep: The private runs.
        private: The private seeds.
    """
    trial = sweep.first
    if trial is None or NOT_BACK in trial.text or trial.broken == SERVICE.name:
        return None  # A run that serves clients worse is shown by its figures; to make it small takes minutes.
    for seed in range(PUBLIC_SEEDS):
        profile = PROFILES[seed % len(PROFILES)]
        kept = [rule for rule in kept_by(step, profile) if trial.broken in (rule.name, "Node Failed")]
        public = _scenario(step, profile, seed, node_class)
        try:
            if kept and try_with_reference(public, kept, node_class, step).broken == trial.broken:
                small = shrink(public, node_class, rules=kept, reference=step)
                return small if small.scenario.seed not in private else None
        except Exception:  # noqa: BLE001  # There is no run to show; the points are not at stake.
            return None
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
    _begin(node_class)
    try:
        return Search(node_class, servers).run(scope, invariants=names, states=SEARCH_STATES)
    except LabError as error:
        notes.append(str(error))
        return None
    except Exception as error:
        raise TrialError(_words(error, "the search")) from error


def search_passed(result: SearchResult | None) -> bool:
    """Return whether a search found nothing wrong; a search that reached its limit passes, too."""
    return result is not None and result.outcome not in (VIOLATED, SEARCH_NODE_FAILED)
