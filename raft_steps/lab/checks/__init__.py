"""Checks: for every step a list of sentences of post and paper, each tried on a Node.

`check` runs them on any Node class: a step's own, a learner's cell, a deliberately wrong one. A check that fails says
which rule was broken, by which event, and shows the short run that was made for it.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass, field
from html import escape
from typing import Any

from raft_steps.lab.checks.stage import CheckFailed, Stage
from raft_steps.lab.errors import LabError
from raft_steps.lab.trace import Trace


@dataclass(frozen=True, slots=True)
class Check:
    """One sentence that a Node must live up to.

    Attributes:
        name: What is checked, as a short name for reports and grades.
        rule: The sentence, in our own words.
        source: Where it stands in post or paper.
        run: Tries a Node on a stage, and raises CheckFailed where it falls short.
    """

    name: str
    rule: str
    source: str
    run: Callable[[Stage], None]


@dataclass(slots=True)
class Result:
    """What came of one check.

    Attributes:
        check: The check.
        passed: Whether the Node lives up to it.
        message: What went wrong, in one sentence or a few; empty when nothing did.
        trace: The run that was made for it, if it came to one.
        event: The number of the first event that broke the rule, if one did.
    """

    check: Check
    passed: bool
    message: str = ""
    trace: Trace | None = None
    event: int | None = None

    @property
    def name(self) -> str:
        """The check's name."""
        return self.check.name

    def __str__(self) -> str:
        """One line, and for a failure what happened, when, and the rule."""
        if self.passed:
            return f"  ok    {self.check.name}"
        lines = [f"  FAIL  {self.check.name}", *self.message.splitlines()]
        if self.event is not None and self.trace is not None:
            from raft_steps.lab.words import event_text

            lines.append(f"The event: {event_text(self.trace.events[self.event])}")
        lines.append(f"The rule ({self.check.source}): {self.check.rule}")
        return "\n        ".join(lines)

    def picture(self) -> Any:
        """Draw the run with the event marked; None when there was no run."""
        if self.trace is None or not self.trace.events:
            return None
        from raft_steps.lab.timeline import timeline

        return timeline(self.trace, mark=self.event, title=self.check.name)


@dataclass(slots=True)
class Report:
    """What came of all checks of a step."""

    step: int
    results: list[Result] = field(default_factory=list)

    @property
    def passed(self) -> bool:
        """Whether every check passed."""
        return all(result.passed for result in self.results)

    def __str__(self) -> str:
        """Show a line for each check, and more where one failed."""
        good = sum(result.passed for result in self.results)
        head = f"step {self.step}: {good} of {len(self.results)} checks pass"
        return "\n".join([head, *map(str, self.results)])

    __repr__ = __str__

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        """Show the same in a notebook, with a picture of the first run that failed."""
        html = f"<pre>{escape(str(self))}</pre>"
        first = next((result for result in self.results if not result.passed), None)
        picture = first.picture() if first is not None else None
        if picture is not None:
            html += picture._repr_mimebundle_()["text/html"]
        return {"text/plain": str(self), "text/html": html}

    def require(self) -> Report:
        """Give the report when all checks passed; otherwise show it and raise.

        Raises:
            ChecksFailed: Some check failed; graders take it as no points.
        """
        if self.passed:
            return self
        _show(self)
        failed = [result.name for result in self.results if not result.passed]
        raise ChecksFailed(f"{len(failed)} of {len(self.results)} checks fail, the first is: {failed[0]}")


class ChecksFailed(LabError):
    """A Node does not pass the checks of a step."""


def check(node_class: type, step: int) -> Report:
    """Hold a Node against the checks of a step.

    Args:
        node_class: The Node class: a step's, or your own.
        step: The step whose sentences it must live up to.

    Returns:
        The report; in a notebook, its own picture.

    Raises:
        LookupError: There is no such step.
    """
    report = Report(step)
    for each in checks_of(step):
        report.results.append(_try(each, node_class, step))
        if "did not come back" in report.results[-1].message:
            break  # The other checks would only wait for the same loop.
    return report


def checks_of(step: int) -> list[Check]:
    """Give the checks of a step.

    Raises:
        LookupError: There is no such step.
    """
    from raft_steps import find_step

    module = importlib.import_module(f"{__name__}.step_{find_step(step).number:02}")
    return [value for value in vars(module).values() if isinstance(value, Check)]


def rule(sentence: str, source: str) -> Callable[[Callable[[Stage], None]], Check]:
    """Turn a function into a check; its name, with spaces, is the check's name."""

    def turn(run: Callable[[Stage], None]) -> Check:
        return Check(run.__name__.replace("_", " "), sentence, source, run)

    return turn


def _try(each: Check, node_class: type, step: int) -> Result:
    stage = Stage(node_class, step)
    try:
        each.run(stage)
    except CheckFailed as failure:
        return Result(each, False, str(failure), stage.trace, failure.event)
    except LabError as error:
        event = stage.trace.events[-1].number if stage.trace is not None and stage.trace.events else None
        return Result(each, False, str(error), stage.trace, event)
    return Result(each, True, trace=stage.trace)


def _show(report: Report) -> None:
    """Display the report in a notebook, print it elsewhere."""
    try:
        from IPython.core.getipython import get_ipython
        from IPython.display import display
    except ImportError:
        print(report)
        return
    if get_ipython() is None:  # type: ignore[no-untyped-call]
        print(report)
    else:
        display(report)  # type: ignore[no-untyped-call]
