"""The help in a student edition: examples with steps that it does not have are left out."""

from __future__ import annotations

import re

import click

from raft_steps import STEPS

# A command's first arguments, if they are numbers of steps; and a step in a scenario.
NUMBERS = re.compile(r"raft-steps (?P<command>[a-z-]+)(?P<steps>(?: \d+)+)|\bstep (?P<step>\d+);")
# These also work for the step that is to be written.
TAKE_A_NODE = ("check", "start")


def fit_to_edition(command: click.Command, last: int | None = None) -> None:
    """Leave the lines out of a command's help, and of its commands', that need steps which an edition does not have.

    Args:
        command: The command.
        last: The last step of the edition; by default that of the package.
    """
    held = last if last is not None else len(STEPS)
    if command.help is not None:
        command.help = "\n".join(line for line in command.help.split("\n") if _last_step(line) <= held)
    if isinstance(command, click.Group):
        for each in command.commands.values():
            fit_to_edition(each, held)


def _last_step(line: str) -> int:
    """Return the last step that the package must have for the command in a line; 0 if there is none."""
    last = 0
    for found in NUMBERS.finditer(line):
        numbers = [int(number) for number in (found["steps"] or found["step"]).split()]
        is_own = found["command"] in TAKE_A_NODE or "--node" in line
        last = max(last, max(numbers) - is_own)
    return last
