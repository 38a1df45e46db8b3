"""The command line: `python -m raft_steps` is the command `raft-steps`."""

from raft_steps.lab.cli import main

if __name__ == "__main__":
    main()
