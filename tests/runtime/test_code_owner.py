"""Whose code a file holds: recognised by its real path, not by how its path begins."""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from raft_steps import step
from raft_steps.lab.runtime import code_owner
from raft_steps.lab.runtime.code_owner import is_course, is_laboratory, is_node_frame, is_python, is_step

STEP = str(step(6).__file__)
LABORATORY = str(code_owner.__file__)


def test_files_of_the_course_are_recognised() -> None:
    """The steps and the laboratory are the course's, and Python's library is Python's."""
    assert (True, False, True) == (is_step(STEP), is_laboratory(STEP), is_course(STEP))
    assert (False, True, True) == (is_step(LABORATORY), is_laboratory(LABORATORY), is_course(LABORATORY))
    assert is_python(contextlib.__file__)
    assert is_python("<frozen importlib._bootstrap>")


@pytest.mark.parametrize(
    "path",
    [
        str(Path(STEP).parent) + "_mine.py",
        str(Path(STEP).parent) + "_mine/node.py",
        str(Path(STEP).parent / "mine.py"),
        str(Path(STEP).parent / "lab_mine.py"),
        str(Path(STEP).parent / "step_06_term_checks_mine.py"),
        str(Path(contextlib.__file__).parent) + "-mine/node.py",
        str(Path(contextlib.__file__).parent / "site-packages" / "mine.py"),
        "/srv/students/node.py",
        "<ipython-input-1>",
    ],
)
def test_similar_names_are_the_learner_s(path: str) -> None:
    """A file whose path only begins like one of the course's or of Python's belongs to the learner."""
    assert (False, False) == (is_course(path), is_python(path))


def test_links_lead_to_their_files(tmp_path: Path) -> None:
    """A link to a file of the course is the course's; a link in the other direction is not."""
    link, folder, mine = tmp_path / "linked.py", tmp_path / "raft_steps", tmp_path / "mine.py"
    link.symlink_to(STEP)
    folder.symlink_to(Path(STEP).parent, target_is_directory=True)
    mine.write_text("", encoding="utf-8")

    assert is_step(str(link))
    assert is_step(str(folder / Path(STEP).name))
    assert is_laboratory(str(folder / "lab" / "node.py"))
    assert not is_course(str(mine))


@pytest.mark.parametrize(
    "path, module, expected",
    [
        ("<string>", "raft_steps.lab.messages", False),
        ("<string>", "raft_steps.step_06_term_checks", True),
        ("<string>", "my_node", True),
        ("<frozen codecs>", "codecs", False),
        ("/srv/students/raft_steps_mine.py", "raft_steps_mine", True),
        (LABORATORY, "raft_steps.lab.runtime.code_owner", False),
        (STEP, "raft_steps.step_06_term_checks", True),
    ],
)
def test_generated_code_belongs_to_its_module(path: str, module: str, expected: bool) -> None:
    """Code without a file, such as a dataclass's constructor, belongs to the owner of the module that it runs in."""
    space: dict[str, Any] = {"__name__": module, "sys": sys}
    exec(compile("def frame():\n    return sys._getframe()", path, "exec"), space)
    frame: FrameType = space["frame"]()

    assert expected == is_node_frame(frame)
