"""A check as data: the rule, where the paper states it, and the function that tries a Node."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from raft_steps.lab.checks.bench import Bench


@dataclass(frozen=True, slots=True)
class Check:
    """One rule that a Node must follow.

    Attributes:
        name: A short name for reports and grades.
        rule: The rule, in one sentence.
        source: Where the paper or the posts state it.
        run: Tries a Node on a bench, and raises CheckFailed if it breaks the rule.
    """

    name: str
    rule: str
    source: str
    run: Callable[[Bench], None]


def rule(sentence: str, source: str) -> Callable[[Callable[[Bench], None]], Check]:
    """Turn a function into a check; its name, with spaces for underscores, becomes the check's name."""

    def decorate(run: Callable[[Bench], None]) -> Check:
        return Check(run.__name__.replace("_", " "), sentence, source, run)

    return decorate
