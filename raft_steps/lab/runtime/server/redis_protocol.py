"""Redis's protocol (RESP2 and RESP3), as far as clients need it: reading commands, writing replies.

hiredis parses. It was written for replies, not for commands, so three things are done here: commands as plain words on a
line ("inline commands", as a person types them into nc), limits, and array lengths that would make hiredis reserve
gigabytes.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from typing import Any

import hiredis

MOST_BYTES = 1_048_576  # of one command
MOST_ARGUMENTS = 1_024  # of one command
MOST_INLINE_BYTES = 65_536  # of a command on one line, as in Redis

_UNFINISHED = object()
# What could be the header of a huge array or string; it may also be part of a value.
_SUSPICIOUS = re.compile(rb"[*%~>][0-9+-]{5}|\$[0-9]{8}")
_LONGEST_SUSPICIOUS = 9  # bytes


class ProtocolError(Exception):
    """A client sent what is not a command; the connection cannot go on."""


class CommandReader:
    """Turns the bytes of a connection into commands, each a list of byte strings.

    The commands are taken one by one, so that a connection can stop between two of them, however many have arrived.
    """

    def __init__(self) -> None:
        """Start at the beginning of a command."""
        self._parser = _parser()
        self._data, self._start = b"", 0  # what has arrived, and where the next command begins
        self._is_careful = False  # whether hiredis does not parse what has arrived, but `_inline` and `_array`

    @property
    def waiting_bytes(self) -> int:
        """How many bytes have arrived that are not part of a command that was taken."""
        return len(self._data) - self._start

    def feed(self, data: bytes) -> None:
        """Add bytes that have arrived."""
        # Only what is new, with the bytes before, since a header may arrive in two parts.
        begin = 0 if self._is_careful else max(0, self.waiting_bytes - _LONGEST_SUSPICIOUS)
        self._data, self._start = self._data[self._start :] + data, 0
        careful = not self._data.startswith(b"*") or _SUSPICIOUS.search(self._data, begin) is not None
        if not careful and self._is_careful:
            self._parser = _parser()
            self._parser.feed(self._data)
        elif not careful:
            self._parser.feed(data)
        self._is_careful = careful

    def take(self) -> list[bytes] | None:
        """Return the next command, which may be empty; None if its end has not arrived.

        Raises:
            ProtocolError: The bytes are not a command, or it is too long.
        """
        if not self._is_careful:
            try:
                command = self._parser.gets()
            except (hiredis.HiredisError, TypeError):  # The latter for a map, of RESP3, whose key is a list.
                self._is_careful = True
            else:
                if command is _UNFINISHED:
                    self._check_length()
                    return None
                if type(command) is not list or len(command) > MOST_ARGUMENTS:
                    raise ProtocolError(f"expected an array of at most {MOST_ARGUMENTS} strings")
                self._start = _end_of(command, self._data, self._start)
                return command
        return self._take_carefully()

    def _take_carefully(self) -> list[bytes] | None:
        """Do what hiredis does in Python, byte by byte: for inline commands, and for suspicious bytes."""
        data, start = self._data, self._start
        if start == len(data):
            return None
        found = _inline(data, start) if data[start : start + 1] != b"*" else _array(data, start)
        if found is None:
            self._check_length()
            return None
        command, self._start = found
        return command

    def _check_length(self) -> None:
        """Check the length of a command that is not complete.

        Raises:
            ProtocolError: It is too long.
        """
        if self.waiting_bytes > MOST_BYTES:
            raise ProtocolError(f"a command has at most {MOST_BYTES} bytes")


def _parser() -> Any:
    # Without notEnoughData, an incomplete command would look like the value False, which RESP3 has.
    return hiredis.Reader(notEnoughData=_UNFINISHED)


def _end_of(command: list[bytes], data: bytes, start: int) -> int:
    """Return where a command ends that hiredis has parsed: it does not say how many bytes that took.

    Raises:
        ProtocolError: A word of the command is not a string with a length, but something that only a reply contains.
    """
    position = data.find(b"\n", start) + 1
    for word in command:
        if data[position : position + 1] != b"$" or type(word) is not bytes:
            raise ProtocolError("expected an array of strings")
        position = data.find(b"\n", position) + 1 + len(word) + 2
        if data[position - 2 : position] != b"\r\n":
            raise ProtocolError("a string is longer than its length")
    return position


def _line(data: bytes, start: int, longest: int) -> tuple[bytes, int] | None:
    """Return the line that begins here and where the next one begins; None if its end has not arrived."""
    end = data.find(b"\n", start)
    if (end if end >= 0 else len(data)) - start > longest:
        raise ProtocolError("too big inline request" if longest == MOST_INLINE_BYTES else "invalid length")
    return None if end < 0 else (data[start:end].removesuffix(b"\r"), end + 1)


def _inline(data: bytes, start: int) -> tuple[list[bytes], int] | None:
    """Parse a command on one line; None if its end has not arrived."""
    found = _line(data, start, MOST_INLINE_BYTES)
    if found is None:
        return None
    line, end = found
    try:
        # Latin-1 maps every byte to a character and back, whatever the client's encoding is.
        return [word.encode("latin-1") for word in shlex.split(line.decode("latin-1"))], end
    except ValueError as error:
        raise ProtocolError("unbalanced quotes in request") from error


def _array(data: bytes, start: int) -> tuple[list[bytes], int] | None:
    """Parse an array of strings; None if its end has not arrived."""
    header = _length(data, start, b"*", MOST_ARGUMENTS, "invalid multibulk length")
    if header is None:
        return None
    count, position = header
    words = []
    for _ in range(count):
        found = _length(data, position, b"$", MOST_BYTES, "invalid bulk length")
        if found is None:
            return None
        size, position = found
        if len(data) < position + size + 2:
            return None
        if data[position + size : position + size + 2] != b"\r\n":
            raise ProtocolError("a string is longer than its length")
        words.append(data[position : position + size])
        position += size + 2
    return words, position


def _length(data: bytes, start: int, mark: bytes, most: int, failure: str) -> tuple[int, int] | None:
    """Parse ``*COUNT`` or ``$LENGTH``; return the number and where the next line begins."""
    found = _line(data, start, 32)
    if found is None:
        return None
    line, end = found
    if line[:1] != mark:
        raise ProtocolError(f"expected {mark.decode()!r}, got {line[:1].decode('latin-1')!r}")
    if not re.fullmatch(rb"[0-9]{1,10}", line[1:]) or int(line[1:]) > most:
        raise ProtocolError(failure)
    return int(line[1:]), end


# Replies.

OK = b"+OK\r\n"
PONG = b"+PONG\r\n"


def error_reply(text: str) -> bytes:
    """Return an error; the first word is its kind, such as ERR or MOVED."""
    return f"-{' '.join(text.split())}\r\n".encode("utf-8", "replace")


def integer_reply(number: int) -> bytes:
    """Return a whole number."""
    return b":%d\r\n" % number


def string_reply(text: str | bytes) -> bytes:
    """Return a string."""
    data = text.encode("utf-8", "replace") if isinstance(text, str) else text
    return b"$%d\r\n%s\r\n" % (len(data), data)


def null_reply(version: int) -> bytes:
    """Return the reply for a key that does not exist, in a version of the protocol."""
    return b"_\r\n" if version == 3 else b"$-1\r\n"


def reply(value: object, version: int) -> bytes:
    """Return a value as a reply: a string, a whole number, None, a list, or a mapping (a RESP2 client gets a flat list)."""
    if value is None:
        return null_reply(version)
    if isinstance(value, int):
        return integer_reply(value)
    if isinstance(value, str | bytes):
        return string_reply(value)
    if isinstance(value, Mapping):
        parts = [reply(each, version) for pair in value.items() for each in pair]
        return (b"%%%d\r\n" % len(value) if version == 3 else b"*%d\r\n" % len(parts)) + b"".join(parts)
    assert isinstance(value, Sequence), value
    return b"*%d\r\n" % len(value) + b"".join(reply(each, version) for each in value)
