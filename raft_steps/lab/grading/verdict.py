"""The verdict on a submission: points for each part of the scheme, and a sentence.

A single violation is enough to lose the points of the private runs, or of the search. Both are multiplied by the share
of the checks that pass, also as hidden ones, because a Node that does nothing violates nothing. A submission that passes only checks that
take no work (`baseline`) has no points.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Self

from raft_steps.lab.grading.scheme import Scheme, read_scheme
from raft_steps.lab.grading.trials import TrialResults, search_passed
from raft_steps.lab.text import plural


@dataclass(slots=True)
class Verdict:
    """The points of a submission.

    Attributes:
        step: The step.
        scheme: The scheme of points.
        checks: The points of each check, by its name.
        hidden: The points of the hidden checks.
        sweep: The points of the private seeds; 0 if a run violates a property.
        search: The points of the search.
        sentence: The verdict in one sentence.
        remarks: What else an instructor may want to know.
        taken: Which Node of the submission was taken, as a clause; "" if there was no choice.
        hidden_failed: The names of the checks that pass as students see them, but not with other parameters.
        messages: What the checks that fail say, as students see it in the notebook.
        seeds: How many runs with private seeds violated nothing, and how many could be judged.
        is_judged: Whether this is a verdict on the Node; otherwise the grader could not judge it, and has no points
            to give or to take.
    """

    step: int
    scheme: Scheme
    checks: dict[str, float]
    hidden: float = 0.0
    sweep: float = 0.0
    search: float = 0.0
    sentence: str = ""
    remarks: list[str] = field(default_factory=list)
    taken: str = ""
    hidden_failed: list[str] = field(default_factory=list)
    messages: dict[str, str] = field(default_factory=dict)
    seeds: tuple[int, int] = (0, 0)
    is_judged: bool = True

    @classmethod
    def nothing(cls, step: int, sentence: str, remarks: list[str] | None = None, scheme: Scheme | None = None) -> Self:
        """Return a verdict without points; the sentence says why."""
        scheme = scheme or read_scheme(step)
        return cls(step, scheme, dict.fromkeys(scheme.weights, 0.0), sentence=sentence, remarks=list(remarks or ()))

    @classmethod
    def without_file(cls, step: int, problem: str, scheme: Scheme | None = None) -> Self:
        """Return the verdict where no file can be graded; the problem says why, as a clause."""
        words = "Nothing was handed in that can be graded."
        return cls.nothing(step, words, [f"{problem[:1].upper()}{problem[1:]}."] if problem else [], scheme)

    @classmethod
    def not_judged(cls, step: int, why: str, remarks: list[str] | None = None, scheme: Scheme | None = None) -> Self:
        """Return what stands in a verdict's place if the grader, and not the Node, is the reason for it."""
        verdict = cls.nothing(step, f"Could not be judged: {why}. An instructor has to look at it.", remarks, scheme)
        verdict.is_judged = False
        return verdict

    @classmethod
    def from_results(cls, results: TrialResults, step: int, remarks: list[str], scheme: Scheme | None = None) -> Self:
        """Return the verdict for the results of the trials."""
        scheme = scheme or read_scheme(step)
        passed = {result.name for result in results.report.results if result.passed}
        remarks = [*remarks, *results.notes, *results.report.remarks]
        messages = {result.name: result.message for result in results.report.results if not result.passed}
        if not passed & results.new:
            first = next((result.message for result in results.report.results if result.message), "")
            words = f"The Node does nothing of step {step} yet. {_one_line(first)}".strip()
            verdict = cls.nothing(step, words, remarks, scheme)
            verdict.messages = messages
            return verdict
        hidden = results.hidden_passed()
        share = scheme.share(passed & hidden if results.hidden else passed)
        points = {name: scheme.points_of(name) if name in passed else 0.0 for name in scheme.weights}
        verdict = cls(step, scheme, points, remarks=remarks, messages=messages)
        verdict.hidden = round(scheme.hidden_checks * scheme.share(hidden), 3)
        verdict.hidden_failed = [name for name in scheme.weights if name in passed - hidden] if results.hidden else []
        if results.sweep is not None:
            judged = results.sweep.tried - len(results.sweep.unjudged)
            verdict.seeds = results.sweep.survived, judged
            verdict.sweep = round(scheme.private_runs * share, 3) if results.sweep.survived == judged > 0 else 0.0
            if results.sweep.unjudged:
                text = f"Could not be judged: {plural(len(results.sweep.unjudged), 'private seed')}. For one, "
                verdict.remarks.append(f"{text}{results.sweep.unjudged[0]}.")
        verdict.search = round(scheme.search * share, 3) if search_passed(results.search) else 0.0
        verdict.sentence = _sentence(results, verdict)
        assert 0 <= verdict.points <= verdict.most + 0.1
        return verdict

    @property
    def points(self) -> float:
        """The sum of the points."""
        checks = self.scheme.checks * self.scheme.share(name for name, points in self.checks.items() if points)
        return round(checks + self.hidden + self.sweep + self.search, 2)

    @property
    def most(self) -> float:
        """The highest possible sum."""
        return self.scheme.most

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
            "messages": self.messages,
            "hidden": self.hidden,
            "hidden_failed": self.hidden_failed,
            "sweep": self.sweep,
            "seeds": list(self.seeds),
            "search": self.search,
            "remarks": self.remarks,
            "taken": self.taken,
            "judged": self.is_judged,
        }
        if not self.is_judged:
            data |= dict.fromkeys(("score", "points", "hidden", "sweep", "search")) | {
                "checks": dict.fromkeys(self.checks)
            }
        return data


def _sentence(results: TrialResults, verdict: Verdict) -> str:
    failed = [result for result in results.report.results if not result.passed]
    if failed:
        return f"{len(failed)} of {len(verdict.checks)} checks fail, the first is: {failed[0].name}."
    if verdict.hidden_failed:
        words = f"{len(verdict.hidden_failed)} fail with other servers, terms, logs or timings"
        return f"Every check passes as students see it; {words}, the first is: {verdict.hidden_failed[0]}."
    if results.sweep is not None and results.sweep.first is not None:
        survived, of = verdict.seeds
        return f"Every check passes; {of - survived} of {of} private seeds violate {results.sweep.first.broken}."
    if not search_passed(results.search):
        what = results.search.what if results.search is not None and results.search.what else "a handler that fails"
        return f"Every check and every seed passes; the search finds {what}."
    return "Every check passes, and neither a seed nor the search violates a property."


def _one_line(text: str) -> str:
    return " ".join(text.split())[:300]
