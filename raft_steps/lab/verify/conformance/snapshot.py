"""A look at a cluster at one moment of a run: who leads, in which term, and what everybody has."""

from __future__ import annotations

from typing import TYPE_CHECKING

from raft_steps.lab.commands import Set
from raft_steps.lab.log import Entry

if TYPE_CHECKING:
    from raft_steps.lab.runtime.simulator.simulated_host import SimulatedHost
    from raft_steps.lab.runtime.simulator.simulation import Simulation
    from raft_steps.lab.verify.conformance.observations import Witness

Leader = tuple[str, int]  # a server and the term in which it leads


class Look:
    """What was seen at one moment. Only what is small is kept; logs are those of the moment in which they are asked for.

    Attributes:
        time: The moment, in microseconds.
        witness: What the run's witness remembers.
        running: The names of the servers that run.
        terms: The term of each of them.
        leaders: Those that lead, with their terms.
        in_touch: Those of the leaders that reach a majority, and are reached by it.
        calls: How many calls were sent until now.
        bytes: How many bytes were sent until now.
    """

    def __init__(self, simulation: Simulation, witness: Witness) -> None:
        """Look now."""
        self._hosts = simulation.hosts
        self.time, self.witness = simulation.now_us, witness
        self.running = [name for name, host in self._hosts.items() if host.up]
        self.terms = {name: _term(self._hosts[name]) for name in self.running}
        self.leaders: list[Leader] = [
            (name, self.terms[name]) for name in self.running if getattr(self._hosts[name].node, "is_leader", False)
        ]
        self.in_touch = [leader for leader in self.leaders if self._reaches_majority(self._hosts[leader[0]])]
        traffic = witness.traffic
        self.calls, self.bytes = (traffic.calls, traffic.bytes) if traffic is not None else (0, 0)

    def _reaches_majority(self, host: SimulatedHost) -> bool:
        reached = sum(
            not link.cuts and self._hosts[name].up and not self._hosts[name].links[host.name].cuts
            for name, link in host.links.items()
        )
        return 2 * (reached + 1) > len(self._hosts)

    @property
    def leader(self) -> Leader | None:
        """The one leader in touch with a majority; None if there is none, or two in a term."""
        return None if self.why_not_one_leader() else max(self.in_touch, key=lambda leader: leader[1])

    def why_not_one_leader(self) -> str:
        """Say why there is no leader, or more than one; "" if there is one in the highest term, and one only."""
        if not self.in_touch:
            return "nobody leads whom a majority can hear" if self.leaders else "nobody leads"
        by_term: dict[int, str] = {}
        for name, term in self.in_touch:
            first = by_term.setdefault(term, name)
            if first != name:
                return f"{first} and {name} lead in term {term}"
        return ""

    def log(self, name: str) -> list[Entry]:
        """Give a server's log."""
        return list(getattr(self._hosts[name].node, "log", ()))

    def carried_out(self, name: str) -> list[Entry]:
        """Give what a server has carried out in this life, by index."""
        applied = self.witness.applied[name]
        return [applied[index] for index in sorted(applied)]

    def value(self, name: str, key: str) -> str | None:
        """Give what a key is by all that a server has carried out; None if it is not there."""
        for entry in reversed(self.carried_out(name)):
            if entry.command is not None and entry.command.key == key:
                return entry.command.value if isinstance(entry.command, Set) else None
        return None

    def why_no_agreement(self) -> str:
        """Say in what the running servers differ; "" if they have one log and have carried all of it out."""
        logs = {name: self.log(name) for name in self.running}
        if not logs:
            return "no server runs"
        first = self.running[0]
        for name, log in logs.items():
            if log != logs[first]:
                return f"the logs of {first} and {name} differ"
            applied = self.witness.applied[name]
            missing = [entry.index for entry in log if applied.get(entry.index) != entry]
            if missing:
                return f"{name} has not carried the entry at index {missing[0]} out"
        return ""


def _term(host: SimulatedHost) -> int:
    return getattr(host.node, "current_term", 0)
