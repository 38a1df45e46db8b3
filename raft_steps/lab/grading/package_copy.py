"""The package that a submission sees: the steps before, what they are built on, and nothing else.

It is a copy, made once for all submissions of a grading. No check, no rule, no later step is in it, so there is nothing
to import, to patch or to read. It is compiled once, too: a submission's process, which writes no file, starts sooner.
"""

from __future__ import annotations

import py_compile
import sys
from pathlib import Path

import raft_steps
from raft_steps import STEPS

BUILT_ON = (
    "__init__", "commands", "errors", "log", "messages", "moved", "node", "random_stream", "runtime/__init__", "runtime/diagnostics",
    "runtime/watchdog",
)  # fmt: skip
CHILD = ("__init__", "annotations", "codec", "limits", "node_schema", "worker")


def copy_package(folder: Path, step: int) -> list[str]:
    """Copy what a submission of a step may import.

    Args:
        folder: Where to put it.
        step: The step that is graded; it and all later ones are left out.

    Returns:
        The names of the modules of the steps before, the first one first.
    """
    source = Path(raft_steps.__file__).parent
    before = [each for each in STEPS if each.number < step]
    files = [
        Path("__init__.py"),
        *(Path(f"{each.module_name.rpartition('.')[2]}.py") for each in before),
        *(Path("lab", f"{name}.py") for name in BUILT_ON),
        *(Path("lab", "grading", f"{name}.py") for name in CHILD),
    ]
    for file in files:
        target = folder / "raft_steps" / file
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes((source / file).read_bytes())
        compile_file(target)
    return [each.module_name for each in before]


def compile_file(target: Path) -> None:
    """Put the bytecode where a process without settings of its own looks for it; nobody changes the copy afterwards."""
    bytecode = target.parent / "__pycache__" / f"{target.stem}.{sys.implementation.cache_tag}.pyc"
    mode = py_compile.PycInvalidationMode.UNCHECKED_HASH
    py_compile.compile(str(target), str(bytecode), doraise=True, invalidation_mode=mode)
