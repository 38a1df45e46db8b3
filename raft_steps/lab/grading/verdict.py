"""The verdict on a submission: points for each check, for the private seeds and for the search, and a sentence.

Each check counts one point. The seeds together count one point, and so does the search: a single violation is enough
to lose it. Both are multiplied by the share of checks that pass, because a Node that does nothing violates
nothing. A submission that passes only checks that take no work (`baseline`) has no points.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Self

from raft_steps.lab.checks import checks_of
from raft_steps.lab.grading.trials import TrialResults, new_checks, search_passed
from raft_steps.lab.text import plural


@dataclass(slots=True)
class Verdict:
    """The points of a submission.

    Attributes:
        step: The step.
        checks: The points of each check, by its name: 0 or 1.
        sweep: The points of the private seeds, from 0 to 1; 0 if a run violates a property.
        search: The points of the search, from 0 to 1.
        sentence: The verdict in one sentence.
        remarks: What else an instructor may want to know.
        seeds: How many runs with private seeds violated nothing, and how many could be judged.
        is_judged: Whether this is a verdict on the Node; otherwise the grader could not judge it, and has no points
            to give or to take.
    """

    step: int
    checks: dict[str, int]
    sweep: float = 0.0
    search: float = 0.0
    sentence: str = ""
    remarks: list[str] = field(default_factory=list)
    seeds: tuple[int, int] = (0, 0)
    is_judged: bool = True

    @classmethod
    def nothing(cls, step: int, sentence: str, remarks: list[str] | None = None) -> Self:
        """Return a verdict without points; the sentence says why."""
        names = [each.name for each in checks_of(step)]
        return cls(step, dict.fromkeys(names, 0), sentence=sentence, remarks=list(remarks or ()))

    @classmethod
    def not_judged(cls, step: int, why: str, remarks: list[str] | None = None) -> Self:
        """Return what stands in a verdict's place if the grader, and not the Node, is the reason for it."""
        verdict = cls.nothing(step, f"Could not be judged: {why}. An instructor has to look at it.", remarks)
        verdict.is_judged = False
        return verdict

    @classmethod
    def from_results(cls, results: TrialResults, step: int, remarks: list[str]) -> Self:
        """Return the verdict for the results of the trials."""
        passed = {result.name: int(result.passed) for result in results.report.results}
        remarks = [*remarks, *results.notes, *results.report.remarks]
        if not any(passed[name] for name in new_checks(step)):
            first = next((result.message for result in results.report.results if result.message), "")
            return cls.nothing(step, f"The Node does nothing of step {step} yet. {_one_line(first)}".strip(), remarks)
        share = sum(passed.values()) / len(passed)
        verdict = cls(step, passed, remarks=remarks)
        if results.sweep is not None:
            judged = results.sweep.tried - len(results.sweep.unjudged)
            verdict.seeds = results.sweep.survived, judged
            verdict.sweep = round(share, 3) if results.sweep.survived == judged > 0 else 0.0
            if results.sweep.unjudged:
                text = f"Could not be judged: {plural(len(results.sweep.unjudged), 'private seed')}. For one, "
                verdict.remarks.append(f"{text}{results.sweep.unjudged[0]}.")
        verdict.search = round(share, 3) if search_passed(results.search) else 0.0
        verdict.sentence = _sentence(results, verdict)
        assert 0 <= verdict.points <= verdict.most
        return verdict

    @property
    def points(self) -> float:
        """The sum of the points."""
        return round(sum(self.checks.values()) + self.sweep + self.search, 3)

    @property
    def most(self) -> int:
        """The highest possible sum."""
        return len(self.checks) + 2

    @property
    def score(self) -> float:
        """The points as a share of the highest sum, from 0 to 100."""
        return round(100 * self.points / self.most, 1)

    def as_data(self) -> dict[str, Any]:
        """Return the verdict as data for JSON; without a verdict, null stands for each number."""
        data: dict[str, Any] = {
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
            "judged": self.is_judged,
        }
        if not self.is_judged:
            data |= dict.fromkeys(("score", "points", "sweep", "search")) | {"checks": dict.fromkeys(self.checks)}
        return data


def _sentence(results: TrialResults, verdict: Verdict) -> str:
    failed = [result for result in results.report.results if not result.passed]
    if failed:
        return f"{len(failed)} of {len(verdict.checks)} checks fail, the first is: {failed[0].name}."
    if results.sweep is not None and results.sweep.first is not None:
        survived, of = verdict.seeds
        return f"Every check passes; {of - survived} of {of} private seeds violate {results.sweep.first.broken}."
    if not search_passed(results.search):
        what = results.search.what if results.search is not None and results.search.what else "a handler that fails"
        return f"Every check and every seed passes; the search finds {what}."
    return "Every check passes, and neither a seed nor the search violates a property."


def _one_line(text: str) -> str:
    return " ".join(text.split())[:300]
