"""A run that can be looked at in every edition of the course: one cluster, a write, a crash, an election.

It is recorded, so it needs no step; it cannot be steered. `python -m tests.course.test_tour` records it again.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from raft_steps.lab.files import decode_text
from raft_steps.lab.pictures.cluster_ring import cluster_ring
from raft_steps.lab.pictures.log_table import log_table
from raft_steps.lab.pictures.space_time import timeline
from raft_steps.lab.trace.narration import Story, story
from raft_steps.lab.trace.trace import Trace

if TYPE_CHECKING:
    from raft_steps.lab.pictures.svg import Picture

FILE = "tour.txt"
SCENARIO = (
    "raft-steps 1; step 12; servers tom jerry spike; leader tom; draws tom 12; draws jerry 9; draws spike 14; "
    "at 3 set colour green; at 6 crash tom; at 18 set colour blue; at 20 restart tom; until 27"
)


@dataclass(frozen=True, slots=True)
class RecordedTour:
    """A recorded run, with the views that a cluster has.

    Attributes:
        trace: Everything that happened in it.
    """

    trace: Trace

    def ring(self, at: float) -> Picture:
        """Draw the servers, and the messages between them, at a time in seconds."""
        return cluster_ring(self.trace, at)

    def timeline(self, start: float | None = None, end: float | None = None) -> Picture:
        """Draw a part of the run as a space-time diagram; the times are in seconds."""
        return timeline(self.trace, start=start, end=end)

    def logs(self, at: float) -> Picture:
        """Draw the logs of all servers as they are at a time in seconds."""
        return log_table(self.trace.moment_at(at), title=f"{at:g} s")

    def story(self, start: float | None = None, end: float | None = None) -> Story:
        """Describe a part of the run in words; the times are in seconds."""
        return story(self.trace, start=start, end=end)

    def play(self, at: float | None = None) -> Any:
        """Show the run as a ring of servers: to play, step through and scrub through.

        Args:
            at: The time at which the player opens, in seconds; by default the beginning.
        """
        from raft_steps.lab.player.widget import player

        return player(self.trace, at=at)


def tour() -> RecordedTour:
    """Return the recorded run of the tour in notebook 00."""
    text = decode_text((files("raft_steps.lab.course") / FILE).read_bytes(), FILE, "the run of the tour")
    return RecordedTour(Trace.from_text(text))
