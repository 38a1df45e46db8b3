"""One row for each person: which attempt counts, how late it was, and what an instructor should know about it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from raft_steps.lab.grading.submissions import Submission

DAY = timedelta(days=1)


def rows_of(
    submissions: Sequence[Submission],
    results: Sequence[Mapping[str, Any]],
    *,
    best: bool = False,
    due: datetime | None = None,
) -> list[dict[str, Any]]:
    """Return a row for each person, in the order of the submissions.

    Args:
        submissions: The submissions; several of one person are attempts, the last one last.
        results: Their results.
        best: Whether the attempt with the highest score counts; otherwise the last one does.
        due: When they had to be handed in; None if nobody was late.
    """
    people: dict[str, list[tuple[Submission, Mapping[str, Any]]]] = {}
    for submission, result in zip(submissions, results, strict=True):
        people.setdefault(submission.person or submission.student, []).append((submission, result))
    has_attempts = any(len(found) > 1 for found in people.values())
    has_dates = due is not None or any(each.late for each in submissions)
    rows = []
    for name, found in people.items():
        scores = [result["score"] for _, result in found if result["score"] is not None]
        counting = next(each for each in found if each[1]["score"] == max(scores)) if best and scores else found[-1]
        submission, result = counting
        row = dict(result) | {"student": name, "remarks": [*result["remarks"], *submission.remarks]}
        if has_dates:
            row["late"] = _days_late(submission, due)
        if has_attempts:
            row |= {"attempts": len(found), "best": max(scores, default=None)}
        if counting is not found[-1]:
            words = f"Attempt {found.index(counting) + 1} of {len(found)} counts; its page is {submission.slug}.html."
            row["remarks"].append(words)
        rows.append(row)
    return rows


def _days_late(submission: Submission, due: datetime | None) -> int | str:
    """Return how many days late a submission is, each of them begun; "late" or "" if that is all that is known."""
    if due is not None and submission.time is not None:
        return max(0, math.ceil((submission.time - due) / DAY))
    return "late" if submission.late else ""
