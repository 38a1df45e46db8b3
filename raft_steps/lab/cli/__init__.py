"""The command `raft-steps`: one module for each group of commands."""

from __future__ import annotations


def main() -> None:
    """Run the command line; this is the entry point that an installation of any version calls."""
    from raft_steps.lab.cli.exit_status import run
    from raft_steps.lab.course.environment import restart_without_optimisation

    restart_without_optimisation()
    run(_call)


def _call() -> object:
    """Call the command that the command line names; return its exit status."""
    from raft_steps.lab.cli.command import main as command

    return command.main(prog_name="raft-steps", standalone_mode=False)
