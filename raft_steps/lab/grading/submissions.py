"""Finds the submissions among files, folders and zip files, as students or a platform for courses hand them over.

One person is one row, by one rule: what a download names by a number is that person's; otherwise the name decides, and a
roster, if there is one. What one person hands in to several places is several attempts, in the order of the places.
"""

from __future__ import annotations

import hashlib
import re
import shutil
import stat
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from raft_steps import find_step
from raft_steps.lab.grading.archives import ALL_BYTES_MAX, ArchiveError, unpack
from raft_steps.lab.grading.downloads import METADATA, HandedIn, read_folder
from raft_steps.lab.source.submission_cells import SIZE_MAX
from raft_steps.lab.text import printable

if TYPE_CHECKING:
    from raft_steps.lab.grading.roster import Roster

SUFFIXES = (".ipynb", ".py")  # of Nodes
TEXTS = (".txt", ".scenario")  # of the tests of find-the-bug
PLAIN = re.compile(r"[a-z0-9_][a-z0-9._-]{0,58}[a-z0-9_]|[a-z0-9_]")
DIGEST = re.compile(r"-[0-9a-f]{16}$")
RESERVED = frozenset(
    {"con", "prn", "aux", "nul", *(f"{name}{n}" for name in ("com", "lpt") for n in range(10))}
)  # Windows
RESULTS, SCORES = "results", "scores.json"  # in a folder that a grading has written
UNPACKED = "unpacked"  # the folder for the contents of zip files
ZIP = ".zip"
STUDENT_BYTES_MAX = 100 * 2**20  # of what one student's zip file contains
COPY = re.compile(r"(?P<stem>.+?)(?:-(?P<again>\d+)| ?\((?P<copy>\d+)\)|_(?P<stored>\d+))?", re.DOTALL)
NOTHING = "nothing was handed in"


@dataclass(frozen=True, slots=True)
class Submission:
    """What one student has handed in.

    Attributes:
        student: The student's name, as the roster, the download, the file or the folder has it; with the number of the
            attempt, unless it is the last.
        path: The file; None if there is none, or more than one.
        problem: Why there is no file, as a clause.
        person: The name of the student's row, which all attempts share.
        ids: What identifies the student besides the name, in the download and in the roster.
        late: Whether the platform marks it as late.
        time: When it was handed in; None if nothing says so.
        entry: The student's place in the roster; None if there is none.
        remarks: What an instructor should know about how it was handed in.
    """

    student: str
    path: Path | None
    problem: str = ""
    person: str = ""
    ids: tuple[str, ...] = ()
    late: bool = False
    time: datetime | None = None
    entry: int | None = None
    remarks: tuple[str, ...] = ()

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
    paths: Iterable[Path],
    step: int,
    suffixes: tuple[str, ...] = SUFFIXES,
    out: Path | None = None,
    roster: Roster | None = None,
    *,
    of_one: bool = False,
) -> list[Submission]:
    """Return the submissions: in the order of the roster, and otherwise sorted by student; attempts in their order.

    Args:
        paths: Files, one for each student, and folders or zip files that hold a file or a folder for each student. If
            a student is in several of them, the later ones are later attempts.
        step: The step; its notebook counts if a student's folder has several files.
        suffixes: The suffixes of the files that count.
        out: The folder of this grading, which is not a submission, even if it is among the paths. Zip files are
            unpacked in it.
        roster: The students of the course. Each has a submission then, if only the one that says that there is none.
        of_one: Whether each folder is what one student has handed in.

    Raises:
        DownloadError: A file that a platform has written cannot be read.
        ArchiveError: A zip file of submissions cannot be unpacked.
    """
    finder = _Finder(step, suffixes, out or Path("grades"))
    if of_one:
        found = [HandedIn(path.name, folder=path) if path.is_dir() else finder.find(path)[0] for path in paths]
    else:
        found = [item for path in paths for item in finder.find(path)]
    people = _group(found, roster)
    submissions = [each for person in people for each in _attempts(person, finder, roster)]
    if roster is not None:
        seen = {each.entry for each in submissions}
        names = roster.names()
        submissions += [
            Submission(name, None, NOTHING, name, roster.ids(entry), entry=entry)
            for entry, name in enumerate(names)
            if entry not in seen
        ]
    return sorted(submissions, key=lambda each: (each.entry is None, each.entry or 0, each.person))


@dataclass(slots=True)
class _Person:
    """A person, and what was found of them, in the order of the places that were given."""

    name: str
    entry: int | None = None
    remark: str = ""
    found: list[HandedIn] = field(default_factory=list)


def _group(found: Iterable[HandedIn], roster: Roster | None) -> list[_Person]:
    """Return the people of some items, each with a name of its own."""
    people: dict[object, _Person] = {}
    for item in found:
        entry, remark = roster.match(item) if roster is not None else (None, "")
        key = entry if entry is not None else (unicodedata.normalize("NFC", item.name), item.ids[:1])
        name = roster.names()[entry] if roster is not None and entry is not None else printable(item.name)
        people.setdefault(key, _Person(name, entry, remark)).found.append(item)
    count, used = Counter(each.name for each in people.values()), set[str]()
    for each in people.values():
        plain, number = each.name, 2
        ids = each.found[0].ids
        if count[plain] > 1 and each.entry is None and ids:
            each.name = plain = printable(f"{plain} ({ids[0]})")
        while each.name in used:
            each.name, number = f"{plain} ({number})", number + 1
        used.add(each.name)
    return list(people.values())


def _attempts(person: _Person, finder: _Finder, roster: Roster | None) -> Iterator[Submission]:
    known = roster.ids(person.entry) if roster is not None and person.entry is not None else ()
    for number, item in enumerate(person.found, start=1):
        path, problem, remarks = finder.choose(item)
        yield Submission(
            person.name if number == len(person.found) else f"{person.name} (attempt {number})",
            path,
            problem,
            person.name,
            (*item.ids, *known),
            item.late,
            item.time,
            person.entry,
            (*remarks, person.remark) if person.remark else tuple(remarks),
        )


@dataclass(slots=True)
class _Finder:
    """Finds what is handed in at each place, and which file of it counts.

    Attributes:
        step: The step.
        suffixes: The suffixes of the files that count.
        out: The folder of this grading.
    """

    step: int
    suffixes: tuple[str, ...]
    out: Path

    def find(self, path: Path) -> list[HandedIn]:
        """Return what is in a file, a folder, or a zip file of many students."""
        if path.suffix.lower() == ZIP and path.is_file():
            folder = self._unpack(path, (*self.suffixes, ZIP, ".yml", ".html"))
            inside = [each for each in folder.iterdir() if not each.name.startswith(".")]
            if len(inside) == 1 and inside[0].is_dir() and self._holds_many(inside[0]):
                folder = inside[0]
            return read_folder(folder)
        if not path.is_dir():
            return [HandedIn(path.stem, files=[(path.name, path)])]
        return [each for each in read_folder(path) if each.folder is None or not self._is_output(each.folder)]

    def _holds_many(self, folder: Path) -> bool:
        """Return whether a zip file's only folder is one of submissions, and not a student's."""
        if (folder / METADATA).is_file():
            return True
        entries = [each for each in folder.iterdir() if each.is_dir() or each.suffix.lower() in (*self.suffixes, ZIP)]
        return len(entries) > 1 and find_step(self.step).notebook_name not in [each.name for each in entries]

    def _unpack(self, archive: Path, suffixes: tuple[str, ...], bytes_max: int = ALL_BYTES_MAX) -> Path:
        """Unpack a zip file, and return the folder with its contents.

        Raises:
            ArchiveError: It cannot be unpacked; the message begins with its name.
        """
        digest = hashlib.sha256(str(archive.absolute()).encode("utf-8", "replace")).hexdigest()[:16]
        folder = self.out / UNPACKED / digest
        shutil.rmtree(folder, ignore_errors=True)
        try:
            unpack(archive, folder, suffixes, bytes_max)
        except ArchiveError as error:
            raise ArchiveError(f"{printable(archive.name)} {error}") from error
        return folder

    def _is_output(self, path: Path) -> bool:
        """Return whether a folder is that of this grading, or of another one."""
        return path.resolve() == self.out.resolve() or ((path / RESULTS).is_dir() and (path / SCORES).is_file())

    def choose(self, item: HandedIn) -> tuple[Path | None, str, list[str]]:
        """Return the file that counts, or None and why there is none, and remarks."""
        files, remarks, problem = list(item.files), list[str](), item.problem
        if item.folder is not None:
            files += [(path.name, path) for path in self._in_folder(item.folder)]
        for name, path in list(files):
            if path.suffix.lower() == ZIP:
                files.remove((name, path))
                try:
                    inside = self._in_folder(self._unpack(path, (*self.suffixes, ZIP), STUDENT_BYTES_MAX))
                    plain = [each for each in inside if each.suffix.lower() != ZIP]
                    files += [(each.name, each) for each in plain]
                    if not plain:
                        problem = f"{printable(path.name)} contains {'another zip file' if inside else 'neither a notebook nor a module'}"
                except ArchiveError as error:
                    problem = str(error)
        if len(files) == 1 and item.folder is None:
            return files[0][1], "", remarks
        wanted = [(name, path) for name, path in files if path.suffix in self.suffixes] or files
        named = [(name, path) for name, path in wanted if self._is_notebook(name)]
        if len(named) > 1:  # A platform adds a number to the name of a file that was handed in again.
            highest = max(_copy_number(name) for name, _ in named)
            named = [each for each in named if _copy_number(each[0]) == highest]
        choice = named if len(named) == 1 else wanted
        if len(choice) == 1:
            others = len(wanted) - 1
            if others and problem:
                remarks.append(f"{problem[:1].upper()}{problem[1:]}.")
            return choice[0][1], "", remarks
        if not files:
            return None, problem or NOTHING, remarks
        names = ", ".join(printable(name) for name, _ in wanted[:5])
        return None, f"{len(wanted)} files were handed in: {names}", remarks

    def _is_notebook(self, name: str) -> bool:
        """Return whether a file has the name of the step's notebook, or of a copy of it."""
        stem, _, suffix = find_step(self.step).notebook_name.rpartition(".")
        match = COPY.fullmatch(name.rpartition(".")[0])
        return name.endswith(f".{suffix}") and match is not None and match["stem"] == stem

    def _in_folder(self, folder: Path) -> list[Path]:
        """Return the files in a student's folder, or in folders inside it, where nbgrader puts them.

        The package and notebook 00, which were handed out, are not what was handed in.
        """
        files = [
            path
            for path in sorted(folder.rglob("*"))
            if path.suffix in (*self.suffixes, ZIP) and not path.name.startswith((".", "__")) and not path.is_dir()
            if not any(part.startswith((".", "__")) or part == "raft_steps" for part in path.relative_to(folder).parts)
        ]
        return [path for path in files if not path.name.startswith("00_")] or files


def _copy_number(name: str) -> int:
    match = COPY.fullmatch(name.rpartition(".")[0])
    return int(next((each for each in match.groups()[1:] if each), 0)) if match is not None else 0
