"""Tests of the link to another server: what it sends when, and what it drops."""

from __future__ import annotations

import asyncio

import pytest

from raft_steps.lab import from_text
from raft_steps.lab.messages import to_text
from raft_steps.lab.runtime.server import peer_link
from raft_steps.lab.runtime.server.addresses import Address
from raft_steps.lab.runtime.server.hello import Hello, Identity, Refused
from raft_steps.lab.runtime.server.peer_link import MOST_LINES, PeerLink
from tests.runtime.server.fakes import FakeTransport

IDENTITY = Identity("tom=…", "step 12", "tom", 1)


class Linked:
    """A link without an event loop."""

    def __init__(self) -> None:
        """Prepare a link that is not connected."""
        self.lines: list[str] = []
        self.link = PeerLink("jerry", Address("127.0.0.1", 7002, 17002), IDENTITY, self.lines.append)

    def connect(self, *, reads: bool = True) -> FakeTransport:
        """Connect, and take the first line away."""
        transport = FakeTransport(self.link, reads=reads)
        hello, _newline, transport.written = transport.written.partition(b"\n")
        assert from_text(hello.decode(), Hello).name == "tom"
        return transport


@pytest.fixture
def linked() -> Linked:
    """A link that is not connected."""
    return Linked()


def test_messages_leave_with_the_flush(linked: Linked) -> None:
    """The receiver counts from the number of the first."""
    transport = linked.connect()
    linked.link.send(3, b"a\n")
    assert transport.written == b""
    linked.link.flush()
    linked.link.send(4, b"b\n")
    linked.link.flush()
    assert transport.written == b'{"next":3}\na\nb\n'


def test_server_that_is_down_does_not_get_what_it_was_sent_meanwhile(linked: Linked) -> None:
    """Neither before the first connection nor after it has ended does anything wait for the next one."""
    linked.link.send(1, b"a\n")
    linked.link.flush()
    first = linked.connect(reads=False)
    first.write(b"x" * 100_000)
    linked.link.send(2, b"b\n")
    linked.link.flush()
    first.abort()
    linked.link.send(3, b"c\n")
    linked.link.flush()
    second = linked.connect()
    linked.link.flush()
    assert second.written == b""
    assert linked.link.dropped == 3


def test_receiver_is_told_after_a_gap(linked: Linked) -> None:
    """A message that was dropped before it was written leaves a gap in the numbers."""
    transport = linked.connect()
    for number, line in ((1, b"a\n"), (4, b"d\n"), (5, b"e\n")):
        linked.link.send(number, line)
        linked.link.flush()
    assert transport.written == b'{"next":1}\na\n{"next":4}\nd\ne\n'


def test_full_queue_drops_the_oldest(linked: Linked, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that does not read costs a bounded amount of memory; the newest messages matter most."""

    def full(linked: Linked, lines: list[bytes]) -> bytes:
        transport = linked.connect(reads=False)
        transport.write(b"x" * 100_000)
        transport.written = b""
        for number, line in enumerate(lines, start=1):
            linked.link.send(number, line)
        linked.link.flush()
        transport.read()
        return transport.written

    assert full(linked, [b"x\n"] * (MOST_LINES + 10)).startswith(b'{"next":11}\nx\n')
    assert linked.link.dropped == 10
    monkeypatch.setattr(peer_link, "MOST_BYTES", 100)
    # One that is too long alone is sent: nothing else would ever get through.
    assert full(Linked(), [b"y" * 60, b"y" * 60, b"z" * 200]) == b'{"next":3}\n' + b"z" * 200


def test_server_that_does_not_read_gets_what_is_newest(linked: Linked) -> None:
    """The queue waits while the other server does not read."""
    transport = linked.connect(reads=False)
    linked.link.send(1, b"x" * 70_000)
    linked.link.flush()
    transport.written = b""
    linked.link.send(2, b"a\n")
    linked.link.flush()
    assert transport.written == b""
    transport.read()
    assert transport.written == b"a\n"


def test_reason_of_a_refusal_is_logged_once(linked: Linked) -> None:
    """The log says what the other server said, and says it once, however often it is tried again."""
    for _ in range(3):
        transport = linked.connect()
        linked.link.data_received(to_text(Refused(reason="jerry runs step 8, not step 12")).encode())
        transport.abort()
    assert linked.lines.count("jerry refused the connection: jerry runs step 8, not step 12") == 1
    linked.connect()
    linked.link.data_received(b"HTTP/1.1 400 Bad Request" + b"x" * 100_000)
    linked.link.connection_lost(None)
    assert linked.lines[-1].startswith("jerry refused the connection: it answered b'HTTP/1.1 400 Bad Request")
    assert len(linked.lines[-1]) < 200


def test_link_is_opened_again() -> None:
    """A connection that ends is replaced, and one that cannot be made is tried again when the other server is there."""

    async def run() -> list[bytes]:
        first_lines: list[bytes] = []
        enough = asyncio.Event()

        async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            first_lines.append(await reader.readline())
            writer.close()
            if len(first_lines) == 3:
                enough.set()

        server = await asyncio.start_server(accept, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        link = PeerLink("jerry", Address("127.0.0.1", 1, port), IDENTITY, lambda _text: None)
        task = asyncio.create_task(link.run())
        async with asyncio.timeout(30), server:
            await enough.wait()
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        assert not link.is_connected
        return first_lines

    assert [from_text(line.decode(), Hello).name for line in asyncio.run(run())] == ["tom"] * 3
