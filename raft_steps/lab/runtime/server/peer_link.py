"""The link to another server: a connection that is opened again whenever it breaks, and a queue that never grows long."""

from __future__ import annotations

import asyncio
import random
from collections import deque
from collections.abc import Callable

from raft_steps.lab.errors import LabError
from raft_steps.lab.messages import from_text, to_text
from raft_steps.lab.runtime.server.addresses import Address
from raft_steps.lab.runtime.server.hello import LONGEST_HELLO, Identity, Refused, next_line

MOST_LINES = 1_024
MOST_BYTES = 16 * 1_048_576
SHORTEST_PAUSE_S, LONGEST_PAUSE_S = 0.02, 1.0  # between two attempts to connect
CONNECT_LIMIT_S = 2.0


class PeerLink(asyncio.Protocol):
    """Sends messages to one other server.

    Lines wait in a queue while the other server does not read. A full queue drops the oldest line: a slow server costs
    memory up to a limit, and never the time of the others. Without a connection nothing waits: as in the simulator, a
    server that is down does not get later what it was sent meanwhile, such as a call for votes of a term long ago.

    Attributes:
        peer: The other server's name.
        dropped: How many messages were dropped because the queue was full, or there was no connection.
        is_connected: Whether there is a connection.
    """

    def __init__(self, peer: str, address: Address, identity: Identity, log: Callable[[str], None]) -> None:
        """Prepare a link; `run` opens it.

        Args:
            peer: The other server's name.
            address: Its address.
            identity: This server.
            log: Writes a line to standard error.
        """
        self.peer = peer
        self.dropped, self.is_connected = 0, False
        self._address, self._identity, self._log = address, identity, log
        self._transport: asyncio.Transport | None = None
        self._queue: deque[tuple[int, bytes]] = deque()
        self._queued_bytes = 0
        self._can_write = False
        self._expected = 0  # the number that the receiver will count next; 0 if it must be told
        self._ended, self._wake = asyncio.Event(), asyncio.Event()
        self._refusal = b""
        self._last_log = ""
        # Only the pauses between attempts depend on it.
        self._random = random.Random()

    def begin_life(self, identity: Identity) -> None:
        """Introduce the server again, in a connection of its new life; lines of the last life that wait are lost.

        Args:
            identity: This server, with its new life.
        """
        self._identity = identity
        self._queue.clear()
        self._queued_bytes = 0
        if self._transport is not None:
            self._transport.abort()
            self._can_write = False

    def send(self, number: int, line: bytes) -> None:
        """Queue the line of a message; `flush` sends it."""
        self._queue.append((number, line))
        self._queued_bytes += len(line)
        while len(self._queue) > MOST_LINES or (self._queued_bytes > MOST_BYTES and len(self._queue) > 1):
            self._queued_bytes -= len(self._queue.popleft()[1])
            self.dropped += 1

    def flush(self) -> None:
        """Send what is queued, if the other server can take it."""
        transport = self._transport
        if transport is None:
            self._drop_all()
        if not self._queue or transport is None or not self._can_write:
            return
        lines = []
        for number, line in self._queue:
            if number != self._expected:
                lines.append(next_line(number))
            lines.append(line)
            self._expected = number + 1
        self._queue.clear()
        self._queued_bytes = 0
        transport.write(b"".join(lines))

    def _drop_all(self) -> None:
        self.dropped += len(self._queue)
        self._queue.clear()
        self._queued_bytes = 0

    async def run(self) -> None:
        """Keep the link connected until the task is cancelled."""
        pause_s = SHORTEST_PAUSE_S
        loop = asyncio.get_running_loop()
        try:
            while True:
                self._ended.clear()
                try:
                    async with asyncio.timeout(CONNECT_LIMIT_S):
                        await loop.create_connection(lambda: self, self._address.host, self._address.peer_port)
                except (OSError, TimeoutError) as error:
                    self._log_once(f"{self.peer} cannot be reached: {str(error) or 'no answer'}")
                else:
                    if await self._lasts():
                        pause_s = SHORTEST_PAUSE_S
                self._wake.clear()
                try:
                    async with asyncio.timeout(pause_s * self._random.uniform(0.5, 1.5)):
                        await self._wake.wait()
                    pause_s = SHORTEST_PAUSE_S
                except TimeoutError:
                    pause_s = min(2 * pause_s, LONGEST_PAUSE_S)
        finally:
            if self._transport is not None:
                self._transport.abort()

    async def _lasts(self) -> bool:
        """Wait for the end of the connection; return whether it lasted, so that it was not refused."""
        try:
            async with asyncio.timeout(LONGEST_PAUSE_S):
                await self._ended.wait()
        except TimeoutError:
            self._log_once(f"connected to {self.peer}")
            await self._ended.wait()
            return True
        return False

    def wake(self) -> None:
        """Called when the other server has connected to this one: it runs, so there is no reason to wait any longer."""
        self._wake.set()

    def _log_once(self, text: str) -> None:
        """Write a line unless the last one said the same: a server that is down is tried every second."""
        if text != self._last_log:
            self._last_log = text
            self._log(text)

    # Called by the event loop.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called when the other server has taken the connection."""
        assert isinstance(transport, asyncio.Transport)
        self._transport, self._can_write, self.is_connected = transport, True, True
        self._expected, self._refusal = 0, b""
        transport.write(to_text(self._identity.hello()).encode() + b"\n")

    def data_received(self, data: bytes) -> None:
        """Called when the other server answers, which it does only to refuse the connection."""
        self._refusal = (self._refusal + data)[:LONGEST_HELLO]

    def pause_writing(self) -> None:
        """Called when the other server does not read fast enough."""
        self._can_write = False

    def resume_writing(self) -> None:
        """Called when it reads again."""
        self._can_write = True
        self.flush()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002  # asyncio's signature
        """Called when the connection has ended."""
        self._transport, self._can_write, self.is_connected = None, False, False
        self._drop_all()
        if self._refusal:
            self._log_once(f"{self.peer} refused the connection: {_reason(self._refusal)}")
        else:
            self._log_once(f"lost the connection to {self.peer}")
        self._ended.set()


def _reason(line: bytes) -> str:
    """Return why the other server refused, in its own words."""
    try:
        return str(from_text(line.decode("utf-8", "replace"), Refused).reason)
    except LabError:
        return f"it answered {line[:80]!r}"
