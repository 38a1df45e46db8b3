"""What the commands share: how errors are said, results printed, progress shown, and a learner's class loaded."""

from __future__ import annotations

import errno
import json
import os
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

import click

from raft_steps.lab.errors import EventBudgetError, LabError, NodeError

FAILED, WRONG_INPUT = 1, 2
PATIENCE = 0.5  # seconds without a progress bar; what takes longer than two has had one for a while by then


class CommandError(click.ClickException):
    """A sentence for standard error, and the exit status that goes with it."""

    exit_code = WRONG_INPUT


class ShortfallError(CommandError):
    """The same, where the command was carried out and what it looked at falls short."""

    exit_code = FAILED


class CourseGroup(click.Group):
    """The group of all commands: lists them by section, and says errors in a sentence."""

    def __init__(self, *arguments: Any, **settings: Any) -> None:
        """Begin without sections."""
        super().__init__(*arguments, **settings)
        self.sections: dict[str, list[click.Command]] = {}

    def add_section(self, title: str, *commands: click.Command) -> None:
        """Add commands, to be listed together."""
        self.sections[title] = list(commands)
        for command in commands:
            self.add_command(command)

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  # click's signature
        """Name the commands in the order in which they were added."""
        return list(self.commands)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002  # click's
        """List the commands, section by section."""
        for title, commands in self.sections.items():
            with formatter.section(title):
                formatter.write_dl([(command.name or "", command.get_short_help_str(80)) for command in commands])

    def invoke(self, ctx: click.Context) -> Any:
        """Carry a command out, and turn what the course raises on purpose into a sentence and a status."""
        try:
            return super().invoke(ctx)
        except (NodeError, EventBudgetError) as error:
            raise ShortfallError(sentence(error)) from error
        except LabError as error:
            raise CommandError(sentence(error)) from error
        except OSError as error:
            if error.errno == errno.EPIPE:  # Whoever read our output has seen enough.
                raise
            raise CommandError(f"{error.filename or 'a file'}: {error.strerror or error}") from error
        except LookupError as error:
            if type(error) is not LookupError:  # A missing key or index is a mistake of the course's own.
                raise
            raise CommandError(sentence(error)) from error


def sentence(error: Exception) -> str:
    """Say an error on one line; what stood on further lines, such as the line of a Node's source, in brackets."""
    first, *more = [line.strip() for line in str(error).splitlines() if line.strip()] or [type(error).__name__]
    return f"{first} ({'; '.join(more)})" if more else first


# Printing.


def say(thing: object) -> None:
    """Print a text or what has one, in colour where that can be seen."""
    coloured = getattr(thing, "ansi", None)
    if coloured is not None and sys.stdout.isatty() and not os.environ.get("NO_COLOR"):
        click.echo(coloured(), color=True)
    else:
        click.echo(str(thing))


def say_json(data: Mapping[str, Any]) -> None:
    """Print one JSON object."""
    click.echo(json.dumps(data, ensure_ascii=False, indent=2))


Decorated = TypeVar("Decorated", bound=Callable[..., Any] | click.Command)

json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON object, for a script.")


def svg_option(subject: str) -> Callable[[Decorated], Decorated]:
    """Let a command draw something into a file; the subject says what, as in *the run*."""
    file = click.Path(dir_okay=False, path_type=Path)
    return click.option("--svg", type=file, help=f"Draw {subject} into this file.")


class Progress:
    """A progress bar on standard error: where somebody sees it, and once the work has taken a moment."""

    def __init__(self, label: str, length: int) -> None:
        """Prepare the bar; it is not shown yet."""
        self.begun, self.seen = time.monotonic(), sys.stderr.isatty()
        self.label, self.length = label, length
        self.bar: Any = None

    def __enter__(self) -> Self:
        """Begin."""
        return self

    def __call__(self, done: int, *_total: int) -> None:
        """Say how much is done by now."""
        if not self.seen or (self.bar is None and time.monotonic() - self.begun < PATIENCE):
            return
        if self.bar is None:
            self.bar = click.progressbar(length=self.length, label=self.label, file=sys.stderr, show_pos=True)
            self.bar.__enter__()
        self.bar.update(done - self.bar.pos)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Take the bar away."""
        if self.bar is not None:
            self.bar.__exit__(kind, error, trace)


# A learner's class.


def read_servers(text: str | None) -> int | tuple[str, ...] | None:
    """Read how many servers there are, or their names, as ``tom,jerry``; None if nothing is said."""
    if text is None:
        return None
    return int(text) if text.strip().isdecimal() else tuple(text.replace(",", " ").split())
