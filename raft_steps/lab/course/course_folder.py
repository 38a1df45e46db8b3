"""Finds the course's folder, and copies the notebooks of an installed wheel to where the reader works.

In a checkout the notebooks are next to the package. A wheel has them in the package: `raft-steps lab` copies them into
the folder `notebooks` of the reader's own folder, and renews that copy when a newer version is installed. A notebook
that the reader has changed is never overwritten.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import raft_steps
from raft_steps.lab.course import managed_folder
from raft_steps.lab.course.managed_folder import Release, is_course_copy, is_release
from raft_steps.lab.course.notebooks import notebooks_of
from raft_steps.lab.errors import LabError

NOTEBOOKS = "notebooks"


class NoCourseError(LabError):
    """There is no course in a folder, or it cannot be copied there; the message says what to do."""


@dataclass(frozen=True, slots=True)
class CourseFolder:
    """The folder of a course.

    Attributes:
        root: The folder that JupyterLab shows.
        notebooks: The folder with the notebooks.
        original: The notebooks in the installed package, if `notebooks` is a reader's copy of them.
    """

    root: Path
    notebooks: Path
    original: Path | None = None

    @property
    def is_full(self) -> bool:
        """Whether it is the full course, from which editions can be made, and not such an edition itself."""
        return self.root != self.notebooks

    @property
    def is_packaged(self) -> bool:
        """Whether the notebooks are those in the installed package, which are read and never changed."""
        return self.notebooks == packaged_notebooks()


def packaged_notebooks() -> Path | None:
    """Return the folder of the notebooks in the installed package; None in a checkout or an edition."""
    folder = _package() / NOTEBOOKS
    return folder if notebooks_of(folder) else None


def find_course(folder: Path | None = None) -> CourseFolder:
    """Find the course in a folder; by default in the current one, or else next to or in the package.

    Raises:
        NoCourseError: There is no course.
    """
    candidates = [folder] if folder is not None else [Path.cwd(), _package().parent]
    for candidate in candidates:
        root = candidate.resolve()
        if notebooks_of(root / NOTEBOOKS):
            return _with_original(root)
        if notebooks_of(root):
            is_full = root.name == NOTEBOOKS and not is_release(root)
            return _with_original(root.parent) if is_full else CourseFolder(root, root)
    packaged = packaged_notebooks()
    if folder is None and packaged is not None:
        return CourseFolder(packaged.parent, packaged)
    raise NoCourseError(
        f"there is no course in {candidates[0]}: no notebooks/ folder with 00_start_here.ipynb and the others; "
        "start this in the course's folder, or name it with --folder"
    )


def prepare_course(folder: Path | None = None) -> tuple[CourseFolder, Release | None]:
    """Find the course to work in; from an installed wheel, copy its notebooks into a folder, or renew the copy.

    Args:
        folder: The folder; by default the current one.

    Returns:
        The course, and what was copied; None if the notebooks are not a copy of those in the package.

    Raises:
        NoCourseError: There is no course, or the folder already has other things where it would be copied to.
    """
    packaged = packaged_notebooks()
    if packaged is None:
        return find_course(folder), None
    root = (folder or Path.cwd()).resolve()
    try:
        course = find_course(root)
    except NoCourseError:
        copy = root / NOTEBOOKS
        if copy.exists() and not is_course_copy(copy) and (not copy.is_dir() or any(copy.iterdir())):
            raise NoCourseError(
                f"the course would be copied to {copy}, but that holds something else; start in an empty folder, or "
                "name one with --folder"
            ) from None
        course = CourseFolder(root, copy, packaged)
    if course.original is None:
        return course, None
    result = Release(course.notebooks)
    files = {path.name: path.read_bytes() for path in notebooks_of(packaged)}
    managed_folder.update(result, files, is_course=True)
    return course, result


def _with_original(root: Path) -> CourseFolder:
    """Return the course in a folder that has a folder of notebooks."""
    notebooks = root / NOTEBOOKS
    if is_release(notebooks):
        return CourseFolder(notebooks, notebooks)
    return CourseFolder(root, notebooks, packaged_notebooks() if is_course_copy(notebooks) else None)


def _package() -> Path:
    return Path(raft_steps.__file__).resolve().parent
