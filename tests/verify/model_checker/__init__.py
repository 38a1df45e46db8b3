"""Tests of `raft_steps.lab.verify.model_checker`."""
