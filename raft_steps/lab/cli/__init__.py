"""The command `raft-steps`: one module for each group of commands."""
