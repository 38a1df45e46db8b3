"""Tests of snapshots at a real server: what clients ask of it, and what a life that begins with one knows."""

from __future__ import annotations

import asyncio
from pathlib import Path

from raft_steps.lab.runtime.server.supervisor import free_cluster
from tests.runtime.server.disk_tools import options_of, running


def test_keys_in_a_snapshot_are_known_after_a_restart(tmp_path: Path) -> None:
    """A DEL is answered as before, also if the entry that set the key is in no log any more."""
    options = options_of(16, free_cluster(["tom"]), tmp_path)

    async def scenario() -> list[str]:
        async with running(options) as tom:
            client = await tom.connect()
            for key in "xyz":
                assert "+OK" == await client.ask_leader(f"SET {key} 1")
            assert ":1" == await client.ask("DEL z")
            assert "+OK" == await client.ask("RAFT.SNAPSHOT")
            info = await client.info()
            assert info["raft_snapshot_index"] == info["raft_last_index"]
            assert "+OK" == await client.ask("SET y 2")
            await client.close()
        async with running(options) as tom:
            client = await tom.connect()
            found = [await client.ask_leader("DEL x"), *[await client.ask(f"DEL {key}") for key in "yzx"]]
            await client.close()
            return found

    assert [":1", ":1", ":0", ":0"] == asyncio.run(scenario())


def test_step_without_snapshots_refuses(tmp_path: Path) -> None:
    """The Node of step 15 cannot take one, and says so instead of OK."""

    async def scenario() -> str:
        async with running(options_of(15, free_cluster(["tom"]), tmp_path)) as tom:
            client = await tom.connect()
            found = await client.ask("RAFT.SNAPSHOT")
            await client.close()
            return found

    assert "-ERR the Node of this server does not know RAFT.SNAPSHOT; that begins with step 16" == asyncio.run(
        scenario()
    )
