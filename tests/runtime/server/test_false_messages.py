"""Tests of a server whose Node cannot handle what another server has sent."""

from __future__ import annotations

import asyncio
import dataclasses
from pathlib import Path
from typing import Any

import pytest

from raft_steps import node
from raft_steps.lab import check_trace
from raft_steps.lab.errors import NodeError
from raft_steps.lab.log import Snapshot
from raft_steps.lab.runtime.server.hello import Hello
from raft_steps.lab.runtime.server.message_classes import message_classes
from raft_steps.lab.runtime.server.supervisor import free_cluster
from raft_steps.lab.trace.merge import merge_traces
from tests.runtime.server.disk_tools import Running, options_of, running, soon

__all__ = ["soon"]  # a fixture
STEP = 16  # the first one with snapshots


class Own(node(STEP)):  # type: ignore[misc]
    """A learner's Node."""


def send_false_snapshot(tom: Running) -> None:
    """Let a snapshot arrive that holds no state."""
    call: Any = next(each for each in message_classes(tom.options.node_class) if each.__name__ == "InstallSnapshot")
    snapshot = Snapshot(last_included_index=3, last_included_term=9, data="nothing")
    hello = dataclasses.replace(tom.server.identity.hello(), name="jerry")
    assert isinstance(hello, Hello)
    tom.server.message_arrived(hello, 1, call(term=9, snapshot=snapshot, round=0))


@pytest.mark.usefixtures("soon")
def test_message_that_the_node_cannot_handle_is_forgotten_with_its_life(tmp_path: Path) -> None:
    """The connection to its sender ends, and the next life begins without a trace of it on the disk."""
    cluster = free_cluster(["tom", "jerry"])
    tom_options, jerry_options = (
        dataclasses.replace(options_of(STEP, cluster, tmp_path, name), trace_file=tmp_path / f"{name}.trace")
        for name in cluster
    )

    async def scenario() -> None:
        async with running(tom_options) as tom:
            async with running(jerry_options) as jerry:
                await jerry.until_it_says("connected to tom")
            client = await tom.connect()
            send_false_snapshot(tom)
            await tom.until_it_says("closed the connection to jerry, and starts again: ")
            assert "" == (await client.reader.read()).decode()
            await client.close()
            await tom.until_it_says("life 2 begins")
            client = await tom.connect()
            assert "2" == (await client.info())["raft_life"]
            assert tom.server._engine is not None
            assert not tom.server._engine.host.node.log.base_index
            await client.close()

    asyncio.run(scenario())
    trace = merge_traces((file.name, file.read_text()) for file in sorted(tmp_path.glob("*.trace")))
    assert 1 == len(trace.of("failed"))
    assert not check_trace(trace)


def test_learners_node_ends_with_its_line(tmp_path: Path) -> None:
    """The mistake may be its own."""
    options = dataclasses.replace(options_of(STEP, free_cluster(["tom", "jerry"]), tmp_path), node_class=Own)

    async def scenario() -> None:
        async with running(options) as tom:
            send_false_snapshot(tom)
            await asyncio.wait_for(tom.server._failure, 20)

    with pytest.raises(NodeError, match="This is what jerry had sent"):
        asyncio.run(scenario())
