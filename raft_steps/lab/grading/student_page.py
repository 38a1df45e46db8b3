"""The page for a student: what was tried, and for each failure the rule, a diagram and a line that replays it.

It names no private seed and shows no code of a check.
"""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any

from raft_steps.lab.checks.report import CheckResult
from raft_steps.lab.grading.html_pages import render
from raft_steps.lab.grading.trials import search_passed
from raft_steps.lab.verify.properties.rules import RULES, Rule

if TYPE_CHECKING:
    from raft_steps.lab.grading.trials import TrialResults
    from raft_steps.lab.grading.verdict import Verdict

PICTURE_MAX = 600_000  # characters; a longer diagram is too crowded to read, and the page has the text anyway


def student_page(
    student: str,
    file: str,
    verdict: Verdict,
    results: TrialResults | None,
    class_name: str = "Node",
    *,
    reveal: bool = False,
) -> str:
    """Return the page of one submission.

    Args:
        student: The student's name.
        file: The name of the file that was handed in; "" if there is none.
        verdict: The verdict on it.
        results: The results of the trials; None if nothing was tried.
        class_name: The name of the Node class.
        reveal: Whether to show what was private, too.
    """
    node = file if class_name == "Node" else f"{file}:{class_name}"
    failed = [each for each in results.report.results if each.tried and not each.passed] if results is not None else []
    return render(
        "student.html",
        student=student,
        verdict=verdict,
        tried=results is not None,
        class_name=class_name,
        node=shlex.quote(node),
        failures=[_failure(each) for each in failed],
        slips=results.report.slips if results is not None else [],
        hidden=_hidden(results) if results is not None and reveal else [],
        sweep=_sweep(results, reveal=reveal) if results is not None else None,
        search=_search(results) if results is not None else None,
    )


def _failure(result: CheckResult) -> dict[str, Any]:
    try:
        picture = result.picture()
        drawn = picture.to_html() if picture is not None else ""
    except Exception:  # noqa: BLE001  # A run that a Node broke off may not be drawable; the page has the text.
        drawn = ""
    check = result.check
    return {
        "name": result.name,
        "message": result.message,
        "rule": check.rule,
        "source": check.source,
        "picture": _if_readable(drawn),
    }


def _hidden(results: TrialResults) -> list[dict[str, str]]:
    """Return the first failure of each hidden check."""
    found: dict[str, dict[str, str]] = {}
    for each in (each for report in results.hidden for each in report.results if each.tried and not each.passed):
        found.setdefault(each.name, {"name": each.name, "message": each.message})
    return list(found.values())


def _sweep(results: TrialResults, *, reveal: bool) -> dict[str, Any] | None:
    """Return what the page shows of a failure with private seeds; None if there was none.

    The text of a private run is shown only if it is revealed: it has the run's numbers, or what the Node made of them.
    """
    sweep = results.sweep
    if sweep is None or sweep.first is None:
        return None
    trial = sweep.public.trial if sweep.public is not None else sweep.first
    text = trial.text if sweep.public is not None or reveal else ""
    scenario = sweep.public.scenario.to_text() if sweep.public is not None else ""
    return {
        "broken": trial.broken,
        "text": text,
        "profile": sweep.profile,
        "seed": sweep.first.seed if reveal else None,
        "rule": _rule(trial.broken),
        "scenario": scenario,
        "quoted": shlex.quote(scenario),
        "picture": _if_readable(sweep.picture),
    }


def _search(results: TrialResults) -> dict[str, Any] | None:
    """Return what the page shows of a failure that the search found; None if there was none."""
    found = results.search
    if found is None or search_passed(found):
        return None
    return {
        "what": found.what,
        "words": found.words,
        "rule": _rule(found.what),
        "quoted": shlex.quote(found.schedule.to_text()) if found.schedule is not None else "",
        "picture": _if_readable(results.pictures.get("search", "")),
    }


def _rule(name: str) -> Rule | None:
    return next((rule for rule in RULES if rule.name == name), None)


def _if_readable(picture: str) -> str:
    return picture if len(picture) <= PICTURE_MAX else ""
