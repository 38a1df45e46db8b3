"""Which steps pass in a learner's own edition, `my_course`, and what comes next.

Only what is saved counts. A notebook that is as it was handed out is not begun, so it is not checked.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import Any, Literal

from raft_steps import COURSE, STEPS, Step, find_step
from raft_steps.lab.checks import check
from raft_steps.lab.course.managed_folder import is_as_written, read_manifest
from raft_steps.lab.course.own_nodes import NOT_WRITTEN, own_course
from raft_steps.lab.errors import LabError
from raft_steps.lab.runtime.loading import load_node
from raft_steps.lab.text_table import html_table, text_table

State = Literal["passes", "fails", "not begun", "cannot be loaded", "no notebook"]
MARKS: dict[State, str] = {
    "passes": "ok",
    "fails": "FAIL",
    "cannot be loaded": "FAIL",
    "not begun": "--",
    "no notebook": "--",
}


@dataclass(frozen=True, slots=True)
class StepProgress:
    """How far a learner is with one step.

    Attributes:
        step: The step.
        state: Whether its Node passes, or why not.
        passed: The number of its checks that pass.
        checks: The number of its checks; 0 if they were not run.
        why: What is wrong, in a sentence; empty if nothing is.
    """

    step: Step
    state: State
    passed: int = 0
    checks: int = 0
    why: str = ""

    @property
    def words(self) -> str:
        """The state as a phrase, with the number of checks that pass."""
        if self.state == "fails":
            return f"{self.passed} of {self.checks} checks pass"
        return f"all {self.checks} checks pass" if self.state == "passes" else self.state


@dataclass(slots=True)
class CourseProgress:
    """How far a learner is with the course.

    Attributes:
        folder: The folder of the learner's notebooks.
        steps: Each step of the course, in order.
    """

    folder: Path
    steps: list[StepProgress] = field(default_factory=list)

    @property
    def next(self) -> StepProgress | None:
        """The first step that does not pass; None if all do."""
        return next((each for each in self.steps if each.state != "passes"), None)

    def __str__(self) -> str:
        """Return a line for each step, what is wrong where something is, and what comes next."""
        lines = [self._head(), *(f"  {line}" for line in text_table(self._rows()))]
        return "\n".join([*lines, *self._tail()])

    __repr__ = __str__

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        """Return the same as text and as an HTML table."""
        tail = "".join(f"<div>{escape(line)}</div>" for line in self._tail())
        return {"text/plain": str(self), "text/html": html_table(self._rows(), caption=self._head()) + tail}

    def as_data(self) -> dict[str, Any]:
        """Return the progress as data for JSON."""
        rows = [
            {"step": each.step.number, "name": each.step.name, "state": each.state}
            | {"passed": each.passed, "checks": each.checks, "why": each.why}
            for each in self.steps
        ]
        return {"folder": self.folder.name, "steps": rows, "next": self.next.step.number if self.next else None}

    def _head(self) -> str:
        good = sum(each.state == "passes" for each in self.steps)
        return f"{self.folder.name}: {good} of {len(self.steps)} steps pass"

    def _rows(self) -> list[tuple[str, str, str, str]]:
        return [(MARKS[each.state], f"{each.step.number}", each.step.title, each.words) for each in self.steps]

    def _tail(self) -> list[str]:
        following = self.next
        if following is None:
            return ["All steps pass."]
        why = f" {following.why}." if following.why else ""
        return [f"Next: step {following.step.number}, in {following.step.notebook_name}.{why}"]


def progress(counted: Callable[[int], object] = lambda _: None) -> CourseProgress:
    """Check the Nodes that are saved in your notebooks.

    Args:
        counted: Called with the number of steps that are done, after each.

    Returns:
        The state of each step, which a notebook displays as a table.

    Raises:
        NodeLoadError: There is no folder with your notebooks.
    """
    steps = [
        entry for entry in COURSE if entry.number <= len(STEPS) + 1
    ]  # An edition checks one step more than it has.
    found = CourseProgress(own_course())
    handed_out = read_manifest(found.folder)
    for entry in steps:
        path = found.folder / entry.notebook_name
        if not path.is_file():
            found.steps.append(StepProgress(entry, "no notebook", why="raft-steps lab puts it there when it starts"))
        elif is_as_written(path, handed_out.get(entry.notebook_name)):
            found.steps.append(StepProgress(entry, "not begun"))
        else:
            found.steps.append(_checked(entry, path))
        counted(entry.number)
    return found


def _checked(entry: Step, path: Path) -> StepProgress:
    """Check the Node of a notebook that has been changed since it was handed out."""
    try:
        report = check(load_node(str(path)), find_step(entry.number).number)
    except LabError as error:
        return StepProgress(entry, "cannot be loaded", why=f"{str(error)[:1].upper()}{str(error)[1:]}")
    failed = [result for result in report.results if not result.passed]
    good, every = len(report.results) - len(failed), len(report.results)
    if not failed:
        return StepProgress(entry, "passes", good, every)
    if failed and all(NOT_WRITTEN in result.message or not result.tried for result in failed):
        return StepProgress(entry, "not begun", good, every)
    return StepProgress(entry, "fails", good, every, f"The first check that fails: {failed[0].name}")
