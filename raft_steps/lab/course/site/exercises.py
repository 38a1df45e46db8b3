"""Prepares the exercises of a notebook for its page, where the reader writes a Node and checks it."""

from __future__ import annotations

import re
from typing import Any

from raft_steps.lab.course.notebooks import Cell, Notebook, step_of
from raft_steps.lab.course.redaction import is_reveal, is_solution, without_solution

GIVEN, YOURS, CHECK, LATER = "given", "yours", "check", "later"
_CHECK = re.compile(r"\bcheck\(Node\b")
_REQUIRE = re.compile(r"\.require\(\)\s*$")


def exercise_of(notebook: Notebook, name: str) -> dict[str, Any] | None:
    """Return what a page needs to check the reader's Node, and to run the rest of the page with it.

    Args:
        notebook: The notebook.
        name: The name of its file.

    Returns:
        The step, and the code cells with their ids, sources and roles: `GIVEN` before the check, `YOURS` to be written
        by the reader (the source is the stub), `CHECK`, and `LATER`; a cell that shows an error on purpose `raises`.
        None for a notebook without an exercise of a step.

    Raises:
        NotebookError: A solution has no markers.
    """
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    if not any(map(is_solution, cells)) or not any(map(_is_check, cells)):
        return None
    found: list[dict[str, Any]] = []
    checked = False
    for cell in cells:
        if is_reveal(cell):
            continue  # It shows the course's own change, whatever the reader has written.
        role, source = LATER if checked else GIVEN, cell.source
        if is_solution(cell) and not checked:
            role, source = YOURS, without_solution(cell, name)
        elif not checked and _is_check(cell):
            role, source, checked = CHECK, _REQUIRE.sub("", cell.source), True
        raises = {"raises": True} if "raises-exception" in cell.metadata.get("tags", ()) else {}
        found.append({"id": cell.id, "role": role, "source": source, **raises})
    return {"step": step_of(name), "notebook": name, "cells": found}


def _is_check(cell: Cell) -> bool:
    return bool(_CHECK.search(cell.source))
