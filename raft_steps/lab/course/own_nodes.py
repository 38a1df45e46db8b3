"""The Nodes that learners wrote in the notebooks of their own edition, `my_course`.

`mine(6)` is the Node of notebook 06, as it was last saved. It can stand wherever the Node of a step can, also as the
base of a learner's own step 7, so it must pass the checks of its step.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from raft_steps import COURSE, find_step
from raft_steps.lab.checks import check
from raft_steps.lab.course.course_folder import NOTEBOOKS
from raft_steps.lab.course.managed_folder import is_release
from raft_steps.lab.errors import NodeLoadError
from raft_steps.lab.runtime.launching import OWN_COURSE
from raft_steps.lab.runtime.loading import load_node

NOT_WRITTEN = "is not written yet"  # in the message about a handler that raises NotImplementedError
# The Nodes that are known to pass, by step and by the contents of the notebooks that they may be made from.
_passing: dict[tuple[int, str], type] = {}
_loading: list[int] = []


def mine(step: int) -> type:
    """Return the Node that you wrote in the notebook of a step, as it was last saved.

    The notebook is looked for in the current folder, in `my_course` there, and in `my_course` next to it.

    Args:
        step: The number of the step.

    Returns:
        The Node, which passes the checks of its step.

    Raises:
        NodeLoadError: There is no such step or notebook, or its Node is not written, cannot be loaded or does not pass.
    """
    try:
        entry = find_step(step)
    except LookupError as error:
        raise NodeLoadError(str(error)) from error
    path = _find_notebook(entry.notebook_name)
    key = (step, f"{path.parent} {_digest_of_notebooks(path.parent, step)}")
    if key not in _passing:
        if step in _loading:
            raise NodeLoadError(
                f"{entry.notebook_name} uses mine({step}), which is its own Node; the base is an earlier step"
            )
        _loading.append(step)
        try:
            _passing[key] = _load_passing(path, step)
        finally:
            _loading.pop()
    return _passing[key]


def _load_passing(path: Path, step: int) -> type:
    """Load the Node of a learner's notebook, and check it.

    Args:
        path: The notebook.
        step: Its step.

    Raises:
        NodeLoadError: The Node is not written, cannot be loaded, or does not pass the checks of its step.
    """
    node_class = load_node(str(path))
    report = check(node_class, step)
    if report.passed:
        return node_class
    failed = [result for result in report.results if not result.passed]
    if any(NOT_WRITTEN in result.message for result in failed):
        raise NodeLoadError(
            f"step {step} is not written yet in {path.name}, as the file is; if you have written it, save the notebook"
        )
    because = f" because of your own step {failed[0].own_step}" if failed[0].own_step else ""
    raise NodeLoadError(
        f"the Node in {path.name}, as it was saved, fails {len(failed)} of the {len(report.results)} checks of step "
        f"{step}{because}; the first is: {failed[0].name}. Run the check there, and save the notebook"
    )


def own_course() -> Path:
    """Return the folder with a learner's own notebooks.

    Raises:
        NodeLoadError: There is none.
    """
    for folder in _own_folders():
        if any((folder / entry.notebook_name).is_file() for entry in COURSE):
            return folder
    raise NodeLoadError(f"there is no folder {OWN_COURSE} here; raft-steps lab makes one with all notebooks")


def _own_folders() -> list[Path]:
    """Return the folders in which a learner's own notebooks may be, the likeliest first."""
    here = Path.cwd()
    is_full_course = here.name == NOTEBOOKS and not is_release(here)
    return [*([] if is_full_course else [here]), here / OWN_COURSE, here.parent / OWN_COURSE]


def _find_notebook(name: str) -> Path:
    """Return a learner's own copy of a notebook."""
    folders = _own_folders()
    for folder in folders:
        if (folder / name).is_file():
            return folder / name
    if found := [folder for folder in folders if is_release(folder)]:
        raise NodeLoadError(f"there is no {name} in {found[0].name}; raft-steps lab puts it there when it starts")
    raise NodeLoadError(
        f"there is no {name} here, and no folder {OWN_COURSE}; raft-steps lab makes one with all notebooks"
    )


def _digest_of_notebooks(folder: Path, step: int) -> str:
    """Return a digest of the notebooks that the Node of a step may be made from: its own, and those before it."""
    digest = hashlib.sha256()
    for entry in COURSE:
        path = folder / entry.notebook_name
        if entry.number <= step and path.is_file():
            digest.update(path.read_bytes())
    return digest.hexdigest()
