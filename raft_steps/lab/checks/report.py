"""The results of a step's checks: as lines of text, and in a notebook with a picture of the first failure."""

from __future__ import annotations

import re
import textwrap
from dataclasses import dataclass, field
from html import escape
from typing import Any

from raft_steps.lab.checks.rules import Check
from raft_steps.lab.errors import LabError
from raft_steps.lab.scenario.model import format_seconds
from raft_steps.lab.trace.trace import Trace

WIDTH = 112  # characters of a line of text
MARGIN = " " * 8
AHEAD = "That is right. But the runs below, and the text between them, are about the course's Node; yours may differ."
EARLIER = "Your own step {step} is the reason: on the course's step {step}, what you wrote here passes this check."
PREPARATION = "This check did not get to its own rule, because what it needs first did not happen."
SLIPS = "Look at these lines, too:"
# White words on a coloured background are readable in light and dark themes, and do not depend on colour alone.
BADGES = {"ok": "#1a7f37", "FAIL": "#b3261e", "--": "#57606a"}


@dataclass(slots=True)
class CheckResult:
    """The result of one check.

    Attributes:
        check: The check.
        passed: Whether the Node follows the rule.
        message: What went wrong, in one sentence or a few; empty if the check passed.
        trace: The run that was made for the check, if there was one.
        event: The number of the first event that broke the rule, if an event did.
        tried: Whether the check ran at all; it does not after a check that ended in an endless loop.
        remarks: What the Node does earlier than the course, in sentences, if it passed.
        own_step: The learner's own earlier step that makes this check fail, if one does.
        is_preparation: Whether the check failed before it could try its rule.
    """

    check: Check
    passed: bool
    message: str = ""
    trace: Trace | None = None
    event: int | None = None
    tried: bool = True
    remarks: tuple[str, ...] = ()
    own_step: int | None = None
    is_preparation: bool = False

    @property
    def name(self) -> str:
        """The name of the check."""
        return self.check.name

    @property
    def mark(self) -> str:
        """The result in one word: ok, FAIL, or -- if the check did not run."""
        return "ok" if self.passed else "FAIL" if self.tried else "--"

    def details(self) -> list[str]:
        """Return lines that say what happened, when, and what the rule is; none if the check passed."""
        if self.passed:
            return []
        lines = self.message.splitlines()
        if self.tried and self.event is not None and self.trace is not None:
            from raft_steps.lab.trace.narration import event_text

            event = self.trace.events[self.event]
            if event.kind != "failed":  # The message contains it already.
                lines.append(f"The event, at {format_seconds(event.time_us)} s: {event_text(event)}")
        if self.own_step is not None:
            lines.append(EARLIER.format(step=self.own_step))
        if self.is_preparation:
            return [*lines, PREPARATION]
        return [*lines, f"The rule ({self.check.source}): {self.check.rule}"] if self.tried else lines

    def __str__(self) -> str:
        """Return one line, and for a failure what happened, when, and the rule."""
        return _with_margin(self, self.details())

    def picture(self) -> Any:
        """Draw the run with the event marked; return None if there was no run."""
        if self.trace is None or not self.trace.events:
            return None
        from raft_steps.lab.pictures.space_time import timeline

        return timeline(self.trace, mark=self.event, title=self.check.name)


@dataclass(slots=True)
class CheckReport:
    """The results of all checks of a step.

    Attributes:
        step: The step.
        results: The result of each check, in order.
        slips: Lines of the Node that do not do what they seem to, if a check fails: a sentence each, and its line.
    """

    step: int
    results: list[CheckResult] = field(default_factory=list)
    slips: list[str] = field(default_factory=list)

    @property
    def passed(self) -> bool:
        """Whether every check passed."""
        return all(result.passed for result in self.results)

    @property
    def failed(self) -> list[str]:
        """The names of the checks that failed or did not run."""
        return [result.name for result in self.results if not result.passed]

    def __str__(self) -> str:
        """Return the number of checks that passed, a line for each check, and details of those that failed."""
        lines = [self._head(), *(_with_margin(*each) for each in self._with_details())]
        if self.slips:
            lines.append(f"  {SLIPS}")
        for line in (line for slip in self.slips for line in slip.split("\n")):
            lines += (
                [MARGIN + line]
                if line.startswith(" ")
                else textwrap.wrap(
                    f"- {line}", WIDTH, initial_indent="    ", subsequent_indent="      ", break_long_words=False
                )
            )
        for remark in self.remarks:
            lines += textwrap.wrap(remark, WIDTH, initial_indent="  ", subsequent_indent="  ", break_long_words=False)
        return "\n".join(lines)

    __repr__ = __str__

    @property
    def remarks(self) -> list[str]:
        """What the Node does earlier than the course, in sentences; empty for a Node that does as the course does.

        Such a Node passes. Its runs may differ from what a notebook shows and says below its check.
        """
        found = list(dict.fromkeys(remark for result in self.results for remark in result.remarks))
        return [f"You are ahead of the course: {found[0]}", *found[1:], AHEAD] if found else []

    def _head(self) -> str:
        good = sum(result.passed for result in self.results)
        return f"step {self.step}: {good} of {len(self.results)} checks pass"

    def _with_details(self) -> list[tuple[CheckResult, list[str]]]:
        """Return each result with its details; a mistake that fails many checks is explained once."""
        rows: list[tuple[CheckResult, list[str]]] = []
        known: dict[str, str] = {}
        for result in self.results:
            mistake = re.sub(r" at [\d.]+ s\b", "", result.message)  # Only the time differs between runs.
            again = result.tried and mistake and mistake in known
            rows.append((result, [f"The same mistake as in: {known[mistake]}."] if again else result.details()))
            known.setdefault(mistake, result.name)
        return rows

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        """Return the report as text and as HTML with a picture of the first run that broke a rule."""
        failed = [result for result in self.results if not result.passed]
        first = min(failed, key=lambda result: result.is_preparation, default=None)
        rows = []
        for result, details in self._with_details():
            picture = result.picture() if result is first else None
            drawn = picture.to_html() if picture is not None else ""
            rows.append(_row(result, details) + drawn)
        rows += [f'<div style="margin: 0.3em 0">{escape(remark)}</div>' for remark in self.remarks]
        if self.slips:
            shown = "".join(f"<li>{escape(slip).replace(chr(10), '<br>')}</li>" for slip in self.slips)
            rows.append(f'<div style="margin: 0.3em 0">{SLIPS}<ul>{shown}</ul></div>')
        html = f"<div><strong>{escape(self._head())}</strong></div>\n" + "\n".join(rows)
        return {"text/plain": str(self), "text/html": html}

    def require(self) -> CheckReport:
        """Return the report if all checks passed; otherwise display it and raise.

        Raises:
            ChecksFailed: A check failed; graders count the error as no points.
        """
        if self.passed:
            return self
        _show(self)
        failed = self.failed
        raise ChecksFailed(f"{len(failed)} of {len(self.results)} checks fail, the first is: {failed[0]}")


class ChecksFailed(LabError):  # noqa: N818  # It is a verdict on a Node, not an error of the laboratory.
    """A Node does not pass the checks of a step."""


def _with_margin(result: CheckResult, details: list[str]) -> str:
    """Format a result as lines of text; a line that is indented already is source code, and is not wrapped."""
    lines = [f"  {result.mark:<4}  {result.name}"]
    for line in details:
        if line.startswith(" "):
            lines.append(MARGIN + line)
        else:
            lines += textwrap.wrap(
                line,
                WIDTH,
                initial_indent=MARGIN,
                subsequent_indent=MARGIN,
                break_long_words=False,
                break_on_hyphens=False,
            )
    return "\n".join(lines)


def _row(result: CheckResult, details: list[str]) -> str:
    """Format a result as HTML."""
    badge = (
        f'<span style="display: inline-block; min-width: 3em; text-align: center; border-radius: 3px; '
        f'color: #fff; background: {BADGES[result.mark]}">{result.mark}</span>'
    )
    lines = "".join(f"<div>{escape(line).replace('  ', '&nbsp; ')}</div>" for line in details)
    more = f'<div style="margin: 0.2em 0 0.6em 3.8em">{lines}</div>' if lines else ""
    return f'<div style="margin: 0.15em 0">{badge} {escape(result.name)}{more}</div>'


def _show(report: CheckReport) -> None:
    """Display the report in a notebook, or print it elsewhere."""
    try:
        from IPython.core.getipython import get_ipython
        from IPython.display import display
    except ImportError:
        print(report)
        return
    if get_ipython() is None:
        print(report)
    else:
        display(report)  # type: ignore[no-untyped-call]
