"""The commands of the fuzzer: `sweep` tries many seeds, `course-map` and `kept-rules` show what the steps survive."""

from __future__ import annotations

from pathlib import Path

import click

from raft_steps import STEPS, find_step
from raft_steps.lab.cli.common import (
    COUNT,
    FAILED,
    WRONG_INPUT,
    Progress,
    echo,
    echo_json,
    json_option,
    node_option,
    step_argument,
    svg_option,
)
from raft_steps.lab.runtime.loading import load_node
from raft_steps.lab.verify.fuzzer.profiles import PROFILES
from raft_steps.lab.verify.properties.rules import ALL_RULES


@click.command()
@step_argument
@click.option(
    "--profile", type=click.Choice(list(PROFILES)), default="hostile", show_default=True, help="The fault profile."
)
@click.option("--seeds", type=COUNT, default=100, show_default=True, help="How many seeds to try.")
@click.option("--first-seed", type=int, default=0, show_default=True, help="The first seed.")
@click.option("--servers", type=COUNT, help="How many servers. [default: 5, and 1 for step 1]")
@click.option(
    "--seconds", type=float, default=30.0, show_default=True, help="The length of each run, in seconds of virtual time."
)
@click.option("--every-rule", is_flag=True, help="Also check the rules that the step is not expected to keep.")
@click.option("--workers", type=COUNT, help="How many processes to use. [default: one for each core]")
@click.option("--scheduler", metavar="ADDRESS", help="A Dask scheduler whose workers do the runs: tcp://host:8786.")
@svg_option("the smallest failure")
@node_option
@json_option
@click.pass_context
def sweep(
    ctx: click.Context,
    *,
    number: int,
    profile: str,
    seeds: int,
    first_seed: int,
    servers: int | None,
    seconds: float,
    every_rule: bool,
    workers: int | None,
    scheduler: str | None,
    svg: Path | None,
    spec: str | None,
    as_json: bool,
) -> None:
    """Run many seeds of a fault profile, and shrink the earliest failure.

    Every event of every run is checked against the rules that the step keeps with this profile. Your own class is also
    compared with the course's Node of the step: it is blamed only for what that Node keeps in the same run, and for many
    more elections, far fewer answers or far longer waits. The exit status is 1 if a rule breaks, and 2 if none does but
    some seed could not be judged.

    \b
    raft-steps sweep 8 --profile crashes --seeds 1000
    raft-steps sweep 8 --every-rule --seeds 20
    """  # noqa: D301  # click's own mark for lines that it shall not wrap
    from raft_steps.lab.verify.fuzzer import sweep as run_sweep
    from raft_steps.lab.verify.fuzzer.profiles import servers_of
    from raft_steps.lab.verify.properties import kept_by

    find_step(number)
    if spec is not None:
        load_node(spec)  # An error in the file comes before any process starts.
    with Progress(f"{profile}, step {number}", seeds) as progress:
        report = run_sweep(
            number if spec is None else spec,
            profile,
            range(first_seed, first_seed + seeds),
            servers=servers_of(number) if servers is None else servers,
            seconds=seconds,
            rules=ALL_RULES if every_rule else kept_by(number, profile),
            reference=number if spec is not None and not every_rule else None,
            workers=workers,
            scheduler=scheduler,
            progress=progress,
        )
    if svg is not None and report.smallest is not None:
        report.smallest.timeline().save(svg)
    if as_json:
        echo_json(report.as_data())
    else:
        echo(report)
    ctx.exit(FAILED if report.failed else WRONG_INPUT if report.unjudged else 0)


@click.command("course-map")
@click.option("--node", "spec", metavar="FILE:CLASS", help="Add a row for your own class, such as my_raft.py:Node.")
@click.option("--seeds", type=COUNT, default=20, show_default=True, help="How many seeds to try.")
@click.option(
    "--renew", is_flag=True, help="Measure the rows of all steps again, with this many seeds, and store them."
)
@json_option
def course_map(spec: str | None, seeds: int, renew: bool, as_json: bool) -> None:
    """Show which step survives which fault profile.

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
        echo_json(found.as_data())
        return
    echo(found)
    click.echo()
    for name, profile in PROFILES.items():
        click.echo(f"{name}: {profile.sentence}")
    click.echo()
    for sentence in found.faults():
        click.echo(sentence)


@click.command("kept-rules")
@click.option("--seeds", type=COUNT, default=1000, show_default=True, help="How many seeds of a profile.")
@click.option(
    "--renew", is_flag=True, help="Measure all steps again, with this many seeds of each profile, and store the result."
)
@json_option
def kept_rules(seeds: int, renew: bool, as_json: bool) -> None:
    """Show which rules each step keeps, and why it breaks the others.

    A sweep checks a step against the rules that it kept here.

    \b
    raft-steps kept-rules
    """  # noqa: D301  # click's own mark for lines that it shall not wrap
    from raft_steps.lab.verify.fuzzer import kept_rules as kept

    if renew:
        with Progress("kept rules", seeds * len(PROFILES) * len(STEPS)) as progress:
            kept.store_kept_rules(kept.measure_kept_rules(seeds, progress=progress))
    if as_json:
        echo_json({"rows": kept.stored_rows()})
        return
    echo(kept.kept_rules_table())
    click.echo()
    for rule in ALL_RULES:
        for step in STEPS:
            if reason := rule.reason(step.number):
                click.echo(f"step {step.number}, {rule.name}: {reason}")
