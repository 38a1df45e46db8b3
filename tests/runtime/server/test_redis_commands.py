"""Tests of the commands that a server answers by itself, and of those that it refuses."""

from __future__ import annotations

import pytest

from raft_steps import STEPS, node
from raft_steps.lab.commands import Configuration, Transfer, command_text
from raft_steps.lab.runtime.server.engine import TakeSnapshot
from raft_steps.lab.runtime.server.redis_commands import COMMANDS, WORDS_WITH_KEY, Session, answer
from tests.runtime.server.fakes import FakeServer


def ask(line: str, session: Session | None = None) -> bytes:
    """Return the reply to a command."""
    found = answer(line.encode().split(b" "), session or Session(7), FakeServer())
    assert isinstance(found, bytes)
    return found


@pytest.mark.parametrize(
    "line, reply",
    [
        ("ping", b"+PONG\r\n"),
        ("ping hello", b"$5\r\nhello\r\n"),
        ("ECHO x", b"$1\r\nx\r\n"),
        ("SELECT 0", b"+OK\r\n"),
        ("SELECT 1", b"-ERR DB index is out of range"),
        ("SET x", b"-ERR wrong number of arguments for 'set' command"),
        ("SET x 1 EX 10", b"-ERR SET has no option here but IFEQ; remove 'EX'"),
        ("DEL x y", b"-ERR DEL takes one key here"),
        ("CLIENT ID", b":7\r\n"),
        ("CLIENT SETINFO LIB-NAME x", b"+OK\r\n"),
        ("CLIENT LIST", b"-ERR this server has CLIENT ID, GETNAME, SETNAME and SETINFO only"),
        ("CONFIG GET save", b"*2\r\n$4\r\nsave\r\n$0\r\n\r\n"),
        ("CONFIG SET save x", b"-ERR this server has CONFIG GET only"),
        ("HELLO 4", b"-NOPROTO unsupported protocol version"),
        ("HELLO 3 AUTH me secret", b"-ERR this server has no passwords"),
        ("CLUSTER NODES", b"-ERR this server has CLUSTER SLOTS only"),
        ("COMMAND COUNT", b":%d\r\n" % len(COMMANDS)),
        ("COMMAND DOCS", b"*0\r\n"),
        ("RAFT.FAULT", b"-ERR write RAFT.FAULT"),
        ("RAFT.FAULT HEAL", b"+OK\r\n"),
        ("APPEND x", b"-ERR wrong number of arguments for 'append' command"),
        ("SET x 1 IFEQ", b"-ERR wrong number of arguments for 'set' command"),
        ("RAFT.AS 4.1 GET x", b"-ERR write RAFT.AS SESSION.SERIAL and a command: SET, DEL, APPEND"),
        ("RAFT.AS 4 SET x 1", b"-ERR write RAFT.AS"),
        ("RAFT.AS", b"-ERR write RAFT.AS"),
        ("RAFT.AS 4.1 DEL", b"-ERR wrong number of arguments for 'del' command"),
        ("RAFT.TRANSFER", b"-ERR wrong number of arguments for 'raft.transfer' command"),
        ("RAFT.MEMBERS", b"-ERR wrong number of arguments for 'raft.members' command"),
        ("RAFT.MEMBERS tom bob", b"-ERR there is no server 'bob'; there are tom, jerry"),
        ("RAFT.MEMBERS tom tom", b"-ERR a server stands there twice"),
        ("RAFT.TRANSFER bob", b"-ERR there is no server 'bob'; there are tom, jerry"),
        ("RAFT.REMOVE bob", b"-ERR there is no server 'bob'; there are tom, jerry"),
        ("RAFT.ADD", b"-ERR wrong number of arguments for 'raft.add' command"),
        ("RAFT.SNAPSHOT now", b"-ERR wrong number of arguments for 'raft.snapshot' command"),
        ("FLUSHALL now", b"-ERR unknown command 'FLUSHALL', with 1 argument\r\n"),
    ],
)
def test_reply(line: str, reply: bytes) -> None:
    """Each gets the reply that Redis's clients expect, or a sentence."""
    assert ask(line).startswith(reply)


@pytest.mark.parametrize("command", [[b"SET", b"\xff", b"1"], [b"SET", b"x", b"\xed\xa0\x80"], [b"GET", b"\xff"]])
def test_bytes_that_are_not_text_are_refused(command: list[bytes]) -> None:
    """The log holds text."""
    found = answer(command, Session(7), FakeServer())
    assert isinstance(found, bytes)
    assert b"is not UTF-8 text" in found


@pytest.mark.parametrize(
    "line, request_text",
    [
        ("append x 1", "append x 1"),
        ("SET x 2 ifeq 1", "cas x 1 2"),
        ("RAFT.SESSION", "open session"),
        ("RAFT.AS 4.2 set x 1", "set x 1 as 4.2"),
        ("raft.as 4.3 DEL x", "delete x as 4.3"),
        ("RAFT.AS 4.4 SET x 2 IFEQ 1", "cas x 1 2 as 4.4"),
    ],
)
def test_writes_from_step_13_on(line: str, request_text: str) -> None:
    """Each is a request to the Node."""
    server = FakeServer()
    found = answer(line.encode().split(b" "), Session(7), server)
    assert not isinstance(found, bytes | TakeSnapshot)
    assert request_text == command_text(found)


def test_operators_ask_the_node() -> None:
    """The Node hands over, changes the voters, takes a snapshot, or says that it does not lead."""
    for line, request in (
        ("RAFT.MEMBERS tom jerry", Configuration(voters=("tom", "jerry"))),
        ("RAFT.ADD jerry", Configuration(voters=("tom", "jerry"))),
        ("RAFT.REMOVE tom", Configuration(voters=("jerry",))),
        ("RAFT.TRANSFER jerry", Transfer(server="jerry")),
    ):
        assert request == answer(line.encode().split(b" "), Session(7), FakeServer())
    assert isinstance(answer([b"RAFT.SNAPSHOT"], Session(7), FakeServer()), TakeSnapshot)


@pytest.mark.parametrize(
    "line, first_step",
    [
        ("append x 1", 13), ("SET x 2 ifeq 1", 13), ("RAFT.SESSION", 13), ("RAFT.AS 4.2 set x 1", 13),
        ("RAFT.SNAPSHOT", 16), ("RAFT.MEMBERS tom", 17), ("RAFT.ADD jerry", 17), ("RAFT.REMOVE tom", 17),
        ("RAFT.TRANSFER tom", 18),
    ],
)  # fmt: skip
def test_what_a_node_cannot_do_is_refused(line: str, first_step: int) -> None:
    """A Node without the method would log the request and do nothing; the course's Nodes have it from one step on."""
    server = FakeServer()
    for number in range(1, len(STEPS) + 1):
        server.node_class = node(number)
        found = answer(line.encode().split(b" "), Session(7), server)
        if number >= first_step:
            assert not isinstance(found, bytes)
        else:
            assert isinstance(found, bytes)
            assert found.startswith(b"-ERR the Node of this server does not know ")
            assert found.endswith(b"that begins with step %d\r\n" % first_step)


def test_hello_changes_the_protocol() -> None:
    """From then on, a mapping is one, and the name of the client is known."""
    session = Session(7)
    assert ask("HELLO 3 SETNAME me", session).startswith(b"%7\r\n$6\r\nserver\r\n$5\r\nredis\r\n")
    assert ask("CLIENT GETNAME", session) == b"$2\r\nme\r\n"
    assert ask("CONFIG GET save", session).startswith(b"%1\r\n")
    assert ask("HELLO 2", session).startswith(b"*14\r\n")


def test_cluster_clients_learn_who_leads() -> None:
    """The leader has all slots; the others are its replicas, so that they can be asked when it is gone."""
    slots = ask("CLUSTER SLOTS")
    assert slots.startswith(b"*1\r\n*4\r\n:0\r\n:16383\r\n*3\r\n$9\r\n127.0.0.1\r\n:7002\r\n$5\r\njerry\r\n")
    assert slots.endswith(b"*3\r\n$9\r\n127.0.0.1\r\n:7001\r\n$3\r\ntom\r\n")


def test_cluster_clients_learn_where_keys_are() -> None:
    """Each command is described by six values, of which the fourth is the place of its key."""
    described = ask("COMMAND")
    assert described.startswith(b"*%d\r\n*6\r\n$3\r\nset\r\n:-3\r\n*0\r\n:1\r\n:1\r\n:1\r\n" % len(COMMANDS))
    assert described.count(b":1\r\n:1\r\n:1\r\n") == len(WORDS_WITH_KEY)
