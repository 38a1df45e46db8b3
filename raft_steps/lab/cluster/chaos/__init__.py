"""Chaos: real servers are killed, paused and cut off under load, and what they did is judged afterwards.

plan      which faults happen when, from a seed
load      clients that write, read and delete, and note what they were answered
run       carries out the plan while the clients work
verdict   the properties of Raft, linearizability, and that nothing acknowledged was lost
report    the verdict in words
"""

from raft_steps.lab.cluster.chaos.report import ChaosReport
from raft_steps.lab.cluster.chaos.run import run_chaos

__all__ = ["ChaosReport", "run_chaos"]
