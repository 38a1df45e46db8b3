"""Checks the properties at every event of a run.

At every event the monitor compares term, role, commit index and effects with what they were. Only if one of them
changed is there more to do, and that takes as long as what is new: an entry is compared with the first one of its index
and term, a leader with the first one of its term. No log is ever compared as a whole.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from raft_steps.lab.commands import Ok, Request, Response
from raft_steps.lab.log import FIRST_ENTRY, Entry
from raft_steps.lab.verify.properties import rules
from raft_steps.lab.verify.properties.applying import ApplyRules
from raft_steps.lab.verify.properties.elections import ElectionRules
from raft_steps.lab.verify.properties.logs import LogRules
from raft_steps.lab.verify.properties.observed import ObservedServer, log_of
from raft_steps.lab.verify.properties.rules import Rule
from raft_steps.lab.verify.properties.violation import PropertyBroken, Violation

if TYPE_CHECKING:
    from raft_steps.lab.log import Change, Snapshot
    from raft_steps.lab.verify.properties.once import OnceRule
    from raft_steps.lab.verify.properties.reads import ReadRule


class LastObservation:
    """A server as it was after its last event.

    Attributes:
        begun: Whether it has handled an event since it last started.
        has_commit_index: Whether its node has a commit index.
        lives: How often it was started.
        term: Its current term.
        leads: Whether it led.
        commit_index: Its commit index; 0 for a node that has none.
        last: The last entry of its log.
    """

    __slots__ = ("begun", "commit_index", "has_commit_index", "last", "leads", "lives", "term")

    def __init__(self) -> None:
        """Describe a server that was never started."""
        self.begun, self.has_commit_index, self.lives = False, False, 0
        self.term, self.leads, self.commit_index = 0, False, 0
        self.last = FIRST_ENTRY


class Properties:
    """Checks one run: a `Monitor` that is called at every event.

    Attributes:
        violations: The first violation of each broken rule, by the rule's name, in the order in which they broke.
        elections: How often a server began to lead.
        answered: How often a client was answered with Ok.
        unjudged: What could not be judged, in a sentence each; empty if everything was.
    """

    def __init__(self, stop_at: Iterable[Rule] = (), watch: Iterable[Rule] = ()) -> None:
        """Start before the first event.

        Args:
            stop_at: The rules whose violation ends the run, with a `PropertyBroken`.
            watch: Other rules that are checked in addition to the properties of Raft, `RULES`.
        """
        self.violations: dict[str, Violation] = {}
        self.unjudged: list[str] = []
        self.elections = self.answered = 0
        self._last_answer_us = self._longest_wait_us = 0
        self._stop_at = frozenset(rule.name for rule in stop_at)
        watched = self._stop_at.union(rule.name for rule in watch)
        is_about_applying = not watched.isdisjoint((rules.APPLIED_ONCE.name, rules.EQUAL_STATES.name))
        self._applying = ApplyRules(self._report) if is_about_applying else None
        self._once: OnceRule | None = None
        if rules.EXACTLY_ONCE.name in watched:
            from raft_steps.lab.verify.properties.once import OnceRule

            self._once = OnceRule(self._report)
        self._reads: ReadRule | None = None
        if rules.LINEARIZABLE_READS.name in watched:  # Only this rule needs the checker of histories.
            from raft_steps.lab.verify.properties.reads import ReadRule

            self._reads = ReadRule(self._report, self._report_unjudged)
        self._servers: dict[str, ObservedServer] = {}
        self._observations: dict[str, LastObservation] = {}
        self._requests: dict[str, Request] = {}
        self._not_about_votes: set[type] = set()  # classes of messages that are not checked
        self._elections = ElectionRules(self._report)
        self._logs = LogRules(self._servers, self._report)

    def begins(self, host: ObservedServer) -> None:
        """Called when a server starts or restarts, before its first event."""
        self._servers[host.name] = host
        seen = self._observations.setdefault(host.name, LastObservation())
        seen.begun, seen.lives = False, seen.lives + 1
        if self._applying is not None:
            self._applying.begin(host)
        if self._once is not None:
            self._once.begin(host)

    def longest_wait_us(self, end_us: int) -> int:
        """Return the longest time without an answer of Ok to any client, in microseconds.

        Args:
            end_us: The end of the run, in microseconds.
        """
        return max(self._longest_wait_us, end_us - self._last_answer_us)

    def asked(self, client: str, request: Request) -> None:
        """Called when a client sends a request."""
        self._requests[client] = request
        if self._reads is not None:
            self._reads.ask(client, request)
        if self._once is not None:
            self._once.ask(client, request)

    def handled(self, host: ObservedServer, now_us: int, message: object | None, changes: list[Change] | None) -> None:
        """Called when a node has handled an event, before any of its effects leaves.

        Args:
            host: The server.
            now_us: The time in microseconds.
            message: The message that it handled; None if the event was something else.
            changes: What happened to its log, if anything did.

        Raises:
            PropertyBroken: The event broke a rule that ends the run.
        """
        # Called at every event of every run of a sweep, so the common case, nothing new, is kept short.
        node, seen = host.node, self._observations[host.name]
        if not seen.begun:
            self._check_first_event(host, seen, now_us)
        try:
            term, leads = node.current_term, node.is_leader
        except AttributeError:
            term, leads = _term_and_role(node)
        if changes is not None or term != seen.term or leads != seen.leads:
            self._check_move(host, seen, now_us, changes)
        if seen.has_commit_index and (commit_index := getattr(node, "commit_index", 0)) != seen.commit_index:
            self._check_commit_index(host, seen, now_us, commit_index)
        has_applied = False
        broadcast = None  # A RequestVote goes to every other server as one object, and is checked once.
        for effect in node.effects:
            kind = effect[0]
            if kind == "send":
                sent = effect[2]
                if type(sent) not in self._not_about_votes and sent is not broadcast:
                    broadcast = self._check_message(host.name, effect[1], sent, message, now_us)
            elif kind == "apply":
                has_applied = True
                self._logs.check_apply(host.name, effect[1], now_us)
                if self._reads is not None:
                    self._reads.apply(effect[1])
            elif kind == "reply":
                self._check_reply(host, effect[1], effect[2], now_us)
        if self._applying is not None or self._once is not None:
            snapshots = [] if changes is None else [change[1] for change in changes if change[0] == "compact"]
            if has_applied or snapshots:
                self._check_applied(host, snapshots, now_us)

    def _check_applied(self, host: ObservedServer, snapshots: list[Snapshot], now_us: int) -> None:
        """Check what a server has applied in an event, and the snapshots that it has taken or got."""
        if self._applying is not None:
            self._applying.check_event(host, snapshots, now_us)
        if self._once is not None:
            self._once.check_event(host, snapshots, now_us)

    def failed(self, host: ObservedServer) -> None:
        """Called when a server crashed in the middle of an event: only what its disk has of the event counts."""
        self._observations[host.name].last = _last_entry(host)

    def _check_reply(self, host: ObservedServer, client: str, response: Response, now_us: int) -> None:
        """Check an answer to a client."""
        request = self._requests.pop(client, None)
        if request is not None and isinstance(response, Ok):
            self.answered += 1
            self._longest_wait_us = max(self._longest_wait_us, now_us - self._last_answer_us)
            self._last_answer_us = now_us
            self._logs.check_acknowledgement(host, request, now_us)
        if self._reads is not None:
            self._reads.answer(host.name, client, response, now_us)

    def _check_message(self, name: str, to: str, sent: object, handled: object | None, now_us: int) -> object | None:
        """Check a message that may be about votes; return it if it is a RequestVote."""
        # By name: each step defines its own message classes.
        class_name = type(sent).__name__
        if class_name == "RequestVote":
            self._elections.check_candidacy(name, sent, now_us)
            return sent
        if class_name == "RequestVoteReply":
            self._elections.check_reply(name, to, sent, handled, now_us)
        else:
            self._not_about_votes.add(type(sent))
        return None

    def _check_first_event(self, server: ObservedServer, seen: LastObservation, now_us: int) -> None:
        """Check the first event after a start."""
        if seen.lives == 1:
            self._logs.check_first_log(server, now_us)
            if self._reads is not None:
                self._reads.store_first(log_of(server))
        else:
            self._elections.check_restart(server.node, server.name, seen.term, now_us)
            self._logs.check_restart(server, seen.last, now_us)
        seen.begun, seen.last = True, _last_entry(server)
        seen.term, seen.leads = _term_and_role(server.node)[0], False
        seen.has_commit_index, seen.commit_index = (
            hasattr(server.node, "commit_index"),
            getattr(server.node, "commit_index", 0),
        )

    def _check_move(
        self, server: ObservedServer, seen: LastObservation, now_us: int, changes: list[Change] | None
    ) -> None:
        """Check a change of term, role or log; a Node may begin to have a commit index with it."""
        term, leads = _term_and_role(server.node)
        name, seen.has_commit_index = server.name, hasattr(server.node, "commit_index")
        if term != seen.term:
            self._elections.check_term(name, seen.term, term, now_us)
        if changes is not None:
            if leads and seen.leads:
                self._logs.check_leader_changes(server, seen.last, changes, now_us)
            self._logs.check_changes(server, seen.last, changes, now_us)
            seen.last = _last_entry(server)
        if leads and (not seen.leads or term != seen.term):
            self.elections += not seen.leads
            self._elections.check_leader(name, term, now_us)
            self._logs.check_leader(server, term, now_us)
        seen.term, seen.leads = term, leads

    def _check_commit_index(
        self, server: ObservedServer, seen: LastObservation, now_us: int, commit_index: int
    ) -> None:
        if commit_index < seen.commit_index:
            text = f"{server.name} had committed up to index {seen.commit_index}, and is at {commit_index} now."
            self._report(rules.COMMIT_INDEX_GROWS, now_us, text, server.name)
        elif getattr(server.node, "is_leader", False):
            self._logs.check_commit(server, commit_index, now_us)
        seen.commit_index = commit_index

    def _report_unjudged(self, sentence: str) -> None:
        if not self.unjudged:  # The first one is enough, as with a violation: what follows has the same reason.
            self.unjudged.append(sentence)

    def _report(self, rule: Rule, now_us: int, text: str, *servers: str) -> None:
        if rule.name in self.violations:
            return
        violation = Violation(rule=rule, time_us=now_us, servers=servers, text=text)
        self.violations[rule.name] = violation
        if rule.name in self._stop_at:
            raise PropertyBroken(violation)


class RecordedProperties(Properties):
    """Checks a run that has a trace, of any Node, Raft or not.

    A Node whose fields are so unusual that a rule raises an exception is not checked any further; its run goes on.

    Attributes:
        gave_up: Why the rules were not checked to the end, as a sentence; "" if they were.
        events: The number of the event of the trace that broke a rule, by the rule's name.
    """

    def __init__(self, event_number: Callable[[], int], watch: Iterable[Rule] = ()) -> None:
        """Start before the first event.

        Args:
            event_number: Returns the number of the trace's last event that records what a server handled.
            watch: Other rules that are checked in addition to the properties of Raft, `RULES`.
        """
        super().__init__(watch=watch)
        self.events: dict[str, int] = {}
        self._event_number = event_number
        self.gave_up = ""

    def begins(self, host: ObservedServer) -> None:
        """Called when a server starts or restarts, before its first event."""
        self._attempt(super().begins, host)

    def asked(self, client: str, request: Request) -> None:
        """Called when a client sends a request."""
        self._attempt(super().asked, client, request)

    def handled(self, host: ObservedServer, now_us: int, message: object | None, changes: list[Change] | None) -> None:
        """Called when a node has handled an event, before any of its effects leaves."""
        if not self.gave_up:
            try:  # As in `_attempt`, without another call: this happens at every event.
                Properties.handled(self, host, now_us, message, changes)
            except Exception as error:  # noqa: BLE001  # As below.
                self._give_up(error)

    def failed(self, host: ObservedServer) -> None:
        """Called when a server crashed in the middle of an event: only what its disk has of the event counts."""
        self._attempt(super().failed, host)

    def _attempt(self, call: Any, *arguments: Any) -> None:
        if not self.gave_up:
            try:
                call(*arguments)
            except Exception as error:  # noqa: BLE001  # A learner's Node may have anything in a field; its run goes on.
                self._give_up(error)

    def _give_up(self, error: Exception) -> None:
        self.gave_up = (
            f"the properties of Raft cannot be checked from event {self._event_number()} on, because a field has a value "
            f"that they cannot compare: {type(error).__name__}: {error}"
        )
        self.unjudged.append(self.gave_up)

    def _report(self, rule: Rule, now_us: int, text: str, *servers: str) -> None:
        self.events.setdefault(rule.name, self._event_number())
        super()._report(rule, now_us, text, *servers)


def _term_and_role(node: Any) -> tuple[Any, Any]:
    """Return a node's term and whether it leads; in the first steps a node has no role."""
    return getattr(node, "current_term", 0), getattr(node, "is_leader", False)


def _last_entry(server: ObservedServer) -> Entry:
    log = log_of(server)
    return log[log.last_index]
