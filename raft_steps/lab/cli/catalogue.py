"""The commands of conformance: `catalogue`, the scenarios of other courses, and `budgets`, the cost of agreement."""

from __future__ import annotations

from pathlib import Path

import click

from raft_steps import find_step
from raft_steps.lab.cli.common import FAILED, CommandError, Progress, json_option, say, say_json
from raft_steps.lab.cli.steps import step_argument
from raft_steps.lab.runtime.loading import load_node


@click.command()
@click.argument("number", type=int, metavar="[STEP]", required=False)
@click.option("--seeds", type=click.IntRange(min=1), default=1, show_default=True, help="How many seeds to try.")
@click.option("--first-seed", type=int, default=0, show_default=True, help="Where to begin.")
@click.option("--only", multiple=True, metavar="NAME", help="Only this scenario; may be said several times.")
@click.option(
    "--file",
    "files",
    multiple=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A scenario file with checks of your own, instead of the catalogue's.",
)
@click.option("--workers", type=click.IntRange(min=1), help="How many processes. [default: as it suits]")
@click.option("--node", "spec", metavar="FILE:CLASS", help="Your own class, such as my_raft.py:Node.")
@json_option
@click.pass_context
def catalogue(
    ctx: click.Context,
    *,
    number: int | None,
    seeds: int,
    first_seed: int,
    only: tuple[str, ...],
    files: tuple[Path, ...],
    workers: int | None,
    spec: str | None,
    as_json: bool,
) -> None:
    """Go through the scenarios that other courses test Raft with: MIT's lab, and eliben's.

    Without a step, all steps that elect; with --node, your own class. A cell says ok, or from which step on the scenario
    is passed; below stands why not yet. The exit status is 1 where something fails that should pass.

    \b
    raft-steps catalogue
    raft-steps catalogue 9 --seeds 100
    raft-steps catalogue --node my_raft.py:Node --only ReElection
    """  # noqa: D301  # click's own mark for lines that it shall not wrap
    from raft_steps.lab.verify.conformance import catalogue as run_catalogue
    from raft_steps.lab.verify.conformance import entries, read_file

    if spec is not None and number is not None:
        raise CommandError("a step and --node exclude each other: try the one or the other")
    chosen = [read_file(path) for path in files]
    with Progress("catalogue", 1) as progress:

        def show(done: int, total: int) -> None:
            progress.length = total
            progress(done)

        report = run_catalogue(
            load_node(spec) if spec is not None else number,
            range(first_seed, first_seed + seeds),
            only=[*only, *chosen] or entries(),
            workers=workers,
            progress=show,
        )
    if as_json:
        say_json(report.as_data())
    else:
        say(report)
    ctx.exit(0 if report.passed else FAILED)


@click.command()
@step_argument
@click.option("--seed", type=int, default=0, show_default=True, help="What chance begins with.")
@click.option("--node", "spec", metavar="FILE:CLASS", help="Your own class, such as my_raft.py:Node.")
@json_option
@click.pass_context
def budgets(ctx: click.Context, *, number: int, seed: int, spec: str | None, as_json: bool) -> None:
    """Measure what a step's agreement costs: calls, messages, bytes and disk writes, in virtual time.

    The bars are MIT's: 30 calls to elect three servers, 42 for ten entries, 60 in an idle second; three times what the
    clients wrote, and 50,000 bytes. The exit status is 1 where one is missed.
    """
    from raft_steps.lab.verify.conformance.budgets import budgets as measure

    step = find_step(number).number
    report = measure(load_node(spec) if spec is not None else step, seed)
    if as_json:
        say_json(report.as_data())
    else:
        say(report)
    ctx.exit(0 if report.passed else FAILED)
