"""The command `draw`: the traces of real servers as one run, drawn and checked."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from raft_steps.lab.cli.common import FAILED, echo_json, json_option, svg_option
from raft_steps.lab.cli.linearizable import EXIT_STATUS
from raft_steps.lab.files import read_text, write_text
from raft_steps.lab.scenario.model import MICROSECONDS
from raft_steps.lab.trace.merge import merge_traces
from raft_steps.lab.trace.trace import Trace
from raft_steps.lab.verify.linearizability import LinearizabilityResult, check_linearizable
from raft_steps.lab.verify.linearizability.from_trace import history_of_trace
from raft_steps.lab.verify.properties import check_trace
from raft_steps.lab.verify.properties.violation import Violation

_file = click.Path(dir_okay=False, path_type=Path)


@click.command()
@click.argument(
    "files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path), metavar="TRACE…"
)
@svg_option("the run")
@click.option("--html", type=_file, help="Write a page that plays the run into this file; it needs nothing else.")
@click.option("--trace", "merged", type=_file, help="Save the merged trace into this file.")
@json_option
@click.pass_context
def draw(
    context: click.Context,
    *,
    files: tuple[Path, ...],
    svg: Path | None,
    html: Path | None,
    merged: Path | None,
    as_json: bool,
) -> None:
    """Merge the traces of real servers, draw the run, and check it.

    The traces are those of `raft-steps serve --trace FILE`, written on one machine since it was started. The run is
    checked against the properties of Raft, and its clients' history for linearizability. The exit status is 1 if one of
    them does not hold.
    """
    trace = merge_traces((str(file), read_text(file, "a trace")) for file in files)
    if merged is not None:
        write_text(merged, trace.to_text())
    if svg is not None:
        from raft_steps.lab.pictures.space_time import timeline

        timeline(trace).save(svg)
    if html is not None:
        from raft_steps.lab.course.site.stand_alone import stand_alone_page

        write_text(html, stand_alone_page(trace))
    violations = check_trace(trace)
    history = history_of_trace(trace)
    linearizable = check_linearizable(history) if len(history) else None  # no client asked anything
    _print(trace, violations, linearizable, as_json=as_json)
    context.exit(FAILED if violations else EXIT_STATUS[linearizable.verdict if linearizable is not None else "ok"])


def _print(
    trace: Trace, violations: Sequence[Violation], linearizable: LinearizabilityResult | None, *, as_json: bool
) -> None:
    seconds = trace.end_us / MICROSECONDS
    if as_json:
        echo_json(
            {
                "events": len(trace),
                "seconds": seconds,
                "violations": [str(each) for each in violations],
                "linearizability": linearizable.as_data() if linearizable is not None else None,
            }
        )
        return
    click.echo(f"{len(trace)} events of {', '.join(trace.servers)} in {seconds:g} s")
    for violation in violations:
        click.echo(str(violation))
    if not violations:
        click.echo("The properties of Raft hold.")
    click.echo(str(linearizable or "No client asked anything, so there is no history to check."))
