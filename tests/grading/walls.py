"""The wall of the tests: bubblewrap's, or none where it is missing; what is hostile is skipped there."""

from pathlib import Path

import pytest

from raft_steps.lab.grading.wall import NOTHING, Wall, WallError, find_wall


def usable_wall() -> Wall:
    """Return the wall for the tests' own Nodes, which may also run without one."""
    try:
        return find_wall()
    except WallError:
        return Wall(NOTHING)


def real_wall() -> Wall:
    """Return the wall for hostile code; skip the test if there is none."""
    try:
        return find_wall()
    except WallError as error:
        pytest.skip(str(error))


def innermost(pid: int) -> int:
    """Return the process of a submission: the last of those that a wall has started."""
    while children := Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split():
        pid = int(children[0])
    return pid
