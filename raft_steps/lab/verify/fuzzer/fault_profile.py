"""A fault profile as data: which faults happen in a run, and how often."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultProfile:
    """One kind of adversity, for the paper's timing, with election timeouts of 150 to 300 ms.

    Attributes:
        name: Its name.
        sentence: What goes wrong, in a sentence.
        network: The parts of the scenario that configure the network.
        drift: How far a clock's rate may be from 1.
        writes: The shortest and the longest time between two requests of clients, in seconds.
        faults: The mean time between two faults of a kind, in seconds, by the kind's name.
        elections: The minimum number of elections in a run of 30 seconds, if elections succeed. Those of steps 4 to 8
            soon fail, because a server votes only once in its life.
        hits: The minimum number of faults in a run of 30 seconds.
        members: How many servers make up the cluster at first; 0 for all. A Node that cannot change its members has all
            servers from the start, and is not asked to change them.
    """

    name: str
    sentence: str
    network: Mapping[str, Any] = field(default_factory=dict)
    drift: float = 0.0
    writes: tuple[float, float] = (0.2, 0.6)
    faults: Mapping[str, float] = field(default_factory=dict)
    elections: int = 1
    hits: int = 0
    members: int = 0

    @property
    def leaves_servers_alone(self) -> bool:
        """Whether it only touches messages and timers: no server crashes or pauses, and no link is cut."""
        return set(self.faults) <= {"timeout"}
