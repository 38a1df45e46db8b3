"""Names for what a search found: its numbers become the events of a schedule, and these become words."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import fields, replace
from typing import Any

from raft_steps.lab.commands import command_text
from raft_steps.lab.errors import ScenarioError
from raft_steps.lab.log import Entry
from raft_steps.lab.runtime.watchdog import bounded
from raft_steps.lab.scenario.model import MICROSECONDS
from raft_steps.lab.trace.trace import Trace
from raft_steps.lab.verify.model_checker.replay import Replay
from raft_steps.lab.verify.model_checker.schedule import Schedule, Step, ask_step, client_and_command
from raft_steps.lab.verify.model_checker.state_space import Event
from raft_steps.lab.verify.model_checker.transitions import NOT_PURE, Machine


def name_steps(machine: Machine, beginning: Schedule, path: Iterable[Event]) -> tuple[Step, ...]:
    """Turn the events of a search into those of a schedule: a replay on real nodes numbers the messages.

    Raises:
        ScenarioError: The nodes do something else when they do it again: they are not pure.
    """
    replay = Replay(replace(beginning, steps=(), breaks=""), machine.node_class)
    steps = []
    with bounded(lambda: replay.calls):
        for event in path:
            step = _step(machine, replay, event)
            steps.append(step)
            replay.perform(step)
            if replay.error is not None:
                break
    return tuple(steps)


def _step(machine: Machine, replay: Replay, event: Event) -> Step:
    what, servers = event[0], machine.servers
    if what in ("deliver", "copy", "drop"):
        packet = event[1]
        sender, receiver = servers[machine.sender[packet]], servers[machine.receiver[packet]]
        name = replay.find_message(sender, receiver, machine.messages[packet])
        if name is None:
            raise ScenarioError(f"{sender} does not send {receiver} the same when the run is done again: {NOT_PURE}")
        return Step(what, (name,))
    if what == "forget":
        return Step(what, ())
    if what == "timeout":
        return Step(what, (servers[event[1]], event[2]))
    if what == "ask":
        return ask_step(servers[event[1]], event[2], event[3], len(replay.requests) + 1)
    return Step(what, (servers[event[1]],))


def describe(schedule: Schedule, node_class: type) -> list[str]:
    """Say in words what happens in a schedule, event by event, and what comes of it."""
    replay = Replay(replace(schedule, steps=()), node_class)
    told = []
    with bounded(lambda: replay.calls):
        for number, step in enumerate(schedule.steps, start=1):
            words = _words(step, replay)
            replay.perform(step)
            after = _consequences(replay.trace, number * MICROSECONDS)
            told.append(f"{words}: {after}" if after else words)
            if replay.error is not None:
                break
    return told


def _words(step: Step, replay: Replay) -> str:
    if step.verb == "forget":
        return f"all messages on their way are lost, {len(replay.flying)} of them"
    first = step.words[0]
    match step.verb:
        case "timeout":
            return f"{first}'s {step.words[1]} timer runs out"
        case "ask":
            return f"a client asks {first}: {' '.join(client_and_command(step.words)[1])}"
        case "crash":
            return f"{first} crashes"
        case "restart":
            return f"{first} restarts with what its disk holds"
    if first not in replay.flying:
        return f"{step.verb} {first}"
    link, message, _ = replay.flying[first]
    to, said = link.receiver, _said(message)
    if step.verb == "drop":
        return f"{first}, {said}, is lost"
    return f"{to} gets {first}{' twice' if step.verb == 'copy' else ''}, {said}"


def _said(message: Any) -> str:
    """Spell a message: its class and fields, entries as term and command."""
    held = [f"{field.name}={_value(getattr(message, field.name))}" for field in fields(message)]
    return f"{type(message).__name__}({', '.join(held)})"


def _value(value: Any) -> str:
    if isinstance(value, tuple) and all(isinstance(item, Entry) for item in value):
        return "[" + "; ".join(f"{entry.term} {command_text(entry.command)}" for entry in value) + "]"
    return repr(value)


def _consequences(trace: Trace, time: int) -> str:
    """Say what an event brought about, as far as it shows."""
    found = []
    asks = ""
    for event in reversed(trace.events):
        if event.time_us != time:
            break
        match event.kind:
            case "role" if event["role"] == "leader":
                state = trace.moment_after(event.number).servers[event.server]
                found.append(f"it leads in term {state.fields.get('current_term')}")
            case "sent" if event["type"] == "RequestVote" and not asks:
                asks = f"it asks for votes in term {event['fields'].get('term')}"
                found.append(asks)
            case "appended":
                found.append(f"it stores {event['term']} {event['command']} at {event['index']}")
            case "truncated":
                found.append(f"it deletes all after {event['after']}")
            case "answered":
                found.append(f"{event['client']} hears {event['response']}")
            case "failed":
                found.append(event["error"].partition("\n")[0])
            case "sent" if event["type"] == "RequestVoteReply" and event["fields"].get("vote_granted"):
                found.append(f"it votes for {event['to']}")
    return ", ".join(reversed(found))
