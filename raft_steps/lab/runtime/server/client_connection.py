"""The connection of one client: commands in, replies out in the same order.

Whatever a client does, its connection costs a bounded amount of memory, and of time in one turn. Commands are taken as
long as their replies find room; then the rest waits, first here and then, because nothing more is read, at the client.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Protocol

from raft_steps.lab.commands import (
    Append,
    Delete,
    Get,
    InSession,
    Mismatch,
    NotLeader,
    Ok,
    OpenSession,
    Refused,
    Request,
    Response,
    SessionExpired,
)
from raft_steps.lab.runtime.server.engine import Client, TakeSnapshot
from raft_steps.lab.runtime.server.limited_log import Clock, Timer
from raft_steps.lab.runtime.server.redis_commands import ServerView, Session, answer
from raft_steps.lab.runtime.server.redis_protocol import (
    OK,
    CommandReader,
    ProtocolError,
    error_reply,
    integer_reply,
    null_reply,
    reply,
)

MOST_WAITING = 1_024  # replies of one connection that are not sent; then no more commands are taken
ENOUGH_BYTES = 1_048_576  # of such replies; then no more commands are taken either
MOST_BYTES = 32 * 1_048_576  # of such replies; more can come of commands that were taken before, and are errors instead
MOST_BYTES_OF_ALL = 512 * 1_048_576  # of what waits at all connections together, commands and replies
SENT_AT_ONCE = 65_536  # bytes
COMMAND_LIMIT_S = 30.0  # from the first byte of a command to its last
CLOSE_LIMIT_S = 5.0  # for a client to read its last replies
EXPIRED = error_reply(
    "SESSIONEXPIRED the server has no such session, or knows it and a later command of it; this one may have been carried "
    "out before"
)
TOO_MUCH = error_reply("ERR too many bytes of replies wait for this connection; read them before you ask for more")


class ClientsOwner(ServerView, Protocol):
    """The server that a client's connection belongs to.

    Attributes:
        patience_s: How long a request may wait for its answer.
        waiting_bytes: What waits at all connections together, commands and replies.
    """

    patience_s: float
    waiting_bytes: int

    def arrived(self, client: Client) -> None:
        """Called with a request for the node."""

    def gave_up(self, client: Client) -> None:
        """Called when the answer to a request is not awaited any more."""

    def wrote(self, connection: ClientConnection) -> None:
        """Called when a connection has replies to send at the end of this turn."""

    def connected(self, connection: ClientConnection) -> bool:
        """Called when a client connects; return whether there is room for it."""

    def disconnected(self, connection: ClientConnection) -> None:
        """Called when a connection has ended."""

    def log_client(self, text: str) -> None:
        """Write a line about a client's connection."""


class _Slot:
    """The place of one command's reply.

    Attributes:
        reply: The reply; None while it is awaited.
        deadline_s: When the client stops waiting, by the event loop's clock.
        client: What is asked of the node; None if the reply was there at once.
        is_asked: Whether the node has been asked.
    """

    __slots__ = ("client", "deadline_s", "is_asked", "reply")

    def __init__(self, reply: bytes | None, deadline_s: float = 0.0) -> None:
        self.reply, self.deadline_s = reply, deadline_s
        self.client: Client | None = None
        self.is_asked = False


class ClientConnection(asyncio.Protocol):
    """The connection of a client."""

    def __init__(self, owner: ClientsOwner, number: int, clock: Clock) -> None:
        """Prepare for a connection.

        Args:
            owner: The server.
            number: The connection's number.
            clock: The event loop.
        """
        self._owner, self._clock = owner, clock
        self._session = Session(number)
        self._reader = CommandReader()
        self._slots: deque[_Slot] = deque()
        self._later: deque[_Slot] = deque()  # whose requests wait for those before them
        self._open, self._reads, self._is_asking = 0, False, False  # how many the node has, and whether they are reads
        self._transport: asyncio.Transport | None = None
        self._is_reading, self._can_write = True, True
        self._may_hold_more = False  # whether commands have arrived that were not taken
        self._reply_bytes = 0  # in the slots
        self._counted_bytes = 0  # how much of the owner's `waiting_bytes` is this connection's
        self._command_limit_s: float | None = None  # when a command that has begun must be complete
        self._close_limit_s: float | None = None  # when the connection ends, whether the client has read or not
        self._timer: Timer | None = None  # planned for the first of all these limits
        self._timer_s = 0.0

    # Called by the event loop.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called when the client has connected."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        if not self._owner.connected(self):
            transport.write(error_reply("ERR max number of clients reached"))
            self.close()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002  # asyncio's signature
        """Called when the connection has ended; requests that wait stay with the node, and their answers are dropped."""
        self._transport = None
        for slot in self._slots:
            if slot.reply is None and slot.client is not None:
                self._owner.gave_up(slot.client)
        self._slots.clear()
        self._later.clear()
        self._owner.waiting_bytes -= self._counted_bytes
        self._counted_bytes = 0
        if self._timer is not None:
            self._timer.cancel()
        self._owner.disconnected(self)

    def data_received(self, data: bytes) -> None:
        """Called when bytes have arrived."""
        if self._session.is_closing:
            return
        self._reader.feed(data)
        self._take_commands()

    def pause_writing(self) -> None:
        """Called when the client does not read its replies: nothing more is read from it."""
        self._can_write = False
        self._read_or_wait()

    def resume_writing(self) -> None:
        """Called when the client has read its replies."""
        self._can_write = True
        self.flush()

    # Called by the server.

    def flush(self) -> None:
        """Send the replies that are there, up to the first that is still awaited, as far as the client reads them."""
        transport = self._transport
        if transport is None:
            return
        while self._can_write and (ready := self._take_replies()):
            transport.write(ready)
        self._count()
        if self._session.is_closing and not self._slots:
            self.close()
        elif self._may_hold_more:
            self._take_commands()
        else:
            self._read_or_wait()

    def close(self) -> None:
        """End the connection once the client has read what was written, but do not wait for that for long."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.close()
        self._plan_end()

    # Commands.

    @property
    def _has_room(self) -> bool:
        """Whether more commands may be taken."""
        return self._can_write and len(self._slots) < MOST_WAITING and self._reply_bytes < ENOUGH_BYTES

    def _take_commands(self) -> None:
        """Take commands as long as there is room for their replies, and read more only if none of them is left."""
        before = len(self._slots)
        try:
            self._may_hold_more = self._take_while_there_is_room()
        except ProtocolError as error:
            self._fail(f"sent what is not a command ({error})", f"ERR Protocol error: {error}")
        if self._reader.waiting_bytes == 0 or self._may_hold_more or len(self._slots) > before:
            self._command_limit_s = (
                None  # No command has begun, or it is not the client's fault, or it is the next one.
            )
        if self._reader.waiting_bytes and not self._may_hold_more and self._command_limit_s is None:
            self._command_limit_s = self._clock.time() + COMMAND_LIMIT_S
            self._plan(self._command_limit_s)
        self._count()
        if len(self._slots) > before:
            self._owner.wrote(self)
        self._read_or_wait()

    def _take_while_there_is_room(self) -> bool:
        """Take commands; return whether more of them may have arrived.

        Raises:
            ProtocolError: The client sent what is not a command.
        """
        while self._has_room and not self._session.is_closing:
            command = self._reader.take()
            if command is None:
                return False
            if command:
                self._take(command)
        if self._session.is_closing:
            self._plan_end()
        return self._reader.waiting_bytes > 0

    def _count(self) -> None:
        """Keep the owner's count of what waits; the connection that goes beyond its limit ends."""
        waiting = self._reader.waiting_bytes + self._reply_bytes
        self._owner.waiting_bytes += waiting - self._counted_bytes
        self._counted_bytes = waiting
        if self._owner.waiting_bytes > MOST_BYTES_OF_ALL and not self._session.is_closing and waiting > SENT_AT_ONCE:
            self._fail("has too much waiting at a server that is full", "ERR this server has too much waiting")

    def _fail(self, what: str, text: str) -> None:
        """Log what the client did, and end the connection with an error."""
        self._owner.log_client(f"client {self._session.number} {what}; disconnected")
        self._add(error_reply(text))
        self._session.is_closing = True
        self._reader = CommandReader()  # What has arrived is not needed any more.
        self._plan_end()
        self._owner.wrote(self)

    def _plan_end(self) -> None:
        if self._close_limit_s is None:
            self._close_limit_s = self._clock.time() + CLOSE_LIMIT_S + (self._owner.patience_s if self._slots else 0)
            self._plan(self._close_limit_s)

    # Limits of time. One call is planned, at the first of them, so that a connection without any costs nothing.

    def _plan(self, due_s: float) -> None:
        if self._timer is None or due_s < self._timer_s:
            if self._timer is not None:
                self._timer.cancel()
            self._timer, self._timer_s = self._clock.call_at(due_s, self._look), due_s

    def _look(self) -> None:
        """Called when a limit may have been reached."""
        self._timer = None
        now_s = self._clock.time()
        if self._close_limit_s is not None and self._close_limit_s <= now_s:
            if self._transport is not None:
                self._transport.abort()
            return
        if self._command_limit_s is not None and self._command_limit_s <= now_s:
            self._command_limit_s = None
            limit = f"{COMMAND_LIMIT_S:g} s"
            self._fail(
                f"sent half a command, and not the rest within {limit}", f"ERR no end of a command within {limit}"
            )
        self._give_up(now_s)
        waiting = (slot.deadline_s for slot in self._slots if slot.reply is None)
        limits = [next(waiting, None), self._command_limit_s, self._close_limit_s]
        if known := [limit for limit in limits if limit is not None]:
            self._plan(min(known))

    def _give_up(self, now_s: float) -> None:
        """Answer the requests that have waited too long: they may still take effect."""
        late = 0
        for slot in self._slots:
            if slot.reply is None:
                if slot.deadline_s > now_s:
                    break  # Later ones wait until later.
                assert slot.client is not None
                self._owner.gave_up(slot.client)
                self._open -= slot.is_asked
                self._set(slot, error_reply(_late(slot.client.request, self._owner.patience_s)))
                late += 1
        if late:
            self._ask()
            self.flush()

    # Replies.

    def _add(self, data: bytes) -> None:
        """Add a reply that is there at once."""
        self._slots.append(_Slot(data))
        self._reply_bytes += len(data)

    def _set(self, slot: _Slot, data: bytes) -> None:
        """Set the reply of a request."""
        slot.reply = data
        self._reply_bytes += len(data)

    def _has_room_for(self, size: int) -> bool:
        """Return whether a reply of this size can wait for the client to read it."""
        others = self._owner.waiting_bytes - self._counted_bytes
        return self._reply_bytes + size <= MOST_BYTES and others + self._reply_bytes + size <= MOST_BYTES_OF_ALL

    def _take_replies(self) -> bytes:
        """Remove the replies that are sent next from their slots."""
        ready: list[bytes] = []
        size = 0
        while size < SENT_AT_ONCE and self._slots and (data := self._slots[0].reply) is not None:
            ready.append(data)
            size += len(data)
            self._slots.popleft()
        self._reply_bytes -= size
        return b"".join(ready)

    def _take(self, command: list[bytes]) -> None:
        found = answer(command, self._session, self._owner)
        if isinstance(found, bytes):
            self._add(found)
            return
        slot = _Slot(None, self._clock.time() + self._owner.patience_s)
        self._slots.append(slot)
        self._plan(slot.deadline_s)

        def answered(response: Response, client: Client) -> None:
            if slot.reply is None and self._transport is not None:  # Otherwise it was given up.
                self._open -= 1
                self._set(slot, self._reply_to(response, client))
                self._owner.wrote(self)
                self._ask()

        slot.client = Client(found, answered)
        self._later.append(slot)
        self._ask()

    def _ask(self) -> None:
        """Ask the node, in order; a read waits for the writes before it, and a write for the reads.

        A client that sends both in one piece expects what Redis does, one after the other. The node may take them for
        simultaneous: from step 14 on, a read sees what was committed when it arrived.
        """
        if self._is_asking:  # An answer came at once, and the loop below goes on.
            return
        self._is_asking = True
        while self._later:
            slot = self._later[0]
            assert slot.client is not None
            is_read = isinstance(slot.client.request, Get)
            if slot.reply is None and self._open and is_read != self._reads:
                break
            self._later.popleft()
            if slot.reply is None:  # Otherwise it was given up.
                self._reads, slot.is_asked = is_read, True
                self._open += 1
                self._owner.arrived(slot.client)
        self._is_asking = False

    def _reply_to(self, response: Response, client: Client) -> bytes:
        if isinstance(response, NotLeader):
            address = self._owner.addresses().get(response.leader) if response.leader else None
            if address is None:
                return error_reply("NOTLEADER this server does not lead, and does not know which one does; ask another")
            return error_reply(f"MOVED 0 {address.for_clients}")
        if isinstance(response, Refused):
            return error_reply(f"ERR {response.reason}")
        if isinstance(response, SessionExpired):
            return EXPIRED
        if isinstance(response, Mismatch):
            return null_reply(self._session.version)
        assert isinstance(response, Ok), response
        match client.request:
            case Get():
                if response.value is not None and not self._has_room_for(len(response.value)):
                    return TOO_MUCH
                return reply(response.value, self._session.version)
            case Delete() | InSession(command=Delete()):
                return integer_reply(client.deleted)
            case Append() | InSession(command=Append()):  # As in Redis: the length of the value, in bytes.
                return integer_reply(len((response.value or "").encode()))
            case OpenSession():
                return integer_reply(int(response.value or 0))
        return OK

    def _read_or_wait(self) -> None:
        """Stop reading while commands wait here; go on when they are taken."""
        transport = self._transport
        if transport is None or transport.is_closing():
            return
        should_read = self._has_room and not self._may_hold_more
        if should_read != self._is_reading:
            self._is_reading = should_read
            if should_read:
                transport.resume_reading()
            else:
                transport.pause_reading()


def _late(request: Request | TakeSnapshot, patience_s: float) -> str:
    """Return the error for a request that was not answered in time."""
    may = "" if isinstance(request, Get) else "; the write may still take effect"
    return f"TIMEOUT no answer within {patience_s:g} s{may}"
