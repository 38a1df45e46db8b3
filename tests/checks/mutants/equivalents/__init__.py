"""The mutants that no check can fail, because they do nothing wrong: a module for each step, with the reasons.

Each module defines ``EQUIVALENTS``: for each reason, the mutants to which it applies, by their key.
"""

from __future__ import annotations

import importlib


def equivalents_of(step: int) -> dict[str, str]:
    """Return the mutants of a step that are listed as equivalent, by key, each with its reason."""
    try:
        module = importlib.import_module(f"{__name__}.step_{step:02}")
    except ModuleNotFoundError:
        return {}
    return {key: reason for reason, keys in module.EQUIVALENTS.items() for key in keys}
