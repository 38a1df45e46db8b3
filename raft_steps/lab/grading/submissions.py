"""Finds the submissions among files and folders, one for each student."""

from __future__ import annotations

import hashlib
import re
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from raft_steps import find_step
from raft_steps.lab.source.submission_cells import SIZE_MAX
from raft_steps.lab.text import printable

SUFFIXES = (".ipynb", ".py")  # of Nodes
TEXTS = (".txt", ".scenario")  # of the tests of find-the-bug
PLAIN = re.compile(r"[a-z0-9_][a-z0-9._-]{0,58}[a-z0-9_]|[a-z0-9_]")
DIGEST = re.compile(r"-[0-9a-f]{16}$")
RESERVED = frozenset(
    {"con", "prn", "aux", "nul", *(f"{name}{n}" for name in ("com", "lpt") for n in range(10))}
)  # Windows
RESULTS, SCORES = "results", "scores.json"  # in a folder that a grading has written
IGNORED = frozenset({"__pycache__", "__init__.py"})


@dataclass(frozen=True, slots=True)
class Submission:
    """What one student has handed in.

    Attributes:
        student: The student's name, which is the name of the file or folder.
        path: The file; None if there is none, or more than one.
        problem: Why there is no file, as a clause.
    """

    student: str
    path: Path | None
    problem: str = ""

    @property
    def slug(self) -> str:
        """A name for the student's files that is safe in a path and differs from every other student's.

        Some file systems ignore case, and a name may be made to look like the slug of another, so only a name that is
        plain in every way stands for itself. The digest is long enough that nobody finds a second name with it.
        """
        plain = re.sub(r"[^A-Za-z0-9._-]+", "-", self.student).strip(".-")[:60]
        is_plain = PLAIN.fullmatch(self.student) is not None and not DIGEST.search(self.student)
        if is_plain and self.student.partition(".")[0] not in RESERVED:
            return self.student
        return f"{plain or 'student'}-{hashlib.sha256(self.student.encode('utf-8', 'replace')).hexdigest()[:16]}"

    def digest(self) -> str:
        """Return a digest of the content; for a file that is not read, of its mode and size."""
        if self.path is None:
            return hashlib.sha256(self.problem.encode()).hexdigest()
        status = self.path.lstat()
        if not stat.S_ISREG(status.st_mode) or status.st_size > SIZE_MAX:
            return hashlib.sha256(f"{status.st_mode} {status.st_size}".encode()).hexdigest()
        try:
            return hashlib.sha256(self.path.read_bytes()).hexdigest()
        except OSError as error:
            return hashlib.sha256(f"{error.errno}".encode()).hexdigest()


def find_submissions(
    paths: Iterable[Path], step: int, suffixes: tuple[str, ...] = SUFFIXES, out: Path | None = None
) -> list[Submission]:
    """Return the submissions, sorted by student.

    Args:
        paths: Files, one for each student, and folders that hold a file or a folder for each student.
        step: The step; its notebook counts if a student's folder has several files.
        suffixes: The suffixes of the files that count.
        out: The folder of this grading, which is not a submission, even if it is among the paths.
    """
    found: dict[str, Submission] = {}
    for path in paths:
        for each in _submissions_in(path, step, suffixes, out):
            name, number = printable(each.student), 2
            while name in found:
                name, number = f"{printable(each.student)} ({number})", number + 1
            found[name] = Submission(name, each.path, each.problem)
    return [found[name] for name in sorted(found)]


def _submissions_in(path: Path, step: int, suffixes: tuple[str, ...], out: Path | None) -> Iterator[Submission]:
    if not path.is_dir():
        yield Submission(path.stem, path)
        return
    for each in sorted(path.iterdir()):
        if each.name.startswith(".") or each.name in IGNORED or _is_output(each, out):
            continue
        if each.is_dir() and not each.is_symlink():
            yield _in_folder(each, step, suffixes)
        else:
            yield Submission(each.stem, each)


def _is_output(path: Path, out: Path | None) -> bool:
    """Return whether a folder is that of this grading, or of another one."""
    if not path.is_dir():
        return False
    is_own = out is not None and path.resolve() == out.resolve()
    return is_own or ((path / RESULTS).is_dir() and (path / SCORES).is_file())


def _in_folder(folder: Path, step: int, suffixes: tuple[str, ...]) -> Submission:
    """Return the submission in a student's folder, or in a folder inside it, where nbgrader puts it."""
    files = [
        path
        for path in sorted(folder.rglob("*"))
        if path.suffix in suffixes and not path.name.startswith((".", "__")) and not path.is_dir()
        if not any(part.startswith(".") for part in path.relative_to(folder).parts)
    ]
    named = [path for path in files if path.name == find_step(step).notebook_name]
    choice = named if len(named) == 1 else files
    if len(choice) == 1:
        return Submission(folder.name, choice[0])
    problem = (
        "nothing was handed in"
        if not files
        else f"{len(files)} files were handed in: {', '.join(p.name for p in files[:5])}"
    )
    return Submission(folder.name, None, problem)
