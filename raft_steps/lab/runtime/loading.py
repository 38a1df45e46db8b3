"""Loading a learner's Node class from a file, ``FILE:CLASS``."""

from __future__ import annotations

import importlib.util
import inspect
import sys
import traceback
from pathlib import Path
from types import ModuleType

from raft_steps.lab.errors import NodeLoadError
from raft_steps.lab.node import Node
from raft_steps.lab.text import nearest


def load_node(spec: str) -> type:
    """Load a Node class from ``FILE:CLASS``, or the class ``Node`` from ``FILE``.

    Raises:
        NodeLoadError: There is no such file or class, it cannot be loaded, or it is not a Node.
    """
    name, class_name = _parts(spec)
    module = _load_module(Path(name))
    found = getattr(module, class_name, None)
    if found is None:
        classes = [key for key, value in vars(module).items() if inspect.isclass(value) and issubclass(value, Node)]
        known = nearest(class_name, classes) if classes else "; it has no Node class at all"
        raise NodeLoadError(f"{name} has no class {class_name!r}{known}")
    if not (inspect.isclass(found) and issubclass(found, Node)):
        raise NodeLoadError(f"{class_name} in {name} is not a Node: derive it from the Node of the step before")
    return found


def title_of(spec: str) -> str:
    """Return ``FILE:CLASS`` without the folder, which is the same however a class is named on the command line."""
    name, class_name = _parts(spec)
    return f"{Path(name).name}:{class_name}"


def _parts(spec: str) -> tuple[str, str]:
    """Return the file and the class of ``FILE:CLASS`` or ``FILE``."""
    name, colon, class_name = spec.rpartition(":")
    if not colon or not class_name.isidentifier():  # No class; a colon may belong to a drive's letter.
        return spec, "Node"
    return name, class_name


def _load_module(path: Path) -> ModuleType:
    if path.suffix == ".ipynb":
        raise NodeLoadError(f"{path} is a notebook; check your class in it, or save the class in a .py file")
    if path.suffix != ".py":
        raise NodeLoadError(f"{path} is not a Python file; your own class is FILE:CLASS, such as my_raft.py:Node")
    if not path.is_file():
        raise NodeLoadError(f"there is no file {path}")
    spec = importlib.util.spec_from_file_location(f"learner_{path.stem}", path.resolve())
    assert spec is not None, path  # Every name that ends in .py has a loader.
    assert spec.loader is not None, path
    module = importlib.util.module_from_spec(spec)
    sys.modules[module.__name__] = module  # dataclasses and inspect look it up there.
    sys.path.insert(0, str(path.resolve().parent))  # It may import a module from the same folder.
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        raise NodeLoadError(f"{path} cannot be loaded: {_where(error, path)}{type(error).__name__}: {error}") from error
    return module


def _where(error: BaseException, path: Path) -> str:
    """Return the innermost line of the learner's file in an error's traceback, as the beginning of a sentence."""
    if isinstance(error, SyntaxError):
        return ""  # Its message has the file and the line.
    frames = traceback.extract_tb(error.__traceback__)
    lines = [frame.lineno for frame in frames if Path(frame.filename) == path.resolve()]
    return f"line {lines[-1]}: " if lines else ""
