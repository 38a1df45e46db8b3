"""Helpers for the tests of the source room: cells run as by a kernel, texts loaded as modules, runs to compare.

Run as a program, it rewrites the golden difference: ``python -m tests.source.source_tools``. Do that only for an intended
change.
"""

from __future__ import annotations

import importlib.util
import linecache
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

from raft_steps.lab.cluster.cluster import Cluster
from raft_steps.lab.source.views import diff

GOLDEN = Path(__file__).parent / "golden" / "diff_5_6.txt"


class Kernel:
    """Runs cells as a notebook's kernel does: in one module, with each text in `linecache` and not in a file."""

    def __init__(self) -> None:
        """Begin with an empty module as ``__main__``."""
        self.module = ModuleType("module_of_cells")
        self.count = 0

    def run(self, text: str) -> None:
        """Run a cell."""
        self.count += 1
        name = f"<cell {self.count} of {id(self)}>"
        linecache.cache[name] = (len(text), None, text.splitlines(keepends=True), name)
        exec(compile(text, name, "exec", dont_inherit=True), self.module.__dict__)

    def __getitem__(self, name: str) -> Any:
        """Return the value of a name in the cells."""
        return self.module.__dict__[name]


def load(text: str, path: Path) -> ModuleType:
    """Write a module to a file and import it from there."""
    path.write_text(text, encoding="utf-8")
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module  # Messages look their annotations up there.
    spec.loader.exec_module(module)
    return module


def events(step_or_class: int | type, step: int, seed: int) -> list[str]:
    """Run a cluster with writes, a crash and lost messages; return its trace's events as text."""
    cluster = Cluster(
        step_or_class,
        3,
        seed=seed,
        leader="tom" if step in (2, 3) else None,
        timing="paper",
        network={"loss": 0.05, "duplicate": 0.05},
    )
    cluster.run(0.5)
    cluster.set("x", 1, to=None if step > 1 else "tom")
    crashed = cluster.leader or "tom"
    cluster.crash(crashed)
    cluster.run(0.5)
    cluster.set("y", 2, to=None if step > 1 else "jerry")
    cluster.restart(crashed)
    cluster.run(0.5)
    return cluster.trace.to_text().splitlines()[1:]


if __name__ == "__main__":
    GOLDEN.write_text(f"{diff(5, 6)}\n", encoding="utf-8")
