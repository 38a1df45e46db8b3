"""What the rules read of a server: the interface between the rules and the code that runs or replays a Node."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from raft_steps.lab.log import Log

EMPTY_LOG = Log()


class ObservedServer(Protocol):
    """A server after an event, before any effect of that event leaves it.

    A simulated host is one, and so is a server that is rebuilt from a trace.
    """

    @property
    def name(self) -> str:
        """The server's name."""

    @property
    def up(self) -> bool:
        """Whether it runs."""

    @property
    def node(self) -> Any:
        """Its Node, or an object with the same fields.

        The rules read `effects` and `servers`, and these fields if there are any: `current_term`, `is_leader`, `voted_for`,
        `commit_index`, `log`, `state_machine`. They read nothing else, and change nothing.
        """

    @property
    def disk(self) -> Mapping[str, Any]:
        """What is on its disk. The rules read `log`, and only while the server is down."""


def log_of(server: ObservedServer) -> Log:
    """Return a server's log, or the log on its disk while it is down; an empty log if there is none."""
    found = getattr(server.node, "log", None) if server.up else server.disk.get("log")
    return found if isinstance(found, Log) else EMPTY_LOG
