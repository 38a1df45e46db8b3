"""Tests of the ports of a cluster; test_life.py and others start its processes."""

from __future__ import annotations

import socket
import sys

import pytest

from raft_steps.lab.errors import ServerError
from raft_steps.lab.runtime.server import supervisor
from raft_steps.lab.runtime.server.supervisor import HOST, LISTENING_PORTS, consecutive_cluster, free_cluster


def test_free_ports_are_not_those_of_connections(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each server gets two of its own, none of which is in use; with too few, that is the error."""
    found = free_cluster(["tom", "jerry", "spike"])
    ports = [port for address in found.values() for port in (address.port, address.peer_port)]
    assert len(set(ports)) == 6
    assert set(ports) <= set(LISTENING_PORTS)
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind((HOST, ports[0]))
        monkeypatch.setattr(supervisor, "LISTENING_PORTS", range(ports[0], ports[0] + 1))
        with pytest.raises(ServerError, match="fewer than 2 ports"):
            free_cluster(["tom"])


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux lets a server listen where a socket is bound")
def test_ports_stay_reserved(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody else gets the ports before the servers listen there, or after one has been killed."""
    found = free_cluster(["tom"])
    port, peer_port = found["tom"].port, found["tom"].peer_port
    monkeypatch.setattr(supervisor, "LISTENING_PORTS", (port, peer_port))
    for _ in range(2):
        with pytest.raises(ServerError, match="fewer than 2 ports"):
            free_cluster(["jerry"])
        with socket.socket() as server:
            server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            server.bind((HOST, port))
            server.listen()
    with socket.socket() as client, pytest.raises(ConnectionRefusedError):
        client.connect((HOST, port))
    del found
    again = free_cluster(["jerry"])["jerry"]
    assert {port, peer_port} == {again.port, again.peer_port}


def test_consecutive_ports_are_for_clients() -> None:
    """Those for servers are 10,000 higher, as in Redis Cluster."""
    found = consecutive_cluster(["tom", "jerry"], 7001)
    assert [(each.port, each.peer_port) for each in found.values()] == [(7001, 17001), (7002, 17002)]
    with pytest.raises(ServerError, match="ports from 1 to 55535 can be used, and not 55535 to 55536"):
        consecutive_cluster(["tom", "jerry"], 55_535)
