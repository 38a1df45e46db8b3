"""What carries a node in a simulation: its disk, its timers, its links. It does not know what the node does."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable
from dataclasses import fields
from typing import TYPE_CHECKING, Any, NoReturn

from raft_steps.lab.commands import Get, parse_command
from raft_steps.lab.errors import NodeError, ScenarioError
from raft_steps.lab.log import Change, Entry, Log
from raft_steps.lab.messages import handler_name
from raft_steps.lab.random_stream import RandomStream
from raft_steps.lab.runtime.diagnostics import Mistake
from raft_steps.lab.scenario.model import MICROSECONDS, TIMINGS, format_seconds

if TYPE_CHECKING:
    from raft_steps.lab.runtime.simulator.network import Link
    from raft_steps.lab.scenario.scenario import Scenario


class Host:
    """One server of a simulation.

    Attributes:
        name: The server's name.
        node: The node of this life; the last one's, after a crash.
        up: Whether it runs.
        paused: Whether it is held still; what reaches it then waits in the mailbox.
        life: How often it was started.
        second: How long a second by its own clock takes, in microseconds; above 0, not always whole.
        unsynced: How its disk fails in the next event, which ends its life: ``lose``, ``tear``, or not at all.
        disk: What the next life begins with.
        logs: The names of the node's fields that hold a log; a log tells its own changes.
        durable: The names of the node's other durable fields.
        stores_more: Whether there is more to look at than one log that is durable.
        log: Otherwise, that log.
        timers: When each running timer is due, in microseconds.
        waits: What each timer was last started with, in the node's seconds, and how many microseconds that is.
        queued: When the simulation will look at each timer; one that restarts is queued once.
        links: The ways to the other servers, by name.
        handlers: The bound handler of each message class that has arrived in this life.
        mailbox: What reached a paused server, as calls for the simulation to make.
    """

    __slots__ = (
        "disk", "durable", "handlers", "life", "links", "log", "logs", "mailbox", "name", "node", "paused", "queued",
        "second", "stores_more", "timers", "unsynced", "up", "waits",
    )  # fmt: skip

    def __init__(self, name: str, log: Iterable[Entry] = (), rate: float = 1) -> None:
        """Begin without a node, with these entries on the disk and a clock of this rate."""
        self.name = name
        self.second = MICROSECONDS / rate
        self.unsynced = ""
        self.node: Any = None
        self.up = self.paused = False
        self.life = 0
        self.disk: dict[str, Any] = {"log": stored} if (stored := Log(log)) else {}
        self.logs: tuple[str, ...] = ()
        self.durable: tuple[str, ...] = ()
        self.stores_more, self.log = True, Log()
        self.timers: dict[str, int] = {}
        self.waits: dict[str, tuple[float, int]] = {}
        self.queued: dict[str, int] = {}
        self.links: dict[str, Link] = {}
        self.handlers: dict[type, Callable[..., object]] = {}
        self.mailbox: list[tuple[Callable[..., None], Any, Any, Any]] = []

    def begin(self, node: Any) -> None:
        """Begin a life with what the disk holds.

        Raises:
            Mistake: The node calls something durable that it does not have.
        """
        self.node = node
        self.handlers, self.unsynced = {}, ""
        self.timers.clear()
        self.queued.clear()
        if isinstance(node.durable, str):
            raise Mistake(f"says durable = {node.durable!r}; write durable = ({node.durable!r},), with a comma")
        for name in node.durable:
            if not hasattr(node, name):
                raise Mistake(f"says that {name!r} is durable, but the Node has no such field")
            stored = self.disk.get(name)
            if isinstance(stored, Log):
                setattr(node, name, Log(stored))
            elif name in self.disk:
                setattr(node, name, copy.deepcopy(stored))
        # By its fields and not by `vars`, which turns a node into one whose fields Python finds more slowly from then on.
        self.logs = tuple(f.name for f in fields(node) if isinstance(getattr(node, f.name), Log))
        self.durable = tuple(name for name in node.durable if name not in self.logs)
        for name in self.logs:
            getattr(node, name).changes = []
        self.stores_more = self.logs != ("log",) or bool(self.durable) or "log" not in node.durable
        if not self.stores_more:
            self.log = node.log

    def end(self) -> None:
        """End a life: all that is not on disk is gone."""
        self.up, self.paused, self.unsynced = False, False, ""
        self.timers.clear()
        self.queued.clear()
        self.mailbox.clear()

    def find_handler(self, name: str, now: int) -> Callable[..., object]:
        """Find the method of the node that hears something.

        Raises:
            NodeError: It has no such method.
        """
        handler = getattr(self.node, name, None)
        if handler is None:
            text = f"{self.name} has no {name}: something reached it at {format_seconds(now)} s that its Node does not know"
            raise NodeError(text, server=self.name, handler=name)
        return handler  # type: ignore[no-any-return]

    def hear(self, message_class: type, now: int) -> Callable[..., object]:
        """Find the method of the node that hears a class of messages, and remember it for this life.

        Raises:
            NodeError: It has no such method.
        """
        handler = self.handlers[message_class] = self.find_handler(handler_name(message_class), now)
        return handler

    def store(self) -> list[Change] | None:
        """Bring the disk up to the node's durable fields; return what happened to its logs, if anything did.

        A log tells its own changes, so that storing costs as much as what is new.

        Raises:
            DiskFailed: The disk was to fail in this event.
        """
        if self.stores_more:
            return self._store_all()
        log = self.node.log  # One log is all that there is to store.
        if log is not self.log:
            log = self.log = _as_log(log, "log")
        changes = log.changes
        if not changes:
            return None
        log.changes = []
        stored = self.disk.get("log")
        if stored is None:
            stored = self.disk["log"] = Log()
        stored.follow(changes)
        return changes

    def _store_all(self) -> list[Change] | None:
        """Do the same for any number of fields."""
        if self.unsynced:
            self._fail()
        node, log_changes = self.node, None
        for name in self.logs:
            log = _as_log(getattr(node, name), name)
            if log.changes:
                changes, log.changes = log.changes, []
                if name in node.durable:
                    self._log_on_disk(name).follow(changes)
                log_changes = changes if log_changes is None else log_changes + changes
        disk = self.disk
        for name in self.durable:
            value = getattr(node, name)
            if name not in disk or disk[name] != value:
                disk[name] = copy.deepcopy(value)
        return log_changes

    def _log_on_disk(self, name: str) -> Log:
        """Give the disk's copy of a log, which begins empty."""
        if name not in self.disk:
            self.disk[name] = Log()
        return self.disk[name]  # type: ignore[no-any-return]

    def fail_next(self, how: str) -> None:
        """Let the disk fail in the next event, and the server with it."""
        self.unsynced, self.stores_more = how, True

    def _fail(self) -> NoReturn:
        """Fail: nothing of the event is stored, or all of its changes to the logs but the last, and no other field."""
        for name in self.logs:
            log = getattr(self.node, name)
            if self.unsynced == "tear" and name in self.node.durable and isinstance(log, Log):
                self._log_on_disk(name).follow(log.changes[:-1])
        raise DiskFailed(self.unsynced)


def _as_log(value: object, name: str) -> Log:
    """Hold what is in a log's place to be a log.

    Raises:
        Mistake: It is none.
    """
    if not isinstance(value, Log):
        raise Mistake(f"put {value!r} where its {name} was; a log stays a Log")
    return value


class DiskFailed(BaseException):
    """A server went down in the middle of an event, with part of what it had to store."""


def class_of(scenario: Scenario) -> type:
    """Load the Node class of a scenario's step.

    Raises:
        ScenarioError: The scenario names no step, or one that there is not.
    """
    from raft_steps import node

    if scenario.step is None:
        raise ScenarioError("this scenario names no step; give it a Node class")
    try:
        return node(scenario.step)  # type: ignore[no-any-return]
    except LookupError as error:
        raise ScenarioError(str(error)) from error


def new_node(scenario: Scenario, host: Host, node_class: type) -> Any:
    """Build the node of a host's present life, as it is before it has seen its disk."""
    scripted = scenario.draws.get(host.name, ()) if host.life == 1 else ()
    chance = RandomStream(scenario.seed, f"node/{host.name}/{host.life}", scripted)
    node = node_class(name=host.name, servers=scenario.servers, random=chance)
    if scenario.timing != "post":
        for name in ("heartbeat_interval", "election_timeout_range"):
            if hasattr(node_class, name):
                setattr(node, name, getattr(TIMINGS[scenario.timing], name))
    if host.life == 1 and host.name == scenario.leader:
        node.is_leader = True
    return node


def read_entries(stored: Iterable[tuple[int, str]]) -> list[Entry]:
    """Turn what a scenario says of a log into its entries.

    Raises:
        ScenarioError: A log holds writes, and this is something else.
    """
    entries = []
    for index, (term, text) in enumerate(stored, start=1):
        command = parse_command(text)
        if isinstance(command, Get):
            raise ScenarioError(f"a log holds writes, set KEY VALUE or delete KEY, not {text!r}")
        entries.append(Entry(index=index, term=term, command=command))
    return entries
