"""Tests of server processes that are killed under load, or whose disk is full: what they acknowledged stays.

``python -m tests.runtime.server.kills`` kills them 200 times.
"""

from __future__ import annotations

import asyncio
import resource
from collections.abc import Iterator
from pathlib import Path

import pytest

from raft_steps.lab import check_trace
from raft_steps.lab.trace.merge import merge_traces
from tests.runtime.server.kills import LOOK_S, Cluster, kill_often, load, missing


@pytest.fixture
def cluster(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Cluster]:
    """A cluster of so many servers, which are killed at the end."""
    found = Cluster(tmp_path, request.param, trace=True)
    yield found
    found.kill()


@pytest.mark.slow
@pytest.mark.parametrize("cluster", [1, 3], indirect=True)
def test_acknowledged_writes_survive_kills(cluster: Cluster) -> None:
    """All servers are killed at once, several times, and every write that was acknowledged is there each time."""
    acknowledged, under_way = asyncio.run(kill_often(cluster, 3))
    assert acknowledged > 3
    assert under_way > 0


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(resource, "prlimit"), reason="only Linux limits the files of another process")
@pytest.mark.parametrize("cluster", [1], indirect=True)
def test_acknowledged_writes_survive_a_full_disk(cluster: Cluster) -> None:
    """The process stays, says why it stops, and goes on as soon as there is room."""

    async def scenario() -> int:
        cluster.start()
        process = cluster.processes["tom"]
        assert process.pid is not None
        enough = asyncio.Event()
        writing = asyncio.create_task(load(cluster, 0, enough))
        await enough.wait()
        limit = resource.prlimit(process.pid, resource.RLIMIT_FSIZE)
        size = max(file.stat().st_size for file in cluster.folder.rglob("*"))
        resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (size + 10_000, limit[1]))
        said = cluster.log_of("tom")
        async with asyncio.timeout(20):
            for _ in iter(lambda: "the server stops, and starts again when it can write" in said.read_text(), True):
                await asyncio.sleep(LOOK_S)
        resource.prlimit(process.pid, resource.RLIMIT_FSIZE, limit)
        async with asyncio.timeout(20):
            for _ in iter(lambda: "life 2 begins" in said.read_text(), True):
                await asyncio.sleep(LOOK_S)
        assert process.is_alive()
        cluster.kill()
        answered, _sent = await writing
        cluster.start()
        assert [] == await missing(cluster, answered)
        return len(answered)

    assert asyncio.run(scenario()) > 0
    trace = merge_traces([("tom.trace", (cluster.folder / "tom.trace").read_text())])
    assert len(trace.of("restarted")) >= 1
    assert not check_trace(trace)
