"""Schedules that are stored with the laboratory: found by long searches, or described in the paper.

    two_leaders_of_four     step 8, four servers: half of the votes are enough, so two halves elect two leaders
    vote_after_restart      three servers that do not keep their vote on disk: one votes, crashes, and votes again
    figure_8                three servers with term and vote on disk that commit entries of older terms by counting
    figure_8_of_the_paper   the same with five servers, as in the paper's Figure 8

The first runs on a step's Node. The others need a Node class with the fault that the remark in each file describes.
"""

from __future__ import annotations

from importlib import resources

from raft_steps.lab.errors import ScenarioError
from raft_steps.lab.files import decode_text
from raft_steps.lab.text import nearest
from raft_steps.lab.verify.model_checker.schedule import Schedule


def stored_schedule_names() -> tuple[str, ...]:
    """Return the names of the stored schedules."""
    found = (entry.name for entry in resources.files(__name__).iterdir())
    return tuple(sorted(name.removesuffix(".txt") for name in found if name.endswith(".txt")))


def stored_schedule(name: str) -> Schedule:
    """Return a stored schedule.

    Raises:
        ScenarioError: There is no stored schedule of that name.
    """
    if name not in stored_schedule_names():
        raise ScenarioError(f"there is no stored schedule {name!r}{nearest(name, stored_schedule_names())}")
    return Schedule.parse(
        decode_text(resources.files(__name__).joinpath(f"{name}.txt").read_bytes(), name, "a schedule")
    )
