"""A branch as text: its scenario on a line, as Python with a cluster's verbs, and as a test that reproduces it.

Each text holds the scenario, so each can be pasted back.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from raft_steps.lab.errors import LabError
from raft_steps.lab.runtime.simulator.actions import visible_leader
from raft_steps.lab.scenario import arguments
from raft_steps.lab.scenario.model import Action, format_seconds, sides_of
from raft_steps.lab.scenario.scenario import Scenario, default_scenario
from raft_steps.lab.trace.trace import Event, digest_of
from raft_steps.lab.verify.properties.monitor import Properties

if TYPE_CHECKING:
    from raft_steps.lab.player.branches import Branch

NUMBERS = {"hold": 1, "loss": 0, "delay": 0}  # from which of its words on an action has numbers


def as_line(scenario: Scenario) -> str:
    """Spell a scenario on one line: as text, or as JSON where a text in it would break the line."""
    line = scenario.to_text()
    return line if line.isprintable() else json.dumps(json.loads(scenario.to_json()))


def as_call(action: Action) -> str:
    """Spell an action as the call of a cluster's verb: cluster.crash("tom", at=12)."""
    verb, words = action.verb, list(action.words)
    given: list[str] = []
    if verb in ("set", "delete", "get") and len(words) > 2 and words[-2] == "to":
        given = [f"to={quote(words[-1])}"]
        words = words[:-2]
    if verb == "partition":
        given = _sides(words)
    elif verb == "cut":
        given = [quote(end) for end in words[0].split(">")]
    elif verb in NUMBERS:
        given = [quote(word) for word in words[: NUMBERS[verb]]] + [_number(word) for word in words[NUMBERS[verb] :]]
    else:
        given = [quote(word) for word in words] + given
    return f"cluster.{verb}({', '.join([*given, f'at={format_seconds(action.at_us)}'])})"


def whole(branch: Branch) -> Scenario:
    """Give all that decides a branch's run, with the event in which a node failed, if one did."""
    failed = failures(branch)
    scenario = branch.whole_scenario
    return dataclasses.replace(scenario, until_us=failed[0].time_us + 1) if failed else scenario


def failures(branch: Branch) -> list[Event]:
    """Give the events in which a node failed."""
    trace = branch.simulation.trace
    return trace.of("failed") if trace is not None else []


def as_python(branch: Branch, scenario: Scenario) -> str:
    """Spell a branch, whose whole scenario this is, as Python that builds its cluster, does what was done, and runs it."""
    lines = ["from raft_steps.lab import Cluster", *_import_of_node(branch)]
    lines += ["", f"# {as_line(scenario)}", f"cluster = {_cluster(branch)}"]
    lines += [as_call(action) for action in branch.actions]
    return "\n".join([*lines, f"cluster.run(until={format_seconds(scenario.end_us)})", ""])


def as_test(branch: Branch, scenario: Scenario) -> str:
    """Spell a branch, whose whole scenario this is, as a file for pytest that fails if anything in the run is otherwise."""
    line, node, failed = as_line(scenario), _name_of_node(branch), failures(branch)
    replay = f"Cluster.replay({'SCENARIO' if node is None else f'SCENARIO, {node}'})"
    lines = ['"""A run of a cluster, as it was seen: the test fails as soon as anything in it is otherwise."""', ""]
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
        f'    """{_claim(branch)}"""',
        f"    cluster = {replay}",
        "",
        f"    assert {who}",
        f"    assert [{', '.join(quote(name) for name in _broken(branch))}] == [v.rule.name for v in cluster.violations]",
        f"    assert {quote(digest_of(branch.spell()))} == cluster.trace.digest()",
        "",
    ]
    return "\n".join(lines)


def _test_of_failure(error: str, replay: str) -> list[str]:
    """Spell a test of a run in which a node failed."""
    return [
        "def test_node_fails_as_it_did() -> None:",
        '    """The node still fails in the same event, with the same words."""',
        "    with pytest.raises(NodeError) as caught:",
        f"        {replay}",
        "",
        f"    assert str(caught.value).startswith({quote(error.splitlines()[0] if error else '')})",
    ]


def quote(text: str) -> str:
    """Spell a text as Python does, in double quotes where that is possible."""
    return json.dumps(text, ensure_ascii=False) if text.isprintable() else repr(text)


def _number(word: str) -> str:
    """Spell a number so that the cluster spells it as it was."""
    try:
        return word if str(json.loads(word)) == word else quote(word)
    except ValueError:
        return quote(word)


def _sides(words: Iterable[str]) -> list[str]:
    return [quote(side[0]) if len(side) == 1 else f"[{', '.join(map(quote, side))}]" for side in sides_of(words)]


def _name_of_node(branch: Branch) -> str | None:
    """Name the Node class in the text; None for a step's, which the scenario names."""
    return None if branch.scenario.step is not None else branch.simulation.node_class.__name__


def _import_of_node(branch: Branch) -> list[str]:
    """Say where a Node class comes from that is not a step's, as far as one can."""
    name, node_class = _name_of_node(branch), branch.simulation.node_class
    if name is None:
        return []
    module = node_class.__module__
    if module == "__main__" or node_class.__qualname__ != name:
        return [f"from my_node import {name}  # your own class: put it into a file my_node.py, or say where it is"]
    return [f"from {module} import {name}  # the class that ran; say where it is if it has moved"]


def _cluster(branch: Branch) -> str:
    """Spell the building of the cluster: by its arguments, or by a scenario where these cannot say it all."""
    scenario, node = branch.scenario, _name_of_node(branch)
    if _built(branch, parts := _parts(branch)) != scenario:
        first = quote(as_line(Scenario.parse(f"{scenario.to_text()}; until 0")))
        return f"Cluster.replay({first}{'' if node is None else f', {node}'})"
    given = [node or str(scenario.step), json.dumps(list(scenario.servers), ensure_ascii=False)]
    return f"Cluster({', '.join([*given, *(f'{name}={_literal(value)}' for name, value in parts.items())])})"


def _parts(branch: Branch) -> dict[str, Any]:
    """Give what a cluster is built with, beside its Node and its servers."""
    scenario = branch.scenario
    parts: dict[str, Any] = {"seed": scenario.seed}
    if scenario.leader != getattr(_built(branch, parts), "leader", None):
        parts["leader"] = scenario.leader
    if scenario.logs:
        parts["logs"] = {name: [f"{term} {said}" for term, said in log] for name, log in scenario.logs.items()}
    if scenario.draws:
        parts["draws"] = {name: list(values) for name, values in scenario.draws.items()}
    if scenario.later:
        parts["later"] = list(scenario.later)
    if scenario.timing != "post":
        parts["timing"] = scenario.timing
    plain = Scenario()
    network = {
        name: value for name in arguments.NETWORK_PARTS if (value := getattr(scenario, name)) != getattr(plain, name)
    }
    return parts | ({"network": network} if network else {})


def _built(branch: Branch, parts: dict[str, Any]) -> Scenario | None:
    """Give the scenario that a cluster begins with that is built with these parts; None if it cannot be built."""
    scenario = branch.scenario
    node_class = branch.simulation.node_class if scenario.step is None else None
    read = dict(parts)
    network = read.pop("network", {})
    for name, reads in (("logs", arguments.read_logs), ("draws", arguments.read_draws), ("later", tuple)):
        if name in read:
            read[name] = reads(read[name])
    with suppress(LabError):
        return default_scenario(scenario.step, scenario.servers, node_class=node_class, **read, **network)
    return None


def _literal(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{quote(name)}: {_literal(item)}" for name, item in value.items()) + "}"
    if isinstance(value, list | tuple):
        inner = ", ".join(map(_literal, value))
        return f"[{inner}]" if isinstance(value, list) else f"({inner})"
    return quote(value) if isinstance(value, str) else repr(value)


def leader_of(branch: Branch) -> str | None:
    """Name who leads at the end of a branch; None if nobody does."""
    host = visible_leader(branch.simulation.hosts)
    return host.name if host is not None else None


def _broken(branch: Branch) -> list[str]:
    monitor = branch.simulation.monitor
    return list(monitor.violations) if isinstance(monitor, Properties) else []


def _claim(branch: Branch) -> str:
    """Say in a sentence how the run ends."""
    leader, broken = leader_of(branch), _broken(branch)
    who = f"{leader} leads" if leader else "nobody leads"
    return f"At {format_seconds(branch.end)} s {who}, and {' and '.join(broken) or 'no rule'} broke on the way."
