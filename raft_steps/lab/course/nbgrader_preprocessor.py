"""What nbgrader does differently in a course directory of ours: solutions, copied cells, copies of the package.

This is the only module that imports nbgrader. The nbgrader_config.py of a course directory imports it.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from nbgrader.converters import Autograde, GenerateAssignment
from nbgrader.preprocessors import ClearSolutions, DeduplicateIds

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


class ForgetCopies(DeduplicateIds):  # type: ignore[misc]
    """Makes ordinary cells of all copies of a graded cell but the last.

    nbgrader's own preprocessor leaves them empty metadata, which it then takes for those of an older version: it stops,
    and grades none of the students who come later.
    """

    def preprocess_cell(self, cell: Any, resources: Any, cell_index: int) -> tuple[Any, Any]:
        """Remove what nbgrader's own leaves."""
        cell, resources = super().preprocess_cell(cell, resources, cell_index)
        if cell.metadata.get("nbgrader") == {}:
            del cell.metadata["nbgrader"]
        return cell, resources


# IPython runs it when a kernel starts. Without a package next to the notebook, it takes the one that was handed out.
STARTUP = """import sys
from pathlib import Path

here = Path.cwd()
if not (here / "raft_steps").is_dir():
    released = (each / "release" / here.name for each in here.parents)
    sys.path[:0] = [str(each) for each in released if (each / "raft_steps").is_dir()][:1]
"""
WITHOUT_PACKAGE = frozenset({"autograde", "generate_feedback", "feedback"})  # commands that copy no package


def set_up(config: Any, folder: Path) -> None:
    """Set up nbgrader for a course directory.

    Args:
        config: nbgrader's configuration.
        folder: The directory.
    """
    config.GenerateAssignment.preprocessors = _with(GenerateAssignment.preprocessors, ClearSolutions, ReplaceSolutions)
    config.Autograde.sanitize_preprocessors = _with(Autograde.sanitize_preprocessors, DeduplicateIds, ForgetCopies)
    startup = folder / ".settings" / "ipython" / "profile_default" / "startup"
    startup.mkdir(parents=True, exist_ok=True)
    (startup / "00_package.py").write_text(STARTUP, encoding="utf-8")
    # Otherwise each student gets two copies of the package's 300 files.
    handed_out = [each for each in sys.argv[1:] if (folder / "release" / each / "raft_steps").is_dir()]
    if handed_out and WITHOUT_PACKAGE & set(sys.argv):
        config.CourseDirectory.ignore = [".ipynb_checkpoints", "*.pyc*", "__pycache__", "raft_steps"]


def _with(trait: Any, usual: type, own: type) -> list[type]:
    """Return nbgrader's preprocessors with one of ours instead of one of its own."""
    return [own if each is usual else each for each in trait.default_args[0]]
