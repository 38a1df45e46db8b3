"""Wrong Nodes for step 8: timeouts that are not new, not random or not used, and what three rewritten methods forget."""

import random

from raft_steps import step_07_heartbeat_timer as step_07
from raft_steps.lab.node import removed
from raft_steps.step_04_leader_election import RequestVote


class Rest(step_07.Node):
    """What a learner has right: all but one method."""

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


class NothingIsDrawn(Rest):
    """The timer is restarted as before."""

    def wait_for_the_next(self) -> None:
        self.start_election_timer()


class DrawsTooLate(Rest):
    """The timer starts with the old timeout, and the new one is for the time after."""

    def wait_for_the_next(self) -> None:
        self.start_election_timer()
        self.draw_election_timeout()


class DrawIsNotUsed(Rest):
    """The new timeout is drawn into a variable that nobody reads."""

    def wait_for_the_next(self) -> None:
        election_timeout = self.random.between(*self.election_timeout_range)
        assert election_timeout > 0
        self.start_election_timer()


class TimerIsNotRestarted(Rest):
    """A new timeout is drawn, but the timer, which has just run out, is not started."""

    def wait_for_the_next(self) -> None:
        self.draw_election_timeout()


class DrawsWhileFollowing(Rest):
    """A call of a leader, and not an election, begins with a new timeout."""

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
    """Only the first election of a life has a draw of its own."""

    def wait_for_the_next(self) -> None:
        if self.current_term < 2:
            self.draw_election_timeout()
        self.start_election_timer()


class NeverDrawsTheLongest(Rest):
    """The last number of the range is left out, as Python's range leaves it out."""

    def draw_election_timeout(self) -> None:
        self.election_timeout = self.random.between(8, 17)


class VoteIsTakenBack(Rest):
    """Whoever runs forgets for whom it has voted, and votes a second time."""

    def wait_for_the_next(self) -> None:
        self.voted_for = None
        super().wait_for_the_next()


class DrawsFractions(Rest):
    """Timeouts are any number between the ends."""

    def draw_election_timeout(self) -> None:
        self.election_timeout = self.random.uniform(8, 18)


class DrawsBeyondTheRange(Rest):
    """The upper end is one too high."""

    def draw_election_timeout(self) -> None:
        self.election_timeout = self.random.randint(8, 19)


class DrawsFromTheModule(Rest):
    """The chance is Python's, and another one in every run."""

    def draw_election_timeout(self) -> None:
        self.election_timeout = random.randint(8, 18)


class DrawsByName(Rest):
    """Each name has one timeout; it stands for any draw that is none."""

    def draw_election_timeout(self) -> None:
        self.election_timeout = 8 + len(self.name) % 11


class AttributeStays(step_07.Node):
    """A new timeout for every election, and the attribute is still there."""

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
    """The rewritten election stays in its term."""

    def start_election(self) -> None:
        self.votes.add(self.name)
        self.wait_for_the_next()
        self.broadcast(RequestVote(term=self.current_term))


class OwnVoteIsForgotten(Rest):
    """The rewritten election counts the votes of others only."""

    def start_election(self) -> None:
        self.current_term += 1
        self.wait_for_the_next()
        self.broadcast(RequestVote(term=self.current_term))


class OwnVoteIsRemembered(Rest):
    """A vote for oneself sets voted_for, which nothing clears until step 9."""

    def start_election(self) -> None:
        self.voted_for = self.name
        super().start_election()


class VoteIsForgottenToo(Rest):
    """The rewritten follower takes its vote back."""

    def become_follower(self) -> None:
        self.is_leader = False
        self.voted_for = None
        self.cancel_timer("heartbeat")
        self.start_election_timer()


class LoneServerIsForgotten(Rest):
    """The rewritten election waits for the votes of others, even where there are none."""

    def start_election(self) -> None:
        self.current_term += 1
        self.votes.add(self.name)
        self.wait_for_the_next()
        self.broadcast(RequestVote(term=self.current_term))


class HeartbeatsAreForgotten(Rest):
    """The rewritten leader starts no heartbeat timer."""

    def become_leader(self) -> None:
        self.is_leader = True
        self.cancel_timer("election")
        self.replay_log()
        self.send_heartbeat()


class SilenceIsForgotten(Rest):
    """The rewritten follower does not cancel the heartbeat timer."""

    def become_follower(self) -> None:
        self.is_leader = False
        self.start_election_timer()


class AttributeIsStillSet(step_07.Node):
    """The attribute is gone, but one method that sets it was left as it is."""

    is_candidate = removed("nothing reads it")

    start_election = Rest.start_election
    wait_for_the_next = Rest.wait_for_the_next
    become_follower = Rest.become_follower
