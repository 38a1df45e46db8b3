"""Real servers of the newest step change their members: one is added, and the leader is removed."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import redis

from raft_steps import node
from raft_steps.lab.cluster.real_cluster import RealCluster
from raft_steps.lab.errors import ServerError
from raft_steps.lab.runtime.server.database import Database
from raft_steps.lab.verify.properties import check_trace

STEP, LIMIT_S = 17, 30.0
IDENTITY = {"name": "tom", "servers": "tom,jerry,spike,tyke", "step": "step 17"}


def ask(cluster: RealCluster, *words: str) -> str:
    """Let one server after the other carry out a command, until one that leads does; return its name."""
    deadline_s = time.monotonic() + LIMIT_S
    while time.monotonic() < deadline_s:
        for name in cluster.running:
            # MOVED, NOTLEADER, or a leader that is on its way out.
            with contextlib.suppress(redis.RedisError), connection(cluster, name) as client:
                assert client.execute_command(*words) in (b"OK", True)
                return name
    raise AssertionError(f"no server carries out {' '.join(words)}")


def connection(cluster: RealCluster, name: str) -> redis.Redis:
    """Connect to a server."""
    address = cluster.addresses[name]
    return redis.Redis(address.host, address.port, socket_timeout=LIMIT_S)


def wait(until: Callable[[], bool], what: str) -> None:
    """Wait until something is so."""
    deadline_s = time.monotonic() + LIMIT_S
    while not until():
        assert time.monotonic() < deadline_s, f"{what} does not happen"
        time.sleep(0.02)


@pytest.mark.slow
def test_members_change_while_clients_write() -> None:
    """A fourth server gets everything; then the leader goes, knows it, and starts no election; the others go on."""
    with RealCluster(STEP, 4, members=("tom", "jerry", "spike")) as cluster:
        ask(cluster, "SET", "x", "1")
        first = ask(cluster, "RAFT.ADD", "tyke")
        ask(cluster, "SET", "x", "2")
        left = tuple(name for name in cluster.servers if name != first)
        assert first == ask(cluster, "RAFT.REMOVE", first)
        wait(lambda: cluster.leader in left, "an election among the others")
        ask(cluster, "SET", "x", "3")
        wait(lambda: "set x 3" in commands(cluster, "tyke"), "the arrival of x")
        assert f"members {','.join(left)}" in commands(cluster, first)
        assert () == check_trace(cluster.trace)


def commands(cluster: RealCluster, name: str) -> list[str]:
    """Return the commands in a server's log."""
    return [line.partition(" ")[2] for line in cluster.log(name)]


def test_folder_knows_the_first_members(tmp_path: Path) -> None:
    """A server that is started again with other first members, or with none, is refused."""
    with contextlib.closing(Database(tmp_path, IDENTITY | {"members": "tom,jerry"}, node(STEP))) as database:
        database.begin_life()

    with pytest.raises(ServerError, match="its members is tom,jerry, and this server's is not given"):
        Database(tmp_path, IDENTITY, node(STEP))
    with contextlib.closing(Database(tmp_path, IDENTITY | {"members": "tom,jerry"}, node(STEP))):
        pass
