"""Configurations, as the laboratory reads them: which one is in force on a server, and who decides in it.

A server uses the newest configuration in its log, committed or not; before there is any, the servers that it was started
with. A Node finds that out for itself; what is here serves those who watch it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from itertools import chain, combinations
from typing import Any

from raft_steps.lab.commands import Configuration
from raft_steps.lab.log import Log


def configuration_of(log: Log, servers: Iterable[str], last: int | None = None) -> tuple[int, Configuration]:
    """Return the configuration that a log puts in force, and its index.

    Args:
        log: The log.
        servers: The servers that its server was started with, which are the first configuration, of index 0.
        last: The index of the last entry to look at; by default that of the last one in the log.
    """
    for index in range(log.last_index if last is None else last, log.base_index, -1):
        command = log[index].command
        if isinstance(command, Configuration):
            return index, command
    return 0, Configuration(voters=tuple(servers))


def node_configuration(node: Any) -> Configuration:
    """Return the configuration that is in force on a node: as the node says, since a snapshot may hold it, or as its log does."""
    stated = getattr(node, "configurations", None)
    if isinstance(stated, dict) and stated:
        newest = stated[max(stated)]
        if isinstance(newest, Configuration):
            return newest
    log = getattr(node, "log", None)
    return configuration_of(log if isinstance(log, Log) else Log(), node.servers)[1]


def members_of(configuration: Configuration) -> tuple[str, ...]:
    """Return all voters of a configuration, each once, those from before a change first."""
    return tuple(dict.fromkeys(configuration.old_voters + configuration.voters))


def decides(configuration: Configuration, names: Collection[str]) -> bool:
    """Return whether these servers can decide: more than half of the voters, and of the old voters if there are any."""
    groups = [set(group) for group in (configuration.voters, configuration.old_voters) if group]
    return bool(groups) and all(2 * len(group.intersection(names)) > len(group) for group in groups)


def disjoint_majorities(one: Configuration, other: Configuration) -> tuple[tuple[str, ...], tuple[str, ...]] | None:
    """Return two majorities, one of each configuration, that share no server: each could elect a leader of its own.

    Returns:
        The smallest majority of the first one that leaves enough for the second, and what it leaves; None if every two
        majorities share a server.
    """
    names, others = members_of(one), members_of(other)
    for chosen in chain.from_iterable(combinations(names, size) for size in range(1, len(names) + 1)):
        left = tuple(name for name in others if name not in chosen)
        if decides(one, chosen) and decides(other, left):
            return chosen, left
    return None
