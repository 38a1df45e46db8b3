"""Wrong Nodes for step 10: comparisons of two logs that are not the paper's, and votes that are lost or granted twice.

Two of them are, or were, in the code of others: both numbers at least as large, and an index without its term.
"""

from raft_steps import step_10_up_to_date_logs as step_10
from raft_steps.lab.log import Entry
from raft_steps.step_10_up_to_date_logs import RequestVote

# Wrong comparisons.


class BothAtLeastAsLarge(step_10.Node):
    """The original's comparison: neither number may be smaller, so of some logs neither is up to date."""

    def is_up_to_date(self, last_log_term: int, last_log_index: int) -> bool:
        return last_log_term >= self.log.last_term and last_log_index >= self.log.last_index


class EitherAtLeastAsLarge(step_10.Node):
    """One of the two numbers is enough."""

    def is_up_to_date(self, last_log_term: int, last_log_index: int) -> bool:
        return last_log_term >= self.log.last_term or last_log_index >= self.log.last_index


class IndexAlone(step_10.Node):
    """The longer log wins, whatever its terms."""

    def is_up_to_date(self, last_log_term: int, last_log_index: int) -> bool:
        return last_log_index >= len(self.log)


class TermAlone(step_10.Node):
    """The newer last term wins, and of two equal ones either."""

    def is_up_to_date(self, last_log_term: int, last_log_index: int) -> bool:
        return last_log_term >= self.log.last_term


class IndexFirst(step_10.Node):
    """The pairs are compared in the wrong order."""

    def is_up_to_date(self, last_log_term: int, last_log_index: int) -> bool:
        return (last_log_index, last_log_term) >= (self.log.last_index, self.log.last_term)


class MoreIsNeeded(step_10.Node):
    """An equal log is not enough."""

    def is_up_to_date(self, last_log_term: int, last_log_index: int) -> bool:
        return (last_log_term, last_log_index) > (self.log.last_term, self.log.last_index)


class NewerTermIsNeeded(step_10.Node):
    """Of two logs with the same last term neither is up to date."""

    def is_up_to_date(self, last_log_term: int, last_log_index: int) -> bool:
        return last_log_term > self.log.last_term


class OwnTermIsCompared(step_10.Node):
    """The voter compares its current term instead of its last entry's."""

    def is_up_to_date(self, last_log_term: int, last_log_index: int) -> bool:
        return (last_log_term, last_log_index) >= (self.current_term, self.log.last_index)


class CandidatesTermIsCompared(step_10.Node):
    """The voter compares the candidate's current term instead of its last entry's."""

    def on_request_vote(self, sender: str, message: RequestVote) -> None:
        said = RequestVote(
            term=message.term, last_log_index=message.last_log_index, last_log_term=message.term
        )  # fmt: skip
        super().on_request_vote(sender, said)


class ArgumentsAreSwapped(step_10.Node):
    """Term and index are swapped in the comparison."""

    def is_up_to_date(self, last_log_term: int, last_log_index: int) -> bool:
        return super().is_up_to_date(last_log_index, last_log_term)


class OneBehindIsEnough(step_10.Node):
    """The voter's last index is too small by one."""

    def is_up_to_date(self, last_log_term: int, last_log_index: int) -> bool:
        return (last_log_term, last_log_index) >= (self.log.last_term, self.log.last_index - 1)


class WhatIsCarriedOutCounts(step_10.Node):
    """Only applied entries are compared; but a committed one may have been applied elsewhere."""

    carried_out: int = 0

    def apply(self, entry: Entry) -> None:
        super().apply(entry)
        self.carried_out = entry.index

    def on_start(self) -> None:
        super().on_start()
        self.carried_out = 0

    def is_up_to_date(self, last_log_term: int, last_log_index: int) -> bool:
        term = self.log.term_at(self.carried_out) or 0
        return (last_log_term, last_log_index) >= (term, self.carried_out)


class NobodyLooks(step_10.Node):
    """The candidate sends the end of its log, and the voter ignores it."""

    def is_up_to_date(self, last_log_term: int, last_log_index: int) -> bool:
        return True


# Wrong voters.


class LogIsEnough(step_10.Node):
    """Any candidate with an up-to-date log gets the vote, even a second one."""

    def on_request_vote(self, sender: str, message: RequestVote) -> None:
        if message.term == self.current_term:
            self.voted_for = None
        super().on_request_vote(sender, message)


class BetterLogTakesTheVote(step_10.Node):
    """A candidate with a more up-to-date log gets a vote that was already granted."""

    def on_request_vote(self, sender: str, message: RequestVote) -> None:
        more = (message.last_log_term, message.last_log_index) > (self.log.last_term, self.log.last_index)
        if more and message.term == self.current_term and not self.votes:
            self.voted_for = None
        super().on_request_vote(sender, message)


class CandidateTakesItsVoteBack(step_10.Node):
    """A candidate votes for another one with a more up-to-date log."""

    def on_request_vote(self, sender: str, message: RequestVote) -> None:
        more = (message.last_log_term, message.last_log_index) > (self.log.last_term, self.log.last_index)
        if more and message.term == self.current_term and self.voted_for == self.name:
            self.voted_for = None
        super().on_request_vote(sender, message)


class OlderTermIsNotRefused(step_10.Node):
    """With an up-to-date log, even an older term gets the vote."""

    def on_request_vote(self, sender: str, message: RequestVote) -> None:
        if message.term < self.current_term:
            self.answer_request_vote(sender, self.is_up_to_date(message.last_log_term, message.last_log_index))
        else:
            super().on_request_vote(sender, message)


class VoteIsNotWrittenDown(step_10.Node):
    """The vote is granted, but not stored."""

    def on_request_vote(self, sender: str, message: RequestVote) -> None:
        before = self.voted_for if message.term <= self.current_term else None
        super().on_request_vote(sender, message)
        self.voted_for = before


class AsksOnlyOnce(step_10.Node):
    """A candidate whose request arrives twice is refused the second time; the first reply may be lost."""

    def on_request_vote(self, sender: str, message: RequestVote) -> None:
        if message.term == self.current_term and self.voted_for is not None:
            self.answer_request_vote(sender, False)
        else:
            super().on_request_vote(sender, message)


class RefusalIsAVote(step_10.Node):
    """The candidate is stored in voted_for before its log is compared."""

    def on_request_vote(self, sender: str, message: RequestVote) -> None:
        super().on_request_vote(sender, message)
        if message.term == self.current_term and self.voted_for is None:
            self.voted_for = sender


class RefusedTermIsNotLearned(step_10.Node):
    """The log is compared first: the term of a refused candidate is not adopted."""

    def on_request_vote(self, sender: str, message: RequestVote) -> None:
        if self.is_up_to_date(message.last_log_term, message.last_log_index):
            super().on_request_vote(sender, message)
        else:
            self.answer_request_vote(sender, False)


class RefusesInSilence(step_10.Node):
    """A candidate whose log is not up to date gets no reply."""

    def on_request_vote(self, sender: str, message: RequestVote) -> None:
        self.learn_term(message.term)
        if self.is_up_to_date(message.last_log_term, message.last_log_index):
            super().on_request_vote(sender, message)


class RefusalRestartsTheTimer(step_10.Node):
    """Every RequestVote restarts the election timer."""

    def on_request_vote(self, sender: str, message: RequestVote) -> None:
        super().on_request_vote(sender, message)
        self.start_election_timer()


class VoteRestartsNoTimer(step_10.Node):
    """A voter does not restart its election timer."""

    def on_request_vote(self, sender: str, message: RequestVote) -> None:
        self.learn_term(message.term)
        granted = (
            message.term == self.current_term
            and self.voted_for in (None, sender)
            and self.is_up_to_date(message.last_log_term, message.last_log_index)
        )
        if granted:
            self.voted_for = sender
        self.answer_request_vote(sender, granted)


NEWER = "a newer last term beats a longer log"
LONGER = "with equal last terms the longer log wins"
EQUAL = "an equal log is up to date"
NO_COST = "a refusal does not use up the vote"
AS_BEFORE = "a better log does not override a vote"
TIMER = "a refused log does not restart the timer"
COMMITTED = "a candidate without a committed entry loses"
TOTAL = "of two logs one is always up to date"

# For each wrong Node, the check that should catch it, and the kind of event that the check marks.
MISTAKES: tuple[tuple[type, str, str], ...] = (
    (BothAtLeastAsLarge, NEWER, "delivered"),
    (BothAtLeastAsLarge, TOTAL, "sent"),
    (IndexFirst, NEWER, "delivered"),
    (IndexFirst, TOTAL, "role"),
    (EitherAtLeastAsLarge, NEWER, "sent"),
    (IndexAlone, NEWER, "delivered"),
    (CandidatesTermIsCompared, NEWER, "sent"),
    (ArgumentsAreSwapped, NEWER, "delivered"),
    (TermAlone, LONGER, "sent"),
    (OneBehindIsEnough, LONGER, "sent"),
    (WhatIsCarriedOutCounts, LONGER, "sent"),
    (MoreIsNeeded, EQUAL, "delivered"),
    (NewerTermIsNeeded, EQUAL, "delivered"),
    (OwnTermIsCompared, EQUAL, "delivered"),
    (RefusalIsAVote, NO_COST, "delivered"),
    (RefusedTermIsNotLearned, NO_COST, "delivered"),
    (RefusesInSilence, NO_COST, "delivered"),
    (LogIsEnough, AS_BEFORE, "sent"),
    (BetterLogTakesTheVote, AS_BEFORE, "sent"),
    (CandidateTakesItsVoteBack, AS_BEFORE, "sent"),
    (OlderTermIsNotRefused, AS_BEFORE, "sent"),
    (VoteIsNotWrittenDown, AS_BEFORE, "sent"),
    (AsksOnlyOnce, AS_BEFORE, "delivered"),
    (RefusalRestartsTheTimer, TIMER, "sent"),
    (VoteRestartsNoTimer, TIMER, "sent"),
    (NobodyLooks, COMMITTED, "role"),
)
