"""Tests of the command `log`: what it prints of a server's folder."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from raft_steps import node
from raft_steps.lab import Entry, Set
from raft_steps.lab.cli.command import main
from raft_steps.lab.log import Snapshot
from raft_steps.lab.runtime.server.database import Database

TEXT = """tom of tom, jerry: step 12, life 1

current_term  12
voted_for     "jerry"

index  term  command
    1     1  set x 1
    2    12  set 'two lines' 'a b'
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Make the folder of a server that runs no more."""
    database = Database(tmp_path / "tom.d", {"name": "tom", "servers": "tom,jerry", "step": "step 12"}, node(12))
    database.begin_life([Entry(index=1, term=1, command=Set(key="x", value="1"))])
    database.store_log("log", [("append", Entry(index=2, term=12, command=Set(key="two lines", value="a\nb")))])
    database.store_field("current_term", 12)
    database.store_field("voted_for", "jerry")
    database.commit()
    database.close()
    return tmp_path / "tom.d"


def test_folder_is_printed_for_people(folder: Path) -> None:
    """Identity, fields and log; each entry has one line."""
    result = CliRunner().invoke(main, ["log", str(folder)])
    assert (0, TEXT) == (result.exit_code, result.output)


def test_folder_is_printed_for_scripts(folder: Path) -> None:
    """The same as JSON, with every sign of the commands."""
    result = CliRunner().invoke(main, ["log", str(folder), "--json"])
    entries = [{"index": 1, "term": 1, "command": "set x 1"}]
    entries.append({"index": 2, "term": 12, "command": "set 'two lines' 'a\nb'"})
    fields = {"current_term": 12, "voted_for": "jerry"}
    expected = {"name": "tom", "servers": ["tom", "jerry"], "step": "step 12", "life": 1, "fields": fields}
    assert expected | {"logs": {"log": entries}, "snapshots": {}} == json.loads(result.output)


def test_snapshot_is_printed_in_place_of_entries(folder: Path) -> None:
    """A line says for which entries the snapshot stands, and how long it is; its text is for scripts."""
    database = Database(folder, {"name": "tom", "servers": "tom,jerry", "step": "step 12"}, node(12))
    database.store_log("log", [("compact", Snapshot(last_included_index=1, last_included_term=1, data="{}"))])
    database.commit()
    database.close()
    text = CliRunner().invoke(main, ["log", str(folder)]).output
    assert "A snapshot of 2 characters stands for the entries up to index 1.\nindex  term  command\n    2    12" in text
    found = json.loads(CliRunner().invoke(main, ["log", str(folder), "--json"]).output)["snapshots"]
    assert {"log": {"last_included_index": 1, "last_included_term": 1, "data": "{}"}} == found


def test_empty_log_is_stated(tmp_path: Path) -> None:
    """A server that has stored nothing yet has no table."""
    database = Database(tmp_path, {"name": "tom", "servers": "tom", "step": "step 1"}, node(1))
    database.begin_life()
    database.close()
    result = CliRunner().invoke(main, ["log", str(tmp_path)])
    assert (0, "tom of tom: step 1, life 1\n\nThe log is empty.\n") == (result.exit_code, result.output)


def test_wrong_folder_is_one_sentence(tmp_path: Path) -> None:
    """It ends with 2, and says what is there instead."""
    result = CliRunner().invoke(main, ["log", str(tmp_path / "none")])
    assert (2, f"Error: there is no folder {tmp_path / 'none'}\n") == (result.exit_code, result.output)
