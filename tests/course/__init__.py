"""Tests of `raft_steps.lab.course`."""
