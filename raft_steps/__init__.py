"""Raft, built step by step: the table of contents.

Each step is a module with a class `Node` that changes the one before, and a notebook of the same name.
Nothing is loaded before it is asked for: ``step(6)`` gives the module of step 6, ``node(6)`` its Node.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from types import ModuleType
from typing import Any

__version__ = "0.2.0"


@dataclass(frozen=True)
class Step:
    """One line of the table of contents.

    Attributes:
        number: The step's number, from 1.
        name: The name that module and notebook share, such as ``term_checks``.
        title: What it adds, in a few words.
    """

    number: int
    name: str
    title: str

    @property
    def module_name(self) -> str:
        """The importable name of the step's module."""
        return f"{__name__}.step_{self.number:02}_{self.name}"

    @property
    def notebook_name(self) -> str:
        """The file name of the step's notebook."""
        return f"{self.number:02}_{self.name}.ipynb"


STEPS: tuple[Step, ...] = (
    Step(1, "key_value_store", "one server that remembers"),
    Step(2, "append_entries", "a leader copies its log"),
    Step(3, "majority_commit", "the leader answers once a majority has it"),
    Step(4, "leader_election", "the servers choose their leader"),
    Step(5, "term_in_append_entries", "state belongs in the messages"),
    Step(6, "term_checks", "an older term is refused"),
    Step(7, "heartbeat_timer", "only the leader sends heartbeats"),
    Step(8, "election_timeout_reset", "a new timeout for every election"),
    Step(9, "one_vote_per_term", "a vote belongs to a term"),
    Step(10, "up_to_date_logs", "only an up-to-date log is elected"),
    Step(11, "commit_index", "what is committed, and nothing else"),
    Step(12, "persistence", "term and vote outlive a crash"),
)


def find_step(number: int) -> Step:
    """Find a step by its number.

    Raises:
        LookupError: There is no such step.
    """
    for entry in STEPS:
        if entry.number == number:
            return entry
    raise LookupError(f"there is no step {number}; the course has steps 1 to {STEPS[-1].number}")


def step(number: int) -> ModuleType:
    """Load the module of a step.

    Raises:
        LookupError: There is no such step.
    """
    return importlib.import_module(find_step(number).module_name)


def node(number: int) -> Any:
    """Load the Node class of a step.

    Raises:
        LookupError: There is no such step.
    """
    return step(number).Node
