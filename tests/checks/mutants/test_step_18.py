"""The checks of step 18 fail every mutant that is not listed as equivalent."""

from tests.checks.mutants.mutant_tests import require_mutants_judged


def test_mutants_of_step_18() -> None:
    """A mutant fails a check or is listed, and every listed one exists."""
    require_mutants_judged(18)
