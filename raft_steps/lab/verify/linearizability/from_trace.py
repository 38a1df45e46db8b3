"""Extracts a history from the trace of a run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from raft_steps.lab.commands import Delete, Get, Request, Set, parse_command
from raft_steps.lab.errors import HistoryError, ScenarioError
from raft_steps.lab.scenario.model import TARGETS, Action
from raft_steps.lab.scenario.scenario import Scenario
from raft_steps.lab.trace.narration import event_text
from raft_steps.lab.trace.trace import Event, Trace
from raft_steps.lab.verify.linearizability.history import ActionName, History, Mark, Operation, Outcome

ACTIONS: dict[type[Request], ActionName] = {Set: "set", Delete: "delete", Get: "get"}
FAULTS = frozenset({"crashed", "restarted", "paused", "resumed", "partitioned", "cut", "healed"})


def history_of_trace(trace: Trace) -> History:
    """Return the history of a run: what its clients asked and were answered.

    - An entry that is on a disk at first counts as asked before the run, with an unknown outcome.
    - A request that was answered with NotLeader has failed, unless the server stored its command before it answered.
    - A request without an answer has an unknown outcome: it may still take effect.

    Raises:
        HistoryError: A client's request is not an operation that a history can express.
    """
    asked = {event["client"]: event for event in trace.of("asked")}
    answers = {event["client"]: event for event in trace.of("answered")}
    delayed = calls_at_paused_servers(trace)
    operations = _on_disk_at_first(trace)
    for client, event in asked.items():
        operations.append(_operation(client, event, answers.get(client), trace, delayed.get(event.number)))
    marks = tuple(Mark(event.time_us, event_text(event)) for event in trace if event.kind in FAULTS)
    return History(tuple(operations), marks=marks, trace=trace)


def _on_disk_at_first(trace: Trace) -> list[Operation]:
    """Return an operation without a return for each entry that is on some disk before the server's first start."""
    entries = {
        (entry["index"], entry["term"], entry["command"]) for event in trace.of("started") for entry in event["log"]
    }
    found = []
    for index, term, command in sorted(entries):
        request = _request({"client": "a disk", "request": command})
        found.append(
            Operation(
                client=f"disk, entry {index} of term {term}",
                action=ACTIONS[type(request)],
                key=request.key,
                value=getattr(request, "value", None),
                outcome="unknown",
                call_index=0,
            )
        )
    return found


def _operation(client: str, asked: Event, answer: Event | None, trace: Trace, delayed: DelayedCall | None) -> Operation:
    request = _request(asked)
    action = ACTIONS[type(request)]
    response = answer["response"] if answer is not None else ""
    outcome: Outcome = "ok" if response == "Ok" else "unknown"
    if answer is not None and response == "NotLeader" and not _stored(asked, answer, trace):
        outcome = "failed"
    has_returned = answer is not None and outcome != "unknown"
    return Operation(
        client=client,
        action=action,
        key=request.key,
        value=getattr(request, "value", None),
        called_us=delayed.time_us if delayed else asked.time_us,
        returned_us=answer.time_us if answer is not None and has_returned else None,
        answer=answer.get("value") if answer is not None and action == "get" else None,
        outcome=outcome,
        # Twice the event's number, so that a delayed call can be placed between two events.
        call_index=delayed.index if delayed else 2 * asked.number,
        return_index=2 * answer.number if answer is not None and has_returned else -1,
    )


def _request(asked: Event | Mapping[str, str]) -> Request:
    """Parse a client's request."""
    try:
        return parse_command(asked["request"])
    except ScenarioError as error:
        raise HistoryError(
            f"{asked['client']} asked {asked['request']!r}, which is not an operation of a history"
        ) from error


def _stored(asked: Event, answer: Event, trace: Trace) -> bool:
    """Return whether a server stored a client's command before it answered."""
    between = trace.events[asked.number : answer.number]
    return any(
        event.kind == "appended" and event.server == asked.server and event["command"] == asked["request"]
        for event in between
    )


@dataclass(frozen=True, slots=True)
class DelayedCall:
    """The call of a request that waited at a paused server, and that the trace records when the server resumes.

    Attributes:
        time_us: When the request was made, in microseconds.
        index: Its place in the order of calls and returns: odd, just after an event of the trace, which has twice its
            number.
    """

    time_us: int
    index: int


def calls_at_paused_servers(trace: Trace) -> dict[int, DelayedCall]:
    """Find the calls of requests that reached a paused server, by the number of the asked event.

    The run's scenario shows when such a request was made. Without a scenario it counts as made when the pause began: with
    the longest possible interval, no answer is called stale without proof.
    """
    calls: dict[int, DelayedCall] = {}
    pauses = _pauses_before_requests(trace)
    if not pauses:
        return calls
    made = _requests_of_scenario(trace)
    for event in sorted(trace.of("asked"), key=_number_of_client):  # in the order in which they were made
        pause = pauses.get(event.number)
        time_us = _pop_request(made, event, pause.time_us if pause else event.time_us)
        if pause and time_us != event.time_us:
            since_us = pause.time_us if time_us is None else time_us
            before = [other.number for other in trace.events[: event.number] if other.time_us < since_us]
            calls[event.number] = DelayedCall(since_us, 2 * max([pause.number, *before[-1:]]) + 1)
    return calls


def _pauses_before_requests(trace: Trace) -> dict[int, Event]:
    """Return the pause before each request that a server handled at the moment at which it resumed."""
    found: dict[int, Event] = {}
    paused: dict[str, Event] = {}
    resumed: dict[str, tuple[int, Event]] = {}
    for event in trace:
        if event.kind == "paused":
            paused[event.server] = event
        elif event.kind == "resumed" and event.server in paused:
            resumed[event.server] = event.time_us, paused.pop(event.server)
        elif event.kind == "asked" and resumed.get(event.server, (-1, event))[0] == event.time_us:
            found[event.number] = resumed[event.server][1]
    return found


def _number_of_client(event: Event) -> int:
    """Return the number in a client's address: clients are numbered in the order in which they ask."""
    digits = str(event["client"]).rpartition("#")[2]
    return int(digits) if digits.isdecimal() else event.number


def _requests_of_scenario(trace: Trace) -> list[Action]:
    """Return the requests of the run's scenario, in order; none if the trace has no scenario."""
    try:
        actions = Scenario.parse(trace.scenario).actions if trace.scenario else ()
    except ScenarioError:
        actions = ()
    return sorted((action for action in actions if action.verb in ("set", "get", "delete")), key=lambda a: a.at_us)


def _pop_request(made: list[Action], event: Event, since_us: int) -> int | None:
    """Remove the first request of a scenario that may be this one, and return its time."""
    request = _request(event)
    words = tuple(str(word) for word in (request.key, getattr(request, "value", None)) if word is not None)
    for number, action in enumerate(made):
        arguments, target = action.words[: len(words)], action.words[len(words) :]
        is_elsewhere = len(target) == 2 and target[1] != event.server and target[1] not in TARGETS
        is_same = action.verb == ACTIONS[type(request)] and arguments == words and not is_elsewhere
        if is_same and since_us <= action.at_us <= event.time_us:
            return made.pop(number).at_us
    return None
