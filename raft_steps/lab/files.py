"""Read files of text, whatever editor wrote them, and write files; an error always names the file."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from raft_steps.lab.errors import NotTextError
from raft_steps.lab.text import plain_text

STREAM_MAX = 64 * 2**20  # bytes of what is not a file on a disk, such as a pipe


def read_text(path: str | Path, content: str) -> str:
    """Read a file of text in UTF-8, with or without a byte order mark, and with line ends of any kind.

    Every reader of a file goes through this function; `tests/project/test_readers.py` finds those that do not.

    Args:
        path: The file.
        content: What it should hold, for the error: "a history".

    Raises:
        NotTextError: It is not text in UTF-8, or it has no end.
        OSError: It cannot be read.
    """
    with Path(path).open("rb") as file:
        return decode_text(read_to_the_end(file, str(path)), str(path), content)


def read_to_the_end(file: IO[bytes], name: str) -> bytes:
    """Read a file, or a stream such as standard input, which may be a device without an end.

    Args:
        file: The file.
        name: Its name, for the error.

    Raises:
        NotTextError: It is not a file on a disk, and longer than `STREAM_MAX`.
    """
    with contextlib.suppress(OSError):  # A stream without a file descriptor is in memory.
        if stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            return file.read()
    data = file.read(STREAM_MAX + 1)
    if len(data) > STREAM_MAX:
        raise NotTextError(f"{name} is not a file, and has no end within {STREAM_MAX // 2**20} MiB")
    return data


def decode_text(data: bytes, name: str, content: str) -> str:
    """Return the text of a file's bytes, as `read_text` does.

    Args:
        data: The bytes.
        name: The name of the file, for the error.
        content: What it should hold, for the error.

    Raises:
        NotTextError: They are not text in UTF-8.
    """
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise NotTextError(f"{name} is not a text file in UTF-8, but in UTF-16; save it as UTF-8")
    try:
        return plain_text(data.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise NotTextError(f"{name} is not a text file, so it does not hold {content}") from error


def write_text(path: Path, text: str) -> None:
    """Write a text into a file, in UTF-8 and with the line ends that it has.

    Raises:
        OSError: It cannot be written; the error has the file's name, also if the disk is full.
    """
    with naming(path):
        path.write_text(text, encoding="utf-8", newline="\n")


def replace_file(path: Path, content: bytes) -> None:
    """Write a file, replacing an old one in one step, so that no reader ever finds only a part of it.

    Raises:
        OSError: It cannot be written; then the old file is as it was.
    """
    draft = path.with_name(f".{path.name}.draft")
    with naming(path):
        try:
            draft.write_bytes(content)
            draft.replace(path)
        except BaseException:
            draft.unlink(missing_ok=True)
            raise


@contextlib.contextmanager
def naming(path: Path) -> Iterator[None]:
    """Add a file's name to an OSError of the block that has none, as that of a full disk."""
    try:
        yield
    except OSError as error:
        if error.filename is None:
            error.filename = str(path)
        raise
