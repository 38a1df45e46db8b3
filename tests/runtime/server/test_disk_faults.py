"""Tests of a server's life when its disk or its ports fail: nothing of what failed leaves, and it starts again."""

from __future__ import annotations

import asyncio
import dataclasses
import itertools
import json
from pathlib import Path

import pytest

from raft_steps import node
from raft_steps.lab import Entry, Set, check_trace
from raft_steps.lab.errors import ServerError
from raft_steps.lab.log import Log
from raft_steps.lab.runtime.server import trace_file
from raft_steps.lab.runtime.server.database import Database, DiskError
from raft_steps.lab.runtime.server.server import Server
from raft_steps.lab.runtime.server.supervisor import free_cluster
from raft_steps.lab.runtime.server.trace_file import TraceFile
from raft_steps.lab.trace.merge import merge_traces
from tests.runtime.server.disk_tools import Running, limited_files, options_of, running, soon, until

__all__ = ["soon"]  # a fixture


def test_taken_port_costs_no_life(tmp_path: Path) -> None:
    """A server that found its port taken begins its first life later, with --log and --leader."""
    cluster = free_cluster(["tom", "jerry"])
    entries = (Entry(index=1, term=1, command=Set(key="x", value="1")),)
    options = dataclasses.replace(options_of(3, cluster, tmp_path), leads=True, first_log=entries)

    async def scenario() -> dict[str, str]:
        taken = await asyncio.start_server(lambda _reader, _writer: None, "127.0.0.1", cluster["tom"].port)
        with pytest.raises(ServerError, match="cannot be used"):
            await Server(options, lambda _line: None).run()
        taken.close()
        await taken.wait_closed()
        async with running(options) as tom:
            client = await tom.connect()
            found = await client.info()
            await client.close()
            return found

    found = asyncio.run(scenario())
    assert ("1", "leader", "1") == (found["raft_life"], found["raft_role"], found["raft_last_index"])


@pytest.mark.usefixtures("soon")
def test_full_disk_ends_a_life_and_the_next_one_has_all_that_was_acknowledged(tmp_path: Path) -> None:
    """The write that found no room is not answered, not recorded and not there; all others are."""
    options = dataclasses.replace(options_of(1, free_cluster(["tom"]), tmp_path), trace_file=tmp_path / "tom.trace")

    async def scenario() -> tuple[list[str], dict[str, str], str]:
        async with running(options) as tom:
            client = await tom.connect()
            acknowledged = []
            tom.fill_disk()
            for number in itertools.count():
                if not await client.ask(f"SET key{number} {'x' * 500}"):
                    break
                acknowledged.append(f"key{number}")
            await client.close()
            line = await tom.until_it_says("starts again when it can write")
            await tom.until_it_says("life 2 begins")
            client = await tom.connect()
            for key in acknowledged:
                assert "$500" == await client.ask(f"GET {key}")
                await client.reader.readline()
            assert await client.ask(f"GET key{len(acknowledged)}") == "$-1"
            assert "+OK" == await client.ask("SET more 1")
            info = await client.info()
            await client.close()
            return acknowledged, info, line

    acknowledged, info, line = asyncio.run(scenario())
    assert acknowledged
    assert "2" == info["raft_life"]
    assert "cannot be written: database or disk is full; the server stops" in line
    trace = merge_traces([("tom.trace", (tmp_path / "tom.trace").read_text())])
    assert len(acknowledged) + 1 == len([event for event in trace.of("asked") if event["request"].startswith("set")])
    assert len(trace.of("answered")) == len(trace.of("asked"))
    assert not check_trace(trace)


@pytest.mark.usefixtures("soon")
def test_other_servers_hear_of_the_new_life(tmp_path: Path) -> None:
    """After a full disk, the connection, the names of messages and the trace have the new life's number."""
    cluster = free_cluster(["tom", "jerry"])
    tom_options, jerry_options = (
        dataclasses.replace(
            options_of(3, cluster, tmp_path, name), leads=name == "tom", trace_file=tmp_path / f"{name}.trace"
        )
        for name in cluster
    )

    async def scenario() -> None:
        async with running(tom_options) as tom, running(jerry_options) as jerry:
            await tom.until_it_says("connected to jerry")
            await jerry.until_it_says("connected to tom")
            client = await tom.connect()
            assert "+OK" == await client.ask("SET x 1")
            tom.fill_disk()
            while await client.ask(f"SET x {'y' * 500}"):
                pass
            await client.close()
            await tom.until_it_says("life 2 begins")
            peers = jerry.server._peers
            await until(lambda: [peer._hello.life for peer in peers.values() if peer._hello] == [2])

    asyncio.run(scenario())
    lines = [json.loads(line) for line in (tmp_path / "tom.trace").read_text().splitlines()]
    assert [1, 2] == [line["life"] for line in lines if "version" in line]
    assert not check_trace(merge_traces((file.name, file.read_text()) for file in tmp_path.glob("*.trace")))


class Failing(node(3)):  # type: ignore[misc]
    """It fails when it is asked to delete."""

    def on_client_request(self, client: str, request: object) -> None:
        if type(request).__name__ == "Delete":
            raise ValueError("no deletes")
        super().on_client_request(client, request)


def test_failed_turn_leaves_no_line_but_the_error(tmp_path: Path) -> None:
    """Of the turn in which a Node raised nothing is stored or answered, so the trace has the error alone."""
    cluster = free_cluster(["tom", "jerry"])
    options = dataclasses.replace(
        options_of(3, cluster, tmp_path), node_class=Failing, leads=True, trace_file=tmp_path / "tom.trace"
    )

    async def scenario() -> None:
        tom = Running(options)
        task = asyncio.create_task(tom.server.run())
        await tom.until_it_says("begins")
        client = await tom.connect()
        assert await client.ask("SET x 1\r\nDEL x") == ""  # one turn
        await client.close()
        with pytest.raises(Exception, match="no deletes"):
            await task

    asyncio.run(scenario())
    trace = merge_traces([("tom.trace", (tmp_path / "tom.trace").read_text())])
    assert ["failed", "crashed"] == [event.kind for event in trace][-2:]
    assert not trace.of("asked", "appended")
    database = Database(options.folder, {"name": "tom", "servers": "tom,jerry", "step": "step 3"}, Failing)
    assert database.load().get("log", Log()) == Log()
    database.close()


def open_trace(folder: Path) -> TraceFile:
    """Return the trace of a first life."""
    trace = TraceFile(folder / "tom.trace", ("tom", "jerry"), "tom", "step 12")
    trace.begin_life(1)
    return trace


def test_full_disk_leaves_no_part_of_a_turn_in_the_trace(tmp_path: Path) -> None:
    """Lines that do not fit are an error, none of them is in the file, and later ones are written."""
    trace = open_trace(tmp_path)
    file = tmp_path / "tom.trace"
    header = file.read_bytes()
    trace.add(1, "timer_fired", "tom", {"timer": "x" * 1000})
    with (
        limited_files(len(header) + 500),
        pytest.raises(DiskError, match=r"the trace cannot be written to .*tom\.trace"),
    ):
        trace.flush()
    assert header == file.read_bytes()
    with limited_files(len(header) + 5):
        trace.end_life(2)  # No error: a server that is killed records nothing, either.
    assert header == file.read_bytes()
    trace.begin_life(2)
    trace.end_life(3)
    trace.end_life(4)  # Once is enough.
    trace.close()
    assert [1, 2] == [life["life"] for line in file.read_text().splitlines() if "life" in (life := json.loads(line))]
    assert 1 == file.read_text().count("crashed")


def test_trace_that_cannot_be_written_ends_the_life(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, soon: None
) -> None:
    """The trace is on a full disk, too: the write is not answered, and the next life begins when there is room."""
    options = dataclasses.replace(options_of(1, free_cluster(["tom"]), tmp_path), trace_file=tmp_path / "tom.trace")

    def full(_trace: TraceFile) -> None:
        raise DiskError("the trace cannot be written")

    async def scenario() -> None:
        async with running(options) as tom:
            client = await tom.connect()
            with monkeypatch.context() as patch:
                patch.setattr(trace_file.TraceFile, "flush", full)
                assert await client.ask("SET x 1") == ""
                await tom.until_it_says("starts again when it can write")
                await client.close()
                client = await tom.connect()
                assert (await client.ask("GET x")).startswith("-NOTLEADER")
            await tom.until_it_says("with 1 log entries")  # what was stored, but not answered
            assert "+OK" == await client.ask("SET x 2")
            await client.close()

    asyncio.run(scenario())
    assert not check_trace(merge_traces([("tom.trace", (tmp_path / "tom.trace").read_text())]))
