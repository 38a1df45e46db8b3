"""The addresses of a cluster: where each server expects its clients, and where the other servers."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass

from raft_steps.lab.errors import ServerError

PEER_PORT_OFFSET = 10_000  # as Redis Cluster does it
LAST_PORT = 65_535
EXAMPLE = "tom=127.0.0.1:7001,jerry=127.0.0.1:7002,spike=127.0.0.1:7003"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,31}")
_ADDRESS = re.compile(r"(\[[0-9a-fA-F:.]+\]|[^\[\]:@]+):([0-9]+)(?:@([0-9]+))?")


@dataclass(frozen=True, slots=True)
class Address:
    """Where a server listens.

    Attributes:
        host: A loopback address, such as 127.0.0.1 or ::1.
        port: The port for clients.
        peer_port: The port for the other servers.
    """

    host: str
    port: int
    peer_port: int

    def __str__(self) -> str:
        """Format the address as `parse_address` reads it."""
        at = "" if self.peer_port == self.port + PEER_PORT_OFFSET else f"@{self.peer_port}"
        return f"{self.for_clients}{at}"

    @property
    def for_clients(self) -> str:
        """The host and the port for clients, as ``127.0.0.1:7001``."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"


def parse_address(text: str) -> Address:
    """Parse ``HOST:PORT`` or ``HOST:PORT@PEERPORT``.

    Raises:
        ServerError: It is not an address, not a loopback address, or there is no such port.
    """
    found = _ADDRESS.fullmatch(text.strip())
    if found is None:
        raise ServerError(f"{text!r} is not an address; write HOST:PORT or HOST:PORT@PEERPORT, such as 127.0.0.1:7001")
    host = _loopback(found[1].strip("[]"))
    port = int(found[2])
    peer_port = int(found[3]) if found[3] else port + PEER_PORT_OFFSET
    if not 1 <= port <= LAST_PORT:
        raise ServerError(f"there is no port {port} (in {text!r}); ports go from 1 to {LAST_PORT}")
    if not 1 <= peer_port <= LAST_PORT:
        hint = "" if found[3] else f", the client port plus {PEER_PORT_OFFSET}; name another: {text.strip()}@PEERPORT"
        raise ServerError(f"there is no port {peer_port} for the other servers{hint}")
    if port == peer_port:
        raise ServerError(f"clients and servers need two ports, and {text!r} names port {port} for both")
    return Address(host, port, peer_port)


def _loopback(host: str) -> str:
    """Return the number of a loopback address.

    Raises:
        ServerError: It is another address, or a name.
    """
    if host == "localhost":
        return "127.0.0.1"
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        raise ServerError(f"{host!r} is not an IP address; write 127.0.0.1") from None
    if not address.is_loopback:
        raise ServerError(
            f"{host} is not a loopback address. These servers have no passwords and no encryption, so they "
            "listen on this machine only: use 127.0.0.1"
        )
    return str(address)


def parse_cluster(text: str) -> dict[str, Address]:
    """Parse the servers of a cluster, ``NAME=HOST:PORT,…``, in order.

    Raises:
        ServerError: A part is not NAME=HOST:PORT, or a name or a port appears twice.
    """
    cluster: dict[str, Address] = {}
    owners: dict[tuple[str, int], str] = {}
    for part in text.split(","):
        name, equals, rest = part.strip().partition("=")
        if not equals:
            raise ServerError(f"{part.strip()!r} is not a server; write NAME=HOST:PORT, as in {EXAMPLE}")
        if not _NAME.fullmatch(name):
            raise ServerError(f"{name!r} is not a server's name; use letters, digits, - and _, as in {EXAMPLE}")
        if name in cluster:
            raise ServerError(f"the cluster has two servers named {name}")
        address = cluster[name] = parse_address(rest)
        for port in (address.port, address.peer_port):
            owner = owners.setdefault((address.host, port), name)
            if owner != name:
                raise ServerError(f"{owner} and {name} both use port {port} of {address.host}")
    return cluster


def cluster_text(cluster: Mapping[str, Address]) -> str:
    """Format a cluster as `parse_cluster` reads it."""
    return ",".join(f"{name}={address}" for name, address in cluster.items())
