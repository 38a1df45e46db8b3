"""A server's host: it owns the node of the present life, its handlers and its disk, whatever drives the node."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable
from dataclasses import fields
from operator import attrgetter
from typing import Any

from raft_steps.lab.errors import NodeError
from raft_steps.lab.log import Change, Entry, Log
from raft_steps.lab.messages import handler_name
from raft_steps.lab.runtime.diagnostics import Mistake
from raft_steps.lab.scenario.model import format_seconds

NOT_STORED = object()  # equals no value of a field


class Host:
    """One server: a node, its handlers, and what survives its crash.

    The disk is a dictionary in memory. A host with a real disk overrides `store_field` and `store_log`; both are called
    before any effect of the event leaves the node.

    Attributes:
        name: The server's name.
        node: The node of this life; after a crash, the node of the last one.
        up: Whether the server runs.
        life: How often it was started.
        disk: What the next life begins with: the durable fields, by name.
        logs: The names of the node's fields that hold a log. A log records its own changes.
        durable: The names of the node's other durable fields.
        stores_more: Whether there is more to compare after an event than the fields named by `durable` and one log, which
            is durable, too.
        log: That log, as it was when it was last looked at.
        read_durable: Reads the fields named by `durable` from a node.
        on_disk: What the disk holds of them, in the same order.
        handlers: The bound handler of each message class that has arrived in this life.
    """

    __slots__ = (
        "disk", "durable", "handlers", "life", "log", "logs", "name", "node", "on_disk", "read_durable", "stores_more",
        "up",
    )  # fmt: skip

    def __init__(self, name: str, log: Iterable[Entry] = ()) -> None:
        """Create a host that is down, with these entries on its disk."""
        self.name = name
        self.node: Any = None
        self.up = False
        self.life = 0
        self.disk: dict[str, Any] = {"log": stored} if (stored := Log(log)) else {}
        self.logs: tuple[str, ...] = ()
        self.durable: tuple[str, ...] = ()
        self.read_durable = fields_reader(())
        self.on_disk: tuple[Any, ...] = ()
        self.stores_more, self.log = True, Log()
        self.handlers: dict[type, Callable[..., object]] = {}

    def begin(self, node: Any) -> None:
        """Begin a life: give the node what the disk holds.

        Raises:
            Mistake: The node declares a durable field that it does not have.
        """
        self.node = node
        self.handlers = {}
        if isinstance(node.durable, str):
            raise Mistake(f"declares durable = {node.durable!r}; write durable = ({node.durable!r},), with a comma")
        if not isinstance(node.durable, tuple | list) or not all(isinstance(name, str) for name in node.durable):
            raise Mistake(f"declares durable = {node.durable!r}; it is a tuple of the names of fields")
        for name in node.durable:
            if not hasattr(node, name):
                raise Mistake(f"declares {name!r} durable, but the Node has no such field")
            stored = self.disk.get(name)
            if isinstance(stored, Log):
                setattr(node, name, stored.copy())
            elif name in self.disk:
                setattr(node, name, copy.deepcopy(stored))
        if hasattr(node, "log"):
            _as_log(node.log, "log")
        # `fields` and not `vars`: once `vars` was called on an object, Python finds its attributes more slowly.
        self.logs = tuple(f.name for f in fields(node) if isinstance(getattr(node, f.name), Log))
        self.durable = tuple(name for name in node.durable if name not in self.logs)
        self.read_durable = fields_reader(self.durable)
        self.on_disk = tuple(self.disk.get(name, NOT_STORED) for name in self.durable)
        for name in self.logs:
            getattr(node, name).changes = []
        self.stores_more = self.logs != ("log",) or "log" not in node.durable
        if not self.stores_more:
            self.log = node.log

    def end(self) -> None:
        """End a life: everything that is not on disk is lost."""
        self.up = False

    def find_handler(self, name: str, now_us: int) -> Callable[..., object]:
        """Find a handler of the node by its name.

        Raises:
            NodeError: The node has no such method.
        """
        handler = getattr(self.node, name, None)
        if handler is None:
            text = (
                f"{self.name} has no {name}: something reached it at {format_seconds(now_us)} s "
                "that its Node does not handle"
            )
            raise NodeError(text, server=self.name, handler=name)
        return handler  # type: ignore[no-any-return]

    def find_message_handler(self, message_class: type, now_us: int) -> Callable[..., object]:
        """Find the handler of a message class, and keep it in `handlers` for this life.

        Raises:
            NodeError: The node has no such method.
        """
        handler = self.handlers[message_class] = self.find_handler(handler_name(message_class), now_us)
        return handler

    def store(self) -> list[Change] | None:
        """Bring the disk up to date with the node's durable fields.

        A log records its own changes, so storing costs as much as what is new, not as much as the log is long.

        Returns:
            The changes of all the node's logs, durable or not; None if there were none.

        Raises:
            Mistake: Something else was put where a log was.
        """
        node, log_changes = self.node, None
        for name in self.logs:
            log = _as_log(getattr(node, name), name)
            if name == "log":
                self.log = log
            if log.changes:
                changes, log.changes = log.changes, []
                if name in node.durable:
                    self.store_log(name, changes)
                log_changes = changes if log_changes is None else log_changes + changes
        values = self.read_durable(node)
        if values != self.on_disk:
            for name, value, stored in zip(self.durable, values, self.on_disk, strict=True):
                if value != stored:
                    self.store_field(name, value)
            self.on_disk = tuple(self.disk[name] for name in self.durable)
        return log_changes

    def store_field(self, name: str, value: Any) -> None:
        """Put the new value of a durable field on the disk."""
        self.disk[name] = copy.deepcopy(value)

    def store_log(self, name: str, changes: Iterable[Change]) -> None:
        """Change a log on the disk, which begins empty, as the node has changed its own."""
        if name not in self.disk:
            self.disk[name] = Log()
        self.disk[name].follow(changes)


def fields_reader(names: tuple[str, ...]) -> Callable[[Any], tuple[Any, ...]]:
    """Return a function that reads these fields of an object, faster than a loop does."""
    if len(names) > 1:
        return attrgetter(*names)
    # With one name, attrgetter returns a value and not a tuple; without a name, there is no attrgetter.
    return lambda node: tuple(getattr(node, name) for name in names)


def _as_log(value: object, name: str) -> Log:
    """Return a value that is in a log's place.

    Raises:
        Mistake: It is not a log.
    """
    if not isinstance(value, Log):
        raise Mistake(f"put {value!r} where its {name} was; a log stays a Log")
    return value
