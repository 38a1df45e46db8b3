"""Extracts a history from the trace of a run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from raft_steps.lab.commands import Get, Mismatch, Ok, Response, Write, command_of_words, operation_of, parse_command
from raft_steps.lab.errors import HistoryError, ScenarioError
from raft_steps.lab.scenario.model import CHANGES, TARGETS, Action, request_words
from raft_steps.lab.scenario.scenario import Scenario
from raft_steps.lab.trace.narration import event_text
from raft_steps.lab.trace.trace import Event, Trace
from raft_steps.lab.verify.linearizability.history import History, Mark, Operation, Outcome

FAULTS = frozenset({"crashed", "restarted", "paused", "resumed", "partitioned", "cut", "healed"})


def history_of_trace(trace: Trace) -> History:
    """Return the history of a run: what its clients asked and were answered.

    - An entry that is on a disk at first counts as asked before the run, with an unknown outcome.
    - A request that was answered with NotLeader has failed, unless the server stored its command before it answered.
    - A request without an answer has an unknown outcome: it may still take effect.
    - A client that asks several times, under one address, has asked once: its request should take effect once.
    - The requests that open sessions or transfer the leadership are left out: they change no key.

    Raises:
        HistoryError: A client's request is not an operation that a history can express.
    """
    asked: dict[str, Event] = {}
    for event in trace.of("asked"):
        asked.setdefault(event["client"], event)
    answers = _answers(trace)
    delayed = calls_at_paused_servers(trace)
    operations = _on_disk_at_first(trace)
    for client, event in asked.items():
        request = _request(event)
        if request is not None:
            delay = delayed.get(event.number)
            operations.append(_operation(request, event, answers.get(client), trace, delay))
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
        if request is not None:
            client = f"disk, entry {index} of term {term}"
            found.append(Operation.of_request(client, request, outcome="unknown", call_index=0))
    return found


def _answers(trace: Trace) -> dict[str, Event]:
    """Return the answer to each client that was content with one: a client that asks again ignores a refusal."""
    answers: dict[str, Event] = {}
    tries = Counter(event["client"] for event in trace.of("asked"))
    for event in trace.of("answered"):
        if event["response"] != "NotLeader" or tries[event["client"]] == 1:
            answers.setdefault(event["client"], event)
    return answers


def _operation(
    request: Write | Get, asked: Event, answer: Event | None, trace: Trace, delayed: DelayedCall | None
) -> Operation:
    response = answer["response"] if answer is not None else ""
    outcome: Outcome = "ok" if response in ("Ok", "Mismatch") else "unknown"
    if answer is not None and response == "NotLeader" and not _stored(asked, answer, trace):
        outcome = "failed"
    has_returned = answer is not None and outcome != "unknown"
    return Operation.of_request(
        asked["client"],
        request,
        _response(answer) if answer is not None and outcome == "ok" else None,
        called_us=delayed.time_us if delayed else asked.time_us,
        returned_us=answer.time_us if answer is not None and has_returned else None,
        outcome=outcome,
        # Twice the event's number, so that a delayed call can be placed between two events.
        call_index=delayed.index if delayed else 2 * asked.number,
        return_index=2 * answer.number if answer is not None and has_returned else -1,
    )


def _response(answer: Event) -> Response:
    value = answer.get("value")
    return Ok(value=value) if answer["response"] == "Ok" else Mismatch(value=value)


def _request(asked: Event | Mapping[str, str]) -> Write | Get | None:
    """Parse a client's request; return what it does to a key, and None for one that does nothing to any key."""
    try:
        return operation_of(parse_command(asked["request"]))
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
    return sorted((action for action in actions if request_words(action.verb, action.words)), key=lambda a: a.at_us)


def _pop_request(made: list[Action], event: Event, since_us: int) -> int | None:
    """Remove the first request of a scenario that may be this one, and return its time."""
    request = _request(event)
    for number, action in enumerate(made):
        parts = request_words(action.verb, action.words)
        if parts is None or parts.request[0] in CHANGES or operation_of(command_of_words(*parts.request)) != request:
            continue
        is_elsewhere = parts.receiver not in ("", event.server, *TARGETS)
        if not is_elsewhere and since_us <= action.at_us <= event.time_us:
            return made.pop(number).at_us
    return None
