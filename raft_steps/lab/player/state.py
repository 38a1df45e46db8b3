"""What players are told of a session: its state as data, its events as bytes, and what came of an action, in words."""

from __future__ import annotations

import json
from typing import Any

from raft_steps.lab.player import exports
from raft_steps.lab.player.branches import Branch, Branches
from raft_steps.lab.scenario.grammar import format_action
from raft_steps.lab.scenario.model import format_seconds
from raft_steps.lab.trace.narration import event_text
from raft_steps.lab.verify.properties.monitor import RecordedProperties

# What an action does itself; what follows from it on the same server is not told in its answer.
TOLD = frozenset(
    {
        *("crashed", "restarted", "started", "paused", "resumed", "partitioned", "cut", "healed"),
        *("network", "held", "doubled", "note", "asked", "timer_fired"),
    }
)


def describe(branches: Branches) -> dict[str, Any]:
    """Describe a session as its players know it; times in microseconds.

    Loss and delay are those of the beginning: what became of them is told by the events of the trace.
    """
    branch = branches.current
    scenario = exports.whole(branch)
    script = sorted(branch.actions, key=lambda action: action.at_us)
    return {
        "current": branch.number,
        "branches": [
            {
                "id": each.number, "name": each.name, "parent": each.parent, "from": each.left,
                "seed": each.scenario.seed, "end": each.end, "events": len(each.lines), "last": _last_deed(each),
            }
            for each in branches.all
        ],
        "script": [
            {"at": action.at_us, "line": format_action(action), "python": exports.as_call(action)} for action in script
        ],
        "scenario": exports.as_line(scenario),
        "python": exports.as_python(branch, scenario),
        "pytest": exports.as_test(branch, scenario),
        "violations": _violations(branch),
        "loss": scenario.loss,
        "delay": list(scenario.delay or branch.simulation.timing.delay),
        "chunk": branch.chunk,
        "clients": hasattr(branch.simulation.node_class, "on_client_request"),
    }  # fmt: skip


def spell_lines(lines: list[str]) -> bytes:
    """Spell lines of JSON as the browser reads them: numbers that only Python's JSON knows become words."""
    text = "".join(f"{line}\n" for line in lines)
    if "NaN" in text or "Infinity" in text:
        rows = [json.loads(line, parse_constant=str) for line in lines]
        text = "".join(f"{json.dumps(row, ensure_ascii=False)}\n" for row in rows)
    return text.encode("utf-8", "replace")


def _last_deed(branch: Branch) -> str:
    """Say what was done last on a branch, as the name of a branch says it; "" if nothing was."""
    last = max(branch.actions, key=lambda action: action.at_us, default=None)
    return f"{format_action(last)} at {format_seconds(last.at_us)} s" if last is not None else ""


def _violations(branch: Branch) -> list[dict[str, Any]]:
    monitor = branch.simulation.monitor
    if not isinstance(monitor, RecordedProperties):
        return []
    return [
        {
            "event": monitor.events[rule], "time": found.time_us, "rule": rule, "text": found.text,
            "servers": list(found.servers), "step": found.rule.step,
        }
        for rule, found in monitor.violations.items()
    ]  # fmt: skip


def what_happened(branch: Branch, at: int) -> str:
    """Say what the last action, at this time, brought about: the events of its own kind, last ones first found."""
    told: list[str] = []
    for event in reversed(branch.trace.events):
        if event.time_us < at:
            break
        if event.time_us == at and event.kind in TOLD:
            told.append(event_text(event))
    return "; ".join(dict.fromkeys(reversed(told)))
