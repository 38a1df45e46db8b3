"""The commands that run real servers."""

from __future__ import annotations

from pathlib import Path

import click

from raft_steps.lab.cli.common import CommandError, step_argument
from raft_steps.lab.runtime.loading import load_node
from raft_steps.lab.scenario.model import TIMINGS

PATIENCE_S = 5.0


@click.command()
@step_argument
@click.option("--name", required=True, help="The server's name, one of those in --cluster.")
@click.option(
    "--cluster", "cluster_spec", required=True, metavar="NAME=HOST:PORT,…", help="All servers of the cluster."
)
@click.option(
    "--data", type=click.Path(file_okay=False, path_type=Path), help="The folder of its database. [default: NAME.d]"
)
@click.option("--leader", is_flag=True, help="Lead from the first start on, in steps 1 to 3.")
@click.option(
    "--timing",
    type=click.Choice(list(TIMINGS)),
    default="post",
    show_default=True,
    help="Whole seconds as in the post, or milliseconds.",
)
@click.option(
    "--patience",
    type=float,
    default=PATIENCE_S,
    show_default=True,
    help="How many seconds a client waits for an answer.",
)
@click.option("--node", metavar="FILE:CLASS", help="Run your own class instead of the step's.")
@click.option("--allow-faults", is_flag=True, help="Let clients cut and slow the links, for tests.")
@click.option("--parent-pipe", type=int, hidden=True, help="Stop when this file descriptor is closed.")
def serve(
    *,
    number: int,
    name: str,
    cluster_spec: str,
    data: Path | None,
    leader: bool,
    timing: str,
    patience: float,
    node: str | None,
    allow_faults: bool,
    parent_pipe: int | None,
) -> None:
    """Run one server of a step's cluster, until Ctrl-C."""
    from raft_steps import node as node_of_step
    from raft_steps.lab.runtime.server.addresses import parse_cluster
    from raft_steps.lab.runtime.server.process import serve as serve_until_stopped
    from raft_steps.lab.runtime.server.server import ServerOptions

    cluster = parse_cluster(cluster_spec)
    if name not in cluster:
        raise CommandError(f"the cluster has no server {name!r}; it has {', '.join(cluster)}")
    options = ServerOptions(
        name=name,
        cluster=cluster,
        node_class=load_node(node) if node else node_of_step(number),
        step=f"step {number}" if node is None else f"step {number} with {node}",
        folder=data or Path(f"{name}.d"),
        timing=TIMINGS[timing],
        leads=leader,
        patience_s=patience,
        allows_faults=allow_faults,
    )
    serve_until_stopped(options, parent_pipe)
