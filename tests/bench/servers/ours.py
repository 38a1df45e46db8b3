"""The servers of the course under load: `redis-benchmark` is the client."""

from __future__ import annotations

import contextlib
import csv
import socket
import subprocess
import sys
from collections.abc import Callable

from raft_steps import STEPS
from raft_steps.lab.runtime.server.addresses import Address, cluster_text
from raft_steps.lab.runtime.server.leader_client import LeaderClient
from tests.bench.servers.peers import NAMES, TRY_LIMIT_S, Load, Peer, Rate, UnfitMachine, require_program

NEWEST = len(STEPS)
KEYS = 100_000
VALUE_BYTES = 16


class RaftSteps(Peer):
    """Servers of the newest step, with the durations of the paper: timeouts of 150 to 300 ms, heartbeats of 50 ms."""

    title = f"step {NEWEST}"
    timing = "paper"

    @classmethod
    def require(cls) -> None:
        """Require the client."""
        require_program("redis-benchmark", "redis-tools")

    def start(self) -> None:
        """Start the servers."""
        cluster = {name: Address("127.0.0.1", *self.ports[name]) for name in NAMES}
        self._client = LeaderClient(cluster, limit_s=1.0)
        for name in NAMES:
            self.start_process(
                name, sys.executable, "-m", "raft_steps", "serve", str(NEWEST), "--name", name,
                "--cluster", cluster_text(cluster), "--data", f"{name}.d", "--timing", self.timing,
            )  # fmt: skip

    def leader(self) -> str:
        """Ask all servers."""
        for name in self.processes:
            status = self._client.status(name)
            if status is not None and status["raft_role"] == "leader":
                return name
        return ""

    def rate(self, load: Load) -> Rate:
        """Let redis-benchmark run, and count what has been committed."""
        leader = self.leader()
        before = self._last_index(leader)
        command = [
            "redis-benchmark", "-p", str(self.ports[leader][0]), "-t", "get" if load.reads else "set",
            "-d", str(VALUE_BYTES), "-r", str(KEYS), "-n", str(load.requests), "-c", str(load.connections),
            "-P", str(load.in_flight), "--csv",
        ]  # fmt: skip
        output = subprocess.run(command, capture_output=True, text=True, check=False).stdout
        # The other lines are warnings about CONFIG, which are not comma-separated values.
        rows = csv.DictReader(output[max(0, output.find('"test"')) :].splitlines())
        row = next((each for each in rows if each.get("rps")), None)
        if row is None:  # It ends at the first refusal.
            raise UnfitMachine(f"{leader} was replaced while it was measured")
        written = self._last_index(leader) - before
        assert load.reads or written >= load.requests, f"{written} of {load.requests} writes are in the log"
        return Rate(float(row["rps"]), float(row["p50_latency_ms"]), float(row["p99_latency_ms"]))

    def _last_index(self, name: str) -> int:
        status = self._client.status(name)
        assert status is not None, name
        return int(status["raft_last_index"])

    def next_write(self, killed: str) -> Callable[[str], bool]:
        """Try with a connection of its own to each survivor."""
        sockets: dict[str, socket.socket] = {}

        def accepted(name: str) -> bool:
            if name not in sockets:
                sockets[name] = socket.create_connection(("127.0.0.1", self.ports[name][0]), TRY_LIMIT_S)
            try:
                sockets[name].sendall(b"*3\r\n$3\r\nSET\r\n$1\r\nx\r\n$%d\r\n%s\r\n" % (len(killed), killed.encode()))
                return sockets[name].recv(64) == b"+OK\r\n"
            except OSError:
                sockets.pop(name).close()  # The answer may still come, and would be taken for that to the next write.
                return False

        return accepted

    def close(self) -> None:
        """End all servers."""
        with contextlib.suppress(AttributeError):  # Not started.
            self._client.close()
        super().close()


class PatientRaftSteps(RaftSteps):
    """The same with timeouts of 8 to 18 s, so that no election comes between while a load keeps the disk busy.

    Nothing else depends on the durations: writes and reads do not wait for heartbeats. The first election takes as long.
    """

    timing = "post"
