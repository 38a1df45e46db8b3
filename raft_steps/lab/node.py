"""What every node is built on: fields, effects and timers. It does not know Raft.

A node reacts to one event at a time and does nothing itself. Whoever drives it (a simulation, a search, a real
server) calls one of these methods and then carries out the node's `effects`, in order:

    on_start()                               the first event of every life
    on_append_entries(sender, message)       a message arrived; the name follows the message's class
    on_election_timeout()                    the timer named "election" ran out
    on_client_request(client, request)       a client asked something

Before any effect of an event leaves the node, the driver has stored the node's `durable` fields: after a crash they,
and nothing else, are what the next life begins with.
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
    """A field or method that a step takes away: whoever still uses it hears why it went."""

    def __init__(self, why: str) -> None:
        """Keep the reason."""
        self.why = why
        self.name = "this"

    def __set_name__(self, owner: type, name: str) -> None:
        """Learn the name that it stands for."""
        self.name = name

    def __get__(self, instance: object, owner: type) -> Any:
        """Refuse to be read from a node; the class itself shows the marker."""
        if instance is None:
            return self
        raise AttributeError(f"{self.name} is gone: {self.why}")

    def __set__(self, instance: object, value: object) -> NoReturn:
        """Refuse to be set."""
        raise AttributeError(f"{self.name} is gone: {self.why}")


def removed(why: str) -> Any:
    """Mark a name as taken away by this step, with the reason."""
    return Removed(why)


@dataclass_transform(kw_only_default=True, eq_default=False, field_specifiers=(field,))
@dataclass(kw_only=True, eq=False, repr=False)
class Node:
    """One server's side of the protocol.

    Attributes:
        durable: The names of the fields that survive a crash.
        name: This server's name.
        servers: The names of all servers, this one included, as far as this node knows.
        random: The node's own seeded chance.
        effects: What the driver shall do next, in order; the methods below fill it.
    """

    durable: ClassVar[tuple[str, ...]] = ()

    name: str
    servers: tuple[str, ...]
    random: RandomStream
    effects: list[Effect] = field(default_factory=list)

    def __init_subclass__(cls) -> None:
        """Make every subclass a keyword-only dataclass, so that a step or a cell is just a class."""
        super().__init_subclass__()
        _refuse_mistakes(cls)
        for name, value in list(vars(cls).items()):
            if isinstance(value, Removed):  # A ClassVar is no field: the new class is built without it.
                cls.__annotations__[name] = ClassVar[Any]
        dataclass(kw_only=True, eq=False, repr=False)(cls)

    def peers(self) -> list[str]:
        """Name the other servers."""
        others = [*self.servers]
        if self.name in others:
            others.remove(self.name)
        return others

    def on_start(self) -> None:
        """Begin a life: the first event, also after a restart."""

    def send(self, to: str, message: object) -> None:
        """Send a message to one server."""
        self.effects.append(("send", to, message))

    def broadcast(self, message: object) -> None:
        """Send a message to every other server."""
        for peer in self.peers():
            self.effects.append(("send", peer, message))

    def start_timer(self, name: str, seconds: float) -> None:
        """Start a named timer, or restart it if it runs; it will call ``on_<name>_timeout``."""
        self.effects.append(("start", name, seconds))

    def cancel_timer(self, name: str) -> None:
        """Stop a named timer; nothing happens if it does not run."""
        self.effects.append(("cancel", name))

    def reply(self, client: str, response: Response) -> None:
        """Answer a client's request."""
        self.effects.append(("reply", client, response))

    def apply(self, entry: Entry) -> None:
        """Tell the driver that this entry's command is carried out now."""
        self.effects.append(("apply", entry))


def _refuse_mistakes(cls: type) -> None:
    """Turn down what would fail later, or silently: shared mutable defaults and own constructors."""
    if "__init__" in vars(cls):
        raise TypeError(f"{cls.__name__} has an __init__, but a node has none: declare fields, and begin in on_start")
    if "__slots__" in vars(cls):
        raise TypeError(f"{cls.__name__} has __slots__, but a node has none: declare fields at class level")
    for name, value in list(vars(cls).items()):
        if isinstance(value, list | dict | set) and not name.startswith("__"):
            if name == "durable":
                raise TypeError(
                    'durable is a tuple of names: write durable = ("log", "current_term", "voted_for"), in round brackets'
                )
            kind = type(value).__name__
            raise TypeError(
                f"{name} = {value!r} would be one {kind} that all servers share; "
                f"write {name}: {kind} = field(default_factory={kind}), with field from dataclasses"
            )
