"""What nbgrader puts in the place of a solution: the line that says what to write there, as in any other edition.

This is the one module that needs nbgrader. The nbgrader_config.py of a course directory names its class.
"""

from __future__ import annotations

from typing import Any

from nbgrader.converters import GenerateAssignment
from nbgrader.preprocessors import ClearSolutions

from raft_steps.lab.course.redaction import is_solution, without_solution


class SayWhatToDo(ClearSolutions):  # type: ignore[misc]
    """Takes solutions out, and says in their place what is to be written."""

    def preprocess_cell(self, cell: Any, resources: Any, cell_index: int) -> tuple[Any, Any]:
        """Take the solution out of a cell that has one."""
        if is_solution(cell) and cell.cell_type == "code":
            cell.source = without_solution(cell, str(resources["nbgrader"]["notebook"]))
            return cell, resources
        cleared: tuple[Any, Any] = super().preprocess_cell(cell, resources, cell_index)
        return cleared


def preprocessors() -> list[type]:
    """Give what nbgrader does to make an assignment, with this way to take solutions out in place of its own."""
    usual: list[type] = GenerateAssignment.preprocessors.default_args[0]
    return [SayWhatToDo if each is ClearSolutions else each for each in usual]
