"""Kills servers under load, and counts what they lost: ``python -m tests.runtime.server.kills [COUNT] [SERVERS]``.

All servers of a cluster are killed at the same moment (kill -9) while a client writes, started again, and asked for what
was acknowledged; in the end, for every write that ever was. One server is one of step 1; more are of step 12.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import itertools
import multiprocessing
import os
import random
import sys
import tempfile
import time
from collections import deque
from collections.abc import AsyncIterator, Sequence
from multiprocessing.process import BaseProcess
from pathlib import Path

from raft_steps import node
from raft_steps.lab.runtime.server.addresses import Address
from raft_steps.lab.runtime.server.server import ServerOptions
from raft_steps.lab.runtime.server.supervisor import free_cluster
from raft_steps.lab.scenario.model import TIMINGS

NAMES = ("tom", "jerry", "spike", "tyke", "nibbles")
WINDOW = 64  # writes under way
# Slower than the paper's: a busy machine must not depose the leader all the time, for then nothing is written.
TIMING = dataclasses.replace(TIMINGS["paper"], heartbeat_interval=0.1, election_timeout_range=(0.6, 1.2))
LOOK_S, PATIENCE_S, LIMIT_S = 0.02, 2.0, 30.0
_SERVERS = multiprocessing.get_context("forkserver")  # It has loaded everything: a new server starts in 20 ms.
_SERVERS.set_forkserver_preload(["raft_steps.lab.runtime.server.process", "raft_steps.step_12_persistence"])


def serve(options: ServerOptions, log: Path) -> None:
    """Run a server in this process; what it says is in a file. It ends with the process that started it."""
    from raft_steps.lab.runtime.server import process

    parent = multiprocessing.parent_process()
    assert parent is not None
    with log.open("a", encoding="utf-8", buffering=1) as sys.stderr:
        process.serve(options, parent.sentinel)


class Cluster:
    """Servers that are started and killed.

    Attributes:
        folder: The folder of their folders and of what they say.
        addresses: Where they listen.
        processes: Those that run.
    """

    def __init__(self, folder: Path, count: int, *, trace: bool = False) -> None:
        """Choose ports; nothing is started yet."""
        self.folder, self.trace = folder, trace
        self.addresses: dict[str, Address] = free_cluster(NAMES[:count])
        self.step = 1 if count == 1 else 12
        self.processes: dict[str, BaseProcess] = {}

    def log_of(self, name: str) -> Path:
        """Return the file with what a server says."""
        return self.folder / f"{name}.log"

    def start(self) -> None:
        """Start all servers."""
        for name in self.addresses:
            options = ServerOptions(
                name=name, cluster=self.addresses, node_class=node(self.step), step=f"step {self.step}",
                folder=self.folder / f"{name}.d", timing=TIMING, patience_s=PATIENCE_S,
                trace_file=self.folder / f"{name}.trace" if self.trace else None,
            )  # fmt: skip
            process = self.processes[name] = _SERVERS.Process(target=serve, args=(options, self.log_of(name)))
            process.start()

    def kill(self) -> None:
        """Kill all servers at the same moment."""
        for process in self.processes.values():
            process.kill()
        for process in self.processes.values():
            process.join()
            process.close()
        self.processes.clear()

    @contextlib.asynccontextmanager
    async def leader(self) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
        """Connect to the server that answers reads.

        Raises:
            ConnectionError: No server runs.
        """
        async with asyncio.timeout(LIMIT_S):
            for name in itertools.cycle(self.addresses):
                if not self.processes:
                    raise ConnectionError("all servers were killed")
                with contextlib.suppress(OSError):
                    reader, writer = await asyncio.open_connection("127.0.0.1", self.addresses[name].port)
                    writer.write(b"GET x\r\n")
                    if (await reader.readline()).startswith(b"$"):
                        break
                    writer.close()
                await asyncio.sleep(LOOK_S)
        try:
            yield reader, writer
        finally:
            writer.close()


async def load(cluster: Cluster, first: int, enough: asyncio.Event) -> tuple[list[int], int]:
    """Write keys, many at a time, until the servers are killed; the value of ``key7`` is ``value7``.

    Args:
        cluster: The servers.
        first: The number of the first key.
        enough: Set with the first answer.

    Returns:
        The numbers of the keys that were acknowledged, and the number after the last one that was sent.
    """
    acknowledged: list[int] = []
    sent = first
    while cluster.processes:
        with contextlib.suppress(ConnectionError):
            async with cluster.leader() as (reader, writer):
                waiting: deque[int] = deque()
                line = b"+OK\r\n"
                while line == b"+OK\r\n":  # Otherwise it leads no more, or the connection has ended.
                    while len(waiting) < WINDOW:
                        writer.write(b"SET key%d value%d\r\n" % (sent, sent))
                        waiting.append(sent)
                        sent += 1
                    line = await reader.readline()
                    if line == b"+OK\r\n":
                        acknowledged.append(waiting.popleft())
                        enough.set()
    return acknowledged, sent


async def missing(cluster: Cluster, keys: Sequence[int]) -> list[int]:
    """Return those of some keys that have not the value that they should have."""
    found: list[int] = []
    left = deque(keys)
    while left:
        with contextlib.suppress(ConnectionError):
            async with cluster.leader() as (reader, writer):
                part = list(itertools.islice(left, 1000))
                writer.write(b"".join(b"GET key%d\r\n" % key for key in part))
                for key in part:
                    header = await reader.readline()
                    if not header.startswith(b"$"):  # It leads no more, or the connection has ended: ask the next one.
                        break
                    value = await reader.readline() if header != b"$-1\r\n" else b""
                    left.popleft()
                    if value != b"value%d\r\n" % key:
                        found.append(key)
    return found


async def kill_often(cluster: Cluster, count: int, seed: int = 1) -> tuple[int, int]:
    """Kill a cluster under load so many times; look for what was written just before, and in the end for everything.

    Returns:
        How many writes were acknowledged, and how many of the others were under way when the servers were killed.

    Raises:
        AssertionError: A write that was acknowledged is not there.
    """
    chance = random.Random(seed)
    acknowledged: list[int] = []
    next_key = under_way = 0
    cluster.start()
    for _ in range(count):
        enough = asyncio.Event()
        writing = asyncio.create_task(load(cluster, next_key, enough))
        async with asyncio.timeout(LIMIT_S):
            await enough.wait()
        await asyncio.sleep(chance.uniform(0, 0.2))
        cluster.kill()
        answered, sent = await writing
        cluster.start()
        _require_none(await missing(cluster, answered))
        acknowledged += answered
        next_key, under_way = sent, under_way + sent - next_key - len(answered)
    _require_none(await missing(cluster, acknowledged))
    return len(acknowledged), under_way


def _require_none(lost: list[int]) -> None:
    assert not lost, f"{len(lost)} acknowledged writes are gone, the first one key{lost[0]}"


def main() -> None:
    """Kill, and print what was acknowledged and lost."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    servers = int(sys.argv[2]) if len(sys.argv) > 2 else 3
    start_s = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        cluster = Cluster(Path(folder), servers)
        try:
            acknowledged, under_way = asyncio.run(kill_often(cluster, count))
        finally:
            cluster.kill()
    print(
        f"{count} times kill -9 of {servers} servers of step {cluster.step}: {acknowledged:,} acknowledged writes, none lost; "
        f"{under_way:,} were under way; {time.perf_counter() - start_s:.0f} s, {os.cpu_count()} cores"
    )


if __name__ == "__main__":
    main()
