"""Histories as text: Jepsen's log lines, and EDN as Porcupine's kv logs and Knossos use it, in and out.

    INFO  jepsen.util - 4	:invoke	:cas	[1 4]                               a log of Jepsen (etcd)
    {:process 0, :type :invoke, :f :append, :key "x", :value "1"}           Porcupine's kv logs, a map a line
    [{:process 3, :type :invoke, :f :read, :value nil, :time 12} …]         Knossos: one vector or list, or a map a line

Each process calls (invoke) and hears: ok; fail, it did not happen; info, nobody knows. A process that has heard info
asks nothing more. A cas that a Jepsen log calls failed found another value than it expected, and counts as an answer,
as in Porcupine; in EDN a failed cas says nothing, as in Knossos. In Porcupine's logs a key that is not there reads "".
"""

from __future__ import annotations

import json
import re
from collections.abc import Hashable, Iterable
from typing import NamedTuple

from raft_steps.lab.errors import HistoryError
from raft_steps.lab.verify.linearizability.edn import EdnMap, Form, Keyword, read_edn
from raft_steps.lab.verify.linearizability.history import History
from raft_steps.lab.verify.linearizability.pairing import Pairing, Said

NANOSECONDS = 1000  # in a microsecond; Jepsen's :time is in nanoseconds

_JEPSEN = re.compile(
    r"INFO\s+jepsen\.util\s+-\s+(?P<process>:?[\w-]+)\s+:(?P<type>\w+)\s+:(?P<f>[\w-]+)\s*(?P<value>.*)"
)
_LOG_LINE = re.compile(r"(TRACE|DEBUG|INFO|WARN|ERROR)\s")


def is_log(text: str) -> bool:
    """Return whether a text begins with a line of a Jepsen log."""
    return _LOG_LINE.match(text) is not None


def parse_log(text: str) -> History:
    """Parse a log of Jepsen.

    Raises:
        HistoryError: It is not one; the message names the line.
    """
    pairing = Pairing(refusals=True)
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        if not _LOG_LINE.match(line):
            raise HistoryError(f"line {number}: {_short(line)} is no line of a log")
        found = _JEPSEN.fullmatch(line.rstrip())
        if found is None and "jepsen.util" in line:
            raise HistoryError(f"line {number}: {_short(line)} has not the form PROCESS :TYPE :FUNCTION VALUE")
        if found is None:
            continue  # Another logger's.
        who = found["process"]
        process: int | str = int(who) if who.isdecimal() else who
        value = _value(found, number) if who.isdecimal() and found["type"] in ("invoke", "ok") else None
        pairing.hear(Said(number, process, found["type"], found["f"], value))
    return pairing.history()


def _value(found: re.Match[str], number: int) -> object:
    """Read the one value of a line of a log."""
    try:
        values = read_edn(found["value"])
    except HistoryError as error:
        raise HistoryError(f"line {number}: {str(error).partition(': ')[2]}") from error
    if len(values) > 1:
        raise HistoryError(f"line {number}: {_short(found['value'])} is more than one value")
    return values[0].value if values else None


def _short(line: str) -> str:
    return repr(line if len(line) <= 60 else line[:60] + "…")


def parse_edn(text: str) -> History:
    """Parse EDN as Porcupine's kv logs and Knossos use it.

    Raises:
        HistoryError: It is not that; the message names the line.
    """
    forms = read_edn(text)
    if len(forms) == 1 and isinstance(forms[0].value, tuple):
        forms = [Form(getattr(item, "line", forms[0].line), item) for item in forms[0].value]
    pairing = Pairing()
    for line, form in forms:
        if not isinstance(form, EdnMap):
            raise HistoryError(f"line {line}: a history is made of maps, and {_short(str(form))} is none")
        pairing.hear(_said(form))
    return pairing.history()


def _said(form: EdnMap) -> Said:
    for name in ("process", "type", "f"):
        if name not in form:
            raise HistoryError(f"line {form.line}: this map has no :{name}")
    process, kind, action = form["process"], str(form["type"]), form["f"]
    time = form.get("time")
    if time is not None and not isinstance(time, int):
        raise HistoryError(f"line {form.line}: :time is a whole number of nanoseconds, not {time!r}")
    is_client = isinstance(process, int) and not isinstance(process, bool)
    who = process if isinstance(process, int) and is_client else f":{process}"
    micros = None if time is None else time // NANOSECONDS
    return Said(form.line, who, kind, str(action), form.get("value"), form.get("key"), "key" in form, micros)


# Writing.

_EDN_NAMES = {"set": "write", "get": "read", "cas": "cas", "delete": "delete", "append": "append"}
_KV_NAMES = {"set": "put", "get": "get", "append": "append"}


class _Line(NamedTuple):
    """One line that is written: what a process said."""

    process: int
    kind: str
    function: str
    key: Hashable
    value: Hashable
    time: int


def format_history(history: History, form: str) -> str:
    """Spell a history as ``"knossos"``, ``"porcupine"`` or ``"jepsen"``.

    Raises:
        HistoryError: There is no such form, or it has no word for an operation of this history.
    """
    if form == "knossos":
        keyed = any(op.key is not None for op in history)
        return "[" + "\n ".join(_knossos_line(line, keyed) for line in _lines(history, _EDN_NAMES, form)) + "]\n"
    if form == "porcupine":
        rows = [_porcupine_line(line) for line in _lines(history, _KV_NAMES, form)]
        return "".join(f"{row}\n" for row in rows)
    if form == "jepsen":
        names = {action: _EDN_NAMES[action] for action in ("set", "get", "cas")}
        if len(history.by_key()) > 1:
            raise HistoryError("a Jepsen log is of one register, and this history has more than one key")
        rows = [
            f"INFO  jepsen.util - {x.process}\t:{x.kind}\t:{x.function}\t{_edn(x.value)}"
            for x in _lines(history, names, form)
        ]
        return "".join(f"{row}\n" for row in rows)
    raise HistoryError(f"there is no form {form!r}; there are knossos, porcupine and jepsen")


def _lines(history: History, names: dict[str, str], form: str) -> Iterable[_Line]:
    """Give what each process says, in order. Who never hears gets a new process number after it, as in Jepsen."""
    processes: dict[str, int] = {}
    used = 0
    said: list[tuple[int, _Line]] = []
    for op in history:
        if op.action not in names:
            raise HistoryError(f"{op.words} by {op.client}: the form {form!r} has no word for {op.action}")
        if op.client not in processes:
            processes[op.client], used = used, used + 1
        process, function = processes[op.client], names[op.action]
        asked = (op.expected, op.value) if op.action == "cas" else op.value
        said.append((op.begin, _Line(process, "invoke", function, op.key, asked, op.called)))
        if op.outcome == "unknown" or op.returned is None:
            del processes[op.client]
            continue
        is_refusal = op.action == "cas" and op.answer is False
        if is_refusal and form != "jepsen":
            raise HistoryError(f"{op.told} by {op.client}: the form {form!r} has no word for a cas that answers no")
        if op.outcome == "failed" and (form == "porcupine" or (form == "jepsen" and op.action == "cas")):
            raise HistoryError(f"{op.told} by {op.client}: the form {form!r} has no word for that")
        kind = "ok" if op.outcome == "ok" and not is_refusal else "fail"
        heard = op.answer if op.action == "get" and kind == "ok" else asked
        if op.action == "get" and form == "porcupine" and heard is None:
            heard = ""
        said.append((op.end, _Line(process, kind, function, op.key, heard, op.returned)))
    return [line for _, line in sorted(said, key=lambda item: item[0])]


def _knossos_line(line: _Line, keyed: bool) -> str:
    key = f":key {_edn(line.key)}, " if keyed else ""
    head = f"{{:process {line.process}, :type :{line.kind}, :f :{line.function}, "
    return f"{head}{key}:value {_edn(line.value)}, :time {line.time * NANOSECONDS}}}"


def _porcupine_line(line: _Line) -> str:
    head = f"{{:process {line.process}, :type :{line.kind}, :f :{line.function}, "
    value = "nil" if line.value is None else json.dumps(str(line.value), ensure_ascii=False)
    return f"{head}:key {json.dumps(str(line.key), ensure_ascii=False)}, :value {value}}}"


def _edn(value: object) -> str:
    """Spell a value."""
    if value is None or isinstance(value, bool):
        return {None: "nil", True: "true", False: "false"}[value]
    if isinstance(value, Keyword):
        return f":{value}"
    if isinstance(value, tuple):
        return f"[{' '.join(_edn(item) for item in value)}]"
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) else str(value)
