"""Wrong Nodes for step 10: candidates that send the end of another log, or whose election lacks a line."""

from raft_steps import step_10_up_to_date_logs as step_10
from raft_steps.step_05_term_in_append_entries import AppendEntries
from raft_steps.step_10_up_to_date_logs import RequestVote


class Runs(step_10.Node):
    """A candidate that sends the right end, in an election that can lack one line; by itself it is right."""

    def start_election(self) -> None:
        self.current_term += 1
        self.vote_for_oneself()
        self.wait_for_the_next()
        self.broadcast(
            RequestVote(term=self.current_term, last_log_index=self.log.last_index, last_log_term=self.log.last_term)
        )
        self.ask_oneself()

    def vote_for_oneself(self) -> None:
        self.voted_for = self.name
        self.votes = {self.name}

    def wait_for_the_next(self) -> None:
        self.draw_election_timeout()
        self.start_election_timer()

    def ask_oneself(self) -> None:
        self.count_votes()


class WaitsTheSameAgain(Runs):
    """No timeout is drawn for the next election."""

    def wait_for_the_next(self) -> None:
        self.start_election_timer()


class OwnVoteIsNotCounted(Runs):
    """A single server waits forever, because no other replies."""

    def ask_oneself(self) -> None:
        pass


class OneVoteIsFree(Runs):
    """The first peer's vote counts before it is granted."""

    def vote_for_oneself(self) -> None:
        self.voted_for = self.name
        self.votes = {self.name, self.peers()[0]} if self.peers() else {self.name}


class OwnVoteIsForgotten(Runs):
    """A candidate counts its vote, but does not store it, so it may grant another one."""

    def vote_for_oneself(self) -> None:
        self.votes = {self.name}


class Says(step_10.Node):
    """A candidate that sends what `end` returns; by itself it is right."""

    def end(self) -> tuple[int, int]:
        return self.log.last_index, self.log.last_term

    def broadcast(self, message: object) -> None:
        if isinstance(message, RequestVote):
            index, term = self.end()
            message = RequestVote(term=message.term, last_log_index=index, last_log_term=term)
        super().broadcast(message)


class SaysTheNextIndex(Says):
    """The index is that of the next entry."""

    def end(self) -> tuple[int, int]:
        return self.log.last_index + 1, self.log.last_term


class SaysItsOwnTerm(Says):
    """The term is that of the election."""

    def end(self) -> tuple[int, int]:
        return self.log.last_index, self.current_term


class SaysTheFirstTerm(Says):
    """The term is that of the first entry."""

    def end(self) -> tuple[int, int]:
        return self.log.last_index, self.log.term_at(1) or 0


class SaysIndexForTerm(Says):
    """Index and term are swapped."""

    def end(self) -> tuple[int, int]:
        return self.log.last_term, self.log.last_index


class SaysWhereItsLogEnded(Says):
    """The end is stored when the server starts, and never updated."""

    noted: tuple[int, int] = (0, 0)

    def on_start(self) -> None:
        super().on_start()
        self.noted = self.log.last_index, self.log.last_term

    def end(self) -> tuple[int, int]:
        return self.noted


class SaysWhatTheLeaderSaid(Says):
    """The end is the one of the leader's last call, before its entries."""

    last_call_end: tuple[int, int] | None = None

    def on_append_entries(self, sender: str, message: AppendEntries) -> None:
        super().on_append_entries(sender, message)
        self.last_call_end = message.prev_log_index, message.prev_log_term

    def end(self) -> tuple[int, int]:
        return self.last_call_end or super().end()


SAYS = "a candidate sends the end of its log"
OTHERWISE = "an election is otherwise as before"
AS_BEFORE = "a better log does not override a vote"

# For each wrong Node, the check that should catch it, and the kind of event that the check marks.
MISTAKES: tuple[tuple[type, str, str], ...] = (
    (SaysTheNextIndex, SAYS, "sent"),
    (SaysItsOwnTerm, SAYS, "sent"),
    (SaysTheFirstTerm, SAYS, "sent"),
    (SaysIndexForTerm, SAYS, "sent"),
    (SaysWhereItsLogEnded, SAYS, "sent"),
    (SaysWhatTheLeaderSaid, SAYS, "sent"),
    (WaitsTheSameAgain, OTHERWISE, "timer_started"),
    (OwnVoteIsNotCounted, OTHERWISE, "timer_fired"),
    (OneVoteIsFree, OTHERWISE, "delivered"),
    (OwnVoteIsForgotten, AS_BEFORE, "sent"),
)
