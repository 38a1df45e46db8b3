"""A property that broke: when, where, and in words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from raft_steps.lab.errors import LabError
from raft_steps.lab.scenario.model import format_seconds
from raft_steps.lab.verify.properties.rules import Rule


@dataclass(frozen=True, slots=True, kw_only=True)
class Violation:
    """The first event of a run that broke a rule.

    Attributes:
        rule: The rule.
        time: When, in microseconds of virtual time.
        servers: Whom it is about: the one on which it happened, and the other one, if there is one.
        text: What happened, as a sentence.
    """

    rule: Rule
    time: int
    servers: tuple[str, ...]
    text: str

    def __str__(self) -> str:
        """Say all of it."""
        return f"{self.rule.name} is broken at {format_seconds(self.time)} s: {self.text} {self.lesson}"

    @property
    def lesson(self) -> str:
        """Say what the rule asks for, and which step of the course teaches how to keep it."""
        rule = self.rule
        return f"The rule ({rule.section}): {rule.sentence} Step {rule.step} teaches it: {rule.mended_by}."

    def as_data(self) -> dict[str, Any]:
        """Turn it into what JSON knows; the time in seconds."""
        return {
            "rule": self.rule.name,
            "seconds": self.time / 1_000_000,
            "servers": list(self.servers),
            "text": self.text,
            "step": self.rule.step,
        }


class PropertyBroken(LabError):  # noqa: N818  # It is a verdict about a run, not a failure of the laboratory.
    """A run broke a property that it was to keep, and was stopped there.

    Attributes:
        violation: Which, when and where.
    """

    def __init__(self, violation: Violation) -> None:
        """Keep the violation; it is the message."""
        super().__init__(str(violation))
        self.violation = violation
