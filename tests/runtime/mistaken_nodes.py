"""Nodes with a mistake, and the errors that they end with."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from raft_steps.lab.cluster.cluster import Cluster
from raft_steps.lab.errors import NodeError
from raft_steps.lab.messages import message
from tests.helpers.runs import changed


@message
class Gossip:
    """A message that no Node handles."""

    text: str


def run_on(cluster: Cluster) -> None:
    """Let a minute pass, in which something goes wrong."""
    cluster.run(60)


def failure(node_class: type, do: Callable[[Cluster], object] = run_on) -> NodeError:
    """Return the error that a cluster of these Nodes raises in `do`, which lets a minute pass by default."""
    cluster = Cluster(node_class, 3)
    if do is not run_on:
        cluster.run(15)
    with pytest.raises(NodeError) as caught:
        do(cluster)
    return caught.value


def on_election_timeout(act: Callable[[Any], object]) -> type:
    """Return a Node that calls `act` when its election timer runs out."""

    def on_election_timeout(self: Any) -> object:
        return act(self)

    return changed(8, on_election_timeout=on_election_timeout)
