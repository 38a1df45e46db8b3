"""Wrong Nodes of each of steps 9 to 12: servers that handle a leader's call, or a client's request, wrongly.

Each mistake is a mixin, so that it can be made in every step in which it can be written. Several are from real code:
the students' guide to Raft of MIT 6.824, and bug reports of etcd, hashicorp/raft, LogCabin, PySyncObj and eliben/raft.
"""

from __future__ import annotations

from typing import Any

from raft_steps import node
from raft_steps.lab.commands import Get, NotLeader, Ok
from raft_steps.lab.log import Entry, Log

Entries = tuple[Entry, ...]
STORED, OLDER, SAME, CLIENTS, TIMER = (
    "calls are stored as before",
    "an older call changes nothing",
    "a candidate follows the leader of its term",
    "only a leader logs",
    "the election timer is as before",
)


class AppendsBeforeTheCheck:
    """What continues the log is appended before the consistency check."""

    def store_entries(self: Any, prev_log_index: int, prev_log_term: int, entries: Entries) -> bool:
        for entry in entries:
            if entry.index == self.log.last_index + 1:
                self.log.append(entry)
        return super().store_entries(prev_log_index, prev_log_term, entries)  # type: ignore[misc, no-any-return]


class OnlyTheIndexIsChecked:
    """The consistency check compares the index and not the term."""

    def store_entries(self: Any, prev_log_index: int, prev_log_term: int, entries: Entries) -> bool:
        term = self.log.term_at(prev_log_index)
        return super().store_entries(prev_log_index, term if term is not None else -1, entries)  # type: ignore[misc, no-any-return]


class OnlyTheLengthIsChecked:
    """A call is refused only if it leaves a gap, and the last entry's term stands for that of the preceding one."""

    def store_entries(self: Any, prev_log_index: int, prev_log_term: int, entries: Entries) -> bool:
        if prev_log_index > self.log.last_index or prev_log_term > self.log.last_term:
            return False
        return super().store_entries(prev_log_index, self.log.term_at(prev_log_index), entries)  # type: ignore[misc, no-any-return]


class AnyEntryOfTheTermWillDo:
    """The term of the preceding entry is looked for anywhere in the log."""

    def store_entries(self: Any, prev_log_index: int, prev_log_term: int, entries: Entries) -> bool:
        known = {0, *(entry.term for entry in self.log)}
        if prev_log_index > self.log.last_index or prev_log_term not in known:
            return False
        return super().store_entries(prev_log_index, self.log.term_at(prev_log_index), entries)  # type: ignore[misc, no-any-return]


class HeartbeatsAreNotChecked:
    """A call without entries is acknowledged without the consistency check (MIT 6.824 students' guide)."""

    def store_entries(self: Any, prev_log_index: int, prev_log_term: int, entries: Entries) -> bool:
        return not entries or super().store_entries(prev_log_index, prev_log_term, entries)  # type: ignore[misc]


class TruncatesOnEveryCall:
    """Everything after the preceding entry is deleted, whether it conflicts or not (MIT 6.824 students' guide)."""

    def store_entries(self: Any, prev_log_index: int, prev_log_term: int, entries: Entries) -> bool:
        if self.log.term_at(prev_log_index) != prev_log_term:
            return False
        self.log.truncate_after(prev_log_index)
        for entry in entries:
            self.log.append(entry)
        return True


class TruncatesWhenThereAreEntries:
    """Everything after the preceding entry is deleted if the call has entries: a late one shortens the log."""

    def store_entries(self: Any, prev_log_index: int, prev_log_term: int, entries: Entries) -> bool:
        if self.log.term_at(prev_log_index) != prev_log_term:
            return False
        if entries:
            self.log.truncate_after(prev_log_index)
        for entry in entries:
            self.log.append(entry)
        return True


class DeletesWhatFollows:
    """What matches is kept, and whatever comes after the last entry of the call is deleted."""

    def store_entries(self: Any, prev_log_index: int, prev_log_term: int, entries: Entries) -> bool:
        stored: bool = super().store_entries(prev_log_index, prev_log_term, entries)  # type: ignore[misc]
        if stored and entries:
            self.log.truncate_after(entries[-1].index)
        return stored


class ConflictsStay:
    """Only what continues the log is appended; a conflicting entry is never deleted."""

    def store_entries(self: Any, prev_log_index: int, prev_log_term: int, entries: Entries) -> bool:
        if self.log.term_at(prev_log_index) != prev_log_term:
            return False
        for entry in entries:
            if entry.index == self.log.last_index + 1:
                self.log.append(entry)
        return True


class OnlyNewerTermsConflict:
    """An entry replaces another only if its term is newer."""

    def store_entries(self: Any, prev_log_index: int, prev_log_term: int, entries: Entries) -> bool:
        kept = tuple(entry for entry in entries if (self.log.term_at(entry.index) or 0) <= entry.term)
        return super().store_entries(prev_log_index, prev_log_term, kept)  # type: ignore[misc, no-any-return]


class ConflictsAreFoundByLength:
    """A call that does not make the log longer is taken for one whose entries are there."""

    def store_entries(self: Any, prev_log_index: int, prev_log_term: int, entries: Entries) -> bool:
        if prev_log_index + len(entries) <= self.log.last_index:
            return bool(self.log.term_at(prev_log_index) == prev_log_term)
        return super().store_entries(prev_log_index, prev_log_term, entries)  # type: ignore[misc, no-any-return]


class OnlyTheFirstEntryIsCompared:
    """If the first entry of a call is there, so are the others, it is assumed."""

    def store_entries(self: Any, prev_log_index: int, prev_log_term: int, entries: Entries) -> bool:
        if entries and self.log.term_at(entries[0].index) == entries[0].term:
            beyond = tuple(entry for entry in entries if entry.index > self.log.last_index)
            return super().store_entries(prev_log_index, prev_log_term, beyond)  # type: ignore[misc, no-any-return]
        return super().store_entries(prev_log_index, prev_log_term, entries)  # type: ignore[misc, no-any-return]


class ConflictingEntryAloneIsReplaced:
    """A conflicting entry is replaced, and the ones after it stay."""

    def store_entries(self: Any, prev_log_index: int, prev_log_term: int, entries: Entries) -> bool:
        rest = self.log.entries_after(entries[-1].index) if entries else ()
        stored: bool = super().store_entries(prev_log_index, prev_log_term, entries)  # type: ignore[misc]
        if stored and rest and self.log.last_index + 1 == rest[0].index:
            for entry in rest:
                self.log.append(entry)
        return stored


class OwnTermIsStamped:
    """Entries are stored with the term of the call."""

    def store_entries(self: Any, prev_log_index: int, prev_log_term: int, entries: Entries) -> bool:
        stamped = tuple(Entry(index=each.index, term=self.current_term, command=each.command) for each in entries)
        return super().store_entries(prev_log_index, prev_log_term, stamped)  # type: ignore[misc, no-any-return]


class OneEntryForEachCall:
    """Only the first entry of a call is stored."""

    def store_entries(self: Any, prev_log_index: int, prev_log_term: int, entries: Entries) -> bool:
        return super().store_entries(prev_log_index, prev_log_term, entries[:1])  # type: ignore[misc, no-any-return]


class LogIsWrittenAnew:
    """A call of a newer leader replaces the log from the preceding entry on, as a snapshot would."""

    def store_entries(self: Any, prev_log_index: int, prev_log_term: int, entries: Entries) -> bool:
        if self.log.term_at(prev_log_index) != prev_log_term:
            return False
        self.log = Log([*list(self.log)[:prev_log_index], *entries])
        return True


class StoresWhatItRefuses:
    """A call of an older term is refused, and stored."""

    def on_append_entries(self: Any, sender: str, message: Any) -> None:
        if message.term < self.current_term:
            self.store_entries(message.prev_log_index, message.prev_log_term, message.entries)
        super().on_append_entries(sender, message)  # type: ignore[misc]


class OlderLeadersAreFollowed:
    """The term of a call is not compared."""

    def on_append_entries(self: Any, sender: str, message: Any) -> None:
        kept, self.current_term = self.current_term, min(self.current_term, message.term)
        super().on_append_entries(sender, message)  # type: ignore[misc]
        self.current_term = max(kept, self.current_term)


class OlderCallsRestartTheTimer:
    """Every call restarts the election timer, also one that is refused for its term (eliben/raft had this)."""

    def on_append_entries(self: Any, sender: str, message: Any) -> None:
        super().on_append_entries(sender, message)  # type: ignore[misc]
        if message.term < self.current_term and not self.is_leader:
            self.start_election_timer()


class OlderCallsEndACandidacy:
    """Every call makes the receiver a follower before its term is compared."""

    def on_append_entries(self: Any, sender: str, message: Any) -> None:
        if message.term < self.current_term:
            self.become_follower()
        super().on_append_entries(sender, message)  # type: ignore[misc]


class OlderCallsAreIgnored:
    """A call of an older term is not answered, so the old leader never learns the term."""

    def on_append_entries(self: Any, sender: str, message: Any) -> None:
        if message.term >= self.current_term:
            super().on_append_entries(sender, message)  # type: ignore[misc]


class RefusalCarriesTheCallsTerm:
    """A refusal carries the term of the call."""

    asked: int = 0

    def on_append_entries(self: Any, sender: str, message: Any) -> None:
        self.asked = message.term
        super().on_append_entries(sender, message)  # type: ignore[misc]

    def send(self: Any, to: str, message: Any) -> None:
        if type(message).__name__ == "AppendEntriesRefused":
            message = type(message)(term=self.asked)
        super().send(to, message)  # type: ignore[misc]


class CandidateRefusesItsLeader:
    """A candidate takes the leader of its own term for an older one."""

    def on_append_entries(self: Any, sender: str, message: Any) -> None:
        if message.term == self.current_term and self.voted_for == self.name and not self.is_leader:
            self.refuse_append_entries(sender)
        else:
            super().on_append_entries(sender, message)  # type: ignore[misc]


class CandidateIgnoresItsLeader:
    """A candidate goes on waiting for votes when another server leads in its term."""

    def on_append_entries(self: Any, sender: str, message: Any) -> None:
        if message.term > self.current_term or self.voted_for != self.name or self.is_leader:
            super().on_append_entries(sender, message)  # type: ignore[misc]
        elif message.term < self.current_term:
            self.refuse_append_entries(sender)


class OnlyNewerTermsAreFollowed:
    """The comparison is <= instead of <: only the first call of a term is accepted."""

    def on_append_entries(self: Any, sender: str, message: Any) -> None:
        if message.term <= self.current_term:
            self.refuse_append_entries(sender)
        else:
            super().on_append_entries(sender, message)  # type: ignore[misc]


class FailedCheckDoesNotRestart:
    """A call that fails the consistency check does not restart the election timer."""

    waiting: bool = True

    def on_append_entries(self: Any, sender: str, message: Any) -> None:
        self.waiting = self.log.term_at(message.prev_log_index) == message.prev_log_term or self.is_leader
        super().on_append_entries(sender, message)  # type: ignore[misc]
        self.waiting = True

    def start_election_timer(self: Any) -> None:
        if self.waiting:
            super().start_election_timer()  # type: ignore[misc]


class OnlyEntriesRestartTheTimer:
    """A heartbeat does not restart the election timer, only a call with entries does."""

    waiting: bool = True

    def on_append_entries(self: Any, sender: str, message: Any) -> None:
        self.waiting = bool(message.entries) or self.is_leader
        super().on_append_entries(sender, message)  # type: ignore[misc]
        self.waiting = True

    def start_election_timer(self: Any) -> None:
        if self.waiting:
            super().start_election_timer()  # type: ignore[misc]


class AnswersTheWrongServer:
    """Every answer goes to the first of the others."""

    def answer_append_entries(self: Any, to: str, *answer: Any) -> None:
        super().answer_append_entries(self.peers()[0], *answer)  # type: ignore[misc]


class AnswersTwice:
    """Every accepted call is answered twice."""

    def answer_append_entries(self: Any, to: str, *answer: Any) -> None:
        super().answer_append_entries(to, *answer)  # type: ignore[misc]
        super().answer_append_entries(to, *answer)  # type: ignore[misc]


class SaysYesAnyway:
    """A call that fails the consistency check is acknowledged."""

    def answer_append_entries(self: Any, to: str, success: bool, *answer: Any) -> None:
        super().answer_append_entries(to, True, *answer)  # type: ignore[misc]


class FollowersLogWrites:
    """A write is logged before the server finds out that it does not lead (and the client is turned away)."""

    def on_client_request(self: Any, client: str, request: Any) -> None:
        if not self.is_leader and not isinstance(request, Get):
            self.log.append(self.next_entry(request))
        super().on_client_request(client, request)  # type: ignore[misc]


class FollowersAnswerReads:
    """A server that does not lead answers reads from its state machine."""

    def on_client_request(self: Any, client: str, request: Any) -> None:
        if not self.is_leader and isinstance(request, Get):
            self.reply(client, Ok(value=self.state_machine.get(request.key)))
        else:
            super().on_client_request(client, request)  # type: ignore[misc]


class CandidatesAcceptWrites:
    """A candidate logs writes: it is going to lead, it expects."""

    def on_client_request(self: Any, client: str, request: Any) -> None:
        if not self.is_leader and self.voted_for == self.name and not isinstance(request, Get):
            self.log.append(self.next_entry(request))
            self.reply(client, NotLeader())
        else:
            super().on_client_request(client, request)  # type: ignore[misc]


class WritesAreLoggedTwice:
    """A leader logs a write a second time for the client that repeats it."""

    def write(self: Any, client: str, command: Any) -> None:
        self.log.append(self.next_entry(command))
        super().write(client, command)  # type: ignore[misc]


# For each mistake, the check of step 9 that should catch it.
MIXINS: tuple[tuple[type, str], ...] = (
    (AppendsBeforeTheCheck, STORED),
    (OnlyTheIndexIsChecked, STORED),
    (OnlyTheLengthIsChecked, STORED),
    (AnyEntryOfTheTermWillDo, STORED),
    (HeartbeatsAreNotChecked, STORED),
    (TruncatesOnEveryCall, STORED),
    (TruncatesWhenThereAreEntries, STORED),
    (DeletesWhatFollows, STORED),
    (ConflictsStay, STORED),
    (OnlyNewerTermsConflict, STORED),
    (ConflictsAreFoundByLength, STORED),
    (OnlyTheFirstEntryIsCompared, STORED),
    (ConflictingEntryAloneIsReplaced, STORED),
    (OwnTermIsStamped, STORED),
    (OneEntryForEachCall, STORED),
    (LogIsWrittenAnew, STORED),
    (StoresWhatItRefuses, OLDER),
    (OlderLeadersAreFollowed, OLDER),
    (OlderCallsRestartTheTimer, OLDER),
    (OlderCallsEndACandidacy, OLDER),
    (OlderCallsAreIgnored, OLDER),
    (RefusalCarriesTheCallsTerm, OLDER),
    (CandidateRefusesItsLeader, SAME),
    (CandidateIgnoresItsLeader, SAME),
    (OnlyNewerTermsAreFollowed, SAME),
    (FailedCheckDoesNotRestart, TIMER),
    (OnlyEntriesRestartTheTimer, TIMER),
    (AnswersTheWrongServer, STORED),
    (AnswersTwice, STORED),
    (SaysYesAnyway, STORED),
    (FollowersLogWrites, CLIENTS),
    (FollowersAnswerReads, CLIENTS),
    (CandidatesAcceptWrites, CLIENTS),
    (WritesAreLoggedTwice, CLIENTS),
)


def wrong_node(mistake: type, step: int) -> type:
    """Return the Node of a step with one mistake."""
    return type(mistake.__name__, (mistake, node(step)), {})
