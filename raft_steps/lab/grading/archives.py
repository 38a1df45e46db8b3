"""Unpacks zip files that come from students, within limits, and never to a place outside of the given folder.

Only regular files with wanted suffixes are written. What a name says is not trusted: `..`, absolute paths, drive
letters, links and devices are left out with a remark. Nor is what a header says: bytes are counted as they come.
"""

from __future__ import annotations

import contextlib
import stat
import unicodedata
import zipfile
import zlib
from collections import Counter
from collections.abc import Collection, Iterator
from pathlib import Path, PurePosixPath

from raft_steps.lab.errors import LabError
from raft_steps.lab.text import printable

ENTRIES_MAX = 20_000  # of one archive; a folder that was handed in with its environment has thousands
FILE_BYTES_MAX = 20 * 2**20  # of one unpacked file
ALL_BYTES_MAX = 2 * 2**30  # of all unpacked files of one archive
NAME_MAX = 120  # characters of each part of a path
CHUNK = 1 << 16
IGNORED = frozenset({"__MACOSX", ".ipynb_checkpoints", "__pycache__", ".git"})  # folders


class ArchiveError(LabError):
    """An archive cannot be unpacked; the message completes a sentence that begins with its name."""


def unpack(archive: Path, folder: Path, suffixes: Collection[str], bytes_max: int = ALL_BYTES_MAX) -> list[str]:
    """Unpack the wanted files of a zip file.

    Args:
        archive: The zip file.
        folder: The folder to write to; it is made.
        suffixes: The endings of the files that are wanted, in lower case.
        bytes_max: How much may be written altogether.

    Returns:
        The names of the entries that were left out because they are not plain files inside the folder.

    Raises:
        ArchiveError: It is not a zip file, is encrypted or damaged, or is larger than the limits.
    """
    folder.mkdir(parents=True, exist_ok=True)
    odd: list[str] = []
    left, names = bytes_max, Counter[Path]()
    with _explained(), zipfile.ZipFile(archive) as opened:
        for entry in _entries(opened):
            parts = _safe_parts(entry)
            if parts is None:
                odd.append(printable(entry.filename)[:100])
            elif _is_wanted(parts, suffixes):
                target = folder.joinpath(*parts)
                names[target] += 1
                if names[target] > 1:  # Readers of the folder see that there are two.
                    target = target.with_name(f"{target.stem} ({names[target]}){target.suffix}")
                left -= _write(opened, entry, target, min(FILE_BYTES_MAX, left))
    return odd


@contextlib.contextmanager
def _explained() -> Iterator[None]:
    """Turn every error of a zip file into an ArchiveError that says what is wrong with it."""
    try:
        yield
    except (zipfile.BadZipFile, zlib.error, EOFError, ValueError) as error:
        raise ArchiveError("is not a zip file, or is damaged") from error
    except NotImplementedError as error:
        raise ArchiveError("is compressed in a way that cannot be read here") from error
    except RuntimeError as error:  # zipfile's error for a password that is missing.
        raise ArchiveError("is encrypted") from error
    except OSError as error:
        raise ArchiveError(f"cannot be unpacked: {error.strerror or error}") from error


def _entries(opened: zipfile.ZipFile) -> list[zipfile.ZipInfo]:
    """Return the entries that are not folders."""
    entries = opened.infolist()
    if len(entries) > ENTRIES_MAX:
        raise ArchiveError(f"has {len(entries):,} entries; the limit is {ENTRIES_MAX:,}")
    return [each for each in entries if not each.is_dir()]


def _safe_parts(entry: zipfile.ZipInfo) -> tuple[str, ...] | None:
    """Return the parts of an entry's path; None if it is not a regular file inside the archive's own folder."""
    kind = stat.S_IFMT(entry.external_attr >> 16)
    if kind not in (0, stat.S_IFREG):
        return None
    name = unicodedata.normalize("NFC", entry.filename.replace("\\", "/"))
    path = PurePosixPath(name)
    if path.is_absolute() or not path.parts or ":" in path.parts[0] or "\x00" in name:
        return None
    if any(part in ("..", ".") or len(part) > NAME_MAX for part in path.parts):
        return None
    return path.parts


def _is_wanted(parts: tuple[str, ...], suffixes: Collection[str]) -> bool:
    hidden = any(part.startswith(".") or part in IGNORED for part in parts)
    return not hidden and PurePosixPath(parts[-1]).suffix.lower() in suffixes


def _write(opened: zipfile.ZipFile, entry: zipfile.ZipInfo, target: Path, bytes_max: int) -> int:
    """Write one entry; return its length."""
    target.parent.mkdir(parents=True, exist_ok=True)
    size = 0
    with opened.open(entry) as source, target.open("xb") as out:
        while chunk := source.read(CHUNK):
            size += len(chunk)
            if size > bytes_max:
                raise ArchiveError(
                    f"unpacks to more than {bytes_max / 2**20:g} MiB at {printable(entry.filename)[:100]!r}"
                )
            out.write(chunk)
    return size
