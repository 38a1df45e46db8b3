"""Reads a CSV file such that single cells can be replaced, and every other byte stays as it is.

Python's csv module gives values and not places, and writes the whole file in its own style.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from raft_steps.lab.errors import LabError

DELIMITERS = ",;\t"
BYTES_MAX = 64 * 2**20
LINE_END = re.compile(r"\r\n|\n|\r")


class TableError(LabError):
    """A table cannot be used; the message says why."""


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell: its value, and where it is in the text."""

    value: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Table:
    """A table, as it is in a file.

    Attributes:
        name: The name of the file, for errors.
        text: The whole text, with its own line ends and byte order mark.
        rows: Its rows, from the header on; rows without any text are left out.
        delimiter: What separates its cells.
    """

    name: str
    text: str
    rows: list[list[Cell]]
    delimiter: str

    @property
    def header(self) -> list[str]:
        """The titles of the columns."""
        return [each.value.strip() for each in self.rows[0]]

    def value(self, row: list[Cell], column: int | None) -> str:
        """Return the value in a column of a row; "" if the row is shorter, or there is no such column."""
        return row[column].value.strip() if column is not None and column < len(row) else ""

    def replaced(self, values: Mapping[Cell, str]) -> bytes:
        """Return the bytes of the file with other values in some cells, which need no quotation marks."""
        parts, at = [], 0
        for cell in sorted(values, key=lambda each: each.start):
            quote = '"' if self.text[cell.start : cell.start + 1] == '"' or self.delimiter in values[cell] else ""
            parts += [self.text[at : cell.start], quote, values[cell], quote]
            at = cell.end
        return "".join([*parts, self.text[at:]]).encode()


def read_table(path: Path) -> Table:
    """Read a table from a CSV file.

    Raises:
        TableError: It is not text in UTF-8, or has no rows.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise TableError(f"{path} cannot be read: {error.strerror}") from error
    if len(data) > BYTES_MAX:
        raise TableError(f"{path} is larger than a table of students: {len(data):,} bytes")
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        raise TableError(f"{path} is not text in UTF-8; save it as CSV in UTF-8") from error
    start = len("\ufeff") if text.startswith("\ufeff") else 0
    line = LINE_END.split(text[start:], maxsplit=1)[0]
    delimiter = max(DELIMITERS, key=line.count)
    try:
        rows = [row for row in _rows(text, start, delimiter) if any(cell.value.strip() for cell in row)]
    except TableError as error:
        raise TableError(f"{path} is not CSV: {error}") from error
    if not rows:
        raise TableError(f"{path} is empty")
    return Table(path.name, text, rows, delimiter)


def _rows(text: str, at: int, delimiter: str) -> list[list[Cell]]:
    rows: list[list[Cell]] = []
    row: list[Cell] = []
    plain = re.compile(rf"[^{delimiter}\r\n]*")
    while at < len(text) or row:
        start = at
        if text.startswith('"', at):
            end = _end_of_quoted(text, at)
            at = plain.match(text, end).end()  # type: ignore[union-attr]  # What follows the mark belongs to the cell.
            value = text[start + 1 : end - 1].replace('""', '"') + text[end:at]
        else:
            at = plain.match(text, at).end()  # type: ignore[union-attr]  # It matches an empty cell, too.
            value = text[start:at]
        row.append(Cell(value, start, at))
        if text.startswith(delimiter, at):
            at += 1
            continue
        rows.append(row)
        row = []
        found = LINE_END.match(text, at)
        at = found.end() if found is not None else len(text)
    return rows


def _end_of_quoted(text: str, at: int) -> int:
    """Return where a cell in quotation marks ends."""
    while True:
        at = text.find('"', at + 1)
        if at < 0:
            raise TableError("a quotation mark is not closed")
        if not text.startswith('"', at + 1):
            return at + 1
        at += 1
