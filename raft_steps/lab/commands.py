"""What a client may ask, and what it may hear: the words between clients and servers.

The paper leaves them open (its state machine is any state machine); the series' is a key-value store.
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
    """Forget a key, if it is there."""

    key: str


@message
class Get:
    """Ask for the value under a key."""

    key: str


@message
class Ok:
    """It is done; for a Get, the value (None when the key is not there)."""

    value: str | None = None


@message
class NotLeader:
    """The server that was asked does not lead; it may know who does."""

    leader: str | None = None


Command = Set | Delete
Request = Set | Delete | Get
Response = Ok | NotLeader


def command_text(request: Request | None) -> str:
    """Spell a request as a client would type it: ``set x 1``, ``delete x``, ``get x``; None is the common first entry."""
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
    """Read ``set KEY VALUE``, ``delete KEY`` or ``get KEY``.

    Raises:
        ScenarioError: The text is none of the three.
    """
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise ScenarioError(f"{text!r} has an open quotation mark") from error
    return command_of_words(*words)


def command_of_words(*words: str) -> Request:
    """Take the words of a command as they are: ``set``, the key, the value; and so on.

    Raises:
        ScenarioError: They are none of the three commands.
    """
    match words:
        case ("set", key, value):
            return Set(key=key, value=value)
        case ("delete", key):
            return Delete(key=key)
        case ("get", key):
            return Get(key=key)
    raise ScenarioError(f"{' '.join(words)!r} is no command; a client says: set KEY VALUE, delete KEY or get KEY")
