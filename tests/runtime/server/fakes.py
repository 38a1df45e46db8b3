"""A clock, a transport and owners that need no event loop: tests decide when time passes and what arrives."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Mapping

from raft_steps import node
from raft_steps.lab.runtime.server.addresses import Address
from raft_steps.lab.runtime.server.client_connection import ClientConnection
from raft_steps.lab.runtime.server.engine import Client
from raft_steps.lab.runtime.server.hello import Hello, Identity
from raft_steps.lab.runtime.server.message_classes import message_classes
from raft_steps.lab.runtime.server.message_codec import MessageCodec
from raft_steps.lab.runtime.server.peer_listener import PeerListener

CODEC = MessageCodec(message_classes(node(12)))
WRITE_BUFFER = 65_536  # bytes, as asyncio's default
KEPT = 8_388_608  # bytes of what was written, so that a long run does not keep everything


class FakeTimer:
    """A planned call."""

    def __init__(self) -> None:
        self.is_cancelled = False

    def cancel(self) -> None:
        self.is_cancelled = True


class FakeClock:
    """A clock that stands still until a test moves it."""

    def __init__(self) -> None:
        self.now_s = 100.0
        self._planned: list[tuple[float, int, FakeTimer, Callable[[], object]]] = []
        self._numbers = itertools.count()

    @property
    def planned(self) -> int:
        """How many calls are planned."""
        return sum(not timer.is_cancelled for _, _, timer, _ in self._planned)

    def time(self) -> float:
        return self.now_s

    def call_at(self, when: float, callback: Callable[[], object], /) -> FakeTimer:
        timer = FakeTimer()
        self._planned.append((when, next(self._numbers), timer, callback))
        return timer

    def move(self, wait_s: float) -> None:
        """Let time pass, and make the calls that are due in order."""
        end_s = self.now_s + wait_s
        while due := sorted(item for item in self._planned if item[0] <= end_s):
            self._planned.remove(due[0])
            self.now_s = max(self.now_s, due[0][0])
            if not due[0][2].is_cancelled:
                due[0][3]()
        self.now_s = end_s


class FakeTransport(asyncio.Transport):
    """A connection whose other end reads everything at once, or nothing."""

    def __init__(self, protocol: asyncio.Protocol, *, reads: bool = True) -> None:
        super().__init__()
        self.written = b""
        self._is_read, self._is_paused = reads, False
        self._protocol, self._closing, self._is_over = protocol, False, False
        self._unread = 0
        protocol.connection_made(self)

    def get_protocol(self) -> asyncio.BaseProtocol:
        return self._protocol

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written = self.written[-KEPT:] + data
        self._unread += 0 if self._is_read else len(data)
        if self._unread > WRITE_BUFFER:
            self._protocol.pause_writing()

    def read(self) -> None:
        """Let the other end read again."""
        self._is_read, self._unread = True, 0
        self._protocol.resume_writing()

    def close(self) -> None:
        self._closing = True
        if not self._unread:
            self.abort()

    def abort(self) -> None:
        self._closing = True
        if not self._is_over:
            self._is_over = True
            self._protocol.connection_lost(None)

    def is_over(self) -> bool:
        """Return whether the connection has ended."""
        return self._is_over

    def is_paused(self) -> bool:
        """Return whether nothing is read from the other end."""
        return self._is_paused

    def is_closing(self) -> bool:
        return self._closing

    def pause_reading(self) -> None:
        assert not self._is_paused
        self._is_paused = True

    def resume_reading(self) -> None:
        assert self._is_paused
        self._is_paused = False


class Able:
    """A Node that can do whatever a command needs."""

    open_session = take_snapshot = change_members = call_election = print


class FakeServer:
    """The owner of connections: it keeps what arrives, and a test answers."""

    def __init__(self) -> None:
        self.patience_s, self.waiting_bytes = 5.0, 0
        self.has_room = True
        self.node_class: type = Able
        self.requests: list[Client] = []
        self.given_up: list[Client] = []
        self.lines: list[str] = []
        self.writers: dict[ClientConnection, None] = {}
        self.connections: list[ClientConnection | PeerListener] = []
        self.identity = Identity("tom=…", "step 12", "tom", 1)
        self.names: tuple[str, ...] = ("tom", "jerry", "spike")
        self.codec = CODEC
        self.introduced: list[str] = []
        self.messages: list[tuple[int, object]] = []

    # Clients.

    def arrived(self, client: Client) -> None:
        self.requests.append(client)

    def gave_up(self, client: Client) -> None:
        self.given_up.append(client)

    def wrote(self, connection: ClientConnection) -> None:
        self.writers[connection] = None

    def connected(self, connection: ClientConnection) -> bool:
        if self.has_room:
            self.connections.append(connection)
        return self.has_room

    def disconnected(self, connection: ClientConnection) -> None:
        if connection in self.connections:
            self.connections.remove(connection)

    def end_turn(self) -> None:
        """Send what is to be sent, until nothing is left."""
        while self.writers:
            writers, self.writers = self.writers, {}
            for connection in writers:
                connection.flush()

    def log_client(self, text: str) -> None:
        self.lines.append(text)

    def info(self) -> Mapping[str, Mapping[str, object]]:
        return {"Raft": {"raft_name": "tom"}}

    def node_can(self, method: str) -> bool:
        return hasattr(self.node_class, method)

    def voters(self) -> tuple[str, ...]:
        return self.names[:2]

    def leader(self) -> str | None:
        return "jerry"

    def addresses(self) -> Mapping[str, Address]:
        return {"tom": Address("127.0.0.1", 7001, 17001), "jerry": Address("127.0.0.1", 7002, 17002)}

    def state(self) -> str:
        return "{" + " " * 100_000 + "}"

    def inject_fault(self, words: list[str]) -> str | None:
        return None if words else "write RAFT.FAULT …"

    # Peers.

    def peer_connected(self, connection: PeerListener) -> None:
        self.connections.append(connection)

    def peer_introduced(self, connection: PeerListener, name: str) -> None:
        self.introduced.append(name)

    def peer_disconnected(self, connection: PeerListener, name: str | None) -> None:
        self.connections.remove(connection)

    def message_arrived(self, hello: Hello, number: int, message: object) -> None:
        self.messages.append((number, message))

    def log_peer(self, text: str) -> None:
        self.lines.append(text)
