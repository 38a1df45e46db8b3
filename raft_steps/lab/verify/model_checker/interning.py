"""Numbers for all that a state is made of: servers, messages on their way, histories.

The same server, message or history always has the same number, so a state is a short row of whole numbers, and two
states are the same if their rows are. The numbers are given in the order in which things are met.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from raft_steps.lab.log import Log
from raft_steps.lab.random_stream import RandomStream
from raft_steps.lab.runtime.recorder import NOT_STATE
from raft_steps.lab.verify.model_checker.facts import NOTHING, Fact, grown
from raft_steps.lab.verify.model_checker.freezing import Freezer
from raft_steps.lab.verify.model_checker.state_view import Flying, Seen

DRIVERS_OWN = NOT_STATE - {"log"}  # fields of a node that are no state of the server

Done = tuple[int, tuple[int, ...], int]  # the server after an event, the messages that it sends, the facts


class Even(RandomStream):
    """Chance without chance: the first draw is the lowest, the next are spread evenly over the range."""

    __slots__ = ("drawn",)

    def __init__(self) -> None:
        """Begin at the low end."""
        super().__init__(0)
        self.drawn = 0
        self.random = self._next

    def _next(self) -> float:
        number, share, digit = self.drawn, 0.0, 0.5
        self.drawn += 1
        while number:
            number, bit = divmod(number, 2)
            share, digit = share + bit * digit, digit / 2
        return share


class Local(NamedTuple):
    """All that one server is.

    Attributes:
        server: Its place among the servers.
        up: Whether it runs.
        fields: The fields of its node, frozen, by name; nothing while it is down.
        timers: Its running timers, sorted.
        disk: What its disk holds, frozen, by name; nothing while it runs, for then it is what its durable fields say.
    """

    server: int
    up: bool
    fields: tuple[tuple[str, Any], ...]
    timers: tuple[str, ...]
    disk: tuple[tuple[str, Any], ...]


class Numbers:
    """What each number stands for, of one cluster.

    Attributes:
        servers: The names of the servers.
        locals: What each number of a server stands for.
        timers: The running timers of each.
        up: Whether each runs.
        leads: Whether each believes to lead; before there are leaders, everyone who runs.
        log_of: A number for the log of each.
        sender: The sender of each message, by the message's number.
        receiver: Its receiver.
        messages: The message itself.
        facts: What each number of facts stands for.
        heard: What each message makes of each server, as far as it is known.
    """

    def __init__(self, node_class: type, servers: tuple[str, ...]) -> None:
        """Begin without knowing anything of the nodes."""
        self.node_class, self.servers = node_class, servers
        self.freezer = Freezer(servers)
        self.locals: list[Local] = []
        self.timers: list[tuple[str, ...]] = []
        self.up: list[bool] = []
        self.leads: list[bool] = []
        self.log_of: list[int] = []
        self.sender: list[int] = []
        self.receiver: list[int] = []
        self.messages: list[Any] = []
        self.facts: list[tuple[Fact, ...]] = []
        self.histories: list[frozenset[Fact]] = []
        self.heard: list[dict[int, Done]] = []
        self._numbers: dict[Any, int] = {}
        self._seen: dict[int, Seen] = {}
        self._flying: dict[int, Flying] = {}
        self._grown: dict[tuple[int, int], int] = {}
        self.number_of_facts(())
        self.number_of_history(NOTHING)

    # Numbers.

    def number_of_local(self, local: Local) -> int:
        """Give the number of what a server is."""
        number = self._numbers.get(local)
        if number is None:
            number = self._numbers[local] = len(self.locals)
            self.locals.append(local)
            self.timers.append(local.timers)
            self.up.append(local.up)
            self.heard.append({})
            held = dict(local.fields or local.disk)
            self.leads.append(local.up and held.get("is_leader", True) not in (0, None, (bool, False)))
            self.log_of.append(self._numbers.setdefault(("log", held.get("log")), len(self._numbers)))
        return number

    def number_of_packet(self, sender: int, receiver: int, message: Any) -> int:
        """Give the number of a message between two servers."""
        key = ("packet", sender, receiver, message)
        number = self._numbers.get(key)
        if number is None:
            number = self._numbers[key] = len(self.messages)
            self.sender.append(sender)
            self.receiver.append(receiver)
            self.messages.append(message)
        return number

    def number_of_facts(self, facts: tuple[Fact, ...]) -> int:
        """Give the number of some facts; 0 is none."""
        number = self._numbers.setdefault(("facts", facts), len(self.facts))
        if number == len(self.facts):
            self.facts.append(facts)
        return number

    def number_of_history(self, history: frozenset[Fact]) -> int:
        """Give the number of a history; 0 is one in which nothing has happened."""
        number = self._numbers.setdefault(("history", history), len(self.histories))
        if number == len(self.histories):
            self.histories.append(history)
        return number

    def grow(self, history: int, facts: int) -> int:
        """Give the history that has come to hold these facts, too."""
        key = (history, facts)
        if key not in self._grown:
            self._grown[key] = self.number_of_history(grown(self.histories[history], self.facts[facts]))
        return self._grown[key]

    def seen(self, local: int) -> Seen:
        """Show one server; what is shown is shared, so that nobody may change it."""
        if local not in self._seen:
            what = self.locals[local]
            held = dict(what.fields or what.disk)
            log = self.freezer.thaw(held["log"]) if "log" in held else Log()
            node = self.node_of(what) if what.up else None
            self._seen[local] = Seen(self.servers[what.server], node, log, what.timers)
        return self._seen[local]

    def flying(self, packet: int) -> Flying:
        """Show one message on its way."""
        if packet not in self._flying:
            names, message = self.servers, self.messages[packet]
            self._flying[packet] = Flying(names[self.sender[packet]], names[self.receiver[packet]], message)
        return self._flying[packet]

    def node_of(self, what: Local) -> Any:
        """Build the node of a server that runs; each call gives another one."""
        kind: Any = self.node_class
        node = kind.__new__(kind)
        thaw = self.freezer.thaw
        vars(node).update(name=self.servers[what.server], servers=self.servers, random=Even(), effects=[])
        vars(node).update({name: thaw(value) for name, value in what.fields})
        return node
