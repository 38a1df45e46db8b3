"""Tests of the file of a server's trace: what is in it after a server was killed while it wrote."""

from __future__ import annotations

from pathlib import Path

import pytest

from raft_steps.lab.errors import ServerError
from raft_steps.lab.runtime.server.trace_file import TraceFile, note_crash, remove_torn_line
from raft_steps.lab.trace.merge import merge_traces

LONG = b"x" * 70_000  # longer than what is read at once


@pytest.mark.parametrize(
    "content, kept",
    [
        (b"", b""),
        (b"torn", b""),
        (b"a\n", b"a\n"),
        (b"a\nb\n", b"a\nb\n"),
        (b"a\ntorn", b"a\n"),
        (b"a\n" + LONG, b"a\n"),
        (LONG + b"\n" + LONG, LONG + b"\n"),
        (LONG, b""),
    ],
    ids=["empty", "only torn", "whole", "two", "torn", "long torn", "long before", "only long"],
)
def test_only_a_line_without_its_end_is_removed(tmp_path: Path, content: bytes, kept: bytes) -> None:
    """However long it is, and whether or not there are lines before it."""
    file = tmp_path / "tom.trace"
    file.write_bytes(content)
    remove_torn_line(file)
    assert kept == file.read_bytes()


def test_there_need_not_be_a_file(tmp_path: Path) -> None:
    """A server that never ran has no trace, and none is made."""
    remove_torn_line(tmp_path / "tom.trace")
    assert [] == list(tmp_path.iterdir())


def test_lives_follow_each_other_in_a_file(tmp_path: Path) -> None:
    """The first life was killed while it wrote a line; its crash is noted, and the second one ends by itself."""
    file = tmp_path / "tom.trace"
    first = TraceFile(file, ("tom", "jerry"), "tom", "step 12")
    first.begin_life(1)
    first.add(5_000, "timer_fired", "tom", {"timer": "election"})
    first.flush()
    first.flush()  # There is nothing more to write.
    first.add(6_000, "timer_fired", "tom", {"timer": "heartbeat"})  # Its turn is not finished.
    first.close()
    with file.open("ab") as torn:
        torn.write(b'{"time": 6000, "kind": "ti')
    note_crash(file, "tom", 7_000)
    second = TraceFile(file, ("tom", "jerry"), "tom", "step 12")
    second.begin_life(2)
    second.add(8_000, "timer_fired", "tom", {"timer": "election"})
    second.flush()
    second.end_life(9_000, "tom's on_start failed")
    second.close()
    trace = merge_traces([("tom.trace", file.read_text())])
    expected = [(0, "timer_fired"), (2_000, "crashed"), (3_000, "timer_fired"), (4_000, "failed"), (4_000, "crashed")]
    assert expected == [(event.time_us, event.kind) for event in trace]
    assert "tom's on_start failed" == trace.of("failed")[0]["error"]


@pytest.mark.parametrize("name", ["", "none/tom.trace", "/dev/full"])
def test_file_that_cannot_be_written_gets_a_sentence(tmp_path: Path, name: str) -> None:
    """A folder, a file in no folder, and a device are named."""
    with pytest.raises(ServerError, match=r"the trace cannot be written to .*: "):
        TraceFile(tmp_path / name, ("tom",), "tom", "step 1")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no device that is always full")
def test_crash_that_cannot_be_recorded_gets_a_sentence() -> None:
    """The one who killed the server reads why, and no traceback."""
    with pytest.raises(ServerError, match="the trace cannot be written to /dev/full: "):
        note_crash(Path("/dev/full"), "tom", 7_000)
