"""The commands of the model checker: `search` searches all orders of events, `schedule` replays a result.

exit status 0    the space is exhausted and nothing is broken; or the goal is found; or a schedule breaks its rule
exit status 1    an invariant is broken, a Node failed, the goal was not found, or a schedule does not break its rule
exit status 2    a limit was reached first, so the result is unknown; or the command cannot be carried out
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

import click

from raft_steps import find_step
from raft_steps.lab.cli.common import (
    COUNT,
    FAILED,
    WRONG_INPUT,
    CommandError,
    echo_json,
    finite,
    json_option,
    node_option,
    parse_servers,
    read_stream,
    step_argument,
    svg_option,
)
from raft_steps.lab.files import read_text
from raft_steps.lab.runtime.loading import load_node


@click.command()
@step_argument
@click.option("--servers", metavar="N|NAMES", help="How many, or their names: 4, or tom,jerry,spike.")
@click.option("--invariant", "invariants", metavar="NAME", multiple=True, help="A rule that must hold, or all.")
@click.option("--goal", metavar="TEXT", help="What to look for: 'leader tom term 2', 'committed set x 1', 'nobody'.")
@click.option("--timeout", "timeouts", metavar="TIMER=N", multiple=True, help="How often a timer may expire.")
@click.option("--command", "commands", metavar="TEXT", multiple=True, help="A request of a client: 'set x 1'.")
@click.option(
    "--crashes", type=click.IntRange(min=0), default=0, show_default=True, help="How many crashes may happen."
)
@click.option("--snapshots", type=click.IntRange(min=0), default=0, help="How many snapshots servers may take.")
@click.option("--drops", type=click.IntRange(min=0), default=0, help="How many messages may be lost.")
@click.option("--duplicates", type=click.IntRange(min=0), default=0, help="How many messages may arrive twice.")
@click.option("--cut", metavar="LINK", multiple=True, help="A link that is cut, tom>jerry, or all links of a server.")
@click.option("--probes", type=COUNT, help="Try this many random runs instead of all.")
@click.option("--seed", type=int, default=0, help="The seed of the random runs.")
@click.option(  # The default is the model checker's STATES_MAX; importing that here would slow all commands down.
    "--states", type=COUNT, default=300_000, show_default=True, help="Give up after this many states."
)
@click.option("--depth", type=COUNT, help="Give up at this many events from the start. [probes: 100]")
@click.option(
    "--seconds",
    type=click.FloatRange(min=0),
    callback=finite,
    default=60,
    show_default=True,
    help="Give up after this many seconds.",
)
@click.option("--no-symmetry", is_flag=True, help="Do not merge states that differ only in the servers' names.")
@svg_option("the run that is found")
@node_option
@json_option
@click.pass_context
def search(
    ctx: click.Context, /, *, number: int, spec: str | None, svg: Path | None, as_json: bool, **options: Any
) -> None:
    """Search all orders of events in a small cluster for a broken rule.

    \b
    raft-steps search 8 --servers 4
    raft-steps search 8 --invariant all --timeout election=2 --command 'set x 1' --crashes 1
    raft-steps search 8 --goal 'leader term 2' --svg run.svg

    Without --invariant and --goal, Election Safety must hold; without --timeout, the election timers may expire twice in
    all. The exit status is 0 only if the whole space was searched and nothing is broken, or a goal is found.
    """  # noqa: D301  # click's own mark for lines that it shall not wrap
    find_step(number)
    result = _search(load_node(spec) if spec is not None else number, options)
    if svg is not None and result.schedule is not None:
        result.timeline().save(svg)
    if as_json:
        echo_json(_as_data(result))
    else:
        click.echo(str(result))
        if result.schedule is not None:
            click.echo(f"The same run again: {result.schedule.to_text()}")
    ctx.exit(_status(result, sought=options["goal"] is not None))


@click.command()
@click.argument("what", metavar="FILE|NAME")
@svg_option("the run")
@node_option
@json_option
@click.pass_context
def schedule(ctx: click.Context, *, what: str, spec: str | None, svg: Path | None, as_json: bool) -> None:
    """Replay a schedule that `search` has printed.

    It is read from FILE, or - for standard input, or is one of the stored schedules, given by its NAME. The exit status
    is 1 if it does not break the rule that it names.
    """
    from raft_steps.lab.verify.model_checker import Schedule, run_schedule, stored_schedule, stored_schedule_names
    from raft_steps.lab.verify.model_checker.schedule_steps import describe

    is_stored = what in stored_schedule_names()
    parsed = stored_schedule(what) if is_stored else Schedule.parse(_read_schedule(what))
    if parsed.step is None and spec is None:
        raise CommandError(
            "this schedule names no step, so it was found with a custom class; give the class with --node"
        )
    replayed = run_schedule(parsed, load_node(spec) if spec is not None else None)
    if svg is not None:
        replayed.timeline().save(svg)
    breaks = [{"name": found.name, "words": found.words, "event": found.step} for found in replayed.breaks]
    as_said = replayed.error is None and (not parsed.breaks or parsed.breaks in [found["name"] for found in breaks])
    steps = describe(parsed, replayed.node_class)
    if as_json:
        error = None if replayed.error is None else str(replayed.error)
        echo_json({"schedule": parsed.to_text(), "steps": steps, "breaks": breaks, "error": error, "as_said": as_said})
    else:
        for place, step in enumerate(steps, start=1):
            click.echo(f"{place:>4}. {step}")
        for found in breaks:
            click.echo(f"After event {found['event']}, {found['name']} is broken: {found['words']}.")
        if not as_said:
            click.echo(str(replayed.error or f"{parsed.breaks} is not broken, although the schedule names it."))
    ctx.exit(0 if as_said else FAILED)


def _read_schedule(what: str) -> str:
    try:
        return read_stream(sys.stdin.buffer, "a schedule") if what == "-" else read_text(what, "a schedule")
    except FileNotFoundError as error:
        from raft_steps.lab.verify.model_checker import stored_schedule_names

        raise CommandError(
            f"there is no file {what}, and no stored schedule with this name; stored are {', '.join(stored_schedule_names())}"
        ) from error


def _search(step_or_node: int | type, options: dict[str, Any]) -> Any:
    from raft_steps.lab.verify.model_checker import Scope, Search

    cluster = Search(step_or_node, parse_servers(options["servers"]))
    scope = Scope(
        timeouts=dict(_parse_timeout(text) for text in options["timeouts"]) or {"election": 2},
        crashes=options["crashes"],
        snapshots=options["snapshots"],
        drops=options["drops"],
        duplicates=options["duplicates"],
        commands=options["commands"],
        cut=options["cut"],
    )
    goal = _parse_goal(options["goal"]) if options["goal"] is not None else None
    rules: Any = options["invariants"] or (() if goal is not None else ("Election Safety",))
    wanted: dict[str, Any] = {
        "invariants": "all" if rules == ("all",) else rules,
        "goal": goal,
        "seconds": options["seconds"],
        "clock": time.monotonic,
    }
    if options["probes"] is not None:
        depth = options["depth"] or 100
        return cluster.probe(scope, seed=options["seed"], probes=options["probes"], depth=depth, **wanted)
    limits = {"states": options["states"], "depth": options["depth"]}
    return cluster.run(scope, symmetry=not options["no_symmetry"], **limits, **wanted)


def _parse_timeout(text: str) -> tuple[str, int]:
    name, _, count = text.rpartition("=")
    if not name or not count.strip().isdecimal():
        raise CommandError(
            f"--timeout takes a timer and a number, such as election=2 or 'tom election=1', not {text!r}"
        )
    return name.strip(), int(count)


def _parse_goal(text: str) -> Any:
    """Parse a goal: ``leader [NAME] [term N]``, ``committed COMMAND``, ``acknowledged COMMAND``, ``down NAME``, ``nobody``."""
    from raft_steps.lab.verify import model_checker as lab

    match text.split():
        case ["leader", *rest]:
            name = rest.pop(0) if rest and rest[0] != "term" else None
            if not rest:
                return lab.leader(name)
            if len(rest) == 2 and rest[0] == "term" and rest[1].isdecimal():
                return lab.leader(name, term=int(rest[1]))
        case ["committed", _, *_]:
            return lab.committed(text.partition(" ")[2].strip())
        case ["acknowledged", _, *_]:
            return lab.acknowledged(text.partition(" ")[2].strip())
        case ["down", name]:
            return lab.down(name)
        case ["nobody"]:
            return lab.NOBODY_CAN_BE_ELECTED
    raise CommandError(
        f"{text!r} is not a goal; goals are: leader [NAME] [term N], committed COMMAND, acknowledged COMMAND, "
        "down NAME, nobody (nobody can be elected)"
    )


def _as_data(result: Any) -> dict[str, Any]:
    names = ("outcome", "what", "words", "limit", "states", "transitions", "depth", "pruned")
    text = None if result.schedule is None else result.schedule.to_text()
    return {name: getattr(result, name) for name in names} | {"schedule": text, "steps": result.steps()}


def _status(result: Any, *, sought: bool) -> int:
    """Return the exit status: reaching a limit is never a success, nor is a goal that was not found."""
    from raft_steps.lab.verify.model_checker import EXHAUSTED, GOAL_FOUND, TIME_OUT

    if result.outcome == TIME_OUT:
        return WRONG_INPUT
    if result.outcome == EXHAUSTED:
        return FAILED if sought else 0
    return 0 if result.outcome == GOAL_FOUND else FAILED
