"""The test that every step's checks must pass: they fail each mutant of the step that is not listed as equivalent."""

from __future__ import annotations

from tests.checks.mutants.equivalents import equivalents_of
from tests.checks.mutants.trial import trials


def require_every_mutant_judged(step: int) -> None:
    """Run a step's checks on its mutants.

    Raises:
        AssertionError: A mutant passes and is not listed as equivalent, or one is listed that fails or does not exist.
    """
    listed = equivalents_of(step)
    killers = {mutant.key: killer for mutant, killer in trials(step)}
    survivors = {key for key, killer in killers.items() if not killer}

    assert [] == sorted(survivors - set(listed)), "pass every check, and are not listed as equivalent"
    assert [] == sorted(set(listed) - set(killers)), "are listed as equivalent, but there is no such mutant"
    assert [] == sorted(f"{key}: {killers[key]}" for key in set(listed) - survivors), "are listed, but fail a check"
