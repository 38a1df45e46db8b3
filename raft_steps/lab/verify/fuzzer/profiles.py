"""Fault profiles: named kinds of adversity, as data, and the scenarios that they generate from a seed.

A profile defines the network, how far clocks drift, how often clients write, and how often which faults happen.
`adversity` generates a scenario from it: a list of timed actions that can be read, replayed and shrunk.

    calm          no faults
    slow          messages take up to 30 ms, and one in a hundred much longer; clocks drift by 10%
    lossy         one message in twenty is lost
    reordering    one in ten is held back, one in twenty arrives twice
    partitions    the network splits: in two, around a leader, one way, around a bridge, on and off
    crashes       servers crash and restart, or are paused for a while
    disks         servers crash while they store, and lose that event or half of what it wrote
    hostile       all of these at once
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from raft_steps.lab.errors import ScenarioError
from raft_steps.lab.random_stream import RandomStream
from raft_steps.lab.scenario.model import MICROSECONDS, Action, server_names
from raft_steps.lab.scenario.scenario import Scenario, default_scenario
from raft_steps.lab.text import nearest

KEYS = 3  # so few that reads, writes and deletions of the same key overlap
CLOCK_STEPS = 100  # a clock's rate is a whole number of hundredths, which a scenario's text holds exactly

# An action of a fault: the seconds since the fault began, its verb and its words.
FaultAction = tuple[float, str, tuple[str, ...]]
FaultGenerator = Callable[[RandomStream, tuple[str, ...]], list[FaultAction]]


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultProfile:
    """One kind of adversity, for the paper's timing, with election timeouts of 150 to 300 ms.

    Attributes:
        name: Its name.
        sentence: What goes wrong, in a sentence.
        network: The parts of the scenario that configure the network.
        drift: How far a clock's rate may be from 1.
        writes: The shortest and the longest time between two requests of clients, in seconds.
        faults: The mean time between two faults of a kind, in seconds, by the kind's name.
        elections: The minimum number of elections in a run of 30 seconds, if elections succeed. Those of steps 4 to 8
            soon fail, because a server votes only once in its life.
        hits: The minimum number of faults in a run of 30 seconds.
    """

    name: str
    sentence: str
    network: Mapping[str, Any] = field(default_factory=dict)
    drift: float = 0.0
    writes: tuple[float, float] = (0.2, 0.6)
    faults: Mapping[str, float] = field(default_factory=dict)
    elections: int = 1
    hits: int = 0


def _one_of(chance: RandomStream, servers: tuple[str, ...]) -> str:
    """Choose a server; half of the time the leader at that time, whose failure has the worst consequences."""
    return "leader" if chance.random() < 0.5 else chance.choice(servers)


def _crash(chance: RandomStream, servers: tuple[str, ...]) -> list[FaultAction]:
    targets = ("followers",) if chance.random() < 0.1 else (_one_of(chance, servers),)
    return [(0, "crash", targets), (chance.uniform(0.05, 1), "restart", ("crashed",))]


def _disk(verb: str, chance: RandomStream, servers: tuple[str, ...]) -> list[FaultAction]:
    return [(0, verb, (_one_of(chance, servers),)), (chance.uniform(0.2, 1), "restart", ("crashed",))]


def _pause(chance: RandomStream, servers: tuple[str, ...]) -> list[FaultAction]:
    server = chance.choice(servers)  # Not "leader": by the time of the second action it would be another server.
    return [(0, "pause", (server,)), (chance.uniform(0.1, 1), "resume", (server,))]


def _split(chance: RandomStream, servers: tuple[str, ...]) -> list[FaultAction]:
    side = [server for server in servers if chance.random() < 0.5]
    side = side if 0 < len(side) < len(servers) else [servers[0]]
    return [(0, "partition", tuple(side)), (chance.uniform(0.3, 2), "heal", ())]


def _isolate(chance: RandomStream, _servers: tuple[str, ...]) -> list[FaultAction]:
    return [(0, "partition", ("leader",)), (chance.uniform(0.3, 2), "heal", ())]


def _one_way(chance: RandomStream, servers: tuple[str, ...]) -> list[FaultAction]:
    one = chance.choice(servers)
    others = [server for server in servers if server != one and chance.random() < 0.6]
    links = [f"{one}>{other}" if chance.random() < 0.5 else f"{other}>{one}" for other in others]
    return [*((0.0, "cut", (link,)) for link in links), (chance.uniform(0.3, 2), "heal", ())]


def _bridge(chance: RandomStream, servers: tuple[str, ...]) -> list[FaultAction]:
    """Split the cluster around one server that both sides can reach."""
    start = chance.randint(0, len(servers) - 1)
    others = (servers[start + 1 :] + servers[:start]) if len(servers) > 2 else ()
    left, right = others[: len(others) // 2], others[len(others) // 2 :]
    links = [link for one in left for other in right for link in (f"{one}>{other}", f"{other}>{one}")]
    return [*((0.0, "cut", (link,)) for link in links), (chance.uniform(0.3, 2), "heal", ())]


def _flap(chance: RandomStream, servers: tuple[str, ...]) -> list[FaultAction]:
    server, at_s = _one_of(chance, servers), 0.0
    actions: list[FaultAction] = []
    for _ in range(3):
        actions.append((at_s, "partition", (server,)))
        at_s += chance.uniform(0.05, 0.4)
        actions.append((at_s, "heal", ()))
        at_s += chance.uniform(0.05, 0.2)
    return actions


# Each function draws from the random stream in a fixed order: with another order, every seed would generate another
# scenario.
FAULTS: Mapping[str, FaultGenerator] = {
    "crash": _crash,
    "lose": partial(_disk, "lose"),
    "tear": partial(_disk, "tear"),
    "pause": _pause,
    "split": _split,
    "isolate": _isolate,
    "one way": _one_way,
    "bridge": _bridge,
    "flap": _flap,
}
SPLITS = {"split": 6, "isolate": 6, "one way": 8, "bridge": 12, "flap": 12}
CRASHES = {"crash": 3, "pause": 6}
DISKS = {"lose": 4, "tear": 4}

PROFILES: Mapping[str, FaultProfile] = {
    profile.name: profile
    for profile in (
        FaultProfile(name="calm", sentence="Nothing goes wrong."),
        FaultProfile(
            name="slow",
            sentence="Messages take up to 30 ms, some much longer, and clocks drift by 10%.",
            network={"delay": (0.001, 0.03), "spread": "long"},
            drift=0.1,
        ),
        FaultProfile(name="lossy", sentence="One message in twenty is lost.", network={"loss": 0.05}),
        FaultProfile(
            name="reordering",
            sentence="One message in ten is held back, one in twenty arrives twice.",
            network={"reorder": 0.1, "duplicate": 0.05},
        ),
        FaultProfile(
            name="partitions",
            sentence="The network splits: in two, around a leader, one way, around a bridge, on and off.",
            faults=SPLITS,
            elections=6,
            hits=20,
        ),
        FaultProfile(
            name="crashes",
            sentence="Servers crash and restart, or are paused for a while.",
            faults=CRASHES,
            elections=2,
            hits=8,
        ),
        FaultProfile(
            name="disks",
            sentence="Servers crash while they store, and lose that event or half of what it wrote.",
            faults=DISKS,
            elections=3,
            hits=8,
        ),
        FaultProfile(
            name="hostile",
            sentence="All of it at once.",
            network={"delay": (0.001, 0.02), "spread": "long", "loss": 0.03, "reorder": 0.05, "duplicate": 0.03},
            drift=0.05,
            faults={name: 2.5 * mean for name, mean in (SPLITS | CRASHES | DISKS).items()},
            elections=4,
            hits=8,
        ),
    )
}


def find_profile(name: str) -> FaultProfile:
    """Return the profile with this name.

    Raises:
        ScenarioError: There is no such profile.
    """
    if name not in PROFILES:
        raise ScenarioError(f"there is no profile {name!r}{nearest(name, PROFILES)}")
    return PROFILES[name]


def adversity(
    step: int | None,
    profile: str,
    seed: int,
    *,
    servers: int = 5,
    seconds: float = 30,
    node_class: type | None = None,
) -> Scenario:
    """Generate a profile's scenario for a seed, with the paper's timing.

    Args:
        step: The step whose Node runs; None with a custom class.
        profile: The profile's name.
        seed: The seed of the run and of its faults.
        servers: The number of servers.
        seconds: The length of the run, in seconds of virtual time.
        node_class: The Node class, if it is not a step's.

    Raises:
        ScenarioError: There is no such profile, or a number is out of range.
        LookupError: There is no such step.
    """
    found = find_profile(profile)
    names = server_names(servers)
    faults = _faults(found, seed, names, seconds) if len(names) > 1 else _faults_of_one(found, seed, names, seconds)
    actions = sorted((*_requests(found, seed, seconds), *faults), key=lambda action: action.at_us)
    return default_scenario(
        step,
        names,
        node_class=node_class,
        seed=seed,
        timing="paper",
        clocks=_clocks(found, seed, names),
        actions=tuple(actions),
        until_us=round(seconds * MICROSECONDS),
        **found.network,
    )


def _requests(profile: FaultProfile, seed: int, duration_s: float) -> Iterator[Action]:
    """Yield the requests of clients: mostly writes, and some deletions and reads."""
    chance, at_s, number = RandomStream(seed, "profile/requests"), 0.3, 0
    while (at_s := at_s + chance.uniform(*profile.writes)) < duration_s:
        number += 1
        key, kind = f"k{chance.randint(1, KEYS)}", chance.random()
        words = (key, str(number)) if kind < 0.8 else (key,)
        yield _action(at_s, "set" if kind < 0.8 else "delete" if kind < 0.9 else "get", words)


def _faults(profile: FaultProfile, seed: int, servers: tuple[str, ...], duration_s: float) -> Iterator[Action]:
    # Each kind has its own stream, so that another rate of one kind does not move the faults of the others.
    for name, mean_s in profile.faults.items():
        chance, at_s = RandomStream(seed, f"profile/{name}"), 0.5
        while (at_s := at_s + chance.uniform(0.2, 1.8) * mean_s) < duration_s:
            for after_s, verb, words in FAULTS[name](chance, servers):
                if at_s + after_s < duration_s:
                    yield _action(at_s + after_s, verb, words)


def _faults_of_one(profile: FaultProfile, seed: int, servers: tuple[str, ...], duration_s: float) -> Iterator[Action]:
    """Yield the faults of a single server, which has no network."""
    for action in _faults(profile, seed, servers, duration_s):
        if action.verb not in ("partition", "cut", "heal"):
            yield action


def _clocks(profile: FaultProfile, seed: int, servers: tuple[str, ...]) -> dict[str, float]:
    if not profile.drift:
        return {}
    chance, steps = RandomStream(seed, "profile/clocks"), round(profile.drift * CLOCK_STEPS)
    return {name: (CLOCK_STEPS + chance.randint(-steps, steps)) / CLOCK_STEPS for name in servers}


def _action(at_s: float, verb: str, words: tuple[str, ...]) -> Action:
    return Action(round(at_s * MICROSECONDS), verb, words)
