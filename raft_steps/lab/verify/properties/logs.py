"""The rules about logs: what they contain, what is applied, and what was acknowledged to clients."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from raft_steps.lab.commands import Command, Configuration, Get, InSession, OpenSession, Request, Transfer, command_text
from raft_steps.lab.log import Change, Entry, Log, Snapshot
from raft_steps.lab.runtime.configurations import configuration_of, disjoint_majorities
from raft_steps.lab.verify.properties import rules
from raft_steps.lab.verify.properties.elections import ReportBroken
from raft_steps.lab.verify.properties.observed import ObservedServer, log_of

Place = tuple[int, int]  # an entry's index and term


class LogRules:
    """Remembers every entry by its index and term, what was applied, what is committed, and what was acknowledged."""

    def __init__(self, servers: Mapping[str, ObservedServer], report: ReportBroken) -> None:
        """Start with empty logs.

        Args:
            servers: The servers; if an entry may be lost, all of their logs are searched for a copy.
            report: Called when a rule is broken.
        """
        self._servers, self._report = servers, report
        self._entries: dict[Place, tuple[Any, int, str]] = {}  # command, the term before it, and who had it first
        self._applied: dict[int, tuple[Entry, str]] = {}  # the entry applied first at an index, and the server
        self._committed: dict[int, Place] = {}  # the last entry that was committed in a term
        self._acknowledged: list[tuple[Entry, int]] = []  # the entries and terms of acknowledged writes, in order
        self._acknowledged_places: set[Place] = set()
        self._newest_leader: tuple[int, ObservedServer | None] = (-1, None)  # who began to lead in the highest term

    def check_changes(self, server: ObservedServer, last: Entry, changes: list[Change], now_us: int) -> None:
        """Check a log that changed, and ended with this last entry before."""
        previous, before = last.index, last.term  # of the entry before; index 0 if the log has to say which that is
        for change in changes:
            if change[0] == "truncate":
                self._check_last_copy(server.name, change[1], now_us)
                previous = 0
                continue
            if change[0] == "compact":
                self._check_snapshot(server.name, change[1], now_us)
                previous, before = 0, 0
                continue
            entry = change[1]
            if entry.index - 1 != previous or not previous:
                before = self._term_at(log_of(server), entry.index - 1) or 0
            self._check_match(server.name, entry, before, now_us)
            if isinstance(entry.command, Configuration) and getattr(server.node, "is_leader", False):
                self._check_configuration(server, entry.index, entry.command, now_us)
            previous, before = entry.index, entry.term

    def _check_configuration(
        self, server: ObservedServer, index: int, configuration: Configuration, now_us: int
    ) -> None:
        """Check a configuration that a leader adds to its log, against the one before it."""
        place, before = self._configuration_before(server, index)
        what = f"{server.name} adds the configuration {command_text(configuration)!r} at index {index}"
        if place > getattr(server.node, "commit_index", place):
            text = f"{what}, and the one before, {command_text(before)!r} at index {place}, is not committed."
            self._report(rules.OVERLAPPING_MAJORITIES, now_us, text, server.name)
        elif (found := disjoint_majorities(before, configuration)) is not None:
            one, other = (" ".join(names) for names in found)
            text = f"{what} after {command_text(before)!r}: {one} and {other} could each elect a leader."
            self._report(rules.OVERLAPPING_MAJORITIES, now_us, text, server.name)

    def _configuration_before(self, server: ObservedServer, index: int) -> tuple[int, Configuration]:
        """Return the configuration before an index of a log; if a snapshot stands for it, the entries that were there tell."""
        log = log_of(server)
        found = configuration_of(log, server.node.servers, index - 1)
        at, term = log.base_index, log.base_term
        while not found[0] and (at, term) in self._entries:
            command, before, _ = self._entries[at, term]
            if isinstance(command, Configuration):
                return at, command
            at, term = at - 1, before
        return found

    def _check_snapshot(self, name: str, snapshot: Snapshot, now_us: int) -> None:
        """Check a log whose first entries are replaced: some log must have had the last one of them."""
        index, term = snapshot.last_included_index, snapshot.last_included_term
        if (index, term) not in self._entries:
            text = f"{name} has a snapshot up to the entry of term {term} at index {index}, which no log has had."
            self._report(rules.LOG_MATCHING, now_us, text, name)

    def _term_at(self, log: Log, index: int) -> int | None:
        """Return the term of a log's entry at an index; if a snapshot stands for it, the entries that were there tell."""
        if index >= log.base_index:
            return log.term_at(index)
        at, term = log.base_index, log.base_term
        while at > index:
            if (at, term) not in self._entries:
                return None
            at, term = at - 1, self._entries[at, term][1]
        return term

    def _has(self, log: Log, entry: Entry) -> bool:
        """Return whether a log has an entry, or a snapshot that stands for it."""
        if entry.index > log.base_index and entry.command is not None:
            return entry.index <= log.last_index and log[entry.index] == entry
        return self._term_at(log, entry.index) == entry.term

    def check_first_log(self, server: ObservedServer, now_us: int) -> None:
        """Check the log that a server has when it starts for the first time."""
        before = 0
        for entry in log_of(server):
            self._check_match(server.name, entry, before, now_us)
            before = entry.term

    def _check_match(self, name: str, entry: Entry, before: int, now_us: int) -> None:
        # Log Matching by induction: if two logs agree on an entry and on the term before it, for every entry, then they
        # agree up to there. So each entry is compared once, and no log as a whole.
        command, term, first = self._entries.setdefault((entry.index, entry.term), (entry.command, before, name))
        if term != before or (command is not entry.command and command != entry.command):
            what = f"{name} has {command_text(entry.command)!r} at index {entry.index} in term {entry.term}"
            if command != entry.command:
                text = f"{what}, and {first} had {command_text(command)!r} there in the same term."
            else:
                text = f"{what} after an entry of term {before}, and {first} had it after one of term {term}."
            self._report(rules.LOG_MATCHING, now_us, text, name, *({first} - {name}))  # `first` may be `name` itself.

    def check_leader_changes(self, server: ObservedServer, last: Entry, changes: list[Change], now_us: int) -> None:
        """Check the log of a server that leads, and led before with this last entry."""
        if any(change[0] != "append" for change in changes) and not self._has(log_of(server), last):
            text = f"{server.name} leads, and deletes {_describe(last)} from its own log."
            self._report(rules.LEADER_APPEND_ONLY, now_us, text, server.name)

    def check_leader(self, server: ObservedServer, term: int, now_us: int) -> None:
        """Check a server that begins to lead: it must have all that was committed, and all that was acknowledged.

        What is newer than the leader's term does not count: a leader of an older term, elected late, has no followers.
        """
        log = log_of(server)
        if term > self._newest_leader[0]:
            self._newest_leader = (term, server)
        # One place for each leader that committed anything: its last entry stands for those before it.
        earlier = [(place, since) for since, place in self._committed.items() if since < term]
        (index, of_term), since = max(earlier, default=((0, 0), 0))
        if self._term_at(log, index) != of_term:
            text = f"{server.name} leads in term {term} without the entry of term {of_term} at index {index}"
            text += f", which was committed in term {since}."
            self._report(rules.LEADER_COMPLETENESS, now_us, text, server.name)
        if self._acknowledged:
            entry, since = self._acknowledged[-1]
            if since < term and not self._has(log, entry):
                text = f"{server.name} leads in term {term} without {_describe(entry)}"
                text += f", which was acknowledged to a client in term {since}."
                self._report(rules.ACKNOWLEDGED_WRITES_LAST, now_us, text, server.name)

    def check_commit(self, server: ObservedServer, index: int, now_us: int) -> None:
        """Check a leader that commits an entry, and with it all entries before."""
        term, of_term = getattr(server.node, "current_term", 0), self._term_at(log_of(server), index)
        if of_term is None:
            return
        self._committed[term] = max((index, of_term), self._committed.get(term, (0, 0)))
        other = self._later_leader(term)
        if other is not None and self._term_at(log_of(other), index) != of_term:
            text = f"{server.name} commits the entry of term {of_term} at index {index} in term {term}"
            text += f", and {other.name} leads in term {self._newest_leader[0]} without it."
            self._report(rules.LEADER_COMPLETENESS, now_us, text, server.name, other.name)

    def _later_leader(self, term: int) -> ObservedServer | None:
        """Return the leader of the highest term so far, if that is higher than this one and it still leads in it."""
        newest, server = self._newest_leader
        if server is None or newest <= term or not server.up:
            return None
        leads = getattr(server.node, "is_leader", False) and getattr(server.node, "current_term", 0) == newest
        return server if leads else None

    def check_apply(self, name: str, entry: Any, now_us: int) -> None:
        """Check a server that applies an entry."""
        if not isinstance(entry, Entry):
            return
        found, first = self._applied.setdefault(entry.index, (entry, name))
        if found is not entry and found != entry:
            text = f"{name} applies {_describe(entry)}, and {first} applied {_describe(found)}."
            self._report(rules.STATE_MACHINE_SAFETY, now_us, text, name, *({first} - {name}))

    def check_acknowledgement(self, server: ObservedServer, request: Request, now_us: int) -> None:
        """Check a server that answers a client's write with Ok; voters that are in force already need no entry."""
        if isinstance(request, Get | OpenSession | Transfer | Configuration):
            return
        entry = self._find(log_of(server), request)
        if entry is None:
            text = f"{server.name} acknowledges {command_text(request)!r} to a client, and its log has no such entry."
            self._report(rules.ACKNOWLEDGED_WRITES_LAST, now_us, text, server.name)
            return
        term = getattr(server.node, "current_term", 0)
        self._acknowledged.append((entry, term))
        self._acknowledged_places.add((entry.index, entry.term))
        if not hasattr(server.node, "commit_index"):  # Steps before 11: what is acknowledged counts as committed.
            self.check_commit(server, entry.index, now_us)
        other = self._later_leader(term)
        if other is not None and not self._has(log_of(other), entry):
            text = f"{server.name} acknowledges {_describe(entry)} to a client in term {term}"
            text += f", and {other.name} leads in term {self._newest_leader[0]} without it."
            self._report(rules.ACKNOWLEDGED_WRITES_LAST, now_us, text, server.name, other.name)

    def _find(self, log: Log, request: Command) -> Entry | None:
        """Find the entry of a request; of two equal requests, each has an entry, unless they are one command of a session.

        The command of an entry is usually the very object that the client sent. If a Node builds a new one, the request
        gets the oldest entry with an equal command that was not acknowledged yet.
        """
        alike = None
        for entry in self._newest_first(log):
            if entry.command is request:
                return entry
            is_new = (entry.index, entry.term) not in self._acknowledged_places
            if entry.command == request and (is_new or isinstance(request, InSession)):
                alike = entry
        return alike

    def _newest_first(self, log: Log) -> Iterator[Entry]:
        """Iterate over the entries of a log, the last one first, and over those that its snapshot stands for."""
        for index in range(log.last_index, log.base_index, -1):
            yield log[index]
        index, term = log.base_index, log.base_term
        while (index, term) in self._entries:
            command, before, _ = self._entries[index, term]
            yield Entry(index=index, term=term, command=command)
            index, term = index - 1, before

    def check_restart(self, server: ObservedServer, last: Entry, now_us: int) -> None:
        """Check the log that a server has after a crash.

        Args:
            server: The server.
            last: The last entry that it had before; other servers may count on it.
            now_us: The time in microseconds.
        """
        if not self._has(log_of(server), last):
            text = f"{server.name} had {_describe(last)} before its crash and has lost it."
            self._report(rules.PROMISES_OUTLIVE_CRASHES, now_us, text, server.name)
            self._check_last_copy(server.name, log_of(server).last_index, now_us)

    def _check_last_copy(self, name: str, after: int, now_us: int) -> None:
        """Check a server that has lost its entries after an index: each acknowledged one must be elsewhere."""
        for entry, _ in reversed(self._acknowledged):
            if entry.index <= after:
                return
            if not any(self._has(log_of(server), entry) for server in self._servers.values()):
                text = f"{name} deletes the last copy of {_describe(entry)}, which was acknowledged to a client."
                self._report(rules.ACKNOWLEDGED_WRITES_LAST, now_us, text, name)


def _describe(entry: Entry) -> str:
    return f"{command_text(entry.command)!r} of term {entry.term} at index {entry.index}"
