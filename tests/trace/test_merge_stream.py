"""Merging traces event by event gives what merging them in memory gives."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from raft_steps.lab import Cluster, check_trace
from raft_steps.lab.errors import ScenarioError
from raft_steps.lab.trace.merge import merge_traces
from raft_steps.lab.trace.merge_stream import MergedEvents
from raft_steps.lab.trace.trace import Event, Trace, format_event
from raft_steps.lab.verify.properties import properties_of_events


def stored(trace: Trace, folder: Path, *, crashes: bool = True) -> list[Path]:
    """Store a simulated run as the files that real servers would write."""
    files = []
    for server in trace.servers:
        lines, life = [], 0
        for event in trace:
            if event.server != server or (event.kind == "crashed" and not crashes):
                continue
            if event.kind in ("started", "restarted"):
                life += 1
                header = {"version": 1, "title": trace.title, "servers": trace.servers, "scenario": "", "end": 0}
                lines.append(json.dumps(header | {"server": server, "life": life, "boot": "b"}))
            lines.append(format_event(Event(0, event.time_us, event.kind, server, event.detail)))
        files.append(folder / f"{server}.trace")
        files[-1].write_text("".join(f"{line}\n" for line in lines), encoding="utf-8", newline="\n")
    return files


@pytest.mark.parametrize("step", [8, 12])
@pytest.mark.parametrize("crashes", [True, False])
def test_stream_has_the_same_verdict(tmp_path: Path, step: int, crashes: bool) -> None:
    """The rules find the same violations, whether crashes were recorded or the servers were killed."""
    cluster = Cluster(step, seed=3)
    for number in range(1, 6):
        cluster.crash("leader", at=20 * number)
        cluster.set("x", number, at=20 * number + 10)
        cluster.restart("crashed", at=20 * number + 15)
    cluster.run(until=130)
    files = stored(cluster.trace, tmp_path, crashes=crashes)
    merged = merge_traces((file.name, file.read_text(encoding="utf-8")) for file in files)
    stream = MergedEvents(files)
    assert stream.servers == merged.servers
    found = properties_of_events(stream.servers, stream, stream.logs_on_disk)
    assert [str(each) for each in check_trace(merged)] == [str(each) for each in found.violations.values()]
    assert len(merged) == sum(1 for _ in MergedEvents(files)) > 100
    assert stream.logs_on_disk == {}


def test_torn_last_line_is_left_out(tmp_path: Path) -> None:
    """A server that was killed while it wrote a line leaves a part of it."""
    cluster = Cluster(12)
    cluster.run(until=20)
    files = stored(cluster.trace, tmp_path)
    count = sum(1 for _ in MergedEvents(files))
    with files[0].open("a", encoding="utf-8") as file:
        file.write('{"time": 3')
    assert sum(1 for _ in MergedEvents(files)) == count


@pytest.mark.parametrize(
    "text, reason",
    [
        ("", "line 1: it is not an object"),
        ("[]\n", "line 1: it is not an object"),
        ('{"version": 1}\n', "line 1: the header has no"),
    ],
)
def test_what_is_not_a_trace_is_refused(tmp_path: Path, text: str, reason: str) -> None:
    """The error names the file and the line."""
    file = tmp_path / "tom.trace"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ScenarioError, match=f"tom.trace, {reason}"):
        MergedEvents([file])


def test_wrong_line_is_refused(tmp_path: Path) -> None:
    """So is a line that is not an event, or one that is too early."""
    cluster = Cluster(12)
    cluster.run(until=20)
    files = stored(cluster.trace, tmp_path)
    good = files[0].read_text(encoding="utf-8")
    for line, reason in (("{}", "'time' is missing"), (good.splitlines()[1], "earlier than the one before")):
        files[0].write_text(f"{good}{line}\n", encoding="utf-8")
        with pytest.raises(ScenarioError, match=reason):
            list(MergedEvents(files))
    with pytest.raises(ScenarioError, match="there is no trace to merge"):
        MergedEvents([])
