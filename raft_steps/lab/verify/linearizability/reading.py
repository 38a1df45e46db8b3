"""Reads a history from a text or a file, in whichever of the supported formats it is."""

from __future__ import annotations

from pathlib import Path

from raft_steps.lab.errors import HistoryError, LabError
from raft_steps.lab.trace.trace import Trace
from raft_steps.lab.verify.linearizability.formats import is_log, parse_edn_history, parse_log
from raft_steps.lab.verify.linearizability.from_trace import history_of_trace
from raft_steps.lab.verify.linearizability.history import History


def parse_history(text: str) -> History:
    """Parse a history: a Jepsen log, EDN as Porcupine and Knossos write it, or a trace of the laboratory.

    Raises:
        HistoryError: The text has none of these formats, or its events contradict each other; the message names the
            line.
    """
    start = text.lstrip()
    if not start:
        raise HistoryError("there is no history: the text is empty")
    if is_log(start):
        return parse_log(text)
    if not start.startswith('{"'):
        return parse_edn_history(text)
    try:
        trace = Trace.from_text(text)
    except LabError as error:
        raise HistoryError(str(error)) from error
    return history_of_trace(trace)


def read_history(path: str | Path) -> History:
    """Read a history from a file, in any format that `parse_history` accepts.

    Raises:
        HistoryError: The file does not contain a history; the message names the line.
        OSError: The file cannot be opened.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise HistoryError(f"{path} is not a text file, so it is not a history") from error
    return parse_history(text)
