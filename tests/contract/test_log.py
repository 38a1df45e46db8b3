"""The log is numbered as in the paper, tells its own changes, and cannot be broken by mistake."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from raft_steps.lab.commands import Set
from raft_steps.lab.errors import LogError
from raft_steps.lab.log import FIRST_ENTRY, Entry, Log

# Either the term of an entry to append, or how many of the last entries to delete.
STEPS = st.lists(st.tuples(st.sampled_from(["append", "cut"]), st.integers(0, 5)), max_size=40)


def entry(index: int, term: int = 1) -> Entry:
    """Make an entry whose command names its place."""
    return Entry(index=index, term=term, command=Set(key="x", value=str(index)))


def play(log: Log, model: list[Entry], steps: list[tuple[str, int]]) -> None:
    """Do the same to a log and to a plain list, the common first entry included."""
    for verb, number in steps:
        if verb == "append":
            model.append(entry(len(model), number))
            log.append(model[-1])
        else:
            keep = max(len(model) - 1 - number, 0)
            del model[keep + 1 :]
            log.truncate_after(keep)


@given(steps=STEPS, index=st.integers(-3, 60))
def test_log_is_a_list_with_a_first_entry(steps: list[tuple[str, int]], index: int) -> None:
    """Whatever was appended and deleted, the log holds what a list would hold, from index 0 on."""
    log, model = Log(), [FIRST_ENTRY]
    play(log, model, steps)

    assert model[1:] == list(log)
    assert len(model) - 1 == log.last_index == len(log)
    assert model[-1].term == log.last_term
    assert (model[index].term if 0 <= index < len(model) else None) == log.term_at(index)
    assert tuple(model[max(index + 1, 0) :]) == log.entries_after(index)
    for most in (-1, 0, 1, 2, 100):
        assert tuple(model[max(index + 1, 0) :])[: max(most, 0)] == log.entries_after(index, most)


@given(before=STEPS, steps=STEPS)
def test_follower_of_a_log_becomes_the_same(before: list[tuple[str, int]], steps: list[tuple[str, int]]) -> None:
    """A log that does what another's changes say is the same afterwards: so a disk follows its node."""
    log, disk, model = Log(), Log(), [FIRST_ENTRY]
    for part in (before, steps):
        play(log, model, part)
        disk.follow(log.changes)
        log.changes = []

    assert log == disk


@given(steps=STEPS)
def test_new_log_tells_all_that_it_holds(steps: list[tuple[str, int]]) -> None:
    """A log that takes another's place tells so: what was there goes, and all its own entries come."""
    log, model = Log(), [FIRST_ENTRY]
    play(log, model, steps)
    old = Log([entry(1, 9), entry(2, 9)])
    old.follow(Log(model[1:]).changes)

    assert log == old


def test_changes_are_told_in_order() -> None:
    """Every change is recorded once, oldest first; a truncation that deletes nothing is not a change."""
    log = Log()
    log.changes = []
    log.append(entry(1))
    log.append(entry(2))
    log.truncate_after(2)
    log.truncate_after(1)

    assert [("append", entry(1)), ("append", entry(2)), ("truncate", 1)] == log.changes


def test_common_first_entry_stays() -> None:
    """All logs share an entry at 0, in term 0 and without a command; it cannot be deleted."""
    log = Log([entry(1)])
    log.truncate_after(0)

    assert FIRST_ENTRY == log[0]
    assert 0 == log.last_index == log.last_term
    with pytest.raises(LogError, match="the common first entry, 0, stays"):
        log.truncate_after(-1)


@pytest.mark.parametrize("wrong", ["set x 1", Set(key="x", value="1"), None, (1, 1, "set x 1")])
def test_only_entries_are_appended(wrong: Any) -> None:
    """Anything but an Entry is refused, with the form of an entry."""
    with pytest.raises(LogError, match=r"append\(Entry\(index=…, term=…, command=…\)\), not "):
        Log().append(wrong)


def test_append_refuses_what_is_not_a_command() -> None:
    """The error names the value, so that swapped arguments are found."""
    with pytest.raises(
        LogError, match="the command of an entry is one of a client, such as a Set, or None, not 'client#1'"
    ):
        Log().append(Entry(index=1, term=1, command="client#1"))  # type: ignore[arg-type]


@pytest.mark.parametrize("index", [0, 1, 3])
def test_entry_has_the_next_index(index: int) -> None:
    """An entry that would leave a gap, or sit in another's place, is refused."""
    with pytest.raises(LogError, match=f"the next entry has index 2, not {index}"):
        Log([entry(1)]).append(entry(index))


@pytest.mark.parametrize("index", [-1, 3, 100])
def test_missing_entry_is_named(index: int) -> None:
    """Reading past either end is an error that says where the log ends; a negative index does not count from there."""
    with pytest.raises(LogError, match=f"there is no entry {index}; the log ends at 2"):
        Log([entry(1), entry(2)])[index]


@pytest.mark.parametrize("index", [slice(1, 2), "1", 1.0, True])
def test_log_is_read_one_index_at_a_time(index: Any) -> None:
    """A slice is refused with a hint at entries_after."""
    with pytest.raises(LogError, match="one index at a time, as log"):
        Log([entry(1)])[index]


def test_entry_never_changes_in_place() -> None:
    """Assigning to an entry, or deleting one in the middle, is refused with what to do instead."""
    log = Log([entry(1), entry(2)])

    with pytest.raises(LogError, match=r"use truncate_after\(0\) and append"):
        log[1] = entry(1, 2)
    with pytest.raises(LogError, match=r"log\[0\] cannot be assigned: .* 0, stays"):
        log[0] = entry(1, 2)
    with pytest.raises(LogError, match="would leave a hole"):
        del log[1]


def test_logs_compare_by_their_entries() -> None:
    """Two logs are equal if their entries are; a log is not a list, and not hashable."""
    assert Log([entry(1)]) == Log([entry(1)])
    assert Log([entry(1)]) != Log([entry(1, 2)])
    assert Log() != []
    with pytest.raises(TypeError, match="unhashable"):
        hash(Log())


def test_log_shows_terms_and_commands() -> None:
    """In a notebook a log reads as its entries do in a scenario."""
    assert "Log(1 set x 1; 3 set x 2)" == repr(Log([entry(1), entry(2, 3)]))
