"""Entries of a log as a check writes them: ``1 set x 1; 2 set y 2``."""

from __future__ import annotations

from typing import Any

from raft_steps.lab.commands import parse_command
from raft_steps.lab.log import Entry


def parse_log(text: str) -> tuple[tuple[int, str], ...]:
    """Parse ``1 set x 1; 2 set y 2`` into the term and the command of each entry."""
    parts = [line.strip().partition(" ") for line in text.split(";") if line.strip()]
    return tuple((int(term), command) for term, _space, command in parts)


def parse_entries(text: str, first_index: int) -> tuple[Entry, ...]:
    """Parse ``1 set x 1; 2 set y 2`` into entries, the first of which has this index."""
    parts: list[Any] = [(term, parse_command(command)) for term, command in parse_log(text)]
    return tuple(
        Entry(index=index, term=term, command=command) for index, (term, command) in enumerate(parts, first_index)
    )


def call_fields(after: tuple[int, int], entries: str = "") -> dict[str, Any]:
    """Return the fields of an AppendEntries that follows the entry with this index and term.

    Args:
        after: Index and term of the preceding entry.
        entries: The entries of the call, as ``"2 set y 2; 2 set z 3"``; without any it is a heartbeat.
    """
    prev_log_index, prev_log_term = after
    return {
        "prev_log_index": prev_log_index,
        "prev_log_term": prev_log_term,
        "entries": parse_entries(entries, prev_log_index + 1),
    }
