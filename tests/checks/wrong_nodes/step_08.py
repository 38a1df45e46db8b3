"""Wrong Nodes for step 8: timeouts that are not new, not random or not used, and what rewritten methods forget."""

import random

from raft_steps import step_07_heartbeat_timer as step_07
from raft_steps.lab.node import removed
from raft_steps.step_04_leader_election import RequestVote


class Rest(step_07.Node):
    """A right Node, of which each wrong one changes one method."""

    is_candidate = removed("nothing reads it")

    def start_election(self) -> None:
        self.current_term += 1
        self.votes.add(self.name)
        self.wait_for_the_next()
        self.broadcast(RequestVote(term=self.current_term))
        if not self.peers():
            self.become_leader()

    def wait_for_the_next(self) -> None:
        self.draw_election_timeout()
        self.start_election_timer()

    def become_leader(self) -> None:
        self.is_leader = True
        self.cancel_timer("election")
        self.replay_log()
        self.send_heartbeat()
        self.start_timer("heartbeat", self.heartbeat_interval)

    def become_follower(self) -> None:
        self.is_leader = False
        self.cancel_timer("heartbeat")
        self.start_election_timer()


class CountsTheVoteThatItGave(Rest):
    """Instead of its own vote, a candidate counts one of the server that it voted for before."""

    def start_election(self) -> None:
        self.current_term += 1
        self.votes.add(self.voted_for or self.name)
        self.wait_for_the_next()
        self.broadcast(RequestVote(term=self.current_term))
        if not self.peers():
            self.become_leader()


class HeartbeatsReturn(Rest):
    """A follower postpones its next heartbeat with every call, so that it sends one when the leader goes silent."""

    def become_follower(self) -> None:
        self.is_leader = False
        self.start_timer("heartbeat", self.election_timeout)
        self.start_election_timer()


class NothingIsDrawn(Rest):
    """The timer is restarted with the old timeout."""

    def wait_for_the_next(self) -> None:
        self.start_election_timer()


class DrawsTooLate(Rest):
    """The timer starts with the old timeout; the new one is drawn afterwards."""

    def wait_for_the_next(self) -> None:
        self.start_election_timer()
        self.draw_election_timeout()


class DrawIsNotUsed(Rest):
    """The new timeout is assigned to a variable that is never read."""

    def wait_for_the_next(self) -> None:
        election_timeout = self.random.between(*self.election_timeout_range)
        assert election_timeout > 0
        self.start_election_timer()


class TimerIsNotRestarted(Rest):
    """A new timeout is drawn, but the expired timer is not started."""

    def wait_for_the_next(self) -> None:
        self.draw_election_timeout()


class DrawsWhileFollowing(Rest):
    """A new timeout is drawn for every call instead of every election."""

    def wait_for_the_next(self) -> None:
        self.start_election_timer()

    def become_follower(self) -> None:
        self.is_leader = False
        self.cancel_timer("heartbeat")
        self.draw_election_timeout()
        self.start_election_timer()


class WaitsLongerEachTime(Rest):
    """Each election adds a second, which two servers do alike."""

    def wait_for_the_next(self) -> None:
        self.election_timeout += 1
        self.start_election_timer()


class DrawsForTheFirstElectionOnly(Rest):
    """A new timeout is drawn for the first election only."""

    def wait_for_the_next(self) -> None:
        if self.current_term < 2:
            self.draw_election_timeout()
        self.start_election_timer()


class NeverDrawsTheLongest(Rest):
    """The last number of the range is left out, as in Python's range."""

    def draw_election_timeout(self) -> None:
        self.election_timeout = self.random.between(8, 17)


class VoteIsTakenBack(Rest):
    """A candidate forgets its vote of the same term, and votes a second time."""

    def wait_for_the_next(self) -> None:
        self.voted_for = None
        super().wait_for_the_next()


class DrawsFractions(Rest):
    """The timeout is any number between the ends."""

    def draw_election_timeout(self) -> None:
        self.election_timeout = self.random.uniform(8, 18)


class DrawsBeyondTheRange(Rest):
    """The upper end is too high by one."""

    def draw_election_timeout(self) -> None:
        self.election_timeout = self.random.randint(8, 19)


class DrawsFromTheModule(Rest):
    """The timeout is drawn with Python's module random, and differs in every run."""

    def draw_election_timeout(self) -> None:
        self.election_timeout = random.randint(8, 18)


class DrawsByName(Rest):
    """Each name has a fixed timeout, used instead of a draw."""

    def draw_election_timeout(self) -> None:
        self.election_timeout = 8 + len(self.name) % 11


class AttributeStays(step_07.Node):
    """Every election has a new timeout, and the attribute still exists."""

    def start_election(self) -> None:
        self.is_candidate = True
        self.current_term += 1
        self.votes.add(self.name)
        self.draw_election_timeout()
        self.start_election_timer()
        self.broadcast(RequestVote(term=self.current_term))
        if not self.peers():
            self.become_leader()


class TermIsNotRaised(Rest):
    """The rewritten election does not increment the term."""

    def start_election(self) -> None:
        self.votes.add(self.name)
        self.wait_for_the_next()
        self.broadcast(RequestVote(term=self.current_term))


class OwnVoteIsForgotten(Rest):
    """The rewritten election counts only the votes of others."""

    def start_election(self) -> None:
        self.current_term += 1
        self.wait_for_the_next()
        self.broadcast(RequestVote(term=self.current_term))


class OwnVoteIsRemembered(Rest):
    """A candidate's vote for itself sets voted_for, which nothing clears until step 9."""

    def start_election(self) -> None:
        self.voted_for = self.name
        super().start_election()


class VoteIsForgottenToo(Rest):
    """The rewritten become_follower clears the vote."""

    def become_follower(self) -> None:
        self.is_leader = False
        self.voted_for = None
        self.cancel_timer("heartbeat")
        self.start_election_timer()


class LoneServerIsForgotten(Rest):
    """The rewritten election waits for the votes of others, even if there are none."""

    def start_election(self) -> None:
        self.current_term += 1
        self.votes.add(self.name)
        self.wait_for_the_next()
        self.broadcast(RequestVote(term=self.current_term))


class HeartbeatsAreForgotten(Rest):
    """The rewritten become_leader starts no heartbeat timer."""

    def become_leader(self) -> None:
        self.is_leader = True
        self.cancel_timer("election")
        self.replay_log()
        self.send_heartbeat()


class SilenceIsForgotten(Rest):
    """The rewritten become_follower does not cancel the heartbeat timer."""

    def become_follower(self) -> None:
        self.is_leader = False
        self.start_election_timer()


class AttributeIsStillSet(step_07.Node):
    """The attribute is removed, but one method still sets it."""

    is_candidate = removed("nothing reads it")

    start_election = Rest.start_election
    wait_for_the_next = Rest.wait_for_the_next
    become_follower = Rest.become_follower
