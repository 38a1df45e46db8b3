"""Reads folders of submissions as they are downloaded: who handed in which files, late or not, and when.

A folder is read as what it looks like as a whole:

    Canvas       smithann_4711_99812_06_term_checks-1.ipynb, smithann_LATE_4711_…, anon_x8Jd2_99812_…, …_text.html
    Moodle       Ann Smith_12345_assignsubmission_file_/06_term_checks.ipynb, or the same in one name
    Gradescope   submission_99812/06_term_checks.ipynb, and submission_metadata.yml with names, e-mail addresses, times
    nbgrader     ann/step_06/06_term_checks.ipynb, and timestamp.txt next to it
    otherwise    ann.ipynb, or ann/06_term_checks.ipynb: a file or a folder for each student, who is named by it
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from raft_steps.lab.errors import LabError, NotTextError
from raft_steps.lab.files import read_text

METADATA = "submission_metadata.yml"  # Gradescope's
TIMESTAMP = "timestamp.txt"  # nbgrader's
CANVAS = re.compile(r"(?P<name>\w+?)_(?P<late>LATE_)?(?P<id>\d+)_(?:\d+_(?P<file>.+)|(?:text|link)\.html)")
CANVAS_ANONYMOUS = re.compile(r"(?P<late>LATE_)?(?P<name>anon_(?P<id>\w+?))_(?:\d+_(?P<file>.+)|(?:text|link)\.html)")
MOODLE = re.compile(r"(?P<name>.+?)_(?P<id>\d+)_assignsubmission_(?P<kind>file|onlinetext)_?(?P<file>.*)", re.DOTALL)
SKIPPED = frozenset({"__pycache__", "__init__.py", "__MACOSX", "Thumbs.db", "desktop.ini"})


class DownloadError(LabError):
    """What a platform has written into a download cannot be read; the message says what."""


@dataclass(slots=True)
class HandedIn:
    """What one person has handed in, in one folder.

    Attributes:
        name: The person's name, as the folder has it.
        ids: What identifies the person besides the name: numbers, logins, e-mail addresses.
        files: The files, each with the name that the student gave to it.
        problem: Why there is none, as a clause.
        late: Whether the platform marks it as late.
        time: When it was handed in; None if the folder does not say.
        folder: The folder whose files these are, if it is the person's own.
    """

    name: str
    ids: tuple[str, ...] = ()
    files: list[tuple[str, Path]] = field(default_factory=list)
    problem: str = ""
    late: bool = False
    time: datetime | None = None
    folder: Path | None = None


def read_folder(folder: Path) -> list[HandedIn]:
    """Return what is in a folder of submissions, one item for each person.

    Raises:
        DownloadError: A file that a platform has written cannot be read.
    """
    if (folder / METADATA).is_file():
        return list(_gradescope(folder))
    entries = [each for each in sorted(folder.iterdir()) if not each.name.startswith(".") and each.name not in SKIPPED]
    for read in (_moodle, _canvas):
        if entries and (found := read(entries)) is not None:
            return found
    return list(_plain(entries))


def _plain(entries: list[Path]) -> Iterator[HandedIn]:
    found: dict[str, HandedIn] = {}
    for each in entries:
        is_folder = each.is_dir() and not each.is_symlink()
        name = each.name if is_folder else each.stem
        item = found.setdefault(unicodedata.normalize("NFC", name), HandedIn(name))
        if is_folder:
            item.folder, item.time = each, _timestamp(each)
        else:
            item.files.append((each.name, each))
    yield from found.values()


def _moodle(entries: list[Path]) -> list[HandedIn] | None:
    """Return what is in a download of Moodle; None if this is not one."""
    found: dict[str, HandedIn] = {}
    for each in entries:
        match = MOODLE.fullmatch(each.name)
        if match is None:
            return None
        item = found.setdefault(match["id"], HandedIn(match["name"], (match["id"],)))
        if match["kind"] == "onlinetext":
            item.problem = "a text was handed in, and no file"
        elif each.is_dir():
            item.folder = each
        else:
            item.files.append((match["file"] or each.name, each))
    return list(found.values())


def _canvas(entries: list[Path]) -> list[HandedIn] | None:
    """Return what is in a download of Canvas; None if this is not one."""
    found: dict[str, HandedIn] = {}
    for each in entries:
        match = CANVAS_ANONYMOUS.fullmatch(each.name) or CANVAS.fullmatch(each.name)
        if match is None or each.is_dir():
            return None
        item = found.setdefault(match["id"], HandedIn(match["name"], (match["id"],)))
        item.late |= match["late"] is not None
        if match["file"]:
            item.files.append((match["file"], each))
        else:
            item.problem = "a text was handed in, and no file"
    return list(found.values())


def _gradescope(folder: Path) -> Iterator[HandedIn]:
    """Yield what is in an export of Gradescope; of a group's submission, one item for each member."""
    import yaml

    path = folder / METADATA
    try:
        data = yaml.safe_load(read_text(path, "the metadata of submissions"))
    except (yaml.YAMLError, NotTextError, ValueError, OSError) as error:
        raise DownloadError(f"{path} cannot be read: {' '.join(str(error).split())[:200]}") from error
    if not isinstance(data, dict):
        raise DownloadError(f"{path} is not a list of submissions, as Gradescope exports it")
    for name, each in sorted(data.items(), key=lambda pair: str(pair[0])):
        place = folder / str(name)
        known = each if isinstance(each, dict) else {}
        time = _time(known.get(":created_at"))
        members = [person for person in known.get(":submitters") or () if isinstance(person, dict)]
        if "/" in str(name) or str(name).startswith("."):
            raise DownloadError(f"{path} names {name!r}, which is not a folder next to it")
        for person in members or [{":name": str(name)}]:
            ids = tuple(str(person[key]) for key in (":sid", ":email") if person.get(key))
            item = HandedIn(str(person.get(":name") or name), ids, time=time)
            if place.is_dir() and not place.is_symlink():
                item.folder = place
            elif place.is_file():
                item.files.append((place.name, place))
            yield item


def _time(value: Any) -> datetime | None:
    """Return a time, in UTC where it names no zone; None if it is none."""
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value.strip().replace(" UTC", "+00:00").replace(" UCT", "+00:00"))
        except ValueError:
            return None
    if not isinstance(value, datetime):
        return None
    return value if value.tzinfo is not None else value.replace(tzinfo=UTC)


def _timestamp(folder: Path) -> datetime | None:
    """Return the time in the file that nbgrader puts next to a notebook."""
    for place in (folder, *sorted(each for each in folder.iterdir() if each.is_dir() and not each.is_symlink())):
        if (place / TIMESTAMP).is_file():
            try:
                return _time(read_text(place / TIMESTAMP, "a time"))
            except (NotTextError, OSError):
                return None
    return None
