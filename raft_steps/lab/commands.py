"""The requests of clients and the responses of servers.

The paper leaves them open, since any state machine will do; the state machine of the series is a key-value store.
"""

from __future__ import annotations

import functools
import re
import shlex
from typing import assert_never

from raft_steps.lab.errors import ScenarioError
from raft_steps.lab.messages import message

IN_SESSION = re.compile(r"[1-9][0-9]{0,17}\.[1-9][0-9]{0,17}")  # the numbers of a session and of a command in it


@message
class Set:
    """Store a value under a key."""

    key: str
    value: str


@message
class Delete:
    """Remove a key, if it exists."""

    key: str


@message
class Append:
    """Add a value at the end of what a key holds; a key that does not exist counts as empty."""

    key: str
    value: str


@message
class CompareAndSet:
    """Store a value under a key if the key holds the expected one."""

    key: str
    expected: str
    value: str


@message
class OpenSession:
    """Open a session, in which each command is carried out at most once; the response has the session's number."""


@message
class InSession:
    """A command of a session.

    Attributes:
        session: The number of the session.
        serial: The number of the command in its session, from 1 on; a client that asks again repeats it.
        command: What is to be done.
    """

    session: int
    serial: int
    command: Write


@message
class Transfer:
    """Ask the leader to let another server lead, as an operator does; it changes no key.

    Attributes:
        server: The server that is to lead.
    """

    server: str


@message
class Configuration:
    """The servers that make up the cluster. A client asks for new voters; a leader logs how it gets there.

    Attributes:
        voters: The servers of which a majority elects a leader and commits an entry.
        old_voters: In a joint configuration (Section 6), the voters before the change, of which a majority is needed as
            well; empty in any other.
    """

    voters: tuple[str, ...]
    old_voters: tuple[str, ...] = ()


@message
class Get:
    """Ask for the value under a key."""

    key: str


@message
class Ok:
    """The request succeeded.

    Attributes:
        value: For a Get, the value (None if the key does not exist); for an Append, what the key holds now; for an
            OpenSession, the number of the session; None for all others. A Transfer has begun, and may still fail.
    """

    value: str | None = None


@message
class NotLeader:
    """The server is not the leader; `leader` is the name of the one that is, if the server knows it."""

    leader: str | None = None


@message
class Mismatch:
    """A compare-and-set found another value than the expected one, and changed nothing.

    Attributes:
        value: What the key holds; None if it does not exist.
    """

    value: str | None = None


@message
class SessionExpired:
    """The server no longer has what it needs to answer: the command may have been carried out before, or never."""


@message
class Refused:
    """The leader does not do what was asked; `reason` says why, and that nothing was changed."""

    reason: str


Write = Set | Delete | Append | CompareAndSet
Command = Write | OpenSession | InSession | Transfer | Configuration
Request = Command | Get
Response = Ok | NotLeader | Mismatch | SessionExpired | Refused


def operation_of(request: Request | None) -> Write | Get | None:
    """Return what a request does to a key, without its session; None for None and for what does nothing to any key."""
    if isinstance(request, InSession):
        return request.command
    return None if isinstance(request, OpenSession | Transfer | Configuration) else request


def command_text(request: Request | None) -> str:
    """Format a request as a client types it: ``set x 1``, ``get x``, ``append x 1 as 4.2``.

    That is the second command of session 4. A joint configuration is ``members tom,jerry from tom,spike``. None, the
    common first entry, is ``-``.
    """
    match request:
        case None:
            return "-"
        case Set():
            return f"set {shlex.quote(request.key)} {shlex.quote(request.value)}"
        case Delete():
            return f"delete {shlex.quote(request.key)}"
        case Append():
            return f"append {shlex.quote(request.key)} {shlex.quote(request.value)}"
        case CompareAndSet():
            return f"cas {shlex.quote(request.key)} {shlex.quote(request.expected)} {shlex.quote(request.value)}"
        case Get():
            return f"get {shlex.quote(request.key)}"
        case OpenSession():
            return "open session"
        case Transfer():
            return f"transfer {shlex.quote(request.server)}"
        case InSession():
            return f"{command_text(request.command)} as {request.session}.{request.serial}"
        case Configuration():
            before = f" from {','.join(request.old_voters)}" if request.old_voters else ""
            return f"members {','.join(request.voters)}{before}"
        case _:
            assert_never(request)


@functools.lru_cache(maxsize=1024)  # Checks build the same logs again and again.
def parse_command(text: str) -> Request:
    """Parse a request as `command_text` formats it.

    Raises:
        ScenarioError: The text is not a request.
    """
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise ScenarioError(f"{text!r} has an open quotation mark") from error
    return command_of_words(*words)


def command_of_words(*words: str) -> Request:
    """Build a request from its words: ``set``, the key, the value; and so on.

    Raises:
        ScenarioError: The words are not a request.
    """
    match words:
        case ("set", key, value):
            return Set(key=key, value=value)
        case ("delete", key):
            return Delete(key=key)
        case ("append", key, value):
            return Append(key=key, value=value)
        case ("cas", key, expected, value):
            return CompareAndSet(key=key, expected=expected, value=value)
        case ("get", key):
            return Get(key=key)
        case ("open", "session"):
            return OpenSession()
        case ("transfer", server):
            return Transfer(server=server)
        case ("members", voters):
            return Configuration(voters=_names(voters))
        case ("members", voters, "from", old_voters):
            return Configuration(voters=_names(voters), old_voters=_names(old_voters))
        case (*inner, "as", number) if IN_SESSION.fullmatch(number):
            command = command_of_words(*inner)
            if isinstance(command, Set | Delete | Append | CompareAndSet):
                session, serial = number.split(".")
                return InSession(session=int(session), serial=int(serial), command=command)
    forms = "set KEY VALUE, delete KEY, append KEY VALUE, cas KEY EXPECTED VALUE or get KEY"
    raise ScenarioError(f"{' '.join(words)!r} is not a command; write {forms}")


def _names(text: str) -> tuple[str, ...]:
    """Parse the names of servers, ``tom,jerry,spike``.

    Raises:
        ScenarioError: There is none, one is empty, or one stands there twice.
    """
    names = tuple(text.split(","))
    if not all(names) or len(set(names)) < len(names):
        raise ScenarioError(f"members {text}: write different names with commas between them, as in tom,jerry,spike")
    return names
