"""Tests of `raft_steps.lab.scenario`."""
