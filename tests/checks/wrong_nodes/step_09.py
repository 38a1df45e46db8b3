"""Wrong Nodes for step 9: terms that are not followed, stale messages that count, and wrong majorities."""

from raft_steps import step_09_one_vote_per_term as step_09
from raft_steps.step_04_leader_election import RequestVote
from raft_steps.step_06_term_checks import AppendEntriesRefused
from raft_steps.step_09_one_vote_per_term import AppendEntriesReply, RequestVoteReply


class ReplyCarriesTheOldTerm(step_09.Node):
    """The reply carries the term in which the server was when it was asked."""

    def on_request_vote(self, sender: str, message: RequestVote) -> None:
        term = self.current_term
        self.learn_term(message.term)
        vote_granted = message.term == self.current_term and self.voted_for in (None, sender)
        if vote_granted:
            self.voted_for = sender
            self.start_election_timer()
        self.send(sender, RequestVoteReply(term=term, vote_granted=vote_granted))


class ReplyCarriesTheTermOfTheLog(step_09.Node):
    """The acknowledgement carries the term of the last entry instead of the current one."""

    def answer_append_entries(self, to: str, success: bool, prev_log_index: int) -> None:
        reply = AppendEntriesReply(term=self.log.last_term, success=success, prev_log_index=prev_log_index)
        self.send(to, reply)


class VoterKeepsItsTerm(step_09.Node):
    """The voter compares the candidate's term and does not adopt it (the original did so)."""

    def on_request_vote(self, sender: str, message: RequestVote) -> None:
        vote_granted = message.term > self.current_term
        if vote_granted:
            self.voted_for = sender
            self.start_election_timer()
        self.answer_request_vote(sender, vote_granted)


class RefusalIsIgnored(step_09.Node):
    """A leader that receives a newer term in a refusal keeps leading, as in step 6."""

    def on_append_entries_refused(self, sender: str, message: AppendEntriesRefused) -> None:
        pass


class VoteReplyBringsNoTerm(step_09.Node):
    """A candidate ignores the term in a refusal to vote."""

    def on_request_vote_reply(self, sender: str, message: RequestVoteReply) -> None:
        if message.term == self.current_term and message.vote_granted:
            self.votes.add(sender)
            self.count_votes()


class AcknowledgementBringsNoTerm(step_09.Node):
    """A leader ignores a newer term in a reply to its call."""

    def on_append_entries_reply(self, sender: str, message: AppendEntriesReply) -> None:
        if message.term == self.current_term:
            super().on_append_entries_reply(sender, message)


class TermGoesBack(step_09.Node):
    """Any other term is adopted, an older one too."""

    def learn_term(self, term: int) -> None:
        if term != self.current_term:
            self.current_term = term
            self.voted_for = None
            self.votes = set()
            if self.is_leader:
                self.become_follower()


class LeaderGoesOnLeading(step_09.Node):
    """The leader adopts a newer term from a candidate, votes for it, and keeps leading, in that term."""

    def learn_term(self, term: int) -> None:
        if term > self.current_term:
            self.current_term = term
            self.voted_for = None


class StopsLeadingInNameOnly(step_09.Node):
    """The leader stops leading, but its heartbeat timer keeps running, and its election timer stays off."""

    def learn_term(self, term: int) -> None:
        if term > self.current_term:
            self.current_term = term
            self.voted_for = None
            self.is_leader = False


class AnyCandidateDeposes(step_09.Node):
    """A leader steps down for any candidate, whatever its term."""

    def on_request_vote(self, sender: str, message: RequestVote) -> None:
        if self.is_leader:
            self.become_follower()
        super().on_request_vote(sender, message)


class SameTermDeposes(step_09.Node):
    """Every message that is not older makes a leader a follower."""

    def learn_term(self, term: int) -> None:
        if term == self.current_term and self.is_leader:
            self.become_follower()
        super().learn_term(term)


class LateVotesCount(step_09.Node):
    """A vote counts, whatever its term."""

    def on_request_vote_reply(self, sender: str, message: RequestVoteReply) -> None:
        self.learn_term(message.term)
        if message.vote_granted:
            self.votes.add(sender)
            self.count_votes()


class VotesAreCarriedOver(step_09.Node):
    """The votes of the last election still count in the next one."""

    def start_election(self) -> None:
        kept = self.votes
        super().start_election()
        self.votes |= kept


class TermGrowsWithEachVote(step_09.Node):
    """The candidate increments its term for every vote that it receives (the original did so)."""

    def on_request_vote_reply(self, sender: str, message: RequestVoteReply) -> None:
        self.learn_term(message.term)
        if message.term == self.current_term and message.vote_granted:
            self.current_term += 1
            self.votes.add(sender)
            self.count_votes()


class HalfIsEnough(step_09.Node):
    """Half of the votes win (the original did so)."""

    def count_votes(self) -> None:
        if not self.is_leader and 2 * len(self.votes) >= len(self.servers):
            self.become_leader()


class OwnVoteDoesNotCount(step_09.Node):
    """More than half of the servers must vote, not counting the candidate itself."""

    def count_votes(self) -> None:
        if not self.is_leader and 2 * len(self.votes - {self.name}) > len(self.servers):
            self.become_leader()


class RepliesAreCounted(step_09.Node):
    """Replies are counted instead of voters: a voter's second reply is a second vote."""

    replies: int = 0

    def start_election(self) -> None:
        self.replies = 1
        super().start_election()

    def on_request_vote_reply(self, sender: str, message: RequestVoteReply) -> None:
        self.learn_term(message.term)
        if message.term == self.current_term and message.vote_granted:
            self.replies += 1
            self.count_votes()

    def count_votes(self) -> None:
        if not self.is_leader and 2 * self.replies > len(self.servers):
            self.become_leader()


class RefusalsAreCounted(step_09.Node):
    """Every reply counts as a vote."""

    def on_request_vote_reply(self, sender: str, message: RequestVoteReply) -> None:
        self.learn_term(message.term)
        if message.term == self.current_term:
            self.votes.add(sender)
            self.count_votes()


class LateAcknowledgementsCount(step_09.Node):
    """An acknowledgement of an earlier term commits an entry of this one."""

    def on_append_entries_reply(self, sender: str, message: AppendEntriesReply) -> None:
        self.learn_term(message.term)
        if not self.is_leader:
            return
        if message.success:
            for followers in self.acknowledgements.values():
                followers.add(sender)
            self.commit_acknowledged()
        elif message.term == self.current_term:
            self.send(sender, self.append_entries_after(self.index_before(message.prev_log_index)))


class LateRequestsAreServed(step_09.Node):
    """A refusal of an earlier term causes a retry."""

    def on_append_entries_reply(self, sender: str, message: AppendEntriesReply) -> None:
        super().on_append_entries_reply(sender, message)
        if self.is_leader and message.term < self.current_term and not message.success:
            self.send(sender, self.append_entries_after(self.index_before(message.prev_log_index)))


class FollowersServeToo(step_09.Node):
    """A server that no longer leads still sends missing entries."""

    def on_append_entries_reply(self, sender: str, message: AppendEntriesReply) -> None:
        super().on_append_entries_reply(sender, message)
        if not self.is_leader and message.term == self.current_term and not message.success:
            self.send(sender, self.append_entries_after(self.index_before(message.prev_log_index)))


class TimeoutIsForLife(step_09.Node):
    """The rewritten election draws no new timeout."""

    def draw_election_timeout(self) -> None:
        if not self.election_timeout:
            super().draw_election_timeout()


MISTAKES: tuple[tuple[type, str, str], ...] = (
    (ReplyCarriesTheOldTerm, "replies carry the term", "sent"),
    (ReplyCarriesTheTermOfTheLog, "replies carry the term", "sent"),
    (VoterKeepsItsTerm, "any message brings a newer term", "delivered"),
    (RefusalIsIgnored, "any message brings a newer term", "delivered"),
    (VoteReplyBringsNoTerm, "any message brings a newer term", "delivered"),
    (AcknowledgementBringsNoTerm, "any message brings a newer term", "delivered"),
    (TermGoesBack, "any message brings a newer term", "delivered"),
    (LeaderGoesOnLeading, "a newer term deposes a leader", "delivered"),
    (StopsLeadingInNameOnly, "a newer term deposes a leader", "sent"),
    (AnyCandidateDeposes, "a newer term deposes a leader", "delivered"),
    (SameTermDeposes, "a newer term deposes a leader", "delivered"),
    (LateVotesCount, "only votes of this term count", "delivered"),
    (VotesAreCarriedOver, "only votes of this term count", "delivered"),
    (TermGrowsWithEachVote, "more than half must vote", "delivered"),
    (HalfIsEnough, "more than half must vote", "delivered"),
    (OwnVoteDoesNotCount, "more than half must vote", "delivered"),
    (RepliesAreCounted, "more than half must vote", "delivered"),
    (RefusalsAreCounted, "more than half must vote", "delivered"),
    (LateAcknowledgementsCount, "only replies of this term count", "delivered"),
    (LateRequestsAreServed, "only replies of this term count", "delivered"),
    (FollowersServeToo, "only replies of this term count", "delivered"),
    (TimeoutIsForLife, "the election timer is as before", "timer_started"),
)
