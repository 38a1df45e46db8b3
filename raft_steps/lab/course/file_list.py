"""Which files of the package may be copied into an edition: those of a list, and no file that only lies next to them.

The list is the RECORD of an installed wheel, or what git tracks in a checkout. Without a list, in an unpacked archive,
ordinary names count. An editor's backup of a step, or a checkpoint that JupyterLab stored, is in no list. If there is
one, the release fails, because the file could hold the solution that students are to write.
"""

from __future__ import annotations

import csv
import os
import re
import subprocess
from importlib.metadata import distributions
from pathlib import Path

import raft_steps
from raft_steps.lab.course.managed_folder import is_course_copy, read_manifest
from raft_steps.lab.course.notebooks import NOTEBOOK_NAME, notebooks_of
from raft_steps.lab.errors import LabError

NAME = "raft-steps"
PACKAGE = Path(raft_steps.__file__).resolve().parent
# What the name of a step's file looks like, whatever an editor, JupyterLab or a file manager has added to it.
LIKE_A_STEP = re.compile(r"step[ _-]?\d|(?:^|/)\W*\d\d[a-z]?[ _-][^/]*\.ipynb", re.IGNORECASE)
STEP_FILE = re.compile(r"(?:lab/(?:\w+/)*)?step_(\d\d)\w*\.(?:py|txt)")
SUFFIXES = frozenset({".css", ".html", ".j2", ".js", ".json", ".py", ".pyi", ".svg", ".toml", ".ts", ".txt"})


class EditionError(LabError):
    """An edition cannot be made; the message says what is missing, or what is there and should not be."""


def course_files() -> list[str]:
    """Return the files of the package that an edition may contain, as paths in the package, in order.

    The notebooks in an installed wheel are not among them: they are handed out without their solutions only.

    Raises:
        EditionError: A file is named like a step, but is not part of the course; or a file of the course is missing.
    """
    listed = listed_files(PACKAGE)
    found = _files_on_disk()
    for name in sorted({*found, *(listed or ())}):
        # Only an installed wheel has notebooks in the package, and then it lists them.
        known = name in listed if listed is not None else not name.startswith("notebooks/")
        if LIKE_A_STEP.search(name) and not (known and _is_a_step(name)):
            raise EditionError(
                f"raft_steps/{name} is named like a step, but is not part of the course, so it could give a solution "
                "away; remove it, or add it to git if it belongs to the course"
            )
    if missing := sorted((listed or set()) - set(found)):
        raise EditionError(f"raft_steps/{missing[0]} is part of the course, but is missing; restore it")
    names = [name for name in found if _is_ordinary(name)] if listed is None else sorted(listed)
    return [name for name in names if not name.startswith("notebooks/")]


def course_notebooks(folder: Path) -> list[Path]:
    """Return the notebooks of a course that is to be released, in order.

    Raises:
        EditionError: A notebook is named like one of a step, but is not part of the course, or two have one number.
    """
    listed = listed_files(folder)
    by_number: dict[str, str] = {}
    for path in sorted(folder.glob("*.ipynb")):
        if not LIKE_A_STEP.search(path.name):
            continue
        if not NOTEBOOK_NAME.fullmatch(path.name) or (listed is not None and path.name not in listed):
            raise EditionError(
                f"{path} is named like a notebook of the course, but is not part of it, so it could give a solution "
                "away; move it elsewhere, or add it to git if it belongs to the course"
            )
        other = by_number.setdefault(path.name.partition("_")[0], path.name)
        if other != path.name:
            raise EditionError(
                f"{folder} holds two notebooks with one number, {other} and {path.name}; move one of them"
            )
    return notebooks_of(folder)


def own_notebooks(folder: Path) -> list[Path]:
    """Return the notebooks of a folder that are part of the course, in order; those that a reader added are left out."""
    listed = listed_files(folder)
    return [path for path in notebooks_of(folder) if listed is None or path.name in listed]


def unlisted_files() -> list[str]:
    """Return the files in the package that are not part of the course, as paths in the package, in order."""
    listed = listed_files(PACKAGE)
    return [name for name in _files_on_disk() if not (_is_ordinary(name) if listed is None else name in listed)]


def number_of(name: str) -> int | None:
    """Return the number of the step that a file of the package belongs to; None if it belongs to all steps."""
    found = STEP_FILE.fullmatch(name)
    return int(found[1]) if found else None


def listed_files(folder: Path) -> frozenset[str] | None:
    """Return the files that are listed as parts of a folder, as paths in it; None if there is no list.

    The reader's copy of an installed wheel's notebooks is listed in its manifest.

    Args:
        folder: The package, or a folder of notebooks.

    Raises:
        EditionError: The folder is in a checkout, but git cannot list its files.
    """
    if folder == PACKAGE and (recorded := _recorded_files()):
        return recorded
    if tracked := _tracked_files(folder):
        return tracked
    return frozenset(read_manifest(folder)) if is_course_copy(folder) else None


def _recorded_files() -> frozenset[str] | None:
    """Return the package's files in the RECORD of an installed wheel; None if there is none next to the package."""
    for installed in distributions(name=NAME, path=[str(PACKAGE.parent)]):
        if record := installed.read_text("RECORD"):
            # Not `installed.files`: from Python 3.12 on it leaves out the files that are missing.
            names = [row[0] for row in csv.reader(record.splitlines()) if row]
            inside = {name.removeprefix("raft_steps/") for name in names if name.startswith("raft_steps/")}
            listed = frozenset(name for name in inside if not _is_bytecode(name))
            return listed if "__init__.py" in listed else None  # An editable installation records no module.
    return None


def _tracked_files(folder: Path) -> frozenset[str] | None:
    """Return the files of a folder that git tracks; None if it tracks none, or if there is no repository."""
    # The folder may belong to another user; a hook's variables could name another repository.
    command = ["git", "-c", "safe.directory=*", "-c", "core.fsmonitor=false", "ls-files", "-z"]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    try:
        listed = subprocess.run(command, cwd=folder, env=environment, capture_output=True, check=False)
        failure = listed.stderr.decode(errors="replace").strip() if listed.returncode else ""
    except OSError as error:
        failure = str(error)
    if failure:
        if (folder.parent / ".git").exists():
            raise EditionError(f"git cannot list the files of the course, so none can be handed out: {failure}")
        return None
    return frozenset(filter(None, listed.stdout.decode(errors="surrogateescape").split("\0"))) or None


def _files_on_disk() -> list[str]:
    """Return all files in the package but Python's bytecode, as paths in the package, in order."""
    names = (path.relative_to(PACKAGE).as_posix() for path in PACKAGE.rglob("*") if path.is_file())
    return sorted(name for name in names if not _is_bytecode(name))


def _is_bytecode(name: str) -> bool:
    """Return whether a file is what Python made of a module: it is in every installation, and in no edition."""
    return "__pycache__/" in name and ".pyc" in name


def _is_a_step(name: str) -> bool:
    """Return whether a file has the name of a step's module, of its checks, or of a notebook in an installed wheel."""
    if name.startswith("notebooks/"):
        return NOTEBOOK_NAME.fullmatch(name.removeprefix("notebooks/")) is not None
    modules = {f"{entry.module_name.rpartition('.')[2]}.py" for entry in raft_steps.COURSE}
    return name in modules if "/" not in name else STEP_FILE.fullmatch(name) is not None


def _is_ordinary(name: str) -> bool:
    """Return whether a file of an archive without a list is one of the course's, by its name."""
    path = Path(name)
    known = path.suffix in SUFFIXES or path.name in ("py.typed", "Containerfile")
    return known and not any(part.startswith((".", "__pycache__")) for part in path.parts)
