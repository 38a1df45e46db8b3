"""The first line of a connection between servers: who speaks, and of which cluster and step."""

from __future__ import annotations

import json
from dataclasses import dataclass

from raft_steps.lab.errors import ServerError
from raft_steps.lab.messages import from_text, message

PROTOCOL_VERSION = 1
LONGEST_HELLO = 8_192  # bytes
NEXT = b'{"next":'  # how a line begins that states the number of the next message


@message
class Hello:
    """A server introduces itself."""

    version: int
    cluster: str
    step: str
    name: str
    life: int


@message
class Refused:
    """The other server does not take the connection."""

    reason: str


@dataclass(frozen=True, slots=True)
class Identity:
    """What a server tells the others about itself.

    Attributes:
        cluster: The servers and their addresses, as text.
        step: The Node that it runs, such as ``step 12``.
        name: Its name.
        life: How often it was started.
    """

    cluster: str
    step: str
    name: str
    life: int

    def hello(self) -> Hello:
        """Return the server's first line."""
        return Hello(version=PROTOCOL_VERSION, cluster=self.cluster, step=self.step, name=self.name, life=self.life)


def read_hello(line: bytes, own: Identity, names: tuple[str, ...]) -> Hello:
    """Parse another server's first line.

    Raises:
        ServerError: It is not a Hello, or it belongs to another cluster or step.
        MessageError: It is not a Hello.
    """
    hello = from_text(line.decode("utf-8", "replace"), Hello)
    assert isinstance(hello, Hello)
    if hello.version != PROTOCOL_VERSION:
        raise ServerError(f"{own.name} speaks version {PROTOCOL_VERSION} of the protocol, not {hello.version}")
    if hello.cluster != own.cluster:
        raise ServerError(f"{own.name} belongs to the cluster {own.cluster}, not to {hello.cluster}")
    if hello.step != own.step:
        raise ServerError(f"{own.name} runs {own.step}, not {hello.step}; all servers of a cluster run the same")
    if hello.name == own.name or hello.name not in names:
        others = ", ".join(name for name in names if name != own.name)
        raise ServerError(f"{own.name} expects {others}, not {hello.name}")
    return hello


def next_line(number: int) -> bytes:
    """Return the line that states the number of the next message.

    Messages of a link are numbered, as in the simulator, for the traces. The receiver counts them; only after a gap, a
    message that was dropped before it was written, must it be told.
    """
    return b"%s%d}\n" % (NEXT, number)


def read_next(line: bytes) -> int:
    """Parse what `next_line` returned.

    Raises:
        ServerError: It is something else.
    """
    try:
        data = json.loads(line)
        number = data["next"]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise ServerError(f"this is not a line with the number of the next message: {line[:80]!r}") from error
    if type(number) is not int or number < 1 or len(data) != 1:
        raise ServerError(f"this is not a line with the number of the next message: {line[:80]!r}")
    return number
