"""The state of a cluster at one moment of a run, as far as expectations refer to it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from raft_steps.lab.commands import Append, CompareAndSet, Set, operation_of
from raft_steps.lab.log import Entry
from raft_steps.lab.messages import to_text

if TYPE_CHECKING:
    from raft_steps.lab.runtime.simulator.simulated_host import SimulatedHost
    from raft_steps.lab.runtime.simulator.simulation import Simulation
    from raft_steps.lab.verify.conformance.observations import Observations

Leader = tuple[str, int]  # a server and the term in which it leads


class ClusterSnapshot:
    """Leaders, terms and counts at one moment.

    Logs are not copied: the methods that read logs, and `observations`, are only valid until the run goes on.

    Attributes:
        time_us: The moment, in microseconds.
        observations: What the run's monitor has recorded.
        running: The names of the servers that run.
        terms: The term of each server that runs.
        leaders: The servers that lead, with their terms.
        in_touch: The leaders that a majority can reach, and that can reach it.
        calls: The number of calls that were sent so far.
        bytes: The number of bytes that were sent so far.
    """

    def __init__(self, simulation: Simulation, observations: Observations) -> None:
        """Take a snapshot of the present state."""
        self._hosts = simulation.hosts
        self.time_us, self.observations = simulation.now_us, observations
        self.running = [name for name, host in self._hosts.items() if host.up]
        self.terms = {name: _term(self._hosts[name]) for name in self.running}
        self.leaders: list[Leader] = [
            (name, self.terms[name]) for name in self.running if getattr(self._hosts[name].node, "is_leader", False)
        ]
        self.in_touch = [leader for leader in self.leaders if self._reaches_majority(self._hosts[leader[0]])]
        traffic = observations.traffic
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
        """Return why there is no leader, or more than one in a term; "" if there is a single one."""
        if not self.in_touch:
            return "no leader is in touch with a majority" if self.leaders else "nobody leads"
        by_term: dict[int, str] = {}
        for name, term in self.in_touch:
            first = by_term.setdefault(term, name)
            if first != name:
                return f"{first} and {name} lead in term {term}"
        return ""

    def log(self, name: str) -> list[Entry]:
        """Return a server's log."""
        return list(getattr(self._hosts[name].node, "log", ()))

    def _last_index(self, name: str) -> int:
        log = getattr(self._hosts[name].node, "log", None)
        return 0 if log is None else int(log.last_index)

    def applied(self, name: str) -> list[Entry]:
        """Return the entries that a server has applied since it started, in the order of their indices."""
        applied = self.observations.applied[name]
        return [applied[index] for index in sorted(applied)]

    def log_bytes(self, name: str) -> int:
        """Return how many bytes the entries of a server's log have as text, without its snapshot."""
        return sum(len(to_text(entry)) for entry in self.log(name))

    def value(self, name: str, key: str) -> str | None:
        """Return the value of a key by the entries that a server has applied; None if it has no value.

        If the last command about the key is neither a Set nor a Delete, it is what the server's state machine holds.
        """
        for entry in reversed(self.applied(name)):
            command = operation_of(entry.command)
            if command is not None and command.key == key:
                if isinstance(command, Append | CompareAndSet):
                    return self.stored(name, key)
                return command.value if isinstance(command, Set) else None
        return None

    def stored(self, name: str, key: str) -> str | None:
        """Return what a server's state machine holds; None if the key does not exist, or there is no such field."""
        values = getattr(self._hosts[name].node, "state_machine", None)
        return values.get(key) if isinstance(values, Mapping) else None

    def why_no_agreement(self) -> str:
        """Return how the running servers differ; "" if they have the same log and have applied all of it."""
        logs = {name: self.log(name) for name in self.running}
        if not logs:
            return "no server runs"
        first = self.running[0]
        for name, log in logs.items():
            if self._last_index(name) != self._last_index(first) or _differ(log, logs[first]):
                return f"the logs of {first} and {name} differ"
            applied = self.observations.applied[name]
            missing = [entry.index for entry in log if applied.get(entry.index) != entry]
            if missing:
                return f"{name} has not applied the entry at index {missing[0]}"
        return ""


def _differ(log: list[Entry], other: list[Entry]) -> bool:
    """Return whether two logs differ, as far as both have their entries and not a snapshot."""
    shared = min(len(log), len(other))
    return log[len(log) - shared :] != other[len(other) - shared :]


def _term(host: SimulatedHost) -> int:
    return getattr(host.node, "current_term", 0)
