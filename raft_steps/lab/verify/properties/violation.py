"""A violation of a property: which rule, when, on which servers, and what happened."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from raft_steps.lab.errors import LabError
from raft_steps.lab.scenario.model import MICROSECONDS, format_seconds
from raft_steps.lab.verify.properties.rules import Rule


@dataclass(frozen=True, slots=True, kw_only=True)
class Violation:
    """The first event of a run that broke a rule.

    Attributes:
        rule: The rule.
        time_us: When, in microseconds of virtual time.
        servers: The server on which it happened, and the other one involved, if there is one.
        text: What happened, as a sentence.
    """

    rule: Rule
    time_us: int
    servers: tuple[str, ...]
    text: str

    def __str__(self) -> str:
        """Format the violation: what happened, the rule, and the step that teaches it."""
        return f"{self.rule.name} is broken at {format_seconds(self.time_us)} s: {self.text} {self.lesson}"

    @property
    def lesson(self) -> str:
        """What the rule requires, and which step of the course teaches how to keep it."""
        rule = self.rule
        return f"The rule ({rule.section}): {rule.sentence} Step {rule.step} teaches it: {rule.mended_by}."

    def as_data(self) -> dict[str, Any]:
        """Return the violation as data for JSON, with the time in seconds."""
        return {
            "rule": self.rule.name,
            "seconds": self.time_us / MICROSECONDS,
            "servers": list(self.servers),
            "text": self.text,
            "step": self.rule.step,
        }


class PropertyBroken(LabError):  # noqa: N818  # It is a verdict about a run, not a failure of the laboratory.
    """A run broke a property that it should keep, and was stopped there.

    Attributes:
        violation: The rule, the time and the servers.
    """

    def __init__(self, violation: Violation) -> None:
        """Store the violation, which is also the message."""
        super().__init__(str(violation))
        self.violation = violation
