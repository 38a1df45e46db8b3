"""Checks a recorded run: replays its trace, and applies the same rules to it as to a live run.

A trace shows a node's event as a group of consecutive events. First comes what the node handled, with the fields that it
changed; then its new term and role and the changes of its log; then its effects, in order:

    delivered   term   role   appended …   sent …   timer_started   answered   applied

The rules see each server as they do in a live run: after the node handled the event, before its effects leave. So a
trace of the simulator gets the verdict that the run itself got, with the same words, times and event numbers. A run of
real servers is checked in the same way, if each server's groups stay together when traces are merged.

What a trace does not show, the rules cannot see:

- A field that is not a dataclass field of the Node, such as a property `commit_index`. The role events make up for a
  property `is_leader`.
- More than one log. The Node's log is the field `log`; a trace whose entries do not form one log is refused.
- What a crash left on a disk. The log with which the server restarts shows it; for a server that never restarts, the
  disk is taken to have all that was recorded before the event of the crash.
- Whether two equal requests are one object. An entry belongs to the request that its server handled when it appended it.
- The effects of an event after which the run ended, be it with an error of the Node or at a violation. What a node did
  is checked as far as it was recorded; an event that failed before anything of it was stored or sent is not checked.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import SimpleNamespace
from typing import Any

from raft_steps.lab.commands import Mismatch, NotLeader, Ok, Refused, Request, Response, SessionExpired, parse_command
from raft_steps.lab.errors import ScenarioError
from raft_steps.lab.log import Change, Entry, Log, Snapshot
from raft_steps.lab.node import Effect
from raft_steps.lab.runtime.launching import known_servers
from raft_steps.lab.scenario.grammar import split_clauses
from raft_steps.lab.trace.trace import Event, Trace
from raft_steps.lab.verify.properties.monitor import RecordedProperties
from raft_steps.lab.verify.properties.rules import RULES, Rule
from raft_steps.lab.verify.properties.violation import Violation

HANDLED = frozenset({"started", "restarted", "delivered", "timer_fired", "asked", "told"})
STATE = frozenset({"term", "role", "appended", "truncated", "compacted"})
EFFECTS = frozenset({"sent", "timer_started", "timer_cancelled", "answered", "applied"})
FIELDS = (
    "current_term",
    "is_leader",
    "voted_for",
    "commit_index",
    "state_machine",
)  # what the rules read of a node, besides its log
NO_COMMAND = "-"  # how a trace shows the command of an entry that has none


def check_trace(trace: Trace | str, rules: Iterable[Rule] = RULES) -> tuple[Violation, ...]:
    """Check a recorded run against the properties of Raft.

    Args:
        trace: The trace, or its text.
        rules: The rules to check.

    Returns:
        The first violation of each rule, in the order in which they broke.

    Raises:
        ScenarioError: The text is not a trace, its events do not fit together, or a field has a value that no rule can
            compare, such as a text for a term; or nothing broke, but not everything could be judged.
    """
    rules = tuple(rules)
    names = {rule.name for rule in rules}
    found = properties_of_trace(trace if isinstance(trace, Trace) else Trace.from_text(trace), rules)
    violations = tuple(violation for name, violation in found.violations.items() if name in names)
    if found.gave_up or (found.unjudged and not violations):
        raise ScenarioError("; ".join(found.unjudged))
    return violations


def properties_of_trace(trace: Trace, watch: Iterable[Rule] = ()) -> RecordedProperties:
    """Replay a trace, and return what the rules found, with the numbers of the events.

    Args:
        trace: The trace.
        watch: Other rules that are checked in addition to the properties of Raft, `RULES`.

    Raises:
        ScenarioError: The events of the trace do not fit together.
    """
    from raft_steps.lab.verify.linearizability.from_trace import calls_at_paused_servers

    early = ((call.index, trace.events[number]) for number, call in calls_at_paused_servers(trace).items())
    return properties_of_events(
        trace.servers, trace, _logs_at_restart(trace), members=_first_members(trace), early=early, watch=watch
    )


def properties_of_events(
    servers: Iterable[str],
    events: Iterable[Event],
    logs_on_disk: Mapping[int, Mapping[str, Any]],
    *,
    members: tuple[str, ...] = (),
    early: Iterable[tuple[int, Event]] = (),
    watch: Iterable[Rule] = (),
) -> RecordedProperties:
    """Replay events one after the other, and return what the rules found; no event is kept.

    Args:
        servers: The names of the servers.
        events: The events, in order, with their numbers.
        logs_on_disk: The details of the event with which a server restarts, its log among them, by the number of the
            crash event before it. It is read when the crash is replayed, so it may be filled while the events are read.
        members: Those that make up the cluster at first; all by default.
        early: The requests that were made before their event, because the server was paused, with their places in the
            order of calls and returns; see `DelayedCall`.
        watch: Other rules that are checked in addition to the properties of Raft, `RULES`.

    Raises:
        ScenarioError: The events do not fit together.
    """
    servers = tuple(servers)
    replay = _Replay(servers, members or servers, logs_on_disk, early, watch)
    for event in events:
        replay.advance(event)
    replay.finish()
    return replay.properties


class ReplayedServer:
    """A server, rebuilt from a trace.

    Attributes:
        name: Its name.
        up: Whether it runs.
        node: Has the fields of its Node that the rules read.
        disk: Its log, while it is down.
    """

    def __init__(self, name: str, servers: tuple[str, ...]) -> None:
        """Start as a server that was never started, and that will know these servers when it does."""
        self.name, self.up = name, False
        self._has_role_field, self._servers = False, servers
        self.node = SimpleNamespace(log=Log(), effects=[], servers=servers)
        self.disk: dict[str, Log] = {}

    def start(self, log: Log) -> None:
        """Start or restart, with this log."""
        self.up, self.node = True, SimpleNamespace(log=log, effects=[], servers=self._servers)
        self._has_role_field = False

    def crash(self, log: Log) -> None:
        """Stop, with this log on the disk."""
        self.up, self.disk = False, {"log": log}

    def update(self, changes: Mapping[str, Any], role: str) -> None:
        """Set the fields that an event changed.

        Args:
            changes: The changes.
            role: The new role; "" if it is the same.
        """
        fields = vars(self.node)
        for name in FIELDS:
            if name in changes:
                fields[name] = changes[name]
        self._has_role_field = self._has_role_field or "is_leader" in changes
        if not self._has_role_field and role not in ("", "server"):
            fields["is_leader"] = role == "leader"

    def change_log(self, change: Change) -> None:
        """Change the log.

        Raises:
            ScenarioError: The change does not fit the log.
        """
        log: Log = self.node.log
        what = ""
        if change[0] == "append" and change[1].index != log.last_index + 1:
            what = f"index {change[1].index} is appended"
        elif change[0] == "truncate" and change[1] > log.last_index:
            what = f"all after {change[1]} is deleted"
        if what:
            raise ScenarioError(
                f"the log of {self.name} ends at index {log.last_index}, and {what}: "
                "a trace with more than one log for each server cannot be checked"
            )
        log.follow([change])


class _HandledEvent:
    """An event that a node handled, with those of its consequences that the replay has reached.

    Attributes:
        server: The server.
        event: The event of the trace that begins the group.
        last_number: The number of the last event before the effects.
        changes: The changes of the log.
        effects: The effects that have left.
        role: The new role; "" if it is the same.
        request: The request of a client, until an entry has it as its command.
    """

    def __init__(self, server: ReplayedServer, event: Event) -> None:
        self.server, self.event = server, event
        self.last_number = event.number
        self.changes: list[Change] = []
        self.effects: list[Effect] = []
        self.role = ""
        self.request: Request | None = None
        self._last_sent = ""

    @property
    def left_no_mark(self) -> bool:
        """Whether nothing was stored, and no effect has left."""
        return not self.changes and not self.effects

    def includes(self, event: Event) -> bool:
        """Return whether an event of the trace belongs to this group."""
        if event.kind == "dropped":  # A message that is lost is dropped as soon as it is sent.
            return bool(event["message"] == self._last_sent)
        if event.server != self.server.name or event.time_us != self.event.time_us:
            return False
        return event.kind in EFFECTS or (event.kind in STATE and not self.effects)

    def add_effect(self, event: Event) -> None:
        """Add an effect that the rules look at, or a timer's, which they skip."""
        match event.kind:
            case "sent":
                self._last_sent = event["message"]
                self.effects.append(("send", event["to"], _message(event["type"], event["fields"])))
            case "answered":
                response = _response(event)
                self.effects.append(("reply", event["client"], response))
            case "timer_started":
                self.effects.append(("start", event["timer"], 0.0))
            case "timer_cancelled":
                self.effects.append(("cancel", event["timer"]))


class _Replay:
    """Rebuilds the servers from a trace, event by event, and checks the rules after each event that a node handled."""

    def __init__(
        self,
        servers: Iterable[str],
        members: tuple[str, ...],
        logs_on_disk: Mapping[int, Mapping[str, Any]],
        early: Iterable[tuple[int, Event]],
        watch: Iterable[Rule],
    ) -> None:
        self.properties = RecordedProperties(lambda: self._number, watch)
        # The requests that were made before the trace records them: the server was paused. The next one is the last.
        self._made_early = sorted(early, key=lambda made: made[0], reverse=True)
        self._requests: dict[str, Request] = {}
        self._number = -1
        self._servers = {name: ReplayedServer(name, known_servers(members, name)) for name in servers}
        self._entries: dict[tuple[int, int, str], Entry] = {}  # the newest one of each index, term and command
        self._logs_on_disk = logs_on_disk
        self._handled: _HandledEvent | None = None

    def advance(self, event: Event) -> None:
        """Replay one event.

        Raises:
            ScenarioError: The event does not fit those before it.
        """
        while self._made_early and self._made_early[-1][0] < 2 * event.number:
            self._ask(self._made_early.pop()[1])
        handled = self._handled
        if handled is not None:
            if handled.includes(event):
                self._extend(handled, event)
                return
            self._handled = None
            if not _undoes(event, handled):
                self._check(handled)
        server = self._servers.get(event.server)
        if server is None:
            return
        if event.kind in HANDLED:
            self._begin(server, event)
        elif event.kind == "crashed":
            data = self._logs_on_disk.get(event.number)
            server.crash(server.node.log.copy() if data is None else self._log(data))
            if "disk" in event.detail:
                self.properties.failed(server)

    def finish(self) -> None:
        """Check the last event that a node handled."""
        if self._handled is not None:
            self._check(self._handled)

    def _begin(self, server: ReplayedServer, event: Event) -> None:
        self._handled = _HandledEvent(server, event)
        if event.kind in ("started", "restarted"):
            server.start(self._log(event.detail))
            self.properties.begins(server)
        elif event.kind == "asked":
            self._handled.request = self._ask(event)

    def _ask(self, event: Event) -> Request:
        """Let a client ask, unless it has done so already; return its request."""
        client = event["client"]
        if client not in self._requests:
            self._requests[client] = parse_command(event["request"])
            self.properties.asked(client, self._requests[client])
        return self._requests[client]

    def _extend(self, handled: _HandledEvent, event: Event) -> None:
        """Add an event to the group that it belongs to."""
        match event.kind:
            case "appended":
                handled.changes.append(("append", self._appended(handled, event)))
            case "truncated":
                handled.changes.append(("truncate", event["after"]))
            case "compacted":
                handled.changes.append(("compact", _snapshot(event.detail)))
            case "role":
                handled.role = event["role"]
            case "applied":
                handled.effects.append(("apply", self._entry(event["index"], event["term"], event["command"])))
            case _:
                handled.add_effect(event)
        if event.kind in STATE:
            handled.last_number = event.number

    def _check(self, handled: _HandledEvent) -> None:
        """Bring the server up to date with what its node did, and check the rules."""
        server, event = handled.server, handled.event
        server.update(event.get("changes", {}), handled.role)
        for change in handled.changes:
            server.change_log(change)
        server.node.effects = handled.effects
        message = None
        if event.kind == "delivered":
            message = _message(event["type"], {"term": event["term"]} if "term" in event.detail else {})
        self._number = handled.last_number
        self.properties.handled(server, event.time_us, message, handled.changes or None)

    def _appended(self, handled: _HandledEvent, event: Event) -> Entry:
        """Return the entry that a server appended.

        The command of an entry for the client's request is the request object itself, as in a live run: the rules use
        its identity to tell two equal requests apart.
        """
        index, term, command = event["index"], event["term"], event["command"]
        if handled.request is not None and command == handled.event["request"]:
            entry = Entry(index=index, term=term, command=handled.request)  # type: ignore[arg-type]  # A command.
            self._entries[index, term, command] = entry
            handled.request = None
            return entry
        return self._entry(index, term, command)

    def _entry(self, index: int, term: int, command: str) -> Entry:
        entry = self._entries.get((index, term, command))
        if entry is None:
            parsed: Any = None if command == NO_COMMAND else parse_command(command)
            entry = self._entries[index, term, command] = Entry(index=index, term=term, command=parsed)
        return entry

    def _log(self, detail: Mapping[str, Any]) -> Log:
        """Return the log with which a server starts, from the details of that event."""
        entries = (self._entry(entry["index"], entry["term"], entry["command"]) for entry in detail["log"])
        log = Log(entries, _snapshot(detail["snapshot"]) if "snapshot" in detail else None)
        log.changes.clear()
        return log


def _undoes(event: Event, handled: _HandledEvent) -> bool:
    """Return whether an event shows that the handled event is not to be checked: its disk failed, or its node did."""
    if event.server != handled.server.name:
        return False
    return (event.kind == "crashed" and "disk" in event.detail) or (event.kind == "failed" and handled.left_no_mark)


def _snapshot(data: Mapping[str, Any]) -> Snapshot:
    return Snapshot(last_included_index=data["index"], last_included_term=data["term"], data=data["data"])


def _first_members(trace: Trace) -> tuple[str, ...]:
    """Return the servers that make up the cluster of a trace at first; all of them if it does not say."""
    clauses = split_clauses(trace.scenario, "scenario")  # Or a schedule, which has the same clause.
    return next((tuple(words) for name, *words in clauses if name == "members"), trace.servers)


def _logs_at_restart(trace: Trace) -> dict[int, dict[str, Any]]:
    """Return the details of each restart, the log among them, by the number of the crash event before it."""
    crashes: dict[str, int] = {}
    found = {}
    for event in trace.of("crashed", "restarted"):
        if event.kind == "crashed":
            crashes[event.server] = event.number
        elif event.server in crashes:
            found[crashes[event.server]] = event.detail
    return found


_MESSAGES: dict[str, type] = {}


def _response(answered: Event) -> Response:
    """Rebuild a server's answer to a client."""
    match answered["response"]:
        case "Ok":
            return Ok(value=answered.get("value"))
        case "Mismatch":
            return Mismatch(value=answered.get("value"))
        case "SessionExpired":
            return SessionExpired()
        case "Refused":
            return Refused(reason=str(answered.get("reason")))
        case _:
            return NotLeader()


def _message(name: str, fields: dict[str, Any]) -> Any:
    """Build an object that has the class name and the fields of a message, which is all that the rules look at."""
    if name not in _MESSAGES:
        _MESSAGES[name] = type(name, (SimpleNamespace,), {})
    return _MESSAGES[name](**fields)
