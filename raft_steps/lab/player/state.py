"""Encodes a session for the browser: its state, its events, and a one-line result of each action."""

from __future__ import annotations

import json
from typing import Any

from raft_steps.lab.player import exports
from raft_steps.lab.player.branches import Branch, BranchTree
from raft_steps.lab.scenario.grammar import format_action
from raft_steps.lab.scenario.model import format_seconds
from raft_steps.lab.trace.narration import event_text
from raft_steps.lab.verify.properties.monitor import Properties, RecordedProperties

# Events that are the direct result of an action. Its consequences on the same server are not part of the answer.
RESULT_KINDS = frozenset(
    {
        *("crashed", "restarted", "started", "paused", "resumed", "partitioned", "cut", "healed"),
        *("network", "held", "doubled", "note", "asked", "told", "timer_fired"),
    }
)


def session_state(branches: BranchTree) -> dict[str, Any]:
    """Return the state of a session as JSON data, with times in microseconds.

    Loss and delay are those at the start of the run; later changes are events of the trace.
    """
    branch = branches.current
    scenario = branch.scenario
    script = sorted(branch.actions, key=lambda action: action.at_us)
    return {
        "current": branch.number,
        "branches": [
            {
                "id": each.number, "name": each.name, "parent": each.parent, "from": each.left_us,
                "seed": each.scenario.seed, "end": each.end_us, "events": len(each.lines), "last": _last_action(each),
            }
            for each in branches.all
        ],
        "script": [
            {"at": action.at_us, "line": format_action(action), "python": exports.format_call(action)} for action in script
        ],
        "violations": _violations(branch),
        "unjudged": "; ".join(branch.simulation.monitor.unjudged) if isinstance(branch.simulation.monitor, Properties) else "",
        "loss": scenario.loss,
        "delay": list(scenario.delay or branch.simulation.timing.delay),
        "chunk": branch.chunk_us,
        "clients": hasattr(branch.simulation.node_class, "on_client_request"),
    }  # fmt: skip


def encode_lines(lines: list[str]) -> bytes:
    """Encode lines of JSON for the browser.

    Python's JSON allows infinite numbers and NaN, for example in a field of a learner's node. The browser's JSON does
    not, so they become strings.
    """
    text = "".join(f"{line}\n" for line in lines)
    if "NaN" in text or "Infinity" in text:
        rows = [json.loads(line, parse_constant=str) for line in lines]
        text = "".join(f"{json.dumps(row, ensure_ascii=False)}\n" for row in rows)
    return text.encode("utf-8", "replace")


def _last_action(branch: Branch) -> str:
    """Describe the last action on a branch; return "" if it has none."""
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


def describe_result(branch: Branch, at_us: int) -> str:
    """Describe the direct results of the actions at a time, in order."""
    texts: list[str] = []
    for event in reversed(branch.events):
        if event.time_us < at_us:
            break
        if event.time_us == at_us and event.kind in RESULT_KINDS:
            texts.append(event_text(event))
    return "; ".join(dict.fromkeys(reversed(texts)))
