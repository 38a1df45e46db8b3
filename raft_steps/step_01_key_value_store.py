"""Step 1: one server that remembers.

A client sets, deletes and gets keys. The server writes every change to its log before it applies it, and a server that
restarts replays its log: only the log survives a crash, and the state machine is rebuilt from it.

New: durable, current_term, log, state_machine, answer_read, apply, next_entry, on_client_request, on_start, replay_log,
    write.
Paper: Section 2 (replicated state machines), Figure 2 (log[]).
Follows: the beginning of the series: a key-value store behind a socket, its commands logged and replayed.
"""

from __future__ import annotations

from dataclasses import field
from typing import ClassVar

from raft_steps.lab import node
from raft_steps.lab.commands import Command, Delete, Get, Ok, Request, Set
from raft_steps.lab.log import Entry, Log


class Node(node.Node):
    """A server with a log and a key-value store."""

    durable: ClassVar[tuple[str, ...]] = ("log",)

    # Persistent state (Figure 2).
    log: Log = field(default_factory=Log)

    # State that is lost in a crash.
    current_term: int = 0
    state_machine: dict[str, str] = field(default_factory=dict)

    def on_start(self) -> None:
        """Restore the term and the state machine from the log."""
        self.current_term = self.log.last_term
        self.replay_log()

    def replay_log(self) -> None:
        """Apply every command of the log again, to an empty state machine."""
        self.state_machine = {}
        for entry in self.log:
            self.apply(entry)

    def on_client_request(self, client: str, request: Request) -> None:
        """Answer a read at once; log and apply a write."""
        if isinstance(request, Get):
            self.answer_read(client, request)
        else:
            self.write(client, request)

    def answer_read(self, client: str, request: Get) -> None:
        """Read from the state machine."""
        self.reply(client, Ok(value=self.state_machine.get(request.key)))

    def write(self, client: str, command: Command) -> None:
        """Log the command first, then apply it, then answer."""
        entry = self.next_entry(command)
        self.log.append(entry)
        self.apply(entry)
        self.reply(client, Ok())

    def next_entry(self, command: Command) -> Entry:
        """Build the entry that follows the last one."""
        return Entry(index=self.log.last_index + 1, term=self.current_term, command=command)

    def apply(self, entry: Entry) -> None:
        """Apply an entry's command to the state machine."""
        super().apply(entry)
        if isinstance(entry.command, Set):
            self.state_machine[entry.command.key] = entry.command.value
        elif isinstance(entry.command, Delete):
            self.state_machine.pop(entry.command.key, None)
