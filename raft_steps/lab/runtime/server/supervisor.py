"""Starts the processes of a cluster on this machine, signals them, and ends them with certainty."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import socket
import subprocess
import sys
import weakref
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from raft_steps.lab.errors import ServerError
from raft_steps.lab.runtime.server.addresses import LAST_PORT, PEER_PORT_OFFSET, Address, cluster_text

HOST = "127.0.0.1"
LISTENING_PORTS = range(10_000, 32_768)  # Linux and macOS give higher ones to outgoing connections.
STOP_LIMIT_S = 10.0  # for a clean stop
# Lets paused servers go on once the supervisor has ended, so that they see it. A signal to a process that has ended
# meanwhile does nothing, and SIGCONT harms no other one that has got its number.
WAKER = """while read -r pid; do pids="$pids $pid"; done; [ -z "$pids" ] || kill -CONT $pids 2>/dev/null"""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterOptions:
    """What all servers of a cluster have in common.

    Attributes:
        step: The number of the step.
        cluster: The addresses of the servers, by name.
        folder: The folder that holds each server's own folder.
        timing: ``post`` or ``paper``.
        leader: The named leader of the first start; "" for none.
        node: The Node to run instead of the step's, as FILE:CLASS; "" for the step's.
        logs: The logs on the disks before the first start, as ``1 set x 1; 1 set y 2``, by name.
        members: The servers that make up the cluster at first; () for all.
        traced: Whether each server records its trace next to its folder.
        more: Further options of ``raft-steps serve``.
    """

    step: int
    cluster: Mapping[str, Address]
    folder: Path
    timing: str = "paper"
    leader: str = ""
    node: str = ""
    logs: Mapping[str, str] = field(default_factory=dict)
    members: tuple[str, ...] = ()
    traced: bool = False
    more: tuple[str, ...] = ()


class Supervisor:
    """Starts and stops the servers of one cluster; used as a context manager, it kills them all at the end.

    The servers also stop by themselves when this process ends, however it ends: each waits for the end of a pipe whose
    other end is here.

    Attributes:
        options: What the servers have in common.
    """

    def __init__(self, options: ClusterOptions) -> None:
        """Start nothing yet."""
        self.options = options
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._pipe = os.pipe()
        self._waker = subprocess.Popen(
            ["/bin/sh", "-c", WAKER], stdin=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True
        )

    def start(self, name: str) -> None:
        """Start a server.

        Raises:
            ServerError: It runs.
        """
        if self.runs(name):
            raise ServerError(f"{name} runs already")
        options = self.options
        options.folder.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-m", "raft_steps", "serve", str(options.step), "--name", name]
        command += ["--cluster", cluster_text(options.cluster), "--data", str(options.folder / f"{name}.d")]
        command += ["--timing", options.timing, "--parent-pipe", str(self._pipe[0]), *options.more]
        if options.members:
            command += ["--members", ",".join(options.members)]
        if options.leader == name:
            command.append("--leader")
        if name in options.logs:
            command += ["--log", options.logs[name]]
        if options.traced:
            command += ["--trace", str(self.trace_file(name))]
        if options.node:
            command += ["--node", options.node]
        with self.log_file(name).open("ab") as log:
            self._processes[name] = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, pass_fds=(self._pipe[0],),
                # A process group of its own: Ctrl-C is for the supervisor, which stops the servers.
                start_new_session=True,
            )  # fmt: skip
        assert self._waker.stdin is not None
        self._waker.stdin.write(b"%d\n" % self._processes[name].pid)
        self._waker.stdin.flush()

    def runs(self, name: str) -> bool:
        """Return whether a server's process exists; it may be paused."""
        process = self._processes.get(name)
        return process is not None and process.poll() is None

    def signal(self, name: str, number: signal.Signals) -> None:
        """Send a signal to a server that runs.

        Raises:
            ServerError: It does not run.
        """
        if not self.runs(name):
            raise ServerError(f"{name} does not run")
        self._processes[name].send_signal(number)

    def kill(self, name: str) -> None:
        """End a server at once, with kill -9.

        Raises:
            ServerError: It does not run.
        """
        self.signal(name, signal.SIGKILL)
        self._processes.pop(name).wait()

    def stop(self, name: str) -> None:
        """Stop a server cleanly; one that does not stop in time is killed."""
        process = self._processes.pop(name, None)
        if process is None or process.poll() is not None:
            return
        process.send_signal(signal.SIGCONT)  # It may be paused, and would not see the next signal.
        process.terminate()
        try:
            process.wait(STOP_LIMIT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def ended(self) -> dict[str, int]:
        """Return the servers that have ended by themselves, and their exit status."""
        return {name: status for name, process in self._processes.items() if (status := process.poll()) is not None}

    def log_file(self, name: str) -> Path:
        """Return the file with what a server wrote to standard error."""
        return self.options.folder / f"{name}.log"

    def trace_file(self, name: str) -> Path:
        """Return the file with a server's trace."""
        return self.options.folder / f"{name}.trace"

    def why_ended(self, name: str) -> str:
        """Return the last line that a server wrote before it ended."""
        try:
            lines = self.log_file(name).read_text(encoding="utf-8", errors="replace").strip().splitlines()
        except OSError:
            lines = []
        return lines[-1] if lines else f"{name} wrote nothing"

    def close(self) -> None:
        """End all servers."""
        for process in self._processes.values():
            if process.poll() is None:
                process.kill()
        for process in self._processes.values():
            process.wait()
        self._processes.clear()
        self._waker.kill()  # There is nobody left to wake.
        self._waker.communicate()
        for end in self._pipe:
            with contextlib.suppress(OSError):
                os.close(end)
        self._pipe = (-1, -1)

    def __enter__(self) -> Self:
        """Return the supervisor itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End all servers."""
        self.close()


def consecutive_cluster(names: Sequence[str], first_port: int) -> dict[str, Address]:
    """Return addresses with consecutive client ports.

    Raises:
        ServerError: There are no such ports.
    """
    last_port = first_port + len(names) - 1
    if not 1 <= first_port <= last_port <= LAST_PORT - PEER_PORT_OFFSET:
        raise ServerError(
            f"ports from 1 to {LAST_PORT - PEER_PORT_OFFSET} can be used, and not {first_port} to {last_port}"
        )
    return {name: Address(HOST, port, port + PEER_PORT_OFFSET) for port, name in enumerate(names, first_port)}


class ReservedAddresses(dict[str, Address]):
    """Addresses by the names of servers; on Linux their ports are reserved as long as this object exists."""


def free_cluster(names: Sequence[str]) -> ReservedAddresses:
    """Return addresses with ports that nobody uses now.

    They are not among those that the system gives to outgoing connections: such a connection could take the port of a
    server that is down for a while. They stay reserved, so that no other cluster gets them before these servers start,
    or while one of them is down: a socket is bound to each and does not listen, which keeps everyone out who looks for
    a free port, but not a server that asks for this very one and allows to share it (SO_REUSEADDR). Only Linux has that.

    Raises:
        ServerError: Too few of the ports are free.
    """
    with contextlib.ExitStack() as stack:
        ports: list[int] = []
        for port in random.SystemRandom().sample(LISTENING_PORTS, k=len(LISTENING_PORTS)):
            holder = stack.enter_context(socket.socket())
            try:
                holder.bind((HOST, port))
            except OSError:
                holder.close()
                continue
            # Only now: it must not be bound to a port that somebody else shares in this way.
            holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            ports.append(port)
            if len(ports) == 2 * len(names):
                found = ReservedAddresses(
                    {name: Address(HOST, ports[2 * n], ports[2 * n + 1]) for n, name in enumerate(names)}
                )
                if sys.platform == "linux":
                    weakref.finalize(found, stack.pop_all().close)
                return found
    raise ServerError(f"fewer than {2 * len(names)} ports from {LISTENING_PORTS[0]} to {LISTENING_PORTS[-1]} are free")
