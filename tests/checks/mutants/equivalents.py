"""The mutants that no check can fail, because they do nothing wrong: a text for each step, with the reasons.

A line without indentation is a reason. It applies to the indented lines below it, each of which is a mutant's key.
"""

from __future__ import annotations

from pathlib import Path

FOLDER = Path(__file__).parent / "equivalents"


def equivalents_of(step: int) -> dict[str, str]:
    """Return the mutants of a step that are listed as equivalent, by key, each with its reason.

    Raises:
        ValueError: A mutant has no reason, or is listed twice.
    """
    path = FOLDER / f"step_{step:02}.txt"
    found: dict[str, str] = {}
    reason = ""
    for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else []:
        if not line.startswith(" "):
            reason = line or reason
        elif not reason or line.strip() in found:
            raise ValueError(f"{path.name}: this mutant has no reason, or is listed twice: {line.strip()}")
        else:
            found[line.strip()] = reason
    return found
