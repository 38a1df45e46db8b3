"""Reads a history from a text or a file, in whichever of the supported formats it is."""

from __future__ import annotations

from pathlib import Path

from raft_steps.lab.errors import HistoryError, LabError, NotTextError
from raft_steps.lab.files import read_text
from raft_steps.lab.text import plain_text
from raft_steps.lab.trace.trace import Trace
from raft_steps.lab.verify.linearizability.formats import parse_edn_history
from raft_steps.lab.verify.linearizability.from_trace import history_of_trace
from raft_steps.lab.verify.linearizability.history import History
from raft_steps.lab.verify.linearizability.jepsen_logs import is_history_txt, is_log, parse_history_txt, parse_log


def parse_history(text: str) -> History:
    """Parse a history: a log or `history.txt` of Jepsen, EDN as Jepsen, Porcupine and Knossos write it, or a trace.

    Raises:
        HistoryError: The text has none of these formats, or its events contradict each other; the message names the
            line.
    """
    text = plain_text(text)
    start = text.lstrip()
    if not start:
        raise HistoryError("there is no history: the text is empty")
    if is_log(start):
        return parse_log(text)
    if is_history_txt(start):
        return parse_history_txt(text)
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
        text = read_text(path, "a history")
    except NotTextError as error:
        raise HistoryError(str(error)) from error
    return parse_history(text)
