"""The command `linearizable`, which checks a history of clients, of this system or another."""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO

import click

from raft_steps.lab.cli.common import FAILED, WRONG_INPUT, echo, echo_json, finite, json_option, read_stream, svg_option

EXIT_STATUS = {"ok": 0, "violated": FAILED, "unknown": WRONG_INPUT}


@click.command()
@click.argument("file", type=click.File("rb"))
@click.option(
    "--model",
    type=click.Choice(["register", "kv"]),
    default="kv",
    show_default=True,
    help="What the operations do: one register, or a value for each key.",
)
@click.option(
    "--time-limit",
    type=click.FloatRange(min=0, min_open=True),
    callback=finite,
    default=10.0,
    show_default=True,
    help="How many seconds the check may take before the result is unknown.",
)
@svg_option("the result")
@json_option
@click.pass_context
def linearizable(
    ctx: click.Context, *, file: BinaryIO, model: str, time_limit: float, svg: Path | None, as_json: bool
) -> None:
    """Check whether a history is linearizable.

    FILE, or - for standard input, holds a log or the history.txt or history.edn of Jepsen, EDN as Porcupine and Knossos
    use it, or a saved trace. A history of many keys is checked key by key. The exit status is 0 if the history is
    linearizable, 1 if it is not, and 2 if that could not be decided in time, or FILE has no history.

    \b
    raft-steps run 8 --scenario 'at 9 set x 1; at 12 get x' --trace run.jsonl
    raft-steps linearizable run.jsonl --svg run.svg
    raft-steps linearizable etcd_000.log --model register --time-limit 60
    """  # noqa: D301  # click's own mark for lines that it shall not wrap
    from raft_steps.lab.verify.linearizability import check_linearizable, parse_history

    history = parse_history(read_stream(file, "a history"))
    result = check_linearizable(history, model, time_limit_s=time_limit)
    if svg is not None:
        result.picture().save(svg)
    if as_json:
        echo_json(result.as_data())
    else:
        echo(result)
    ctx.exit(EXIT_STATUS[result.verdict])
