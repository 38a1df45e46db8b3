"""The base class of every Node: fields, effects and timers. Nothing here is specific to Raft.

A node reacts to one event at a time and does no I/O itself. Its driver (the simulator, the model checker, a real
server) calls one of these methods and then carries out the node's `effects`, in order:

    on_start()                               the first event after each start of the server
    on_append_entries(sender, message)       a message arrived; the name follows the message's class
    on_election_timeout()                    the timer named "election" ran out
    on_client_request(client, request)       a client sent a request

The driver stores the node's `durable` fields before any effect of the event leaves the node. After a crash, those fields
and nothing else are restored.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, NoReturn, dataclass_transform

from raft_steps.lab.commands import Response
from raft_steps.lab.log import Entry
from raft_steps.lab.random_stream import RandomStream

Effect = (
    tuple[Literal["send"], str, object]
    | tuple[Literal["start"], str, float]
    | tuple[Literal["cancel"], str]
    | tuple[Literal["reply"], str, Response]
    | tuple[Literal["apply"], Entry]
)


class Removed:
    """A marker for a field or method that a step removes: using it raises an error with the reason."""

    def __init__(self, why: str) -> None:
        """Store the reason."""
        self.why = why
        self.name = "this"

    def __set_name__(self, owner: type, name: str) -> None:
        """Store the name of the removed attribute."""
        self.name = name

    def __get__(self, instance: object, owner: type) -> Any:
        """Raise if read from a node. The class itself returns the marker, so that tools can find it."""
        if instance is None:
            return self
        raise AttributeError(f"{self.name} is gone: {self.why}")

    def __set__(self, instance: object, value: object) -> NoReturn:
        """Raise: a removed attribute cannot be set."""
        raise AttributeError(f"{self.name} is gone: {self.why}")


def removed(why: str) -> Any:
    """Mark a name as removed by this step.

    Args:
        why: The reason, which the error for any use of the name repeats.
    """
    return Removed(why)


@dataclass_transform(kw_only_default=True, eq_default=False, field_specifiers=(field,))
@dataclass(kw_only=True, eq=False, repr=False)
class Node:
    """One server's side of the protocol.

    Attributes:
        durable: The names of the fields that survive a crash.
        name: This server's name.
        servers: The names of all servers, this one included, as far as this node knows.
        random: The node's own seeded random numbers.
        effects: The actions that the driver must carry out next, in order; the methods below append to it.
    """

    durable: ClassVar[tuple[str, ...]] = ()

    name: str
    servers: tuple[str, ...]
    random: RandomStream
    effects: list[Effect] = field(default_factory=list)

    def __init_subclass__(cls) -> None:
        """Turn every subclass into a keyword-only dataclass, so that a step or a notebook cell needs no decorator."""
        super().__init_subclass__()
        _reject_mistakes(cls)
        for name, value in list(vars(cls).items()):
            if isinstance(value, Removed):  # The dataclass leaves out a ClassVar, so the field disappears.
                cls.__annotations__[name] = ClassVar[Any]
        dataclass(kw_only=True, eq=False, repr=False)(cls)

    def peers(self) -> list[str]:
        """Return the names of the other servers."""
        others = [*self.servers]
        if self.name in others:
            others.remove(self.name)
        return others

    def on_start(self) -> None:
        """Called first whenever the server starts, also after a restart."""

    def send(self, to: str, message: object) -> None:
        """Send a message to one server."""
        self.effects.append(("send", to, message))

    def broadcast(self, message: object) -> None:
        """Send a message to every other server."""
        for peer in self.peers():
            self.effects.append(("send", peer, message))

    def start_timer(self, name: str, seconds: float) -> None:
        """Start a named timer, or restart it if it is running; when it expires, ``on_<name>_timeout`` is called.

        Args:
            name: The name of the timer.
            seconds: How long to wait, in seconds by this server's clock. A timer of 0 seconds expires after everything
                else that happens at the same moment.
        """
        self.effects.append(("start", name, seconds))

    def cancel_timer(self, name: str) -> None:
        """Stop a named timer; does nothing if it is not running."""
        self.effects.append(("cancel", name))

    def reply(self, client: str, response: Response) -> None:
        """Answer a client's request."""
        self.effects.append(("reply", client, response))

    def apply(self, entry: Entry) -> None:
        """Report to the driver that this entry's command is being applied now."""
        self.effects.append(("apply", entry))

    def report_applied(self, entry: Entry) -> None:
        """Report the same, in a Node that replaces `apply` instead of extending it."""
        Node.apply(self, entry)


def _reject_mistakes(cls: type) -> None:
    """Reject what would fail later or silently: a constructor, slots, or a mutable default that all servers would share.

    Raises:
        TypeError: The class has one of them; the message says what to write instead.
    """
    if "__init__" in vars(cls):
        raise TypeError(
            f"{cls.__name__} has an __init__, which a Node may not have: declare fields, and start in on_start"
        )
    if "__slots__" in vars(cls):
        raise TypeError(f"{cls.__name__} has __slots__, which a Node may not have: declare fields at class level")
    for name, value in list(vars(cls).items()):
        if isinstance(value, list | dict | set) and not name.startswith("__"):
            if name == "durable":
                raise TypeError(
                    'durable is a tuple of names: write durable = ("log", "current_term", "voted_for"), in round brackets'
                )
            kind = type(value).__name__
            raise TypeError(
                f"{name} = {value!r} would be one {kind} shared by all servers; "
                f"write {name}: {kind} = field(default_factory={kind}), with field from dataclasses"
            )
