"""What servers send and store, counted: a watch beside the properties. It does not know what a message says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from raft_steps.lab.messages import to_text

if TYPE_CHECKING:
    from raft_steps.lab.commands import Request
    from raft_steps.lab.log import Change
    from raft_steps.lab.runtime.host import Host


class Traffic:
    """A watch that counts what is sent and what is stored.

    A message is an answer if it is the first that goes back to whoever sent the call which its server handles. All
    others are calls.

    Attributes:
        calls: How many calls were sent.
        messages: How many messages were sent, answers too.
        bytes: How many bytes they have, where bytes are counted.
        stored: How many events changed what is on a disk, by server.
        heard: Who has heard a call from whom, as pairs of sender and receiver.
    """

    def __init__(self, *, with_bytes: bool = True) -> None:
        """Begin at zero.

        Args:
            with_bytes: Whether to count bytes too, which takes time.
        """
        self.calls = self.messages = self.bytes = 0
        self.stored: dict[str, int] = {}
        self.heard: set[tuple[str, str]] = set()
        self._with_bytes = with_bytes
        self._callers: dict[int, tuple[object, str]] = {}  # who sent a call, by the call's identity; and the call
        self._durable: dict[str, dict[str, Any]] = {}

    def begins(self, host: Host) -> None:
        """Hear that a life begins."""
        self.stored.setdefault(host.name, 0)
        self._durable[host.name] = _durable(host)

    def asked(self, client: str, request: Request) -> None:
        """Hear what a client asks; it costs nothing between servers."""

    def failed(self, host: Host) -> None:
        """Hear that a server went down in the middle of an event."""

    def handled(self, host: Host, _now: int, message: object | None, changes: list[Change] | None) -> None:
        """Count what an event sends and stores."""
        caller = self._callers[id(message)][1] if id(message) in self._callers else ""
        if caller:
            self.heard.add((caller, host.name))
        for effect in host.node.effects:
            if effect[0] == "send":
                self._send(host.name, effect[2], is_answer=effect[1] == caller)
                caller = "" if effect[1] == caller else caller
        self._store(host, changes)

    def _send(self, sender: str, message: object, *, is_answer: bool) -> None:
        self.messages += 1
        if self._with_bytes:
            self.bytes += len(to_text(message).encode())
        if not is_answer:
            self.calls += 1
            self._callers[id(message)] = (message, sender)  # With the message, or its identity could be another's.

    def _store(self, host: Host, changes: list[Change] | None) -> None:
        before, after = self._durable.get(host.name), _durable(host)
        if after != before or (changes is not None and any(name in host.node.durable for name in host.logs)):
            self.stored[host.name] = self.stored.get(host.name, 0) + 1
            self._durable[host.name] = after


def _durable(host: Host) -> dict[str, Any]:
    """Give the durable fields that are no log: a log tells its own changes."""
    return {name: getattr(host.node, name) for name in host.durable}
