"""Which attempt of a person counts, how late it was, and what Gradescope is told of it."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from raft_steps.lab.grading.attempts import rows_of
from raft_steps.lab.grading.gradescope import results_json
from raft_steps.lab.grading.scheme import read_scheme
from raft_steps.lab.grading.submissions import Submission
from raft_steps.lab.grading.verdict import Verdict

DUE = datetime(2026, 12, 1, 23, 59, tzinfo=UTC)


def result(score: float | None) -> dict[str, Any]:
    """Return what a test needs of a result."""
    return {"score": score, "remarks": [], "judged": score is not None}


@pytest.mark.parametrize(
    "scores, best, counts",
    [
        ([50, 80], False, 80),
        ([80, 50], False, 50),
        ([80, 50], True, 80),
        ([80, None], True, 80),
        ([80, None], False, None),
    ],
)
def test_last_or_best_attempt_counts(scores: list[float | None], *, best: bool, counts: float | None) -> None:
    """What could not be judged is never the best; if another than the last counts, a remark says so."""
    found = [Submission("ann (attempt 1)", None, person="ann"), Submission("ann", None, person="ann")]
    (row,) = rows_of(found, [result(each) for each in scores], best=best)

    assert ("ann", counts, 2) == (row["student"], row["score"], row["attempts"])
    assert (counts != scores[-1]) == any(
        "Attempt 1 of 2 counts; its page is ann-attempt-1-" in each for each in row["remarks"]
    )


@pytest.mark.parametrize(
    "after_s, marked, days", [(-1, False, 0), (0, False, 0), (1, False, 1), (86_400, True, 1), (86_401, False, 2), (None, True, "late"), (None, False, "")]
)  # fmt: skip
def test_days_late(after_s: int | None, *, marked: bool, days: int | str) -> None:
    """Every day counts that has begun; without a time, the platform's mark is all that is known."""
    time = DUE + timedelta(seconds=after_s) if after_s is not None else None
    (row,) = rows_of([Submission("ann", None, late=marked, time=time)], [result(1)], due=DUE)

    assert days == row["late"]


def test_gradescope_gets_points_and_messages() -> None:
    """The tests' points are out of the scheme's, and what fails says why; an error of the grader is not a verdict."""
    scheme = read_scheme(6)
    verdict = Verdict.nothing(6, "One check fails.", ["A remark."], scheme)
    for name in verdict.checks:
        verdict.checks[name] = scheme.points_of(name)
    first = next(iter(verdict.checks))
    verdict.checks[first], verdict.messages, verdict.hidden = 0.0, {first: "tom should answer"}, 20.0

    data = json.loads(results_json(verdict.as_data(), scheme))

    assert data["score"] == verdict.points
    assert "One check fails.\nA remark." == data["output"]
    assert 100 == pytest.approx(sum(each["max_score"] for each in data["tests"]), abs=0.01)
    failed = {each["name"]: each.get("output") for each in data["tests"] if each["status"] == "failed"}
    assert {first: "tom should answer", "private runs": None, "the search": None} == failed
    assert {"visible"} == {each["visibility"] for each in data["tests"]}
    lost = json.loads(results_json(Verdict.not_judged(6, "it was ended").as_data(), scheme))
    assert (0, []) == (lost["score"], lost["tests"])
    assert "Could not be judged" in lost["output"]
