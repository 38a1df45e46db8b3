"""The commands `check` and `watch`, which run a step's checks, and `ten-steps`, which runs the post's test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from raft_steps import find_step, node
from raft_steps.lab.cli.common import (
    COUNT,
    FAILED,
    CommandError,
    Progress,
    echo,
    echo_json,
    format_error,
    json_option,
    node_option,
    step_argument,
)
from raft_steps.lab.errors import LabError
from raft_steps.lab.runtime.launching import step_of_class
from raft_steps.lab.runtime.loading import load_node, split_spec
from raft_steps.lab.verify.fuzzer.profiles import PROFILES

# The ten-step test crashes servers itself, so it needs profiles that crash and cut off none.
NETWORKS = tuple(name for name, profile in PROFILES.items() if profile.leaves_servers_alone)


@click.command()
@step_argument
@node_option
@click.option(
    "--picture",
    type=click.Path(dir_okay=False, path_type=Path),
    help="If a check fails, draw the run of the first that does into this file (SVG).",
)
@click.option("--story", "tells", is_flag=True, help="If a check fails, also print the run of the first that does.")
@json_option
@click.pass_context
def check(
    ctx: click.Context, *, number: int, spec: str | None, picture: Path | None, tells: bool, as_json: bool
) -> None:
    """Check that a Node does what a step must do.

    \b
    raft-steps check 6
    raft-steps check 6 --node my_raft.py --picture failure.svg

    Without --node, the step's own Node is checked. The exit status is 1 if a check fails.
    """  # noqa: D301  # click's own mark for lines that it shall not wrap
    from raft_steps.lab.checks import check as run_checks

    find_step(number)
    report = run_checks(load_node(spec) if spec is not None else node(number), step=number)
    failed = next((result for result in report.results if not result.passed), None)
    if picture is not None and failed is not None and (drawn := failed.picture()) is not None:
        drawn.save(picture)
    if as_json:
        checks = [
            {"name": result.name, "passed": result.passed, "message": result.message} for result in report.results
        ]
        echo_json(
            {
                "step": number,
                "passed": report.passed,
                "checks": checks,
                "remarks": report.remarks,
                "slips": report.slips,
            }
        )
    else:
        echo(report)
        if tells and failed is not None and failed.trace is not None:
            from raft_steps.lab.trace.narration import story

            click.echo(f"\nThe run of the check that failed first, {failed.name}:")
            echo(story(failed.trace))
    ctx.exit(0 if report.passed else FAILED)


@click.command()
@click.argument("spec", metavar="FILE:CLASS")
@click.option("--step", "number", type=int, help="The step to check; by default the one that the class is derived for.")
def watch(spec: str, number: int | None) -> None:
    """Check your own class again whenever its file is saved.

    \b
    raft-steps watch my_raft.py

    It goes on until Control-C. The file may be a notebook; then it is checked when JupyterLab saves it.
    """  # noqa: D301  # click's own mark for lines that it shall not wrap
    path = split_spec(spec)[0]
    if not path.is_file():
        raise CommandError(f"there is no file {path}")
    saves = _saves_of(path)
    while True:
        try:
            _check_once(spec, number)
        except (LabError, LookupError) as error:
            click.echo(f"Error: {format_error(error)}")
        click.echo(f"-- waiting for {path.name} to be saved; Control-C ends --")
        if next(saves, None) is None:
            return


def _check_once(spec: str, number: int | None) -> None:
    from raft_steps.lab.checks import check as run_checks

    node_class = load_node(spec)
    step = number if number is not None else step_of_class(node_class)
    if step is None:
        raise CommandError(f"{spec} is not derived from a step of the course; name the step with --step")
    echo(run_checks(node_class, step=step))


def _saves_of(path: Path) -> Iterator[object]:
    """Return an iterator that waits until a file is saved; editors may replace the file, so its folder is watched."""
    try:
        from watchfiles import watch as changes_of
    except ImportError as error:
        raise CommandError('this needs the library watchfiles: pip install "raft-steps[watch]"') from error
    whole = path.resolve()
    saves: Iterator[object] = changes_of(
        whole.parent, watch_filter=lambda _, changed: Path(changed) == whole and whole.is_file()
    )
    return saves


@click.command("ten-steps")
@step_argument
@click.option("--seeds", type=COUNT, default=100, show_default=True, help="How many seeds to try.")
@click.option("--first-seed", type=int, default=0, show_default=True, help="The first seed.")
@click.option("--seed", type=int, help="Run only this seed, and report it step by step.")
@click.option(
    "--profile", type=click.Choice(NETWORKS), default="calm", show_default=True, help="The faults of the network."
)
@click.option("--real", is_flag=True, help="Run it once with processes that are started, killed and restarted.")
@node_option
@json_option
@click.pass_context
def ten_steps(
    ctx: click.Context,
    *,
    number: int,
    seeds: int,
    first_seed: int,
    seed: int | None,
    profile: str,
    real: bool,
    spec: str | None,
    as_json: bool,
) -> None:
    """Run the post's ten-step test over many seeds.

    Servers crash and restart, clients write and read, and each of the ten steps is a check. The results are counted
    twice: by the leader's reads and all logs, and strictly, by every server's state machine too. The exit status is 1 if
    any seed fails by the first count.
    """
    from raft_steps.lab.checks.ten_steps import run_ten_steps, sweep_ten_steps

    find_step(number)
    tested = load_node(spec) if spec is not None else number
    if real:
        from raft_steps.lab.checks.ten_steps import run_real_ten_steps

        real_run = run_real_ten_steps(tested)
        if as_json:
            echo_json({"step": number, "passed": real_run.passed, "strict_passed": real_run.strict_passed})
        else:
            echo(real_run)
        ctx.exit(0 if real_run.passed else FAILED)
    if seed is not None and not as_json:
        run = run_ten_steps(tested, seed, profile=profile)
        echo(run)
        ctx.exit(0 if run.passed else FAILED)
    wanted = [seed] if seed is not None else range(first_seed, first_seed + seeds)
    with Progress(f"ten steps, step {number}", len(wanted)) as progress:
        result = sweep_ten_steps(tested, wanted, progress, profile=profile)
    if as_json:
        echo_json({"step": number, "seeds": len(wanted)} | _as_data(result))
    else:
        echo(result)
        if result.failed_seeds:
            options = (f" --profile {profile}" if profile != "calm" else "") + (f" --node {spec}" if spec else "")
            click.echo(f"To see one: raft-steps ten-steps {number} --seed {result.failed_seeds[0]}{options}")
    ctx.exit(FAILED if result.failed_seeds else 0)


def _as_data(result: Any) -> dict[str, Any]:
    names = ("passed", "failed_seeds", "strict_passed", "strict_failed_seeds")
    return {name: getattr(result, name) for name in names}
