"""Wrong Nodes for step 7: a heartbeat timer that starts, stops or sends at the wrong time."""

from raft_steps import step_06_term_checks as step_06
from raft_steps.step_05_term_in_append_entries import AppendEntries


class Starts(step_06.Node):
    """The right half of the leader: becoming leader starts the heartbeat timer."""

    def become_leader(self) -> None:
        self.is_leader = True
        self.is_candidate = False
        self.cancel_timer("election")
        self.replay_log()
        self.send_heartbeat()
        self.start_timer("heartbeat", self.heartbeat_interval)


class Stops(step_06.Node):
    """The right half of the follower: becoming follower cancels it."""

    def become_follower(self) -> None:
        self.is_leader = False
        self.is_candidate = False
        self.cancel_timer("heartbeat")
        self.start_election_timer()


class NothingIsCancelled(Starts):
    """The heartbeat timer is started, and never cancelled."""


class AnotherTimerIsCancelled(Starts):
    """The name of the timer is misspelled; cancelling a timer that is off is not an error."""

    def become_follower(self) -> None:
        self.is_leader = False
        self.is_candidate = False
        self.cancel_timer("heartbeats")
        self.start_election_timer()


class VoteIsForgottenToo(Stops):
    """The rewritten become_follower clears the vote."""

    def become_follower(self) -> None:
        self.is_leader = False
        self.is_candidate = False
        self.voted_for = None
        self.cancel_timer("heartbeat")
        self.start_election_timer()


class OnlyNewTermsSilence(Starts):
    """A call of the leader's own term makes it a follower that continues to send heartbeats."""

    def on_append_entries(self, sender: str, message: AppendEntries) -> None:
        if message.term > self.current_term:
            self.cancel_timer("heartbeat")
        super().on_append_entries(sender, message)


class AnyCallSilences(Starts):
    """Even a refused call stops the heartbeats."""

    def on_append_entries(self, sender: str, message: AppendEntries) -> None:
        self.cancel_timer("heartbeat")
        super().on_append_entries(sender, message)


class FirstHeartbeatWaits(Stops):
    """A new leader starts its timer, and sends nothing until it expires."""

    def become_leader(self) -> None:
        self.is_leader = True
        self.is_candidate = False
        self.cancel_timer("election")
        self.replay_log()
        self.start_timer("heartbeat", self.heartbeat_interval)


class FirstHeartbeatIsDoubled(Stops):
    """A new leader sends a heartbeat and calls the handler too, which sends another."""

    def become_leader(self) -> None:
        self.is_leader = True
        self.is_candidate = False
        self.cancel_timer("election")
        self.replay_log()
        self.send_heartbeat()
        self.on_heartbeat_timeout()


class OneHeartbeatOnly(Stops):
    """A new leader sends its first heartbeat, and starts no timer for the next."""

    def become_leader(self) -> None:
        self.is_leader = True
        self.is_candidate = False
        self.cancel_timer("election")
        self.replay_log()
        self.send_heartbeat()


class TimerIsNotStartedAgain(Stops):
    """The timer causes one more heartbeat, and is not started again."""

    def on_heartbeat_timeout(self) -> None:
        self.send_heartbeat()

    def become_leader(self) -> None:
        self.is_leader = True
        self.is_candidate = False
        self.cancel_timer("election")
        self.replay_log()
        self.send_heartbeat()
        self.start_timer("heartbeat", self.heartbeat_interval)


class LeadsOnlyOnce(Stops):
    """The heartbeats are started only the first time that a server becomes leader."""

    has_started: bool = False

    def become_leader(self) -> None:
        self.is_leader = True
        self.is_candidate = False
        self.cancel_timer("election")
        self.replay_log()
        self.send_heartbeat()
        if not self.has_started:
            self.has_started = True
            self.start_timer("heartbeat", self.heartbeat_interval)


class EveryoneSends(Stops):
    """The timer is started with the server, whether it leads or not."""

    def on_start(self) -> None:
        super().on_start()
        self.start_timer("heartbeat", self.heartbeat_interval)


class RunsAgainstItself(Stops):
    """A new leader does not cancel its election timer."""

    def become_leader(self) -> None:
        self.is_leader = True
        self.is_candidate = False
        self.replay_log()
        self.send_heartbeat()
        self.start_timer("heartbeat", self.heartbeat_interval)


class CandidacyDoesNotEnd(step_06.Node):
    """Both methods are rewritten without the line that resets is_candidate."""

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


class WaitingIsForgotten(Starts):
    """The line that cancels one timer has replaced the one that starts the other."""

    def become_follower(self) -> None:
        self.is_leader = False
        self.is_candidate = False
        self.cancel_timer("heartbeat")


class WaitsForAHeartbeat(Starts):
    """The election timer is started with the heartbeat interval: a follower starts elections while its leader runs."""

    def become_follower(self) -> None:
        self.is_leader = False
        self.is_candidate = False
        self.cancel_timer("heartbeat")
        self.start_timer("election", self.heartbeat_interval)


class LogIsNotReplayed(Stops):
    """A new leader has applied only the committed entries of its log."""

    def become_leader(self) -> None:
        self.is_leader = True
        self.is_candidate = False
        self.cancel_timer("election")
        self.send_heartbeat()
        self.start_timer("heartbeat", self.heartbeat_interval)
