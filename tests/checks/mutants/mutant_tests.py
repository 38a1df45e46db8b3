"""The test that every step's checks must pass: they fail each mutant of the step that is not listed as equivalent."""

from __future__ import annotations

from tests.checks.mutants.equivalents import equivalents_of
from tests.checks.mutants.generator import mutants_of
from tests.checks.mutants.trial import trials

# So many of a step's mutants are tried, at most. From this step on, the checks take up to a second for one.
MUTANTS_MAX = 120
SLOW_STEP, SLOW_MUTANTS_MAX = 13, 48


def require_mutants_judged(step: int) -> None:
    """Run a step's checks on its mutants, or on some that are spread over all of them.

    ``python -m tests.checks.mutants`` tries all.

    Raises:
        AssertionError: A mutant passes and is not listed as equivalent, or one is listed that fails or does not exist.
    """
    listed, mutants = equivalents_of(step), mutants_of(step)
    some = mutants[:: -(-len(mutants) // (SLOW_MUTANTS_MAX if step >= SLOW_STEP else MUTANTS_MAX))]
    killers = {mutant.key: killer for mutant, killer in trials(step, some)}
    survivors = {key for key, killer in killers.items() if not killer}

    assert [] == sorted(survivors - set(listed)), "pass every check, and are not listed as equivalent"
    assert [] == sorted(set(listed) - {mutant.key for mutant in mutants}), (
        "are listed as equivalent, but there is no such mutant"
    )
    assert [] == sorted(f"{key}: {killers[key]}" for key in set(listed) & set(killers) - survivors), (
        "are listed, but fail a check"
    )
