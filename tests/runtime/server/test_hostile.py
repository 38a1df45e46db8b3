"""Tests of a real server among clients and strangers that mean no good: it logs little, and keeps serving."""

from __future__ import annotations

import contextlib
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from raft_steps.lab.cluster.real_cluster import RealCluster
from raft_steps.lab.commands import Ok, Set
from raft_steps.lab.runtime.server.leader_client import LeaderClient
from raft_steps.lab.runtime.server.limited_log import MOST_LINES
from raft_steps.lab.runtime.server.server import MOST_STRANGERS
from raft_steps.lab.runtime.server.supervisor import ClusterOptions, Supervisor, free_cluster
from tests.runtime.server.test_redis_protocol import packed

WAIT_S = 60
GARBAGE = (
    b"*2147483647\r\n",
    b"*1\r\n$2147483647\r\n",
    b"*1\r\n*1\r\n*1\r\n$4\r\nPING\r\n",
    b"*2\r\n:1\r\n#f\r\n",
    b"GET / HTTP/1.1 'open\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01'\n",
    b"x" * 70_000,
)
PEER_GARBAGE = (b"[" * 8_000 + b"\n", b'{"type":"Hello"}\n', b"GET / HTTP/1.1\r\n\r\n", b"x" * 9_000, b"\xff\n")


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealCluster]:
    """Two servers, of which the second is not started: a majority needs both."""
    folder = tmp_path_factory.mktemp("hostile")
    with RealCluster(12, ("tom", "jerry"), later=("jerry",), folder=folder) as found:
        yield found


def connect(cluster: RealCluster, *, to_peers: bool = False) -> socket.socket:
    """Connect to tom."""
    address = cluster.addresses["tom"]
    return socket.create_connection((address.host, address.peer_port if to_peers else address.port), timeout=WAIT_S)


def read_to_end(connection: socket.socket) -> bytes:
    """Return what arrives until the server ends the connection."""
    found = []
    with contextlib.suppress(ConnectionResetError):  # It ended it before it had read everything.
        while data := connection.recv(65_536):
            found.append(data)
    return b"".join(found)


def log_lines(cluster: RealCluster) -> list[str]:
    """Return what tom has logged."""
    return cluster._supervisor.log_file("tom").read_text(encoding="utf-8").splitlines()


@pytest.mark.slow
def test_known_server_gets_in_among_idle_strangers(cluster: RealCluster) -> None:
    """However many idle connections there are to the port for servers, another server finds room at once."""
    with contextlib.ExitStack() as stack:
        strangers = [stack.enter_context(connect(cluster, to_peers=True)) for _ in range(MOST_STRANGERS + 50)]
        assert read_to_end(strangers[0]) == b""  # The oldest made room.
        cluster.restart("jerry")
        cluster.run(WAIT_S, until=lambda: isinstance(cluster.set("x", 1), Ok))
        assert cluster.get("x") == Ok(value="1")


@pytest.mark.slow
def test_garbage_is_logged_briefly_and_forgotten(cluster: RealCluster) -> None:
    """Each connection ends with an error; the log has a few lines, and the server still answers."""
    before = len(log_lines(cluster))
    for _ in range(5):
        for data in GARBAGE:
            with connect(cluster) as connection:
                connection.sendall(data)
                assert read_to_end(connection).startswith((b"-ERR Protocol error", b""))
        for data in PEER_GARBAGE:
            with connect(cluster, to_peers=True) as connection:
                connection.sendall(data)
                read_to_end(connection)
    lines = log_lines(cluster)[before:]
    assert sum("sent what is not a command" in line for line in lines) == MOST_LINES
    assert sum("disconnected an unknown server" in line for line in lines) <= MOST_LINES
    assert cluster._client.command("tom", "PING") == "PONG"


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="the memory of another process is read from /proc")
def test_client_that_never_reads_costs_little(tmp_path: Path) -> None:
    """It asks for gigabytes and reads nothing; others are served meanwhile."""
    # Not a RealCluster: its servers would record each value that is read.
    addresses = free_cluster(["tom"])
    client = LeaderClient(addresses, limit_s=WAIT_S)
    with contextlib.ExitStack() as stack:
        stack.callback(client.close)
        supervisor = stack.enter_context(Supervisor(ClusterOptions(step=12, cluster=addresses, folder=tmp_path)))
        supervisor.start("tom")
        client.ask(Set(key="big", value="x" * 500_000))
        for _ in range(4):
            connection = stack.enter_context(
                socket.create_connection(("127.0.0.1", addresses["tom"].port), timeout=0.2)
            )
            with contextlib.suppress(TimeoutError):
                connection.sendall(packed([b"GET", b"big"]) * 20_000)
        assert client.command("tom", "PING") == "PONG"
        pid = supervisor._processes["tom"].pid
        status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
        peak_kib = int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1])
    assert peak_kib < 400 * 1024  # What was asked for has 40 GB.
