"""Clients that ask again until they are answered, alone or in a session.

A client that gets no answer asks the next server. If a server that does not lead names the leader, the client asks that
one. In a session, a client sends one command at a time, each with its serial number, and repeats the number when it asks
again; its other commands wait. A client whose Node opens no sessions asks again without one.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from raft_steps.lab.commands import InSession, NotLeader, Ok, OpenSession, Request, Response, SessionExpired, Write
from raft_steps.lab.scenario.model import MICROSECONDS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from raft_steps.lab.runtime.simulator.agenda import Agenda
    from raft_steps.lab.runtime.simulator.dispatch import Dispatcher
    from raft_steps.lab.runtime.simulator.simulated_host import SimulatedHost

TRIES_IN_PATIENCE = 10  # how often a client asks while another one would wait for its only answer
HOPS_IN_TRY = 10  # how many servers that name another leader it can follow while it would wait for one answer


@dataclass(slots=True, eq=False)
class _Session:
    """What a client remembers of its session.

    Attributes:
        name: The client's name.
        queue: The commands that wait, with their addresses, the one under way first.
        number: The number of the session; None if it has none.
        serial: The serial number of the last command that was sent in it.
        asked: How many commands the client has had.
        opened: How many sessions it has asked for.
        server: The server that answered last.
    """

    name: str
    queue: deque[tuple[str, Write]] = field(default_factory=deque)
    number: int | None = None
    serial: int = 0
    asked: int = 0
    opened: int = 0
    server: str = ""


@dataclass(slots=True, eq=False)
class _Attempt:
    """A request that is sent until it is answered.

    Attributes:
        client: The reply address.
        request: The request.
        server: The server to ask next.
        session: The session that it belongs to, if any.
        number: Counts the tries that were planned; only the one planned last happens.
    """

    client: str
    request: Request
    server: str
    session: _Session | None = None
    number: int = 0


class RetryingClients:
    """Sends requests again and again, until they are answered."""

    def __init__(
        self, hosts: Mapping[str, SimulatedHost], agenda: Agenda, dispatcher: Dispatcher, patience_s: float
    ) -> None:
        """Start without clients.

        Args:
            hosts: The servers, by name.
            agenda: Has the time, and the tries that are planned.
            dispatcher: Has the clients.
            patience_s: How long a client that asks once waits for its answer, in seconds.
        """
        self._hosts, self._agenda, self._clients = hosts, agenda, dispatcher.clients
        self._note, self._names = dispatcher.note, tuple(hosts)
        self._wait_us = round(patience_s * MICROSECONDS / TRIES_IN_PATIENCE)
        self._sessions: dict[str, _Session] = {}

    def ask(self, request: Request, name: str, first: Sequence[SimulatedHost]) -> str:
        """Send a request until it is answered.

        Args:
            request: The request; in a session, a write.
            name: The name of the client whose session it belongs to; "" for a client without one.
            first: The server to ask first; if it is empty, any.

        Returns:
            The client's reply address.
        """
        server = first[0].name if first else self._names[0]
        if not name:
            client = self._clients.new_address()
            self._send(_Attempt(client, request, server))
            return client
        session = self._sessions.setdefault(name, _Session(name))
        session.asked += 1
        client = f"{name}#{session.asked}"
        session.queue.append((client, request))  # type: ignore[arg-type]  # The scenario's validation admits writes only.
        self._clients.waiting.add(client)
        session.server = session.server or server
        if len(session.queue) == 1:
            self._continue(session)
        return client

    def _continue(self, session: _Session) -> None:
        """Send a session's next command, or open the session first."""
        client, command = session.queue[0]
        if session.number is None:
            session.opened += 1
            client = f"{session.name}#open{session.opened}"
            self._send(_Attempt(client, OpenSession(), session.server, session))
        elif session.number == 0:
            self._send(_Attempt(client, command, session.server, session))
        else:
            session.serial += 1
            request = InSession(session=session.number, serial=session.serial, command=command)
            self._send(_Attempt(client, request, session.server, session))

    def _send(self, attempt: _Attempt) -> None:
        self._clients.retry_as(attempt.client, lambda server, response: self._receive(attempt, server, response))
        self._try(attempt, attempt.number)

    def _try(self, attempt: _Attempt, number: int, _: None = None) -> None:
        """Ask one server, and plan to ask the next one if no answer comes."""
        if number != attempt.number:
            return
        host = self._hosts[attempt.server]
        self._plan(attempt, self._after(attempt.server), self._wait_us)
        self._clients.ask(host, attempt.request, attempt.client)

    def _plan(self, attempt: _Attempt, server: str, wait_us: int) -> None:
        attempt.number, attempt.server = attempt.number + 1, server
        self._agenda.push(self._agenda.now_us + wait_us, self._try, attempt, attempt.number, None)

    def _after(self, server: str) -> str:
        """Return the server that a client asks after this one."""
        return self._names[(self._names.index(server) + 1) % len(self._names)]

    def _receive(self, attempt: _Attempt, server: str, response: Response) -> bool:
        """Handle a server's answer; return whether the client is content with it."""
        if isinstance(response, NotLeader):
            if response.leader is not None and response.leader in self._hosts:
                self._plan(attempt, response.leader, self._wait_us // HOPS_IN_TRY)
            return False
        attempt.number += 1  # No more tries.
        session = attempt.session
        if session is not None:
            session.server = server
            # The next command is sent when this event is over: its effects are being carried out.
            self._agenda.push(self._agenda.now_us, self._finish, session, attempt.request, response)
        return True

    def _finish(self, session: _Session, request: Request, response: Response) -> None:
        """Note what a session has got by an answer, and go on with its next command."""
        if isinstance(request, OpenSession):
            session.number, session.serial = self._number_of(session, response), 0
        else:
            session.queue.popleft()
            if isinstance(response, SessionExpired):
                session.number = None
        if session.queue:
            self._continue(session)

    def _number_of(self, session: _Session, response: Response) -> int:
        """Return the number of a session that was opened; 0 if the Node opens none."""
        if isinstance(response, Ok) and response.value is not None and response.value.isdecimal():
            return int(response.value)
        self._note("note", text=f"{session.name} gets no session, and asks without one")
        return 0
