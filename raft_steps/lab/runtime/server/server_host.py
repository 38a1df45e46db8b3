"""The host of a real server: its disk is a database."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from raft_steps.lab.errors import MessageError
from raft_steps.lab.log import Change
from raft_steps.lab.runtime.diagnostics import Mistake
from raft_steps.lab.runtime.host import Host
from raft_steps.lab.runtime.server.database import Database


class ServerHost(Host):
    """One server whose disk is a database.

    `disk` holds the durable fields as they were last stored, to compare with; the logs are in the database alone, and
    in the node.
    """

    __slots__ = ("_added_from", "_changed_more", "database")

    def __init__(self, name: str, database: Database) -> None:
        """Create a host that is down, with what is in the database on its disk."""
        super().__init__(name)
        self.database = database
        self.life = database.life
        self._added_from, self._changed_more = 0, False  # what was stored since the last question

    def begin(self, node: Any) -> None:
        """Begin a life: give the node what the database holds."""
        self.disk = self.database.load()
        super().begin(node)
        # The node has its own copies by now, and `store` compares with `on_disk`.
        self.disk = {name: value for name, value in self.disk.items() if name in self.durable}

    def store_field(self, name: str, value: Any) -> None:
        """Store the new value of a durable field.

        Raises:
            Mistake: It is not a value that can be stored.
        """
        self._changed_more = True
        super().store_field(name, value)
        try:
            self.database.store_field(name, value)
        except MessageError as error:
            raise Mistake(f"left something in a durable field that cannot be stored: {error}") from error

    def store_log(self, name: str, changes: Iterable[Change]) -> None:
        """Store how the node has changed a log."""
        self.database.store_log(name, changes)
        for change in changes:
            if name == "log" and change[0] == "append":
                self._added_from = self._added_from or change[1].index
            else:
                self._changed_more = True

    def take_only_added(self) -> int:
        """Return the first entry that was added to the log since the last call; 0 if anything else was stored, too.

        It is also 0 if the term is not durable: a leader of a term that it has forgotten could lead in it again.
        """
        found = 0 if self._changed_more or "current_term" not in self.durable else self._added_from
        self._added_from, self._changed_more = 0, False
        return found
