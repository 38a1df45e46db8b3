"""The fuzzer: thousands of seeded runs with faults, checked against the properties, and the first failure shrunk.

`sweep` runs the seeds on all cores, or on a Dask cluster; `shrink` makes a failing scenario small.
"""

from __future__ import annotations

from raft_steps.lab.verify.fuzzer.report import SweepReport
from raft_steps.lab.verify.fuzzer.shrink import Shrunk, shrink
from raft_steps.lab.verify.fuzzer.sweep import sweep
from raft_steps.lab.verify.fuzzer.trial import Trial, try_scenario

__all__ = ["Shrunk", "SweepReport", "Trial", "shrink", "sweep", "try_scenario"]
