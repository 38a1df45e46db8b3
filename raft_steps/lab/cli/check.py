"""The commands `check`, which runs a step's checks, and `ten-steps`, which runs the post's test."""

from __future__ import annotations

from typing import Any

import click

from raft_steps import find_step, node
from raft_steps.lab.cli.common import FAILED, Progress, echo, echo_json, json_option, node_option, step_argument
from raft_steps.lab.runtime.loading import load_node
from raft_steps.lab.verify.fuzzer.profiles import PROFILES

# The ten-step test crashes servers itself, so it needs profiles that crash and cut off none.
NETWORKS = tuple(name for name, profile in PROFILES.items() if profile.leaves_servers_alone)


@click.command()
@step_argument
@node_option
@json_option
@click.pass_context
def check(ctx: click.Context, number: int, spec: str | None, as_json: bool) -> None:
    """Check that a Node does what a step must do.

    Without --node, the step's own Node is checked. The exit status is 1 if a check fails.
    """
    from raft_steps.lab.checks import check as run_checks

    find_step(number)
    report = run_checks(load_node(spec) if spec is not None else node(number), step=number)
    if as_json:
        checks = [
            {"name": result.name, "passed": result.passed, "message": result.message} for result in report.results
        ]
        echo_json({"step": number, "passed": report.passed, "checks": checks, "remarks": report.remarks})
    else:
        echo(report)
    ctx.exit(0 if report.passed else FAILED)


@click.command("ten-steps")
@step_argument
@click.option("--seeds", type=click.IntRange(min=1), default=100, show_default=True, help="How many seeds to try.")
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
