"""A monitor that counts what servers send and store, without looking into the messages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from raft_steps.lab.messages import to_text

if TYPE_CHECKING:
    from raft_steps.lab.commands import Request
    from raft_steps.lab.log import Change
    from raft_steps.lab.runtime.host import Host


class Traffic:
    """A monitor that counts what is sent and what is stored.

    A message is an answer if it is the first that a server sends back to the caller while it handles the call. All other
    messages are calls.

    Attributes:
        calls: The number of calls that were sent.
        messages: The number of messages that were sent, answers included.
        bytes: The number of bytes in these messages, if bytes are counted.
        stored: The number of events that changed what is on the disk, by server.
        called: The pairs of sender and receiver of all calls that have arrived.
    """

    def __init__(self, *, with_bytes: bool = True) -> None:
        """Start all counts at zero.

        Args:
            with_bytes: Whether to count bytes, too; each message is then formatted as text, which takes time.
        """
        self.calls = self.messages = self.bytes = 0
        self.stored: dict[str, int] = {}
        self.called: set[tuple[str, str]] = set()
        self._with_bytes = with_bytes
        # Each call and its sender, by the identity of the call; holding the call keeps its identity from being reused.
        self._callers: dict[int, tuple[object, str]] = {}
        self._durable: dict[str, dict[str, Any]] = {}

    def begins(self, host: Host) -> None:
        """Called when a server starts or restarts."""
        self.stored.setdefault(host.name, 0)
        self._durable[host.name] = _durable(host)

    def asked(self, client: str, request: Request) -> None:
        """Called when a client asks a server; requests of clients do not count."""

    def failed(self, host: Host) -> None:
        """Called when a server crashes in the middle of an event; what it stored of that event does not count."""

    def handled(self, host: Host, _now_us: int, message: object | None, changes: list[Change] | None) -> None:
        """Called when a node has handled an event: count what it sends and stores."""
        caller = self._callers[id(message)][1] if id(message) in self._callers else ""
        if caller:
            self.called.add((caller, host.name))
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
            self._callers[id(message)] = (message, sender)

    def _store(self, host: Host, changes: list[Change] | None) -> None:
        before, after = self._durable.get(host.name), _durable(host)
        if after != before or (changes is not None and any(name in host.node.durable for name in host.logs)):
            self.stored[host.name] = self.stored.get(host.name, 0) + 1
            self._durable[host.name] = after


def _durable(host: Host) -> dict[str, Any]:
    """Return the durable fields that are not logs; changes of logs are reported by the logs themselves."""
    return {name: getattr(host.node, name) for name in host.durable}
