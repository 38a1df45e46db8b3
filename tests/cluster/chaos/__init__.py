"""Tests of `raft_steps.lab.cluster.chaos`."""
