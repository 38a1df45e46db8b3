"""Exports a branch as text: its scenario on one line, Python code that repeats it, and a test that reproduces it.

Each of the three contains the scenario, so each can be pasted into a player.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from raft_steps.lab.errors import LabError
from raft_steps.lab.runtime.simulator.actions import visible_leader
from raft_steps.lab.scenario import arguments
from raft_steps.lab.scenario.grammar import join_words
from raft_steps.lab.scenario.model import CHANGES, Action, RequestWords, format_seconds, request_words, sides_of
from raft_steps.lab.scenario.scenario import Scenario, default_scenario
from raft_steps.lab.trace.trace import Event, digest_of
from raft_steps.lab.verify.properties.monitor import Properties

if TYPE_CHECKING:
    from raft_steps.lab.player.branches import Branch

FIRST_NUMBER = {"hold": 1, "loss": 0, "delay": 0}  # the position of an action's first argument that is a number


def format_line(scenario: Scenario) -> str:
    """Format a scenario on one line: as text, or as JSON if a string in it has a line break."""
    line = scenario.to_text()
    return line if line.isprintable() else json.dumps(json.loads(scenario.to_json()))


def format_call(action: Action) -> str:
    """Format an action as a call on a cluster: cluster.crash("tom", at=12)."""
    verb, words = action.verb, list(action.words)
    if verb == "partition":
        call = _sides(words)
    elif verb == "cut":
        call = [quote(server) for server in words[0].split(">")]
    elif verb in FIRST_NUMBER:
        first = FIRST_NUMBER[verb]
        call = [quote(word) for word in words[:first]] + [_number(word) for word in words[first:]]
    elif (request := request_words(verb, action.words)) is not None:
        return f"cluster.{_request_call(action, request)}, at={format_seconds(action.at_us)})"
    else:
        call = [quote(word) for word in words]
    return f"cluster.{verb}({', '.join([*call, f'at={format_seconds(action.at_us)}'])})"


def _request_call(action: Action, parts: RequestWords) -> str:
    """Format a client's request as a call on a cluster, without the time: set("x", "1", to="tom"."""
    verb, *words = parts.request
    receiver = [f"to={quote(parts.receiver)}"] if parts.receiver else []
    if action.verb == "retry":
        session = [f"session={quote(parts.sender)}"] if parts.sender else []
        return f"retry({', '.join([quote(join_words(parts.request)), *session, *receiver])}"
    if parts.sender or verb in ("open", "transfer", "members", *CHANGES):
        request = (*parts.request, "as", parts.sender) if parts.sender else parts.request
        return f"ask({', '.join([quote(join_words(request)), *receiver])}"
    return f"{verb}({', '.join([*map(quote, words), *receiver])}"


def exported_scenario(branch: Branch) -> Scenario:
    """Return the full scenario of a branch; if a node failed, it ends just after that event."""
    failed = failures(branch)
    scenario = branch.full_scenario
    return scenario.ending_at(failed[0].time_us + 1) if failed else scenario


def failures(branch: Branch) -> list[Event]:
    """Return the events in which a node failed."""
    trace = branch.simulation.trace
    return trace.of("failed") if trace is not None else []


def format_scenario(branch: Branch) -> str:
    """Format a branch as its scenario, on one line."""
    return format_line(exported_scenario(branch))


def format_python(branch: Branch) -> str:
    """Format a branch as Python code that builds its cluster and repeats its actions."""
    scenario = exported_scenario(branch)
    lines = ["from raft_steps.lab import Cluster", *_import_of_node(branch)]
    lines += ["", f"# {format_line(scenario)}", f"cluster = {_cluster_expression(branch)}"]
    lines += [format_call(action) for action in branch.actions]
    return "\n".join([*lines, f"cluster.run(until={format_seconds(scenario.end_us)})", ""])


def format_test(branch: Branch) -> str:
    """Format a branch as a pytest module that fails if anything in the run changes."""
    scenario = exported_scenario(branch)
    line, node, failed = format_line(scenario), _name_of_node(branch), failures(branch)
    replay = f"Cluster.replay({'SCENARIO' if node is None else f'SCENARIO, {node}'})"
    lines = ['"""A recorded run of a cluster: the test fails if anything in the run changes."""', ""]
    lines += ["import pytest", ""] if failed else []
    lines += [
        "from raft_steps.lab import Cluster",
        *(["from raft_steps.lab.errors import NodeError"] if failed else []),
    ]
    lines += [*_import_of_node(branch), "", f"SCENARIO = {quote(line)}", "", ""]
    if failed:
        return "\n".join([*lines, *_test_of_failure(str(failed[0]["error"]), replay), ""])
    leader = leader_of(branch)
    who = f"{quote(leader)} == cluster.leader" if leader else "cluster.leader is None"
    lines += [
        "def test_run_is_as_it_was() -> None:",
        f'    """{_summary(branch)}"""',
        f"    cluster = {replay}",
        "",
        f"    assert {who}",
        *_test_of_rules(branch),
        f"    assert {quote(digest_of(branch.format_events()))} == cluster.trace.digest()",
        "",
    ]
    return "\n".join(lines)


def _test_of_failure(error: str, replay: str) -> list[str]:
    """Format the test of a run in which a node failed."""
    return [
        "def test_node_fails_as_it_did() -> None:",
        '    """The node still fails in the same event, with the same error."""',
        "    with pytest.raises(NodeError) as caught:",
        f"        {replay}",
        "",
        f"    assert str(caught.value).startswith({quote(error.splitlines()[0] if error else '')})",
    ]


def quote(text: str) -> str:
    """Format a string as a Python literal, in double quotes if possible."""
    return json.dumps(text, ensure_ascii=False) if text.isprintable() else repr(text)


def _number(word: str) -> str:
    """Format a number as a literal that becomes the same word again in the scenario; 0.50 must be a string, "0.50"."""
    try:
        return word if str(json.loads(word)) == word else quote(word)
    except ValueError:
        return quote(word)


def _sides(words: Iterable[str]) -> list[str]:
    """Format the sides of a partition as arguments: a string for one server, a list for several."""
    return [quote(side[0]) if len(side) == 1 else f"[{', '.join(map(quote, side))}]" for side in sides_of(words)]


def _name_of_node(branch: Branch) -> str | None:
    """Return the name of the Node class; None for that of a step, because the scenario names the step."""
    return None if branch.scenario.step is not None else branch.simulation.node_class.__name__


def _import_of_node(branch: Branch) -> list[str]:
    """Return the import of the Node class, with a comment to adapt it; nothing for that of a step."""
    name, node_class = _name_of_node(branch), branch.simulation.node_class
    if name is None:
        return []
    module = node_class.__module__
    if module == "__main__" or node_class.__qualname__ != name:
        return [f"from my_node import {name}  # your own class: put it into a file my_node.py, or change this import"]
    return [f"from {module} import {name}  # the class that ran; change this import if it has moved"]


def _cluster_expression(branch: Branch) -> str:
    """Format the expression that builds the cluster: with arguments or, if they are not enough, from a scenario."""
    scenario, node = branch.scenario, _name_of_node(branch)
    if _scenario_from(branch, parts := _cluster_arguments(branch)) != scenario:
        first = quote(format_line(Scenario.parse(f"{scenario.to_text()}; until 0")))
        return f"Cluster.replay({first}{'' if node is None else f', {node}'})"
    given = [node or str(scenario.step), json.dumps(list(scenario.servers), ensure_ascii=False)]
    return f"Cluster({', '.join([*given, *(f'{name}={_literal(value)}' for name, value in parts.items())])})"


def _cluster_arguments(branch: Branch) -> dict[str, Any]:
    """Return the arguments with which a cluster is built, except its Node and its servers."""
    scenario = branch.scenario
    parts: dict[str, Any] = {"seed": scenario.seed}
    if scenario.leader != getattr(_scenario_from(branch, parts), "leader", None):
        parts["leader"] = scenario.leader
    if scenario.logs:
        parts["logs"] = {name: [f"{term} {command}" for term, command in log] for name, log in scenario.logs.items()}
    if scenario.draws:
        parts["draws"] = {name: list(values) for name, values in scenario.draws.items()}
    if scenario.later:
        parts["later"] = list(scenario.later)
    if scenario.members:
        parts["members"] = list(scenario.members)
    if scenario.timing != "post":
        parts["timing"] = scenario.timing
    plain = Scenario()
    network = {
        name: value for name in arguments.NETWORK_PARTS if (value := getattr(scenario, name)) != getattr(plain, name)
    }
    return parts | ({"network": network} if network else {})


def _scenario_from(branch: Branch, parts: dict[str, Any]) -> Scenario | None:
    """Return the scenario of a cluster that is built with these arguments; None if they are invalid."""
    scenario = branch.scenario
    node_class = branch.simulation.node_class if scenario.step is None else None
    given = dict(parts)
    network = given.pop("network", {})
    for name, read in (
        ("logs", arguments.read_logs),
        ("draws", arguments.read_draws),
        ("later", tuple),
        ("members", tuple),
    ):
        if name in given:
            given[name] = read(given[name])
    with suppress(LabError):
        return default_scenario(scenario.step, scenario.servers, node_class=node_class, **given, **network)
    return None


def _literal(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{quote(name)}: {_literal(item)}" for name, item in value.items()) + "}"
    if isinstance(value, list | tuple):
        inner = ", ".join(map(_literal, value))
        return f"[{inner}]" if isinstance(value, list) else f"({inner})"
    return quote(value) if isinstance(value, str) else repr(value)


def leader_of(branch: Branch) -> str | None:
    """Return the leader at the end of a branch; None if there is none."""
    host = visible_leader(branch.simulation.hosts)
    return host.name if host is not None else None


def _violated_rules(branch: Branch) -> list[str]:
    monitor = branch.simulation.monitor
    return list(monitor.violations) if isinstance(monitor, Properties) else []


def _test_of_rules(branch: Branch) -> list[str]:
    """Return the line of a test about the violated rules; nothing if they could not be judged."""
    monitor, rules = branch.simulation.monitor, _violated_rules(branch)
    if not rules and isinstance(monitor, Properties) and monitor.unjudged:
        return []
    return [f"    assert [{', '.join(map(quote, rules))}] == [v.rule.name for v in cluster.violations]"]


def _summary(branch: Branch) -> str:
    """Describe the end of the run in one sentence."""
    leader, rules, monitor = leader_of(branch), _violated_rules(branch), branch.simulation.monitor
    who = f"{leader} leads" if leader else "nobody leads"
    none = "could not be judged" if isinstance(monitor, Properties) and monitor.unjudged else "none"
    return f"At {format_seconds(branch.end_us)} s {who}; violated rules: {', '.join(rules) or none}."


# What a branch can be copied as.
EXPORTS: dict[str, Callable[[Branch], str]] = {
    "scenario": format_scenario,
    "python": format_python,
    "pytest": format_test,
}
