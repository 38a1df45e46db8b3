"""Finds a scenario in any text: on a line of its own, in a comment, in a string of Python, as JSON."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from raft_steps.lab.errors import ScenarioError
from raft_steps.lab.scenario.scenario import Scenario

BEGINNINGS = ("raft-steps ", "{")
LONGEST = 1_000_000  # characters of a text that is looked through


def find_scenario(text: str) -> Scenario:
    """Read the first scenario that a text holds.

    Raises:
        ScenarioError: It holds none; or what looks like one cannot be read, and why.
    """
    if len(text) > LONGEST:
        raise ScenarioError(f"this text is too long to look for a scenario in it: over {LONGEST:,} characters")
    complaint = None
    for candidate in _candidates(text):
        try:
            return Scenario.parse(candidate)
        except ScenarioError as error:
            complaint = complaint or error
    if complaint is not None:
        raise complaint
    raise ScenarioError(
        "there is no scenario in this text; one begins like this: raft-steps 1; step 6; servers tom jerry"
    )


def _candidates(text: str) -> Iterator[str]:
    """Yield what looks like a scenario, the likeliest first."""
    if text.strip().startswith(BEGINNINGS):
        yield text.strip()
    lines = [line.strip().lstrip("#").strip() for line in text.split("\n")]
    yield from (line for line in lines if line.startswith(BEGINNINGS))
    yield from (said for said in _strings(text) if said.startswith(BEGINNINGS))
    for line in lines:  # In a command, or in code that is cut off: from its beginning to the quotation mark's end.
        before, name, rest = line.partition(BEGINNINGS[0])
        if name and before:
            yield (name + rest).rpartition(before[-1])[0] if before[-1] in "\"'" else name + rest


def _strings(text: str) -> list[str]:
    """Give the strings of a text that is Python; none if it is not."""
    try:
        nodes = list(ast.walk(ast.parse(text)))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return []
    return [node.value.strip() for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)]
