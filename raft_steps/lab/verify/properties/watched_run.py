"""The witness: it holds a recorded run against the properties of Raft, and notes which event of the trace broke one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from raft_steps.lab.runtime.simulator.simulation import Simulation
from raft_steps.lab.verify.properties.monitor import Properties

if TYPE_CHECKING:
    from raft_steps.lab.commands import Request
    from raft_steps.lab.log import Change
    from raft_steps.lab.runtime.host import Host
    from raft_steps.lab.scenario.scenario import Scenario
    from raft_steps.lab.verify.properties.rules import Rule


class Witness(Properties):
    """Watches any Node, Raft or not: one so strange that the properties cannot be asked about it is asked no more.

    Attributes:
        events: The number of the trace's event that broke a rule, by the rule's name.
    """

    def __init__(self, simulation: Simulation) -> None:
        """Watch this simulation; it need not have begun."""
        super().__init__()
        self.events: dict[str, int] = {}
        self._simulation = simulation
        self._gave_up = False

    def begins(self, host: Host) -> None:
        """Hear that a life begins."""
        self._carefully(super().begins, host)

    def asked(self, client: str, request: Request) -> None:
        """Hear what a client asks."""
        self._carefully(super().asked, client, request)

    def handled(self, host: Host, now: int, message: object | None, changes: list[Change] | None) -> None:
        """Look at a node that has handled an event, and at its effects before they leave."""
        if not self._gave_up:
            try:  # What `_carefully` does, without a word about it: this is called at every event.
                Properties.handled(self, host, now, message, changes)
            except Exception:  # noqa: BLE001  # As below.
                self._gave_up = True

    def failed(self, host: Host) -> None:
        """Hear that a server went down in the middle of an event: what its disk took of it counts."""
        self._carefully(super().failed, host)

    def _carefully(self, look: Any, *arguments: Any) -> None:
        if not self._gave_up:
            try:
                look(*arguments)
            except Exception:  # noqa: BLE001  # A learner's Node may hold anything in a field; its run goes on.
                self._gave_up = True

    def _break(self, rule: Rule, now: int, text: str, *servers: str) -> None:
        trace = self._simulation.trace
        self.events.setdefault(rule.name, len(trace) - 1 if trace is not None else -1)
        super()._break(rule, now, text, *servers)


def begin(scenario: Scenario, node_class: type | None = None, title: str = "") -> Simulation:
    """Begin a recorded run, with a witness.

    Args:
        scenario: What decides it.
        node_class: The class of the nodes; that of the scenario's step by default.
        title: Whose run it is; the step's by default.

    Raises:
        NodeError: A node cannot be started.
        ScenarioError: The scenario names no step, and no class is given beside it.
    """
    # The witness knows the simulation before its servers start, for they may break a rule as they do.
    simulation = Simulation.__new__(Simulation)
    simulation.__init__(scenario, node_class, monitor=Witness(simulation))  # type: ignore[misc]
    if simulation.trace is not None:
        simulation.trace.title = title or f"step {scenario.step}"
    return simulation
