"""The commands that run a cluster and print what happened: `run` and `replay`."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from raft_steps import find_step
from raft_steps import node as node_of
from raft_steps.lab.cli.common import (
    CommandError,
    ShortfallError,
    echo,
    echo_json,
    json_option,
    parse_servers,
    read_given,
    step_argument,
    svg_option,
)
from raft_steps.lab.cluster.cluster import Cluster
from raft_steps.lab.files import write_text
from raft_steps.lab.runtime.loading import load_node
from raft_steps.lab.scenario.grammar import format_action
from raft_steps.lab.scenario.model import MICROSECONDS, TIMINGS, format_seconds, parse_seconds
from raft_steps.lab.scenario.scenario import Scenario, default_scenario
from raft_steps.lab.text import plural
from raft_steps.lab.trace.trace import Trace

# The minimum length of a run whose end is not given, and of its time after the last action, in election timeouts.
RUN_TIMEOUTS, LAST_TIMEOUTS = 4, 2

node_option = click.option(
    "--node", metavar="FILE:CLASS", help="Run your own class instead of the step's, from a module or a notebook."
)
heartbeats_option = click.option("--heartbeats", is_flag=True, help="Also print heartbeats that change nothing.")
SCENARIO_STARTS = ("raft-steps ", "{")


@click.command()
@step_argument
@click.option("--servers", metavar="N|NAMES", help="How many, or their names: 5, or tom,jerry,spike.")
@click.option("--seed", type=int, help="The seed; the same seed gives the same run. [default: 0]")
@click.option("--seconds", type=float, help="How long to run, in seconds of virtual time.")
@click.option("--timing", type=click.Choice(list(TIMINGS)), help="Whole seconds as in the post, or milliseconds.")
@click.option("--scenario", "text", metavar="TEXT", help="Actions: 'at 12 crash leader; at 30 restart crashed'.")
@svg_option("the run")
@click.option(
    "--trace", "trace_file", type=click.Path(dir_okay=False, path_type=Path), help="Save the trace into this file."
)
@node_option
@heartbeats_option
@json_option
def run(
    *,
    number: int,
    servers: str | None,
    seed: int | None,
    seconds: float | None,
    timing: str | None,
    text: str | None,
    svg: Path | None,
    trace_file: Path | None,
    node: str | None,
    heartbeats: bool,
    as_json: bool,
) -> None:
    """Run a step's cluster and print what happens, event by event.

    \b
    raft-steps run 8
    raft-steps run 7 --seed 3 --scenario 'at 12 crash leader; at 40 restart crashed'
    raft-steps run 8 --timing paper --servers 5 --svg run.svg
    """  # noqa: D301  # click's own mark for lines that it shall not wrap
    parts: dict[str, Any] = {"servers": parse_servers(servers), "seed": seed, "timing": timing}
    given = {name: value for name, value in parts.items() if value is not None}
    node_class = load_node(node) if node is not None else None
    scenario = build_scenario(number, text, given, node_class)
    if seconds is not None:
        scenario = _ending_at(scenario, parse_seconds(seconds))
    cluster = Cluster.replay(_with_end(scenario), node_class)
    if svg is not None:
        from raft_steps.lab.pictures.space_time import timeline

        timeline(cluster.trace).save(svg)
    if trace_file is not None:
        write_text(trace_file, cluster.trace.to_text())
    _print(cluster.trace, number, heartbeats=heartbeats, as_json=as_json)


@click.command()
@click.argument("given", metavar="FILE|SCENARIO")
@node_option
@heartbeats_option
@json_option
def replay(given: str, node: str | None, heartbeats: bool, as_json: bool) -> None:
    """Run a scenario or a saved trace again.

    \b
    raft-steps replay 'raft-steps 1; step 8; at 12 crash leader'
    raft-steps replay run.jsonl

    Give the scenario itself, as text or as a JSON object, or a FILE, or - for standard input, which holds a scenario or
    a saved trace. A saved trace is compared with the trace of the new run; the exit status is 1 if they differ.
    """  # noqa: D301  # click's own mark for lines that it shall not wrap
    text = read_given(given, SCENARIO_STARTS, "a scenario or a trace")
    node_class = load_node(node) if node is not None else None
    saved = Trace.from_text(text) if _is_trace(text) else None
    scenario = Scenario.parse(saved.scenario if saved is not None else _without_comments(text))
    if scenario.step is None and node_class is None:
        raise CommandError("this scenario names no step, so it was run with a custom class; give the class with --node")
    trace = Cluster.replay(_with_end(scenario), node_class).trace
    differs = _first_difference(saved, trace) if saved is not None else None
    same = None if saved is None else differs is None
    _print(trace, scenario.step, heartbeats=heartbeats, as_json=as_json, same=same)
    if differs is not None:
        raise ShortfallError(differs)


def build_scenario(step: int, text: str | None, parts: Mapping[str, Any], node_class: type | None = None) -> Scenario:
    """Build the scenario of a run.

    Args:
        step: The step that runs, even if the text has another one.
        text: A whole scenario, or only its actions and other clauses; empty for none.
        parts: Fields of the scenario; they take precedence over the text.
        node_class: The class that runs instead of the step's, which an edition need not contain then.

    Raises:
        ScenarioError: The text cannot be parsed, or the scenario cannot be run.
        LookupError: There is no such step.
    """
    text = (text or "").strip().rstrip(";")
    if text.startswith(("raft-steps", "{")):
        find_step(step) if node_class is not None else node_of(step)  # For the LookupError.
        return dataclasses.replace(Scenario.parse(text), step=step, **_with_server_names(parts))
    if node_class is None:
        scenario = default_scenario(step, **parts)
    else:
        number = find_step(step).number
        scenario = dataclasses.replace(default_scenario(None, node_class=node_class, **parts), step=number)
    return Scenario.parse(f"{scenario.to_text()}; {text}") if text else scenario


def _with_server_names(parts: Mapping[str, Any]) -> dict[str, Any]:
    """Replace a number of servers by their names."""
    named = dict(parts)
    if isinstance(parts.get("servers"), int):
        named["servers"] = default_scenario(None, parts["servers"]).servers
    return named


def _with_end(scenario: Scenario) -> Scenario:
    """Return a scenario with an end, if it has none, that leaves time for an election and for what the last action causes."""
    if scenario.until_us is not None:
        return scenario
    longest_us = parse_seconds(TIMINGS[scenario.timing].election_timeout_range[1])
    end_us = max(RUN_TIMEOUTS * longest_us, scenario.last_action_us + LAST_TIMEOUTS * longest_us)
    return dataclasses.replace(scenario, until_us=end_us)


def _ending_at(scenario: Scenario, until_us: int) -> Scenario:
    """Return a scenario with the end that an option sets, and print a note if that leaves actions out."""
    ending = scenario.ending_at(until_us)
    if left := [action for action in scenario.actions if action.at_us > until_us]:
        first = f"{format_action(left[0])} at {format_seconds(left[0].at_us)} s"
        click.echo(
            f"Note: --seconds leaves out {plural(len(left), 'action')} after that time, first {first}.", err=True
        )
    return ending


def _is_trace(text: str) -> bool:
    """Return whether a text is a saved trace: its first line is a header that contains the scenario."""
    try:
        header = json.loads(text.partition("\n")[0])
    except ValueError:
        return False
    return isinstance(header, dict) and {"servers", "scenario", "end"} <= header.keys()


def _without_comments(text: str) -> str:
    return "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("#"))


def _first_difference(saved: Trace, fresh: Trace) -> str | None:
    """Describe the first difference between two traces; return None if they are the same."""
    before, now = saved.to_text().splitlines()[1:], fresh.to_text().splitlines()[1:]
    for number, (old, new) in enumerate(zip(before, now, strict=False)):
        if old != new:
            return f"the run differs from the saved trace from event {number} on, at {saved.events[number].seconds:g} s"
    if len(before) != len(now):
        return f"the run has {len(now)} events, and the saved trace {len(before)}; those that both have are the same"
    return None


def _print(trace: Trace, step: int | None, *, heartbeats: bool, as_json: bool, same: bool | None = None) -> None:
    state = summary(trace, step)
    if as_json:
        echo_json(state if same is None else state | {"same": same})
        return
    from raft_steps.lab.trace.narration import story

    echo(story(trace, heartbeats=heartbeats))
    click.echo(f"\nAfter {state['seconds']:g} s: {_describe_servers(state)}.")
    if same:
        click.echo("The run is the same as the saved trace, event for event.")
    click.echo(f"The same run again: {trace.scenario}")


def summary(trace: Trace, step: int | None) -> dict[str, Any]:
    """Return the state at the end of a run, as data for JSON."""
    moment = trace.moment_after(len(trace) - 1)
    servers = {
        name: {
            "up": state.up,
            "role": state.role if state.up else "down",
            "term": state.fields.get("current_term") if state.up else None,
            "log": [f"{entry['term']} {entry['command']}" for entry in state.log],
        }
        for name, state in moment.servers.items()
    }
    return {
        "step": step,
        "scenario": trace.scenario,
        "seconds": trace.end_us / MICROSECONDS,
        "events": len(trace),
        "leaders": [name for name, server in servers.items() if server["role"] == "leader"],
        "servers": servers,
    }


def _describe_servers(state: Mapping[str, Any]) -> str:
    groups: dict[str, list[str]] = {}
    for name, server in state["servers"].items():
        term = f" in term {server['term']}" if server["term"] is not None else ""
        groups.setdefault(f"{server['role']}{term}", []).append(name)
    return "; ".join(f"{', '.join(names)}: {what}" for what, names in groups.items())
