"""Who has handed in what: files and folders, a student each."""

from __future__ import annotations

import hashlib
import re
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from raft_steps import find_step
from raft_steps.lab.course.extraction import SIZE_MAX
from raft_steps.lab.text import printable

SUFFIXES = (".ipynb", ".py")
TEXTS = (".txt", ".scenario")
NOT_HANDED_IN = frozenset({"__pycache__", "__init__.py"})


@dataclass(frozen=True, slots=True)
class HandedIn:
    """What one student has handed in.

    Attributes:
        student: The student's name: that of the file or the folder.
        path: The file; None where there is none, or more than one.
        why: Why there is no file, in words.
    """

    student: str
    path: Path | None
    why: str = ""

    @property
    def slug(self) -> str:
        """A name for files, which no other student has."""
        plain = re.sub(r"[^A-Za-z0-9._-]+", "-", self.student).strip(".-")[:60]
        same = plain == self.student
        return (
            plain if same and plain else f"{plain or 'student'}-{hashlib.sha256(self.student.encode()).hexdigest()[:8]}"
        )

    def digest(self) -> str:
        """Give the digest of what was handed in; a file that nobody will read counts by its size."""
        if self.path is None:
            return hashlib.sha256(self.why.encode()).hexdigest()
        about = self.path.lstat()
        if not stat.S_ISREG(about.st_mode) or about.st_size > SIZE_MAX:
            return hashlib.sha256(f"{about.st_mode} {about.st_size}".encode()).hexdigest()
        try:
            return hashlib.sha256(self.path.read_bytes()).hexdigest()
        except OSError as error:
            return hashlib.sha256(f"{error.errno}".encode()).hexdigest()


def hand_in(paths: Iterable[Path], step: int, suffixes: tuple[str, ...] = SUFFIXES) -> list[HandedIn]:
    """List the submissions, sorted by student.

    Args:
        paths: Files, each a student's, and folders: one with files or folders of students, one for each.
        step: The step, whose notebook counts where a folder holds several files.
        suffixes: What the files that count end with.
    """
    found: dict[str, HandedIn] = {}
    for path in paths:
        for each in _of(path, step, suffixes):
            name, number = printable(each.student), 2
            while name in found:
                name, number = f"{printable(each.student)} ({number})", number + 1
            found[name] = HandedIn(name, each.path, each.why)
    return [found[name] for name in sorted(found)]


def _of(path: Path, step: int, suffixes: tuple[str, ...]) -> Iterator[HandedIn]:
    if not path.is_dir():
        yield HandedIn(path.stem, path)
        return
    for each in sorted(path.iterdir()):
        if each.name.startswith(".") or each.name in NOT_HANDED_IN:
            continue
        if each.is_dir() and not each.is_symlink():
            yield _in_folder(each, step, suffixes)
        else:
            yield HandedIn(each.stem, each)


def _in_folder(folder: Path, step: int, suffixes: tuple[str, ...]) -> HandedIn:
    """Choose the one file of a student's folder; nbgrader puts it one folder deeper."""
    files = [
        path
        for path in sorted(folder.rglob("*"))
        if path.suffix in suffixes and not path.name.startswith((".", "__")) and not path.is_dir()
        if not any(part.startswith(".") for part in path.relative_to(folder).parts)
    ]
    named = [path for path in files if path.name == find_step(step).notebook_name]
    choice = named if len(named) == 1 else files
    if len(choice) == 1:
        return HandedIn(folder.name, choice[0])
    why = (
        "nothing was handed in"
        if not files
        else f"{len(files)} files were handed in: {', '.join(p.name for p in files[:5])}"
    )
    return HandedIn(folder.name, None, why)
