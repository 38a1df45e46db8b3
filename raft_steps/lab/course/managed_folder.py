"""Fills and renews a folder without losing anything that its user wrote in it.

A manifest in the folder records a digest of every file that was written. With it, a later release distinguishes an
unchanged file, which it may replace, from one that the user has edited. A notebook of a learner's own edition that was
opened, run and saved, but in which nothing was written, is unchanged, too.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from raft_steps.lab.errors import LabError, NotTextError
from raft_steps.lab.files import read_text, replace_file

MANIFEST = ".raft-steps-release.json"
VERSION = 1
FULL_COURSE = "full course"
# Files that Jupyter and Python create next to a notebook, and the one that `raft-steps lab` adds.
GENERATED_FILES = frozenset({".ipynb_checkpoints", "__pycache__", ".virtual_documents", ".DS_Store", ".gitignore"})


class ReleaseError(LabError):
    """A release cannot be made in this folder, or of these steps; nothing was written."""


@dataclass(slots=True)
class Release:
    """The result of a release.

    Attributes:
        folder: The folder.
        written: The files that were written, because they were missing or out of date.
        kept: The files that the user has edited, which stay as they are.
        outdated: The kept files that have changed in the course since they were written.
        removed: The unedited files of an earlier release that are not part of this one.
        warnings: Warnings for the author of the course, one sentence each.
    """

    folder: Path
    written: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)
    outdated: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


def fill(result: Release, files: Mapping[str, bytes], *, force: bool = False, others: Collection[str] = ()) -> None:
    """Write files to a folder that is empty, or that contains an unedited earlier release.

    Args:
        result: The release, with its folder; every change is recorded in it.
        files: The content of each file, by its path in the folder.
        force: Also overwrite edited files of the release. Other files stay.
        others: Names of files and folders in the folder that belong to other programs and are ignored.

    Raises:
        ReleaseError: Something in the folder would be lost.
    """
    out = result.folder
    known = read_manifest(out)
    if not force and (edited := _edited_files(out, known, others)):
        raise ReleaseError(
            f"{out} holds {edited[0]}{f' and {len(edited) - 1} more' if edited[1:] else ''}, which would be lost or "
            "mixed up; choose an empty folder, or overwrite with --force"
        )
    for name, content in files.items():
        write(result, name, content)
    for name in sorted(known.keys() - files.keys()):
        if is_as_written(out / name, known[name]):
            (out / name).unlink()
            result.removed.append(name)
            _remove_empty(out, name)
    write_manifest(out, {name: digest(content) for name, content in files.items()})


def update(result: Release, files: Mapping[str, bytes], *, is_course: bool = False) -> None:
    """Write files to a folder that is in use: the files that its user has edited stay as they are.

    Args:
        result: The release, with its folder; every change is recorded in it.
        files: The content of each file, by its path in the folder.
        is_course: Whether the folder is a copy of the full course, and not an edition for students.
    """
    known = dict(read_manifest(result.folder))
    for name, content in files.items():
        path, origin = result.folder / name, known.get(name)
        if digest_of_file(path) in (None, digest(content)) or is_as_written(path, origin):
            write(result, name, content)
            known[name] = f"{digest(content)} {_digest_of_sources(content)}".rstrip()
        else:
            result.kept.append(name)
            if origin is None or origin.split()[0] != digest(content):
                result.outdated.append(name)
    for name in sorted(known.keys() - files.keys()):  # Renamed in the course, for example.
        if is_as_written(result.folder / name, known.pop(name)):
            (result.folder / name).unlink()
            result.removed.append(name)
    write_manifest(result.folder, known, is_course=is_course)


def is_release(folder: Path) -> bool:
    """Return whether a folder contains a release: an edition, not a copy of the full course."""
    return (folder / MANIFEST).is_file() and not is_course_copy(folder)


def is_course_copy(folder: Path) -> bool:
    """Return whether a folder is a copy of the full course that was made by `update`."""
    return _read_data(folder).get("edition") == FULL_COURSE


def check_target(notebooks: Path, out: Path) -> None:
    """Check that a release can be made in a folder.

    Raises:
        ReleaseError: It is a file, or the folder of the course itself.
    """
    if out.exists() and not out.is_dir():
        raise ReleaseError(f"{out} is a file; a release needs a folder")
    if out.resolve() == notebooks.resolve():
        raise ReleaseError(f"{out} holds the course itself; a release there would overwrite its solutions")


def write(result: Release, name: str, content: bytes) -> None:
    """Write a file as a whole, unless it has this content already."""
    if not _is_inside(name):  # Or else the next release could delete a file elsewhere.
        raise ReleaseError(f"{name!r} is not a path inside a folder, so it cannot be part of a release")
    path = result.folder / name
    if digest_of_file(path) == digest(content):
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    replace_file(path, content)
    result.written.append(name)


def read_manifest(out: Path) -> dict[str, str]:
    """Return the digest that each file had when it was written; empty if there is no readable manifest."""
    files = _read_data(out).get("files")
    return {name: str(found) for name, found in files.items() if _is_inside(name)} if isinstance(files, dict) else {}


def _read_data(out: Path) -> dict[str, Any]:
    """Return the content of the manifest; empty if there is no readable one."""
    try:
        data = json.loads(read_text(out / MANIFEST, "a manifest"))
    except (OSError, NotTextError, ValueError):
        return {}
    return data if isinstance(data, dict) else {}


def write_manifest(out: Path, digests: Mapping[str, str], *, is_course: bool = False) -> None:
    """Record the digest of every file, and whether they are the full course."""
    kind = {"edition": FULL_COURSE} if is_course else {}
    text = json.dumps({"version": VERSION, **kind, "files": dict(sorted(digests.items()))}, indent=1)
    write(Release(out), MANIFEST, f"{text}\n".encode())


def digest(content: bytes) -> str:
    """Return the digest of a file's content."""
    return hashlib.sha256(content).hexdigest()


def digest_of_file(path: Path) -> str | None:
    """Return the digest of a file; None if there is no such file."""
    return digest(path.read_bytes()) if path.is_file() else None


def is_as_written(path: Path, origin: str | None) -> bool:
    """Return whether a file is as it was written, or is a notebook that has the same cells.

    Args:
        path: The file.
        origin: Its digest, and for a notebook of a learner's own edition that of its sources, as text; None if unknown.
    """
    if origin is None or not path.is_file():
        return False
    whole, _, sources = origin.partition(" ")
    content = path.read_bytes()
    return digest(content) == whole or (bool(sources) and _digest_of_sources(content) == sources)


def _digest_of_sources(content: bytes) -> str:
    """Return the digest of what is written in a notebook's cells; "" for any other file.

    JupyterLab changes outputs, numbers and metadata when a notebook is run and saved.
    """
    try:
        cells = json.loads(content)["cells"]
        written = [[cell["cell_type"], "".join(cell["source"])] for cell in cells]
    except (ValueError, KeyError, TypeError):
        return ""
    return digest(json.dumps(written).encode())


def _is_inside(name: str) -> bool:
    """Return whether a path is inside the folder: files in the manifest are deleted, and it may have been edited."""
    path = PurePosixPath(name)
    return bool(path.parts) and ".." not in path.parts and not path.is_absolute() and not set(name) & {":", "\\"}


def _edited_files(out: Path, known: Mapping[str, str], others: Collection[str]) -> list[str]:
    """Return the files that are not exactly as an earlier release wrote them."""
    found = (path.relative_to(out) for path in sorted(out.rglob("*")) if path.is_file())
    names = [
        path.as_posix()
        for path in found
        if not GENERATED_FILES & set(path.parts) and path.name != MANIFEST and path.parts[0] not in others
    ]
    return [name for name in names if not is_as_written(out / name, known.get(name))]


def _remove_empty(out: Path, name: str) -> None:
    """Remove the folders that are empty after a file was removed; bytecode that Python left there does not count."""
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
