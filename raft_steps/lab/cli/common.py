"""Shared by the commands: options, output, progress bars, and the handling of errors."""

from __future__ import annotations

import json
import math
import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self, TypeVar

import click

from raft_steps.lab.cli import exit_status
from raft_steps.lab.cli.output import fit
from raft_steps.lab.errors import LabError, NodeError
from raft_steps.lab.files import decode_text, read_text, read_to_the_end
from raft_steps.lab.scenario.model import TIME_MAX_S
from raft_steps.lab.text import plain_text, printable

FAILED, WRONG_INPUT = exit_status.FAILED, exit_status.NOT_JUDGED
BAR_DELAY_S = 0.5  # until a progress bar appears: a short command would only flash it


class CommandError(click.ClickException):
    """An error in one sentence; the command ends with exit status 2."""

    exit_code = WRONG_INPUT


class ShortfallError(CommandError):
    """An error in one sentence about what the command checked; the command ends with exit status 1."""

    exit_code = FAILED


class CourseGroup(click.Group):
    """The group of all commands: lists them by section, and reports an expected error as one line."""

    def __init__(self, *arguments: Any, **settings: Any) -> None:
        """Build a group without sections."""
        super().__init__(*arguments, **settings)
        self.sections: dict[str, list[click.Command]] = {}

    def add_section(self, title: str, *commands: click.Command) -> None:
        """Add commands that the help lists together."""
        self.sections[title] = list(commands)
        for command in commands:
            self.add_command(command)

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  # click's signature
        """Return the names of the commands, in the order in which they were added."""
        return list(self.commands)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002  # click's
        """List the commands, section by section."""
        for title, commands in self.sections.items():
            with formatter.section(title):
                formatter.write_dl([(command.name or "", command.get_short_help_str(80)) for command in commands])

    def main(  # type: ignore[override]  # click has one signature for each value of standalone_mode.
        self, args: Sequence[str] | None = None, *, standalone_mode: bool = True, **settings: Any
    ) -> Any:
        """Run the command line and return its exit status; in click's standalone mode, end the process with it."""
        if standalone_mode:
            exit_status.run(lambda: self.main(args, standalone_mode=False, **settings))
        try:
            returned = super().main(args, standalone_mode=False, **settings)
        except click.ClickException as error:
            error.show()
            return FAILED if isinstance(error, ShortfallError) else WRONG_INPUT
        except click.Abort as error:  # This is what click makes of Control-C, and of input that ends too early.
            raise error.__cause__ or KeyboardInterrupt from None
        return returned if isinstance(returned, int) else exit_status.PASSED

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command, and turn an error that the laboratory raises on purpose into a message and an exit status."""
        try:
            return super().invoke(ctx)
        except NodeError as error:
            raise ShortfallError(format_error(error)) from error
        except LabError as error:
            raise CommandError(format_error(error)) from error
        except OSError as error:  # Of a file or another process; standard output raises an OutputError.
            raise CommandError(f"{error.filename or 'a file'}: {error.strerror or error}") from error
        except UnicodeError as error:
            raise CommandError(f"some text is not in the encoding that it should be in: {error}") from error
        except LookupError as error:
            if type(error) is not LookupError:  # A KeyError or IndexError is a bug, and needs its traceback.
                raise
            raise CommandError(format_error(error)) from error


def format_error(error: Exception) -> str:
    """Format an error as one line, with further lines, such as the line of a Node's source, in parentheses."""
    first, *more = [line.strip() for line in str(error).splitlines() if line.strip()] or [type(error).__name__]
    return f"{first} ({'; '.join(more)})" if more else first


def echo(result: object) -> None:
    """Print a result as text, in colour on a terminal if it has a coloured form."""
    coloured = getattr(result, "ansi", None)
    if coloured is not None and sys.stdout.isatty() and not os.environ.get("NO_COLOR"):
        click.echo(coloured(), color=True)
    else:
        click.echo(str(result))


def echo_json(data: Mapping[str, Any]) -> None:
    """Print data as one JSON object; a sign that the output's encoding lacks is escaped, so that nothing is lost."""
    text = json.dumps(data, ensure_ascii=False, indent=2)
    if fit(text, getattr(sys.stdout, "encoding", None) or "utf-8") != text:
        text = json.dumps(data, indent=2)
    click.echo(text)


Decorated = TypeVar("Decorated", bound=Callable[..., Any] | click.Command)

COUNT = click.IntRange(1, 1_000_000)  # how many seeds, processes and the like; Python cannot count to any number
step_argument = click.argument("number", type=int, metavar="STEP")
node_option = click.option(
    "--node",
    "spec",
    metavar="FILE:CLASS",
    help="Your own class instead of a step's, from a module or a notebook: my_raft.py:Node, 06_term_checks.ipynb.",
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON object, for scripts.")


def finite(ctx: click.Context, param: click.Parameter, value: float) -> float:
    """Return a number that was given to an option, unless it is "nan" or "inf", which click calls numbers.

    Raises:
        click.BadParameter: It is one of them, or more seconds than a clock of the system can wait for.
    """
    if not math.isfinite(value):
        raise click.BadParameter(f"{value} is not a number of seconds", ctx, param)
    if value > TIME_MAX_S:
        raise click.BadParameter(f"{value} s is too long; the limit is {TIME_MAX_S:,} s", ctx, param)
    return value


class NewFolder(click.Path):
    """A folder that need not exist, as an option's value; click itself takes an empty one for the current folder."""

    def __init__(self) -> None:
        """Accept folders."""
        super().__init__(file_okay=False, path_type=Path)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the folder, unless its name is empty."""
        if not str(value):
            self.fail("the name of a folder is empty", param, ctx)
        return super().convert(value, param, ctx)


def svg_option(subject: str) -> Callable[[Decorated], Decorated]:
    """Return the option ``--svg``, for the file into which a command draws this subject."""
    file = click.Path(dir_okay=False, path_type=Path)
    return click.option("--svg", type=file, help=f"Draw {subject} into this file.")


def read_stream(file: BinaryIO, content: str) -> str:
    """Read the text of a file that click has opened, or of standard input; see `files.read_text`.

    Args:
        file: The file.
        content: What it should hold, for the error.

    Raises:
        NotTextError: The file is not a text file.
    """
    name = getattr(file, "name", "standard input")
    return decode_text(read_to_the_end(file, name), name, content)


def read_given(given: str, starts: tuple[str, ...], content: str) -> str:
    """Return a text that is given as an argument, or that is in the file that the argument names; ``-`` reads standard input.

    Args:
        given: The argument.
        starts: How such a text begins. An argument that begins so is the text itself, unless there is a file of this name.
        content: What the text should be, for the error.

    Raises:
        CommandError: There is no such file.
        NotTextError: The file is not a text file.
        OSError: The file cannot be read.
    """
    if given == "-":
        return read_stream(sys.stdin.buffer, content)
    if given.lstrip().startswith(starts) and not os.path.isfile(given):  # noqa: PTH113  # Path raises for a long text.
        return plain_text(given)
    try:
        return read_text(given, content)
    except FileNotFoundError as error:
        raise CommandError(
            f"there is no file {printable(given)}, and {content} begins with {' or '.join(each.strip() for each in starts)}"
        ) from error


def parse_servers(text: str | None) -> int | tuple[str, ...] | None:
    """Parse the number of servers, or their names, as ``tom,jerry``; return None for None."""
    if text is None:
        return None
    return int(text) if text.strip().isdecimal() else tuple(text.replace(",", " ").split())


class Progress:
    """A progress bar on standard error, if that is a terminal and the work takes more than a moment."""

    def __init__(self, label: str, length: int) -> None:
        """Build a bar that is not shown yet."""
        self.started_s, self.is_visible = time.monotonic(), sys.stderr.isatty()
        self.label, self.length = label, length
        self.bar: Any = None

    def __enter__(self) -> Self:
        """Return the progress bar itself."""
        return self

    def __call__(self, done: int, *_total: int) -> None:
        """Show how much is done; the total is that of `length`, so a second argument is ignored."""
        if not self.is_visible or (self.bar is None and time.monotonic() - self.started_s < BAR_DELAY_S):
            return
        if self.bar is None:
            self.bar = click.progressbar(length=self.length, label=self.label, file=sys.stderr, show_pos=True)
            self.bar.__enter__()
        self.bar.update(done - self.bar.pos)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Remove the bar."""
        if self.bar is not None:
            self.bar.__exit__(kind, error, trace)
