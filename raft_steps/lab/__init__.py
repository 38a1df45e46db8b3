"""The laboratory: everything that is not the book.

It knows a node only by its events and effects (`raft_steps.lab.node`). A notebook takes what it needs from here:

    from raft_steps.lab import Cluster, check, diff

Each name is loaded when it is first asked for, so that a simulation and a picture need the standard library alone.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from raft_steps.lab.checks import check as check
    from raft_steps.lab.checks.ten_steps.run import run_ten_steps as run_ten_steps
    from raft_steps.lab.checks.ten_steps.run import sweep_ten_steps as sweep_ten_steps
    from raft_steps.lab.cluster.cluster import Cluster as Cluster
    from raft_steps.lab.cluster.experiments import equal_timeouts as equal_timeouts
    from raft_steps.lab.cluster.experiments import leaderless as leaderless
    from raft_steps.lab.cluster.experiments import three_fresh_followers as three_fresh_followers
    from raft_steps.lab.log import Entry as Entry
    from raft_steps.lab.log import Log as Log
    from raft_steps.lab.messages import from_text as from_text
    from raft_steps.lab.messages import message as message
    from raft_steps.lab.messages import to_text as to_text
    from raft_steps.lab.scenario.scenario import Scenario as Scenario
    from raft_steps.lab.source.views import diff as diff
    from raft_steps.lab.source.views import show as show
    from raft_steps.lab.source.views import whole as whole

_HOMES = {
    "Cluster": "cluster.cluster",
    "Entry": "log",
    "Log": "log",
    "Scenario": "scenario.scenario",
    "check": "checks",
    "diff": "source.views",
    "equal_timeouts": "cluster.experiments",
    "from_text": "messages",
    "leaderless": "cluster.experiments",
    "message": "messages",
    "run_ten_steps": "checks.ten_steps.run",
    "show": "source.views",
    "sweep_ten_steps": "checks.ten_steps.run",
    "three_fresh_followers": "cluster.experiments",
    "to_text": "messages",
    "whole": "source.views",
}

__all__ = sorted(_HOMES)  # noqa: PLE0605  # The table is the one list of names.


def __getattr__(name: str) -> Any:
    """Load a name when it is first asked for."""
    if name not in _HOMES:
        raise AttributeError(f"raft_steps.lab has no {name}; it has {', '.join(_HOMES)}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    """List the names, so that completion finds them."""
    return sorted(_HOMES)
