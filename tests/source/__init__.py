"""Tests of `raft_steps.lab.source`."""
