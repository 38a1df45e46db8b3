"""The log is numbered as in the paper, tells its own changes, and cannot be broken by mistake."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from raft_steps.lab.commands import Set
from raft_steps.lab.errors import LogError, MessageError
from raft_steps.lab.log import FIRST_ENTRY, Entry, Log, Snapshot

# Either the term of an entry to append, or how many of the last entries to delete.
STEPS = st.lists(st.tuples(st.sampled_from(["append", "cut"]), st.integers(0, 5)), max_size=40)


def entry(index: int, term: int = 1) -> Entry:
    """Make an entry whose command names its place."""
    return Entry(index=index, term=term, command=Set(key="x", value=str(index)))


def snapshot(index: int, term: int = 1, data: str = "{}") -> Snapshot:
    """Make a snapshot up to an entry."""
    return Snapshot(last_included_index=index, last_included_term=term, data=data)


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


@given(before=STEPS, steps=STEPS, at=st.integers(0, 60), then=STEPS)
def test_snapshot_takes_the_place_of_the_first_entries(
    before: list[tuple[str, int]], steps: list[tuple[str, int]], at: int, then: list[tuple[str, int]]
) -> None:
    """A compacted log and its disk hold what a list holds, but for the entries that the snapshot stands for."""
    log, disk, model = Log(), Log(), [FIRST_ENTRY]
    play(log, model, before + steps)
    base = min(at, log.last_index)
    if base:
        log.compact(snapshot(base, model[base].term))
    for verb, number in then:
        if verb == "append":
            model.append(entry(len(model), number))
            log.append(model[-1])
        else:
            del model[max(len(model) - number, base + 1) :]
            log.truncate_after(len(model) - 1)
    disk.follow(log.changes)

    for each in (log, disk, log.copy()):
        assert model[base + 1 :] == list(each) == list(each.entries_after(base))
        assert (base, model[base].term) == (each.base_index, each.base_term)
        assert (len(model) - 1, model[-1].term) == (each.last_index, each.last_term)
        terms = [None if index < base else model[index].term for index in range(len(model))]
        assert terms == [each.term_at(index) for index in range(len(model))]
    assert log == disk == log.copy()


@pytest.mark.parametrize(
    "index, term, kept",
    [(2, 1, [3, 4]), (4, 1, []), (2, 9, []), (7, 1, [])],
    ids=["suffix", "all", "other history", "beyond the end"],
)
def test_entries_after_a_snapshot_stay_if_the_log_has_its_last_one(index: int, term: int, kept: list[int]) -> None:
    """Section 7: what follows the snapshot's last entry is kept, and goes if that entry is another one, or missing."""
    log = Log([entry(each) for each in range(1, 5)])
    disk = log.copy()
    log.changes = []
    log.compact(snapshot(index, term))
    disk.follow(log.changes)

    assert [("compact", snapshot(index, term))] == log.changes
    assert [entry(each) for each in kept] == list(log)
    assert (index, term) == (log.base_index, log.term_at(index))
    assert log == disk


@given(steps=STEPS, base=st.integers(1, 9))
def test_new_log_with_a_snapshot_tells_all_that_it_holds(steps: list[tuple[str, int]], base: int) -> None:
    """A log with a snapshot, and one without, can take each other's place."""
    old = Log([entry(1, 9), entry(2, 9), entry(3, 9)])
    new = Log([entry(base + 1, 2)], snapshot(base, 9))
    plain = Log()
    play(plain, [FIRST_ENTRY], steps)
    old.follow(new.changes)
    assert new == old
    old.follow(plain.changes)
    assert plain == old


def test_compacted_entries_are_gone() -> None:
    """Reading or deleting below the base is refused, with the index up to which the snapshot stands for all."""
    log = Log([entry(each) for each in range(1, 5)])
    log.compact(snapshot(3))

    assert (entry(4), Entry(index=3, term=1, command=None)) == (log[4], log[3])
    assert 1 == len(log)
    for index in (0, 1, 2):
        assert log.term_at(index) is None
        with pytest.raises(LogError, match=f"entry {index} is no longer in the log: .* all up to 3"):
            log[index]
        with pytest.raises(LogError, match=f"entry {index + 1} is no longer in the log"):
            log.entries_after(index)
        with pytest.raises(LogError, match=f"after index {index}: the snapshot up to entry 3 stays"):
            log.truncate_after(index)
    assert "Log(snapshot up to 3 of term 1; 1 set x 4)" == repr(log)


@pytest.mark.parametrize("index", [1, 3])
def test_snapshot_never_takes_a_log_back(index: int) -> None:
    """A snapshot that stands for no more than the present one is refused."""
    log = Log([entry(each) for each in range(1, 5)])
    log.compact(snapshot(3))

    with pytest.raises(
        LogError, match=f"a snapshot up to entry {index} would take the log back: .* up to entry 3 stays"
    ):
        log.compact(snapshot(index))
    with pytest.raises(LogError, match="a snapshot up to entry 0 would take the log back: the common first entry"):
        Log().compact(snapshot(0))


def test_only_snapshots_compact_a_log() -> None:
    """Anything else is refused with the form of a snapshot, and so is a state that is not text."""
    with pytest.raises(LogError, match=r"a log is compacted by a Snapshot\(…\), not by 3"):
        Log([entry(1)]).compact(3)  # type: ignore[arg-type]
    with pytest.raises(MessageError, match=r"Snapshot.data should be str, not \{\}"):
        Log([entry(1)]).compact(snapshot(1, data={}))  # type: ignore[arg-type]


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
