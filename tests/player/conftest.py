"""Fixtures for the tests of the live cluster."""

import pytest

from raft_steps.lab.cluster.cluster import Cluster
from tests.player.live_tools import LivePlayer


@pytest.fixture
def player() -> LivePlayer:
    """Return a live cluster that has run for 30 seconds."""
    return LivePlayer(Cluster(8, seed=1).run(30))
