"""Tests of `raft_steps.lab.runtime`."""
