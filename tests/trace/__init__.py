"""Tests of `raft_steps.lab.trace`."""
