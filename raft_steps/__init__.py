"""Raft, built step by step: the table of contents.

Each step is a module with a class `Node` derived from the one before, and a notebook of the same name.
Steps are loaded on demand: ``step(6)`` returns the module of step 6, ``node(6)`` its Node.

A student edition has fewer modules: only the steps before the one that the students write.
"""

from __future__ import annotations

import importlib
import pkgutil
from dataclasses import dataclass
from types import ModuleType
from typing import Any

__version__ = "0.3.0"


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


COURSE: tuple[Step, ...] = (
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
    Step(13, "client_sessions", "a client may ask again"),
    Step(14, "linearizable_reads", "the leader proves that it still leads"),
    Step(15, "fast_catch_up", "what is missing travels once, in few calls"),
    Step(16, "snapshots", "a log that does not grow for ever"),
    Step(17, "membership", "servers come and go"),
    Step(18, "pre_vote", "an election begins only when it can be won"),
)
_FOUND = {module.name for module in pkgutil.iter_modules(__path__)}
# The steps that this edition has; in the full course, all of them.
STEPS: tuple[Step, ...] = tuple(entry for entry in COURSE if entry.module_name.rpartition(".")[2] in _FOUND)


def find_step(number: int) -> Step:
    """Return a step by its number: one that this edition has, or the next one, which it can check.

    Raises:
        LookupError: There is no such step, or not in this edition.
    """
    for entry in COURSE[: len(STEPS) + 1]:
        if entry.number == number:
            return entry
    if any(entry.number == number for entry in COURSE):
        raise LookupError(f"step {number} is not in this edition of the course, {_edition()}")
    raise LookupError(f"there is no step {number}; the course has steps 1 to {COURSE[-1].number}")


def step(number: int) -> ModuleType:
    """Import and return the module of a step.

    Raises:
        LookupError: There is no such step, or not in this edition.
    """
    entry = find_step(number)
    if entry not in STEPS:
        raise LookupError(_yours(entry))
    return importlib.import_module(entry.module_name)


def node(number: int) -> Any:
    """Import and return the Node class of a step.

    Raises:
        LookupError: There is no such step, or not in this edition.
    """
    return step(number).Node


def __getattr__(name: str) -> Any:
    """Raise an ImportError with the reason for a step that this edition does not have."""
    for entry in COURSE[len(STEPS) :]:
        if entry.module_name == f"{__name__}.{name}":
            raise ImportError(_yours(entry), name=entry.module_name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def _yours(entry: Step) -> str:
    """Return the sentence that a step is missing because the reader is to write it."""
    return f"step {entry.number} is yours to write: this is an edition of the course {_edition()}"


def _edition() -> str:
    """Describe which steps this edition has."""
    at_hand = len(STEPS) + 1
    return f"which holds {f'steps 1 to {len(STEPS)} and ' if STEPS else ''}the checks of step {at_hand}"
