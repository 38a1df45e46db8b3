"""The command `log`: what the folder of a real server holds."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from raft_steps.lab.cli.common import echo_json, json_option
from raft_steps.lab.text import plural, printable
from raft_steps.lab.text_table import text_table

if TYPE_CHECKING:
    from raft_steps.lab.runtime.server.stored_data import StoredData


@click.command()
@click.argument("folder", type=click.Path(path_type=Path), metavar="DIR")
@json_option
def log(*, folder: Path, as_json: bool) -> None:
    """Print what a server's folder holds: whose it is, the durable fields, and the log.

    DIR is the folder that `raft-steps serve` was given with --data. The server may run meanwhile.
    """
    from raft_steps.lab.runtime.server.stored_data import read_stored

    found = read_stored(folder)
    if as_json:
        echo_json(dataclasses.asdict(found))
    else:
        click.echo("\n".join(_lines(found)))


def _lines(found: StoredData) -> Iterator[str]:
    yield f"{found.name} of {', '.join(found.servers)}: {found.step}, life {found.life}"
    fields = [(name, printable(json.dumps(value, ensure_ascii=False))) for name, value in found.fields.items()]
    if fields:
        yield ""
        yield from text_table(fields)
    if not found.logs:
        yield ""
        yield "The log is empty."
    for name, entries in found.logs.items():
        yield ""
        if list(found.logs) != ["log"]:  # A Node may have several.
            yield f"{name}:"
        if name in found.snapshots:
            snapshot = found.snapshots[name]
            size = plural(len(snapshot.data), "character")
            yield f"A snapshot of {size} stands for the entries up to index {snapshot.last_included_index}."
        rows = [(str(entry.index), str(entry.term), printable(entry.command)) for entry in entries]
        yield from text_table([("index", "term", "command"), *rows], right={0, 1})
