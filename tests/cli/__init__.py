"""Tests of `raft_steps.lab.cli`."""
