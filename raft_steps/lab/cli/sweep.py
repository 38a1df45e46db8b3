"""The commands of the fuzzer: `sweep` tries many seeds, `course-map` shows which step survives which profile."""

from __future__ import annotations

from pathlib import Path

import click

from raft_steps import find_step
from raft_steps.lab.cli.common import FAILED, Progress, json_option, say, say_json, svg_option
from raft_steps.lab.cli.steps import step_argument
from raft_steps.lab.runtime.loading import load_node
from raft_steps.lab.verify.fuzzer.profiles import PROFILES
from raft_steps.lab.verify.properties.rules import RULES


@click.command()
@step_argument
@click.option(
    "--profile", type=click.Choice(list(PROFILES)), default="hostile", show_default=True, help="What goes wrong."
)
@click.option("--seeds", type=click.IntRange(min=1), default=100, show_default=True, help="How many seeds to try.")
@click.option("--first-seed", type=int, default=0, show_default=True, help="Where to begin.")
@click.option("--servers", type=click.IntRange(min=1), default=5, show_default=True, help="How many servers.")
@click.option("--seconds", type=float, default=30.0, show_default=True, help="How long each run is, in virtual time.")
@click.option(
    "--every-rule", is_flag=True, help="Hold the step against the rules that it is not expected to keep, too."
)
@click.option("--workers", type=click.IntRange(min=1), help="How many processes. [default: one for each core]")
@click.option("--scheduler", metavar="ADDRESS", help="A Dask scheduler whose workers do the runs: tcp://host:8786.")
@svg_option("the smallest failure")
@click.option("--node", "spec", metavar="FILE:CLASS", help="Your own class, such as my_raft.py:Node.")
@json_option
@click.pass_context
def sweep(
    ctx: click.Context,
    *,
    number: int,
    profile: str,
    seeds: int,
    first_seed: int,
    servers: int,
    seconds: float,
    every_rule: bool,
    workers: int | None,
    scheduler: str | None,
    svg: Path | None,
    spec: str | None,
    as_json: bool,
) -> None:
    """Try a step with many seeds of one kind of adversity, and make the first failure small.

    Every event of every run is held against the properties of Raft that the step is expected to keep. The exit status
    is 1 where one breaks.

    \b
    raft-steps sweep 8 --profile crashes --seeds 1000
    raft-steps sweep 8 --every-rule --seeds 20
    """  # noqa: D301  # click's own mark for lines that it shall not wrap
    from raft_steps.lab.verify.fuzzer import sweep as run_sweep
    from raft_steps.lab.verify.properties import kept_by

    find_step(number)
    if spec is not None:
        load_node(spec)  # Says what is wrong with it before any process begins.
    with Progress(f"{profile}, step {number}", seeds) as progress:
        report = run_sweep(
            number if spec is None else spec,
            profile,
            range(first_seed, first_seed + seeds),
            servers=servers,
            seconds=seconds,
            rules=RULES if every_rule else kept_by(number),
            workers=workers,
            scheduler=scheduler,
            progress=progress,
        )
    if svg is not None and report.smallest is not None:
        report.smallest.timeline().save(svg)
    if as_json:
        say_json(report.as_data())
    else:
        say(report)
    ctx.exit(FAILED if report.failed else 0)


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
        with Progress("course map", maps.count_cells_of_steps()) as progress:
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
