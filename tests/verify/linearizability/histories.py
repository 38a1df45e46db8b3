"""Shared by the tests of linearizability: histories built from bytes, and a reference checker that tries every order.

The reference checker shares nothing with the real one: it has its own sequential specification, searches all keys
together, remembers nothing and skips nothing.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import replace

from raft_steps.lab.verify.linearizability import History, Operation
from raft_steps.lab.verify.linearizability.history import ActionName, Outcome

ACTIONS: tuple[ActionName, ...] = ("set", "get", "cas", "append", "delete", "get", "set", "get")
VALUES = ("a", "b", "ab", None)


def carry_out(held: dict[Hashable, str], operation: Operation) -> Hashable:
    """Apply one operation to what the keys hold, and return its answer."""
    key, value = operation.key, operation.value
    if operation.action == "get":
        return held.get(key)
    if operation.action == "set":
        held[key] = str(value)
    elif operation.action == "delete":
        held.pop(key, None)
    elif operation.action == "append":
        held[key] = held.get(key, "") + str(value)
    elif held.get(key) == operation.expected:
        held[key] = str(value)
        return True
    else:
        return False
    return None


def has_order(operations: Sequence[Operation]) -> bool:
    """Return whether some order explains every answer: the definition, tried order by order."""
    return _has_order([op for op in operations if op.outcome != "failed"], {})


def _has_order(left: list[Operation], held: dict[Hashable, str]) -> bool:
    if all(op.outcome == "unknown" for op in left):
        return True  # None of them need have happened.
    for number, operation in enumerate(left):
        if any(precedes(other, operation) for other in left):
            continue
        then = dict(held)
        answer = carry_out(then, operation)
        explains = (
            operation.outcome == "unknown" or operation.action not in ("get", "cas") or answer == operation.answer
        )
        if explains and _has_order(left[:number] + left[number + 1 :], then):
            return True
    return False


def precedes(one: Operation, other: Operation) -> bool:
    """Return whether one operation returned before the other was called."""
    return one.outcome == "ok" and one.returned_us is not None and one.returned_us < other.called_us


def is_order_of(order: Sequence[Operation], history: History) -> bool:
    """Return whether an order is a linearization: it explains each answer, respects real time, and has all answered ones."""
    held: dict[Hashable, str] = {}
    for place, operation in enumerate(order):
        answer = carry_out(held, operation)
        if operation.outcome == "failed" or any(precedes(later, operation) for later in order[place + 1 :]):
            return False
        if operation.outcome == "ok" and operation.action in ("get", "cas") and answer != operation.answer:
            return False
    answered = [op for op in history if op.outcome == "ok"]
    return len(set(order)) == len(order) and set(answered) <= set(order) <= set(history)


def history_of_bytes(data: bytes) -> History:
    """Build a small history from bytes, five for each operation.

    In most cases an answer is what one copy of the data answers at some moment of the operation; in the others it is
    arbitrary. Some operations are not answered, and some fail.
    """
    drafts = []
    for number in range(len(data) // 5):
        what, when, long, effect, fate = data[5 * number : 5 * number + 5]
        called, length = when % 16, 1 + long % 8
        action = ACTIONS[what % 8]
        draft = Operation(
            client=f"c{number}",
            action=action,
            key="xxxy"[what // 8 % 4],
            value=VALUES[what // 32 % 3] if action in ("set", "cas", "append") else None,
            expected=VALUES[long // 8 % 4] if action == "cas" else None,
            called_us=called,
            returned_us=called + length,
        )
        drafts.append((called + effect % (length + 1), number, draft, fate))
    held: dict[Hashable, str] = {}
    made = {}
    for _moment, number, draft, fate in sorted(drafts, key=lambda item: item[:2]):
        outcome: Outcome = "failed" if fate % 16 in (0, 5) else "unknown" if fate % 16 in (1, 2, 3) else "ok"
        happens = outcome == "ok" or (outcome == "unknown" and fate // 16 % 2 == 0)
        answer = carry_out(held, draft) if happens else None
        if fate % 16 in (4, 6, 9) and draft.action == "get":
            answer = VALUES[fate // 16 % 4]
        elif fate % 16 in (4, 6, 9) and draft.action == "cas":
            answer = answer is not True
        if outcome == "ok":
            made[number] = replace(draft, answer=answer)
        else:
            made[number] = replace(
                draft, outcome=outcome, returned_us=None if outcome == "unknown" else draft.returned_us
            )
    return History(tuple(made[number] for number in sorted(made)))
