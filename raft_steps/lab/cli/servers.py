"""The commands that run real servers."""

from __future__ import annotations

import contextlib
import shlex
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from raft_steps.lab.cli.common import CommandError, NewFolder, finite, step_argument
from raft_steps.lab.commands import CompareAndSet, Delete, Get, command_of_words
from raft_steps.lab.errors import LabError, ScenarioError, ServerError
from raft_steps.lab.runtime.launching import read_entries
from raft_steps.lab.runtime.loading import load_node, title_of
from raft_steps.lab.scenario.arguments import read_logs
from raft_steps.lab.scenario.model import TIMINGS
from raft_steps.lab.scenario.reachable_starts import check_terms

if TYPE_CHECKING:
    from raft_steps.lab.runtime.server.addresses import Address
    from raft_steps.lab.runtime.server.leader_client import LeaderClient
    from raft_steps.lab.runtime.server.supervisor import Supervisor

PATIENCE_S = 5.0  # for a client's request at a server
LOOK_S = 0.1  # between two looks at the servers' roles
DEFAULT_CLUSTER = "tom=127.0.0.1:7001,jerry=127.0.0.1:7002,spike=127.0.0.1:7003"


@click.command()
@step_argument
@click.option("--name", required=True, help="The server's name, one of those in --cluster.")
@click.option(
    "--cluster", "cluster_spec", required=True, metavar="NAME=HOST:PORT,…", help="All servers of the cluster."
)
@click.option(
    "--members",
    metavar="NAME,…",
    help="The servers that make up the cluster at first, from step 17 on; RAFT.MEMBERS adds others. [default: all]",
)
@click.option("--data", type=NewFolder(), help="The folder of its database. [default: NAME.d]")
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
    type=click.FloatRange(min=0, min_open=True),
    callback=finite,
    default=PATIENCE_S,
    show_default=True,
    help="How many seconds a client waits for an answer.",
)
@click.option("--node", metavar="FILE:CLASS", help="Run your own class instead of the step's.")
@click.option("--allow-faults", is_flag=True, help="Let clients cut and slow the links, for tests.")
@click.option(
    "--trace", "trace_file", type=click.Path(dir_okay=False, path_type=Path), help="Record what happens in this file."
)
@click.option("--log", metavar="ENTRIES", help="The log on its disk before its first start: '1 set x 1; 1 set y 2'.")
@click.option(
    "--parent-pipe", type=click.IntRange(min=0), hidden=True, help="Stop when this file descriptor is closed."
)
def serve(
    *,
    number: int,
    name: str,
    cluster_spec: str,
    members: str | None,
    data: Path | None,
    leader: bool,
    timing: str,
    patience: float,
    node: str | None,
    allow_faults: bool,
    log: str | None,
    trace_file: Path | None,
    parent_pipe: int | None,
) -> None:
    """Run one server of a step's cluster, until Ctrl-C."""
    from raft_steps.lab.runtime.server.addresses import parse_cluster
    from raft_steps.lab.runtime.server.process import serve as serve_until_stopped
    from raft_steps.lab.runtime.server.server import ServerOptions

    cluster = parse_cluster(cluster_spec)
    if name not in cluster:
        raise CommandError(f"the cluster has no server {name!r}; it has {', '.join(cluster)}")
    stored = read_logs({name: log})[name] if log else ()
    check_terms(name, stored)
    node_class = _node_class(number, node)
    options = ServerOptions(
        name=name,
        cluster=cluster,
        members=_first_members(members.split(","), cluster, node_class) if members is not None else (),
        node_class=node_class,
        step=f"step {number}" if node is None else f"step {number} with {title_of(node)}",
        folder=data or Path(f"{name}.d"),
        timing=TIMINGS[timing],
        leads=leader,
        patience_s=patience,
        allows_faults=allow_faults,
        first_log=tuple(read_entries(stored)),
        trace_file=trace_file,
    )
    serve_until_stopped(options, parent_pipe)


def _first_members(members: list[str], cluster: Iterable[str], node_class: type) -> tuple[str, ...]:
    """Return the servers that make up the cluster at first.

    Raises:
        CommandError: One is not in the cluster, or stands there twice, or the Node cannot change its members.
    """
    if not hasattr(node_class, "change_members"):
        raise CommandError("this Node cannot change its members, which begins with step 17; leave --members out")
    for name in members:
        if name not in cluster:
            raise CommandError(f"the cluster has no server {name!r}; it has {', '.join(cluster)}")
    if len(set(members)) < len(members):
        raise CommandError(f"the members are different servers, not {','.join(members)}")
    return tuple(members)


def _node_class(number: int, spec: str | None) -> type:
    """Return the Node that a server runs.

    Raises:
        LookupError: There is no such step.
        NodeLoadError: There is no such class.
    """
    from raft_steps import node as node_of_step

    of_step: type = node_of_step(number)
    return load_node(spec) if spec is not None else of_step


@click.command()
@step_argument
@click.option("--servers", "count", type=int, default=3, show_default=True, help="How many servers.")
@click.option(
    "--members",
    "first",
    type=click.IntRange(min=1),
    help="How many of them make up the cluster at first, from step 17 on; RAFT.MEMBERS adds the others. [default: all]",
)
@click.option("--port", type=int, default=7001, show_default=True, help="The first server's port; the others follow.")
@click.option("--data", type=NewFolder(), help="The folder of the databases. [default: raft-data]")
@click.option(
    "--timing",
    type=click.Choice(list(TIMINGS)),
    default="paper",
    show_default=True,
    help="Whole seconds as in the post, or milliseconds.",
)
@click.option("--node", metavar="FILE:CLASS", help="Run your own class instead of the step's.")
@click.option("--allow-faults", is_flag=True, help="Let clients cut and slow the links, for tests.")
@click.option("--trace", "traced", is_flag=True, help="Record what happens, in NAME.trace next to each database.")
def cluster(
    *,
    number: int,
    count: int,
    first: int | None,
    port: int,
    data: Path | None,
    timing: str,
    node: str | None,
    allow_faults: bool,
    traced: bool,
) -> None:
    """Run a whole cluster of a step on this machine, and show who leads, until Ctrl-C.

    \b
    raft-steps cluster 12
    redis-cli -p 7001 set colour green
    """  # noqa: D301  # click's own mark for lines that it shall not wrap
    from raft_steps.lab.runtime.server.supervisor import ClusterOptions, Supervisor, consecutive_cluster
    from raft_steps.lab.scenario.model import SERVER_NAMES
    from raft_steps.lab.scenario.scenario import default_scenario

    if not 1 <= count <= len(SERVER_NAMES):
        raise CommandError(f"a cluster has 1 to {len(SERVER_NAMES)} servers, not {count}")
    node_class = _node_class(number, node)  # Raises for a wrong step or class, before anything is started.
    names = SERVER_NAMES[:count]
    addresses = consecutive_cluster(names, port)
    members = _first_members(list(names[:first]), names, node_class) if first is not None else ()
    options = ClusterOptions(
        step=number, cluster=addresses, folder=data or Path("raft-data"), timing=timing, node=node or "",
        leader=default_scenario(None, count, node_class=node_class).leader or "",
        traced=traced, members=members, more=("--allow-faults",) if allow_faults else (),
    )  # fmt: skip
    for name, address in addresses.items():
        click.echo(f"{name:8} redis-cli -p {address.port}    database and log file: {options.folder / name}.d, .log")
    click.echo("Ctrl-C stops all servers.")
    with Supervisor(options) as supervisor:
        for name in addresses:
            supervisor.start(name)
        with contextlib.suppress(KeyboardInterrupt):
            _watch(supervisor, addresses)
        for name in addresses:
            supervisor.stop(name)
    click.echo("All servers have stopped.")


def _watch(supervisor: Supervisor, addresses: Mapping[str, Address]) -> None:
    """Print a line whenever a server's role or term changes, until all have ended.

    Raises:
        CommandError: All servers have ended by themselves.
    """
    from raft_steps.lab.runtime.server.leader_client import LeaderClient

    with contextlib.closing(LeaderClient(addresses)) as client:
        _print_changes(supervisor, client)
    raise CommandError("every server has ended; the lines above say why")


def _print_changes(supervisor: Supervisor, client: LeaderClient) -> None:
    """Print the changes of roles and terms until all servers have ended."""
    addresses = supervisor.options.cluster
    shown: dict[str, str] = {}
    reported: set[str] = set()
    start_s = time.monotonic()
    while len(reported) < len(addresses):
        for name in addresses:
            if name in supervisor.ended():
                if name not in reported:
                    reported.add(name)
                    click.echo(f"{time.monotonic() - start_s:7.1f} s  {name} has ended. {supervisor.why_ended(name)}")
                continue
            status = client.status(name)
            if status is None:
                continue
            text = f"{status['raft_role']} in term {status['raft_term']}"
            if shown.get(name) != text:
                shown[name] = text
                click.echo(f"{time.monotonic() - start_s:7.1f} s  {name}: {text}")
        time.sleep(LOOK_S)


@click.command()
@click.option(
    "--cluster",
    "cluster_spec",
    metavar="NAME=HOST:PORT,…",
    default=DEFAULT_CLUSTER,
    show_default=True,
    help="The servers.",
)
@click.option(
    "--patience", type=click.FloatRange(min=0, min_open=True), callback=finite, default=20.0, show_default=True,
    help="How many seconds a command may take.",
)  # fmt: skip
@click.argument("command", nargs=-1)
def client(*, cluster_spec: str, patience: float, command: tuple[str, ...]) -> None:
    """Read and write as a client: set KEY VALUE, get KEY, delete KEY, show; from step 13 on append and cas, too.

    With a COMMAND it is carried out once; without one, commands are read from a prompt.
    """
    from raft_steps.lab.runtime.server.addresses import parse_cluster
    from raft_steps.lab.runtime.server.leader_client import LeaderClient

    addresses = parse_cluster(cluster_spec)

    def tell(text: str) -> None:
        click.echo(f"  {text}", err=True)

    with contextlib.closing(LeaderClient(addresses, limit_s=patience, tell=tell, in_session=True)) as found:
        if command:
            click.echo(_carry_out(found, addresses, list(command)))
        else:
            _prompt(found, addresses)


def _prompt(client: LeaderClient, addresses: Mapping[str, Address]) -> None:
    """Carry out what is typed, line by line, until the end."""
    click.echo("set KEY VALUE, get KEY, delete KEY, show, quit")
    while True:
        try:
            line = click.prompt("", prompt_suffix="> ", default="", show_default=False)
        except click.Abort:  # The end of the input, or Ctrl-C.
            click.echo()
            return
        words = line.split()
        if not words:
            continue
        if words[0].lower() in {"quit", "exit"}:
            return
        try:
            click.echo(_carry_out(client, addresses, parse_words(line)))
        except LabError as error:
            click.echo(str(error))


def parse_words(line: str) -> list[str]:
    """Split a line into words; a quoted text is one word.

    Raises:
        CommandError: A quotation mark is open.
    """
    try:
        return shlex.split(line)
    except ValueError:
        raise ScenarioError(f"{line!r} has an open quotation mark") from None


def _carry_out(client: LeaderClient, addresses: Mapping[str, Address], words: list[str]) -> str:
    """Carry out a command of the client, and describe the result."""
    if [word.lower() for word in words] == ["show"]:
        return _show(client, addresses)
    request = command_of_words(words[0].lower(), *words[1:])
    value = client.ask(request)
    if isinstance(request, Get):
        return "there is no such key" if value is None else str(value)
    if isinstance(request, Delete):
        return "deleted" if value else "there was no such key"
    if isinstance(request, CompareAndSet) and value is None:
        return f"{request.key} holds another value"
    return f"OK, by {client.leader}"


def _show(client: LeaderClient, addresses: Mapping[str, Address]) -> str:
    """Describe each server in a line.

    Raises:
        ServerError: None of them answers.
    """
    lines = []
    found = {name: client.status(name) for name in addresses}
    if all(status is None for status in found.values()):
        where = ", ".join(f"{name} at {address.for_clients}" for name, address in addresses.items())
        raise ServerError(f"no server answers: {where}")
    for name, address in addresses.items():
        status = found[name]
        state = (
            "does not answer"
            if status is None
            else f"{status['raft_role']} in term {status['raft_term']}, {status['raft_last_index']} log entries"
        )
        lines.append(f"{name:8} {address.for_clients:16} {state}")
    return "\n".join(lines)
