"""The verdict on a chaos run: the properties of Raft, linearizability, and that nothing acknowledged was lost.

The traces are read event by event, so that a long run needs no more memory than its log and its clients' history.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from raft_steps.lab.cluster.chaos.report import ChaosReport
from raft_steps.lab.errors import ScenarioError
from raft_steps.lab.files import write_text
from raft_steps.lab.scenario.model import MICROSECONDS
from raft_steps.lab.trace.merge_stream import MergedEvents
from raft_steps.lab.trace.trace import Event
from raft_steps.lab.verify.linearizability import LinearizabilityResult, check_linearizable, format_history
from raft_steps.lab.verify.linearizability.history import History, Operation
from raft_steps.lab.verify.properties import properties_of_events

TIME_LIMIT_S = 120.0  # for one check of linearizability
HISTORY_FILES = {"knossos": "history.edn", "porcupine": "history.porcupine.txt"}


@dataclass(frozen=True, slots=True, kw_only=True)
class ChaosRun:
    """What happened in a chaos run, besides the traces.

    Attributes:
        title: What the servers run.
        servers: Their names.
        clients: How many clients worked.
        seed: The seed.
        start_us: When the load began.
        end_us: When it ended.
        faults: How often each kind of fault happened.
        operations: What the clients asked.
        last_reads: The write and the reads of every key after everything was mended; empty if nobody answered.
        leader: The leader at the end; "" if there is none.
        problem: Why the run ended early; "" if it did not.
    """

    title: str
    servers: tuple[str, ...]
    clients: int
    seed: int
    start_us: int
    end_us: int
    faults: Counter[str]
    operations: Sequence[Operation]
    last_reads: Sequence[Operation]
    leader: str
    problem: str


def judge(run: ChaosRun, events: MergedEvents, folder: Path, *, reads_count: bool) -> ChaosReport:
    """Judge a run, and write the clients' history in the formats of other checkers.

    Args:
        run: The run.
        events: The events of its servers.
        folder: Where the histories are written.
        reads_count: Whether every read must be linearizable, or only the writes and the last reads.
    """
    logs = _Logs(run.servers)
    properties = properties_of_events(events.servers, logs.follow(events), events.logs_on_disk)
    if properties.gave_up:
        raise ScenarioError(properties.gave_up)
    history = _history([*run.operations, *run.last_reads])
    _write(history, folder)
    writes = History(
        tuple(each for each in history if each.action != "get" or each.client == "the last client")
    )  # The last reads are after everything else.
    acknowledged = [each for each in run.operations if each.action != "get" and each.outcome == "ok"]
    return ChaosReport(
        title=run.title,
        servers=len(run.servers),
        clients=run.clients,
        seed=run.seed,
        seconds=(run.end_us - run.start_us) / MICROSECONDS,
        faults=run.faults,
        outcomes=Counter(each.outcome for each in run.operations),
        acknowledged=len(acknowledged),
        longest_gap_s=_longest_gap_s(run, acknowledged),
        elections=properties.elections,
        events=logs.count,
        violations=tuple(properties.violations.values()),
        failed=tuple(logs.failed),
        lost=tuple(_lost(acknowledged, logs.of(run.leader))) if run.leader else (),
        serves=bool(run.last_reads),
        writes=_checked(writes),
        reads=_checked(history),
        reads_count=reads_count,
        problem=run.problem,
        folder=folder,
    )


def _history(operations: Iterable[Operation]) -> History:
    """Return a history whose time begins with its first call, without the operations that did not happen."""
    kept = [each for each in operations if each.outcome != "failed"]
    first_us = min((each.called_us for each in kept), default=0)
    return History(
        tuple(
            replace(
                each,
                called_us=each.called_us - first_us,
                returned_us=None if each.returned_us is None else each.returned_us - first_us,
            )
            for each in kept
        )
    )


def _checked(history: History) -> LinearizabilityResult | None:
    return check_linearizable(history, time_limit_s=TIME_LIMIT_S) if len(history) else None


def _write(history: History, folder: Path) -> None:
    """Write a history for Knossos and Porcupine, which have no deletion: a write of nothing is the same to a reader."""
    for form, name in HISTORY_FILES.items():
        nothing = None if form == "knossos" else ""
        without = [replace(each, action="set", value=nothing) if each.action == "delete" else each for each in history]
        write_text(folder / name, format_history(History(tuple(without)), form))


def _longest_gap_s(run: ChaosRun, acknowledged: Iterable[Operation]) -> float:
    """Return the longest time without an acknowledged write during the load, in seconds."""
    times = sorted(each.returned_us for each in acknowledged if each.returned_us is not None)
    times = [run.start_us, *times, max([run.end_us, *times[-1:]])]
    return max(after - before for before, after in itertools.pairwise(times)) / MICROSECONDS


def _lost(acknowledged: Iterable[Operation], log: Iterable[str]) -> Iterator[Operation]:
    """Find acknowledged writes that are not in a log: every value is written once, and deletions are counted."""
    there = Counter(log)
    for operation in acknowledged:
        command = operation.request
        there[command] -= 1
        if there[command] < 0:
            yield operation


class _Logs:
    """Follows the logs of the servers through the events of a trace, and keeps the entries that are compacted.

    Attributes:
        count: How many events there were.
        failed: The errors of Nodes that failed.
    """

    def __init__(self, servers: Iterable[str]) -> None:
        self.count = 0
        self.failed: list[str] = []
        self._logs: dict[str, list[tuple[int, str]]] = {name: [] for name in servers}  # term and command

    def of(self, server: str) -> list[str]:
        """Return the commands in a server's log, and of the entries that its snapshot stands for."""
        return [command for _, command in self._logs[server]]

    def follow(self, events: Iterable[Event]) -> Iterator[Event]:
        """Pass the events on, and follow them."""
        for event in events:
            self.count += 1
            match event.kind:
                case "started" | "restarted":
                    before = self._compacted(event.server, event["snapshot"]) if "snapshot" in event.detail else []
                    self._logs[event.server] = [*before, *((entry["term"], entry["command"]) for entry in event["log"])]
                case "appended":
                    self._logs[event.server].append((event["term"], event["command"]))
                case "compacted":
                    log = self._logs[event.server]
                    kept = log[event["index"] :] if _has(log, event["index"], event["term"]) else []
                    self._logs[event.server] = self._compacted(event.server, event.detail) + kept
                case "truncated":
                    del self._logs[event.server][event["after"] :]
                case "failed":
                    self.failed.append(event["error"])
            yield event

    def _compacted(self, server: str, snapshot: Mapping[str, Any]) -> list[tuple[int, str]]:
        """Return the entries that a server's snapshot stands for, from whichever log has had them."""
        index, term = snapshot["index"], snapshot["term"]
        own = self._logs[server]
        found = (log for log in (own, *self._logs.values()) if _has(log, index, term))
        return next(found, own)[:index]


def _has(log: list[tuple[int, str]], index: int, term: int) -> bool:
    return len(log) >= index and log[index - 1][0] == term
