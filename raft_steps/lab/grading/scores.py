"""Writes the scores: a line of CSV for each student, and the same data as JSON."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from raft_steps.lab.files import replace_file
from raft_steps.lab.text import printable

FORMULA = ("=", "+", "-", "@", "\t", "\r")  # a cell that begins so is a formula to a spreadsheet


def write_scores(folder: Path, results: Sequence[dict[str, Any]]) -> tuple[Path, Path]:
    """Write the scores of a grading.

    Args:
        folder: The folder to write to.
        results: The results, one for each student.

    Returns:
        The CSV file and the JSON file.
    """
    table, data = folder / "scores.csv", folder / "scores.json"
    replace_text(table, as_csv(results))
    plain = [{name: value for name, value in result.items() if name != "key"} for result in results]
    replace_text(data, json.dumps(plain, ensure_ascii=False, indent=2) + "\n")
    return table, data


def replace_text(path: Path, text: str) -> None:
    """Replace a file as a whole. Lone surrogates, which an error message may contain, become question marks."""
    replace_file(path, text.encode("utf-8", "replace"))


def as_csv(results: Sequence[dict[str, Any]]) -> str:
    """Format the scores as CSV: student, score, points, a column for each check, dates and attempts, and a sentence."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    names = list(dict.fromkeys(name for result in results for name in result["checks"]))
    others = [name for name in ("hidden", "sweep", "search") if any(name in result for result in results)]
    titles = [{"hidden": "hidden checks", "sweep": "private seeds"}.get(name, name) for name in others]
    about = [name for name in ("late", "attempts", "best") if any(name in result for result in results)]
    days = ["days late" if name == "late" else name for name in about]
    writer.writerow(["student", "step", "score", "points", "of", *names, *titles, *days, "sentence", "remarks"])
    for result in results:
        # Without numbers, what could not be judged cannot be taken for zero points.
        is_judged = result.get("judged", True)
        points = [result["checks"].get(name, "") if is_judged else "" for name in names]
        marks = [result[name] if is_judged else "" for name in ("score", "points")]
        row = [result["student"], result["step"], *marks, result["of"], *points]
        row += [result.get(name, "") if is_judged else "" for name in others]
        row += [result.get(name, "") for name in about]
        row += [result["sentence"], " ".join(result["remarks"])]
        writer.writerow([_harmless(cell) for cell in row])
    return out.getvalue()


def _harmless(cell: Any) -> Any:
    """Return a cell that no spreadsheet takes for a formula."""
    if not isinstance(cell, str):
        return cell
    cell = printable(" ".join(cell.split()))
    return f"'{cell}" if cell.startswith(FORMULA) else cell
