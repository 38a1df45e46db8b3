"""Copies the package that a submission sees: the steps before, the modules they need, and nothing else.

The copy is made once for all submissions of a grading. It contains no check, no property and no later step, so that a
submission cannot import, patch or read any. It is also compiled, so that the workers, which write no files, start sooner.
"""

from __future__ import annotations

import py_compile
import sys
from pathlib import Path

import raft_steps
from raft_steps import STEPS

# What the steps and the worker import; tests/grading fails if a module is missing.
LAB_FILES = (
    "__init__", "commands", "errors", "log", "messages", "moved", "node", "random_stream", "runtime/__init__",
    "runtime/code_owner", "runtime/diagnostics", "runtime/mistakes", "runtime/slips", "runtime/watchdog",
    "snapshots", "source/__init__", "source/running",
)  # fmt: skip
WORKER_FILES = ("__init__", "absent_tools", "annotations", "codec", "limits", "node_schema", "worker")


def copy_package(folder: Path, step: int) -> None:
    """Copy what a submission of a step may import.

    Args:
        folder: The folder to copy it to.
        step: The step that is graded. It and all later steps are left out.
    """
    source = Path(raft_steps.__file__).parent
    before = [each for each in STEPS if each.number < step]
    files = [
        Path("__init__.py"),
        *(Path(f"{each.module_name.rpartition('.')[2]}.py") for each in before),
        *(Path("lab", f"{name}.py") for name in LAB_FILES),
        *(Path("lab", "grading", f"{name}.py") for name in WORKER_FILES),
    ]
    for file in files:
        target = folder / "raft_steps" / file
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes((source / file).read_bytes())
        compile_file(target)
    for place in (folder, *folder.rglob("*")):
        place.chmod(0o755 if place.is_dir() else 0o644)  # Another user reads it.


def compile_file(target: Path) -> None:
    """Compile a module into its __pycache__; the bytecode is not checked against the source, which does not change."""
    bytecode = target.parent / "__pycache__" / f"{target.stem}.{sys.implementation.cache_tag}.pyc"
    mode = py_compile.PycInvalidationMode.UNCHECKED_HASH
    py_compile.compile(str(target), str(bytecode), doraise=True, invalidation_mode=mode)
