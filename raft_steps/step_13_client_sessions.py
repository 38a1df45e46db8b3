"""Step 13: a client may ask again.

A client without an answer does not know whether its command was carried out. If it asks again, the command may be in
the log twice. So a client opens a session and numbers its commands, and the servers carry out each number once; the
response is kept, for a client that asks again. Sessions are state that follows from the log, as the state machine does:
they are opened by an entry, and expire when entries have opened enough others, never by a server's clock. And a server
that does not lead names the leader. A client has one open command in a session at a time.

New: leader, responses, sessions, sessions_max, execute, execute_once, open_session.
Changed: answer_clients, apply, on_append_entries, on_client_request.
Paper: Section 8 (clients assign unique serial numbers to every command; a server that is not the leader rejects a
    request and names the leader), dissertation Section 6.3 (sessions, and when they expire).
Follows: the commits of September 2020 for the name of the leader; the paper for sessions, which the original never had.
"""

from __future__ import annotations

from dataclasses import field
from typing import ClassVar

from raft_steps import step_12_persistence as step_12
from raft_steps.lab.commands import (
    Append,
    Command,
    CompareAndSet,
    Delete,
    Get,
    InSession,
    Mismatch,
    NotLeader,
    Ok,
    OpenSession,
    Request,
    Response,
    SessionExpired,
    Set,
)
from raft_steps.lab.log import Entry
from raft_steps.step_11_commit_index import AppendEntries


class Node(step_12.Node):
    """A server that carries out each command of a session once."""

    sessions_max: ClassVar[int] = 64  # the same on all servers, because their states must be the same

    # The server that has called last as the leader.
    leader: str | None = None

    # The open sessions, the one used last at the end: the serial number of the last command, and its response.
    sessions: dict[int, tuple[int, Response]] = field(default_factory=dict)

    # The responses to the entries that are being applied, by index.
    responses: dict[int, Response] = field(default_factory=dict)

    def on_append_entries(self, sender: str, message: AppendEntries) -> None:
        """Refuse an older term; otherwise follow this leader, store the entries if they fit, and apply what is committed."""
        self.learn_term(message.term)
        if message.term < self.current_term:
            self.refuse_append_entries(sender)
            return
        self.become_follower()
        self.leader = sender
        success = self.store_entries(message.prev_log_index, message.prev_log_term, message.entries)
        last_new = message.prev_log_index + len(message.entries)
        if success:
            self.commit_up_to(min(message.leader_commit, last_new))
        self.answer_append_entries(sender, success, message.prev_log_index, last_new if success else 0)

    def on_client_request(self, client: str, request: Request) -> None:
        """Refuse clients with the name of the leader; otherwise answer a read, or log a command."""
        if not self.is_leader:
            self.reply(client, NotLeader(leader=self.leader))
        elif isinstance(request, Get):
            self.answer_read(client, request)
        else:
            self.write(client, request)

    def apply(self, entry: Entry) -> None:
        """Carry out an entry's command, and keep the response for the client that waits for it."""
        self.report_applied(entry)
        match entry.command:
            case OpenSession():
                response = self.open_session(entry.index)
            case InSession():
                response = self.execute_once(entry.command)
            case command:
                response = self.execute(command)
        self.responses[entry.index] = response

    def open_session(self, number: int) -> Response:
        """Open a session, whose number is the index of its entry; the one that was not used for longest may expire."""
        response = Ok(value=str(number))
        self.sessions[number] = (0, response)
        if len(self.sessions) > self.sessions_max:
            del self.sessions[next(iter(self.sessions))]
        return response

    def execute_once(self, command: InSession) -> Response:
        """Carry out a new command of a session; give the response to its last one again."""
        serial, response = self.sessions.get(command.session, (0, None))
        if response is None or command.serial < serial:
            return SessionExpired()
        if command.serial > serial:
            response = self.execute(command.command)
        del self.sessions[command.session]
        self.sessions[command.session] = (command.serial, response)
        return response

    def execute(self, command: Command | None) -> Response:
        """Carry out a command on the state machine."""
        values = self.state_machine
        match command:
            case Set():
                values[command.key] = command.value
            case Delete():
                values.pop(command.key, None)
            case Append():
                values[command.key] = values.get(command.key, "") + command.value
                return Ok(value=values[command.key])
            case CompareAndSet():
                if values.get(command.key) != command.expected:
                    return Mismatch(value=values.get(command.key))
                values[command.key] = command.value
        return Ok()

    def answer_clients(self) -> None:
        """Answer the clients whose entries have been applied, each with the response to its own."""
        for client, entry in list(self.open_writes.items()):
            if entry.index <= self.last_applied:
                del self.open_writes[client]
                self.reply(client, self.responses[entry.index])
        for client, (index, request) in list(self.open_reads.items()):
            if index <= self.last_applied:
                del self.open_reads[client]
                self.reply(client, Ok(value=self.state_machine.get(request.key)))
        self.responses = {}
