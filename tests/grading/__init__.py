"""Tests of `raft_steps.lab.grading`."""
