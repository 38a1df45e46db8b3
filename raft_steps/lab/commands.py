"""The requests of clients and the responses of servers.

The paper leaves them open, since any state machine will do; the state machine of the series is a key-value store.
"""

from __future__ import annotations

import shlex
from typing import assert_never

from raft_steps.lab.errors import ScenarioError
from raft_steps.lab.messages import message


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
class Get:
    """Ask for the value under a key."""

    key: str


@message
class Ok:
    """The request succeeded; for a Get, `value` is the value (None if the key does not exist)."""

    value: str | None = None


@message
class NotLeader:
    """The server is not the leader; `leader` is the name of the one that is, if the server knows it."""

    leader: str | None = None


Command = Set | Delete
Request = Set | Delete | Get
Response = Ok | NotLeader


def command_text(request: Request | None) -> str:
    """Format a request as a client types it: ``set x 1``, ``delete x``, ``get x``; ``-`` for None, the common first entry."""
    match request:
        case None:
            return "-"
        case Set():
            return f"set {shlex.quote(request.key)} {shlex.quote(request.value)}"
        case Delete():
            return f"delete {shlex.quote(request.key)}"
        case Get():
            return f"get {shlex.quote(request.key)}"
        case _:
            assert_never(request)


def parse_command(text: str) -> Request:
    """Parse ``set KEY VALUE``, ``delete KEY`` or ``get KEY``.

    Raises:
        ScenarioError: The text is not one of the three.
    """
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise ScenarioError(f"{text!r} has an open quotation mark") from error
    return command_of_words(*words)


def command_of_words(*words: str) -> Request:
    """Build a request from its words: ``set``, the key, the value; and so on.

    Raises:
        ScenarioError: The words are not one of the three commands.
    """
    match words:
        case ("set", key, value):
            return Set(key=key, value=value)
        case ("delete", key):
            return Delete(key=key)
        case ("get", key):
            return Get(key=key)
    raise ScenarioError(f"{' '.join(words)!r} is not a command; write set KEY VALUE, delete KEY or get KEY")
