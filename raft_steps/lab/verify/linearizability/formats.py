"""The formats of histories that are data: EDN as Jepsen, Knossos and Porcupine use it, in and out; Jepsen's logs, out.

    {:process 0, :type :invoke, :f :append, :key "x", :value "1"}           Porcupine's kv logs, a map on each line
    [{:process 3, :type :invoke, :f :read, :value nil, :time 12} …]         Jepsen's history.edn, and Knossos: a vector or
                                                                            list, or a map on each line
    [{:process 3, :type :invoke, :f :read, :value [7 nil]} …]               of many keys, see `keyed`

Each process invokes an operation, which completes as ok; as fail, if it did not happen; or as info, if that is not known.
A process ends with info. In Porcupine's logs a key that does not exist reads "". `jepsen_logs` reads what Jepsen prints
for people.
"""

from __future__ import annotations

import json
from collections.abc import Hashable, Iterable
from typing import NamedTuple

from raft_steps.lab.errors import HistoryError
from raft_steps.lab.verify.linearizability.edn import EdnForm, parse_edn
from raft_steps.lab.verify.linearizability.edn_values import EdnMap, EdnValue, edn_text, keyword, name_of, shorten_edn
from raft_steps.lab.verify.linearizability.history import History
from raft_steps.lab.verify.linearizability.pairing import HistoryBuilder
from raft_steps.lab.verify.linearizability.process_events import ProcessEvent

NANOSECONDS_PER_MICROSECOND = 1000  # Jepsen's :time is in nanoseconds.
NO_TIME = -1  # what Jepsen puts where a time is missing
TIME_MAX_NS = 2**63  # Jepsen's times are Java's long numbers
OPERATION_TAGS = ("jepsen.history.Op", "knossos.op.Op", "jepsen.op.Op")
FIELDS = ("process", "type", "f", "value", "key", "time")


def parse_edn_history(text: str) -> History:
    """Parse EDN as Porcupine's kv logs, Jepsen and Knossos use it.

    Raises:
        HistoryError: The text is not such EDN, or has no operation; the message names the line.
    """
    forms = parse_edn(text)
    if len(forms) == 1 and isinstance(forms[0].value, tuple):
        forms = [EdnForm(_line_of(item, forms[0].line), item) for item in forms[0].value]
    builder = HistoryBuilder()
    for line, form in forms:
        builder.add(_event_of_map(_as_map(form, line)))
    return builder.history()


def _line_of(form: Hashable, line: int) -> int:
    return form.line if isinstance(form, EdnMap) else line


def _as_map(form: Hashable, line: int) -> EdnMap:
    """Return the map of an operation, which may have the tag of a record: `#jepsen.history.Op{…}`."""
    if isinstance(form, EdnValue) and form.kind == "tagged" and isinstance(form.content, tuple):
        tag, inner = form.content
        if str(tag) in OPERATION_TAGS:
            form = inner
    if not isinstance(form, EdnMap):
        raise HistoryError(f"line {line}: a history consists of maps, and {shorten_edn(form)} is not a map")
    return form


def _event_of_map(form: EdnMap) -> ProcessEvent:
    fields = {name: form.entries[keyword(name)] for name in FIELDS if keyword(name) in form.entries}
    for name in ("process", "type", "f"):
        if name not in fields:
            raise HistoryError(f"line {form.line}: this map has no :{name}")
    time_ns = fields.get("time")
    if time_ns is not None and (not isinstance(time_ns, int) or not NO_TIME <= time_ns < TIME_MAX_NS):
        raise HistoryError(f"line {form.line}: :time is a whole number of nanoseconds, not {shorten_edn(time_ns)}")
    return ProcessEvent(
        form.line,
        fields["process"],
        name_of(fields["type"]),
        name_of(fields["f"]),
        value=fields.get("value"),
        has_value="value" in fields,
        key=fields.get("key"),
        has_key="key" in fields,
        time_us=None if time_ns is None or time_ns == NO_TIME else time_ns // NANOSECONDS_PER_MICROSECOND,
    )


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
            f"INFO  jepsen.util - {x.process}\t:{x.kind}\t:{x.function}\t{edn_text(x.value)}"
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
    key = f":key {edn_text(event.key)}, " if keyed else ""
    head = f"{{:process {event.process}, :type :{event.kind}, :f :{event.function}, "
    time_ns = event.time_us * NANOSECONDS_PER_MICROSECOND
    return f"{head}{key}:value {edn_text(event.value)}, :time {time_ns}}}"


def _porcupine_line(event: _WrittenEvent) -> str:
    head = f"{{:process {event.process}, :type :{event.kind}, :f :{event.function}, "
    value = "nil" if event.value is None else json.dumps(str(event.value), ensure_ascii=False)
    return f"{head}:key {json.dumps(str(event.key), ensure_ascii=False)}, :value {value}}}"
