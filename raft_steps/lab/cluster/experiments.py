"""Measurements for notebook 08: how often two timeouts are equal, and how long a cluster has no leader."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from raft_steps.lab.cluster.cluster import Cluster
from raft_steps.lab.errors import ScenarioError
from raft_steps.lab.random_stream import RandomStream

CAP_S = 120.0  # of virtual time: a cluster that has no leader by then is not run any further
CALM_S = 12.0  # a little more than two heartbeats, so that all servers follow a new leader before it crashes


def equal_timeouts(draws: int, low: int = 8, high: int = 18, seed: int = 0) -> float:
    """Draw pairs of timeouts, and return the share of pairs that are equal.

    Args:
        draws: The number of pairs.
        low: The shortest timeout, in whole seconds.
        high: The longest timeout, included.
        seed: The seed of the random choices.

    Raises:
        ScenarioError: The number of pairs is less than 1.
    """
    if draws < 1:
        raise ScenarioError(f"a share needs at least one pair, not {draws}")
    stream = RandomStream(seed, "equal timeouts")
    return sum(stream.between(low, high) == stream.between(low, high) for _ in range(draws)) / draws


@dataclass(slots=True)
class Outage:
    """The time without a leader after a leader has crashed.

    Attributes:
        cluster: The cluster at the end of the run.
        crashed: The leader that crashed.
        led_after_s: When it became the leader, in seconds.
        duration_s: How long there was no leader, in seconds; the cap if there was none by then.
        leader: The next leader; None if there was none.
        elections: The number of elections that each other server has called since, by name.
    """

    cluster: Cluster
    crashed: str
    led_after_s: float
    duration_s: float
    leader: str | None
    elections: dict[str, int] = field(default_factory=dict)

    def __str__(self) -> str:
        """Describe the outage in two sentences."""
        called = ", ".join(f"{name} {count}" for name, count in self.elections.items())
        then = f"{self.leader or 'nobody'} leads {self.duration_s:.1f} s later"
        return (
            f"{self.crashed} led after {self.led_after_s:.1f} s, and crashed; {then}. Elections called since: {called}."
        )

    __repr__ = __str__


def leaderless(
    step_or_node: int | type,
    seeds: Iterable[int] | int,
    servers: int = 3,
    *,
    cap: float = CAP_S,
    named_leader: bool = True,
    progress: Callable[[int, int], None] | None = None,
) -> list[float]:
    """Measure how long a cluster has no leader after its leader has crashed.

    Args:
        step_or_node: The number of a step from 4 on, or a Node class.
        seeds: The seeds, or how many of them, from 0.
        servers: The number of servers.
        cap: The longest time to wait, in seconds.
        named_leader: Whether the first leader is appointed, so that no vote has been cast yet, as in the post's list;
            otherwise it is elected.
        progress: Called after each run with the number of finished runs and the number of all runs.

    Returns:
        The seconds for each seed, in order; the cap if there was no leader by then.
    """
    wanted = list(range(seeds)) if isinstance(seeds, int) else list(seeds)
    durations = []
    for done, seed in enumerate(wanted, start=1):
        cluster = Cluster(step_or_node, servers, seed=seed, leader="tom" if named_leader else None, record=False)
        durations.append(_crash_leader(cluster, cap).duration_s)
        if progress is not None:
            progress(done, len(wanted))
    return durations


def three_fresh_followers(
    step_or_node: int | type = 8, seed: int = 0, *, cap: float = CAP_S, record: bool = True
) -> Outage:
    """Let three followers elect a leader, crash it, and measure whether and when the other two elect another.

    If a server votes only once in its life, they usually cannot: both have voted for the leader that has crashed.
    """
    return _crash_leader(Cluster(step_or_node, 3, seed=seed, leader=None, record=record), cap)


def _crash_leader(cluster: Cluster, cap_s: float) -> Outage:
    """Let a cluster elect a leader, crash it, and wait for the next one, at most `cap_s` seconds for each."""
    cluster.run(cap_s, until=lambda: cluster.leader is not None)
    crashed, led_after_s = cluster.leader, cluster.time
    if crashed is None:
        return Outage(cluster, "nobody", led_after_s, cap_s, None)
    cluster.run(CALM_S)
    crashed = cluster.leader or crashed  # Another server may have been elected in the meantime.
    cluster.crash(crashed)
    crashed_at_s = cluster.time
    others = [name for name in cluster.servers if name != crashed]
    terms = {name: cluster.node(name).current_term for name in others}
    cluster.run(cap_s, until=lambda: cluster.leader is not None)
    leader = cluster.leader
    elections = {name: cluster.node(name).current_term - terms[name] for name in others}
    duration_s = cluster.time - crashed_at_s if leader else cap_s
    return Outage(cluster, crashed, led_after_s, duration_s, leader, elections)
