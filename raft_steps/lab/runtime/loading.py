"""Loading a learner's Node class from a module or a notebook, ``FILE:CLASS``.

A notebook is not run: only the class and what it needs are (`source/extraction.py`), up to the first cell that checks it.
"""

from __future__ import annotations

import importlib.util
import inspect
import linecache
import sys
import traceback
from pathlib import Path
from types import ModuleType

from raft_steps import COURSE
from raft_steps.lab.errors import NodeLoadError
from raft_steps.lab.node import Node
from raft_steps.lab.runtime.code_owner import saved_cell
from raft_steps.lab.runtime.launching import OWN_COURSE
from raft_steps.lab.source.extraction import extract_node
from raft_steps.lab.source.running import CellRunner
from raft_steps.lab.source.submission_cells import SubmissionError
from raft_steps.lab.text import nearest


def load_node(spec: str) -> type:
    """Load a Node class from ``FILE:CLASS``, or the class ``Node`` from ``FILE``, a module (.py) or a notebook (.ipynb).

    Raises:
        NodeLoadError: There is no such file or class, it cannot be loaded, or it is not a Node.
    """
    path, class_name = split_spec(spec)
    module = _load_notebook(path, class_name) if path.suffix == ".ipynb" else _load_module(path)
    found = getattr(module, class_name, None)
    if found is None:
        classes = [key for key, value in vars(module).items() if inspect.isclass(value) and issubclass(value, Node)]
        known = nearest(class_name, classes) if classes else "; it has no Node class at all"
        raise NodeLoadError(f"{path} has no class {class_name!r}{known}")
    if not (inspect.isclass(found) and issubclass(found, Node)):
        raise NodeLoadError(f"{class_name} in {path} is not a Node: derive it from the Node of the step before")
    return found


def title_of(spec: str) -> str:
    """Return ``FILE:CLASS`` without the folder, which is the same however a class is named on the command line."""
    path, class_name = split_spec(spec)
    return f"{path.name}:{class_name}"


def split_spec(spec: str) -> tuple[Path, str]:
    """Split ``FILE:CLASS`` into the file and the name of the class, which is ``Node`` unless it is given."""
    name, colon, class_name = spec.rpartition(":")
    if not colon or not class_name.isidentifier():  # No class; a colon may belong to a drive's letter.
        name, class_name = spec, "Node"
    return Path(name), class_name


def _load_notebook(path: Path, class_name: str) -> ModuleType:
    """Run the parts of a notebook that define a class."""
    _require_file(path)
    try:
        extracted = extract_node(path, class_name)
    except SubmissionError as error:
        raise NodeLoadError(str(error)) from error
    entry = next((each for each in COURSE if each.notebook_name == path.name), None)
    module = ModuleType(f"{OWN_COURSE}.{entry.module_name.rpartition('.')[2]}" if entry else f"learner_{path.stem}")
    sys.modules[module.__name__] = module  # dataclasses and inspect look it up there.
    runner = CellRunner(vars(module))
    for cell in extracted.cells:
        name = saved_cell(path, cell.number)
        lines = [f"{line}\n" for line in cell.source.split("\n")]
        # Without a modification time, as for a cell of a kernel: the text does not depend on a file of this name.
        linecache.cache[name] = (len(cell.source), None, lines, name)
        try:
            runner.run(name, cell.label, cell.kept, cell.needed)
        except (Exception, SystemExit) as error:
            raise _loading_failed(path, error, f"{cell.label}, {_where(error, name)}") from error
    return module


def _load_module(path: Path) -> ModuleType:
    if path.suffix != ".py":
        raise NodeLoadError(
            f"{path} is neither a Python file nor a notebook; your own class is FILE:CLASS, such as my_raft.py:Node"
        )
    _require_file(path)
    spec = importlib.util.spec_from_file_location(f"learner_{path.stem}", path.resolve())
    assert spec is not None, path  # Every name that ends in .py has a loader.
    assert spec.loader is not None, path
    module = importlib.util.module_from_spec(spec)
    sys.modules[module.__name__] = module  # dataclasses and inspect look it up there.
    linecache.checkcache(str(path.resolve()))  # It may have been saved again since it was loaded last.
    sys.path.insert(0, str(path.resolve().parent))  # It may import a module from the same folder.
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        raise _loading_failed(path, error, _where(error, str(path.resolve()))) from error
    return module


def _require_file(path: Path) -> None:
    if not path.is_file():
        raise NodeLoadError(f"there is no file {path}")


def _loading_failed(path: Path, error: BaseException, where: str) -> NodeLoadError:
    advice = "; raft-steps start STEP prints what a step's class needs" if isinstance(error, NameError) else ""
    return NodeLoadError(f"{path} cannot be loaded: {where}{type(error).__name__}: {error}{advice}")


def _where(error: BaseException, name: str) -> str:
    """Return the innermost line of the learner's text in an error's traceback, as the beginning of a sentence."""
    if isinstance(error, SyntaxError):
        return ""  # Its message has the file and the line.
    frames = traceback.extract_tb(error.__traceback__)
    lines = [frame.lineno for frame in frames if frame.filename == name]
    return f"line {lines[-1]}: " if lines else ""
