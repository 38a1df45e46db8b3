"""Find the bug: students hand in scenarios or tests, and each is run with mutants and with the right Node.

A file holds tests, with a line ``---`` between two. A test is a scenario, which finds a bug where a promise of the step
breaks; or a schedule, as the search prints it; or a scenario with `expect` lines, as in the catalogue, which finds one
where an expectation fails. A test that finds a bug in the right Node is a false alarm, and finds none at all.

All of it is data: no line of a student is run.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import Any

from raft_steps import node
from raft_steps.lab.course.extraction import SubmissionError, read_text
from raft_steps.lab.errors import LabError, NodeError, ScenarioError
from raft_steps.lab.grading.student_page import STYLE
from raft_steps.lab.scenario.model import MICROSECONDS
from raft_steps.lab.scenario.scenario import Scenario
from raft_steps.lab.verify.conformance import read_entry, try_entry
from raft_steps.lab.verify.fuzzer import try_scenario
from raft_steps.lab.verify.model_checker import INVARIANTS, Schedule, run_schedule
from raft_steps.lab.verify.properties import kept_by

TESTS_MAX, TEXT_MAX, SECONDS_MAX, SERVERS_MAX = 50, 100_000, 300, 9
BETWEEN = "---"

Alarm = Callable[[type], str]  # runs a test with a Node, and says what is wrong; "" if nothing is


@dataclass(slots=True)
class Hunt:
    """What a student's tests have found.

    Attributes:
        step: The step.
        killed: Whether each mutant was found out, by its number.
        sentence: What is to be said, in one sentence.
        told: What came of each test, a sentence each.
    """

    step: int
    killed: dict[str, int]
    sentence: str = ""
    told: list[str] = field(default_factory=list)

    @property
    def score(self) -> float:
        """The share of mutants that were found out, from 0 to 100."""
        return round(100 * sum(self.killed.values()) / max(1, len(self.killed)), 1)

    def as_data(self) -> dict[str, Any]:
        """Turn it into what JSON knows."""
        return {
            "step": self.step,
            "score": self.score,
            "points": sum(self.killed.values()),
            "of": len(self.killed),
            "sentence": self.sentence,
            "checks": self.killed,
            "remarks": self.told,
        }

    def page(self, student: str) -> str:
        """Give the page for the student; it says of no mutant what is wrong with it."""
        told = "".join(f"<li>{escape(each)}</li>" for each in self.told)
        rows = "".join(
            f"<tr><td>{escape(name)}</td><td>{'found' if k else '–'}</td></tr>" for name, k in self.killed.items()
        )
        return (
            f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>Find the bug: {escape(student)}</title>'
            f"<style>{STYLE}</style></head><body>\n<h1>Find the bug, step {self.step}: {escape(student)}</h1>\n"
            f"<p><strong>{self.score:g} of 100.</strong> {escape(self.sentence)}</p>\n<ol>{told}</ol>\n"
            f"<table>{rows}</table>\n</body></html>\n"
        )


def hunt(path: Path | None, step: int, mutants: Sequence[type]) -> Hunt:
    """Run a student's tests with the mutants and with the right Node.

    Args:
        path: The file with the tests; None where nothing was handed in.
        step: The step whose Node is the right one.
        mutants: The wrong Nodes.
    """
    result = Hunt(step, {f"mutant {number}": 0 for number in range(1, len(mutants) + 1)})
    try:
        texts = read_tests(path)
    except SubmissionError as error:
        result.sentence = f"{error}."
        return result
    alarms = 0
    for number, text in enumerate(texts, start=1):
        try:
            alarm = read_test(text, step)
            wrong = alarm(node(step))
        except (LabError, RecursionError, ValueError) as error:
            result.told.append(f"Test {number} cannot be run: {' '.join(str(error).split())[:300]}")
            continue
        if wrong:
            alarms += 1
            result.told.append(f"Test {number} is a false alarm: with the right Node, {' '.join(wrong.split())[:300]}")
            continue
        found = [name for name, mutant in zip(result.killed, mutants, strict=True) if _finds(alarm, mutant)]
        result.killed |= dict.fromkeys(found, 1)
        result.told.append(f"Test {number} finds {', '.join(found) or 'none of the mutants'}.")
    false = f" {alarms} false alarm{'s' * (alarms != 1)}." if alarms else ""
    result.sentence = f"{sum(result.killed.values())} of {len(mutants)} mutants are found by {len(texts)} tests.{false}"
    return result


def read_tests(path: Path | None) -> list[str]:
    """Read a file of tests.

    Raises:
        SubmissionError: There is none, or it is no text.
    """
    if path is None:
        raise SubmissionError("nothing was handed in, or more than one file")
    text = read_text(path)
    if len(text) > TEXT_MAX:
        raise SubmissionError(f"{path.name} has {len(text):,} characters; a file of tests has at most {TEXT_MAX:,}")
    tests: list[list[str]] = [[]]
    for line in text.splitlines():
        if line.strip() == BETWEEN:
            tests.append([])
        else:
            tests[-1].append(line)
    found = ["\n".join(lines) for lines in tests if any(line.partition("#")[0].strip() for line in lines)]
    if not found:
        raise SubmissionError(f"{path.name} holds no test")
    if len(found) > TESTS_MAX:
        raise SubmissionError(f"{path.name} holds {len(found)} tests; {TESTS_MAX} are enough")
    return found


def read_test(text: str, step: int) -> Alarm:
    """Read a test, and give what runs it.

    Raises:
        LabError: It cannot be read, or is larger than a test may be.
    """
    if "raft-steps-schedule" in text:
        schedule = Schedule.parse(text)
        _check_size(len(schedule.servers), 0)
        names = [rule.name for rule in kept_by(step) if rule.name in INVARIANTS]
        return lambda node_class: _run_schedule(schedule, node_class, names)
    if any(line.strip().startswith(("expect ", "hold ", "name ")) for line in text.splitlines()):
        named = text if any(line.startswith("name ") for line in text.splitlines()) else f"name Test\n{text}"
        entry = read_entry(named)
        if entry.scripts:
            raise ScenarioError("a test writes its actions out; it has no script")
        _check_size(len(entry.plain.servers), entry.plain.until_us or 0)
        return lambda node_class: try_entry(entry, None, entry.plain.seed, node_class).wrong
    lines = [line.partition("#")[0].strip().rstrip(";") for line in text.splitlines()]
    scenario = Scenario.parse("; ".join(line for line in lines if line))
    _check_size(len(scenario.servers), scenario.end_us)
    return lambda node_class: try_scenario(scenario, kept_by(step), node_class).text


def _check_size(servers: int, end: int) -> None:
    if servers > SERVERS_MAX or end > SECONDS_MAX * MICROSECONDS:
        raise ScenarioError(f"a test has {SERVERS_MAX} servers and {SECONDS_MAX} s at most")


def _run_schedule(schedule: Schedule, node_class: type, names: list[str]) -> str:
    replayed = run_schedule(schedule, node_class, names)
    if isinstance(replayed.error, NodeError):
        return str(replayed.error)
    wanted = [found for found in replayed.breaks if found.name in names]
    return f"{wanted[0].name}: {wanted[0].words}" if wanted else ""


def _finds(alarm: Alarm, mutant: type) -> bool:
    try:
        return bool(alarm(mutant))
    except NodeError:
        return True
    except (LabError, RecursionError, ValueError):
        return False  # The test does not fit this mutant: a schedule, for one, names a message that is never sent.
