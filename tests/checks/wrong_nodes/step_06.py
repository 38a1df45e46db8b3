"""Wrong Nodes for step 6: calls that are refused, followed or answered in the wrong case, or only in part."""

import random

from raft_steps import step_05_term_in_append_entries as step_05
from raft_steps.step_05_term_in_append_entries import AppendEntries
from raft_steps.step_06_term_checks import AppendEntriesRefused


class Rest(step_05.Node):
    """A right Node, of which each wrong one changes one method."""

    def on_append_entries(self, sender: str, message: AppendEntries) -> None:
        if message.term < self.current_term:
            self.refuse_append_entries(sender)
        else:
            self.follow(sender, message)

    def follow(self, sender: str, message: AppendEntries) -> None:
        self.current_term = message.term
        self.become_follower()
        success = self.store_entries(message.prev_log_index, message.prev_log_term, message.entries)
        self.answer_append_entries(sender, success, message.prev_log_index)

    def become_follower(self) -> None:
        self.is_leader = False
        self.is_candidate = False
        self.start_election_timer()

    def refuse_append_entries(self, to: str) -> None:
        self.send(to, AppendEntriesRefused(term=self.current_term))

    def on_append_entries_refused(self, sender: str, message: AppendEntriesRefused) -> None:
        pass


class OwnTermIsRefused(Rest):
    """The comparison is <= instead of <."""

    def on_append_entries(self, sender: str, message: AppendEntries) -> None:
        if message.term <= self.current_term:
            self.refuse_append_entries(sender)
        else:
            self.follow(sender, message)


class OlderTermIsFollowed(Rest):
    """The comparison is reversed."""

    def on_append_entries(self, sender: str, message: AppendEntries) -> None:
        if message.term > self.current_term:
            self.refuse_append_entries(sender)
        else:
            self.follow(sender, message)


class RefusalIsAFailure(Rest):
    """An older term is answered as if only the preceding entry were missing."""

    def on_append_entries(self, sender: str, message: AppendEntries) -> None:
        if message.term < self.current_term:
            self.answer_append_entries(sender, False, message.prev_log_index)
        else:
            self.follow(sender, message)


class AnswerNamesTheLastEntry(Rest):
    """The answer to a call names the last entry of the log instead of the one that the call follows."""

    def follow(self, sender: str, message: AppendEntries) -> None:
        self.current_term = message.term
        self.become_follower()
        success = self.store_entries(message.prev_log_index, message.prev_log_term, message.entries)
        self.answer_append_entries(sender, success, self.log.last_index)


class MissingEntryIsSilence(Rest):
    """A call restarts the election timer only if the preceding entry is there."""

    def follow(self, sender: str, message: AppendEntries) -> None:
        self.current_term = message.term
        self.is_leader = self.is_candidate = False
        success = self.store_entries(message.prev_log_index, message.prev_log_term, message.entries)
        if success:
            self.start_election_timer()
        self.answer_append_entries(sender, success, message.prev_log_index)


class RefusalIsSilence(Rest):
    """A call of an older term is not answered."""

    def on_append_entries(self, sender: str, message: AppendEntries) -> None:
        if message.term >= self.current_term:
            self.follow(sender, message)


class RefusalCarriesTheOldTerm(Rest):
    """The refusal carries the term of the refused call."""

    def on_append_entries(self, sender: str, message: AppendEntries) -> None:
        if message.term < self.current_term:
            self.send(sender, AppendEntriesRefused(term=message.term))
        else:
            self.follow(sender, message)


class TimerComesFirst(Rest):
    """Every call restarts the election timer before its term is compared."""

    def on_append_entries(self, sender: str, message: AppendEntries) -> None:
        self.start_election_timer()
        if message.term < self.current_term:
            self.refuse_append_entries(sender)
        else:
            self.follow(sender, message)


class FollowingComesFirst(Rest):
    """Every call makes the server a follower before its term is compared."""

    def on_append_entries(self, sender: str, message: AppendEntries) -> None:
        leads, runs = self.is_leader, self.is_candidate
        self.is_leader = self.is_candidate = False
        if message.term < self.current_term:
            self.is_leader, self.is_candidate = False, runs and not leads
            self.refuse_append_entries(sender)
        else:
            self.follow(sender, message)


class ElseIsForgotten(Rest):
    """An older term is refused, but its entries are stored nevertheless."""

    def on_append_entries(self, sender: str, message: AppendEntries) -> None:
        if message.term < self.current_term:
            self.refuse_append_entries(sender)
        else:
            self.current_term = message.term
            self.become_follower()
        if self.store_entries(message.prev_log_index, message.prev_log_term, message.entries):
            self.answer_append_entries(sender, True, message.prev_log_index)


class VoteIsForgottenToo(Rest):
    """A refusal clears the vote."""

    def refuse_append_entries(self, to: str) -> None:
        self.voted_for = None
        self.send(to, AppendEntriesRefused(term=self.current_term))


class VoteIsForgottenByFollowing(Rest):
    """Following clears the vote, in the same term too."""

    def become_follower(self) -> None:
        self.is_leader = False
        self.is_candidate = False
        self.voted_for = None
        self.start_election_timer()


class CandidateGivesUp(Rest):
    """A candidate that refuses a call cancels its election timer."""

    def refuse_append_entries(self, to: str) -> None:
        if self.is_candidate:
            self.is_candidate = False
            self.cancel_timer("election")
        self.send(to, AppendEntriesRefused(term=self.current_term))


class CandidateStaysCandidate(Rest):
    """Following does not reset is_candidate."""

    def become_follower(self) -> None:
        self.is_leader = False
        self.start_election_timer()


class LeaderStaysLeader(Rest):
    """Following does not reset is_leader."""

    def become_follower(self) -> None:
        self.is_candidate = False
        self.start_election_timer()


class OnlyNewTermsDepose(Rest):
    """A leader that receives a call of its own term follows it, and keeps leading."""

    def follow(self, sender: str, message: AppendEntries) -> None:
        if message.term > self.current_term:
            self.is_leader = False
        self.current_term = message.term
        self.is_candidate = False
        self.start_election_timer()
        success = self.store_entries(message.prev_log_index, message.prev_log_term, message.entries)
        self.answer_append_entries(sender, success, message.prev_log_index)


class TermIsNotAdopted(Rest):
    """A later term is followed, but not adopted."""

    def follow(self, sender: str, message: AppendEntries) -> None:
        self.become_follower()
        success = self.store_entries(message.prev_log_index, message.prev_log_term, message.entries)
        self.answer_append_entries(sender, success, message.prev_log_index)


class TimerIsForgotten(Rest):
    """Following restarts the election timer only for a server that was not a follower before."""

    def become_follower(self) -> None:
        if self.is_leader or self.is_candidate:
            self.start_election_timer()
        self.is_leader = False
        self.is_candidate = False


class DeposedForever(Rest):
    """A deposed leader does not start its election timer."""

    def become_follower(self) -> None:
        if not self.is_leader:
            self.start_election_timer()
        self.is_leader = False
        self.is_candidate = False


class RefusalIsRetried(Rest):
    """A refusal is treated as a failure: the leader retries at once, one entry earlier."""

    def on_append_entries_refused(self, sender: str, message: AppendEntriesRefused) -> None:
        self.send(sender, self.append_entries_after(self.index_before(self.log.last_index)))


class RefusalSetsTheTerm(Rest):
    """Whatever term a refusal carries is taken over, also that of one that is late."""

    def on_append_entries_refused(self, sender: str, message: AppendEntriesRefused) -> None:
        self.current_term = message.term
        self.become_follower()


class RefusalHasNoHandler(step_05.Node):
    """The refusal is sent, but there is no handler for it."""

    on_append_entries = Rest.on_append_entries
    follow = Rest.follow
    become_follower = Rest.become_follower
    refuse_append_entries = Rest.refuse_append_entries


class DropsAtRandom(Rest):
    """Most calls are dropped, with Python's module random: the verdict must not depend on the process."""

    def on_append_entries(self, sender: str, message: AppendEntries) -> None:
        if random.random() < 0.8:
            return
        super().on_append_entries(sender, message)
