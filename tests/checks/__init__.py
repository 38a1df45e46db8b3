"""Tests of `raft_steps.lab.checks`."""
