"""The classic mistakes of a step: what differs from the course's Node, what fails, and how the thought went wrong.

A mistake is a small change of the step's module, so the text that readers see is the code that runs. The texts are in
`step_06.txt` and its siblings. What a mistake's run looks like is computed when somebody asks for it and stored nowhere,
so it is always that of the step and of the checks as they are.
"""

from __future__ import annotations

import html
import linecache
import re
import sys
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import ModuleType
from typing import Any

from raft_steps import find_step
from raft_steps.lab.checks.report import CheckResult
from raft_steps.lab.checks.runner import checks_of, try_check
from raft_steps.lab.errors import LabError
from raft_steps.lab.files import read_text
from raft_steps.lab.source import highlight
from raft_steps.lab.source.parse import read_step

FOLDER = Path(__file__).parent
WIDTH = 112  # characters of a line of text
_MISTAKE = re.compile(
    r"^# (?P<title>.+)\nFails: (?P<check>.+)\n\n(?P<lines>(?:[-+ ].*\n)+)\n(?P<thought>(?:(?!# ).*\n)+)", re.MULTILINE
)


class MistakeError(LabError):
    """The text of a mistake does not fit the step's module; the message says which, and why."""


@dataclass(frozen=True)
class Mistake:
    """A classic mistake.

    Attributes:
        step: The number of the step.
        number: Its number among the mistakes of the step, from 1.
        title: What is wrong, as a sentence.
        check: The name of the check that shows it.
        lines: The lines of the step's module that differ, and some around them, each with its sign.
        thought: How somebody comes to write that, and why it is wrong.
    """

    step: int
    number: int
    title: str
    check: str
    lines: tuple[highlight.Line, ...]
    thought: str

    @cached_property
    def node(self) -> type:
        """The Node with the mistake."""
        right, wrong = ("\n".join(text for sign, text in self.lines if sign != other) for other in "+-")
        source = read_step(self.step).text
        if source.count(f"\n{right}\n") != 1:
            raise MistakeError(
                f"mistake {self.number} of step {self.step} ({self.title}) changes lines that are not, or more than once, "
                "in the step's module"
            )
        module = ModuleType(f"mistake_{self.step:02}_{self.number}")
        module.__file__ = f"<mistake {self.number} of step {self.step}>"
        text = source.replace(f"\n{right}\n", f"\n{wrong}\n")
        linecache.cache[module.__file__] = (len(text), None, text.splitlines(keepends=True), module.__file__)
        sys.modules[module.__name__] = module  # Annotations are looked up in the module of their class.
        exec(compile(text, module.__file__, "exec", dont_inherit=True), vars(module))  # noqa: S102  # As an import does.
        found: type = module.Node
        return found

    @cached_property
    def result(self) -> CheckResult:
        """The result of the check that shows it."""
        each = next((each for each in checks_of(self.step) if each.name == self.check), None)
        if each is None:
            raise MistakeError(f"mistake {self.number} of step {self.step}: there is no check {self.check}")
        found = try_check(each, self.node, self.step)
        if found.passed:
            raise MistakeError(f"mistake {self.number} of step {self.step} ({self.title}) passes {self.check}")
        return found

    def __str__(self) -> str:
        """Return the mistake as text."""
        parts = (self.title, highlight.plain_difference(self.lines), str(self.result), _filled(self.thought))
        return "\n\n".join(parts)

    def to_html(self) -> str:
        """Return all below the title as HTML: the lines that differ, what fails, its picture, and the thought."""
        block = highlight.html_block("", highlight.html_difference(self.lines))
        details = "".join(f"<p>{html.escape(line)}</p>\n" for line in self._words())
        picture = self.result.picture()
        drawn = f"{picture.to_html()}\n" if picture is not None else ""
        return f"{block}\n{details}{drawn}<p>{_code(self.thought)}</p>\n"

    def _words(self) -> Iterator[str]:
        """Yield the message of the check, without lines of code: those are above."""
        yield f'The check "{self.check}" fails:'
        yield from (line for line in self.result.details() if not line.startswith(" "))


@dataclass(frozen=True, slots=True, repr=False)
class Mistakes:
    """The classic mistakes of a step.

    Attributes:
        title: The title of the page.
        mistakes: The mistakes.
    """

    title: str
    mistakes: tuple[Mistake, ...]

    def __str__(self) -> str:
        """Return all mistakes as text."""
        return "\n\n\n".join([self.title, *(f"{each.number}. {each}" for each in self.mistakes)])

    __repr__ = __str__

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        """Return the mistakes as text, and as HTML with their pictures."""
        parts = [f"<h3>{html.escape(self.title)}</h3>"]
        parts += [f"<h4>{each.number}. {_code(each.title)}</h4>\n{each.to_html()}" for each in self.mistakes]
        return {"text/plain": str(self), "text/html": "\n".join(parts)}

    def to_page(self) -> str:
        """Return the mistakes as the source of a page, in Markdown."""
        parts = [f"# {self.title}", "This page shows what the step asks for: write your own Node first."]
        parts += [f"## {each.title}\n\n{each.to_html()}" for each in self.mistakes]
        return "\n\n".join(parts)


def mistakes(step: int) -> Mistakes:
    """Return the classic mistakes of a step, each with the run in which it fails.

    Args:
        step: The number of the step.

    Raises:
        MissingStepError: There is no such step, or it is not in this edition.
        MistakeError: There are no mistakes of this step, or one of them does not fail.
    """
    checks_of(step)
    found = mistakes_of(step)
    if not found:
        raise MistakeError(
            f"there are no classic mistakes of step {step} here; its solution is not in this edition either"
        )
    return Mistakes(f"Classic mistakes at step {step}: {find_step(step).title}", found)


def mistakes_of(step: int) -> tuple[Mistake, ...]:
    """Return the classic mistakes of a step; an edition for students has only those of the steps that it contains."""
    path = FOLDER / f"step_{step:02}.txt"
    if not path.is_file():
        return ()
    text = read_text(path, "mistakes")
    found = list(_MISTAKE.finditer(text))
    if "".join(each[0] for each in found) != text:
        raise MistakeError(
            f"{path.name} is not a list of mistakes: a title, the check that fails, lines, and the thought"
        )
    return tuple(
        Mistake(step, number, each["title"], each["check"], _lines(each["lines"]), " ".join(each["thought"].split()))
        for number, each in enumerate(found, 1)
    )


def _lines(text: str) -> tuple[highlight.Line, ...]:
    """Return the lines of a difference, each with its sign."""
    lines: list[highlight.Line] = []
    for line in text.splitlines():
        sign: highlight.Sign = "+" if line[0] == "+" else "-" if line[0] == "-" else " "
        lines.append((sign, line[1:]))
    return tuple(lines)


def _code(text: str) -> str:
    """Return words as HTML; what is between backticks is code."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", html.escape(text, quote=False))


def _filled(text: str) -> str:
    return textwrap.fill(text, WIDTH, break_long_words=False, break_on_hyphens=False)
