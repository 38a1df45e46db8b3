"""What the tests of the core share: nodes with one method changed, and one rich run of every step.

Run as a program, it stores the golden digests again: ``python -m tests.helpers.runs``. Do that only for an intended
change of the traces, and explain it in the commit.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from raft_steps import STEPS, node
from raft_steps.lab.cluster.cluster import Cluster
from raft_steps.lab.commands import parse_command
from raft_steps.lab.log import Entry
from raft_steps.lab.random_stream import RandomStream
from raft_steps.lab.scenario.model import server_names

GOLDEN = Path(__file__).parent / "golden" / "traces.json"


def changed(step: int, **members: Any) -> type:
    """Return the Node of a step with some methods or class variables replaced."""
    return type("Node", (node(step),), members)


def lone(step: int, *log: str, servers: int = 3, name: str = "tom", **fields: Any) -> Any:
    """Return one node of a step, without a cluster; tests look at its effects.

    Args:
        step: The step.
        log: What is in its log, as ``"1 set x 1"``.
        servers: How many servers it knows.
        name: Its name.
        fields: What else to set.
    """
    found = node(step)(name=name, servers=server_names(servers), random=RandomStream(0))
    for index, line in enumerate(log, start=1):
        term, _, command = line.partition(" ")
        found.log.append(Entry(index=index, term=int(term), command=parse_command(command)))  # type: ignore[arg-type]
    for field, value in fields.items():
        setattr(found, field, value)
    return found


def effects(of_node: Any, *kinds: str) -> list[Any]:
    """Remove a node's effects, and return those of these kinds, or all."""
    found, of_node.effects = of_node.effects, []
    return [effect for effect in found if not kinds or effect[0] in kinds]


def sent(of_node: Any) -> list[tuple[str, Any]]:
    """Remove a node's effects, and return the messages among them, each with its receiver."""
    return [(effect[1], effect[2]) for effect in effects(of_node, "send")]


def terms(cluster: Cluster) -> list[int]:
    """Return the term of every running server."""
    return [host.node.current_term for host in cluster._simulation.hosts.values() if host.up]


def cut_off_leader(step: int, *, after: float) -> Cluster:
    """Cut a leader off until the others have elected another, heal the network, and run for some seconds."""
    cluster = Cluster(step, 3, leader="tom", seed=1)
    cluster.run(6)
    cluster.partition("tom")
    cluster.run(until=lambda: len(cluster.leaders) > 1)
    cluster.heal()
    cluster.run(after)
    return cluster


def rich_run(step: int, *, seed: int = 1, record: bool = True) -> Cluster:
    """Run a cluster of a step with everything that a scenario may have: faults, partitions, pauses, clients."""
    network = {"loss": 0.05, "duplicate": 0.05, "reorder": 0.05}
    cluster = Cluster(step, 1 if step == 1 else 4, seed=seed, logs={"tom": "1 set x 0"}, network=network, record=record)
    for number in range(6):
        cluster.run(7)
        cluster.set(f"k{number % 2}", number)
        cluster.get("x")
    if step > 1:
        cluster.partition(["tom", "jerry"], at=100)
        cluster.cut("spike", "tom", at=120)
        cluster.drop("jerry>spike#40")
        cluster.heal(at=160)
    cluster.crash("leader", at=180)
    cluster.pause("followers", at=185)
    cluster.resume(*cluster.servers, at=200)
    cluster.restart("crashed", at=240)
    cluster.run(until=280)
    cluster.delete("k0")
    cluster.run(until=300)
    return cluster


def digest(cluster: Cluster) -> str:
    """Return a digest of a trace, which changes with any byte of it."""
    return hashlib.sha256(cluster.trace.to_text().encode()).hexdigest()


def digests() -> dict[str, str]:
    """Return the digest of every step's rich run."""
    return {entry.name: digest(rich_run(entry.number)) for entry in STEPS}


if __name__ == "__main__":
    GOLDEN.parent.mkdir(exist_ok=True)
    GOLDEN.write_text(json.dumps(digests(), indent=4) + "\n", encoding="utf-8")
