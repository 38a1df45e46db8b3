"""Tests of three server processes and a Redis client."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import redis

from raft_steps.lab.runtime.server.addresses import cluster_text
from raft_steps.lab.runtime.server.supervisor import free_cluster

NAMES = ("tom", "jerry", "spike")


class Servers:
    """Three servers of step 12."""

    def __init__(self, folder: Path) -> None:
        """Choose the ports."""
        cluster = free_cluster(NAMES)
        self.folder = folder
        self.ports = {name: address.port for name, address in cluster.items()}
        self.spec = cluster_text(cluster)
        self.processes: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, name: str) -> None:
        """Start a server."""
        command = [sys.executable, "-m", "raft_steps", "serve", "12", "--name", name, "--cluster", self.spec]
        command += ["--data", str(self.folder / f"{name}.d"), "--timing", "paper"]
        with (self.folder / f"{name}.log").open("ab") as log:
            self.processes[name] = subprocess.Popen(command, stderr=log)

    def stop(self, name: str, how: signal.Signals) -> int:
        """Stop a server; return its exit status."""
        process = self.processes.pop(name)
        process.send_signal(how)
        return process.wait(20)

    def leader(self) -> str:
        """Wait until a server leads and answers a read, and return its name."""
        return self._ask(lambda client: client.get("x"))[0]

    def ask(self, question: Callable[[redis.Redis], Any]) -> Any:
        """Ask the leader; ask again if there is no answer, because on a busy machine any leader may be replaced."""
        return self._ask(question)[1]

    def _ask(self, question: Callable[[redis.Redis], Any]) -> tuple[str, Any]:
        for _ in range(400):
            for name in self.processes:
                with contextlib.suppress(redis.RedisError), self.client(name) as client:
                    return name, question(client)
            # Waits without sleeping: a server that ends is noticed.
            with contextlib.suppress(subprocess.TimeoutExpired):
                next(iter(self.processes.values())).wait(0.05)
        pytest.fail("nobody leads")

    def client(self, name: str) -> redis.Redis:
        """Return a client of a server."""
        return redis.Redis(port=self.ports[name], decode_responses=True, socket_timeout=10)


@pytest.fixture
def servers(tmp_path: Path) -> Iterator[Servers]:
    """Three servers, which end with the test."""
    found = Servers(tmp_path)
    try:
        for name in NAMES:
            found.start(name)
        yield found
    finally:
        for process in found.processes.values():
            process.kill()
            process.wait(20)


def test_acknowledged_write_survives_kill(servers: Servers) -> None:
    """The leader is killed; the next one has what was acknowledged; the old one comes back and catches up."""
    assert servers.ask(lambda client: client.set("colour", "green"))
    assert servers.ask(lambda client: client.delete("colour")) in {
        0,
        1,
    }  # 0 if an attempt without an answer deleted it.
    assert servers.ask(lambda client: client.delete("colour")) == 0
    assert servers.ask(lambda client: client.set("ä", "ö\n"))
    first = servers.leader()
    assert servers.stop(first, signal.SIGKILL) == -signal.SIGKILL
    assert servers.ask(lambda client: client.get("ä")) == "ö\n"
    assert servers.ask(lambda client: client.get("colour")) is None
    servers.start(first)
    for name in NAMES:
        if name != first:
            assert servers.stop(name, signal.SIGTERM) == 0
            servers.start(name)
    assert servers.ask(lambda client: client.get("ä")) == "ö\n"
