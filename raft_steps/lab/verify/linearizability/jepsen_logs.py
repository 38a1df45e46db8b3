"""Reads what Jepsen prints for people: its logs, of every generation, and `history.txt`.

An operation is printed as columns: process, type, function, value, and perhaps an error. A line of a log has the level
and the logger before them, and the date and the thread where the logger prints those:

    INFO  jepsen.util - 0	:invoke	:read	nil                                                    log4j, 2013 to 2016
    INFO [2017-03-30 15:28:17,423] jepsen worker 0 - jepsen.util 0	:invoke	:read	nil            console, from 2016
    2021-02-26 23:39:01,300{GMT}	INFO	[jepsen worker 0] jepsen.util: 0	:invoke	:read	nil     jepsen.log
    0	:invoke	:read	nil                                                                    history.txt

The entries of other loggers, and the further lines of an entry that has several, such as a stack trace, do not belong to
the history. In a log of the first kind a failed cas with its two values found another value than it expected, and
counts as an answer, as in Porcupine; everywhere else a failed operation did not happen, as in Knossos.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from raft_steps.lab.errors import HistoryError
from raft_steps.lab.verify.linearizability.edn import EdnForm, parse_edn
from raft_steps.lab.verify.linearizability.edn_values import EdnValue, name_of
from raft_steps.lab.verify.linearizability.history import History
from raft_steps.lab.verify.linearizability.pairing import HistoryBuilder
from raft_steps.lab.verify.linearizability.process_events import ProcessEvent

_DATE = r"(?:\d{4}-\d\d-\d\d[ T])?\d\d:\d\d:\d\d[.,]\d+\S*"
_ENTRY = re.compile(rf"(?:{_DATE}\s+)?(?:\[[^\]]*\]\s+)?(?:TRACE|DEBUG|INFO|WARN|ERROR|FATAL)\s+\S")
_LOGGER = re.compile(
    rf"(?:{_DATE}\s+)?\S+\s+"
    rf"(?:(?P<plain>jepsen\.util\s+-)|\[[^\]]*\]\s+[^:]*? - jepsen\.(?:util|print)|\[[^\]]*\]\s+jepsen\.(?:util|print):)"
    r"(?:\s+(?P<columns>.*))?"
)
_WORD = r'(?:"(?:[^"\\]|\\.)*"|[^\s"()\[\]{}]+)'
_COLUMNS = re.compile(rf"(?P<process>{_WORD})\s+:(?P<type>[\w-]+)\s+(?P<f>{_WORD})(?:[ \t]+(?P<rest>\S.*)?)?")
# What begins like an operation has to be one: a process, or something with a type after it.
_BEGINS_LIKE_COLUMNS = re.compile(
    r'[+-]?\d+(\.\d+)?N?(\s|$)|:[\w-]+(\s|$)|"(?:[^"\\]|\\.)*"\s+:|[^\s"()\[\]{},]+\s+:[\w-]'
)
_HAS_COLUMNS = re.compile(rf"(^|\s){_WORD}\s+:(invoke|ok|fail|info)\s+{_WORD}(\s|$)")


class _Entry(NamedTuple):
    """An entry of a log: what it has for columns, or None if another logger wrote it, or it says something else."""

    columns: str | None
    is_plain: bool


def is_log(text: str) -> bool:
    """Return whether a text begins with an entry of a log."""
    return _ENTRY.match(text) is not None


def is_history_txt(text: str) -> bool:
    """Return whether a text begins with a line of Jepsen's `history.txt`."""
    return _COLUMNS.match(text.partition("\n")[0]) is not None


def parse_log(text: str) -> History:
    """Parse a log of Jepsen.

    Raises:
        HistoryError: The text is not such a log, or has no operation; the message names the line.
    """
    builder = HistoryBuilder()
    may_continue = False  # whether the last entry may have further lines
    for number, line in enumerate(text.split("\n"), start=1):
        if _ENTRY.match(line):
            entry = _read_entry(line, number)
            may_continue = entry.columns is None
            if entry.columns is not None:
                may_continue = _add_columns(builder, entry.columns, number, refusals=entry.is_plain)
        elif line.strip() and (not may_continue or _HAS_COLUMNS.search(line) or "jepsen.util" in line):
            raise HistoryError(f"line {number}: {_shorten(line)} is not a line of a log")
    return builder.history()


def _read_entry(line: str, number: int) -> _Entry:
    found = _LOGGER.match(line)
    if found is None:
        # Another logger's. What looks like an operation all the same was not understood.
        if _HAS_COLUMNS.search(line) and ("jepsen.util" in line or "jepsen.print" in line):
            raise HistoryError(f"line {number}: {_shorten(line)} is not an entry of a log that Jepsen writes")
        return _Entry(None, is_plain=False)
    columns = (found["columns"] or "").rstrip()
    return _Entry(columns if _BEGINS_LIKE_COLUMNS.match(columns) else None, found["plain"] is not None)


def parse_history_txt(text: str) -> History:
    """Parse the text of Jepsen's `history.txt`.

    Raises:
        HistoryError: The text is not such a history, or has no operation; the message names the line.
    """
    builder = HistoryBuilder()
    may_continue = False
    for number, line in enumerate(text.split("\n"), start=1):
        if _BEGINS_LIKE_COLUMNS.match(line) and (not may_continue or _COLUMNS.fullmatch(line.rstrip())):
            may_continue = _add_columns(builder, line.rstrip(), number)
        elif line.strip() and (not may_continue or _HAS_COLUMNS.search(line)):
            raise HistoryError(f"line {number}: {_shorten(line)} is not PROCESS :TYPE :FUNCTION VALUE")
    return builder.history()


def _add_columns(builder: HistoryBuilder, columns: str, number: int, *, refusals: bool = False) -> bool:
    """Add an operation, and return whether it ends with an error, which may have further lines."""
    found = _COLUMNS.fullmatch(columns)
    if found is None:
        raise HistoryError(f"line {number}: {_shorten(columns)} is not PROCESS :TYPE :FUNCTION VALUE")
    value, _tab, error = (found["rest"] or "").partition("\t")
    process, function = (_one_form(found[name], number).value for name in ("process", "f"))
    kind, values = found["type"], _values(found["type"], value, number)
    builder.add(
        ProcessEvent(
            number, process, kind, name_of(function),
            value=values[0].value if values else None, has_value=bool(values),
            is_refusal=refusals and kind == "fail" and not error,
        )
    )  # fmt: skip
    return bool(error) or kind in ("fail", "info")


def _values(kind: str, text: str, number: int) -> list[EdnForm]:
    """Return the value, if there is one. That of a fail or an info may be an error in any notation: then it is none."""
    try:
        values = parse_edn(text, number)
    except HistoryError:
        if kind in ("fail", "info"):
            return []
        raise
    if len(values) > 1 and kind not in ("fail", "info"):
        raise HistoryError(f"line {number}: {_shorten(text)} is more than one value")
    return values if len(values) == 1 else []


def _one_form(word: str, number: int) -> EdnForm:
    forms = parse_edn(word, number)
    return forms[0] if len(forms) == 1 else EdnForm(number, EdnValue("symbol", word, word))


def _shorten(line: str) -> str:
    return repr(line if len(line) <= 60 else line[:60] + "…")
