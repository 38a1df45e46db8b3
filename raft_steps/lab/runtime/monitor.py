"""What watches nodes while they run: the properties of Raft, a count of the traffic, and the like."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from raft_steps.lab.commands import Request
    from raft_steps.lab.log import Change
    from raft_steps.lab.runtime.host import Host


class Monitor(Protocol):
    """Watches nodes while they run, and changes none of them."""

    def begins(self, host: Host) -> None:
        """Called when a life begins: the node is built, and its `on_start` has not run."""

    def asked(self, client: str, request: Request) -> None:
        """Called when a client asks a server that is up."""

    def handled(self, host: Host, now_us: int, message: object | None, changes: list[Change] | None) -> None:
        """Called when a node has handled an event, before its effects leave.

        Args:
            host: The server.
            now_us: The time in microseconds.
            message: The message that arrived; None if the event was something else.
            changes: What happened to the node's logs; None if nothing did.
        """

    def failed(self, host: Host) -> None:
        """Called when a server crashes in the middle of an event; its disk may hold part of what the event stored."""
