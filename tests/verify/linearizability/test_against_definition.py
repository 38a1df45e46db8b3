"""Compares the checker with the definition: every order of thousands of small histories is tried."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from raft_steps.lab.verify.linearizability import History, LinearizabilityResult, Operation, check_linearizable
from tests.verify.linearizability.histories import has_order, history_of_bytes, is_order_of

EXAMPLES, OPERATIONS = 10_000, 8
SETTINGS = settings(
    max_examples=EXAMPLES, derandomize=True, database=None, deadline=None, suppress_health_check=list(HealthCheck)
)
HISTORIES = st.binary(min_size=10, max_size=5 * OPERATIONS).map(history_of_bytes)


@pytest.mark.slow
def test_checker_agrees_with_every_order() -> None:
    """On 10,000 histories the verdict is that of trying every order, and each order and each failing part is right."""
    seen: Counter[str] = Counter()

    @SETTINGS
    @given(HISTORIES)
    def compare(history: History) -> None:
        result = check_linearizable(history)
        seen[result.verdict] += 1
        seen["unanswered"] += any(op.outcome == "unknown" for op in history)
        seen["failed"] += any(op.outcome == "failed" for op in history)
        for action in ("cas", "append", "delete"):
            seen[action] += any(op.action == action for op in history)

        assert has_order(history.operations) == (result.verdict == "ok")
        if result.verdict == "ok":
            assert is_order_of(result.order, history)
        else:
            assert_is_smallest(result)

    compare()

    # The histories have enough of everything.
    assert seen["ok"] + seen["violated"] >= EXAMPLES
    for kind in ("ok", "violated", "unanswered", "failed", "cas", "append", "delete"):
        assert seen[kind] > EXAMPLES // 20, seen


def assert_is_smallest(result: LinearizabilityResult) -> None:
    """Require that a failing part is part of the history, of one key, has no order, and needs every read of it."""
    part = result.failing

    assert set(part) <= set(result.history)
    assert {result.key} == {op.key for op in part}
    assert not has_order(part)
    for read in part:
        if read.is_read:
            assert has_order([op for op in part if op is not read])
    seen = {op.answer if op.action == "get" else op.expected for op in part if op.action in ("get", "cas")}
    if all(op.action in ("set", "get") for op in part):
        for write in part:
            if write.action == "set" and write.value not in seen:
                assert has_order([op for op in part if op is not write])


def forget_real_time(operation: Operation) -> Operation:
    """Make a mistake: treat all operations as concurrent."""
    return replace(
        operation,
        called_us=0,
        returned_us=None if operation.returned_us is None else 99,
        call_index=-1,
        return_index=-1,
    )


def unanswered_happened(operation: Operation) -> Operation:
    """Make a mistake: treat an unanswered operation as one that happened soon after its call."""
    if operation.outcome != "unknown" or operation.action == "get":
        return operation
    answer = True if operation.action == "cas" else None
    return replace(
        operation, outcome="ok", returned_us=operation.called_us + 1, answer=answer, call_index=-1, return_index=-1
    )


def unanswered_did_not_happen(operation: Operation) -> Operation:
    """Make a mistake: treat an unanswered operation as one that did not happen."""
    return replace(operation, outcome="failed") if operation.outcome == "unknown" else operation


def failed_may_happen(operation: Operation) -> Operation:
    """Make a mistake: treat a failed operation as one that may have happened."""
    if operation.outcome != "failed":
        return operation
    return replace(operation, outcome="unknown", returned_us=None, return_index=-1)


@pytest.mark.parametrize(
    "mistake", [forget_real_time, unanswered_happened, unanswered_did_not_happen, failed_may_happen]
)
def test_mistaken_checker_disagrees_with_the_definition(mistake: Callable[[Operation], Operation]) -> None:
    """A checker that makes one of the usual mistakes does not agree with trying every order."""
    differ = 0

    @settings(SETTINGS, max_examples=1_000)
    @given(HISTORIES)
    def compare(history: History) -> None:
        nonlocal differ
        mistaken = History(tuple(mistake(replace(op, call_index=-1, return_index=-1)) for op in history))
        differ += has_order(history.operations) != (check_linearizable(mistaken).verdict == "ok")

    compare()

    assert differ > 0
