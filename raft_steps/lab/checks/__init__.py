"""Checks: what each step must do, as rules from the paper and the posts, each tried on a Node.

`check` runs the checks of a step on any Node class: a step's own, a learner's from a notebook cell, or a deliberately
wrong one. The report of a failed check names the rule and the first event that broke it, and draws the short run.
"""

from __future__ import annotations

from raft_steps.lab.checks.bench import CheckFailed
from raft_steps.lab.checks.report import CheckReport, CheckResult, ChecksFailed
from raft_steps.lab.checks.rules import Check, rule
from raft_steps.lab.checks.runner import check, checks_of

__all__ = ["Check", "CheckFailed", "CheckReport", "CheckResult", "ChecksFailed", "check", "checks_of", "rule"]
