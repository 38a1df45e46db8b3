"""The plan of a chaos run: which faults happen when. It is decided by a seed; how the servers react is not."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from raft_steps.lab.random_stream import RandomStream

QUIET_S = (0.5, 2.5)  # between two faults
LASTING_S = (0.3, 3.0)
SECOND_FAULT = 0.3  # the share of faults during which another one begins
LOST_SHARE = 0.2
DELAYS_S = (0.0, 0.04)
UNDONE_BY = {
    "kill": "restart", "pause": "resume", "partition": "heal", "cut": "heal", "loss": "heal", "delay": "heal",
}  # fmt: skip
# Each kind of fault: its verb, and whom it strikes. Kills and pauses of leaders are the most instructive ones.
KINDS: tuple[tuple[str, str], ...] = (
    ("kill", "leader"), ("kill", "leader"), ("kill", "follower"), ("kill", "half"), ("kill", "all"),
    ("pause", "leader"), ("pause", "leader"), ("pause", "follower"), ("pause", "half"),
    ("partition", "leader"), ("partition", "leader"), ("partition", "half"), ("partition", "each"),
    ("cut", "leader"), ("cut", "follower"), ("loss", "network"), ("delay", "network"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault.

    Attributes:
        at_s: When it begins, in seconds since the start of the load.
        until_s: When it is undone.
        verb: What happens, one of those in `UNDONE_BY`.
        target: Whom it strikes: the leader, a follower, half of the servers, all, each (a partition into single
            servers), or the network.
        order: The servers in a random order, which decides who strikes if more than one could.
    """

    at_s: float
    until_s: float
    verb: str
    target: str
    order: tuple[str, ...]

    def strikes(self, leader: str | None) -> list[str]:
        """Return the servers that it strikes when this server leads."""
        match self.target:
            case "leader":
                return [leader or self.order[0]]
            case "follower":
                return [name for name in self.order if name != leader][:1]
            case "half":
                return list(self.order[: (len(self.order) + 1) // 2])
            case "all" | "each":
                return list(self.order)
        return []

    def __str__(self) -> str:
        """Format it as a line of the plan."""
        order = ", ".join(self.order)
        return f"{self.at_s:.2f} to {self.until_s:.2f} s: {self.verb} {self.target} (of {order})"


def plan(seed: int, servers: tuple[str, ...], seconds: float) -> list[Fault]:
    """Return the faults of a run, in the order in which they begin.

    Args:
        seed: Decides them.
        servers: The names of the servers.
        seconds: How long the run lasts.
    """
    return list(_faults(RandomStream(seed, "chaos"), servers, seconds))


def _faults(random: RandomStream, servers: tuple[str, ...], seconds: float) -> Iterator[Fault]:
    kinds = [kind for kind in KINDS if len(servers) > 1 or kind[0] in ("kill", "pause")]
    at_s = random.uniform(*QUIET_S)
    while at_s < seconds:
        verb, target = random.choice(kinds)
        until_s = at_s + random.uniform(*LASTING_S)
        yield Fault(at_s, until_s, verb, target, _shuffled(random, servers))
        if random.random() < SECOND_FAULT:
            second = random.choice([kind for kind in kinds if UNDONE_BY[kind[0]] != UNDONE_BY[verb]])
            yield Fault(random.uniform(at_s, until_s), until_s, *second, _shuffled(random, servers))
        at_s = until_s + random.uniform(*QUIET_S)


def _shuffled(random: RandomStream, servers: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(name for _, name in sorted((random.random(), name) for name in servers))
