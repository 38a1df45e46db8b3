"""The connection of one client: commands in, replies out in the same order."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Protocol

from raft_steps.lab.commands import Delete, Get, NotLeader, Ok, Request, Response
from raft_steps.lab.runtime.server.engine import Client
from raft_steps.lab.runtime.server.redis_commands import ServerView, Session, answer
from raft_steps.lab.runtime.server.redis_protocol import (
    OK,
    CommandReader,
    ProtocolError,
    error_reply,
    integer_reply,
    reply,
    string_reply,
)

MOST_WAITING = 4_096  # requests of one connection; more are read when some of these are answered


class ClientsOwner(ServerView, Protocol):
    """The server that a client's connection belongs to."""

    patience_s: float

    def arrived(self, client: Client) -> None:
        """Called with a request for the node."""

    def wrote(self, connection: ClientConnection) -> None:
        """Called when a connection has replies to send at the end of this turn."""

    def connected(self, connection: ClientConnection) -> bool:
        """Called when a client connects; return whether there is room for it."""

    def disconnected(self, connection: ClientConnection) -> None:
        """Called when a connection has ended."""

    def log(self, text: str) -> None:
        """Write a line about the connection to standard error."""


class _Slot:
    """The place of one command's reply.

    Attributes:
        reply: The reply; None while it is awaited.
        deadline_s: When the client stops waiting, by the event loop's clock; None for a reply that is there at once.
        request: What was asked of the node.
    """

    __slots__ = ("deadline_s", "reply", "request")

    def __init__(self, reply: bytes | None, deadline_s: float | None = None, request: Request | None = None) -> None:
        self.reply, self.deadline_s, self.request = reply, deadline_s, request


class ClientConnection(asyncio.Protocol):
    """The connection of a client."""

    def __init__(self, owner: ClientsOwner, number: int, time_s: Callable[[], float]) -> None:
        """Prepare for a connection.

        Args:
            owner: The server.
            number: The connection's number.
            time_s: The event loop's clock.
        """
        self._owner, self._time_s = owner, time_s
        self._session = Session(number)
        self._reader = CommandReader()
        self._slots: deque[_Slot] = deque()
        self._transport: asyncio.Transport | None = None
        self._is_reading, self._can_write = True, True

    # Called by the event loop.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called when the client has connected."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        if not self._owner.connected(self):
            transport.write(error_reply("ERR max number of clients reached"))
            transport.close()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002  # asyncio's signature
        """Called when the connection has ended; requests that wait stay with the node, and their answers are dropped."""
        self._transport = None
        self._slots.clear()
        self._owner.disconnected(self)

    def data_received(self, data: bytes) -> None:
        """Called when bytes have arrived."""
        try:
            for command in self._reader.feed(data):
                if command and not self._session.is_closing:
                    self._take(command)
        except ProtocolError as error:
            self._owner.log(f"client {self._session.number} sent what is not a command ({error}); disconnected")
            self._slots.append(_Slot(error_reply(f"ERR Protocol error: {error}")))
            self._session.is_closing = True
        self._owner.wrote(self)
        self._read_or_wait()

    def pause_writing(self) -> None:
        """Called when the client does not read its replies: nothing more is read from it."""
        self._can_write = False
        self._read_or_wait()

    def resume_writing(self) -> None:
        """Called when the client has read its replies."""
        self._can_write = True
        self._read_or_wait()

    # Called by the server.

    def flush(self) -> None:
        """Send the replies that are there, up to the first that is still awaited."""
        transport = self._transport
        if transport is None:
            return
        ready = []
        while self._slots and (data := self._slots[0].reply) is not None:
            ready.append(data)
            self._slots.popleft()
        if ready:
            transport.write(b"".join(ready))
        if self._session.is_closing and not self._slots:
            transport.close()
        else:
            self._read_or_wait()

    def give_up(self) -> None:
        """Answer the requests that have waited too long: they may still take effect."""
        now_s = self._time_s()
        for slot in self._slots:
            if slot.reply is None and slot.deadline_s is not None:
                if slot.deadline_s > now_s:
                    break  # Later ones wait until later.
                slot.reply = error_reply(_late(slot.request, self._owner.patience_s))
        self.flush()

    def close(self) -> None:
        """End the connection."""
        if self._transport is not None:
            self._transport.close()

    @property
    def is_waiting(self) -> bool:
        """Whether a request waits for its answer."""
        return any(slot.reply is None for slot in self._slots)

    def _take(self, command: list[bytes]) -> None:
        found = answer(command, self._session, self._owner)
        if isinstance(found, bytes):
            self._slots.append(_Slot(found))
            return
        slot = _Slot(None, self._time_s() + self._owner.patience_s, found)
        self._slots.append(slot)

        def answered(response: Response, client: Client) -> None:
            if slot.reply is None:  # Otherwise it was given up.
                slot.reply = self._reply_to(response, client)
            self._owner.wrote(self)

        self._owner.arrived(Client(found, answered))

    def _reply_to(self, response: Response, client: Client) -> bytes:
        if isinstance(response, NotLeader):
            address = self._owner.address_of(response.leader) if response.leader else None
            if address is None:
                return error_reply("NOTLEADER this server does not lead, and does not know which one does; ask another")
            return error_reply(f"MOVED 0 {address.for_clients}")
        assert isinstance(response, Ok), response
        if isinstance(client.request, Get):
            return reply(response.value, self._session.version)
        if isinstance(client.request, Delete):
            return integer_reply(client.deleted)
        return OK if response.value is None else string_reply(response.value)

    def _read_or_wait(self) -> None:
        """Stop reading while the client has too much open, or does not read; go on when that is over."""
        transport = self._transport
        if transport is None or transport.is_closing():
            return
        should_read = self._can_write and len(self._slots) < MOST_WAITING
        if should_read != self._is_reading:
            self._is_reading = should_read
            if should_read:
                transport.resume_reading()
            else:
                transport.pause_reading()


def _late(request: Request | None, patience_s: float) -> str:
    """Return the error for a request that was not answered in time."""
    may = "" if isinstance(request, Get) else "; the write may still take effect"
    return f"TIMEOUT no answer within {patience_s:g} s{may}"
