"""Tests of a client's connection: the order of replies, and what bounds it. Nothing is a real connection here."""

from __future__ import annotations

import pytest

from raft_steps.lab import Delete, Get, Set
from raft_steps.lab.commands import Mismatch, NotLeader, Ok, Response, SessionExpired
from raft_steps.lab.runtime.server import client_connection
from raft_steps.lab.runtime.server.client_connection import (
    CLOSE_LIMIT_S,
    COMMAND_LIMIT_S,
    ENOUGH_BYTES,
    MOST_WAITING,
    TOO_MUCH,
    ClientConnection,
)
from tests.runtime.server.fakes import FakeClock, FakeServer, FakeTransport
from tests.runtime.server.test_redis_protocol import packed


class Connected:
    """A client's connection with fakes around it."""

    def __init__(self, *, reads: bool = True) -> None:
        """Connect."""
        self.server, self.clock = FakeServer(), FakeClock()
        self.connection = ClientConnection(self.server, 7, self.clock)
        self.transport = FakeTransport(self.connection, reads=reads)

    def send(self, *commands: str) -> None:
        """Let commands arrive, and end the turn."""
        self.receive(b"".join(packed(command.encode().split(b" ")) for command in commands))

    def receive(self, data: bytes) -> None:
        """Let bytes arrive, and end the turn."""
        self.connection.data_received(data)
        self.server.end_turn()

    def answer(self, place: int, response: Response) -> None:
        """Answer a request that waits, and end the turn."""
        client = self.server.requests[place]
        client.answer(response, client)
        self.server.end_turn()

    def replies(self) -> bytes:
        """Return what was written since the last time."""
        written, self.transport.written = self.transport.written, b""
        return written


@pytest.fixture
def client() -> Connected:
    """A client that reads its replies."""
    return Connected()


def test_replies_are_in_order_of_requests(client: Connected) -> None:
    """A reply that is there waits for those before it."""
    client.send("SET x 1", "SET y 1", "PING", "DEL x")
    assert [each.request for each in client.server.requests] == [
        Set(key="x", value="1"), Set(key="y", value="1"), Delete(key="x"),
    ]  # fmt: skip
    client.answer(1, Ok())
    assert client.replies() == b""
    client.answer(0, Ok())
    assert client.replies() == b"+OK\r\n+OK\r\n+PONG\r\n"
    client.server.requests[2].deleted = True
    client.answer(2, Ok())
    assert client.replies() == b":1\r\n"


@pytest.mark.parametrize(
    "leader, reply",
    [("jerry", b"-MOVED 0 127.0.0.1:7002\r\n"), ("nibbles", b"-NOTLEADER"), (None, b"-NOTLEADER")],
)
def test_follower_refers_to_the_leader(client: Connected, leader: str | None, reply: bytes) -> None:
    """A client is referred to the leader if its address is known."""
    client.send("GET x")
    client.answer(0, NotLeader(leader=leader))
    assert client.replies().startswith(reply)


@pytest.mark.parametrize(
    "command, response, reply",
    [
        ("APPEND x ä", Ok(value="1ä"), b":3\r\n"),
        ("SET x 2 IFEQ 1", Ok(), b"+OK\r\n"),
        ("SET x 2 IFEQ 1", Mismatch(value="3"), b"$-1\r\n"),
        ("RAFT.SESSION", Ok(value="4"), b":4\r\n"),
        ("RAFT.AS 4.1 APPEND x 1", Ok(value="1"), b":1\r\n"),
        ("RAFT.AS 4.2 DEL x", Ok(), b":0\r\n"),
        ("RAFT.AS 4.2 SET x 1", SessionExpired(), b"-SESSIONEXPIRED the server has no such session"),
    ],
)
def test_replies_from_step_13_on(client: Connected, command: str, response: Response, reply: bytes) -> None:
    """As Redis and Valkey reply: the length of a value, OK or nothing."""
    client.send(command)
    client.answer(0, response)
    assert client.replies().startswith(reply)


def test_reads_and_writes_of_one_client_do_not_overlap(client: Connected) -> None:
    """A read sees the writes before it in the pipeline, and none after it, whatever the node may do at the same time."""
    client.send("SET x 1", "SET y 1", "GET x", "GET y", "SET x 2")
    asked = client.server.requests
    assert 2 == len(asked)
    client.answer(0, Ok())
    assert 2 == len(asked)
    client.answer(1, Ok())
    assert [Get(key="x"), Get(key="y")] == [each.request for each in asked[2:]]
    client.answer(2, Ok(value="1"))
    client.answer(3, Ok(value="1"))
    client.answer(4, Ok())
    assert client.replies() == b"+OK\r\n+OK\r\n$1\r\n1\r\n$1\r\n1\r\n+OK\r\n"


def test_request_that_was_given_up_while_it_waited_is_not_asked(client: Connected) -> None:
    """Its client has the error already; what comes after is asked as if it had never been there."""
    client.send("SET x 1", "GET x")
    client.clock.move(6)
    client.send("SET x 2")
    assert [Set(key="x", value="1"), Set(key="x", value="2")] == [each.request for each in client.server.requests]
    client.answer(0, Ok())  # Too late.
    client.send("GET x")
    assert 2 == len(client.server.requests)
    client.answer(1, Ok())
    assert 3 == len(client.server.requests)


def test_server_hears_which_requests_nobody_waits_for(client: Connected) -> None:
    """Those that were given up, and those of a client that has gone; others are answered."""
    client.send("SET x 1")
    client.clock.move(6)
    client.send("SET x 2", "SET x 3")
    client.answer(2, Ok())
    client.connection.connection_lost(None)
    assert client.server.given_up == client.server.requests[:2]


def test_request_is_given_up_when_its_time_is_over(client: Connected) -> None:
    """Each waits as long as it may, whatever the others do; a late answer is dropped."""
    client.send("SET x 1")
    client.clock.move(3)
    client.send("GET x")
    client.clock.move(1.9)
    assert client.replies() == b""
    client.clock.move(0.2)
    assert client.replies() == b"-TIMEOUT no answer within 5 s; the write may still take effect\r\n"
    client.answer(0, Ok())
    client.clock.move(3)
    assert client.replies() == b"-TIMEOUT no answer within 5 s\r\n"
    assert client.clock.planned == 0


def test_idle_connection_plans_nothing(client: Connected) -> None:
    """A connection without open requests costs no time, however long it is there."""
    client.send("PING", "SET x 1")
    client.answer(0, Ok())
    client.clock.move(10)
    assert client.clock.planned == 0
    assert not client.transport.is_over()


def test_garbage_is_one_line_and_the_end(client: Connected) -> None:
    """The client is told what is wrong, after the replies that it waits for; what it sends then is ignored."""
    client.send("GET x")
    client.receive(b"*1\r\n$999999999999\r\n")
    client.receive(b"*1\r\n$999999999999\r\n")
    client.answer(0, Ok(value="1"))
    assert client.replies() == b"$1\r\n1\r\n-ERR Protocol error: invalid bulk length\r\n"
    assert client.transport.is_over()
    assert client.server.lines == ["client 7 sent what is not a command (invalid bulk length); disconnected"]
    assert client.server.waiting_bytes == 0


def test_half_a_command_and_silence_is_the_end(client: Connected) -> None:
    """A command that has begun must end in time; what arrives meanwhile does not extend it."""
    client.receive(packed([b"PING"]) + b"*2\r\n$3\r\nGET\r\n$5\r\nx")
    client.clock.move(COMMAND_LIMIT_S - 1)
    client.receive(b"x")
    assert client.replies() == b"+PONG\r\n"
    client.clock.move(2)
    client.server.end_turn()
    assert client.replies() == b"-ERR no end of a command within 30 s\r\n"
    assert client.transport.is_over()
    assert client.server.lines == ["client 7 sent half a command, and not the rest within 30 s; disconnected"]


def test_command_that_ends_in_time_is_no_reason(client: Connected) -> None:
    """The next command has its own time."""
    client.receive(b"PI")
    client.clock.move(COMMAND_LIMIT_S - 1)
    client.receive(b"NG\r\nPI")
    client.clock.move(COMMAND_LIMIT_S - 1)
    client.receive(b"NG\r\n")
    client.clock.move(COMMAND_LIMIT_S + 1)
    assert client.replies() == 2 * b"+PONG\r\n"
    assert not client.transport.is_over()


def test_more_commands_than_may_wait_are_taken_later(client: Connected) -> None:
    """The connection stops between two commands, and reads nothing while it has commands."""
    client.send(*["GET x"] * (MOST_WAITING + 10))
    assert len(client.server.requests) == MOST_WAITING
    assert client.transport.is_paused()
    client.answer(0, Ok())
    assert len(client.server.requests) == MOST_WAITING + 1
    for place in range(1, MOST_WAITING + 10):
        client.answer(place, Ok())
    assert not client.transport.is_paused()
    assert client.replies() == b"$-1\r\n" * (MOST_WAITING + 10)


def test_client_that_does_not_read_is_not_read_from() -> None:
    """Replies that it asks for and does not take stay below a bound; all come once it reads."""
    client = Connected(reads=False)
    count = 40
    client.send(*["RAFT.STATE"] * count)
    assert client.transport.is_paused()
    assert len(client.transport.written) < ENOUGH_BYTES
    assert 0 < client.server.waiting_bytes < 2 * ENOUGH_BYTES
    client.transport.read()
    client.server.end_turn()
    assert client.transport.written.count(b"$100002\r\n") == count
    assert client.server.waiting_bytes == 0
    assert not client.transport.is_paused()


def test_answers_without_room_are_errors(monkeypatch: pytest.MonkeyPatch) -> None:
    """Reads that were taken before the bound was reached get an error instead of their values, in order."""
    monkeypatch.setattr(client_connection, "MOST_BYTES", 1_100)
    client = Connected(reads=False)
    client.transport.write(b"x" * 100_000)  # The client did not read what came before.
    client.replies()
    client.connection.resume_writing()  # Its requests had come earlier.
    client.send("GET a", "GET b", "GET c")
    client.connection.pause_writing()
    for place, size in enumerate((600, 600, 300)):
        client.answer(place, Ok(value="x" * size))
    client.transport.read()
    assert client.replies() == b"$600\r\n%s\r\n" % (600 * b"x") + TOO_MUCH + b"$300\r\n%s\r\n" % (300 * b"x")


def test_what_waits_at_all_connections_is_bounded(monkeypatch: pytest.MonkeyPatch, client: Connected) -> None:
    """A connection that brings the whole above its bound ends."""
    monkeypatch.setattr(client_connection, "MOST_BYTES_OF_ALL", 1_000_000)
    client.server.waiting_bytes = 950_000
    client.receive(b"*1\r\n$900000\r\n" + b"x" * 70_000)
    assert client.server.waiting_bytes == 950_000
    assert client.transport.is_over()
    assert len(client.server.lines) == 1


def test_client_that_ends_and_does_not_read_is_cut_off() -> None:
    """A connection that is to end does not wait for its client for ever."""
    client = Connected(reads=False)
    client.send("RAFT.STATE", "RAFT.STATE", "QUIT")
    assert not client.transport.is_over()
    client.clock.move(client.server.patience_s + CLOSE_LIMIT_S)
    assert client.transport.is_over()
    assert client.clock.planned == 0


def test_quit_is_answered_after_what_waits(client: Connected) -> None:
    """What was asked before is answered before the connection ends."""
    client.send("GET x", "QUIT", "GET y")
    assert not client.transport.is_over()
    client.answer(0, Ok(value="1"))
    assert client.replies() == b"$1\r\n1\r\n+OK\r\n"
    assert client.transport.is_over()
    assert len(client.server.requests) == 1


def test_answer_for_a_client_that_has_gone_is_dropped(client: Connected) -> None:
    """The node answers, and nobody is there."""
    client.send("SET x 1")
    client.transport.abort()
    client.answer(0, Ok())
    assert client.server.connections == []
    assert client.server.waiting_bytes == 0


def test_full_server_refuses_politely() -> None:
    """The error is the one that Redis sends."""
    server = FakeServer()
    server.has_room = False
    transport = FakeTransport(ClientConnection(server, 1, FakeClock()))
    assert transport.written == b"-ERR max number of clients reached\r\n"
    assert transport.is_over()
