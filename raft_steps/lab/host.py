"""What carries a node in a simulation: its disk, its timers, its links. It does not know what the node does."""

from __future__ import annotations

import copy
from collections.abc import Callable
from random import Random
from typing import Any

from raft_steps.lab.log import Change, Log


class Link:
    """The way from one server to another, with its own chance.

    Attributes:
        sender: The name of the server at this end.
        receiver: The host at the other end.
        chance: Draws a share of the delay's range for each message.
        faults: Draws whether a message is lost, doubled or held back.
        count: How many messages were sent on this link.
        cut: Whether a partition lies across it.
        one_way_cut: Whether this direction alone is cut.
        drops: The numbers of messages that the scenario drops.
    """

    __slots__ = ("chance", "count", "cut", "drops", "faults", "name", "one_way_cut", "receiver", "sender")

    def __init__(self, seed: int, sender: str, receiver: Host) -> None:
        """Open the link's two streams of chance."""
        self.sender, self.receiver = sender, receiver
        self.name = f"{sender}>{receiver.name}"
        self.chance = Random(f"{seed}/delay/{self.name}").random
        self.faults = Random(f"{seed}/faults/{self.name}").random
        self.count = 0
        self.cut = self.one_way_cut = False
        self.drops: set[int] = set()


class Host:
    """One server of a simulation.

    Attributes:
        name: The server's name.
        node: The node of this life; the last one's, after a crash.
        up: Whether it runs.
        paused: Whether it is held still; what reaches it then waits in the mailbox.
        life: How often it was started.
        disk: What the next life begins with.
        timers: When each running timer is due, in microseconds.
        queued: When the simulation will look at each timer; one that restarts is queued once.
        links: The ways to the other servers, by name.
        handlers: The bound handler of each message class that has arrived in this life.
        mailbox: What reached a paused server, as calls for the simulation to make.
    """

    __slots__ = ("disk", "handlers", "life", "links", "mailbox", "name", "node", "paused", "queued", "timers", "up")

    def __init__(self, name: str) -> None:
        """Begin with an empty disk and no node."""
        self.name = name
        self.node: Any = None
        self.up = self.paused = False
        self.life = 0
        self.disk: dict[str, Any] = {}
        self.timers: dict[str, int] = {}
        self.queued: dict[str, int] = {}
        self.links: dict[str, Link] = {}
        self.handlers: dict[type, Callable[..., None]] = {}
        self.mailbox: list[tuple[Callable[..., None], Any, Any, Any]] = []

    def begin(self, node: Any) -> None:
        """Begin a life with what the disk holds."""
        self.node = node
        for name in node.durable:
            if isinstance(self.disk.get(name), Log):
                setattr(node, name, Log(self.disk[name]))
            elif name in self.disk:
                setattr(node, name, copy.deepcopy(self.disk[name]))
        self.handlers = {}
        self.timers.clear()
        self.queued.clear()

    def end(self) -> None:
        """End a life: all that is not on disk is gone."""
        self.up = self.paused = False
        self.timers.clear()
        self.queued.clear()
        self.mailbox.clear()

    def store(self) -> list[Change]:
        """Bring the disk up to the node's durable fields; return what happened to its log.

        A log tells its own changes, so that storing costs as much as what is new.
        """
        node = self.node
        log_changes: list[Change] = []
        for name in node.durable:
            value = getattr(node, name)
            if isinstance(value, Log):
                if value.changes:
                    log_changes += value.changes
                    self._store_log(name, value)
            elif name not in self.disk or self.disk[name] != value:
                self.disk[name] = copy.deepcopy(value)
        return log_changes

    def _store_log(self, name: str, log: Log) -> None:
        stored = self.disk.setdefault(name, Log())
        for change in log.changes:
            if change[0] == "append":
                stored.append(change[1])
            else:
                stored.truncate_after(change[1])
        stored.changes.clear()
        log.changes = []
