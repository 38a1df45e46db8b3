"""Ports of this machine that nobody uses."""

from __future__ import annotations

import contextlib
import os
import socket

import pytest

from raft_steps.lab.runtime.server.addresses import PEER_PORT_OFFSET


def free_port(count: int) -> int:
    """Return the first of consecutive ports that nobody uses, for clients and for servers.

    None of them is one that the system gives to outgoing connections.
    """
    for first in range(10_500 + os.getpid() % 900 * 10, 22_000, count):
        ports = [first + n + offset for n in range(count) for offset in (0, PEER_PORT_OFFSET)]
        with contextlib.suppress(OSError), contextlib.ExitStack() as stack:
            for port in ports:
                stack.enter_context(socket.socket()).bind(("127.0.0.1", port))
            return first
    pytest.fail("there are no free ports")
