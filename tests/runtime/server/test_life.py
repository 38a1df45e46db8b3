"""The life of a server's process: how it begins, how it ends, and what it leaves behind. Real processes, so few tests."""

from __future__ import annotations

import contextlib
import itertools
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from raft_steps.lab.runtime.server.addresses import Address
from raft_steps.lab.runtime.server.supervisor import free_cluster
from tests.helpers.ports import free_port
from tests.runtime.server.test_redis_protocol import packed

pytestmark = pytest.mark.slow

LIMIT_S = 60
LEARNERS_NODE = '''\
from raft_steps.step_01_key_value_store import Node as Last


class Node(Last):
    """Fails for two keys."""

    def write(self, client, command):
        if command.key == "raise":
            raise ValueError("no such key, please")
        while command.key == "hang":
            pass
        super().write(client, command)
'''


@contextlib.contextmanager
def command(*arguments: object, folder: Path) -> Iterator[subprocess.Popen[str]]:
    """Run a command of raft-steps; it is killed at the end if it still runs."""
    words = [sys.executable, "-m", "raft_steps", *map(str, arguments)]
    with subprocess.Popen(
        words, cwd=folder, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        env=os.environ | {"PYTHONUNBUFFERED": "1"},
    ) as process:  # fmt: skip
        try:
            yield process
        finally:
            if process.poll() is None:
                process.kill()


def serve(address: Address, folder: Path, *more: str) -> contextlib.AbstractContextManager[subprocess.Popen[str]]:
    """Run a server of a cluster of its own."""
    return command("serve", 1, "--name", "tom", "--cluster", f"tom={address}", *more, folder=folder)


def read_until(process: subprocess.Popen[str], words: str) -> str:
    """Return the first line of a process that holds these words."""
    assert process.stdout is not None
    lines = list(itertools.takewhile(lambda line: words not in line, iter(process.stdout.readline, "")))
    assert process.poll() is None, "".join(lines)
    return words


def is_open(port: int) -> bool:
    """Return whether someone listens on a port."""
    with socket.socket() as found:
        return found.connect_ex(("127.0.0.1", port)) == 0


@pytest.mark.parametrize(
    "key, line, error",
    [
        ("raise", "line 9", "raised ValueError: no such key, please"),
        ("hang", "line 1", "on_client_request did not come back"),
    ],
)
def test_node_that_fails_ends_its_server(tmp_path: Path, key: str, line: str, error: str) -> None:
    """The process ends with status 1, the error and the learner's line; what was acknowledged is there the next time."""
    (tmp_path / "mine.py").write_text(LEARNERS_NODE, encoding="utf-8")
    address = free_cluster(["tom"])["tom"]
    with serve(address, tmp_path, "--node", "mine.py:Node") as server:
        read_until(server, "life 1 begins with 0 log entries")
        with socket.create_connection((address.host, address.port), timeout=LIMIT_S) as client:
            client.sendall(packed([b"SET", b"x", b"1"]))
            assert client.recv(100) == b"+OK\r\n"
            client.sendall(packed([b"SET", key.encode(), b"1"]))
            assert client.recv(100) == b""
        output, _ = server.communicate(timeout=LIMIT_S)
    assert server.returncode == 1
    assert error in output
    assert f"mine.py, {line}" in output
    assert "Traceback" not in output
    with serve(address, tmp_path, "--node", "mine.py:Node") as server:
        read_until(server, "life 2 begins with 1 log entries")


def test_port_that_is_taken_is_named(tmp_path: Path) -> None:
    """The server ends with a sentence."""
    address = free_cluster(["tom"])["tom"]
    with socket.socket() as other:
        other.bind((address.host, address.peer_port))
        other.listen()
        with serve(address, tmp_path) as server:
            output, _ = server.communicate(timeout=LIMIT_S)
    assert server.returncode == 2
    assert f"port {address.peer_port} of 127.0.0.1 cannot be used" in output
    assert "Traceback" not in output


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_stop_is_clean(tmp_path: Path, number: signal.Signals) -> None:
    """A server that is asked to stop says nothing, ends with status 0, and leaves a database that is closed."""
    address = free_cluster(["tom"])["tom"]
    with serve(address, tmp_path) as server:
        read_until(server, "life 1 begins")
        server.send_signal(signal.SIGSTOP)  # A stopped process stops when it goes on.
        server.send_signal(number)
        server.send_signal(signal.SIGCONT)
        output, _ = server.communicate(timeout=LIMIT_S)
    assert (server.returncode, output) == (0, "")
    assert not list((tmp_path / "tom.d").glob("*-wal"))


def test_cluster_ends_with_its_command(tmp_path: Path) -> None:
    """The servers end when the command is killed, and when it is interrupted; the second time they go on from the first."""
    port = free_port(2)
    arguments = ("cluster", 12, "--servers", 2, "--port", port)
    with command(*arguments, folder=tmp_path) as supervisor:
        read_until(supervisor, "leader in term")
        supervisor.kill()
    deadline_s = time.monotonic() + LIMIT_S
    while is_open(port) or is_open(port + 1):
        assert time.monotonic() < deadline_s
    with command(*arguments, folder=tmp_path) as supervisor:
        read_until(supervisor, "leader in term")
        supervisor.send_signal(signal.SIGINT)
        output, _ = supervisor.communicate(timeout=LIMIT_S)
    assert supervisor.returncode == 0
    assert output.rstrip().endswith("All servers have stopped.")
    assert not is_open(port)
    assert "life 2 begins" in (tmp_path / "raft-data" / "tom.log").read_text(encoding="utf-8")
