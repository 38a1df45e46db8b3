"""Feeds a server, which runs in this process and has no sockets, with inputs from many connections.

Servers believe each other, as in the paper: a message that is well-formed and false, such as an acknowledgement of entries
that were never sent, may be one that the Node cannot handle. Its server then begins another life; here the next server
goes on. Whatever else ends a server, or escapes it, is a failure.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

from raft_steps import STEPS, node
from raft_steps.lab.runtime.server.addresses import parse_cluster
from raft_steps.lab.runtime.server.server import Server, ServerOptions
from raft_steps.lab.scenario.model import TIMINGS
from tests.runtime.server.fakes import FakeTransport
from tests.runtime.server.fuzz.inputs import Inputs

CLUSTER = "tom=127.0.0.1:7001,jerry=127.0.0.1:7002,spike=127.0.0.1:7003"
CONNECTIONS = 8  # at a time; half of them to the port for servers
INPUTS_PER_TURN = 16
INPUTS_OF_A_SERVER = 2_000  # Its log grows, and its term; the next one begins with none.


@dataclass
class Tally:
    """The results of the inputs.

    Attributes:
        counts: How many inputs there were, how many connections ended, and what the server did.
        lines: How many lines the server logged.
    """

    counts: Counter[str] = field(default_factory=Counter)
    lines: int = 0


@contextmanager
def _server(folder: Path, tally: Tally) -> Iterator[Server]:
    def log(_line: str) -> None:
        tally.lines += 1

    options = ServerOptions(
        name="tom", cluster=parse_cluster(CLUSTER), node_class=node(len(STEPS)), step="newest", folder=folder,
        timing=TIMINGS["paper"], patience_s=0.05, allows_faults=True,
    )  # fmt: skip
    server = Server(options, log)
    server._begin_life()
    try:
        yield server
    finally:
        server._engine = None  # A turn may be planned.
        server._timers.cancel_all()
        server._database.close()


def feed(seed: int, count: int, folder: Path, tally: Tally) -> None:
    """Feed new servers with inputs, one after the other.

    Args:
        seed: Decides the inputs.
        count: How many.
        folder: Where the servers' folders are made.
        tally: Counts the results.

    Raises:
        BaseException: Whatever ended a server, or escaped it, and was not its Node's error.
    """
    first = 0
    while first < count:
        first = asyncio.run(_feed(seed, first, count, folder / str(first), tally))


async def _feed(seed: int, first: int, count: int, folder: Path, tally: Tally) -> int:
    """Feed one server; return the number of the input after its last."""
    with _server(folder, tally) as server:
        inputs = Inputs(seed + first, {"type": "Hello", **asdict(server.identity.hello())}, lambda: _known(server))
        transports: list[FakeTransport | None] = [None] * CONNECTIONS
        tally.counts["servers"] += 1
        engine = server._engine
        assert engine is not None
        for number in range(first, min(count, first + INPUTS_OF_A_SERVER)):
            place = number % CONNECTIONS
            is_client = place < CONNECTIONS // 2
            transport = transports[place]
            if transport is None or transport.is_closing() or inputs.chance(0.01):
                if transport is not None:
                    tally.counts["connections"] += 1
                    transport.abort()
                transport = transports[place] = _connect(server, inputs, is_client=is_client)
            protocol = transport.get_protocol()
            assert isinstance(protocol, asyncio.Protocol)
            for piece in inputs.split(inputs.from_client() if is_client else inputs.from_server()):
                if not transport.is_closing() and not transport.is_paused():
                    protocol.data_received(piece)
            tally.counts["client inputs" if is_client else "peer inputs"] += 1
            if number % INPUTS_PER_TURN == 0 and not await _end_turn(server):
                tally.counts["lives ended by what no server would say"] += 1
                tally.counts["handled by the node"] += engine.calls
                return number + 1
        for transport in transports:
            if transport is not None:
                transport.abort()
        _require_nothing_left(server)
        tally.counts["handled by the node"] += engine.calls
    return first + INPUTS_OF_A_SERVER


async def _end_turn(server: Server) -> bool:
    """Let the server do what is due; return whether its Node goes on.

    Raises:
        BaseException: What ended the server.
    """
    server._turn()
    await asyncio.sleep(0)
    if server._failure.done():
        server._failure.result()
    return server._engine is not None


def _require_nothing_left(server: Server) -> None:
    """Check that a server keeps nothing of connections that have ended."""
    assert server.waiting_bytes == 0, server.waiting_bytes
    assert not server._clients
    assert not server._peers
    assert not server._strangers


def _known(server: Server) -> tuple[int, int]:
    """Return the term and the last index of a server."""
    assert server._engine is not None
    found = server._engine.host.node
    return found.current_term, found.log.last_index


def _connect(server: Server, inputs: Inputs, *, is_client: bool) -> FakeTransport:
    if is_client:
        return FakeTransport(server._new_client(), reads=inputs.chance(0.9))
    listener = server._new_peer()
    transport = FakeTransport(listener)
    listener.data_received(inputs.first_line())
    return transport
