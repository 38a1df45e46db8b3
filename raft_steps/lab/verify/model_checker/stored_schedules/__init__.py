"""Stored finds: schedules that a search found once, or that a paper tells, to be replayed at once.

    two_leaders_of_four     step 8, four servers: half of the votes are enough, so two halves elect two leaders
    vote_after_restart      three servers whose vote is not on disk: one votes, crashes, and votes again
    figure_8                three servers with term and vote on disk, that commit entries of older terms by counting
    figure_8_of_the_paper   the same with five servers, as the paper's Figure 8 tells it

The first runs on a step's Node; the others need a Node class that has the fault, and the remark in each says which.
"""

from __future__ import annotations

from importlib import resources

from raft_steps.lab.errors import ScenarioError
from raft_steps.lab.text import nearest
from raft_steps.lab.verify.model_checker.schedule import Schedule


def stored() -> tuple[str, ...]:
    """Name the stored schedules."""
    found = (entry.name for entry in resources.files(__name__).iterdir())
    return tuple(sorted(name.removesuffix(".txt") for name in found if name.endswith(".txt")))


def find(name: str) -> Schedule:
    """Give a stored schedule.

    Raises:
        ScenarioError: There is none of that name.
    """
    if name not in stored():
        raise ScenarioError(f"there is no stored schedule {name!r}{nearest(name, stored())}")
    return Schedule.parse(resources.files(__name__).joinpath(f"{name}.txt").read_text(encoding="utf-8"))
