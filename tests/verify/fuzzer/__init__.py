"""Tests of `raft_steps.lab.verify.fuzzer`."""
