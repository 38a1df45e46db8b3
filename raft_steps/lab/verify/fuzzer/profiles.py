"""Fault profiles: named kinds of adversity, as data, and the scenarios that they generate from a seed.

A profile defines the network, how far clocks drift, how often clients write, and how often which faults happen.
`adversity` generates a scenario from it: a list of timed actions that can be read, replayed and shrunk.

    calm          no faults
    slow          messages take up to 30 ms, and one in a hundred much longer; clocks drift by 10%
    lossy         one message in twenty is lost
    reordering    one in ten is held back, one in twenty arrives twice, and servers time out early
    partitions    the network splits: in two, around a leader, one way, around a bridge, on and off
    crashes       servers crash and restart, or are paused for a while
    disks         servers crash while they store, and lose that event or half of what it wrote
    reelections   a server leads, is deposed and leads again with a shorter log, while old messages are still on their way
    successions   a leader is cut off or crashes, another one follows, and clients read from both at once
    snapshots     servers compact their logs all the time, while others are behind, or crash in the middle of it
    memberships   servers are added and removed, several at once, while the network splits and servers crash
    retries       clients in sessions ask again and again, while leaders are cut off, crash or answer late
    hostile       losses, delays, splits, crashes and bad disks, all at once
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial

from raft_steps.lab.errors import ScenarioError
from raft_steps.lab.random_stream import RandomStream
from raft_steps.lab.scenario.model import MICROSECONDS, Action, server_names
from raft_steps.lab.scenario.scenario import Scenario, default_scenario
from raft_steps.lab.text import nearest
from raft_steps.lab.verify.fuzzer.depositions import depose_calmly
from raft_steps.lab.verify.fuzzer.fault_actions import KEYS, FaultAction, insist, slow_window, write_of
from raft_steps.lab.verify.fuzzer.fault_profile import FaultProfile

# The shares of writes and of reads that clients send to a server by name, whatever its role: a follower, or a leader that
# is cut off. All others go to the leader with the newest term.
WRITES_BY_NAME, READS_BY_NAME = 0.2, 0.5
# The share of writes after which another client soon reads the same key, and how soon, in seconds.
READS_AT_ONCE, SOON = 0.15, (0.005, 0.06)
CLOCK_STEPS = 100  # a clock's rate is a whole number of hundredths, which a scenario's text holds exactly

FaultGenerator = Callable[[RandomStream, tuple[str, ...]], list[FaultAction]]


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


def _timeout(chance: RandomStream, servers: tuple[str, ...]) -> list[FaultAction]:
    return [(0, "timeout", (chance.choice(servers),))]


def _reelect(chance: RandomStream, servers: tuple[str, ...]) -> list[FaultAction]:
    """Let a server lead, lose what a minority stored, and lead again while messages of its first term are under way.

    In its second term it reaches one other server alone, so that a reply of the first term can make a majority.
    """
    start = chance.randint(0, len(servers) - 1)
    names = servers[start:] + servers[:start]
    if len(names) == 1:
        return [(0, "timeout", names)]
    fewer = max(1, (len(names) - 1) // 2)
    again, minority, others = names[0], names[:fewer], names[fewer:]
    actions: list[FaultAction] = [(0, "timeout", (again,)), (0.1, "partition", minority)]
    # The calls arrive after 1 to 10 ms. What is slow are either they, or the replies to them.
    writes_s, count = 0.12, chance.randint(1, 4)
    slow_s = writes_s + (0.0005 if chance.random() < 0.7 else -0.001)
    actions += [write_of(writes_s + 0.0001 * number, chance, again) for number in range(count)]
    actions += slow_window(slow_s, 0.011, chance, chance.uniform(0.35, 0.7))
    actions += [(0.15, "timeout", (others[0],)), (0.22, "heal", ())]
    second_s = chance.uniform(0.32, 0.42)
    actions += [(second_s, "timeout", (again,))]
    reached = chance.choice(names[1:])
    writes_s = second_s + 0.04
    actions += [(writes_s - 0.001, "cut", (f"{again}>{other}",)) for other in names[1:] if other != reached]
    actions += [write_of(writes_s + 0.02 * number, chance, again) for number in range(chance.randint(1, 4))]
    return sorted([*actions, (1.3, "heal", ())], key=lambda action: action[0])


def _handover(chance: RandomStream, servers: tuple[str, ...]) -> list[FaultAction]:
    """Let a leader crash after it has acknowledged a write, and let clients read from its successor at once."""
    leader, successor = chance.choice(servers), chance.choice(servers)
    write = write_of(0.1, chance, leader)
    crash_s = chance.uniform(0.115, 0.14)
    actions = [(0.0, "timeout", (leader,)), write, (crash_s, "crash", (leader,))]
    actions += [(crash_s + 0.002, "timeout", (successor,))]
    actions += [(crash_s + 0.005 + 0.004 * number, "get", (write[2][0], "to", successor)) for number in range(5)]
    return [*actions, (chance.uniform(0.4, 1), "restart", (leader,))]


def _late_call(chance: RandomStream, servers: tuple[str, ...]) -> list[FaultAction]:
    """Let a call of a leader arrive after later calls were acknowledged, and after the leader's crash."""
    leader = chance.choice(servers)
    calls = [write_of(0.15, chance, leader)]
    calls += [write_of(0.152 + 0.001 * number, chance, leader) for number in range(chance.randint(1, 3))]
    slow = slow_window(0.1495, 0.0015, chance, chance.uniform(0.03, 0.25))
    crash_s = chance.uniform(0.17, 0.24)
    actions = [(0.0, "timeout", (leader,)), *calls, *slow, (crash_s, "crash", (leader,)), (1.2, "restart", (leader,))]
    return sorted(actions, key=lambda action: action[0])


def _depose(chance: RandomStream, servers: tuple[str, ...]) -> list[FaultAction]:
    """Depose a leader that is cut off, and let clients read from it while replies to its earlier calls arrive.

    The replies are slow, and arrive after the network has healed, but before the old leader hears of the new one.
    """
    start = chance.randint(0, len(servers) - 1)
    names = servers[start:] + servers[:start]
    old, new = names[0], names[min(1, len(names) - 1)]
    key, called_s = f"k{chance.randint(1, KEYS)}", 0.12
    actions: list[FaultAction] = [(0.0, "timeout", (old,)), (called_s, "get", (key, "to", old))]
    cut_s = called_s + chance.uniform(0.0105, 0.015)
    if chance.random() < 0.7:  # The calls arrive after 1 to 10 ms; the replies are slow.
        actions += slow_window(called_s + 0.0005, cut_s - called_s - 0.0005, chance, chance.uniform(0.03, 0.15))
    actions += [(cut_s, "partition", (old,)), (cut_s + 0.0005, "timeout", (new,))]
    actions += [write_of(cut_s + 0.006 + 0.004 * number, chance, new, key) for number in range(5)]
    actions += [(cut_s + 0.016 + 0.005 * number, "get", (key, "to", old)) for number in range(7)]
    actions += [(cut_s + chance.uniform(0.015, 0.08), "heal", ()), (1.0, "heal", ())]
    return sorted(actions, key=lambda action: action[0])


def _succeed(chance: RandomStream, servers: tuple[str, ...]) -> list[FaultAction]:
    """Let a leader crash before the others hear of its last commit; clients read from its successor at once.

    The rest of the successor's majority lacks several entries, which it gets one call after the other.
    """
    start = chance.randint(0, len(servers) - 1)
    names = servers[start:] + servers[:start]
    old, new, behind = names[0], names[min(1, len(names) - 1)], names[len(names) // 2 + 1 :]
    key = f"k{chance.randint(1, KEYS)}"
    actions: list[FaultAction] = [(0.0, "timeout", (old,))]
    if behind:
        actions.append((0.09, "partition", behind))
    wrote_s = 0.1
    for _ in range(chance.randint(2, 5)):
        actions.append(write_of(wrote_s, chance, old, key))
        wrote_s += chance.uniform(0.001, 0.025)
    crash_s = wrote_s + chance.uniform(0.002, 0.02)
    elected_s = crash_s + 0.001
    actions += [(crash_s, "crash", (old,)), (crash_s, "heal", ()), (elected_s, "timeout", (new,))]
    actions += [(elected_s + 0.004 * number, "get", (key, "to", new)) for number in range(1, 9)]
    return [*actions, (chance.uniform(0.6, 1), "restart", (old,))]


def _hand_over(chance: RandomStream, servers: tuple[str, ...]) -> list[FaultAction]:
    """Let a leader hand over, and cut it off before it hears of the election; clients write to its successor, and read from it."""
    start = chance.randint(0, len(servers) - 1)
    names = servers[start:] + servers[:start]
    old, new = names[0], names[min(1, len(names) - 1)]
    key = f"k{chance.randint(1, KEYS)}"
    actions: list[FaultAction] = [(0.0, "timeout", (old,)), write_of(0.15, chance, old, key)]
    cut_s = 0.2 + chance.uniform(0.003, 0.015)
    actions += [(0.2, "transfer", (new, "to", old)), (cut_s, "partition", (old,))]
    actions += [write_of(cut_s + 0.008 + 0.004 * number, chance, new, key) for number in range(6)]
    actions += [(cut_s + 0.02 + 0.005 * number, "get", (key, "to", old)) for number in range(6)]
    return sorted([*actions, (cut_s + 0.3, "heal", ())], key=lambda action: action[0])


def _compact(chance: RandomStream, servers: tuple[str, ...]) -> list[FaultAction]:
    return [(0, "snapshot", (_one_of(chance, servers),))]


def _torn_snapshot(chance: RandomStream, servers: tuple[str, ...]) -> list[FaultAction]:
    """Let a server crash while it stores a snapshot, or what comes just after it."""
    server, verb = chance.choice(servers), "tear" if chance.random() < 0.5 else "lose"
    first, second = (verb, "snapshot") if chance.random() < 0.5 else ("snapshot", verb)
    return [(0, first, (server,)), (0, second, (server,)), (chance.uniform(0.2, 1), "restart", ("crashed",))]


def _fall_behind(chance: RandomStream, servers: tuple[str, ...]) -> list[FaultAction]:
    """Cut a server off while others write and compact; when it is back, one of them may crash or lead next."""
    server, other = chance.choice(servers), chance.choice(servers)
    actions: list[FaultAction] = [(0, "partition", (server,))]
    at_s = 0.0
    for _ in range(chance.randint(3, 12)):
        at_s += chance.uniform(0.005, 0.05)
        actions.append(write_of(at_s, chance, "leader", f"b{chance.randint(1, KEYS)}"))  # Nobody reads these keys.
    compacting = [name for name in servers if name != server and chance.random() < 0.8]
    actions += [(at_s + chance.uniform(0.005, 0.1), "snapshot", (name,)) for name in compacting]
    back_s = at_s + chance.uniform(0.02, 0.4)
    actions.append((back_s, "heal", ()))
    kind = chance.random()
    if kind < 0.3:
        actions += [(back_s + chance.uniform(0, 0.05), "timeout", (other,))]
    elif kind < 0.6:
        actions += [(back_s + chance.uniform(0, 0.05), "crash", (other,)), (back_s + 0.6, "restart", (other,))]
    return sorted(actions, key=lambda action: action[0])


def _change(chance: RandomStream, servers: tuple[str, ...]) -> list[FaultAction]:
    """Let a client ask for other voters, which may be none of the present ones; it asks again if nobody answers."""
    voters = [server for server in servers if chance.random() < 0.6] or [chance.choice(servers)]
    words = ("members", ",".join(voters))
    return [(0, "retry", words) if chance.random() < 0.3 else (0, words[0], words[1:])]


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
    "handover": _handover,
    "timeout": _timeout,
    "reelect": _reelect,
    "late call": _late_call,
    "depose": _depose,
    "succeed": _succeed,
    "hand over": _hand_over,
    "compact": _compact,
    "torn snapshot": _torn_snapshot,
    "fall behind": _fall_behind,
    "change": _change,
    "insist": insist,
}
SPLITS = {"split": 6, "isolate": 6, "one way": 8, "bridge": 12, "flap": 12}
CRASHES = {"crash": 3, "pause": 6, "handover": 6}
DISKS = {"lose": 4, "tear": 4}
REELECTIONS = {"reelect": 3.5, "late call": 4}
SUCCESSIONS = {"depose": 3.5, "succeed": 4, "hand over": 4}
SNAPSHOTS = {"compact": 0.5, "torn snapshot": 5, "fall behind": 2.5, "isolate": 10}
CHANGES = {"change": 1.2, "crash": 6, "split": 8, "isolate": 8, "timeout": 8, "compact": 2}

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
            sentence="One message in ten is held back, one in twenty arrives twice, and servers time out early.",
            network={"reorder": 0.1, "duplicate": 0.05},
            faults={"timeout": 3},
            elections=3,
            hits=5,
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
            elections=5,
            hits=12,
        ),
        FaultProfile(
            name="disks",
            sentence="Servers crash while they store, and lose that event or half of what it wrote.",
            faults=DISKS,
            elections=3,
            hits=8,
        ),
        FaultProfile(
            name="reelections",
            sentence="A server leads, is deposed and leads again with a shorter log, and old messages arrive late.",
            network={"reorder": 0.05, "duplicate": 0.1},
            faults=REELECTIONS,
            elections=15,
            hits=45,
        ),
        FaultProfile(
            name="successions",
            sentence="A leader is cut off or crashes, another one follows it, and clients read from both at once.",
            faults=SUCCESSIONS,
            elections=12,
            hits=30,
        ),
        FaultProfile(
            name="snapshots",
            sentence="Servers compact their logs all the time, while others are behind, or crash in the middle of it.",
            network={"loss": 0.02, "reorder": 0.1, "duplicate": 0.05},
            faults=SNAPSHOTS,
            elections=6,
            hits=15,
        ),
        FaultProfile(
            name="memberships",
            sentence="Servers are added and removed, several at once, while the network splits and servers crash.",
            network={"reorder": 0.05, "duplicate": 0.03},
            faults=CHANGES,
            elections=6,
            hits=10,
            members=3,
        ),
        FaultProfile(
            name="retries",
            sentence="Clients in sessions ask again and again, while leaders are cut off, crash or answer late.",
            network={"loss": 0.02},
            faults={"insist": 1.5},
            elections=4,
            hits=12,
        ),
        FaultProfile(
            name="hostile",
            sentence="Losses, delays, splits, crashes and bad disks, all at once.",
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


def servers_of(step: int | None) -> int:
    """Return how many servers a run of a step has by default: five, and one in step 1, where servers do not connect.

    Args:
        step: The number of a step; None if it is not known.
    """
    return 1 if step == 1 else 5


def adversity(
    step: int | None,
    profile: str,
    seed: int,
    *,
    servers: int | None = None,
    seconds: float = 30,
    node_class: type | None = None,
) -> Scenario:
    """Generate a profile's scenario for a seed, with the paper's timing.

    Args:
        step: The step whose Node runs; None with a custom class.
        profile: The profile's name.
        seed: The seed of the run and of its faults.
        servers: The number of servers; by default that of `servers_of`.
        seconds: The length of the run, in seconds of virtual time.
        node_class: The Node class, if it is not a step's.

    Raises:
        ScenarioError: There is no such profile, or a number is out of range.
        LookupError: There is no such step.
    """
    found = find_profile(profile)
    names = server_names(servers_of(step) if servers is None else servers)
    runs = _node_class(step, node_class)
    faults = _faults(found, seed, names, seconds, calmly=hasattr(runs, "on_timeout_now"))
    if len(names) == 1:  # It has no network.
        faults = (action for action in faults if action.verb not in ("partition", "cut", "heal", "delay"))
    if not (changes := hasattr(runs, "change_members")):
        faults = (action for action in faults if "members" not in (action.verb, *action.words))
    actions = sorted((*_requests(found, seed, names, seconds), *faults), key=lambda action: action.at_us)
    return default_scenario(
        step,
        names,
        node_class=node_class,
        members=names[: found.members] if changes else (),
        seed=seed,
        timing="paper",
        clocks=_clocks(found, seed, names),
        actions=tuple(actions),
        until_us=round(seconds * MICROSECONDS),
        **found.network,
    )


def _node_class(step: int | None, node_class: type | None) -> type | None:
    """Return the class that runs."""
    if node_class is None and step is not None:
        from raft_steps import node

        node_class = node(step)
    return node_class


def _requests(profile: FaultProfile, seed: int, servers: tuple[str, ...], duration_s: float) -> Iterator[Action]:
    """Yield the requests of clients: mostly writes, and some deletions and reads, not all of them to the leader."""
    chance, at_s, number = RandomStream(seed, "profile/requests"), 0.3, 0
    targets = RandomStream(seed, "profile/targets")
    while (at_s := at_s + chance.uniform(*profile.writes)) < duration_s:
        number += 1
        key, kind = f"k{chance.randint(1, KEYS)}", chance.random()
        words = (key, str(number)) if kind < 0.8 else (key,)
        verb = "set" if kind < 0.8 else "delete" if kind < 0.9 else "get"
        by_name, server = targets.random(), targets.choice(servers)
        if by_name < (READS_BY_NAME if verb == "get" else WRITES_BY_NAME):
            words = (*words, "to", server)
        yield _action(at_s, verb, words)
        at_once, server, soon_s = targets.random(), targets.choice(servers), at_s + targets.uniform(*SOON)
        if verb == "set" and at_once < READS_AT_ONCE and soon_s < duration_s:
            yield _action(soon_s, "get", (key, "to", server))


def _faults(
    profile: FaultProfile, seed: int, servers: tuple[str, ...], duration_s: float, *, calmly: bool
) -> Iterator[Action]:
    # Each kind has its own stream, so that another rate of one kind does not move the faults of the others.
    for name, mean_s in profile.faults.items():
        if name == "hand over" and not calmly:
            continue  # No other Node can be asked to.
        chance, at_s = RandomStream(seed, f"profile/{name}"), 0.5
        while (at_s := at_s + chance.uniform(0.2, 1.8) * mean_s) < duration_s:
            actions = FAULTS[name](chance, servers)
            for after_s, verb, words in depose_calmly(actions) if calmly else actions:
                if at_s + after_s < duration_s:
                    yield _action(at_s + after_s, verb, words)


def _clocks(profile: FaultProfile, seed: int, servers: tuple[str, ...]) -> dict[str, float]:
    if not profile.drift:
        return {}
    chance, steps = RandomStream(seed, "profile/clocks"), round(profile.drift * CLOCK_STEPS)
    return {name: (CLOCK_STEPS + chance.randint(-steps, steps)) / CLOCK_STEPS for name in servers}


def _action(at_s: float, verb: str, words: tuple[str, ...]) -> Action:
    return Action(round(at_s * MICROSECONDS), verb, words)
