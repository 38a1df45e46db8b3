"""The connection on which another server's messages arrive."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol

from raft_steps.lab.errors import LabError, MessageError, ServerError
from raft_steps.lab.log import Entry
from raft_steps.lab.messages import to_text
from raft_steps.lab.runtime.server.hello import LONGEST_HELLO, NEXT, Hello, Identity, Refused, read_hello, read_next
from raft_steps.lab.runtime.server.limited_log import Clock, Timer
from raft_steps.lab.runtime.server.message_codec import MessageCodec

LONGEST_LINE = 64 * 1_048_576  # bytes; a leader of the early steps sends its whole log in one message
HELLO_LIMIT_S = 5.0


class PeersOwner(Protocol):
    """The server that a connection belongs to."""

    identity: Identity
    names: tuple[str, ...]
    codec: MessageCodec

    def peer_connected(self, connection: PeerListener) -> None:
        """Called when a connection is made: if there are too many whose first line has not arrived, the oldest ends."""

    def peer_introduced(self, connection: PeerListener, name: str) -> None:
        """Called when the server at the other end is known; an older connection of the same server ends."""

    def peer_disconnected(self, connection: PeerListener, name: str | None) -> None:
        """Called when the connection has ended, with the name of the server if that is known."""

    def message_arrived(self, hello: Hello, number: int, message: object) -> None:
        """Called with each message, and its number on the link."""

    def log_peer(self, text: str) -> None:
        """Write a line about a connection to the port for servers."""


class PeerListener(asyncio.Protocol):
    """Receives the messages of one other server."""

    def __init__(self, owner: PeersOwner, clock: Clock) -> None:
        """Prepare for a connection.

        Args:
            owner: The server.
            clock: The event loop.
        """
        self._owner, self._clock = owner, clock
        self._transport: asyncio.Transport | None = None
        self._hello: Hello | None = None
        self._parts: list[bytes] = []  # of a line whose end has not arrived
        self._length = 0
        self._number = 1
        self._limit: Timer | None = None  # planned for the end of a connection

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called when another server, or something else, has connected."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._owner.peer_connected(self)
        self._plan(self._refuse_silence)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002  # asyncio's signature
        """Called when the connection has ended."""
        self._transport = None
        self._parts.clear()
        if self._limit is not None:
            self._limit.cancel()
        self._owner.peer_disconnected(self, self._hello.name if self._hello is not None else None)

    def data_received(self, data: bytes) -> None:
        """Called when bytes have arrived."""
        *lines, rest = data.split(b"\n")
        for line in lines:
            if self._transport is None or self._transport.is_closing():
                return
            if self._parts:
                line = b"".join([*self._parts, line])  # noqa: PLW2901
                self._parts.clear()
                self._length = 0
            try:
                self._take(line)
            except LabError as error:
                self._refuse(str(error))
                return
        if rest:
            self._parts.append(rest)
            self._length += len(rest)
            longest = LONGEST_HELLO if self._hello is None else LONGEST_LINE
            if self._length > longest:
                self._refuse(f"a line is longer than {longest} bytes")

    def close(self) -> None:
        """End the connection."""
        if self._transport is not None:
            self._transport.abort()

    def _take(self, line: bytes) -> None:
        """Handle one line.

        Raises:
            ServerError: It is not what a server of this cluster sends.
            MessageError: It is not a message, or none that any server could send.
        """
        if self._hello is None:
            if len(line) > LONGEST_HELLO:
                raise ServerError(f"a first line is not longer than {LONGEST_HELLO} bytes")
            self._hello = read_hello(line, self._owner.identity, self._owner.names)
            if self._limit is not None:
                self._limit.cancel()
            self._owner.peer_introduced(self, self._hello.name)
        elif line.startswith(NEXT):
            self._number = read_next(line)
        else:
            message = self._owner.codec.decode(line)
            _require_possible(message)
            self._owner.message_arrived(self._hello, self._number, message)
            self._number += 1

    def _refuse_silence(self) -> None:
        self._refuse(f"no first line within {HELLO_LIMIT_S:g} s")

    def _plan(self, callback: Callable[[], None]) -> None:
        if self._limit is not None:
            self._limit.cancel()
        self._limit = self._clock.call_at(self._clock.time() + HELLO_LIMIT_S, callback)

    def _refuse(self, reason: str) -> None:
        """Log the reason, send it to the other end, and end the connection."""
        if self._transport is None or self._transport.is_closing():
            return
        who = self._hello.name if self._hello is not None else "an unknown server"
        self._owner.log_peer(f"disconnected {who}: {reason}")
        self._transport.write(to_text(Refused(reason=reason[:500])).encode("utf-8", "replace") + b"\n")
        self._plan(self.close)  # If the other end does not read, the connection would be there forever.
        self._transport.close()


def _require_possible(message: object) -> None:
    """Refuse entries that are in no log, so that the Node need not.

    Whether another server tells the truth cannot be seen in one message: servers believe each other, as in the paper.

    Raises:
        MessageError: They do not follow one another, or not the entry that they are said to follow.
    """
    entries, before = getattr(message, "entries", ()), getattr(message, "prev_log_index", None)
    if type(entries) is not tuple or not entries or not isinstance(entries[0], Entry):
        return
    expected = before + 1 if type(before) is int else max(1, entries[0].index)
    for index, entry in enumerate(entries, expected):
        if entry.index != index:
            raise MessageError(f"in this {type(message).__name__}, entry {index} should come next, not {entry.index}")
