"""The clients of a simulation: what they ask, and what they hear. Each asks once, under an address of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from raft_steps.lab.commands import NotLeader, Ok, Request, Response
from raft_steps.lab.runtime.diagnostics import Mistake

if TYPE_CHECKING:
    from raft_steps.lab.runtime.simulator.simulated_host import SimulatedHost
    from raft_steps.lab.runtime.simulator.simulation import Simulation


class Clients:
    """Brings requests to servers, and keeps the answers.

    Attributes:
        responses: What each client was told, by client.
        waiting: The clients that have asked and heard nothing.
    """

    def __init__(self, simulation: Simulation) -> None:
        """Belong to this simulation."""
        self.simulation = simulation
        self.responses: dict[str, Response] = {}
        self.waiting: set[str] = set()
        self._count = 0

    def ask(self, host: SimulatedHost, request: Request) -> str:
        """Bring a request to a server; return the client's reply address."""
        self._count += 1
        client = f"client#{self._count}"
        if host.up:
            self.waiting.add(client)
            if self.simulation.monitor is not None:
                self.simulation.monitor.asked(client, request)
            self._arrive(host, client, request)
        else:
            self.simulation.note("note", host.name, text=f"{client} cannot reach {host.name}, which is down")
        return client

    def _arrive(self, host: SimulatedHost, client: str, request: Request) -> None:
        if not host.up:  # It was paused when the client asked, and went down as it went on.
            self.simulation.note("note", host.name, text=f"{client} is not heard by {host.name}, which is down")
            return
        if host.paused:
            host.mailbox.append((self._arrive, host, client, request))
            return
        handler = host.find_handler("on_client_request", self.simulation.now_us)
        self.simulation.handle(host, handler, (client, request), "asked", {"client": client, "request": request})

    def answer(self, host: SimulatedHost, client: str, response: Response) -> None:
        """Let a client hear a server's answer.

        Raises:
            Mistake: It is no answer, or nobody waits for one.
        """
        if not isinstance(response, Ok | NotLeader):
            raise Mistake(f"answered {response!r}; a client is answered with Ok(…) or NotLeader(…)")
        if client not in self.waiting:
            raise Mistake(f"answered {client!r}, but no such client waits; a client is answered once")
        self.waiting.remove(client)
        self.responses[client] = response
        if self.simulation.recorder is not None:
            self.simulation.recorder.answered(self.simulation.now_us, host.name, client, response)
