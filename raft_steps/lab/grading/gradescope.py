"""What Gradescope gets: `results.json` of one submission, and the zip file of an autograder.

https://gradescope-autograders.readthedocs.io/en/latest/specs/ describes both.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from raft_steps.lab.grading.scheme import Scheme

PARTS = {"hidden": "hidden checks", "sweep": "private runs", "search": "the search"}
OUTPUT_MAX = 10_000  # characters of one message


def results_json(result: Mapping[str, Any], scheme: Scheme) -> str:
    """Return the content of `results.json` for the result of a submission.

    Args:
        result: The result.
        scheme: The scheme of points that it was graded with.
    """
    words = "\n".join([result["sentence"], *result["remarks"]])
    if not result.get("judged", True):
        return _text({"score": 0, "output": words, "visibility": "visible", "tests": []})
    messages = result.get("messages", {})
    tests = [
        _test(name, points, scheme.points_of(name), messages.get(name, "")) for name, points in result["checks"].items()
    ]
    most = {"hidden": scheme.hidden_checks, "sweep": scheme.private_runs, "search": scheme.search}
    failed = ", ".join(result.get("hidden_failed", ()))
    said = {"hidden": f"With other servers, terms, logs or timings these fail: {failed}." if failed else ""}
    tests += [_test(title, result[name], most[name], said.get(name, "")) for name, title in PARTS.items() if most[name]]
    return _text({"score": result["points"], "output": words, "visibility": "visible", "tests": tests})


def _test(name: str, points: float, most: float, message: str) -> dict[str, Any]:
    status = "passed" if points >= most else "failed"
    test = {"name": name, "score": points, "max_score": most, "status": status, "visibility": "visible"}
    return test | ({"output": message[:OUTPUT_MAX]} if message else {})


def _text(data: dict[str, Any]) -> str:
    return json.dumps(data, ensure_ascii=False, indent=2) + "\n"
