"""What logs hold, what was carried out, and what clients were told: what replication must keep."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from raft_steps.lab.commands import Delete, Request, Set, command_text
from raft_steps.lab.log import Change, Entry, Log
from raft_steps.lab.verify.properties import rules
from raft_steps.lab.verify.properties.elections import Break

if TYPE_CHECKING:
    from raft_steps.lab.runtime.host import Host

Place = tuple[int, int]  # an entry's index and term
NOWHERE = Log()


class Logs:
    """Remembers every entry by its index and term, what was applied, and what is committed."""

    def __init__(self, hosts: Mapping[str, Host], broken: Break) -> None:
        """Begin with empty logs.

        Args:
            hosts: The servers, whose disks and logs are looked at where an entry may be lost.
            broken: Whom to tell when a rule breaks.
        """
        self._hosts, self._broken = hosts, broken
        self._entries: dict[Place, tuple[Any, int, str]] = {}  # command, the term before it, and who had it first
        self._applied: dict[int, tuple[Entry, str]] = {}  # what was applied first, and by whom
        self._committed: dict[int, Place] = {}  # the last entry that was committed in a term
        self._acknowledged: list[tuple[Entry, int]] = []  # what clients were told is done, in that order, and the term
        self._told: set[Place] = set()  # the same, by place
        self._leader: tuple[int, Host | None] = (-1, None)  # who began to lead in the newest term

    def changed(self, host: Host, changes: list[Change], now: int) -> None:
        """See a log change."""
        previous = 0  # the index of the entry before, if that is new as well
        before = 0
        for change in changes:
            if change[0] == "truncate":
                self._look_for_lost(host.name, change[1], now)
                previous = 0
                continue
            entry = change[1]
            if entry.index - 1 != previous or not previous:
                before = log_of(host).term_at(entry.index - 1) or 0
            self._match(host.name, entry, before, now)
            previous, before = entry.index, entry.term

    def hold(self, host: Host, now: int) -> None:
        """See the log that a server begins its first life with."""
        before = 0
        for entry in log_of(host):
            self._match(host.name, entry, before, now)
            before = entry.term

    def _match(self, name: str, entry: Entry, before: int, now: int) -> None:
        command, term, first = self._entries.setdefault((entry.index, entry.term), (entry.command, before, name))
        if term != before or (command is not entry.command and command != entry.command):
            what = f"{name} has {command_text(entry.command)!r} at index {entry.index} in term {entry.term}"
            if command != entry.command:
                text = f"{what}, and {first} had {command_text(command)!r} there in the same term."
            else:
                text = f"{what} after an entry of term {before}, and {first} had it after one of term {term}."
            self._broken(rules.LOG_MATCHING, now, text, name, *({first} - {name}))

    def leader_changed(self, host: Host, last: Entry, changes: list[Change], now: int) -> None:
        """See the log of a server change that leads, and led before with this last entry."""
        if any(change[0] == "truncate" for change in changes) and not _has(log_of(host), last):
            text = f"{host.name} leads, and deletes {_named(last)} from its own log."
            self._broken(rules.LEADER_APPEND_ONLY, now, text, host.name)

    def leads(self, host: Host, term: int, now: int) -> None:
        """See a server begin to lead in a term: it must have all that was committed, and all that clients rely on.

        A leader of an older term, elected late, need not have it: nobody follows it any more.
        """
        log = log_of(host)
        if term > self._leader[0]:
            self._leader = (term, host)
        # As many as there were leaders who committed anything; the last of their entries stands for those before it.
        earlier = [(place, since) for since, place in self._committed.items() if since < term]
        (index, of_term), since = max(earlier, default=((0, 0), 0))
        if log.term_at(index) != of_term:
            text = f"{host.name} leads in term {term} without the entry of term {of_term} at index {index}"
            text += f", which was committed in term {since}."
            self._broken(rules.LEADER_COMPLETENESS, now, text, host.name)
        if self._acknowledged:
            entry, since = self._acknowledged[-1]
            if since < term and not _has(log, entry):
                text = f"{host.name} leads in term {term} without {_named(entry)}"
                text += f", and a client was told in term {since} that this is done."
                self._broken(rules.ACKNOWLEDGED_WRITES_LAST, now, text, host.name)

    def commits(self, host: Host, index: int, now: int) -> None:
        """See a leader commit an entry, and all that come before it."""
        term, of_term = getattr(host.node, "current_term", 0), log_of(host).term_at(index)
        if of_term is None:
            return
        self._committed[term] = max((index, of_term), self._committed.get(term, (0, 0)))
        other = self._later_leader(term)
        if other is not None and log_of(other).term_at(index) != of_term:
            text = f"{host.name} commits the entry of term {of_term} at index {index} in term {term}"
            text += f", and {other.name} leads in term {self._leader[0]} without it."
            self._broken(rules.LEADER_COMPLETENESS, now, text, host.name, other.name)

    def _later_leader(self, term: int) -> Host | None:
        """Give who leads in a newer term than this one, if anybody still does."""
        newest, host = self._leader
        if host is None or newest <= term or not host.up:
            return None
        leads = getattr(host.node, "is_leader", False) and getattr(host.node, "current_term", 0) == newest
        return host if leads else None

    def applies(self, name: str, entry: Any, now: int) -> None:
        """See a server carry out an entry."""
        if not isinstance(entry, Entry):
            return
        found, first = self._applied.setdefault(entry.index, (entry, name))
        if found is not entry and found != entry:
            text = f"{name} applies {_named(entry)}, and {first} applied {_named(found)}."
            self._broken(rules.STATE_MACHINE_SAFETY, now, text, name, *({first} - {name}))

    def acknowledges(self, host: Host, request: Request, now: int) -> None:
        """See a server tell a client that its write is done."""
        if not isinstance(request, Set | Delete):
            return
        entry = self._find(log_of(host), request)
        if entry is None:
            text = f"{host.name} tells a client that {command_text(request)!r} is done, and its log has no such entry."
            self._broken(rules.ACKNOWLEDGED_WRITES_LAST, now, text, host.name)
            return
        term = getattr(host.node, "current_term", 0)
        self._acknowledged.append((entry, term))
        self._told.add((entry.index, entry.term))
        if not hasattr(host.node, "commit_index"):  # Before there is one, what a client is told is what is committed.
            self.commits(host, entry.index, now)
        other = self._later_leader(term)
        if other is not None and not _has(log_of(other), entry):
            text = f"{host.name} tells a client in term {term} that {_named(entry)} is done"
            text += f", and {other.name} leads in term {self._leader[0]} without it."
            self._broken(rules.ACKNOWLEDGED_WRITES_LAST, now, text, host.name, other.name)

    def _find(self, log: Log, request: Set | Delete) -> Entry | None:
        """Find the entry of a request: of two requests that say the same, each has its own.

        A Node that builds the command anew is given the oldest entry that says it and that no client was told of.
        """
        alike = None
        for index in range(log.last_index, 0, -1):
            entry = log[index]
            if entry.command is request:
                return entry
            if entry.command == request and (index, entry.term) not in self._told:
                alike = entry
        return alike

    def comes_back(self, host: Host, last: Entry, now: int) -> None:
        """See what a server that crashed still has of its log.

        Args:
            host: The server.
            last: The last entry that it had before; it may have told others of it.
            now: The time, in microseconds.
        """
        if not _has(log_of(host), last):
            text = f"{host.name} had {_named(last)} before its crash and has lost it."
            self._broken(rules.PROMISES_OUTLIVE_CRASHES, now, text, host.name)
            self._look_for_lost(host.name, log_of(host).last_index, now)

    def _look_for_lost(self, name: str, after: int, now: int) -> None:
        """See whether a server had the last copy of an acknowledged entry, now that it lacks what follows an index."""
        for entry, _ in reversed(self._acknowledged):
            if entry.index <= after:
                return
            if not any(_has(log_of(host), entry) for host in self._hosts.values()):
                text = f"{name} deletes the last copy of {_named(entry)}, and a client was told that this is done."
                self._broken(rules.ACKNOWLEDGED_WRITES_LAST, now, text, name)


def log_of(host: Host) -> Log:
    """Give a server's log: of one that is down, its disk's; an empty one where there is none."""
    found = getattr(host.node, "log", None) if host.up else host.disk.get("log")
    return found if isinstance(found, Log) else NOWHERE


def _has(log: Log, entry: Entry) -> bool:
    return entry.index <= log.last_index and log[entry.index] == entry


def _named(entry: Entry) -> str:
    return f"{command_text(entry.command)!r} of term {entry.term} at index {entry.index}"
