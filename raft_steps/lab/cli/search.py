"""The commands of the search: `search` goes through all orders of events, `schedule` runs what one has found again.

exit status 0    the space is exhausted and nothing is broken; or the goal is found; or a schedule did what it says
exit status 1    an invariant is broken, a Node failed, the goal is nowhere, or a schedule no longer does what it says
exit status 2    a limit was hit first, so nothing is known; or the command cannot be carried out as it was given
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

import click

from raft_steps import find_step
from raft_steps.lab.cli.check import node_option
from raft_steps.lab.cli.common import FAILED, WRONG_INPUT, CommandError, json_option, read_servers, say_json, svg_option
from raft_steps.lab.cli.steps import step_argument
from raft_steps.lab.runtime.loading import load_node


@click.command()
@step_argument
@click.option("--servers", metavar="N|NAMES", help="How many, or their names: 4, or tom,jerry,spike.")
@click.option("--invariant", "invariants", metavar="NAME", multiple=True, help="What must hold, or all.")
@click.option("--goal", metavar="TEXT", help="What to look for: 'leader tom term 2', 'committed set x 1', 'nobody'.")
@click.option("--timeout", "timeouts", metavar="TIMER=N", multiple=True, help="How often a timer may run out.")
@click.option("--command", "commands", metavar="TEXT", multiple=True, help="What a client may ask: 'set x 1'.")
@click.option("--crashes", type=click.IntRange(min=0), default=0, show_default=True, help="How many servers may crash.")
@click.option("--drops", type=click.IntRange(min=0), default=0, help="How many messages may be lost.")
@click.option("--duplicates", type=click.IntRange(min=0), default=0, help="How many messages may arrive twice.")
@click.option("--cut", metavar="LINK", multiple=True, help="A link that carries nothing, tom>jerry, or a server.")
@click.option("--probes", type=click.IntRange(min=1), help="Follow so many random runs, and not all.")
@click.option("--seed", type=int, default=0, help="What the random runs begin with.")
@click.option("--states", type=click.IntRange(min=1), default=300_000, show_default=True, help="Give up after so many.")
@click.option("--depth", type=click.IntRange(min=1), help="Give up at so many events from the start. [probes: 100]")
@click.option("--seconds", type=click.FloatRange(min=0), default=60, show_default=True, help="Give up after so long.")
@click.option("--no-symmetry", is_flag=True, help="Go through states that differ only in names one by one.")
@svg_option("the run that is found")
@node_option
@json_option
@click.pass_context
def search(
    ctx: click.Context, /, *, number: int, spec: str | None, svg: Path | None, as_json: bool, **options: Any
) -> None:
    """Search all orders of events of a step's cluster for what breaks a rule.

    \b
    raft-steps search 8 --servers 4
    raft-steps search 8 --invariant all --timeout election=2 --command 'set x 1' --crashes 1
    raft-steps search 8 --goal 'leader term 2' --svg run.svg

    Without --invariant and --goal, it is Election Safety that must hold; without --timeout, the election timers may run
    out twice in all. The exit status is 0 only where the whole space was seen and nothing is broken, or a goal is found.
    """  # noqa: D301  # click's own mark for lines that it shall not wrap
    find_step(number)
    result = _search(load_node(spec) if spec is not None else number, options)
    if svg is not None and result.schedule is not None:
        result.timeline().save(svg)
    if as_json:
        say_json(_as_data(result))
    else:
        click.echo(str(result))
        if result.schedule is not None:
            click.echo(f"The same run again: {result.schedule.to_text()}")
    ctx.exit(_status(result, sought=options["goal"] is not None))


@click.command()
@click.argument("what", metavar="FILE|NAME")
@svg_option("the run that is found")
@node_option
@json_option
@click.pass_context
def schedule(ctx: click.Context, *, what: str, spec: str | None, svg: Path | None, as_json: bool) -> None:
    """Run a schedule again, as `search` prints it: FILE, - for standard input, or the name of a stored one.

    The exit status is 1 where it does not break the rule that it says it breaks.
    """
    from raft_steps.lab.verify.model_checker import Schedule, run_schedule, stored_schedule, stored_schedule_names
    from raft_steps.lab.verify.model_checker.schedule_steps import describe

    is_stored = what in stored_schedule_names()
    text = "" if is_stored else _text_of(what)
    read = stored_schedule(what) if is_stored else Schedule.parse(text)
    if read.step is None and spec is None:
        raise CommandError("this schedule names no step, so it is run with a class of one's own; name one with --node")
    replayed = run_schedule(read, load_node(spec) if spec is not None else None)
    if svg is not None:
        replayed.timeline().save(svg)
    breaks = [{"name": found.name, "words": found.words, "event": found.step} for found in replayed.breaks]
    as_said = replayed.error is None and (not read.breaks or read.breaks in [found["name"] for found in breaks])
    steps = describe(read, replayed.node_class)
    if as_json:
        error = None if replayed.error is None else str(replayed.error)
        say_json({"schedule": read.to_text(), "steps": steps, "breaks": breaks, "error": error, "as_said": as_said})
    else:
        for place, step in enumerate(steps, start=1):
            click.echo(f"{place:>4}. {step}")
        for found in breaks:
            click.echo(f"After event {found['event']}, {found['name']} is broken: {found['words']}.")
        if not as_said:
            click.echo(str(replayed.error or f"{read.breaks} is not broken, though the schedule says so."))
    ctx.exit(0 if as_said else FAILED)


def _text_of(what: str) -> str:
    try:
        return sys.stdin.read() if what == "-" else Path(what).read_text(encoding="utf-8")
    except FileNotFoundError as error:
        from raft_steps.lab.verify.model_checker import stored_schedule_names

        raise CommandError(
            f"there is no file {what}, and no stored schedule; stored are {', '.join(stored_schedule_names())}"
        ) from error
    except UnicodeDecodeError as error:
        raise CommandError(f"{what} is no text, so no schedule") from error


def _search(step_or_node: int | type, options: dict[str, Any]) -> Any:
    from raft_steps.lab.verify.model_checker import Scope, Search

    cluster = Search(step_or_node, read_servers(options["servers"]))
    scope = Scope(
        timeouts=dict(_bound(text) for text in options["timeouts"]) or {"election": 2},
        crashes=options["crashes"],
        drops=options["drops"],
        duplicates=options["duplicates"],
        commands=options["commands"],
        cut=options["cut"],
    )
    goal = _read_goal(options["goal"]) if options["goal"] is not None else None
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


def _bound(text: str) -> tuple[str, int]:
    name, _, count = text.rpartition("=")
    if not name or not count.strip().isdecimal():
        raise CommandError(
            f"--timeout takes a timer and a number, such as election=2 or 'tom election=1', not {text!r}"
        )
    return name.strip(), int(count)


def _read_goal(text: str) -> Any:
    """Read a goal: ``leader [NAME] [term N]``, ``committed COMMAND``, ``acknowledged COMMAND``, ``down NAME``, ``nobody``."""
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
        f"{text!r} is no goal; there are: leader [NAME] [term N], committed COMMAND, acknowledged COMMAND, "
        "down NAME, nobody (nobody can be elected)"
    )


def _as_data(result: Any) -> dict[str, Any]:
    names = ("outcome", "what", "words", "limit", "states", "transitions", "depth", "pruned")
    text = None if result.schedule is None else result.schedule.to_text()
    return {name: getattr(result, name) for name in names} | {"schedule": text, "steps": result.steps()}


def _status(result: Any, *, sought: bool) -> int:
    """Give the exit status: a limit that was hit is never a success, and nor is a goal that is nowhere."""
    from raft_steps.lab.verify.model_checker import EXHAUSTED, GOAL_FOUND, TIME_OUT

    if result.outcome == TIME_OUT:
        return WRONG_INPUT
    if result.outcome == EXHAUSTED:
        return FAILED if sought else 0
    return 0 if result.outcome == GOAL_FOUND else FAILED
