"""The results of the ten-step test, as data that displays itself as a table."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from raft_steps.lab.cluster.cluster import Cluster
from raft_steps.lab.scenario.scenario import Scenario
from raft_steps.lab.text_table import html_table, text_table

SEEDS_SHOWN = 8  # how many failing seeds a table lists
GAP = "   "  # between two columns of a text table


@dataclass(slots=True)
class ListStepResult:
    """The result of one step of the list.

    Attributes:
        number: Its number in the list, from 1.
        sentence: What the list asks for.
        passed: Whether it passed, judged by the leader's reads and the logs.
        strict_passed: Whether it passed, judged by the state machines too.
        seconds: How much virtual time it took, in seconds.
        message: What is wrong, if it did not pass.
        strict_message: What is wrong with the state machines, if nothing else is.
    """

    number: int
    sentence: str
    passed: bool = False
    strict_passed: bool = False
    seconds: float = 0.0
    message: str = ""
    strict_message: str = ""


@dataclass(slots=True)
class TenStepsResult:
    """The result of going through the list once.

    Attributes:
        title: The step or the Node that was tested, such as ``step 8``.
        where: What it ran on: ``seed 3``, or ``real servers``.
        checks: The result of each list step.
    """

    title: str
    where: str
    checks: list[ListStepResult]

    @property
    def passed(self) -> bool:
        """Whether all ten list steps passed, judged by the leader's reads and the logs."""
        return all(check.passed for check in self.checks)

    @property
    def strict_passed(self) -> bool:
        """Whether all ten list steps passed, judged by the state machines too."""
        return all(check.strict_passed for check in self.checks)

    def __str__(self) -> str:
        """Return a line for each list step."""
        head = self._heading()
        return "\n".join([head, *text_table([("", "", "strictly", "seconds", ""), *self._rows()], gap=GAP)])

    __repr__ = __str__

    def _repr_mimebundle_(self, **_kwargs: Any) -> dict[str, str]:
        """Return the run as text and as an HTML table."""
        caption = self._heading()
        columns = ("list step", "logs and reads", "state machines too", "seconds", "")
        return {"text/plain": str(self), "text/html": _html_table(caption, columns, self._rows())}

    def _heading(self) -> str:
        return f"The ten-step test, {self.title}, {self.where}: {self._verdict()}"

    def _verdict(self) -> str:
        return f"{_word(self.passed)}; strictly: {_word(self.strict_passed)}"

    def _rows(self) -> list[tuple[str, ...]]:
        return [
            (
                f"{check.number}. {check.sentence}",
                _word(check.passed),
                _word(check.strict_passed),
                f"{check.seconds:.1f}",
                check.message or check.strict_message,
            )
            for check in self.checks
        ]


@dataclass(slots=True, repr=False)
class TenStepsRun(TenStepsResult):
    """The result of a run in virtual time.

    Attributes:
        seed: The seed of the run.
        cluster: The cluster, as the run left it.
    """

    seed: int
    cluster: Cluster

    @property
    def scenario(self) -> Scenario:
        """The whole run as a scenario, to replay it."""
        return self.cluster.scenario


@dataclass(slots=True)
class TenStepsSweep:
    """Many runs of the ten-step test, each with another seed.

    Attributes:
        step: The step's number, or None for a learner's class.
        title: The step or the Node that was tested, such as ``step 8``.
        seeds: The seeds, in order.
        failed_seeds: The seeds whose run failed.
        strict_failed_seeds: The seeds whose run failed by the strict verdict.
        reasons: For each list step at which a run failed first, by its number, how many did.
        strict_reasons: The same, by the strict verdict.
        seconds: The virtual seconds that each list step took, in the runs that passed it.
    """

    step: int | None
    title: str
    seeds: list[int]
    failed_seeds: list[int] = field(default_factory=list)
    strict_failed_seeds: list[int] = field(default_factory=list)
    reasons: dict[int, int] = field(default_factory=dict)
    strict_reasons: dict[int, int] = field(default_factory=dict)
    seconds: dict[int, list[float]] = field(default_factory=dict)

    @property
    def passed(self) -> int:
        """How many runs passed."""
        return len(self.seeds) - len(self.failed_seeds)

    @property
    def strict_passed(self) -> int:
        """How many runs passed by the strict verdict."""
        return len(self.seeds) - len(self.strict_failed_seeds)

    def add(self, run: TenStepsRun) -> None:
        """Add the results of a run."""
        _count(run, [check.passed for check in run.checks], self.failed_seeds, self.reasons)
        _count(run, [check.strict_passed for check in run.checks], self.strict_failed_seeds, self.strict_reasons)
        for check in run.checks:
            if check.passed:
                self.seconds.setdefault(check.number, []).append(check.seconds)

    def __str__(self) -> str:
        """Return both rates, and the list steps at which runs failed."""
        head = f"The ten-step test, {self.title}, {len(self.seeds)} seeds"
        return "\n".join([head, *text_table(self._rows(), gap=GAP)])

    __repr__ = __str__

    def _repr_mimebundle_(self, **_kwargs: Any) -> dict[str, str]:
        """Return the sweep as text and as an HTML table."""
        caption = f"The ten-step test, {self.title}, {len(self.seeds)} seeds"
        columns = ("judged by", "passed", "first failure at list step", "seeds that fail")
        return {"text/plain": str(self), "text/html": _html_table(caption, columns, self._rows())}

    def _rows(self) -> list[tuple[str, ...]]:
        both = (
            ("logs and the leader's reads", self.passed, self.reasons, self.failed_seeds),
            ("the state machines too", self.strict_passed, self.strict_reasons, self.strict_failed_seeds),
        )
        return [
            (judge, f"{count} of {len(self.seeds)}", _reasons_text(reasons), _seeds_text(seeds))
            for judge, count, reasons, seeds in both
        ]


def _count(run: TenStepsRun, verdicts: list[bool], failed_seeds: list[int], reasons: dict[int, int]) -> None:
    """Record the seed of a run that failed, and count it under the first list step that failed."""
    if not all(verdicts):
        first = run.checks[verdicts.index(False)].number
        failed_seeds.append(run.seed)
        reasons[first] = reasons.get(first, 0) + 1


def _word(passed: bool) -> str:
    return "passed" if passed else "failed"


def _reasons_text(reasons: dict[int, int]) -> str:
    return ", ".join(f"{number} ({count} times)" for number, count in sorted(reasons.items())) or "none"


def _seeds_text(seeds: list[int]) -> str:
    more = f" and {len(seeds) - SEEDS_SHOWN} more" if len(seeds) > SEEDS_SHOWN else ""
    return " ".join(str(seed) for seed in seeds[:SEEDS_SHOWN]) + more


def _html_table(caption: str, columns: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    return html_table(rows, header=columns, align=["left"] * len(columns), caption=caption)
