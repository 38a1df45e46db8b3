"""The commands of conformance: `catalogue`, the scenarios of other courses, and `budgets`, the cost of agreement."""

from __future__ import annotations

from pathlib import Path

import click

from raft_steps import find_step
from raft_steps.lab.cli.common import (
    COUNT,
    FAILED,
    CommandError,
    Progress,
    echo,
    echo_json,
    json_option,
    node_option,
    step_argument,
)
from raft_steps.lab.runtime.loading import load_node


@click.command()
@click.argument("number", type=int, metavar="[STEP]", required=False)
@click.option("--seeds", type=COUNT, default=1, show_default=True, help="How many seeds to try.")
@click.option("--first-seed", type=int, default=0, show_default=True, help="The first seed.")
@click.option("--only", multiple=True, metavar="NAME", help="Run only this scenario; may be given several times.")
@click.option(
    "--file",
    "files",
    multiple=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Run your own scenario file with expectations instead of the catalogue; may be given several times.",
)
@click.option(
    "--workers",
    type=COUNT,
    help="How many processes to use. [default: one, or one for each core if there are many runs]",
)
@node_option
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
    """Run the test scenarios of other courses, MIT's lab and eliben's, and what etcd's documentation promises.

    Without a step and --node, all steps that elect are tried. The table shows ok, or the step from which on a scenario
    passes, with the reasons below. The exit status is 1 if something fails that should pass.

    \b
    raft-steps catalogue
    raft-steps catalogue 9 --seeds 100
    raft-steps catalogue --node my_raft.py:Node --only ReElection
    """  # noqa: D301  # click's own mark for lines that it shall not wrap
    from raft_steps.lab.verify.conformance import catalogue as run_catalogue
    from raft_steps.lab.verify.conformance import entries, read_file

    if spec is not None and number is not None:
        raise CommandError("a step and --node exclude each other: choose one of them")
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
        echo_json(report.as_data())
    else:
        echo(report)
    ctx.exit(0 if report.passed else FAILED)


@click.command()
@step_argument
@click.option("--seed", type=int, default=0, show_default=True, help="The seed of the runs.")
@node_option
@json_option
@click.pass_context
def budgets(ctx: click.Context, *, number: int, seed: int, spec: str | None, as_json: bool) -> None:
    """Measure what a step's agreement costs.

    The costs are calls, messages, bytes and disk writes, in virtual time. The limits are MIT's: 30 calls to elect a
    leader of three servers, 42 calls for ten entries, 60 calls in an idle second; three times the bytes that the clients
    wrote, plus 50,000. The exit status is 1 if one is exceeded.
    """
    from raft_steps.lab.verify.conformance.budgets import budgets as measure

    step = find_step(number).number
    report = measure(load_node(spec) if spec is not None else step, seed)
    if as_json:
        echo_json(report.as_data())
    else:
        echo(report)
    ctx.exit(0 if report.passed else FAILED)
