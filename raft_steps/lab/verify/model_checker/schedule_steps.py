"""Turns the events of a search into the steps of a schedule, and the steps of a schedule into words."""

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
from raft_steps.lab.verify.model_checker.schedule import Schedule, ScheduleStep, ask_step, client_and_command
from raft_steps.lab.verify.model_checker.state_space import SearchEvent
from raft_steps.lab.verify.model_checker.transitions import NOT_PURE, TransitionTable


def schedule_steps(table: TransitionTable, initial: Schedule, path: Iterable[SearchEvent]) -> tuple[ScheduleStep, ...]:
    """Return the steps of a schedule for the events of a search.

    A search does not number the messages of a link, a schedule does; so the events are replayed on real nodes.

    Raises:
        ScenarioError: The nodes do something else when the run is replayed, so they are not pure.
    """
    replay = Replay(replace(initial, steps=(), breaks=""), table.node_class)
    steps = []
    with bounded(lambda: replay.calls):
        for event in path:
            step = _step(table, replay, event)
            steps.append(step)
            replay.perform(step)
            if replay.error is not None:
                break
    return tuple(steps)


def _step(table: TransitionTable, replay: Replay, event: SearchEvent) -> ScheduleStep:
    what, servers = event[0], table.servers
    if what in ("deliver", "copy", "drop"):
        packet = event[1]
        sender, receiver = servers[table.sender[packet]], servers[table.receiver[packet]]
        name = replay.find_message(sender, receiver, table.messages[packet])
        if name is None:
            raise ScenarioError(f"{sender} does not send {receiver} the same when the run is done again: {NOT_PURE}")
        return ScheduleStep(what, (name,))
    if what == "forget":
        return ScheduleStep(what, ())
    if what == "timeout":
        return ScheduleStep(what, (servers[event[1]], event[2]))
    if what == "ask":
        return ask_step(servers[event[1]], event[2], event[3], len(replay.requests) + 1)
    return ScheduleStep(what, (servers[event[1]],))


def describe(schedule: Schedule, node_class: type) -> list[str]:
    """Describe the events of a schedule and their consequences, each in a sentence."""
    replay = Replay(replace(schedule, steps=()), node_class)
    lines = []
    with bounded(lambda: replay.calls):
        for number, step in enumerate(schedule.steps, start=1):
            words = _words(step, replay)
            replay.perform(step)
            consequences = _consequences(replay.trace, number * MICROSECONDS)
            lines.append(f"{words}: {consequences}" if consequences else words)
            if replay.error is not None:
                break
    return lines


def _words(step: ScheduleStep, replay: Replay) -> str:
    """Describe an event that is about to happen."""
    if step.verb == "forget":
        return f"all messages in flight are lost, {len(replay.in_flight)} of them"
    first = step.words[0]
    match step.verb:
        case "timeout":
            return f"{first}'s {step.words[1]} timer runs out"
        case "ask":
            return f"a client asks {first}: {' '.join(client_and_command(step.words)[1])}"
        case "snapshot":
            return f"{first} takes a snapshot"
        case "crash":
            return f"{first} crashes"
        case "restart":
            return f"{first} restarts with what its disk holds"
    if first not in replay.in_flight:
        return f"{step.verb} {first}"
    link, message, _ = replay.in_flight[first]
    receiver, text = link.receiver, _format_message(message)
    if step.verb == "drop":
        return f"{first}, {text}, is lost"
    return f"{receiver} gets {first}{' twice' if step.verb == 'copy' else ''}, {text}"


def _format_message(message: Any) -> str:
    """Format a message as its class and fields, with entries as term and command."""
    values = [f"{field.name}={_format_value(getattr(message, field.name))}" for field in fields(message)]
    return f"{type(message).__name__}({', '.join(values)})"


def _format_value(value: Any) -> str:
    if isinstance(value, tuple) and all(isinstance(item, Entry) for item in value):
        return "[" + "; ".join(f"{entry.term} {command_text(entry.command)}" for entry in value) + "]"
    return repr(value)


def _consequences(trace: Trace, time_us: int) -> str:
    """Describe what a server did in the event at this time: votes, elections, changes of its log, answers."""
    found = []
    asks = ""
    for event in reversed(trace.events):
        if event.time_us != time_us:
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
            case "compacted":
                found.append(f"it has a snapshot up to {event['index']}")
            case "answered":
                found.append(f"{event['client']} gets {event['response']}")
            case "failed":
                found.append(event["error"].partition("\n")[0])
            case "sent" if event["type"] == "RequestVoteReply" and event["fields"].get("vote_granted"):
                found.append(f"it votes for {event['to']}")
    return ", ".join(reversed(found))
