"""Find the bug: students hand in tests, and each is run with wrong Nodes (mutants) and with the correct one.

A file holds tests, separated by lines ``---``. A test is a scenario, which finds a bug if a property of the step is
violated; a schedule, as the model checker prints it, likewise; or a scenario with `expect` lines, as in the catalogue,
which finds a bug if an expectation fails. A test that finds a bug in the correct Node is a false alarm and counts for
nothing, and neither does one that is not small. All tests are data: no code of a student is run.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from raft_steps import node
from raft_steps.lab.errors import LabError, NodeError, ScenarioError
from raft_steps.lab.grading.html_pages import render
from raft_steps.lab.scenario.model import MICROSECONDS
from raft_steps.lab.scenario.scenario import Scenario
from raft_steps.lab.source.submission_cells import SubmissionError, read_text
from raft_steps.lab.verify.conformance import read_entry, try_entry
from raft_steps.lab.verify.fuzzer import try_scenario
from raft_steps.lab.verify.model_checker import INVARIANTS, Schedule, run_schedule
from raft_steps.lab.verify.properties import Rule, kept_by

TESTS_MAX, TEXT_MAX, SERVERS_MAX = 50, 100_000, 9
# A test counts if it is small: a bug that is understood needs few actions. A scenario of `adversity` has more.
ACTIONS_MAX, END_MAX_S, STEPS_MAX = 12, 120, 40
SEPARATOR = "---"

BugTest = Callable[[type], str]  # runs a test with a Node class; returns what is wrong, or ""


@dataclass(slots=True)
class BugHunt:
    """The results of a student's tests.

    Attributes:
        step: The step.
        killed: For each mutant, by its number, 1 if a test found it and 0 if not.
        sentence: The result in one sentence.
        outcomes: The outcome of each test, a sentence each.
    """

    step: int
    killed: dict[str, int]
    sentence: str = ""
    outcomes: list[str] = field(default_factory=list)

    @property
    def score(self) -> float:
        """The share of mutants that were found, from 0 to 100."""
        return round(100 * sum(self.killed.values()) / max(1, len(self.killed)), 1)

    def as_data(self) -> dict[str, Any]:
        """Return the result as data for JSON."""
        return {
            "step": self.step,
            "score": self.score,
            "points": sum(self.killed.values()),
            "of": len(self.killed),
            "sentence": self.sentence,
            "checks": self.killed,
            "remarks": self.outcomes,
        }

    def page(self, student: str) -> str:
        """Return the page for the student."""
        return render("find_the_bug.html", student=student, hunt=self)


def grade_tests(path: Path | None, step: int, mutants: Sequence[type]) -> BugHunt:
    """Run a student's tests with the mutants and with the correct Node.

    Args:
        path: The file with the tests; None if none was handed in.
        step: The step; its Node is the correct one.
        mutants: The wrong Nodes.
    """
    result = BugHunt(step, {f"mutant {number}": 0 for number in range(1, len(mutants) + 1)})
    try:
        texts = read_tests(path)
    except SubmissionError as error:
        result.sentence = f"{error}."
        return result
    alarms = 0
    for number, text in enumerate(texts, start=1):
        try:
            run_test = read_test(text, step)
            wrong = run_test(node(step))
        except (LabError, RecursionError, ValueError) as error:
            result.outcomes.append(f"Test {number} cannot be run: {' '.join(str(error).split())[:300]}")
            continue
        if wrong:
            alarms += 1
            result.outcomes.append(
                f"Test {number} is a false alarm: with the correct Node, {' '.join(wrong.split())[:300]}"
            )
            continue
        found = [name for name, mutant in zip(result.killed, mutants, strict=True) if _finds(run_test, mutant)]
        result.killed |= dict.fromkeys(found, 1)
        result.outcomes.append(f"Test {number} finds {', '.join(found) or 'none of the mutants'}.")
    false = f" {alarms} false alarm{'s' * (alarms != 1)}." if alarms else ""
    result.sentence = f"{sum(result.killed.values())} of {len(mutants)} mutants are found by {len(texts)} tests.{false}"
    return result


def read_tests(path: Path | None) -> list[str]:
    """Read a file of tests.

    Raises:
        SubmissionError: There is no file, it is not a text, or it contains no test or too many.
    """
    if path is None:
        raise SubmissionError("nothing was handed in, or more than one file")
    text = read_text(path)
    if len(text) > TEXT_MAX:
        raise SubmissionError(f"{path.name} has {len(text):,} characters; a file of tests has at most {TEXT_MAX:,}")
    tests: list[list[str]] = [[]]
    for line in text.splitlines():
        if line.strip() == SEPARATOR:
            tests.append([])
        else:
            tests[-1].append(line)
    found = ["\n".join(lines) for lines in tests if any(line.partition("#")[0].strip() for line in lines)]
    if not found:
        raise SubmissionError(f"{path.name} contains no test")
    if len(found) > TESTS_MAX:
        raise SubmissionError(f"{path.name} contains {len(found)} tests; the limit is {TESTS_MAX}")
    return found


def read_test(text: str, step: int) -> BugTest:
    """Parse a test, and return a function that runs it.

    Raises:
        LabError: The test cannot be parsed, or is larger than a test may be.
    """
    if "raft-steps-schedule" in text:
        schedule = Schedule.parse(text)
        _check_size(len(schedule.servers), 0, 0, len(schedule.steps))
        names = [rule.name for rule in kept_by(step) if rule.name in INVARIANTS]
        return lambda node_class: _run_schedule(schedule, node_class, names)
    if any(line.strip().startswith(("expect ", "hold ", "name ")) for line in text.splitlines()):
        named = text if any(line.startswith("name ") for line in text.splitlines()) else f"name Test\n{text}"
        entry = read_entry(named)
        if entry.scripts:
            raise ScenarioError("a test lists its actions; it cannot name a script")
        _check_size(len(entry.plain.servers), entry.plain.until_us or 0, len(entry.plain.actions))
        return lambda node_class: try_entry(entry, None, entry.plain.seed, node_class).wrong
    lines = [line.partition("#")[0].strip().rstrip(";") for line in text.splitlines()]
    scenario = Scenario.parse("; ".join(line for line in lines if line))
    _check_size(len(scenario.servers), scenario.end_us, len(scenario.actions))
    return lambda node_class: _run_scenario(scenario, kept_by(step), node_class)


def _run_scenario(scenario: Scenario, rules: Sequence[Rule], node_class: type) -> str:
    """Run a scenario, and return what is wrong.

    Raises:
        ScenarioError: Nothing broke, but not everything could be judged.
    """
    trial = try_scenario(scenario, rules, node_class)
    if trial.unjudged and not trial.broken:
        raise ScenarioError(f"it could not be judged: {trial.unjudged}")
    return trial.text


def _check_size(servers: int, end_us: int, actions: int, steps: int = 0) -> None:
    if servers > SERVERS_MAX or end_us > END_MAX_S * MICROSECONDS:
        raise ScenarioError(f"a test has at most {SERVERS_MAX} servers and {END_MAX_S} s")
    if actions > ACTIONS_MAX or steps > STEPS_MAX:
        found = f"{actions} actions" if actions > ACTIONS_MAX else f"{steps} steps"
        raise ScenarioError(
            f"this one has {found}; a test has at most {ACTIONS_MAX} actions, or {STEPS_MAX} steps of a schedule: leave out "
            "what the bug does not need"
        )


def _run_schedule(schedule: Schedule, node_class: type, names: list[str]) -> str:
    replayed = run_schedule(schedule, node_class, names)
    if isinstance(replayed.error, NodeError):
        return str(replayed.error)
    wanted = [found for found in replayed.breaks if found.name in names]
    return f"{wanted[0].name}: {wanted[0].words}" if wanted else ""


def _finds(run_test: BugTest, mutant: type) -> bool:
    try:
        return bool(run_test(mutant))
    except NodeError:
        return True
    except (LabError, RecursionError, ValueError):
        return False  # The test does not fit this mutant: for one, a schedule may deliver a message that the mutant never sends.
