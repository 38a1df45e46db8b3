"""Tests of what a server finds after its machine lost its power: every transaction that was on the disk, and no half of one.

``python -m tests.runtime.server.cuts`` cuts at every byte.
"""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.runtime.server.cuts import Moment, commit_ends, moments, opened

CHECKPOINTS = {8, 20}
PAGE_BYTES = 4096


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> list[Moment]:
    """Return the moments after each of 24 transactions; the write-ahead log starts over twice."""
    return list(moments(tmp_path_factory.mktemp("history"), 24, CHECKPOINTS))


def positions(moment: Moment) -> list[int]:
    """Return where to cut: around the end of each transaction, and here and there in it."""
    ends = commit_ends(moment.wal)
    near = {end + step for end in (0, 32, *ends) for step in (-1, 0, 1)}
    return sorted(each for each in near | set(range(0, ends[-1], 1699)) if 0 <= each <= len(moment.wal))


def test_history_is_what_it_should_be(history: list[Moment]) -> None:
    """The log has grown, started over with the rest of the older one behind it, and grown again."""
    assert [len(commit_ends(history[number - 1].wal)) for number in (4, 8, 9, 11, 21)] == [5, 9, 1, 3, 1]
    assert len(history[20].wal) > commit_ends(history[20].wal)[-1]
    assert history[-1].states[-1]["log"].last_index > 20


@pytest.mark.slow
@pytest.mark.parametrize("number", [4, 11, 21])
def test_cut_log_gives_whole_transactions(history: list[Moment], number: int, tmp_path: Path) -> None:
    """Wherever the log is cut, each transaction that is whole in it is there, and nothing of the next one."""
    moment = history[number - 1]
    for length in positions(moment):
        assert moment.expected(length) == opened(tmp_path, moment.database, moment.wal[:length]), length


@pytest.mark.slow
@pytest.mark.parametrize("filler", ["zeros", "garbage", "older log"])
def test_what_follows_a_cut_is_ignored(history: list[Moment], filler: str, tmp_path: Path) -> None:
    """A file may have its new length, but not its new content; a part of that may happen to be right."""
    moment, chance = history[10], random.Random(1)
    older = history[7].wal
    for length in positions(moment)[::2]:
        count = len(moment.wal) - length
        rest = {"zeros": bytes(count), "garbage": chance.randbytes(count), "older log": older[length:]}[filler]
        wal = moment.wal[:length] + rest
        same = next(
            (place for place, pair in enumerate(zip(wal, moment.wal, strict=True)) if pair[0] != pair[1]), len(wal)
        )
        assert moment.expected(same) == opened(tmp_path, moment.database, wal), length


def test_crash_in_a_checkpoint_loses_nothing(history: list[Moment], tmp_path: Path) -> None:
    """Any pages of the database may be old or new: the log still has all of them."""
    before, after, chance = history[7], history[8], random.Random(1)
    pages = range(0, len(after.database), PAGE_BYTES)
    for _ in range(20):
        sources = [chance.choice((before, after)).database for _ in pages]
        torn = b"".join(source[page : page + PAGE_BYTES] for source, page in zip(sources, pages, strict=True))
        assert before.states[-1] == opened(tmp_path, torn, before.wal)


def test_power_failure_is_not_a_matter_of_settings(tmp_path: Path) -> None:
    """Each commit waits for the disk, on both connections: otherwise what is tested here would prove nothing."""
    from raft_steps import node
    from raft_steps.lab.runtime.server.database import Database
    from tests.runtime.server.cuts import IDENTITY

    database = Database(tmp_path, IDENTITY, node(12))
    for connection in (database._connection, database.checkpointer._second):
        assert (2,) == connection.execute("PRAGMA synchronous").fetchone()  # FULL
        assert ("wal",) == connection.execute("PRAGMA journal_mode").fetchone()
    database.close()
