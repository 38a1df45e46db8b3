"""A server of a simulation: a host with links, timers, a clock of its own rate and a disk that may fail."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NoReturn, Protocol

from raft_steps.lab.log import Entry, Log
from raft_steps.lab.runtime.host import Host
from raft_steps.lab.runtime.simulator.link import Link
from raft_steps.lab.scenario.model import MICROSECONDS

NEVER = 2**62  # microseconds; later than everything that can be planned


class Handle(Protocol):
    """Lets a host's node handle an event."""

    def __call__(
        self,
        host: SimulatedHost,
        handler: Callable[..., object],
        arguments: tuple[Any, ...],
        kind: str,
        detail: dict[str, Any] | None,
    ) -> None:
        """Call a handler; kind and detail describe the event in the trace."""


class DiskFailed(BaseException):
    """A server crashed in the middle of an event, with part of what it had to store on its disk."""


class Timer:
    """A timer of a server, which lasts as long as the life in which it was first started.

    Attributes:
        name: Its name; its handler is ``on_<name>_timeout``.
        wait_s: For how long it was last started, in seconds of the server's clock.
        wait_us: The same in microseconds of the simulation's clock.
        due_us: When it runs out; None if it does not run.
        planned_us: When the agenda will look at it; NEVER if it will not.
        last_us: The moment after which the agenda will look at it, for a timer of zero seconds; NEVER if it will not.
    """

    __slots__ = ("due_us", "last_us", "name", "planned_us", "wait_s", "wait_us")

    def __init__(self, name: str, wait_s: float, wait_us: int) -> None:
        """Create a timer that does not run."""
        self.name, self.wait_s, self.wait_us = name, wait_s, wait_us
        self.due_us: int | None = None
        self.planned_us = self.last_us = NEVER


class SimulatedHost(Host):
    """One server of a simulation.

    Attributes:
        paused: Whether it is paused; what arrives then waits in the mailbox.
        mailbox: What has arrived at a paused server, as calls for the simulation to make.
        links: The links to the other servers, by their names.
        second_us: How long a second of its clock takes, in microseconds; above 0, not always whole.
        timers: The timers that were started in this life, by name; not all of them run.
        unsynced: How its disk fails in the next event, which ends its life: ``lose``, ``tear``, or "" if it does not.
    """

    __slots__ = ("links", "mailbox", "paused", "second_us", "timers", "unsynced")

    def __init__(self, name: str, log: Iterable[Entry] = (), rate: float = 1) -> None:
        """Create a host that is down, with these entries on its disk and a clock of this rate."""
        super().__init__(name, log)
        self.paused = False
        self.mailbox: list[tuple[Callable[..., None], Any, Any, Any]] = []
        self.links: dict[str, Link] = {}
        self.second_us = MICROSECONDS / rate
        self.timers: dict[str, Timer] = {}
        self.unsynced = ""

    def begin(self, node: Any) -> None:
        """Begin a life: give the node what the disk holds.

        Raises:
            Mistake: The node declares a durable field that it does not have.
        """
        self._clear()
        super().begin(node)

    def end(self) -> None:
        """End a life: everything that is not on disk is lost."""
        super().end()
        self.paused = False
        self._clear()
        self.mailbox.clear()

    def _clear(self) -> None:
        self.unsynced = ""
        for timer in self.timers.values():
            timer.due_us = None  # The agenda may still look at it, and must not find it running.
        self.timers.clear()

    def is_running(self, name: str) -> bool:
        """Return whether a timer runs."""
        return name in self.timers and self.timers[name].due_us is not None

    def fail_next(self, how: str) -> None:
        """Let the disk fail in the next event, and the server with it."""
        self.unsynced = how
        self.stores_more = True  # So that the disk is looked at after an event that changes nothing, too.

    def fail(self) -> NoReturn:
        """Fail in an event: store nothing of it, or all changes of the logs but the last one, and no other field.

        Raises:
            DiskFailed: Always.
        """
        for name in self.logs:
            log = getattr(self.node, name)
            if self.unsynced == "tear" and name in self.node.durable and isinstance(log, Log):
                self.store_log(name, log.changes[:-1])
        raise DiskFailed(self.unsynced)


def connect(hosts: Mapping[str, SimulatedHost], seed: int) -> None:
    """Link every server to every other."""
    for name, host in hosts.items():
        host.links = {other: Link(seed, name, other) for other in hosts if other != name}
