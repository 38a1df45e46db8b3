"""Checking for linearizability: the verdict, the order or the smallest failing part, the reason, and the limits."""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
from collections.abc import Hashable
from dataclasses import replace
from pathlib import Path

import pytest

from raft_steps.lab.verify.linearizability import (
    History,
    HistoryError,
    KeyValueModel,
    Model,
    Operation,
    RegisterModel,
    check,
    check_linearizable,
)
from raft_steps.lab.verify.linearizability.finding import effect_times
from raft_steps.lab.verify.linearizability.search import Budget, OutOfBudgetError
from tests.verify.linearizability.histories import has_order, is_order_of

ROOT = Path(__file__).parents[3]
ask = Operation.parse


def verdict(*operations: Operation, model: str = "kv") -> str:
    """Return the verdict on a history."""
    return check_linearizable(History(operations), model).verdict


def failing(*operations: Operation) -> list[str]:
    """Return the smallest failing part of a history that is not linearizable."""
    result = check_linearizable(History(operations))

    assert "violated" == result.verdict
    return [op.description for op in result.failing]


def reason(*operations: Operation) -> str:
    """Return the last sentence of the report on a history that is not linearizable."""
    result = check_linearizable(History(operations))

    assert "violated" == result.verdict
    return str(result).splitlines()[-1]


# The definition, case by case.


def test_empty_history_is_refused() -> None:
    """Of a history without operations nothing can be said."""
    with pytest.raises(HistoryError, match="there is nothing to check: the history has no operation"):
        check_linearizable(History(()))


def test_read_may_take_either_side_of_a_write_that_overlaps() -> None:
    """While a write is open, a read may see the value before it or the value after it."""
    write = ask("set x 1", "A", 0, 10)

    assert "ok" == verdict(write, ask("get x", "B", 1, 2))
    assert "ok" == verdict(write, ask("get x", "B", 1, 2, "1"))


def test_two_reads_of_one_open_write_do_not_go_backwards() -> None:
    """Once one read saw the new value, a later read does not see the old one (MIT 6.824, quiz 2 of 2017, VII)."""
    write = ask("set x 200", "A", 0, 100)

    assert "violated" == verdict(write, ask("get x", "B", 10, 30, "200"), ask("get x", "C", 40, 90))
    assert "ok" == verdict(write, ask("get x", "B", 25, 75, "200"), ask("get x", "C", 30, 60))


def test_read_of_a_missing_key_is_none() -> None:
    """A key that was never set, or that was deleted, reads None."""
    assert "ok" == verdict(ask("get x", "A", 0, 1))
    assert "ok" == verdict(ask("set x 1", "A", 0, 1), ask("delete x", "A", 2, 3), ask("get x", "A", 4, 5))
    assert "violated" == verdict(ask("set x 1", "A", 0, 1), ask("delete x", "A", 2, 3), ask("get x", "A", 4, 5, "1"))


def test_unanswered_write_may_take_effect_at_any_time_or_never() -> None:
    """A write without an answer explains a read long after, and its absence, but no read before it was asked."""
    lost = ask("set x 1", "A", 1)

    assert "ok" == verdict(lost, ask("get x", "B", 100, 101, "1"))
    assert "ok" == verdict(lost, ask("get x", "B", 100, 101))
    assert "ok" == verdict(lost, ask("get x", "B", 2, 3), ask("get x", "B", 100, 101, "1"))
    assert "violated" == verdict(lost, ask("get x", "B", 100, 101, "1"), ask("get x", "B", 102, 103))
    assert "violated" == verdict(lost, ask("get x", "B", 0, 0.5, "1"))


def test_failed_write_never_takes_effect() -> None:
    """An operation that is known not to have happened explains no read, and needs no place."""
    failed = ask("set x 1", "A", 0, 1, outcome="failed")

    assert "ok" == verdict(failed, ask("get x", "B", 2, 3))
    assert "violated" == verdict(failed, ask("get x", "B", 2, 3, "1"))


def test_compare_and_set() -> None:
    """A cas that answers yes found what it expected; one that answers no found another value; both are checked."""
    one = ask("set x 1", "A", 0, 1)

    assert "ok" == verdict(one, ask("cas x 1 2", "B", 2, 3), ask("get x", "B", 4, 5, "2"))
    assert "violated" == verdict(one, ask("cas x 3 2", "B", 2, 3))
    assert "violated" == verdict(one, ask("cas x 1 2", "B", 2, 3, answer=False))
    assert "ok" == verdict(one, ask("cas x 3 2", "B", 2, 3, answer=False), ask("get x", "B", 4, 5, "1"))
    assert "ok" == verdict(one, ask("cas x 1 2", "B", 2), ask("get x", "C", 4, 5, "2"))
    assert "violated" == verdict(one, ask("cas x 3 2", "B", 2), ask("get x", "C", 4, 5, "2"))


def test_append() -> None:
    """Appends add up in one order that every read agrees with; to a missing key they add as to nothing."""
    both = ask("append x a", "A", 0, 9), ask("append x b", "B", 0, 9)

    assert "ok" == verdict(*both, ask("get x", "C", 10, 11, "ba"), ask("get x", "D", 10, 11, "ba"))
    assert "violated" == verdict(*both, ask("get x", "C", 10, 11, "ba"), ask("get x", "D", 10, 11, "ab"))


def test_moment_of_answer_and_call_may_coincide() -> None:
    """A call at the very moment of an answer counts as concurrent; places in the order of a log decide otherwise."""
    write, read = ask("set x 1", "A", 0, 5), ask("get x", "B", 5, 6)

    assert "ok" == verdict(write, read)
    assert "violated" == verdict(
        replace(write, call_index=0, return_index=1), replace(read, call_index=2, return_index=3)
    )


def test_keys_are_independent() -> None:
    """Each key has an order of its own, and the orders fit together."""
    operations = [ask(f"set {key} {n}", f"{key}{n}", n, n + 2) for key in "xyz" for n in range(4)]
    history = History((*operations, ask("get y", "R", 6, 7, "3")))
    result = check_linearizable(history)

    assert "ok" == result.verdict
    assert is_order_of(result.order, history)
    assert ["set y 0", "set y 3", "get y → 0"] == failing(*operations, ask("get y", "R", 6, 7, "0"))


# The models.


def test_register_has_no_keys() -> None:
    """A register model refuses two keys, and actions that only a key-value store has."""
    with pytest.raises(HistoryError, match="this history has the keys x and y; use the model kv"):
        verdict(ask("set x 1", "A", 0, 1), ask("set y 1", "A", 2, 3), model="register")
    with pytest.raises(HistoryError, match="delete x by A: a register has only cas, get, set"):
        verdict(ask("delete x", "A", 0, 1), model="register")
    with pytest.raises(HistoryError, match="there is no model 'queue'; there are register, kv"):
        verdict(model="queue")


@pytest.mark.parametrize("model", [RegisterModel(), KeyValueModel(), KeyValueModel("")])
def test_models_are_pure(model: Model) -> None:
    """A step returns the same for the same arguments, changes nothing, and returns hashable states."""
    operations = [ask("set x 1", "A", 0, 1), ask("cas x 1 2", "A", 0, 1), ask("get x", "A", 0, 1)]
    states: list[Hashable] = [model.initial, "1", 7, ("a",)]
    for state, operation in itertools.product(states, operations):
        first = model.step(state, operation)

        assert first == model.step(state, operation)
        assert isinstance(hash(first[1]), int)


def test_own_model() -> None:
    """Data of another kind needs another Model: here a queue, to which set adds, and of which get removes the first."""

    class Queue(Model):
        actions = frozenset({"set", "get"})

        def step(self, state: Hashable, operation: Operation) -> tuple[bool, Hashable]:
            held = () if state is None else state
            assert isinstance(held, tuple)
            if operation.action == "set":
                return True, (*held, operation.value)
            return bool(held) and held[0] == operation.answer, held[1:]

    puts = ask("set x 1", "A", 0, 1), ask("set x 2", "A", 2, 3)
    fair = History((*puts, ask("get x", "B", 4, 5, "1"), ask("get x", "B", 6, 7, "2")))
    unfair = History((*puts, ask("get x", "B", 4, 5, "2")))

    # A get takes something away here, so it is not to be moved or left out as a read is.
    assert "violated" == check_linearizable(unfair, Queue()).verdict
    assert "ok" == check_linearizable(fair, Queue()).verdict
    swapped = History((*puts, ask("get x", "B", 4, 7, "2"), ask("get x", "C", 4, 7, "1"), ask("get x", "D", 4)))
    assert "ok" == check_linearizable(swapped, Queue()).verdict
    twice = History((puts[1], ask("get x", "B", 4, 5, "2"), ask("get x", "B", 6, 7, "2")))
    assert 3 == len(check_linearizable(twice, Queue()).failing)


# The limits.


def hard_history(size: int = 9) -> History:
    """Build a history without an order that takes long to search: many pending writes, and reads that disagree."""
    writes = [ask(f"append x {n}", f"W{n}", 0, 10) for n in range(size)]
    text = "".join(map(str, range(size)))
    return History((*writes, ask("get x", "A", 11, 12, text), ask("get x", "B", 11, 12, text[::-1])))


def test_limit_of_steps_gives_unknown() -> None:
    """A search that is cut short decides nothing, and reports where it stopped; with more steps it decides."""
    result = check_linearizable(hard_history(), step_limit=50)

    assert ("unknown", ("x",), 50) == (result.verdict, result.undecided, result.steps)
    assert "unknown: the limit of 50 steps was reached for key x, so the check of 11 operations is undecided" == str(
        result
    )
    assert "violated" == check_linearizable(hard_history(6)).verdict


def test_limit_of_time_gives_unknown() -> None:
    """The time comes from the given clock; when it is up, the verdict is unknown, never ok."""
    looks = itertools.count()

    def clock() -> float:
        return next(looks) * 1.0

    result = check_linearizable(hard_history(), time_limit_s=3.0, clock=clock)

    assert "unknown" == result.verdict
    assert 512 <= result.steps <= 1024


def test_no_limit_ever_gives_ok() -> None:
    """Whatever the limit, a history that is not linearizable is never called so."""
    for limit in range(0, 400, 7):
        assert "ok" != check_linearizable(hard_history(4), step_limit=limit).verdict


def test_violation_is_found_in_spite_of_an_undecided_key() -> None:
    """One key that is violated decides, however hard the others are."""
    bad = ask("get y", "C", 0, 1, "7")

    assert "violated" == check_linearizable(History((*hard_history(), bad)), step_limit=50).verdict


def test_part_that_takes_too_long_to_reduce_is_shown_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    """If no steps are left to find a smaller part, the verdict stands, with all operations of the key."""
    monkeypatch.setattr(check, "MINIMISE_STEP_LIMIT", 5)
    result = check_linearizable(hard_history(4))

    assert ("violated", 6) == (result.verdict, len(result.failing))
    assert "could not come next" in str(result)


def test_budget_counts() -> None:
    """A budget allows as many steps as it has."""
    budget = Budget(2)
    budget.spend()
    budget.spend()
    with pytest.raises(OutOfBudgetError):
        budget.spend()


# The order.


def test_order_leaves_out_what_need_not_have_happened() -> None:
    """An unanswered write that no read observed is not in the order, but in the report."""
    result = check_linearizable(
        History((ask("set x 1", "A", 0, 1), ask("set x 2", "B", 0), ask("get x", "C", 5, 6, "1")))
    )

    assert ["set x 1", "get x → 1"] == [op.description for op in result.order]
    assert "left out, because it may never have happened: 1 unanswered operation" in str(result)


def test_moments_follow_the_order() -> None:
    """The moments at which operations may have taken effect follow the order and lie between call and answer."""
    history = History(
        (
            *(ask(f"set x {n}", f"A{n}", n, n + 5) for n in range(6)),
            ask("get x", "R", 1, 9, "0"),
            ask("set x 9", "Z", 0),
        )
    )
    order = check_linearizable(history).order
    moments = effect_times(order)

    assert sorted(moments) == moments
    assert all(op.called_us <= moment for op, moment in zip(order, moments, strict=True))
    assert all(op.returned_us is None or moment <= op.returned_us for op, moment in zip(order, moments, strict=True))


# The smallest failing part, and the reason.

STALE = (ask("set x 1", "A", 0, 1), ask("set x 2", "B", 2, 3), ask("get x", "C", 3.5, 4, "1"))


def test_stale_read_is_three_operations() -> None:
    """A stale read in a long history is reduced to the write of the old value, that of the newer one, and the read."""
    noise = [ask(f"set x {n}", f"N{n}", 0.01 * n, 0.01 * n + 0.005) for n in range(10, 40)]
    others = [ask(f"get y{n}", "O", 5 + n, 5.5 + n) for n in range(5)]
    later = [ask("get x", "L", 8, 9, "2"), ask("set x 1", "L", 10, 11)]

    assert ["set x 1", "set x 2", "get x → 1"] == failing(*noise, *STALE, *others, *later)
    assert "get x by C returned 1 although set x 2 by B had been answered 0.5 s before it was asked" == reason(
        *noise, *STALE, *others, *later
    )


def test_smallest_part_of_a_history_with_repeated_values() -> None:
    """If a value was written again and again, the last of these writes stands for all."""
    ones = [ask("set x 1", "A", n, n + 0.5) for n in range(20)]

    assert ["set x 1", "set x 2", "get x → 1"] == failing(
        *ones, ask("set x 2", "B", 20, 21), ask("get x", "C", 22, 23, "1")
    )


def test_writes_that_could_be_read_are_never_left_out() -> None:
    """A part never shows a value as one that no client wrote when some client did."""
    for earlier in range(3):
        operations = [ask(f"set x {n}", "A", 2 * n, 2 * n + 1) for n in range(5)]
        part = failing(*operations, ask("get x", "B", 20, 21, str(earlier)))

        assert f"set x {earlier}" in part
        assert 3 == len(part)


def test_refused_cas_is_explained() -> None:
    """To refute a cas that answers no, although it must have found what it expected, the last write is enough."""
    operations = [ask(f"set x {n}", "A", 2 * n, 2 * n + 1) for n in range(30)]

    assert ["set x 29", "cas x 29 1 → no"] == failing(*operations, ask("cas x 29 1", "B", 90, 91, answer=False))


@pytest.mark.parametrize(
    "operations, words",
    [
        ((ask("set x 1", "A", 0, 1), ask("get x", "B", 2, 3, "7")), "get x by B returned 7, which no client wrote"),
        (
            (ask("get x", "B", 0, 1, "7"), ask("set x 7", "A", 2, 3)),
            "get x by B returned 7 before any client had asked to write it: set x 7 by A was asked at 2 s",
        ),
        (
            (ask("set x 1", "A", 0, 1), ask("delete x", "B", 2, 3), ask("get x", "C", 4, 5, "1")),
            "get x by C returned 1 although delete x by B had been answered 1 s before it was asked",
        ),
        (
            (ask("set x 1", "A", 0, 1), ask("get x", "C", 4, 5)),
            "get x by C returned nothing although set x 1 by A had been answered 3 s before it was asked",
        ),
        (
            (ask("set x 1", "A", 0, 9), ask("get x", "B", 1, 2, "1"), ask("get x", "C", 2.25, 3)),
            (
                "get x by C returned nothing although get x by B had returned 1, 0.25 s before it was asked; "
                "no order of the writes explains both"
            ),
        ),
        (
            (ask("set x 1", "A", 0, 1), ask("cas x 1 2", "B", 2, 3), ask("cas x 1 3", "C", 4, 5)),
            "cas x 1 3 by C found 1 although cas x 1 2 by B had been answered 1 s before it was asked",
        ),
        (
            (ask("append x a", "A", 0, 1), ask("append x b", "B", 2, 3), ask("get x", "C", 4, 5, "a")),
            "get x by C returned a although append x b by B had been answered 1 s before it was asked",
        ),
        (
            (ask("append x a", "A", 0, 9), ask("append x b", "B", 0, 9), ask("get x", "C", 10, 11, "ba"), ask("get x", "D", 10, 11, "ab")),
            (
                "no order of them explains every answer: after append x a, append x b and get x → ab the key held ab, "
                "and get x → ba by C could not come next"
            ),
        ),
    ],
)  # fmt: skip
def test_reason_is_a_sentence(operations: tuple[Operation, ...], words: str) -> None:
    """The reason names the operation, its client, what it found, and what contradicts that."""
    assert words == reason(*operations)


def test_failing_part_has_no_order_by_itself() -> None:
    """The failing part alone has no order, neither for this checker nor for the reference."""
    result = check_linearizable(History((*STALE, ask("set x 5", "D", 0, 9))))

    assert not has_order(result.failing)
    assert "violated" == check_linearizable(History(result.failing)).verdict


# Histories, results, and imports.


def test_history_refuses_nonsense() -> None:
    """An answer before the request, an ok without an answer, and words that are not an operation are refused."""
    with pytest.raises(HistoryError, match="before it is asked"):
        ask("set x 1", "A", 2, 1)
    for text in ("", "set x '1"):
        with pytest.raises(HistoryError, match="is not an operation"):
            ask(text, "A", 0)
    with pytest.raises(HistoryError, match="'fly x' is not an operation"):
        ask("fly x", "A", 0, 1)
    with pytest.raises(HistoryError, match="is ok, but it has no answer"):
        History((Operation(client="A", action="get"),))
    with pytest.raises(HistoryError, match="does not come after its call"):
        History((replace(STALE[0], call_index=3, return_index=2),))


def test_history_shows_itself() -> None:
    """A history prints a line for each operation, in the order of the calls."""
    text = repr(History((ask("get x", "B", 2, 2.5, "1"), ask("set x 'a b'", "A", 1))))

    assert ["history of 2 operations", "A  set x 'a b' ?", "B  get x → 1"] == [
        line.strip()[: len(start)]
        for line, start in zip(
            text.splitlines(), ["history of 2 operations", "A  set x 'a b' ?", "B  get x → 1"], strict=True
        )
    ]
    assert "1 s – no answer" in text
    assert "2 s – 2.5 s" in text


def test_result_is_data() -> None:
    """A result can be written as JSON, with times in seconds, and two checks of one history agree."""
    history = History(STALE)
    data = json.loads(json.dumps(check_linearizable(history).as_data()))

    assert ("violated", "x", 3) == (data["verdict"], data["key"], len(data["failing"]))
    assert {
        "client": "C",
        "action": "get",
        "key": "x",
        "called": 3.5,
        "returned": 4.0,
        "answer": "1",
        "outcome": "ok",
    } == data["failing"][2]
    assert check_linearizable(history) == check_linearizable(history)


def test_report_of_a_long_order_is_cut() -> None:
    """The report of a long order shows its beginning and its end."""
    lines = str(check_linearizable(History(tuple(ask("set x 1", "A", n, n + 0.5) for n in range(100))))).splitlines()

    assert 32 == len(lines)
    assert "70 more" in lines[16]


def test_nothing_is_loaded_before_it_is_asked_for() -> None:
    """Importing the course and running a cluster does not load the checker, which needs the standard library alone."""
    code = (
        "import sys; sys.path.insert(0, sys.argv[1]); import raft_steps.lab.cluster.cluster, raft_steps\n"
        "raft_steps.lab.cluster.cluster.Cluster(8)\n"
        "assert not [name for name in sys.modules if 'linearizab' in name]\n"
        "from raft_steps.lab.verify.linearizability import History, Operation, check_linearizable\n"
        "print(check_linearizable(History((Operation.parse('set x 1', 'A', 0, 1),))).picture().alt)"
    )
    command = [sys.executable, "-I", "-S", "-c", code, str(ROOT)]
    answer = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)

    assert ("", "1 operation, linearizable\n") == (answer.stderr, answer.stdout)
