"""Wrong Nodes for step 5: a term that is not sent, not read, or read wrongly, and what a rewritten handler forgets."""

from dataclasses import replace

from raft_steps import step_04_leader_election as step_04
from raft_steps.lab.log import Entry
from raft_steps.lab.messages import message
from raft_steps.step_05_term_in_append_entries import AppendEntries


def call_after(node: step_04.Node, prev_log_index: int) -> AppendEntries:
    """Build a call with the term, as the right Node does."""
    return AppendEntries(
        term=node.current_term,
        prev_log_index=prev_log_index,
        prev_log_term=node.log[prev_log_index].term,
        entries=node.log.entries_after(prev_log_index),
    )


class Sends(step_04.Node):
    """The right half of the leader: every call carries the term."""

    def append_entries_after(self, prev_log_index: int) -> AppendEntries:
        return call_after(self, prev_log_index)


class Hears(step_04.Node):
    """The right half of the follower: a call's newer term is adopted."""

    def on_append_entries(self, sender: str, message: AppendEntries) -> None:
        self.current_term = max(self.current_term, message.term)
        self.start_election_timer()
        success = self.store_entries(message.prev_log_index, message.prev_log_term, message.entries)
        self.answer_append_entries(sender, success, message.prev_log_index)


class OldCallIsSent(Hears):
    """The message has a term, but the inherited method still builds the old message."""


class CallIsNotReturned(Hears):
    """The call is built, but not returned."""

    def append_entries_after(self, prev_log_index: int) -> None:
        call_after(self, prev_log_index)


class CallIsSentTwice(Hears):
    """The method that should only build the call also sends it, to all."""

    def append_entries_after(self, prev_log_index: int) -> AppendEntries:
        call = call_after(self, prev_log_index)
        self.broadcast(call)
        return call


class TermOfLastEntryIsSent(Hears):
    """The call carries the term of the last entry instead of the current one."""

    def append_entries_after(self, prev_log_index: int) -> AppendEntries:
        return replace(call_after(self, prev_log_index), term=self.log.last_term)


class OnlyHeartbeatsCarryTheTerm(Hears):
    """A call with entries carries the term 0."""

    def append_entries_after(self, prev_log_index: int) -> AppendEntries:
        call = call_after(self, prev_log_index)
        return replace(call, term=0) if call.entries else call


class RetryBeginsAtTheStart(Hears):
    """A retry carries the whole log, but says that it follows the entry of the retry."""

    def append_entries_after(self, prev_log_index: int) -> AppendEntries:
        return replace(call_after(self, prev_log_index), entries=self.log.entries_after(0))


class EntriesBeginOneLate(Hears):
    """A call lacks the entry that comes after the previous one."""

    def append_entries_after(self, prev_log_index: int) -> AppendEntries:
        return replace(call_after(self, prev_log_index), entries=self.log.entries_after(prev_log_index + 1))


class HandlerIsInherited(Sends):
    """The call carries the term, but the inherited handler expects the old message."""


class TermIsNotRead(Sends):
    """The handler ignores the term."""

    def on_append_entries(self, sender: str, message: AppendEntries) -> None:
        self.start_election_timer()
        success = self.store_entries(message.prev_log_index, message.prev_log_term, message.entries)
        self.answer_append_entries(sender, success, message.prev_log_index)


class TermIsRaisedByOne(Sends):
    """A server that is behind increments its term by one, as a candidate does."""

    def on_append_entries(self, sender: str, message: AppendEntries) -> None:
        if message.term > self.current_term:
            self.current_term += 1
        self.start_election_timer()
        success = self.store_entries(message.prev_log_index, message.prev_log_term, message.entries)
        self.answer_append_entries(sender, success, message.prev_log_index)


class AnyTermIsTaken(Sends):
    """The term of the call is adopted even if it is smaller."""

    def on_append_entries(self, sender: str, message: AppendEntries) -> None:
        self.current_term = message.term
        self.start_election_timer()
        success = self.store_entries(message.prev_log_index, message.prev_log_term, message.entries)
        self.answer_append_entries(sender, success, message.prev_log_index)


class LeaderKnowsBetter(Sends):
    """A leader ignores the term of a call."""

    def on_append_entries(self, sender: str, message: AppendEntries) -> None:
        if not self.is_leader:
            self.current_term = max(self.current_term, message.term)
        self.start_election_timer()
        success = self.store_entries(message.prev_log_index, message.prev_log_term, message.entries)
        self.answer_append_entries(sender, success, message.prev_log_index)


class TimerIsForgotten(Sends):
    """The handler was rewritten without the line that restarts the election timer."""

    def on_append_entries(self, sender: str, message: AppendEntries) -> None:
        self.current_term = max(self.current_term, message.term)
        success = self.store_entries(message.prev_log_index, message.prev_log_term, message.entries)
        self.answer_append_entries(sender, success, message.prev_log_index)


class TimerIsOnlyCancelled(Sends):
    """A call cancels the election timer, which is not started again."""

    def on_append_entries(self, sender: str, message: AppendEntries) -> None:
        self.current_term = max(self.current_term, message.term)
        self.cancel_timer("election")
        success = self.store_entries(message.prev_log_index, message.prev_log_term, message.entries)
        self.answer_append_entries(sender, success, message.prev_log_index)


class RefusedEntriesCountAsSilence(Sends):
    """A call restarts the election timer only if its entries fit."""

    def on_append_entries(self, sender: str, message: AppendEntries) -> None:
        self.current_term = max(self.current_term, message.term)
        success = self.store_entries(message.prev_log_index, message.prev_log_term, message.entries)
        if success:
            self.start_election_timer()
        self.answer_append_entries(sender, success, message.prev_log_index)


class TermOfLastEntryIsCompared(Sends):
    """The term of a call is compared with that of the last entry instead of the current one."""

    def on_append_entries(self, sender: str, message: AppendEntries) -> None:
        self.current_term = max(self.log.last_term, message.term)
        self.start_election_timer()
        success = self.store_entries(message.prev_log_index, message.prev_log_term, message.entries)
        self.answer_append_entries(sender, success, message.prev_log_index)


class AnswerIsForgotten(Sends):
    """The entries are stored, but the call is not answered."""

    def on_append_entries(self, sender: str, message: AppendEntries) -> None:
        self.current_term = max(self.current_term, message.term)
        self.start_election_timer()
        self.store_entries(message.prev_log_index, message.prev_log_term, message.entries)


class OlderCallIsIgnored(Sends):
    """A call of an older term is not answered."""

    def on_append_entries(self, sender: str, message: AppendEntries) -> None:
        if message.term < self.current_term:
            return
        self.current_term = message.term
        self.start_election_timer()
        success = self.store_entries(message.prev_log_index, message.prev_log_term, message.entries)
        self.answer_append_entries(sender, success, message.prev_log_index)


class OlderCallIsAFailure(Sends):
    """A call of an older term is answered as if the preceding entry were missing."""

    def on_append_entries(self, sender: str, message: AppendEntries) -> None:
        up_to_date = message.term >= self.current_term
        self.current_term = max(self.current_term, message.term)
        self.start_election_timer()
        success = self.store_entries(message.prev_log_index, message.prev_log_term, message.entries)
        self.answer_append_entries(sender, success and up_to_date, message.prev_log_index)


class AnswerIsAlwaysYes(Sends):
    """The answer is always success, whether the entries were stored or not."""

    def on_append_entries(self, sender: str, message: AppendEntries) -> None:
        self.current_term = max(self.current_term, message.term)
        self.start_election_timer()
        self.store_entries(message.prev_log_index, message.prev_log_term, message.entries)
        self.answer_append_entries(sender, True, message.prev_log_index)


class EntriesAreForgotten(Sends):
    """The call is answered correctly, but its entries are not stored."""

    def on_append_entries(self, sender: str, message: AppendEntries) -> None:
        self.current_term = max(self.current_term, message.term)
        self.start_election_timer()
        success = self.log.term_at(message.prev_log_index) == message.prev_log_term
        self.answer_append_entries(sender, success, message.prev_log_index)


class OnlyNewTermsBringEntries(Sends):
    """The entries are stored only if the call has a newer term."""

    def on_append_entries(self, sender: str, message: AppendEntries) -> None:
        success = self.log.term_at(message.prev_log_index) == message.prev_log_term
        if message.term > self.current_term:
            self.current_term = message.term
            success = self.store_entries(message.prev_log_index, message.prev_log_term, message.entries)
        self.start_election_timer()
        self.answer_append_entries(sender, success, message.prev_log_index)


@message
class CallWithTermReady:
    """A call whose term is 0 by default."""

    term: int = 0
    prev_log_index: int
    prev_log_term: int
    entries: tuple[Entry, ...]


@message
class CallWithTermPerhaps:
    """A call whose term may be None."""

    term: int | None
    prev_log_index: int
    prev_log_term: int
    entries: tuple[Entry, ...]


@message
class CallWithTermAsText:
    """A call whose term is a string."""

    term: str
    prev_log_index: int
    prev_log_term: int
    entries: tuple[Entry, ...]


CallWithTermAsText.__name__ = CallWithTermReady.__name__ = CallWithTermPerhaps.__name__ = "AppendEntries"


class TermHasADefault(Sends):
    """The message has a default for its term, so that no caller has to change."""

    def on_append_entries(self, sender: str, message: CallWithTermReady) -> None:
        self.current_term = max(self.current_term, message.term)
        self.start_election_timer()
        success = self.store_entries(message.prev_log_index, message.prev_log_term, message.entries)
        self.answer_append_entries(sender, success, message.prev_log_index)


class TermMayBeNone(Sends):
    """The message accepts None as its term."""

    def on_append_entries(self, sender: str, message: CallWithTermPerhaps) -> None:
        self.current_term = max(self.current_term, message.term or 0)
        self.start_election_timer()
        success = self.store_entries(message.prev_log_index, message.prev_log_term, message.entries)
        self.answer_append_entries(sender, success, message.prev_log_index)


class TermIsAString(step_04.Node):
    """The message declares a string, and the sender converts its term."""

    def append_entries_after(self, prev_log_index: int) -> CallWithTermAsText:
        return CallWithTermAsText(
            term=str(self.current_term),
            prev_log_index=prev_log_index,
            prev_log_term=self.log[prev_log_index].term,
            entries=self.log.entries_after(prev_log_index),
        )

    def on_append_entries(self, sender: str, message: CallWithTermAsText) -> None:
        self.current_term = max(self.current_term, int(message.term))
        self.start_election_timer()
        success = self.store_entries(message.prev_log_index, message.prev_log_term, message.entries)
        self.answer_append_entries(sender, success, message.prev_log_index)
