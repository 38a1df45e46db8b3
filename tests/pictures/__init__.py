"""Tests of `raft_steps.lab.pictures`."""
