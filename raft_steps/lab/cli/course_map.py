"""The command that shows the course map: `course-map`."""

from __future__ import annotations

import click

from raft_steps.lab.cli.common import Progress, json_option, say, say_json
from raft_steps.lab.runtime.loading import load_node
from raft_steps.lab.verify.fuzzer.profiles import PROFILES


@click.command("course-map")
@click.option("--node", "spec", metavar="FILE:CLASS", help="Put your own class on it, such as my_raft.py:Node.")
@click.option(
    "--seeds", type=click.IntRange(min=1), default=20, show_default=True, help="How many seeds it is tried with."
)
@click.option("--renew", is_flag=True, help="Measure all steps again, with so many seeds each, and keep what is found.")
@json_option
def course_map(spec: str | None, seeds: int, renew: bool, as_json: bool) -> None:
    """Show which step survives which adversity, and what breaks the others.

    \b
    raft-steps course-map
    raft-steps course-map --node my_raft.py:Node
    """  # noqa: D301  # click's own mark for lines that it shall not wrap
    from raft_steps.lab.verify.fuzzer import course_map as maps

    if renew:
        with Progress("course map", maps.cells_of_the_steps()) as progress:
            maps.store(maps.measure_steps(seeds, progress=progress))
    found = maps.course_map(load_node(spec) if spec is not None else None, seeds=seeds)
    if as_json:
        say_json(found.as_data())
        return
    say(found)
    click.echo()
    for name, profile in PROFILES.items():
        click.echo(f"{name}: {profile.sentence}")
    click.echo()
    for sentence in found.faults():
        click.echo(sentence)
