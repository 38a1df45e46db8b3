"""A folder that is filled and renewed, and in which nothing that somebody wrote is lost.

A file beside the others remembers what was put there, so that a later filling can tell an untouched file, which it
may replace, from one that has been worked in.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from raft_steps.lab.errors import LabError
from raft_steps.lab.files import replace_file

MANIFEST = ".raft-steps-release.json"
VERSION = 1
# What Jupyter and Python put beside a notebook by themselves.
LITTER = frozenset({".ipynb_checkpoints", "__pycache__", ".virtual_documents", ".DS_Store", ".gitignore"})


class ReleaseError(LabError):
    """A release cannot be made there, or not of these steps; nothing was written."""


@dataclass(slots=True)
class Release:
    """What came of a release.

    Attributes:
        folder: Where it is.
        written: The files that were written, because they were missing or another version of the course's own.
        kept: The files that somebody has worked in, and that stay as they are.
        outdated: Those of them that the course has changed since.
        removed: The untouched files of an earlier release that this one does not have.
        warnings: What an author should look at, a sentence each.
    """

    folder: Path
    written: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)
    outdated: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


def fill(result: Release, files: Mapping[str, bytes], *, force: bool = False, others: Collection[str] = ()) -> None:
    """Put files into a folder that is empty, or that an earlier filling left and nobody has worked in.

    Args:
        result: The folder, and where to note what was done.
        files: What each file holds, by its path in the folder.
        force: Write even where somebody has worked; these files are then overwritten, others stay.
        others: Names of files and folders in it that belong to others, and are not looked at.

    Raises:
        ReleaseError: There is something in the folder that would be lost.
    """
    out = result.folder
    known = remembered(out)
    if not force and (precious := _worked_in(out, known, others)):
        raise ReleaseError(
            f"{out} holds {precious[0]}{f' and {len(precious) - 1} more' if precious[1:] else ''}, which would be lost or "
            "mixed up; choose an empty folder, or overwrite with --force"
        )
    for name, content in files.items():
        write(result, name, content)
    for name in sorted(known.keys() - files.keys()):
        if digest_of_file(out / name) == known[name]:
            (out / name).unlink()
            result.removed.append(name)
            _remove_empty(out, name)
    remember(out, {name: digest(content) for name, content in files.items()})


def bring_up_to_date(result: Release, files: Mapping[str, bytes]) -> None:
    """Put files into a folder that somebody works in: what they have changed stays, all else becomes as given."""
    known = dict(remembered(result.folder))
    for name, content in files.items():
        found, origin = digest_of_file(result.folder / name), known.get(name)
        if found in (None, origin, digest(content)):
            write(result, name, content)
            known[name] = digest(content)
        else:
            result.kept.append(name)
            if origin != digest(content):
                result.outdated.append(name)
    remember(result.folder, known)


def is_release(folder: Path) -> bool:
    """Tell whether a folder holds a student edition."""
    return (folder / MANIFEST).is_file()


def refuse_place(notebooks: Path, out: Path) -> None:
    """Refuse to fill a file, or the folder of the course itself.

    Raises:
        ReleaseError: It is one of these.
    """
    if out.exists() and not out.is_dir():
        raise ReleaseError(f"{out} is a file; a release needs a folder")
    if out.resolve() == notebooks.resolve():
        raise ReleaseError(f"{out} holds the course itself; a release there would overwrite its solutions")


def write(result: Release, name: str, content: bytes) -> None:
    """Write a file whole or not at all, unless it is as it should be."""
    path = result.folder / name
    if digest_of_file(path) == digest(content):
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    replace_file(path, content)
    result.written.append(name)


def remembered(out: Path) -> dict[str, str]:
    """Give the digest of every file as it was put there; nothing where nothing was."""
    try:
        data = json.loads((out / MANIFEST).read_text(encoding="utf-8"))
        return {name: str(found) for name, found in data["files"].items() if _is_inside(name)}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}


def remember(out: Path, digests: Mapping[str, str]) -> None:
    """Write down the digest of every file."""
    text = json.dumps({"version": VERSION, "files": dict(sorted(digests.items()))}, indent=1)
    write(Release(out), MANIFEST, f"{text}\n".encode())


def digest(content: bytes) -> str:
    """Give what a file's content is recognised by."""
    return hashlib.sha256(content).hexdigest()


def digest_of_file(path: Path) -> str | None:
    """Give what a file's content is recognised by; nothing where there is no file."""
    return digest(path.read_bytes()) if path.is_file() else None


def _is_inside(name: str) -> bool:
    """Tell whether a path leads to a file in the folder: the file of digests may have been written by anybody."""
    path = PurePosixPath(name)
    return bool(path.parts) and ".." not in path.parts and not path.is_absolute() and not set(name) & {":", "\\"}


def _worked_in(out: Path, known: Mapping[str, str], others: Collection[str]) -> list[str]:
    """List the files that are not just as an earlier filling left them."""
    found = (path.relative_to(out) for path in sorted(out.rglob("*")) if path.is_file())
    names = [
        path.as_posix()
        for path in found
        if not LITTER & set(path.parts) and path.name != MANIFEST and path.parts[0] not in others
    ]
    return [name for name in names if known.get(name) != digest_of_file(out / name)]


def _remove_empty(out: Path, name: str) -> None:
    """Remove the folders that a removed file leaves empty, but for what Python put there."""
    for parent in list(PurePosixPath(name).parents)[:-1]:
        folder = out / parent
        left = [path for path in folder.iterdir() if path.name != "__pycache__"] if folder.is_dir() else [folder]
        if left:
            return
        for cached in folder.glob("__pycache__/*.pyc"):
            cached.unlink()
        for cache in folder.glob("__pycache__"):
            cache.rmdir()
        folder.rmdir()
