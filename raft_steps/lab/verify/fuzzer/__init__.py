"""Sweeps: thousands of seeds of one kind of adversity, held against the properties, and the first failure made small.

`sweep` runs them over the cores, or over a Dask cluster; `shrink` makes a failure small.
"""

from __future__ import annotations

from raft_steps.lab.verify.fuzzer.report import SweepReport
from raft_steps.lab.verify.fuzzer.shrink import Shrunk, shrink
from raft_steps.lab.verify.fuzzer.sweep import sweep
from raft_steps.lab.verify.fuzzer.trial import Trial, try_scenario

__all__ = ["Shrunk", "SweepReport", "Trial", "shrink", "sweep", "try_scenario"]
