"""The command `chaos`: real servers under load, which are killed, paused and cut off."""

from __future__ import annotations

from pathlib import Path

import click

from raft_steps.lab.cli.common import (
    FAILED,
    WRONG_INPUT,
    NewFolder,
    echo,
    echo_json,
    finite,
    json_option,
    node_option,
    step_argument,
)
from raft_steps.lab.runtime.loading import load_node

EXIT_STATUS = {"ok": 0, "failed": FAILED, "unknown": WRONG_INPUT}


@click.command()
@step_argument
@click.option(
    "--minutes", type=click.FloatRange(0, 10_000, min_open=True), callback=finite, default=1.0, show_default=True,
    help="How long the clients work.",
)  # fmt: skip
@click.option("--clients", type=click.IntRange(min=1, max=100), default=5, show_default=True, help="How many clients.")
@click.option("--servers", type=click.IntRange(min=1, max=7), default=3, show_default=True, help="How many servers.")
@click.option("--seed", type=int, default=0, show_default=True, help="Decides the faults and the requests.")
@click.option(
    "--data", type=NewFolder(),
    help="Keep databases, traces and histories in this new folder. By default they are kept if something is wrong.",
)  # fmt: skip
@click.option("--linearizable", is_flag=True, help="Require it of every read; otherwise that begins with step 14.")
@node_option
@json_option
@click.pass_context
def chaos(
    ctx: click.Context,
    *,
    number: int,
    minutes: float,
    clients: int,
    servers: int,
    seed: int,
    data: Path | None,
    linearizable: bool,
    spec: str | None,
    as_json: bool,
) -> None:
    """Kill, pause and cut off real servers under load, and judge what they did.

    Afterwards the properties of Raft are checked in the servers' traces, the clients' history is checked for
    linearizability, and every acknowledged write must still be there. The exit status is 0 if all of that holds, 1 if it
    does not, and 2 if it could not be decided. The seed decides the faults, but real servers react to them a little
    differently every time.

    \b
    raft-steps chaos 12 --minutes 5 --clients 5
    raft-steps chaos 8 --seed 3
    """  # noqa: D301  # click's own mark for lines that it shall not wrap
    from raft_steps import find_step
    from raft_steps.lab.cluster.chaos import run_chaos

    find_step(number)
    report = run_chaos(
        load_node(spec) if spec is not None else number,
        seconds=minutes * 60, clients=clients, servers=servers, seed=seed, folder=data,
        reads_count=True if linearizable else None, tell=lambda text: click.echo(text, err=True),
    )  # fmt: skip
    if as_json:
        echo_json(report.as_data())
    else:
        echo(report)
    ctx.exit(EXIT_STATUS[report.verdict])
