"""Tests of the bound on lines about connections."""

from __future__ import annotations

from raft_steps.lab.runtime.server.limited_log import LONGEST_LINE, MOST_LINES, PERIOD_S, LimitedLog
from tests.runtime.server.fakes import FakeClock


def test_lines_beyond_the_bound_are_counted() -> None:
    """Ten thousand lines are ten and a count; another subject is not affected; the next period has its own ten."""
    lines: list[str] = []
    clock = FakeClock()
    limited = LimitedLog(lines.append, clock)
    clients, peers = limited.about("clients"), limited.about("the port for servers")
    for number in range(10_000):
        clients(f"client {number}")
    peers("disconnected jerry")
    assert lines == [*(f"client {number}" for number in range(MOST_LINES)), "disconnected jerry"]
    lines.clear()
    clock.move(PERIOD_S)
    assert lines == ["9990 more lines about clients in 10 s"]
    clients("client 10000")
    assert lines[1:] == ["client 10000"]
    clock.move(PERIOD_S)
    assert lines[2:] == []
    assert clock.planned == 0


def test_line_is_one_line_of_bounded_length() -> None:
    """Line breaks and control characters that a stranger sent cannot look like other lines."""
    lines: list[str] = []
    write = LimitedLog(lines.append, FakeClock()).about("clients")
    write("no\nspike: life 99 begins\x1b[2J" + "x" * 10_000)
    assert len(lines) == 1
    assert lines[0].isprintable()
    assert len(lines[0]) == LONGEST_LINE + 1
