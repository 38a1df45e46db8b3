"""Which scenarios real servers can carry out, and how."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from raft_steps.lab.errors import ScenarioError
from raft_steps.lab.scenario.model import Action
from raft_steps.lab.scenario.scenario import Scenario

# What a real cluster cannot be asked for: it has no seed, and nobody sees a message before it arrives.
VERBS = (
    "crash", "restart", "pause", "resume", "partition", "cut", "heal", "loss", "delay", "set", "delete", "get",
)  # fmt: skip


def refuse_what_is_not_real(scenario: Scenario) -> None:
    """Refuse a scenario that needs virtual time.

    Raises:
        ScenarioError: It does; the message lists what.
    """
    found = sorted({action.verb for action in scenario.actions} - set(VERBS))
    found += [name for name in ("draws", "clocks", "loss", "duplicate", "reorder") if getattr(scenario, name, None)]
    found += ["seed"] if scenario.seed else []
    if found:
        raise ScenarioError(
            f"real servers cannot do this: {', '.join(found)}. They have no seed and no named messages; a scenario for "
            f"them has only these actions: {', '.join(VERBS)}"
        )


class Verbs(Protocol):
    """What a cluster of real servers has besides the verbs of scenarios, which `perform` finds by their names."""

    servers: tuple[str, ...]

    @property
    def leader(self) -> str | None:
        """The running leader of the highest term; None if there is none."""

    @property
    def running(self) -> list[str]:
        """The servers that run and are not paused."""

    @property
    def paused(self) -> list[str]:
        """The servers that are paused."""

    def partition(self, *sides: str | Iterable[str]) -> None:
        """Split the network into sides."""

    def cut(self, sender: str, receiver: str) -> None:
        """Cut one direction of a link."""


def perform(cluster: Verbs, action: Action) -> None:
    """Carry out an action of a scenario that is real."""
    words = list(action.words)
    verb = getattr(cluster, action.verb)
    if action.verb in ("crash", "restart", "pause", "resume"):
        verb(*(name for word in words for name in _servers_of(word, cluster)))
    elif action.verb == "partition":
        sides = " ".join(words).split("|")
        cluster.partition(*([name for word in side.split() for name in _servers_of(word, cluster)] for side in sides))
    elif action.verb == "cut":
        for link in words:
            sender, _, receiver = link.partition(">")
            cluster.cut(sender, receiver)
    elif action.verb in ("loss", "delay"):
        verb(*map(float, words))
    elif action.verb == "heal":
        verb()
    else:
        to = words[-1] if len(words) > 2 and words[-2] == "to" else None
        verb(*(words[:-2] if to else words), to=to)


def _servers_of(target: str, cluster: Verbs) -> list[str]:
    """Return the servers that a word of a scenario stands for now."""
    leader = cluster.leader
    if target == "leader":
        return [leader] if leader else []
    if target == "followers":
        return [name for name in cluster.running if name != leader]
    if target == "crashed":
        return [name for name in cluster.servers if name not in {*cluster.running, *cluster.paused}]
    return [target]
