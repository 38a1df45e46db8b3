"""The commands that show the steps as text: `steps`, `start`, `cheat-sheet`, `show` and `diff`."""

from __future__ import annotations

import click

from raft_steps import STEPS, __version__
from raft_steps.lab.cli.common import echo, echo_json, json_option, step_argument
from raft_steps.lab.runtime.loading import load_node
from raft_steps.lab.text_table import text_table

EXCLUSIVE = "--whole and --method exclude each other: choose the whole file or single methods"


def _step_or_class(ctx: click.Context, param: click.Parameter, value: str) -> int | type:  # noqa: ARG001  # click's
    """Convert an argument: return the number of a step, or load the class that ``FILE:CLASS`` names."""
    return int(value) if value.isdecimal() else load_node(value)


@click.command()
@json_option
def steps(as_json: bool) -> None:
    """List the steps, the course's table of contents."""
    if as_json:
        rows = [
            {
                "number": entry.number,
                "name": entry.name,
                "title": entry.title,
                "module": entry.module_name,
                "notebook": entry.notebook_name,
            }
            for entry in STEPS
        ]
        echo_json({"version": __version__, "steps": rows})
        return
    for line in text_table([(f"{entry.number:>3}", entry.name, entry.title) for entry in STEPS]):
        click.echo(line)


@click.command("cheat-sheet")
@click.argument("what", metavar="STEP|FILE:CLASS", callback=_step_or_class)
def cheat_sheet(what: int | type) -> None:
    """Print one sheet: Figure 2 as built so far, what a Node, a Log and a Cluster can do, and the words."""
    from raft_steps.lab.course.cheat_sheet import cheat_sheet as sheet_for

    echo(sheet_for(what))


@click.command()
@step_argument
def mistakes(number: int) -> None:
    """Print the classic mistakes of a step, each with what fails; this gives the solution away."""
    from raft_steps.lab.course.mistakes import mistakes as mistakes_at

    echo(mistakes_at(number))


@click.command()
@step_argument
def start(number: int) -> None:
    """Print the beginning of a file in which you write a step: imports, given classes, and the task.

    \b
    raft-steps start 6 > my_raft.py
    raft-steps check 6 --node my_raft.py
    """  # noqa: D301  # click's own mark for lines that it shall not wrap
    from raft_steps.lab.course.starter import starter

    click.echo(starter(number), nl=False)


@click.command()
@click.argument("what", metavar="STEP|FILE:CLASS", callback=_step_or_class)
@click.option("--whole", is_flag=True, help="Print the complete Node of this step, as one file that runs on its own.")
@click.option(
    "--method",
    "names",
    metavar="NAME",
    multiple=True,
    help="Print only this method or message, as of this step; may be given several times.",
)
def show(what: int | type, whole: bool, names: tuple[str, ...]) -> None:
    """Print the file of a step, single methods, or the whole Node.

    \b
    raft-steps show 6                              the file of the step
    raft-steps show 6 --whole > raft.py            everything up to step 6
    raft-steps show 6 --method on_append_entries
    """  # noqa: D301  # click's own mark for lines that it shall not wrap
    from raft_steps.lab.source import views

    if whole and names:
        raise click.UsageError(EXCLUSIVE)
    echo(views.whole(what) if whole else views.show(what, *names))


@click.command()
@click.argument("before", metavar="A", callback=_step_or_class)
@click.argument("after", metavar="B", callback=_step_or_class)
@click.option("--whole", is_flag=True, help="Print the difference between the two whole files, as a patch.")
@click.option(
    "--method",
    "names",
    metavar="NAME",
    multiple=True,
    help="Compare only this method or message; may be given several times.",
)
def diff(before: int | type, after: int | type, whole: bool, names: tuple[str, ...]) -> None:
    """Print what changes between two steps.

    \b
    raft-steps diff 5 6
    raft-steps diff 5 6 --whole                                       as a patch of the whole file
    raft-steps diff 6 my_raft.py:Node --method on_append_entries      your own class
    """  # noqa: D301  # click's own mark for lines that it shall not wrap
    from raft_steps.lab.source import views

    if whole and names:
        raise click.UsageError(EXCLUSIVE)
    if whole:
        click.echo(views.patch(before, after), nl=False)
    else:
        echo(views.diff(before, after, *names))
