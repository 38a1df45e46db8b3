"""What a client of a cluster gets: a server's answer, or the reason why there is none."""

from __future__ import annotations

from dataclasses import dataclass

from raft_steps.lab.commands import Response


@dataclass(frozen=True, slots=True)
class NoAnswer:
    """The result of a request that was not answered.

    Attributes:
        why: The reason.
    """

    why: str


Answer = Response | NoAnswer
