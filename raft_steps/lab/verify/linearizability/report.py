"""The result of a check in words: the verdict, the order or the failing part, and why it cannot be explained."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any

from raft_steps.lab.scenario.model import MICROSECONDS
from raft_steps.lab.text import plural, several
from raft_steps.lab.verify.linearizability.finding import Finding
from raft_steps.lab.verify.linearizability.history import History, Operation, spell
from raft_steps.lab.verify.linearizability.models import is_ours

MOST_LINES = 30


def report(result: Finding) -> str:
    """Tell a result, a line for each operation that matters."""
    count = len(result.history)
    if result.verdict == "unknown":
        keys = several(spell(key) for key in result.undecided)
        where = f" for {'key' if len(result.undecided) == 1 else 'keys'} {keys}" if result.undecided != (None,) else ""
        tried = plural(result.steps, "step")
        return f"unknown: the limit was reached after {tried}{where}, so {plural(count, 'operation')} are not decided"
    if result.verdict == "ok":
        head = f"linearizable: {plural(count, 'operation')}"
        left = sum(op.outcome == "unknown" for op in result.history) - sum(
            op.outcome == "unknown" for op in result.order
        )
        tail = [f"left out, for it may never have happened: {plural(left, 'unanswered operation')}"] if left else []
        return "\n".join([f"{head}, explained by this order:", *_table(result.history, result.order), *tail])
    part = f"{len(result.failing)} of {plural(count, 'operation')}"
    head = f"not linearizable{on_key(result.key)}; the smallest part that no order explains has {part}:"
    return "\n".join([head, *_table(result.history, result.failing), explanation(result)])


def on_key(key: Hashable) -> str:
    """Name a key, where there is one."""
    return "" if key is None else f" at key {spell(key)}"


def _table(history: History, operations: Sequence[Operation]) -> list[str]:
    """List operations, with numbers, the middle left out where there are many."""
    lines = []
    for number, op in enumerate(operations, start=1):
        end = "no answer" if op.returned is None else f"answered {history.clock(op.returned)}"
        lines.append(f"{number:>4}  {op.client:<10} {op.told:<20} asked {history.clock(op.called)}, {end}")
    if len(lines) > MOST_LINES:
        half = MOST_LINES // 2
        lines[half:-half] = [f"   …  {len(lines) - 2 * half} more"]
    return lines


def explanation(result: Finding) -> str:
    """Say in a sentence why the failing part has no order: the plainest reason that fits."""
    part, history = result.failing, result.history
    for observer in reversed(part if is_ours(result.model) else ()):
        if observer.outcome == "ok" and not (observer.action == "cas" and observer.is_read):
            told = (
                _never_written(observer, result)
                or _overwritten(observer, part, history)
                or _backwards(observer, part, history)
            )
            if told:
                return told
    done = several(op.told for op in result.longest_prefix) if result.longest_prefix else "nothing"
    if len(result.longest_prefix) > 4:
        done = f"{len(result.longest_prefix)} of them, the last {result.longest_prefix[-1].told},"
    stuck = [op for op in part if op.outcome == "ok" and op not in result.longest_prefix]
    return (
        f"no order of them explains every answer: after {done} the key held {spell(result.state_after)}, "
        f"and {several(f'{op.told} by {op.client}' for op in stuck)} did not fit any more"
    )


def seen_by(operation: Operation) -> Hashable:
    """Give the value that an operation is known to have found."""
    return operation.answer if operation.action == "get" else operation.expected


def _says(operation: Operation) -> str:
    """Tell what an observer found, as the first half of a sentence."""
    if operation.action == "get":
        return f"{operation.words} by {operation.client} returned {spell(operation.answer)}"
    return f"{operation.words} by {operation.client} found {spell(operation.expected)}"


def _writers(value: Hashable, part: Sequence[Operation]) -> list[Operation]:
    return [op for op in part if op.action in ("set", "cas") and not op.is_read and op.value == value]


def _never_written(observer: Operation, result: Finding) -> str:
    """Tell of a value that nobody had written, if that is so."""
    if observer.action not in ("get", "cas") or seen_by(observer) == result.model.initial:
        return ""
    same_key = [op for op in result.history if op.key == observer.key and op.outcome != "failed"]
    if any(op.action == "append" for op in same_key):
        return ""
    writers = _writers(seen_by(observer), same_key)
    if not writers:
        return f"{_says(observer)}, which nobody wrote"
    if all(op.begin > observer.end for op in writers):
        first, clock = writers[0], result.history.clock
        when = f"{first.words} by {first.client} was asked at {clock(first.called)}"
        return f"{_says(observer)} before anybody had asked to write it: {when}"
    return ""


def _overwritten(observer: Operation, part: Sequence[Operation], history: History) -> str:
    """Tell of an old value that was read after a newer one had been acknowledged, if that is so."""
    if observer.action not in ("get", "cas"):
        return ""
    value = seen_by(observer)
    is_all_appends = all(op.action in ("append", "get") for op in part)
    sources = [op for op in part if op.action in ("set", "cas", "append") and not op.is_read and op.value == value]
    for newer in reversed(part):
        is_write = newer.action in ("set", "delete", "cas") and not newer.is_read and newer.outcome == "ok"
        wrote = None if newer.action == "delete" else newer.value
        is_lost = is_all_appends and newer.action == "append" and str(newer.value) not in str(value)
        if is_lost and newer.outcome == "ok" and newer.end < observer.begin:
            gap = _gap(newer, observer, history)
            return f"{_says(observer)} although {newer.words} by {newer.client} had been answered {gap}it was asked"
        if not is_write or wrote == value or newer.end >= observer.begin or newer is observer:
            continue
        if all(op.outcome == "ok" and op.end < newer.begin for op in sources):
            gap = _gap(newer, observer, history)
            return f"{_says(observer)} although {newer.words} by {newer.client} had been answered {gap}it was asked"
    return ""


def _backwards(observer: Operation, part: Sequence[Operation], history: History) -> str:
    """Tell of a read that found an older value than a read before it, if that is so."""
    if observer.action != "get":
        return ""
    for earlier in part:
        is_before = earlier.action == "get" and earlier.outcome == "ok" and earlier.end < observer.begin
        if is_before and earlier.answer != observer.answer:
            gap = _gap(earlier, observer, history)
            return (
                f"{_says(observer)} although {earlier.words} by {earlier.client} had returned "
                f"{spell(earlier.answer)}{',' if gap[0].isdigit() else ''} {gap}it was asked; "
                "no order of the writes explains both"
            )
    return ""


def _gap(earlier: Operation, later: Operation, history: History) -> str:
    """Say how long one operation had been answered before another was asked."""
    if not history.timed or earlier.returned is None:
        return "before "
    if later.called - earlier.returned < MICROSECONDS // 1000:
        return "just before "
    return f"{(later.called - earlier.returned) / MICROSECONDS:.3f}".rstrip("0").rstrip(".") + " s before "


def operation_data(operation: Operation) -> dict[str, Any]:
    """Give an operation as data that JSON can hold; times are in seconds."""
    data = {
        "client": operation.client,
        "action": operation.action,
        "key": operation.key,
        "value": operation.value,
        "expected": operation.expected,
        "called": operation.called / MICROSECONDS,
        "returned": None if operation.returned is None else operation.returned / MICROSECONDS,
        "answer": operation.answer,
        "outcome": operation.outcome,
    }
    return {name: value for name, value in data.items() if value is not None}


def result_data(result: Finding) -> dict[str, Any]:
    """Give a result as data that JSON can hold."""
    return {
        "verdict": result.verdict,
        "model": result.model.name,
        "operations": len(result.history),
        "steps": result.steps,
        "key": result.key,
        "order": [operation_data(op) for op in result.order],
        "failing": [operation_data(op) for op in result.failing],
        "undecided": list(result.undecided),
        "report": report(result),
    }
