"""The clients of a simulation: what they ask and what they are answered, each under an address of its own.

A client asks once, unless it is one that asks again: see `retrying`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from raft_steps.lab.commands import Request, Response
from raft_steps.lab.runtime.diagnostics import Mistake, response_mistake
from raft_steps.lab.scenario.model import NAMELESS_CLIENT

if TYPE_CHECKING:
    from raft_steps.lab.runtime.monitor import Monitor
    from raft_steps.lab.runtime.recorder import Note, Recorder
    from raft_steps.lab.runtime.simulator.agenda import Agenda
    from raft_steps.lab.runtime.simulator.simulated_host import Handle, SimulatedHost

Receive = Callable[[str, Response], bool]


class Clients:
    """Brings requests to servers, and keeps the answers.

    Attributes:
        responses: The answer to each client that has one, by the client's address.
        waiting: The clients that wait for an answer.
    """

    def __init__(
        self, agenda: Agenda, handle: Handle, note: Note, recorder: Recorder | None, monitor: Monitor | None
    ) -> None:
        """Start without clients.

        Args:
            agenda: Has the time.
            handle: Calls the handler of a request.
            note: Records that a request was not delivered.
            recorder: Records the answers, if the run is recorded.
            monitor: Is told what clients ask, if there is one.
        """
        self._agenda, self._handle, self._note = agenda, handle, note
        self._recorder, self._monitor = recorder, monitor
        self.responses: dict[str, Response] = {}
        self.waiting: set[str] = set()
        self._count = 0
        self._retrying: dict[str, Receive] = {}

    def new_address(self) -> str:
        """Return the reply address of another client."""
        self._count += 1
        return f"{NAMELESS_CLIENT}{self._count}"

    def retry_as(self, client: str, receive: Receive) -> None:
        """Let a client ask again until it is content.

        Args:
            client: Its address.
            receive: Called with the server and each answer; returns whether the client is content with it.
        """
        self._retrying[client] = receive
        self.waiting.add(client)

    def ask(self, host: SimulatedHost, request: Request, client: str = "") -> str:
        """Bring a request to a server; return the client's reply address, by default that of a new client."""
        client = client or self.new_address()
        if host.up:
            self.waiting.add(client)
            if self._monitor is not None:
                self._monitor.asked(client, request)
            self._arrive(host, client, request)
        else:
            self._note("note", host.name, text=f"{client} cannot reach {host.name}, which is down")
        return client

    def _arrive(self, host: SimulatedHost, client: str, request: Request) -> None:
        if not host.up:  # The server was paused when the client asked, and crashed as it resumed.
            self._note("note", host.name, text=f"{client} is not heard by {host.name}, which is down")
            return
        if host.paused:
            host.mailbox.append((self._arrive, host, client, request))
            return
        handler = host.find_handler("on_client_request", self._agenda.now_us)
        self._handle(host, handler, (client, request), "asked", {"client": client, "request": request})

    def answer(self, host: SimulatedHost, client: str, response: Response) -> None:
        """Deliver a server's answer to the client that waits for it.

        Raises:
            Mistake: It is not an answer, or no such client waits and none has asked again.
        """
        if not isinstance(response, Response):
            raise response_mistake(response)
        receive = self._retrying.get(client)
        if client not in self.waiting:
            if receive is not None:  # It has asked several servers, and another one was first.
                self._note("note", host.name, text=f"{client} has its answer already, and ignores that of {host.name}")
                return
            raise Mistake(f"answered {client!r}, but no such client waits; a client is answered once")
        if self._recorder is not None:
            self._recorder.answered(self._agenda.now_us, host.name, client, response)
        if receive is None or receive(host.name, response):
            self.waiting.remove(client)
            self.responses[client] = response
