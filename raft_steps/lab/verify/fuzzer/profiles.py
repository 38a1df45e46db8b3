"""Profiles: named kinds of adversity, as data, and the scenarios that they make of a seed.

A profile says how the network is, how far clocks drift, how often a client writes, and which faults happen how often.
`adversity` turns it into a scenario: a list of timed actions that anybody can read, replay, and take apart until the
fewest are left that still break a rule.

    calm          nothing goes wrong
    slow          messages take up to 30 ms, and one in a hundred much longer; clocks drift by 10%
    lossy         one message in twenty is lost
    reordering    one in ten is held back, one in twenty arrives twice
    partitions    the network splits: in two, around a leader, one way, around a bridge, on and off
    crashes       servers crash and start again, or are held still for a while
    disks         servers crash while they store, and lose that event or half of what it wrote
    hostile       all of it at once
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from raft_steps.lab.errors import ScenarioError
from raft_steps.lab.random_stream import RandomStream
from raft_steps.lab.scenario.model import MICROSECONDS, Action
from raft_steps.lab.scenario.scenario import Scenario, default_scenario
from raft_steps.lab.text import nearest

KEYS = 3  # so few that reads, writes and deletions of one key meet
CLOCK_STEPS = 100  # a clock's rate is a whole number of hundredths

# What happens, as verb and words, and how many seconds after the fault began.
Happening = tuple[float, str, tuple[str, ...]]
Fault = Callable[[RandomStream, tuple[str, ...]], list[Happening]]


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultProfile:
    """One kind of adversity; times are those of the paper's timing, with timeouts of 150 to 300 ms.

    Attributes:
        name: What it is called.
        sentence: What goes wrong in it.
        network: The parts of the scenario that are about the network.
        drift: How far a clock's rate may be from 1.
        writes: The least and the longest time between two requests of clients, in seconds.
        faults: The mean time between two faults of a kind, in seconds, by the kind's name.
        elections: The least number of elections that a run of 30 seconds sees where elections succeed; a server that
            votes once in its life, as in steps 4 to 8, soon elects nobody any more.
        hits: The least number of faults that a run of 30 seconds sees.
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
    """Choose a server; as often as not, whoever leads by then, for that hurts the most."""
    return "leader" if chance.random() < 0.5 else chance.choice(servers)


def _crash(chance: RandomStream, servers: tuple[str, ...]) -> list[Happening]:
    whom = ("followers",) if chance.random() < 0.1 else (_one_of(chance, servers),)
    return [(0, "crash", whom), (chance.uniform(0.05, 1), "restart", ("crashed",))]


def _disk(verb: str, chance: RandomStream, servers: tuple[str, ...]) -> list[Happening]:
    return [(0, verb, (_one_of(chance, servers),)), (chance.uniform(0.2, 1), "restart", ("crashed",))]


def _pause(chance: RandomStream, servers: tuple[str, ...]) -> list[Happening]:
    whom = chance.choice(servers)  # By its own name: whoever leads later is someone else.
    return [(0, "pause", (whom,)), (chance.uniform(0.1, 1), "resume", (whom,))]


def _split(chance: RandomStream, servers: tuple[str, ...]) -> list[Happening]:
    side = [server for server in servers if chance.random() < 0.5]
    side = side if 0 < len(side) < len(servers) else [servers[0]]
    return [(0, "partition", tuple(side)), (chance.uniform(0.3, 2), "heal", ())]


def _isolate(chance: RandomStream, _servers: tuple[str, ...]) -> list[Happening]:
    return [(0, "partition", ("leader",)), (chance.uniform(0.3, 2), "heal", ())]


def _one_way(chance: RandomStream, servers: tuple[str, ...]) -> list[Happening]:
    whom = chance.choice(servers)
    others = [server for server in servers if server != whom and chance.random() < 0.6]
    ways = [f"{whom}>{other}" if chance.random() < 0.5 else f"{other}>{whom}" for other in others]
    return [*((0.0, "cut", (way,)) for way in ways), (chance.uniform(0.3, 2), "heal", ())]


def _bridge(chance: RandomStream, servers: tuple[str, ...]) -> list[Happening]:
    """Split the others around one server that both sides reach."""
    start = chance.randint(0, len(servers) - 1)
    others = (servers[start + 1 :] + servers[:start]) if len(servers) > 2 else ()
    left, right = others[: len(others) // 2], others[len(others) // 2 :]
    ways = [way for one in left for other in right for way in (f"{one}>{other}", f"{other}>{one}")]
    return [*((0.0, "cut", (way,)) for way in ways), (chance.uniform(0.3, 2), "heal", ())]


def _flap(chance: RandomStream, servers: tuple[str, ...]) -> list[Happening]:
    whom, at = _one_of(chance, servers), 0.0
    found: list[Happening] = []
    for _ in range(3):
        found.append((at, "partition", (whom,)))
        at += chance.uniform(0.05, 0.4)
        found.append((at, "heal", ()))
        at += chance.uniform(0.05, 0.2)
    return found


FAULTS: Mapping[str, Fault] = {
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
            sentence="Servers crash and start again, or are held still for a while.",
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
    """Give a profile by its name.

    Raises:
        ScenarioError: There is none of that name.
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
    """Give the scenario that a profile makes of a seed, with the paper's timing.

    Args:
        step: The step whose Node runs; None with a class of one's own.
        profile: The profile's name.
        seed: What chance begins with: that of the run, and that of its faults.
        servers: How many servers.
        seconds: How long the run takes, in seconds of virtual time.
        node_class: The Node class, when it is not a step's.

    Raises:
        ScenarioError: There is no such profile, or a number makes no sense.
        LookupError: There is no such step.
    """
    found = find_profile(profile)
    plain = default_scenario(step, servers, node_class=node_class)
    names = plain.servers
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


def _requests(profile: FaultProfile, seed: int, seconds: float) -> Iterator[Action]:
    """Let clients write, now and then delete, and read."""
    chance, at, number = RandomStream(seed, "profile/requests"), 0.3, 0
    while (at := at + chance.uniform(*profile.writes)) < seconds:
        number += 1
        key, kind = f"k{chance.randint(1, KEYS)}", chance.random()
        words = (key, str(number)) if kind < 0.8 else (key,)
        yield _action(at, "set" if kind < 0.8 else "delete" if kind < 0.9 else "get", words)


def _faults(profile: FaultProfile, seed: int, servers: tuple[str, ...], seconds: float) -> Iterator[Action]:
    for name, mean in profile.faults.items():
        chance, at = RandomStream(seed, f"profile/{name}"), 0.5
        while (at := at + chance.uniform(0.2, 1.8) * mean) < seconds:
            for later, verb, words in FAULTS[name](chance, servers):
                if at + later < seconds:
                    yield _action(at + later, verb, words)


def _faults_of_one(profile: FaultProfile, seed: int, servers: tuple[str, ...], seconds: float) -> Iterator[Action]:
    """Leave out what needs a second server."""
    for action in _faults(profile, seed, servers, seconds):
        if action.verb not in ("partition", "cut", "heal"):
            yield action


def _clocks(profile: FaultProfile, seed: int, servers: tuple[str, ...]) -> dict[str, float]:
    if not profile.drift:
        return {}
    chance, most = RandomStream(seed, "profile/clocks"), round(profile.drift * CLOCK_STEPS)
    return {name: (CLOCK_STEPS + chance.randint(-most, most)) / CLOCK_STEPS for name in servers}


def _action(at: float, verb: str, words: tuple[str, ...]) -> Action:
    return Action(round(at * MICROSECONDS), verb, words)
