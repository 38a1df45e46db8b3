"""etcd under load: `h2load` sends its gRPC calls."""

from __future__ import annotations

import base64
import http.client
import json
import re
import statistics
import subprocess
from collections.abc import Callable
from pathlib import Path

from tests.bench.servers.peers import NAMES, TRY_LIMIT_S, Load, Peer, Rate, require_program

KEY, VALUE = b"key:000000012345", b"x" * 16
HEADERS = ("-H", "content-type: application/grpc", "-H", "te: trailers")


class Etcd(Peer):
    """Three members of etcd, as it comes."""

    title = "etcd"
    options: tuple[str, ...] = ()

    @classmethod
    def require(cls) -> None:
        """Require etcd and the client."""
        require_program("etcd", "etcd-server")
        require_program("h2load", "nghttp2-client")

    def start(self) -> None:
        """Start the members."""
        peers = ",".join(f"{name}=http://127.0.0.1:{self.ports[name][1]}" for name in NAMES)
        for name in NAMES:
            client, peer = (f"http://127.0.0.1:{port}" for port in self.ports[name])
            self.start_process(
                name, "etcd", "--name", name, "--data-dir", f"{name}.d", "--log-level", "error",
                "--listen-client-urls", client, "--advertise-client-urls", client,
                "--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer,
                "--initial-cluster", peers, "--initial-cluster-state", "new", *self.options,
            )  # fmt: skip
        self._paths = {"put": self.folder / "put.bin", "range": self.folder / "range.bin"}
        self._paths["put"].write_bytes(_grpc(_field(1, KEY) + _field(2, VALUE)))
        self._paths["range"].write_bytes(_grpc(_field(1, KEY)))  # Linearizable, unless one asks otherwise.

    def leader(self) -> str:
        """Ask the members who they are, and whom they follow."""
        for name in self.processes:
            found = self._json(name, "/v3/maintenance/status", {})
            if str(found.get("leader", 0)) == found["header"]["member_id"]:
                return name
        return ""

    def rate(self, load: Load) -> Rate:
        """Let h2load run, and count what has been committed."""
        leader = self.leader()
        before = self._revision(leader)
        log = self.folder / "h2load.log"
        log.unlink(missing_ok=True)
        call, body = ("Range", "range") if load.reads else ("Put", "put")
        command = [
            "h2load", "-n", str(load.requests), "-c", str(load.connections), "-m", str(load.in_flight),
            "-d", str(self._paths[body]), *HEADERS, f"--log-file={log}",
            f"http://127.0.0.1:{self.ports[leader][0]}/etcdserverpb.KV/{call}",
        ]  # fmt: skip
        output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        written = self._revision(leader) - before
        assert written == (0 if load.reads else load.requests), f"{written} writes"
        found = re.search(r"([\d.]+) req/s", output)
        assert found is not None, output
        return Rate(float(found[1]), *_quantiles_ms(log))

    def _revision(self, name: str) -> int:
        return int(self._json(name, "/v3/kv/range", {"key": _text(KEY)})["header"]["revision"])

    def next_write(self, killed: str) -> Callable[[str], bool]:
        """Try with a connection of its own for each write."""
        body = {"key": _text(KEY), "value": _text(killed.encode())}

        def accepted(name: str) -> bool:
            try:
                return "header" in self._json(name, "/v3/kv/put", body, TRY_LIMIT_S)
            except (OSError, ValueError, http.client.HTTPException):
                return False

        return accepted

    def _json(self, name: str, path: str, body: dict[str, str], limit_s: float = 5.0) -> dict[str, dict[str, str]]:
        connection = http.client.HTTPConnection("127.0.0.1", self.ports[name][0], timeout=limit_s)
        try:
            connection.request("POST", path, json.dumps(body))
            found: dict[str, dict[str, str]] = json.loads(connection.getresponse().read())
            return found
        finally:
            connection.close()


class QuickEtcd(Etcd):
    """etcd with an election timeout of 250 ms and heartbeats of 50 ms."""

    title = "etcd, timeout 250 ms"
    options = ("--heartbeat-interval", "50", "--election-timeout", "250")


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _field(number: int, data: bytes) -> bytes:
    """Return a field of a protocol buffer that holds bytes."""
    return bytes([number << 3 | 2, len(data)]) + data


def _grpc(message: bytes) -> bytes:
    """Return a message as gRPC sends it: not compressed, and its length."""
    return b"\0" + len(message).to_bytes(4) + message


def _quantiles_ms(log: Path) -> tuple[float, float]:
    """Return half and 99% of the waiting times, from the third column of h2load's log."""
    times = [int(line.split("\t")[2]) / 1000 for line in log.read_text(encoding="ascii").splitlines()]
    return statistics.median(times), statistics.quantiles(times, n=100)[98]
