"""The report of a check: the verdict, the order or the failing part, and the reason in a sentence."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any

from raft_steps.lab.scenario.model import MICROSECONDS
from raft_steps.lab.text import join_names, plural
from raft_steps.lab.verify.linearizability.edn_values import as_json, edn_text
from raft_steps.lab.verify.linearizability.finding import Finding
from raft_steps.lab.verify.linearizability.history import History, Operation, format_value
from raft_steps.lab.verify.linearizability.models import is_built_in

MAX_LINES = 30
MAX_KEYS = 20


def report(finding: Finding) -> str:
    """Return the report, with a line for each operation that matters."""
    count = len(finding.history)
    if finding.verdict == "unknown":
        keys = join_names(format_value(key) for key in finding.undecided)
        where = (
            f" for {'key' if len(finding.undecided) == 1 else 'keys'} {keys}" if finding.undecided != (None,) else ""
        )
        after = "" if finding.limit.endswith("steps") else f" after {finding.steps:,} steps"
        return (
            f"unknown: the limit of {finding.limit} was reached{after}{where}, so the check of "
            f"{plural(count, 'operation')} is undecided"
        )
    if finding.verdict == "ok":
        head = f"linearizable: {_judged(finding.history)}"
        left = sum(op.outcome == "unknown" for op in finding.history) - sum(
            op.outcome == "unknown" for op in finding.order
        )
        tail = [f"left out, because it may never have happened: {plural(left, 'unanswered operation')}"] if left else []
        return "\n".join([f"{head}, explained by this order:", *_table(finding.history, finding.order), *tail])
    part = f"{len(finding.failing)} of {plural(count, 'operation')}"
    head = f"not linearizable{on_key(finding.key)}; the smallest part that no order explains has {part}:"
    return "\n".join([head, *_table(finding.history, finding.failing), explanation(finding)])


def _judged(history: History) -> str:
    """Return how many operations were judged: all, those that were answered if others were not, and those of each key."""
    text = plural(len(history), "operation")
    answered = sum(op.outcome == "ok" for op in history)
    if not answered:
        text += ", none of which was answered, so that nothing could be wrong"
    elif answered < len(history):
        text += f", {answered} of them answered"
    parts = history.by_key()
    if len(parts) == 1:
        return text
    counts = [f"{format_value(key)}: {len(operations)}" for key, operations in parts.items()]
    if len(counts) > MAX_KEYS:
        counts[MAX_KEYS:] = [f"and {len(counts) - MAX_KEYS} more keys"]
    return f"{text}, by key {', '.join(counts)}"


def on_key(key: Hashable) -> str:
    """Return `` at key …``, or nothing if the history has no keys."""
    return "" if key is None else f" at key {format_value(key)}"


def _table(history: History, operations: Sequence[Operation]) -> list[str]:
    """Return a numbered line for each operation; of many, the first and the last ones."""
    lines = []
    for number, op in enumerate(operations, start=1):
        end = "no answer" if op.returned_us is None else f"answered {history.format_time(op.returned_us)}"
        lines.append(
            f"{number:>4}  {op.client:<10} {op.description:<20} asked {history.format_time(op.called_us)}, {end}"
        )
    if len(lines) > MAX_LINES:
        half = MAX_LINES // 2
        lines[half:-half] = [f"   …  {len(lines) - 2 * half} more"]
    return lines


def explanation(finding: Finding) -> str:
    """Return a sentence that explains why the failing part has no order: the simplest reason that applies."""
    part, history = finding.failing, finding.history
    for observer in reversed(part if is_built_in(finding.model) else ()):
        if observer.outcome == "ok" and not (observer.action == "cas" and observer.is_read):
            reason = (
                _never_written(observer, finding)
                or _overwritten(observer, part, history)
                or _backward(observer, part, history)
            )
            if reason:
                return reason
    done = join_names(op.description for op in finding.longest_prefix) if finding.longest_prefix else "nothing"
    if len(finding.longest_prefix) > 4:
        done = f"{len(finding.longest_prefix)} of them, the last {finding.longest_prefix[-1].description},"
    stuck = [op for op in part if op.outcome == "ok" and op not in finding.longest_prefix]
    return (
        f"no order of them explains every answer: after {done} the key held {format_value(finding.state_after)}, "
        f"and {join_names(f'{op.description} by {op.client}' for op in stuck)} could not come next"
    )


def _observation(operation: Operation) -> str:
    """Return what an observer found, as the first half of a sentence."""
    if operation.action == "get":
        return f"{operation.request} by {operation.client} returned {format_value(operation.answer)}"
    return f"{operation.request} by {operation.client} found {format_value(operation.expected)}"


def _writers(value: Hashable, part: Sequence[Operation]) -> list[Operation]:
    return [op for op in part if op.action in ("set", "cas") and not op.is_read and op.value == value]


def _never_written(observer: Operation, finding: Finding) -> str:
    """Describe a value that no client had written, if that is the reason; "" otherwise."""
    if observer.action not in ("get", "cas") or observer.observed == finding.model.initial:
        return ""
    same_key = [op for op in finding.history if op.key == observer.key]
    if any(op.action == "append" for op in same_key):
        return ""
    writers = _writers(observer.observed, [op for op in same_key if op.outcome != "failed"])
    failed = [op for op in _writers(observer.observed, same_key) if op.outcome == "failed"]
    begun = [op for op in failed if op.call_index < observer.return_index]
    if begun and all(op.call_index > observer.return_index for op in writers):
        return f"{_observation(observer)}, whose write failed: {begun[-1].request} by {begun[-1].client}"
    if not writers:
        return f"{_observation(observer)}, which no client wrote{_look_alike(observer.observed, same_key)}"
    if all(op.call_index > observer.return_index for op in writers):
        first, clock = writers[0], finding.history.format_time
        when = f"{first.request} by {first.client} was asked at {clock(first.called_us)}"
        return f"{_observation(observer)} before any client had asked to write it: {when}"
    return ""


def _look_alike(value: Hashable, operations: Sequence[Operation]) -> str:
    """Return a remark if a value was written that looks the same and is another, such as the text 1 and the number 1."""
    for op in operations:
        if op.value is not None and op.value != value and format_value(op.value) == format_value(value):
            return f": {edn_text(value)} is not {edn_text(op.value)}"
    return ""


def _overwritten(observer: Operation, part: Sequence[Operation], history: History) -> str:
    """Describe a read of an old value after a newer one had been acknowledged, if that is the reason; "" otherwise."""
    if observer.action not in ("get", "cas"):
        return ""
    value = observer.observed
    is_all_appends = all(op.action in ("append", "get") for op in part)
    sources = [op for op in part if op.action in ("set", "cas", "append") and not op.is_read and op.value == value]
    for newer in reversed(part):
        is_write = newer.action in ("set", "delete", "cas") and not newer.is_read
        wrote = None if newer.action == "delete" else newer.value
        is_lost = is_all_appends and newer.action == "append" and str(newer.value) not in str(value)
        if newer is observer or newer.outcome != "ok" or newer.return_index >= observer.call_index:
            continue
        is_overwrite = is_write and wrote != value
        if is_lost or (
            is_overwrite and all(op.outcome == "ok" and op.return_index < newer.call_index for op in sources)
        ):
            gap = _gap(newer, observer, history)
            answered = f"{newer.request} by {newer.client} had been answered {gap}it was asked"
            return f"{_observation(observer)} although {answered}"
    return ""


def _backward(observer: Operation, part: Sequence[Operation], history: History) -> str:
    """Describe a read that found an older value than a read before it, if that is the reason; "" otherwise."""
    if observer.action != "get":
        return ""
    for earlier in part:
        is_before = earlier.action == "get" and earlier.outcome == "ok" and earlier.return_index < observer.call_index
        if is_before and earlier.answer != observer.answer:
            gap = _gap(earlier, observer, history)
            return (
                f"{_observation(observer)} although {earlier.request} by {earlier.client} had returned "
                f"{format_value(earlier.answer)}{',' if gap[0].isdigit() else ''} {gap}it was asked; "
                "no order of the writes explains both"
            )
    return ""


def _gap(earlier: Operation, later: Operation, history: History) -> str:
    """Return how long before one operation was asked another had been answered, as in ``2 s before``."""
    if not history.timed or earlier.returned_us is None:
        return "before "
    if later.called_us - earlier.returned_us < MICROSECONDS // 1000:
        return "just before "
    return f"{(later.called_us - earlier.returned_us) / MICROSECONDS:.3f}".rstrip("0").rstrip(".") + " s before "


def operation_data(operation: Operation) -> dict[str, Any]:
    """Return an operation as JSON data, with times in seconds."""
    data = {
        "client": operation.client,
        "action": operation.action,
        "key": as_json(operation.key),
        "value": as_json(operation.value),
        "expected": as_json(operation.expected),
        "called": operation.called_us / MICROSECONDS,
        "returned": None if operation.returned_us is None else operation.returned_us / MICROSECONDS,
        "answer": as_json(operation.answer),
        "outcome": operation.outcome,
    }
    return {name: value for name, value in data.items() if value is not None}


def result_data(finding: Finding) -> dict[str, Any]:
    """Return a finding as JSON data."""
    return {
        "verdict": finding.verdict,
        "model": finding.model.name,
        "operations": len(finding.history),
        "steps": finding.steps,
        "key": as_json(finding.key),
        "order": [operation_data(op) for op in finding.order],
        "failing": [operation_data(op) for op in finding.failing],
        "by_key": [[as_json(key), len(operations)] for key, operations in finding.history.by_key().items()],
        "limit": finding.limit,
        "undecided": [as_json(key) for key in finding.undecided],
        "report": report(finding),
    }
