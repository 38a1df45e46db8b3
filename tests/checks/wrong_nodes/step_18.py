"""Wrong Nodes for step 18: questions that change something, votes that disturb, and leaders that stay."""

from dataclasses import replace

from raft_steps import step_18_pre_vote as step_18
from raft_steps.step_14_linearizable_reads import AppendEntries
from raft_steps.step_18_pre_vote import PreVote, PreVoteReply, RequestVote, TimeoutNow

# Before an election.


class RunsAtOnce(step_18.Node):
    """As before this step: a server that times out raises the term."""

    def on_election_timeout(self) -> None:
        self.start_election()


class RaisesTheTermBeforeItAsks(step_18.Node):
    """The question is asked in the new term already."""

    def on_election_timeout(self) -> None:
        self.current_term += 1
        super().on_election_timeout()


class ForgetsItsVote(step_18.Node):
    """A server that asks takes back the vote of its term, and may give it to another server, too."""

    def on_election_timeout(self) -> None:
        super().on_election_timeout()
        self.voted_for = None


class AsksOnce(step_18.Node):
    """A question that nobody answers is not repeated: the timer is not started again."""

    def on_election_timeout(self) -> None:
        super().on_election_timeout()
        self.cancel_timer("election")


class CountsRefusals(step_18.Node):
    """Any answer counts as a vote."""

    def on_pre_vote_reply(self, sender: str, message: PreVoteReply) -> None:
        super().on_pre_vote_reply(sender, replace(message, vote_granted=True))


class CountsAnswersTwice(step_18.Node):
    """Answers are counted, and not servers: a copy counts again."""

    answers: int = 0

    def on_election_timeout(self) -> None:
        self.answers = 1
        super().on_election_timeout()

    def on_pre_vote_reply(self, sender: str, message: PreVoteReply) -> None:
        self.answers += message.vote_granted
        super().on_pre_vote_reply(sender, message)
        if self.pre_votes and 2 * self.answers > len(self.servers):
            self.start_election()


class CountsOldAnswers(step_18.Node):
    """An answer counts whichever term it is about."""

    def on_pre_vote_reply(self, sender: str, message: PreVoteReply) -> None:
        super().on_pre_vote_reply(sender, replace(message, next_term=self.current_term + 1))


class AsksOnAfterItFollows(step_18.Node):
    """Late answers count for a server that has heard a leader since it asked, and would depose that leader."""

    def become_follower(self) -> None:
        asked = self.pre_votes
        super().become_follower()
        self.pre_votes = asked


class AsksOnAsLeader(step_18.Node):
    """Late answers count for a server that has been elected since: it runs against itself, and leads on without a vote."""

    def become_leader(self) -> None:
        asked = self.pre_votes
        super().become_leader()
        self.pre_votes = asked


class DoesNotLearnFromRefusals(step_18.Node):
    """The term of a refusal is ignored, so that the question is refused for ever.

    The log of such a server may be the only one that can win; then nobody leads (etcd 8243, openraft 1796).
    """

    def on_pre_vote_reply(self, sender: str, message: PreVoteReply) -> None:
        super().on_pre_vote_reply(sender, replace(message, term=0))


class LearnsFromQuestions(step_18.Node):
    """The term of a question is entered, as if it were a candidate's: the fault that this step is to mend."""

    def on_pre_vote(self, sender: str, message: PreVote) -> None:
        self.learn_term(message.term)
        super().on_pre_vote(sender, replace(message, term=self.current_term + 1))


class PromisesItsVote(step_18.Node):
    """A favourable answer is taken for a vote, and restarts the timer."""

    def on_pre_vote(self, sender: str, message: PreVote) -> None:
        super().on_pre_vote(sender, message)
        if self.leader is None and message.term > self.current_term:
            self.start_election_timer()


class WouldVoteForAnyLog(step_18.Node):
    """The log is compared only when the vote is asked for: elections begin that cannot be won."""

    def on_pre_vote(self, sender: str, message: PreVote) -> None:
        super().on_pre_vote(sender, replace(message, last_log_index=99, last_log_term=99))


class WouldVoteInItsOwnTerm(step_18.Node):
    """A question about the server's own term is answered favourably."""

    def on_pre_vote(self, sender: str, message: PreVote) -> None:
        if message.term == self.current_term:
            granted = self.leader is None and self.is_up_to_date(message.last_log_term, message.last_log_index)
            self.send(sender, PreVoteReply(term=message.term, next_term=message.term, vote_granted=granted))
        else:
            super().on_pre_vote(sender, message)


class WouldVoteAlthoughItHearsALeader(step_18.Node):
    """A follower says that it would vote, although its leader has just called."""

    def on_pre_vote(self, sender: str, message: PreVote) -> None:
        leader = self.leader
        self.leader = leader if self.is_leader else None
        super().on_pre_vote(sender, message)
        self.leader = leader


# Votes.


class VotesAlthoughItHearsALeader(step_18.Node):
    """A request for a vote is handled as before this step: questions alone do not protect a leader."""

    def on_request_vote(self, sender: str, message: RequestVote) -> None:
        super().on_request_vote(sender, replace(message, is_transfer=True))


class LearnsTheTermOfARefused(step_18.Node):
    """The vote is refused, but the term is entered; a leader is deposed all the same."""

    def on_request_vote(self, sender: str, message: RequestVote) -> None:
        leader = self.leader
        self.learn_term(message.term)
        self.leader = leader
        super().on_request_vote(sender, message)


class OnlyFollowersRefuse(step_18.Node):
    """A leader does not count itself as heard, and is deposed by any candidate."""

    def become_leader(self) -> None:
        super().become_leader()
        self.leader = None


class NeverForgetsALeader(step_18.Node):
    """A leader that has crashed counts as heard until the server's own timeout passes: elections take longer."""

    def on_leader_timeout(self) -> None:
        pass


class RefusesTheSuccessor(step_18.Node):
    """Votes are refused while a leader is heard, even if it wants the election: no transfer succeeds."""

    def on_request_vote(self, sender: str, message: RequestVote) -> None:
        super().on_request_vote(sender, replace(message, is_transfer=False))


class IgnoresAnOlderLeader(step_18.Node):
    """A call of an older term is dropped without an answer, and the two wait for each other for ever (etcd 8501)."""

    def on_append_entries(self, sender: str, message: AppendEntries) -> None:
        if message.term >= self.current_term:
            super().on_append_entries(sender, message)


class HearsAnOlderLeader(step_18.Node):
    """A call of an older term counts as heard: a deposed leader goes on keeping others from an election."""

    def on_append_entries(self, sender: str, message: AppendEntries) -> None:
        super().on_append_entries(sender, message)
        self.leader = sender


# Leaders without a majority.


class LeadsForEver(step_18.Node):
    """A leader goes on whether anybody answers or not; its calls keep those who hear them from an election."""

    def on_quorum_timeout(self) -> None:
        pass


class OneAnswerIsEnough(step_18.Node):
    """One follower's answer is enough, in a cluster of any size."""

    def on_quorum_timeout(self) -> None:
        if max(self.answered_rounds.values(), default=0) >= self.quorum_round:
            self.answered_rounds = dict.fromkeys(self.peers(), self.round + 1)
        super().on_quorum_timeout()


class AnyAnswerEverIsEnough(step_18.Node):
    """Answers of long ago are enough: the round that is asked for never changes."""

    def on_quorum_timeout(self) -> None:
        first = self.quorum_round
        super().on_quorum_timeout()
        self.quorum_round = first


class CountsAnswersOfOldLeaderships(step_18.Node):
    """At its first look, a leader is content with answers of any round, also of a term in which it led before."""

    def become_leader(self) -> None:
        super().become_leader()
        self.quorum_round = 0


class StepsDownAtTheFirstLook(step_18.Node):
    """A leader looks once and stops leading, even if all have answered."""

    def on_quorum_timeout(self) -> None:
        self.become_follower()


class EntersATermWhenItStops(step_18.Node):
    """A leader without a majority raises the term as it stops: those who still follow it are disturbed."""

    def on_quorum_timeout(self) -> None:
        super().on_quorum_timeout()
        if not self.is_leader:
            self.learn_term(self.current_term + 1)


class LeadsAgainWithOldVotes(step_18.Node):
    """The votes of the election count once more, so that copies of them make the server lead again in its term."""

    def become_follower(self) -> None:
        votes = self.votes
        super().become_follower()
        self.votes = votes


class NamesItselfAfterItStops(step_18.Node):
    """A server that has stopped leading sends clients to itself."""

    def on_quorum_timeout(self) -> None:
        super().on_quorum_timeout()
        self.leader = self.name


# Servers that come and go.


class AsksAlthoughItIsNoVoter(step_18.Node):
    """A learner, or a server that is removed, asks again and again, and runs as soon as nobody hears a leader."""

    def may_lead(self) -> bool:
        return True


class RunsAlthoughItIsNoVoter(step_18.Node):
    """A learner runs when it is asked to: it raises the term, and deposes the leader that it may not succeed."""

    def on_timeout_now(self, sender: str, message: TimeoutNow) -> None:
        if message.term == self.current_term and not self.is_leader:
            self.start_election(is_transfer=True)


class AsksNoMoreBeforeItsRemovalIsCommitted(step_18.Node):
    """A server that its log removes asks nobody, although it may be the only one that the others can elect."""

    def may_lead(self) -> bool:
        return self.name in self.voters()


class CountsItsOwnAnswer(step_18.Node):
    """A server that asks counts itself, even if it does not vote."""

    def on_pre_vote_reply(self, sender: str, message: PreVoteReply) -> None:
        super().on_pre_vote_reply(sender, message)
        if self.pre_votes and 2 * len(self.pre_votes) > len(self.voters()):
            self.start_election()


class AnyMajorityIsEnough(step_18.Node):
    """In a joint configuration, a leader is content with the answers of the old voters, or of half of all."""

    def on_quorum_timeout(self) -> None:
        answered = {peer for peer, last in self.answered_rounds.items() if last >= self.quorum_round} | {self.name}
        if 2 * len(answered.intersection(self.voters())) > len(self.voters()):
            self.answered_rounds = dict.fromkeys(self.voters(), self.round + 1)
        super().on_quorum_timeout()


class OldVotersAreEnough(step_18.Node):
    """In a joint configuration, a leader is content with the answers of the old voters."""

    def on_quorum_timeout(self) -> None:
        old = self.configuration()[1].old_voters
        answered = {peer for peer, last in self.answered_rounds.items() if last >= self.quorum_round} | {self.name}
        if old and 2 * len(answered.intersection(old)) > len(old):
            self.answered_rounds = dict.fromkeys(self.voters(), self.round + 1)
        super().on_quorum_timeout()


ASKS = "a timeout asks first"
COUNTS = "a majority begins the election"
PRESENT = "only answers to this question count"
LEARNS = "the term of a refusal is learnt"
UNCHANGED = "a question changes nothing"
WOULD = "a server says whether it would vote"
REFUSES = "votes are refused while a leader is heard"
GIVEN = "votes are given if the leader wants it"
OLDER = "an older leader is told the term"
QUORUM = "a leader needs a majority"
AGAIN = "a leader elected again needs new answers"
NO_VOTER = "who does not vote does not ask"
BOTH = "a joint leader needs both majorities"

# The wrong Nodes, each with the check that catches it and the kind of event that it marks.
MISTAKES = (
    (RunsAtOnce, ASKS, "delivered"),
    (RaisesTheTermBeforeItAsks, ASKS, "sent"),
    (ForgetsItsVote, ASKS, "timer_fired"),
    (AsksOnce, ASKS, "delivered"),
    (CountsRefusals, COUNTS, "sent"),
    (CountsAnswersTwice, COUNTS, "sent"),
    (CountsOldAnswers, PRESENT, "sent"),
    (AsksOnAfterItFollows, PRESENT, "sent"),
    (AsksOnAsLeader, PRESENT, "delivered"),
    (DoesNotLearnFromRefusals, LEARNS, "delivered"),
    (LearnsFromQuestions, UNCHANGED, "sent"),
    (PromisesItsVote, UNCHANGED, "delivered"),
    (WouldVoteForAnyLog, WOULD, "sent"),
    (WouldVoteInItsOwnTerm, WOULD, "sent"),
    (WouldVoteAlthoughItHearsALeader, WOULD, "sent"),
    (VotesAlthoughItHearsALeader, REFUSES, "delivered"),
    (LearnsTheTermOfARefused, REFUSES, "delivered"),
    (OnlyFollowersRefuse, UNCHANGED, "sent"),
    (NeverForgetsALeader, WOULD, "sent"),
    (RefusesTheSuccessor, GIVEN, "delivered"),
    (IgnoresAnOlderLeader, OLDER, "delivered"),
    (HearsAnOlderLeader, OLDER, "sent"),
    (LeadsForEver, QUORUM, "delivered"),
    (OneAnswerIsEnough, QUORUM, "delivered"),
    (AnyAnswerEverIsEnough, QUORUM, "delivered"),
    (StepsDownAtTheFirstLook, QUORUM, "delivered"),
    (EntersATermWhenItStops, QUORUM, "delivered"),
    (LeadsAgainWithOldVotes, QUORUM, "sent"),
    (NamesItselfAfterItStops, QUORUM, "answered"),
    (CountsAnswersOfOldLeaderships, AGAIN, "delivered"),
    (AsksAlthoughItIsNoVoter, NO_VOTER, "sent"),
    (RunsAlthoughItIsNoVoter, NO_VOTER, "sent"),
    (AsksNoMoreBeforeItsRemovalIsCommitted, NO_VOTER, "timer_fired"),
    (CountsItsOwnAnswer, NO_VOTER, "sent"),
    (AnyMajorityIsEnough, BOTH, "delivered"),
    (OldVotersAreEnough, BOTH, "delivered"),
)
