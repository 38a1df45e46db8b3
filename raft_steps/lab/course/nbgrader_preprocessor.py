"""A preprocessor for nbgrader that replaces solutions by a line that says what to write, as handouts do.

This is the only module that imports nbgrader. The nbgrader_config.py of a course directory imports it.
"""

from __future__ import annotations

from typing import Any

from nbgrader.converters import GenerateAssignment
from nbgrader.preprocessors import ClearSolutions

from raft_steps.lab.course.redaction import is_solution, without_solution


class ReplaceSolutions(ClearSolutions):  # type: ignore[misc]
    """Replaces each solution by a line that says what to write."""

    def preprocess_cell(self, cell: Any, resources: Any, cell_index: int) -> tuple[Any, Any]:
        """Replace the solution of a cell that has one."""
        if is_solution(cell) and cell.cell_type == "code":
            cell.source = without_solution(cell, str(resources["nbgrader"]["notebook"]))
            return cell, resources
        cleared: tuple[Any, Any] = super().preprocess_cell(cell, resources, cell_index)
        return cleared


def preprocessors() -> list[type]:
    """Return nbgrader's preprocessors for assignments, with this one instead of its ClearSolutions."""
    usual: list[type] = GenerateAssignment.preprocessors.default_args[0]
    return [ReplaceSolutions if each is ClearSolutions else each for each in usual]
