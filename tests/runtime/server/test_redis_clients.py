"""Redis's own clients, unmodified, with servers of a Node that knows who leads."""

from __future__ import annotations

import contextlib
import csv
import shutil
import subprocess
import time
from collections.abc import Iterator
from typing import Any

import pytest
import redis
from redis.cluster import RedisCluster

from raft_steps import step_12_persistence as step_12
from raft_steps.lab.cluster.real_cluster import RealCluster
from raft_steps.lab.commands import Append, CompareAndSet, Delete, Get, NotLeader, Ok, Request, Set
from raft_steps.lab.runtime.server import leader_client
from raft_steps.lab.runtime.server.leader_client import LeaderClient

pytestmark = pytest.mark.slow

WAIT_S = 60
needs_redis_tools = pytest.mark.skipif(
    shutil.which("redis-cli") is None or shutil.which("redis-benchmark") is None,
    reason="NO REDIS-CLI OR NO REDIS-BENCHMARK: real servers are not tried with them. On Debian: apt install redis-tools",
)


class Referring(step_12.Node):
    """Refers clients to the leader, as a later step does."""

    leader: str | None = None

    def answer_append_entries(self, to: str, success: bool, prev_log_index: int, match_index: int) -> None:
        """Note who leads; an older term is not answered here."""
        self.leader = to
        super().answer_append_entries(to, success, prev_log_index, match_index)

    def on_client_request(self, client: str, request: Request) -> None:
        """Refuse clients with the leader's name, unless this server leads."""
        if not self.is_leader:
            self.reply(client, NotLeader(leader=self.leader))
        elif isinstance(request, Get):
            self.answer_read(client, request)
        else:
            self.write(client, request)


@pytest.fixture(scope="module")
def alone() -> Iterator[RealCluster]:
    """A server that leads a cluster of its own, so that nothing interrupts its clients."""
    with RealCluster(15, 1) as found:
        found.run(WAIT_S, until=lambda: isinstance(found.set("colour", "green"), Ok))
        yield found


@pytest.fixture(scope="module")
def cluster() -> Iterator[RealCluster]:
    """Three servers that refer to their leader."""
    with RealCluster(Referring) as found:
        yield found


@pytest.fixture
def leader(cluster: RealCluster) -> str:
    """The leader, once it serves and all others follow it."""

    def is_followed() -> bool:
        name = cluster.leader
        return name is not None and all(cluster.node(each).leader == name for each in cluster.running if each != name)

    cluster.restart(*cluster.servers)
    cluster.run(WAIT_S, until=lambda: isinstance(cluster.set("colour", "green"), Ok) and is_followed())
    assert cluster.leader is not None
    return cluster.leader


def redis_cli(cluster: RealCluster, server: str, *words: str, typed: str | None = None) -> str:
    """Run redis-cli, and return what it prints."""
    address = cluster.addresses[server]
    done = subprocess.run(
        ["redis-cli", "-h", address.host, "-p", str(address.port), *words],
        input=typed, capture_output=True, text=True, check=False, timeout=WAIT_S,
    )  # fmt: skip
    return done.stdout.strip()


def follower_of(cluster: RealCluster, leader: str) -> str:
    """Return a server that does not lead."""
    return next(name for name in cluster.running if name != leader)


@needs_redis_tools
def test_redis_cli_reads_and_writes(alone: RealCluster) -> None:
    """Commands as arguments, typed, and in RESP3."""
    assert redis_cli(alone, "tom", "set", "ä", "two words") == "OK"
    assert redis_cli(alone, "tom", "get", "ä") == "two words"
    assert redis_cli(alone, "tom", "-3", "get", "nothing") == ""
    assert redis_cli(alone, "tom", "del", "ä") == "1"
    assert redis_cli(alone, "tom", typed="ping\nget colour\nflushall\n").splitlines() == [
        "PONG", "green", "ERR unknown command 'flushall', with 0 arguments",
    ]  # fmt: skip
    assert "raft_name:tom" in redis_cli(alone, "tom", "info", "raft")


@needs_redis_tools
def test_redis_cli_follows_the_leader(cluster: RealCluster, leader: str) -> None:
    """With -c, a command that a follower gets reaches the leader; without, the answer names the leader's address."""
    follower = follower_of(cluster, leader)
    referred = {f"MOVED 0 {address.for_clients}" for address in cluster.addresses.values()}
    assert redis_cli(cluster, follower, "get", "colour") in referred  # On a busy machine, there may be another one.
    assert redis_cli(cluster, follower, "-c", "set", "colour", "blue") == "OK"
    assert redis_cli(cluster, follower, "-c", "get", "colour") == "blue"


@needs_redis_tools
def test_redis_benchmark_runs(alone: RealCluster) -> None:
    """It connects 8 times, with 16 requests of each connection at a time, and counts no error."""
    options = ["-t", "set", "-n", "2000", "-c", "8", "-P", "16", "-d", "16", "--csv"]
    address = alone.addresses["tom"]
    done = subprocess.run(
        ["redis-benchmark", "-h", address.host, "-p", str(address.port), *options],
        capture_output=True, text=True, check=True, timeout=WAIT_S,
    )  # fmt: skip
    rows = list(csv.reader(line for line in done.stdout.splitlines() if line.startswith('"SET"')))
    assert float(rows[0][1]) > 0
    assert "error" not in (done.stdout + done.stderr).lower()


@pytest.mark.parametrize("protocol", [2, 3])
def test_redis_py_reads_and_writes(alone: RealCluster, protocol: int) -> None:
    """Its client greets with HELLO and CLIENT SETINFO; what it sends in one piece is answered in order."""
    port = alone.addresses["tom"].port
    with redis.Redis(port=port, protocol=protocol, decode_responses=True, socket_timeout=WAIT_S) as client:
        assert client.set("x", 1)
        with client.pipeline(transaction=False) as pipeline:
            pipeline.set("y", "ä\n").get("y").get("nothing").delete("y").delete("y").ping().echo("e")
            assert pipeline.execute() == [True, "ä\n", None, 1, 0, True, "e"]
        assert client.get("x") == "1"
        assert client.config_get("save") == {"save": ""}
        assert client.info("raft")["raft_name"] == "tom"
        assert isinstance(client.client_id(), int)
        with pytest.raises(redis.ResponseError, match="no option here but IFEQ; remove 'EX'"):
            client.set("x", 2, ex=10)


def test_client_in_a_session_asks_again(alone: RealCluster, monkeypatch: pytest.MonkeyPatch) -> None:
    """The answer is lost, the client sends the same number again, and the command is carried out once."""
    really, lost = leader_client._Connection.ask, list[str]()

    def ask(connection: Any, *words: str) -> Any:
        answer = really(connection, *words)
        if words[0] == "RAFT.AS" and not lost:
            lost.append(words[1])
            raise redis.ConnectionError("the answer is lost")
        return answer

    monkeypatch.setattr(leader_client._Connection, "ask", ask)
    told: list[str] = []
    client = LeaderClient(alone.addresses, tell=told.append, in_session=True)
    with contextlib.closing(client):
        assert client.ask(Delete(key="told")) in {0, 1}
        assert [client.ask(Append(key="told", value=value)) for value in "ab"] == [1, 2]
        assert client.ask(CompareAndSet(key="told", expected="b", value="c")) is None
        assert client.ask(Get(key="told")) == "ab"
    assert lost
    assert told == ["tom did not answer: the connection broke (the answer is lost)"]
    assert [line.rpartition(".")[2] for line in alone.log("tom") if " told " in line] == ["1", "1", "2", "3", "4"]


def test_client_in_a_session_also_writes_to_servers_that_know_none(cluster: RealCluster, leader: str) -> None:
    """Up to step 12 it writes without a number, and does not send a write again."""
    with contextlib.closing(LeaderClient(cluster.addresses, in_session=True)) as client:
        assert client.ask(Set(key="told", value="1")) == "OK"
    assert any(line.endswith(" set told 1") for line in cluster.log(leader))


def test_a_session_carries_out_each_number_once(alone: RealCluster) -> None:
    """APPEND, the SET with a condition of Valkey, and the commands for sessions; a repeated number gets its old reply."""
    port = alone.addresses["tom"].port
    with redis.Redis(port=port, decode_responses=True, socket_timeout=WAIT_S) as client:
        client.delete("word")
        assert [client.append("word", "a"), client.append("word", "ä")] == [1, 3]
        assert client.execute_command("SET", "word", "b", "IFEQ", "a") is None
        assert client.execute_command("SET", "word", "b", "IFEQ", "aä") is True
        session = client.execute_command("RAFT.SESSION")
        for _ in range(2):
            assert client.execute_command("RAFT.AS", f"{session}.1", "APPEND", "word", "c") == 2
        assert client.get("word") == "bc"
        with pytest.raises(redis.ResponseError, match="SESSIONEXPIRED"):
            client.execute_command("RAFT.AS", f"{session + 1}.1", "APPEND", "word", "d")


def test_redis_pys_cluster_client_follows_the_leader(cluster: RealCluster, leader: str) -> None:
    """It asks a follower who leads, and finds the next leader after this one is killed."""
    follower = follower_of(cluster, leader)
    port = cluster.addresses[follower].port
    with contextlib.closing(
        RedisCluster(host="127.0.0.1", port=port, decode_responses=True, socket_timeout=WAIT_S)
    ) as client:
        assert client.set("shape", "round")
        assert client.get("shape") == "round"
        cluster.crash(leader)
        deadline_s = time.monotonic() + WAIT_S
        while True:
            try:
                value = client.get("shape")
            except redis.RedisError:
                assert time.monotonic() < deadline_s
                continue
            break
        assert value == "round"
        assert client.set("shape", "square")
