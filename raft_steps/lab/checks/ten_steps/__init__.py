"""The ten-step test: the list that the author of the posts went through by hand, as a test of a cluster."""

from __future__ import annotations

from raft_steps.lab.checks.ten_steps.report import ListStepResult, TenStepsResult, TenStepsRun, TenStepsSweep
from raft_steps.lab.checks.ten_steps.run import SENTENCES, run_real_ten_steps, run_ten_steps, sweep_ten_steps

__all__ = [
    "SENTENCES",
    "ListStepResult",
    "TenStepsResult",
    "TenStepsRun",
    "TenStepsSweep",
    "run_real_ten_steps",
    "run_ten_steps",
    "sweep_ten_steps",
]
