"""Tests of the connection on which another server's messages arrive. Nothing is a real connection here."""

from __future__ import annotations

import functools
import json

import pytest

from raft_steps.lab import Entry, from_text
from raft_steps.lab.messages import to_text
from raft_steps.lab.runtime.server.hello import LONGEST_HELLO, Hello, Refused, next_line
from raft_steps.lab.runtime.server.peer_listener import HELLO_LIMIT_S, PeerListener
from tests.runtime.server.fakes import CODEC, FakeClock, FakeServer, FakeTransport
from tests.runtime.server.test_message_codec import NAMES

VOTE = NAMES["RequestVoteReply"](term=3, vote_granted=True)
HELLO = {"version": 1, "cluster": "tom=…", "step": "step 12", "name": "jerry", "life": 2}


class Connected:
    """A connection with fakes around it."""

    def __init__(self, *, reads: bool = True) -> None:
        """Connect."""
        self.server, self.clock = FakeServer(), FakeClock()
        self.listener = PeerListener(self.server, self.clock)
        self.transport = FakeTransport(self.listener, reads=reads)

    def introduce(self, **changes: object) -> None:
        """Let the first line arrive."""
        self.listener.data_received((to_text(Hello(**(HELLO | changes))) + "\n").encode())  # type: ignore[arg-type]

    def refusal(self) -> str:
        """Return why the connection was refused."""
        assert self.transport.is_over()
        assert len(self.server.lines) == 1
        return str(from_text(self.transport.written.decode(), Refused).reason)


@pytest.fixture
def peer() -> Connected:
    """A connection whose first line has not arrived."""
    return Connected()


def test_messages_are_numbered(peer: Connected) -> None:
    """Messages count from one, and go on where a line says."""
    peer.introduce()
    assert peer.server.introduced == ["jerry"]
    line = CODEC.encode(VOTE)
    peer.listener.data_received(line + line[:10])
    peer.listener.data_received(line[10:] + next_line(9) + line)
    assert peer.server.messages == [(1, VOTE), (2, VOTE), (9, VOTE)]
    assert peer.server.lines == []


def test_silence_is_not_waited_for(peer: Connected) -> None:
    """A connection that says nothing ends; one that has introduced itself may be silent."""
    silent = Connected()
    peer.introduce()
    for each in (peer, silent):
        each.clock.move(HELLO_LIMIT_S)
    assert silent.refusal() == "no first line within 5 s"
    assert not peer.transport.is_over()
    assert peer.clock.planned == silent.clock.planned == 0


@pytest.mark.parametrize(
    "changes, reason",
    [
        ({"version": 2}, "tom speaks version 1 of the protocol, not 2"),
        ({"cluster": "tom=other"}, "belongs to the cluster"),
        ({"step": "step 8"}, "tom runs step 12, not step 8"),
        ({"name": "tom"}, "tom expects jerry, spike, not tom"),
        ({"name": "nibbles"}, "tom expects jerry, spike, not nibbles"),
        ({"name": "nibbles\nspike: all is well"}, "not nibbles"),
    ],
)
def test_stranger_is_refused_with_the_reason(peer: Connected, changes: dict[str, object], reason: str) -> None:
    """Another version, cluster, step or server is told why."""
    peer.introduce(**changes)
    assert reason in peer.refusal()
    peer.introduce()
    assert peer.server.introduced == []


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"GET / HTTP/1.1",
        b"\xff\xfe\x00",
        b"[" * 5_000,
        json.dumps({"type": "Hello"}).encode(),
        json.dumps({"type": "Hello", **HELLO, "life": "1"}).encode(),
        b'{"type": "Hello", "life": %s}' % (b"9" * 5_000),
        b'{"type": "AppendEntries"}',
        b"x" * (LONGEST_HELLO + 1),
    ],
)
def test_garbage_instead_of_a_first_line_is_the_end(peer: Connected, line: bytes) -> None:
    """Whatever it is, it is one line in the log and the end of the connection."""
    peer.listener.data_received(line + b"\n")
    assert peer.refusal()


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"\x00" * 100,
        b'{"type":"Unknown"}',
        b'{"type":"RequestVoteReply","term":3}',
        b'{"type":"RequestVoteReply","term":"3","vote_granted":true}',
        b'{"type":"RequestVoteReply","term":3,"vote_granted":true,"more":1}',
        b'{"type":"RequestVoteReply","term":' + b"[" * 100_000,
        b'{"type":"RequestVoteReply","term":%s,"vote_granted":true}' % (b"9" * 5_000),
        b'{"next":0}',
        b'{"next":"1"}',
        b'{"next":1,"more":2}',
        b'{"next":' + b"[" * 100_000,
        b'{"next":' + b"9" * 5_000,
    ],
)
def test_garbage_instead_of_a_message_is_the_end(peer: Connected, line: bytes) -> None:
    """A server that is known may send garbage, too; what it sent before stays."""
    peer.introduce()
    peer.listener.data_received(CODEC.encode(VOTE) + line + b"\n" + CODEC.encode(VOTE))
    assert peer.refusal()
    assert peer.server.messages == [(1, VOTE)]


def test_line_without_end_is_the_end(peer: Connected) -> None:
    """A first line that never ends is refused at its limit."""
    for _ in range(9):
        peer.listener.data_received(b"x" * 1_000)
    assert peer.refusal() == "a line is longer than 8192 bytes"


def test_stranger_that_does_not_read_is_cut_off() -> None:
    """The refusal is not waited for until it is read."""
    peer = Connected(reads=False)
    peer.transport.write(b"x" * 100_000)
    peer.listener.data_received(b"garbage\n")
    assert peer.server.connections == [peer.listener]
    peer.clock.move(HELLO_LIMIT_S)
    assert peer.server.connections == []


def entry(index: int) -> Entry:
    """Return an entry."""
    return Entry(index=index, term=1, command=None)


@pytest.mark.parametrize(
    "before, entries, reason",
    [
        (3, (entry(4), entry(6)), "in this AppendEntries, entry 5 should come next, not 6"),
        (3, (entry(4), entry(4)), "in this AppendEntries, entry 5 should come next, not 4"),
        (3, (entry(5),), "in this AppendEntries, entry 4 should come next, not 5"),
        (-1, (entry(1),), "in this AppendEntries, entry 0 should come next, not 1"),
    ],
)
def test_entries_that_no_log_holds_are_refused(
    peer: Connected, before: int, entries: tuple[Entry, ...], reason: str
) -> None:
    """The Node never sees them, and the server goes on; what could be true is left to the Node."""
    call = functools.partial(NAMES["AppendEntries"], term=3, prev_log_term=1, leader_commit=0)
    good = call(prev_log_index=3, entries=(entry(4), entry(5)))
    peer.introduce()
    peer.listener.data_received(CODEC.encode(good) + CODEC.encode(call(prev_log_index=before, entries=entries)))
    assert peer.server.messages == [(1, good)]
    assert peer.refusal() == reason
