"""A history taken from a run of the laboratory."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from raft_steps.lab.commands import Delete, Get, Request, Set, parse_command
from raft_steps.lab.errors import HistoryError, ScenarioError
from raft_steps.lab.scenario.model import TARGETS
from raft_steps.lab.scenario.model import Action as ScenarioAction
from raft_steps.lab.scenario.scenario import Scenario
from raft_steps.lab.trace.narration import event_text
from raft_steps.lab.trace.trace import Event, Trace
from raft_steps.lab.verify.linearizability.history import Action, History, Mark, Operation, Outcome

ACTIONS: dict[type[Request], Action] = {Set: "set", Delete: "delete", Get: "get"}
FAULTS = frozenset({"crashed", "restarted", "paused", "resumed", "partitioned", "cut", "healed"})


def history_of_trace(trace: Trace) -> History:
    """Take from a run what its clients asked and heard.

    What the disks hold at first was asked before the run began, and nobody knows what became of it.
    A client that was told that the server does not lead has failed, unless that server stored its command first.
    A client that heard nothing does not know: what it asked may still take effect.

    Raises:
        HistoryError: A client asked what a history has no word for.
    """
    asked = {event["client"]: event for event in trace.of("asked")}
    answers = {event["client"]: event for event in trace.of("answered")}
    waits = _waits_at_paused_servers(trace)
    operations = _on_disk_at_first(trace)
    for client, event in asked.items():
        operations.append(_operation(client, event, answers.get(client), trace, waits.get(event.number)))
    marks = tuple(Mark(event.time_us, event_text(event)) for event in trace if event.kind in FAULTS)
    return History(tuple(operations), marks=marks, trace=trace)


def _on_disk_at_first(trace: Trace) -> list[Operation]:
    """Give an operation without an answer for each entry that some disk holds before the server's first life."""
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
                begin=0,
            )
        )
    return found


def _operation(client: str, asked: Event, answer: Event | None, trace: Trace, wait: Wait | None) -> Operation:
    request = _request(asked)
    action = ACTIONS[type(request)]
    told = answer["response"] if answer is not None else ""
    outcome: Outcome = "ok" if told == "Ok" else "unknown"
    if answer is not None and told == "NotLeader" and not _stored(asked, answer, trace):
        outcome = "failed"
    has_ended = answer is not None and outcome != "unknown"
    return Operation(
        client=client,
        action=action,
        key=request.key,
        value=getattr(request, "value", None),
        called=wait.time if wait else asked.time_us,
        returned=answer.time_us if answer is not None and has_ended else None,
        answer=answer.get("value") if answer is not None and action == "get" else None,
        outcome=outcome,
        begin=wait.number if wait else 2 * asked.number,
        end=2 * answer.number if answer is not None and has_ended else -1,
    )


def _request(asked: Event | Mapping[str, str]) -> Request:
    """Read what a client asked."""
    try:
        return parse_command(asked["request"])
    except ScenarioError as error:
        raise HistoryError(f"{asked['client']} asked {asked['request']!r}, which a history has no word for") from error


def _stored(asked: Event, answer: Event, trace: Trace) -> bool:
    """Say whether a server stored a client's command before it answered."""
    between = trace.events[asked.number : answer.number]
    return any(
        event.kind == "appended" and event.server == asked.server and event["command"] == asked["request"]
        for event in between
    )


@dataclass(frozen=True, slots=True)
class Wait:
    """When a request was really made that the trace knows from its server's waking up.

    Attributes:
        time: When, in microseconds.
        number: Its place: odd, just after an event of the trace, which has twice its own number.
    """

    time: int
    number: int


def _waits_at_paused_servers(trace: Trace) -> dict[int, Wait]:
    """Find, by the number of the asked event, the requests that reached a paused server.

    A trace tells of such a request when the server goes on. The run's scenario knows when it was made; where there is
    none, it is taken to be as old as the pause, so that no answer is ever called too old without need.
    """
    waits: dict[int, Wait] = {}
    woken = _asked_at_waking(trace)
    if not woken:
        return waits
    made = _requests_of_scenario(trace)
    for event in sorted(trace.of("asked"), key=_number_of_client):  # in the order in which they were made
        pause = woken.get(event.number)
        time = _take(made, event, pause.time_us if pause else event.time_us)
        if pause and time != event.time_us:
            since = pause.time_us if time is None else time
            before = [other.number for other in trace.events[: event.number] if other.time_us < since]
            waits[event.number] = Wait(since, 2 * max([pause.number, *before[-1:]]) + 1)
    return waits


def _asked_at_waking(trace: Trace) -> dict[int, Event]:
    """Give, for each request that a server heard at the moment at which it went on, the pause before."""
    found: dict[int, Event] = {}
    paused: dict[str, Event] = {}
    woken: dict[str, tuple[int, Event]] = {}
    for event in trace:
        if event.kind == "paused":
            paused[event.server] = event
        elif event.kind == "resumed" and event.server in paused:
            woken[event.server] = event.time_us, paused.pop(event.server)
        elif event.kind == "asked" and woken.get(event.server, (-1, event))[0] == event.time_us:
            found[event.number] = woken[event.server][1]
    return found


def _number_of_client(event: Event) -> int:
    """Give the number of a client's address: clients are numbered in the order in which they ask."""
    digits = str(event["client"]).rpartition("#")[2]
    return int(digits) if digits.isdecimal() else event.number


def _requests_of_scenario(trace: Trace) -> list[ScenarioAction]:
    """Give the requests that the run's scenario makes, in order; none where the trace has no scenario."""
    try:
        actions = Scenario.parse(trace.scenario).actions if trace.scenario else ()
    except ScenarioError:
        actions = ()
    return sorted((action for action in actions if action.verb in ("set", "get", "delete")), key=lambda a: a.at_us)


def _take(made: list[ScenarioAction], event: Event, since: int) -> int | None:
    """Take the first request of a scenario that may be this one, and give its time."""
    request = _request(event)
    words = tuple(str(word) for word in (request.key, getattr(request, "value", None)) if word is not None)
    for number, action in enumerate(made):
        said, target = action.words[: len(words)], action.words[len(words) :]
        is_elsewhere = len(target) == 2 and target[1] != event.server and target[1] not in TARGETS
        is_same = action.verb == ACTIONS[type(request)] and said == words and not is_elsewhere
        if is_same and since <= action.at_us <= event.time_us:
            return made.pop(number).at_us
    return None
