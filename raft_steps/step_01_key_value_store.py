"""Step 1: one server that remembers.

A client sets, deletes and gets keys. The server writes every change to its log before it carries it out, and a server
that starts again replays its log: the log is what survives, the state machine is only what it adds up to.

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

    # State that a crash takes away.
    current_term: int = 0
    state_machine: dict[str, str] = field(default_factory=dict)

    def on_start(self) -> None:
        """Come back to where the log ends."""
        self.current_term = self.log.last_term
        self.replay_log()

    def replay_log(self) -> None:
        """Carry out every command of the log again, on an empty state machine."""
        self.state_machine = {}
        for entry in self.log:
            self.apply(entry)

    def on_client_request(self, client: str, request: Request) -> None:
        """Answer a read at once; log and carry out a write."""
        if isinstance(request, Get):
            self.answer_read(client, request)
        else:
            self.write(client, request)

    def answer_read(self, client: str, request: Get) -> None:
        """Read from the state machine."""
        self.reply(client, Ok(value=self.state_machine.get(request.key)))

    def write(self, client: str, command: Command) -> None:
        """Log the command first, then carry it out, then say so."""
        entry = self.next_entry(command)
        self.log.append(entry)
        self.apply(entry)
        self.reply(client, Ok())

    def next_entry(self, command: Command) -> Entry:
        """Make the entry that comes after the last one."""
        return Entry(index=self.log.last_index + 1, term=self.current_term, command=command)

    def apply(self, entry: Entry) -> None:
        """Carry out an entry's command on the state machine."""
        super().apply(entry)
        if isinstance(entry.command, Set):
            self.state_machine[entry.command.key] = entry.command.value
        elif isinstance(entry.command, Delete):
            self.state_machine.pop(entry.command.key, None)
