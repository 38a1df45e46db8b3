"""Parts of faults that several kinds share, and the kind in which clients ask again and again."""

from __future__ import annotations

from raft_steps.lab.random_stream import RandomStream
from raft_steps.lab.scenario.model import TIMINGS

KEYS = 3  # so few that reads, writes and deletions of the same key overlap

# An action of a fault: the seconds since the fault began, its verb and its words.
FaultAction = tuple[float, str, tuple[str, ...]]


def slow_window(at_s: float, length_s: float, chance: RandomStream, longest_s: float) -> list[FaultAction]:
    """Slow down what is sent in a moment: it is still on its way when much has changed."""
    shortest_s = longest_s * chance.uniform(0.2, 0.8)
    slow = (f"{shortest_s:.3f}", f"{longest_s:.3f}")
    usual = tuple(f"{each:g}" for each in TIMINGS["paper"].delay)
    return [(at_s, "delay", slow), (at_s + length_s, "delay", usual)]


def write_of(at_s: float, chance: RandomStream, to: str, key: str = "") -> FaultAction:
    """Write a value that no other request writes; without a key, to one that all clients use."""
    # A long number, so that no other request writes the same value.
    key = key or f"k{chance.randint(1, KEYS)}"
    return at_s, "set", (key, str(chance.randint(10_000_000, 99_999_999)), "to", to)


def insist(chance: RandomStream, _servers: tuple[str, ...]) -> list[FaultAction]:
    """Let clients in sessions write the same few keys, and ask again while the leader that has their commands is cut off.

    Its followers may be slow instead, or it may crash. They only use commands that the first steps know, too.
    """
    actions: list[FaultAction] = []
    for client in ("ann", "bob", "eve"):
        for number in range(chance.randint(1, 2)):
            asked_s = chance.uniform(0, 0.3) if actions or number else 0.0
            at_s, verb, (key, value, *_to) = write_of(asked_s, chance, "leader", f"s{chance.randint(1, 2)}")
            actions.append((at_s, "retry", (verb, key, value, "as", client)))
    actions += [(chance.uniform(0, 0.8), "retry", ("get", f"s{number}")) for number in (1, 2)]
    kind, at_s = chance.random(), chance.uniform(0, 0.2)
    if kind < 0.4:
        actions += [(at_s, "partition", ("leader",)), (at_s + chance.uniform(0.2, 0.6), "heal", ())]
    elif kind < 0.7:
        actions += slow_window(at_s, 0.3, chance, chance.uniform(0.1, 0.2))
    else:
        actions += [(at_s, "crash", ("leader",)), (at_s + chance.uniform(0.2, 0.6), "restart", ("crashed",))]
    return sorted([*actions, (1.0, "heal", ())], key=lambda action: action[0])
