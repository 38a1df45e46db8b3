"""Tests of the addresses of a cluster."""

from __future__ import annotations

import pytest

from raft_steps.lab.errors import ServerError
from raft_steps.lab.runtime.server.addresses import EXAMPLE, cluster_text, parse_address, parse_cluster


def test_cluster_is_read_and_written() -> None:
    """A cluster's text is the same after it was parsed."""
    cluster = parse_cluster(EXAMPLE)
    assert list(cluster) == ["tom", "jerry", "spike"]
    assert cluster["jerry"].port == 7002
    assert cluster["jerry"].peer_port == 17002
    assert cluster_text(cluster) == EXAMPLE


@pytest.mark.parametrize("text", ["127.0.0.1:60000@7000", "[::1]:7001", "127.0.0.2:7001@7002"])
def test_address_is_read_and_written(text: str) -> None:
    """An address's text is the same after it was parsed."""
    assert str(parse_address(text)) == text


@pytest.mark.parametrize(
    "text, reason",
    [
        ("7001", "is not an address"),
        ("127.0.0.1:0", "there is no port 0"),
        ("127.0.0.1:70000", "there is no port 70000"),
        ("127.0.0.1:60000", "there is no port 70000 for the other servers, the client port plus 10000; name another"),
        ("127.0.0.1:7001@7001", "names port 7001 for both"),
        ("0.0.0.0:7001", "is not a loopback address"),
        ("192.168.1.2:7001", "no passwords and no encryption"),
        ("example.org:7001", "is not an IP address"),
        ("", "is not an address"),
    ],
)
def test_wrong_address_is_refused(text: str, reason: str) -> None:
    """Each wrong address is refused with its reason."""
    with pytest.raises(ServerError, match=reason):
        parse_address(text)


@pytest.mark.parametrize(
    "text, reason",
    [
        ("", "is not a server"),
        ("tom", "write NAME=HOST:PORT"),
        ("tom=127.0.0.1:7001,tom=127.0.0.1:7002", "two servers named tom"),
        ("tom=127.0.0.1:7001,jerry=127.0.0.1:7001", "tom and jerry both use port 7001"),
        ("tom=127.0.0.1:7001,jerry=127.0.0.1:17001@7002", "tom and jerry both use port 17001"),
        ("a b=127.0.0.1:7001", "is not a server's name"),
    ],
)
def test_wrong_cluster_is_refused(text: str, reason: str) -> None:
    """Each wrong cluster is refused with its reason."""
    with pytest.raises(ServerError, match=reason):
        parse_cluster(text)
