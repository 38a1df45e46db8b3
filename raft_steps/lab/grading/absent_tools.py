"""What a submission may import although its process does not have it: the tools of the laboratory.

A notebook imports them together with what its Node is made of, in one line. So the import works, and only a use fails.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.abc import Loader
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any, NoReturn

import raft_steps
import raft_steps.lab
from raft_steps.lab import HOMES

LABORATORY = "raft_steps.lab"


class AbsentTool:
    """Stands for a tool of the laboratory, such as Cluster."""

    def __init__(self, name: str) -> None:
        """Initialise with the tool's name."""
        self.name = name

    def __call__(self, *_arguments: object, **_settings: object) -> NoReturn:
        """Raise the error that says why it is not there."""
        raise RuntimeError(f"{self.name} is not there while a Node is graded")

    def __getattr__(self, name: str) -> AbsentTool:
        """Return a part of it, which is not there either."""
        if name.startswith("__"):
            raise AttributeError(name)
        return AbsentTool(f"{self.name}.{name}")


class _AbsentModules(Loader):
    """Finds every module of the laboratory that is not in the copied package, and makes an empty one."""

    @classmethod
    def find_spec(cls, name: str, _path: Sequence[str] | None = None, _target: ModuleType | None = None) -> Any:
        if name.startswith(f"{LABORATORY}."):
            return ModuleSpec(name, cls(), is_package=True)
        return None

    def create_module(self, _spec: ModuleSpec) -> None:
        return None

    def exec_module(self, module: ModuleType) -> None:
        prefix = module.__name__
        vars(module)["__getattr__"] = lambda name: _absent(prefix, name)
        vars(module)["mine"] = raft_steps.node  # A student's own earlier steps are not handed in.


def _absent(module: str, name: str) -> AbsentTool:
    if name.startswith("__"):
        raise AttributeError(name)
    return AbsentTool(f"{module}.{name}")


def install() -> None:
    """Let imports of the laboratory's tools work in this process."""
    sys.meta_path.append(_AbsentModules)
    raft_steps.lab.__all__ = sorted(HOMES)
