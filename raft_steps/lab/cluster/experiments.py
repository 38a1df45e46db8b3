"""What notebook 08 measures: how often two timeouts are equal, and how long a cluster stays without a leader."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from raft_steps.lab.cluster.cluster import Cluster
from raft_steps.lab.errors import ScenarioError
from raft_steps.lab.random_stream import RandomStream

CAP = 120.0  # seconds of virtual time: whoever has no leader by then is not waited for
CALM = 12.0  # seconds that a cluster with a named leader runs before that leader crashes: two heartbeats and a bit


def equal_timeouts(draws: int, low: int = 8, high: int = 18, seed: int = 0) -> float:
    """Draw pairs of timeouts, and say which share of the pairs are equal.

    Args:
        draws: How many pairs.
        low: The shortest timeout, in whole seconds.
        high: The longest, included.
        seed: What chance begins with.

    Raises:
        ScenarioError: There is nothing to draw.
    """
    if draws < 1:
        raise ScenarioError(f"a share needs at least one pair, not {draws}")
    chance = RandomStream(seed, "equal timeouts")
    return sum(chance.between(low, high) == chance.between(low, high) for _ in range(draws)) / draws


@dataclass(slots=True)
class Outage:
    """What became of a cluster whose leader crashed.

    Attributes:
        cluster: The cluster, as the run left it.
        crashed: The leader that crashed.
        led_after: When it was first seen to lead, in seconds.
        seconds: How long nobody led; the cap, where nobody ever did.
        leader: Who led then; None if nobody.
        elections: How many elections each of the others called, by name.
    """

    cluster: Cluster
    crashed: str
    led_after: float
    seconds: float
    leader: str | None
    elections: dict[str, int] = field(default_factory=dict)

    def __str__(self) -> str:
        """Tell it in two sentences."""
        called = ", ".join(f"{name} {count}" for name, count in self.elections.items())
        then = f"{self.leader or 'nobody'} leads {self.seconds:.1f} s later"
        return (
            f"{self.crashed} led after {self.led_after:.1f} s, and crashed; {then}. Elections called since: {called}."
        )

    __repr__ = __str__


def leaderless(
    step_or_node: int | type,
    seeds: Iterable[int] | int,
    servers: int = 3,
    *,
    cap: float = CAP,
    named_leader: bool = True,
    progress: Callable[[int, int], None] | None = None,
) -> list[float]:
    """Measure how long a cluster stays without a leader when its leader has crashed.

    Args:
        step_or_node: The number of a step from 4 on, or a Node class.
        seeds: Which seeds, or how many from 0.
        servers: How many servers.
        cap: How long to wait, in seconds.
        named_leader: Whether the first leader is told to lead, so that no vote has been given yet, as in the post's
            list; otherwise it is elected.
        progress: Told after each run how many are done, of how many.

    Returns:
        The seconds for each seed, in order; the cap where nobody led by then.
    """
    wanted = list(range(seeds)) if isinstance(seeds, int) else list(seeds)
    found = []
    for done, seed in enumerate(wanted, start=1):
        cluster = Cluster(step_or_node, servers, seed=seed, leader="tom" if named_leader else None, record=False)
        found.append(_lose_leader(cluster, cap).seconds)
        if progress is not None:
            progress(done, len(wanted))
    return found


def three_fresh_followers(
    step_or_node: int | type = 8, seed: int = 0, *, cap: float = CAP, record: bool = True
) -> Outage:
    """Let three followers elect a leader, crash it, and see whether the two that are left elect another.

    With a vote that is given once in a life they mostly cannot: both have voted for the leader that is gone.
    """
    return _lose_leader(Cluster(step_or_node, 3, seed=seed, leader=None, record=record), cap)


def _lose_leader(cluster: Cluster, cap: float) -> Outage:
    cluster.run(cap, until=lambda: cluster.leader is not None)
    crashed, led_after = cluster.leader, cluster.time
    if crashed is None:
        return Outage(cluster, "nobody", led_after, cap, None)
    cluster.run(CALM)
    crashed = cluster.leader or crashed
    cluster.crash(crashed)
    begun = cluster.time
    others = [name for name in cluster.servers if name != crashed]
    terms = {name: cluster.node(name).current_term for name in others}
    cluster.run(cap, until=lambda: cluster.leader is not None)
    leader = cluster.leader
    elections = {name: cluster.node(name).current_term - terms[name] for name in others}
    return Outage(cluster, crashed, led_after, cluster.time - begun if leader else cap, leader, elections)
