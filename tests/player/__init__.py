"""Tests of `raft_steps.lab.player`."""
