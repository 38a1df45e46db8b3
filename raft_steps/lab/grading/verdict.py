"""The verdict on a submission: points for each check, for the private seeds and for the search, and a sentence.

Each check counts one point. The seeds count one point together, and so does the search: a promise that breaks once is
broken. Both count in proportion to the checks that pass, for a Node that does nothing breaks nothing either. A
submission that passes no more than the Node of the step before passes has done nothing yet, and has no points.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Self

from raft_steps.lab.checks import checks_of
from raft_steps.lab.grading.trials import Tried, new_checks, search_passed


@dataclass(slots=True)
class Verdict:
    """What a submission gets.

    Attributes:
        step: The step.
        checks: The points of each check, by its name: 0 or 1.
        sweep: The points of the private seeds, from 0 to 1; 0 where one breaks something.
        search: The points of the search, from 0 to 1.
        sentence: What is to be said, in one sentence.
        remarks: What an instructor may want to know beside.
        seeds: How many private seeds broke nothing, of how many.
    """

    step: int
    checks: dict[str, int]
    sweep: float = 0.0
    search: float = 0.0
    sentence: str = ""
    remarks: list[str] = field(default_factory=list)
    seeds: tuple[int, int] = (0, 0)

    @classmethod
    def nothing(cls, step: int, sentence: str, remarks: list[str] | None = None) -> Self:
        """Give no points, and say why."""
        names = [each.name for each in checks_of(step)]
        return cls(step, dict.fromkeys(names, 0), sentence=sentence, remarks=list(remarks or ()))

    @classmethod
    def of(cls, tried: Tried, step: int, remarks: list[str]) -> Self:
        """Give the points for what was tried."""
        passed = {result.name: int(result.passed) for result in tried.report.results}
        remarks = [*remarks, *tried.notes]
        if not any(passed[name] for name in new_checks(step)):
            first = next((result.message for result in tried.report.results if result.message), "")
            return cls.nothing(step, f"It does nothing of step {step} yet. {_one_line(first)}".strip(), remarks)
        share = sum(passed.values()) / len(passed)
        verdict = cls(step, passed, remarks=remarks)
        if tried.swept is not None:
            verdict.seeds = tried.swept.survived, tried.swept.tried
            verdict.sweep = round(share, 3) if tried.swept.survived == tried.swept.tried else 0.0
        verdict.search = round(share, 3) if search_passed(tried.found) else 0.0
        verdict.sentence = _say(tried, verdict)
        return verdict

    @property
    def points(self) -> float:
        """The points in all."""
        return round(sum(self.checks.values()) + self.sweep + self.search, 3)

    @property
    def most(self) -> int:
        """The points that can be had."""
        return len(self.checks) + 2

    @property
    def score(self) -> float:
        """The points as a share of what can be had, from 0 to 100."""
        return round(100 * self.points / self.most, 1)

    def as_data(self) -> dict[str, Any]:
        """Turn it into what JSON knows."""
        return {
            "step": self.step,
            "score": self.score,
            "points": self.points,
            "of": self.most,
            "sentence": self.sentence,
            "checks": self.checks,
            "sweep": self.sweep,
            "seeds": list(self.seeds),
            "search": self.search,
            "remarks": self.remarks,
        }


def _say(tried: Tried, verdict: Verdict) -> str:
    failed = [result for result in tried.report.results if not result.passed]
    if failed:
        return f"{len(failed)} of {len(verdict.checks)} checks fail, the first is: {failed[0].name}."
    if tried.swept is not None and tried.swept.first is not None:
        survived, of = verdict.seeds
        return f"Every check passes; of {of} private seeds {of - survived} break {tried.swept.first.broken}."
    if not search_passed(tried.found):
        what = tried.found.what if tried.found is not None and tried.found.what else "a handler that fails"
        return f"Every check and every seed passes; the search finds {what}."
    return "Every check passes, and nothing breaks it."


def _one_line(text: str) -> str:
    return " ".join(text.split())[:300]
