"""Run the checks of steps on their mutants: ``python -m tests.checks.mutants [step …]``.

Prints for each step how many mutants there are, how many its checks fail, and those that pass, each with its change.
"""

from __future__ import annotations

import sys

from raft_steps import STEPS
from tests.checks.mutants.equivalents import equivalents_of
from tests.checks.mutants.generator import mutants_of
from tests.checks.mutants.trial import trials


def main() -> None:
    """Print the figures and the survivors of the steps that are named, or of all."""
    for step in [int(word) for word in sys.argv[1:]] or [each.number for each in STEPS]:
        results = list(trials(step, mutants_of(step)))
        survivors = [mutant for mutant, killer in results if not killer]
        listed = equivalents_of(step)
        unlisted = [mutant for mutant in survivors if mutant.key not in listed]
        print(
            f"step {step}: {len(results)} mutants, {len(results) - len(survivors)} killed, {len(survivors)} survived, "
            f"{len(survivors) - len(unlisted)} of them listed as equivalent"
        )
        for mutant in unlisted:
            print(f"  {mutant.method}\n    - {mutant.original}\n    + {mutant.replacement}")


if __name__ == "__main__":
    main()
