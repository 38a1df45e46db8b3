"""The output of the commands: it adapts to the terminal's encoding, and a failed write is never a verdict.

Nothing here needs more than the standard library, so that even a failed import can be reported.
"""

from __future__ import annotations

import contextlib
import io
import os
import sys
import unicodedata
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any, TextIO, cast

# What is printed for a sign that the terminal's encoding does not have. Letters lose their accents instead.
REPLACEMENTS = {
    "→": "->", "←": "<-", "↑": "^", "↓": "v", "↔": "<->", "⇒": "=>", "…": "...", "–": "-", "—": "-", "−": "-", "·": ".",
    "•": "*", "×": "x", "\N{FRACTION SLASH}": "/", "✕": "x", "✗": "x", "✓": "v", "⚠": "!", "≠": "!=", "≤": "<=", "≥": ">=", "≈": "~", "²": "^2",
    "³": "^3", "‘": "'", "’": "'", "“": '"', "”": '"', "„": '"', "«": "<<", "»": ">>", "ß": "ss", "ẞ": "SS",
    "æ": "ae", "Æ": "AE", "ø": "o", "Ø": "O", "œ": "oe", "Œ": "OE", "ł": "l", "Ł": "L", "đ": "d", "Đ": "D", "€": "EUR",
}  # fmt: skip
HORIZONTAL, VERTICAL = "─━┄┅┈┉╌╍═╴╶╸╺╼╾", "│┃┆┇┊┋╎╏║╵╷╹╻╽╿"  # of the signs that draw boxes
BOXES, BLOCKS = range(0x2500, 0x2580), range(0x2580, 0x25A0)
LOW_SURROGATES = range(0xDC80, 0xDD00)  # stand for bytes of a file name that cannot be decoded
UNKNOWN = "?"


class OutputError(Exception):
    """Standard output cannot be written: its reader is gone, its disk is full, or it is closed.

    Not an OSError, which could come from any file, and which click would take for a verdict.

    Attributes:
        is_broken_pipe: Whether the reader has closed its end, as `head` does when it has enough.
    """

    def __init__(self, reason: OSError | ValueError) -> None:
        """Initialise with the error that the stream raised."""
        super().__init__(getattr(reason, "strerror", None) or str(reason))
        self.is_broken_pipe = isinstance(reason, BrokenPipeError)


def fit(text: str, encoding: str) -> str:
    """Return a text that an encoding can express: each sign that it lacks is replaced by one or more that it has."""
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        return "".join(_fitting(sign, encoding) for sign in text)
    return text


@lru_cache(4096)
def _fitting(sign: str, encoding: str) -> str:
    for candidate in (sign, *_candidates(sign)):
        with contextlib.suppress(UnicodeEncodeError):
            candidate.encode(encoding)
            return candidate
    parts = [part for part in unicodedata.normalize("NFKD", sign) if not unicodedata.combining(part)]
    return "".join(_fitting(part, encoding) for part in parts) if parts and sign not in parts else UNKNOWN


def _candidates(sign: str) -> Iterator[str]:
    """Yield what may stand for a sign, the best first."""
    code = ord(sign)
    if sign in REPLACEMENTS:
        yield REPLACEMENTS[sign]
    elif code in BOXES:
        yield "-" if sign in HORIZONTAL else "|" if sign in VERTICAL else "+"
    elif code in BLOCKS:
        yield "#"
    elif code in LOW_SURROGATES:
        yield f"\\x{code - 0xDC00:02x}"


class Output:
    """A text stream that writes to another one what the other's encoding can express.

    It has no `buffer`: through one, click would write UTF-8 to a terminal that announces ASCII.

    Attributes:
        stream: The other stream.
        encoding: Its encoding.
        errors: Its way to handle what it cannot encode, which `fit` leaves nothing to do.
        failure: The error of the first write that failed; None as long as none has.
    """

    def __init__(self, stream: TextIO, *, is_essential: bool) -> None:
        """Initialise with the other stream.

        Args:
            stream: The other stream.
            is_essential: Whether a failed write is an error; otherwise the text is lost.
        """
        self.stream, self.is_essential = stream, is_essential
        self.encoding = getattr(stream, "encoding", None) or "utf-8"
        self.errors = getattr(stream, "errors", None) or "strict"
        self.failure: OutputError | None = None

    def write(self, text: str) -> int:
        """Write a text; return its length.

        Raises:
            OutputError: It cannot be written.
        """
        self._attempt(self.stream.write, fit(text, self.encoding))
        return len(text)

    def flush(self) -> None:
        """Write what is buffered.

        Raises:
            OutputError: It cannot be written.
        """
        self._attempt(self.stream.flush)

    def _attempt(self, write: Callable[..., object], *arguments: str) -> None:
        if self.failure is None:
            try:
                write(*arguments)
            except (OSError, ValueError) as error:  # A ValueError: the stream is closed.
                self.failure = OutputError(error)
                discard(self.stream)
        if self.failure is not None and self.is_essential:
            raise self.failure

    def __getattr__(self, name: str) -> Any:
        """Return any other attribute of the stream, such as `isatty`, but not its binary one."""
        if name in ("buffer", "stream"):
            raise AttributeError(name)
        return getattr(self.stream, name)


class ClosedInput(io.RawIOBase):
    """Standard input that was closed before the command began: reading is an error, not the end of a file."""

    def readable(self) -> bool:
        """Return that it can be asked."""
        return True

    def readinto(self, _buffer: Any) -> int:
        """Raise an OSError that names standard input."""
        raise OSError(9, "it is closed", "standard input")


@contextlib.contextmanager
def adapted_streams() -> Iterator[tuple[Output | None, Output | None]]:
    """Replace the standard streams by adapted ones for a block; yield output and error, or None for one that is closed."""
    before = sys.stdin, sys.stdout, sys.stderr
    if None in before:
        _occupy_closed_descriptors()
    output = None if sys.stdout is None else Output(sys.stdout, is_essential=True)
    error = None if sys.stderr is None else Output(sys.stderr, is_essential=False)
    sys.stdout = cast("TextIO", output)
    sys.stderr = io.StringIO() if error is None else cast("TextIO", error)  # Libraries ask it whether it is a terminal.
    if sys.stdin is None:
        sys.stdin = io.TextIOWrapper(io.BufferedReader(ClosedInput()), encoding="utf-8")
    try:
        yield output, error
    finally:
        sys.stdin, sys.stdout, sys.stderr = before


def _occupy_closed_descriptors() -> None:
    """Open the null device for each closed standard stream, so that no other file gets its number."""
    while (number := os.open(os.devnull, os.O_RDWR)) <= 2:  # The lowest free number comes first.
        os.set_inheritable(number, True)
    os.close(number)


def discard(stream: TextIO) -> None:
    """Send what a broken stream still holds to the null device; otherwise Python fails again as it exits, with 120."""
    with contextlib.suppress(OSError, ValueError, AttributeError):  # A test's stream has no number.
        number = stream.fileno()
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, number)
        os.close(null)
