"""Finds a scenario in a text: on a line of its own, in a comment, in a Python string, or as JSON."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from raft_steps.lab.errors import ScenarioError
from raft_steps.lab.scenario.scenario import Scenario

BEGINNINGS = ("raft-steps ", "{")
MAX_CHARACTERS = 1_000_000


def find_scenario(text: str) -> Scenario:
    """Parse the first scenario in a text.

    Raises:
        ScenarioError: The text contains no valid scenario.
    """
    if len(text) > MAX_CHARACTERS:
        raise ScenarioError(f"this text is too long to look for a scenario in it: over {MAX_CHARACTERS:,} characters")
    first_error = None
    for candidate in _candidates(text):
        try:
            return Scenario.parse(candidate)
        except ScenarioError as error:
            first_error = first_error or error
    if first_error is not None:
        raise first_error
    raise ScenarioError(
        "there is no scenario in this text; one begins like this: raft-steps 1; step 6; servers tom jerry"
    )


def _candidates(text: str) -> Iterator[str]:
    """Yield parts of the text that may be a scenario, the most likely first."""
    if text.strip().startswith(BEGINNINGS):
        yield text.strip()
    lines = [line.strip().lstrip("#").strip() for line in text.split("\n")]
    yield from (line for line in lines if line.startswith(BEGINNINGS))
    yield from (string for string in _strings(text) if string.startswith(BEGINNINGS))
    # In a shell command, or in code that is not valid by itself: up to the closing quotation mark, if there is one.
    for line in lines:
        before, name, rest = line.partition(BEGINNINGS[0])
        if name and before:
            yield (name + rest).rpartition(before[-1])[0] if before[-1] in "\"'" else name + rest


def _strings(text: str) -> list[str]:
    """Return the string literals of a text that is Python code; none if it is not."""
    try:
        nodes = list(ast.walk(ast.parse(text)))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return []
    return [node.value.strip() for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)]
