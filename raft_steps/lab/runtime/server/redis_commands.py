"""The commands of clients: those that become requests to the Node, and those that the server answers by itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

from raft_steps import __version__
from raft_steps.lab.commands import (
    IN_SESSION,
    Append,
    CompareAndSet,
    Configuration,
    Delete,
    Get,
    InSession,
    OpenSession,
    Request,
    Set,
    Transfer,
)
from raft_steps.lab.runtime.server.addresses import Address
from raft_steps.lab.runtime.server.engine import TakeSnapshot
from raft_steps.lab.runtime.server.redis_protocol import OK, PONG, error_reply, reply, string_reply

SLOTS = 16_384  # of a Redis Cluster; the leader has all of them
REDIS_VERSION = "7.0.0"  # what clients take the server for


class ServerView(Protocol):
    """What a command may ask of its server."""

    def node_can(self, method: str) -> bool:
        """Return whether its Node has a method, which a command needs."""

    def voters(self) -> tuple[str, ...]:
        """Return the servers that decide, as far as this server knows."""

    def info(self) -> Mapping[str, Mapping[str, object]]:
        """Return the sections of INFO."""

    def leader(self) -> str | None:
        """Return the name of the leader, if this server leads or its step knows who does."""

    def addresses(self) -> Mapping[str, Address]:
        """Return the addresses of all servers, by name."""

    def state(self) -> str:
        """Return the node's fields and its log as one line of JSON."""

    def inject_fault(self, words: list[str]) -> str | None:
        """Cut, slow or heal links; return the reason if that is refused."""


class Session:
    """What a connection has agreed with the server.

    Attributes:
        version: The version of the protocol, 2 or 3.
        is_closing: Whether the connection ends after the replies so far.
        number: The connection's number.
        name: What the client calls itself.
    """

    __slots__ = ("is_closing", "name", "number", "version")

    def __init__(self, number: int) -> None:
        """Begin with RESP2, as every connection does."""
        self.version, self.is_closing, self.number, self.name = 2, False, number, ""


Answer = Request | TakeSnapshot | bytes  # a request to the Node, or a reply
Handler = Callable[[list[bytes], Session, ServerView], Answer]


def answer(command: list[bytes], session: Session, server: ServerView) -> Answer:
    """Return what a command asks of the Node, or the reply that needs no Node.

    Args:
        command: Its words; there is at least one.
        session: The connection's session, which the command may change.
        server: The server.
    """
    name = command[0].decode("latin-1").upper()
    handler = COMMANDS.get(name)
    if handler is None:
        return error_reply(f"ERR unknown command '{_shown(command[0])}', with {_count(len(command) - 1)}")
    try:
        return handler(command, session, server)
    except _CommandRefused as refusal:
        return error_reply(str(refusal))


class _CommandRefused(Exception):  # noqa: N818  # It is an answer, not a failure.
    """A command cannot be carried out as it was given; the message is the error reply."""


def _shown(word: bytes) -> str:
    return word[:128].decode("utf-8", "replace")


def _count(arguments: int) -> str:
    return "1 argument" if arguments == 1 else f"{arguments} arguments"


def _text(word: bytes, what: str) -> str:
    """Decode a key or a value.

    Raises:
        _CommandRefused: It is not UTF-8.
    """
    try:
        return word.decode("utf-8")
    except UnicodeDecodeError:
        raise _CommandRefused(f"ERR the {what} is not UTF-8 text, and the log of this course holds text only") from None


def _require_length(command: list[bytes], *lengths: int) -> None:
    if len(command) not in lengths:
        raise _CommandRefused(f"ERR wrong number of arguments for '{_shown(command[0]).lower()}' command")


# Requests to the Node.


def _set(command: list[bytes], _session: Session, server: ServerView) -> Answer:
    if len(command) > 3 and command[3].upper() != b"IFEQ":
        raise _CommandRefused(f"ERR SET has no option here but IFEQ; remove '{_shown(command[3])}'")
    _require_length(command, 3, 5)
    key, value = _text(command[1], "key"), _text(command[2], "value")
    if len(command) == 3:
        return Set(key=key, value=value)
    _require(server, "SET IFEQ")
    return CompareAndSet(key=key, expected=_text(command[4], "expected value"), value=value)


def _append(command: list[bytes], _session: Session, server: ServerView) -> Answer:
    _require_length(command, 3)
    _require(server, "APPEND")
    return Append(key=_text(command[1], "key"), value=_text(command[2], "value"))


def _get(command: list[bytes], _session: Session, _server: ServerView) -> Answer:
    _require_length(command, 2)
    return Get(key=_text(command[1], "key"))


def _delete(command: list[bytes], _session: Session, _server: ServerView) -> Answer:
    if len(command) > 2:
        raise _CommandRefused("ERR DEL takes one key here: each command is one entry of the log")
    _require_length(command, 2)
    return Delete(key=_text(command[1], "key"))


def _open_session(command: list[bytes], _session: Session, server: ServerView) -> Answer:
    _require_length(command, 1)
    _require(server, "RAFT.SESSION")
    return OpenSession()


def _in_session(command: list[bytes], session: Session, server: ServerView) -> Answer:
    _require(server, "RAFT.AS")
    number = command[1].decode("latin-1") if len(command) > 1 else ""
    inner = WRITES.get(command[2].decode("latin-1").upper()) if len(command) > 2 else None
    if not IN_SESSION.fullmatch(number) or inner is None:
        raise _CommandRefused(
            f"ERR write RAFT.AS SESSION.SERIAL and a command: {', '.join(WRITES)}; as in RAFT.AS 4.1 DEL x"
        )
    request = inner(command[2:], session, server)
    assert isinstance(request, Set | Delete | Append | CompareAndSet), request
    of_session, serial = map(int, number.split("."))
    return InSession(session=of_session, serial=serial, command=request)


def _require(server: ServerView, what: str) -> None:
    """Refuse a command that the Node would log and not carry out.

    Raises:
        _CommandRefused: The Node cannot do it.
    """
    method, step = NEEDED[what]
    if not server.node_can(method):
        raise _CommandRefused(f"ERR the Node of this server does not know {what}; that begins with step {step}")


def _transfer(command: list[bytes], _session: Session, server: ServerView) -> Answer:
    _require_length(command, 2)
    _require(server, "RAFT.TRANSFER")
    (successor,) = _names(command[1:], server)
    return Transfer(server=successor)


def _members(command: list[bytes], _session: Session, server: ServerView) -> Answer:
    if len(command) < 2:
        _require_length(command, 2)
    _require(server, "RAFT.MEMBERS")
    voters = _names(command[1:], server)
    if len(set(voters)) < len(voters):
        raise _CommandRefused("ERR a server stands there twice; name each voter once")
    return Configuration(voters=voters)


def _add(command: list[bytes], _session: Session, server: ServerView) -> Answer:
    _require_length(command, 2)
    _require(server, "RAFT.ADD")
    return Configuration(voters=tuple(dict.fromkeys(server.voters() + _names(command[1:], server))))


def _remove(command: list[bytes], _session: Session, server: ServerView) -> Answer:
    _require_length(command, 2)
    _require(server, "RAFT.REMOVE")
    gone = _names(command[1:], server)
    left = tuple(name for name in server.voters() if name not in gone)
    if not left:
        raise _CommandRefused("ERR a cluster needs a voter; add another one first")
    return Configuration(voters=left)


def _names(words: list[bytes], server: ServerView) -> tuple[str, ...]:
    """Decode the names of servers.

    Raises:
        _CommandRefused: There is no such server.
    """
    names, known = tuple(_text(word, "name") for word in words), server.addresses()
    for name in names:
        if name not in known:
            raise _CommandRefused(f"ERR there is no server '{name[:128]}'; there are {', '.join(known)}")
    return names


def _snapshot(command: list[bytes], _session: Session, server: ServerView) -> Answer:
    _require_length(command, 1)
    _require(server, "RAFT.SNAPSHOT")
    return TakeSnapshot()


# Answered by the server itself.


def _ping(command: list[bytes], _session: Session, _server: ServerView) -> Answer:
    _require_length(command, 1, 2)
    return PONG if len(command) == 1 else string_reply(command[1])


def _echo(command: list[bytes], _session: Session, _server: ServerView) -> Answer:
    _require_length(command, 2)
    return string_reply(command[1])


def _hello(command: list[bytes], session: Session, _server: ServerView) -> Answer:
    options = [word.upper() for word in command[2:]]
    if len(command) > 1:
        if command[1] not in {b"2", b"3"}:
            raise _CommandRefused("NOPROTO unsupported protocol version")
        if options[:1] == [b"AUTH"]:
            raise _CommandRefused("ERR this server has no passwords; connect without one")
        if options and (options[0] != b"SETNAME" or len(options) != 2):
            raise _CommandRefused(f"ERR Syntax error in HELLO option '{_shown(command[2])}'")
        session.version = int(command[1])
        if options:
            session.name = _text(command[3], "name")
    fields = {
        "server": "redis",
        "version": REDIS_VERSION,
        "proto": session.version,
        "id": session.number,
        "mode": "cluster",
        "role": "master",
        "modules": [],
    }
    return reply(fields, session.version)


def _client(command: list[bytes], session: Session, _server: ServerView) -> Answer:
    match [word.upper() for word in command[1:]]:
        case [b"ID"]:
            return reply(session.number, session.version)
        case [b"GETNAME"]:
            return reply(session.name or None, session.version)
        case [b"SETNAME", _]:
            session.name = _text(command[2], "name")
            return OK
        case [b"SETINFO", _, _]:
            return OK
    raise _CommandRefused("ERR this server has CLIENT ID, GETNAME, SETNAME and SETINFO only")


def _command(command: list[bytes], session: Session, _server: ServerView) -> Answer:
    match [word.upper() for word in command[1:]]:
        case []:
            return reply([_described(name) for name in COMMANDS], session.version)
        case [b"COUNT"]:
            return reply(len(COMMANDS), session.version)
    return reply([], session.version)  # Clients take an empty answer for "nothing is known".


def _described(name: str) -> list[object]:
    """Return what clients of a Redis Cluster read of a command: its name, how many words it has, where its key is."""
    words = WORDS_WITH_KEY.get(name)
    return [name.lower(), -1, [], 0, 0, 0] if words is None else [name.lower(), words, [], 1, 1, 1]


def _config(command: list[bytes], session: Session, _server: ServerView) -> Answer:
    if len(command) != 3 or command[1].upper() != b"GET":
        raise _CommandRefused("ERR this server has CONFIG GET only; its settings are the options of raft-steps serve")
    known = {"save": "", "appendonly": "yes", "appendfsync": "always", "databases": "1"}
    wanted = command[2].decode("latin-1").lower()
    found = known if wanted == "*" else {name: value for name, value in known.items() if name == wanted}
    return reply(found, session.version)


def _info(command: list[bytes], _session: Session, server: ServerView) -> Answer:
    sections = server.info()
    wanted = {word.decode("latin-1").lower() for word in command[1:]} - {"all", "default", "everything"}
    lines = []
    for title, fields in sections.items():
        if not wanted or title.lower() in wanted:
            lines += [f"# {title}", *(f"{name}:{value}" for name, value in fields.items()), ""]
    return string_reply("\r\n".join(lines))


def _select(command: list[bytes], _session: Session, _server: ServerView) -> Answer:
    _require_length(command, 2)
    if command[1] != b"0":
        raise _CommandRefused("ERR DB index is out of range; this server has database 0 only")
    return OK


def _cluster(command: list[bytes], session: Session, server: ServerView) -> Answer:
    if [word.upper() for word in command[1:]] != [b"SLOTS"]:
        raise _CommandRefused("ERR this server has CLUSTER SLOTS only")
    leader, addresses = server.leader(), server.addresses()
    if leader is None or leader not in addresses:
        raise _CommandRefused("CLUSTERDOWN this server does not know which one leads")
    # The leader has all slots, and the others are its replicas: clients ask them who leads when it is gone.
    names = [leader, *(name for name in addresses if name != leader)]
    nodes = [[addresses[name].host, addresses[name].port, name] for name in names]
    return reply([[0, SLOTS - 1, *nodes]], session.version)


def _quit(_command: list[bytes], session: Session, _server: ServerView) -> Answer:
    session.is_closing = True
    return OK


def _fault(command: list[bytes], _session: Session, server: ServerView) -> Answer:
    reason = server.inject_fault([_text(word, "argument") for word in command[1:]])
    if reason is not None:
        raise _CommandRefused(f"ERR {reason}")
    return OK


def _state(command: list[bytes], _session: Session, server: ServerView) -> Answer:
    _require_length(command, 1)
    return string_reply(server.state())


COMMANDS: Mapping[str, Handler] = {
    "SET": _set,
    "GET": _get,
    "DEL": _delete,
    "APPEND": _append,
    "PING": _ping,
    "ECHO": _echo,
    "HELLO": _hello,
    "CLIENT": _client,
    "COMMAND": _command,
    "CONFIG": _config,
    "INFO": _info,
    "SELECT": _select,
    "CLUSTER": _cluster,
    "QUIT": _quit,
    "RAFT.FAULT": _fault,
    "RAFT.AS": _in_session,
    "RAFT.SESSION": _open_session,
    "RAFT.STATE": _state,
    "RAFT.ADD": _add,
    "RAFT.MEMBERS": _members,
    "RAFT.REMOVE": _remove,
    "RAFT.SNAPSHOT": _snapshot,
    "RAFT.TRANSFER": _transfer,
}

# The method that a Node needs for a command, and the step of the course that it begins with. Other Nodes would log such a
# request, answer OK, and do nothing.
NEEDED: Mapping[str, tuple[str, int]] = {
    **dict.fromkeys(("SET IFEQ", "APPEND", "RAFT.SESSION", "RAFT.AS"), ("open_session", 13)),
    "RAFT.SNAPSHOT": ("take_snapshot", 16),
    **dict.fromkeys(("RAFT.ADD", "RAFT.MEMBERS", "RAFT.REMOVE"), ("change_members", 17)),
    "RAFT.TRANSFER": ("call_election", 18),
}

WRITES: Mapping[str, Handler] = {name: COMMANDS[name] for name in ("SET", "DEL", "APPEND")}  # what a session may number

# How many words each has, or at least has if the number is negative; the second one is the key.
WORDS_WITH_KEY: Mapping[str, int] = {"SET": -3, "GET": 2, "DEL": 2, "APPEND": 3}

VERSION_FIELDS: Mapping[str, object] = {"redis_version": REDIS_VERSION, "raft_steps_version": __version__}
