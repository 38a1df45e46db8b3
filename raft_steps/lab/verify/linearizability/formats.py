"""The text formats of histories: Jepsen's log lines, and EDN as Porcupine's kv logs and Knossos use it, in and out.

    INFO  jepsen.util - 4	:invoke	:cas	[1 4]                               a log of Jepsen (etcd)
    {:process 0, :type :invoke, :f :append, :key "x", :value "1"}           Porcupine's kv logs, a map on each line
    [{:process 3, :type :invoke, :f :read, :value nil, :time 12} …]         Knossos: a vector or list, or a map on each line

Each process invokes an operation, which completes as ok; as fail, if it did not happen; or as info, if that is not known.
A process ends with info. A cas that a Jepsen log calls failed found another value than it expected, and counts as an
answer, as in Porcupine; in EDN a failed cas did not happen, as in Knossos. In Porcupine's logs a key that does not exist
reads "".
"""

from __future__ import annotations

import json
import re
from collections.abc import Hashable, Iterable
from typing import NamedTuple

from raft_steps.lab.errors import HistoryError
from raft_steps.lab.verify.linearizability.edn import EdnForm, EdnMap, Keyword, parse_edn
from raft_steps.lab.verify.linearizability.history import History
from raft_steps.lab.verify.linearizability.pairing import HistoryBuilder, ProcessEvent

NANOSECONDS_PER_MICROSECOND = 1000  # Jepsen's :time is in nanoseconds.

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
        HistoryError: The text is not such a log; the message names the line.
    """
    builder = HistoryBuilder(refusals=True)
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        if not _LOG_LINE.match(line):
            raise HistoryError(f"line {number}: {_shorten(line)} is not a line of a log")
        found = _JEPSEN.fullmatch(line.rstrip())
        if found is None and "jepsen.util" in line:
            raise HistoryError(f"line {number}: {_shorten(line)} is not PROCESS :TYPE :FUNCTION VALUE")
        if found is None:
            continue  # a line of another logger
        name = found["process"]
        process: int | str = int(name) if name.isdecimal() else name
        # The value of a fail or an info may be an error in any notation, so it is not parsed.
        value = _parse_value(found, number) if name.isdecimal() and found["type"] in ("invoke", "ok") else None
        builder.add(ProcessEvent(number, process, found["type"], found["f"], value))
    return builder.history()


def _parse_value(found: re.Match[str], number: int) -> object:
    """Parse the value on a line of a log."""
    try:
        values = parse_edn(found["value"])
    except HistoryError as error:
        raise HistoryError(f"line {number}: {str(error).partition(': ')[2]}") from error
    if len(values) > 1:
        raise HistoryError(f"line {number}: {_shorten(found['value'])} is more than one value")
    return values[0].value if values else None


def _shorten(line: str) -> str:
    return repr(line if len(line) <= 60 else line[:60] + "…")


def parse_edn_history(text: str) -> History:
    """Parse EDN as Porcupine's kv logs and Knossos use it.

    Raises:
        HistoryError: The text is not such EDN; the message names the line.
    """
    forms = parse_edn(text)
    if len(forms) == 1 and isinstance(forms[0].value, tuple):
        forms = [EdnForm(getattr(item, "line", forms[0].line), item) for item in forms[0].value]
    builder = HistoryBuilder()
    for line, form in forms:
        if not isinstance(form, EdnMap):
            raise HistoryError(f"line {line}: a history consists of maps, and {_shorten(str(form))} is not a map")
        builder.add(_event_of_map(form))
    return builder.history()


def _event_of_map(form: EdnMap) -> ProcessEvent:
    for name in ("process", "type", "f"):
        if name not in form:
            raise HistoryError(f"line {form.line}: this map has no :{name}")
    process, kind, function = form["process"], str(form["type"]), form["f"]
    time_ns = form.get("time")
    if time_ns is not None and not isinstance(time_ns, int):
        raise HistoryError(f"line {form.line}: :time is a whole number of nanoseconds, not {time_ns!r}")
    is_client = isinstance(process, int) and not isinstance(process, bool)
    who = process if isinstance(process, int) and is_client else f":{process}"
    time_us = None if time_ns is None else time_ns // NANOSECONDS_PER_MICROSECOND
    return ProcessEvent(form.line, who, kind, str(function), form.get("value"), form.get("key"), "key" in form, time_us)


# Writing.

_EDN_NAMES = {"set": "write", "get": "read", "cas": "cas", "delete": "delete", "append": "append"}
_KV_NAMES = {"set": "put", "get": "get", "append": "append"}


class _WrittenEvent(NamedTuple):
    """An invocation or a completion that is written."""

    process: int
    kind: str
    function: str
    key: Hashable
    value: Hashable
    time_us: int


def format_history(history: History, form: str = "knossos") -> str:
    """Format a history as ``"knossos"`` (EDN, with times), ``"porcupine"`` (its kv logs) or ``"jepsen"`` (a log).

    Raises:
        HistoryError: There is no such format, or it cannot express an operation of this history.
    """
    if form == "knossos":
        keyed = any(op.key is not None for op in history)
        return "[" + "\n ".join(_knossos_line(event, keyed) for event in _events(history, _EDN_NAMES, form)) + "]\n"
    if form == "porcupine":
        rows = [_porcupine_line(event) for event in _events(history, _KV_NAMES, form)]
        return "".join(f"{row}\n" for row in rows)
    if form == "jepsen":
        names = {action: _EDN_NAMES[action] for action in ("set", "get", "cas")}
        if len(history.by_key()) > 1:
            raise HistoryError("a Jepsen log is about one register, and this history has more than one key")
        rows = [
            f"INFO  jepsen.util - {x.process}\t:{x.kind}\t:{x.function}\t{_format_edn(x.value)}"
            for x in _events(history, names, form)
        ]
        return "".join(f"{row}\n" for row in rows)
    raise HistoryError(f"there is no format {form!r}; there are knossos, porcupine and jepsen")


def _events(history: History, names: dict[str, str], form: str) -> Iterable[_WrittenEvent]:
    """Return the events in order.

    As in Jepsen, a client continues as a new process after an operation without an answer.
    """
    processes: dict[str, int] = {}
    used = 0
    found: list[tuple[int, _WrittenEvent]] = []
    for op in history:
        if op.action not in names:
            raise HistoryError(f"{op.request} by {op.client}: the format {form!r} has no {op.action}")
        if op.client not in processes:
            processes[op.client], used = used, used + 1
        process, function = processes[op.client], names[op.action]
        argument = (op.expected, op.value) if op.action == "cas" else op.value
        found.append((op.call_index, _WrittenEvent(process, "invoke", function, op.key, argument, op.called_us)))
        if op.outcome == "unknown" or op.returned_us is None:
            del processes[op.client]
            continue
        is_refusal = op.action == "cas" and op.answer is False
        if is_refusal and form != "jepsen":
            raise HistoryError(f"{op.description} by {op.client}: the format {form!r} has no cas that answers no")
        if op.outcome == "failed" and (form == "porcupine" or (form == "jepsen" and op.action == "cas")):
            raise HistoryError(f"{op.description} by {op.client}: the format {form!r} cannot express that")
        kind = "ok" if op.outcome == "ok" and not is_refusal else "fail"
        result = op.answer if op.action == "get" and kind == "ok" else argument
        if op.action == "get" and form == "porcupine" and result is None:
            result = ""
        found.append((op.return_index, _WrittenEvent(process, kind, function, op.key, result, op.returned_us)))
    return [event for _, event in sorted(found, key=lambda item: item[0])]


def _knossos_line(event: _WrittenEvent, keyed: bool) -> str:
    key = f":key {_format_edn(event.key)}, " if keyed else ""
    head = f"{{:process {event.process}, :type :{event.kind}, :f :{event.function}, "
    time_ns = event.time_us * NANOSECONDS_PER_MICROSECOND
    return f"{head}{key}:value {_format_edn(event.value)}, :time {time_ns}}}"


def _porcupine_line(event: _WrittenEvent) -> str:
    head = f"{{:process {event.process}, :type :{event.kind}, :f :{event.function}, "
    value = "nil" if event.value is None else json.dumps(str(event.value), ensure_ascii=False)
    return f"{head}:key {json.dumps(str(event.key), ensure_ascii=False)}, :value {value}}}"


def _format_edn(value: object) -> str:
    if value is None or isinstance(value, bool):
        return {None: "nil", True: "true", False: "false"}[value]
    if isinstance(value, Keyword):
        return f":{value}"
    if isinstance(value, tuple):
        return f"[{' '.join(_format_edn(item) for item in value)}]"
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) else str(value)
