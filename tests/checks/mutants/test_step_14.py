"""The checks of step 14 fail every mutant that is not listed as equivalent."""

from tests.checks.mutants.mutant_tests import require_every_mutant_judged


def test_every_mutant_of_step_14() -> None:
    """Every mutant fails a check or is listed, and every listed one exists and passes."""
    require_every_mutant_judged(14)
