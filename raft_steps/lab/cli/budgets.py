"""The command that measures what agreement costs: `budgets`."""

from __future__ import annotations

import click

from raft_steps import find_step
from raft_steps.lab.cli.common import FAILED, json_option, say, say_json
from raft_steps.lab.cli.steps import step_argument
from raft_steps.lab.runtime.loading import load_node


@click.command()
@step_argument
@click.option("--seed", type=int, default=0, show_default=True, help="What chance begins with.")
@click.option("--node", "spec", metavar="FILE:CLASS", help="Your own class, such as my_raft.py:Node.")
@json_option
@click.pass_context
def budgets(ctx: click.Context, *, number: int, seed: int, spec: str | None, as_json: bool) -> None:
    """Measure what a step's agreement costs: calls, messages, bytes and disk writes, in virtual time.

    The bars are MIT's: 30 calls to elect three servers, 42 for ten entries, 60 in an idle second; three times what the
    clients wrote, and 50,000 bytes. The exit status is 1 where one is missed.
    """
    from raft_steps.lab.verify.conformance.budgets import budgets as measure

    step = find_step(number).number
    report = measure(load_node(spec) if spec is not None else step, seed)
    if as_json:
        say_json(report.as_data())
    else:
        say(report)
    ctx.exit(0 if report.passed else FAILED)
