"""Whose code a file holds: the laboratory's, a step's, Python's, or the learner's.

Files are compared by their real paths: `…/raft_steps_mine.py` is not in `…/raft_steps/`, and a link leads to its file.
"""

from __future__ import annotations

import contextlib
import os
import re
from functools import lru_cache
from pathlib import Path
from types import FrameType

from raft_steps import COURSE

LABORATORY = os.path.realpath(os.path.join(os.path.dirname(__file__), os.pardir))  # noqa: PTH118, PTH120  # str is faster.
PACKAGE = os.path.dirname(LABORATORY)  # noqa: PTH120
STANDARD_LIBRARY = os.path.dirname(os.path.realpath(contextlib.__file__))  # noqa: PTH120
SAVED_CELL = re.compile(r"\.ipynb, code cell \d+")
STEPS = frozenset(f"{PACKAGE}{os.sep}{entry.module_name.rpartition('.')[2]}.py" for entry in COURSE)


@lru_cache(1024)
def is_laboratory(path: str) -> bool:
    """Return whether a file belongs to the laboratory."""
    return _is_in(path, LABORATORY)


@lru_cache(1024)
def is_step(path: str) -> bool:
    """Return whether a file is a step of the course, which a learner's Node inherits from."""
    return os.path.realpath(path) in STEPS


@lru_cache(1024)
def is_course(path: str) -> bool:
    """Return whether a file belongs to the course: a step, or the laboratory."""
    return is_step(path) or is_laboratory(path)


@lru_cache(1024)
def is_python(path: str) -> bool:
    """Return whether a file belongs to Python itself, not to an installed package."""
    inside = _is_in(path, STANDARD_LIBRARY)
    return path.startswith("<frozen") or (inside and not {"site-packages", "dist-packages"} & {*Path(path).parts})


def saved_cell(notebook: Path, number: int) -> str:
    """Return the name, in tracebacks, of the text of a code cell that was read from a notebook's file."""
    return f"{notebook.resolve()}, code cell {number}"


def is_saved_cell(path: str) -> bool:
    """Return whether a name is one that `saved_cell` has made."""
    return SAVED_CELL.search(path) is not None


def is_node_frame(frame: FrameType) -> bool:
    """Return whether a frame runs a Node's code, or other code that the laboratory was given, such as a condition."""
    path = frame.f_code.co_filename
    if path.startswith("<") and path.endswith(">"):  # Generated code, such as a dataclass's, belongs to its module.
        name = str(frame.f_globals.get("__name__", ""))
        return not (name.startswith("raft_steps.lab.") or path.startswith("<frozen") or name == "dataclasses")
    return not (is_laboratory(path) or is_python(path))


def _is_in(path: str, folder: str) -> bool:
    # A name such as <string> is not a path: taken for one, it would be in the current folder.
    return not path.startswith("<") and os.path.realpath(path).startswith(folder + os.sep)
