"""Wrong Nodes for step 11: servers that apply entries, or answer, at the wrong time."""

from raft_steps import step_11_commit_index as step_11
from raft_steps.lab.commands import Get, Ok
from raft_steps.lab.log import Entry
from raft_steps.step_11_commit_index import AppendEntries


class ReplaysItsLog(step_11.Node):
    """The log is applied at the start, as in the steps before."""

    def on_start(self) -> None:
        super().on_start()
        for entry in self.log:
            self.apply(entry)


class FollowersCarryOutWhatTheyStore(step_11.Node):
    """The entries of a call are applied at once."""

    def store_entries(self, prev_log_index: int, prev_log_term: int, entries: tuple[Entry, ...]) -> bool:
        stored = super().store_entries(prev_log_index, prev_log_term, entries)
        if stored:
            self.commit_up_to(self.log.last_index)
        return stored


class OldEntriesAreLeftOut(step_11.Node):
    """Only entries of the current term are applied: earlier ones are not committed with them."""

    def commit_up_to(self, index: int) -> None:
        self.commit_index = max(self.commit_index, index)
        while self.last_applied < self.commit_index:
            self.last_applied += 1
            if self.log[self.last_applied].term == self.current_term:
                self.apply(self.log[self.last_applied])
        self.answer_clients()


class NewestFirst(step_11.Node):
    """Entries are applied from the end of the log backwards."""

    def commit_up_to(self, index: int) -> None:
        for place in range(index, self.last_applied, -1):
            self.apply(self.log[place])
        self.commit_index = self.last_applied = max(self.commit_index, index)
        self.answer_clients()


class StartsOver(step_11.Node):
    """Whenever more is committed, all entries are applied again."""

    def commit_up_to(self, index: int) -> None:
        if index > self.commit_index:
            self.last_applied = 0
        super().commit_up_to(index)


class TrustsTheLeader(step_11.Node):
    """A follower adopts the call's commit index, whatever its own log has there."""

    def on_append_entries(self, sender: str, message: AppendEntries) -> None:
        super().on_append_entries(sender, message)
        if message.term == self.current_term and message.leader_commit <= self.log.last_index:
            self.commit_up_to(message.leader_commit)


class TrustsItsOwnLog(step_11.Node):
    """The minimum is taken with the end of the follower's log, which may have another leader's entries."""

    def on_append_entries(self, sender: str, message: AppendEntries) -> None:
        super().on_append_entries(sender, message)
        if self.log.term_at(message.prev_log_index) == message.prev_log_term and message.term == self.current_term:
            self.commit_up_to(min(message.leader_commit, self.log.last_index))


class AnswersWithItsEnd(step_11.Node):
    """match_index is the end of the follower's log."""

    def answer_append_entries(self, to: str, success: bool, prev_log_index: int, match_index: int) -> None:
        super().answer_append_entries(to, success, prev_log_index, self.log.last_index if success else 0)


class RefusalClaimsAMatch(step_11.Node):
    """A refusal carries the match_index of a success."""

    def answer_append_entries(self, to: str, success: bool, prev_log_index: int, match_index: int) -> None:
        super().answer_append_entries(to, success, prev_log_index, match_index or prev_log_index)


class CommitGoesBack(step_11.Node):
    """The commit index is that of the last call."""

    def commit_up_to(self, index: int) -> None:
        super().commit_up_to(index)
        self.commit_index = index


class DoubledCallsRepeat(step_11.Node):
    """The last committed entry is applied with every call that carries its index."""

    def commit_up_to(self, index: int) -> None:
        self.last_applied = min(self.last_applied, max(index - 1, 0))
        super().commit_up_to(index)


class OpenWritesAreKept(step_11.Node):
    """A deposed leader still answers pending writes by index, even if other entries replaced theirs."""

    def become_follower(self) -> None:
        kept = self.open_writes
        super().become_follower()
        self.open_writes = kept


class OpenReadsAreKept(step_11.Node):
    """A deposed leader still answers pending reads when it has applied enough."""

    def become_follower(self) -> None:
        kept = self.open_reads
        super().become_follower()
        self.open_reads = kept


class OlderTermsCommit(step_11.Node):
    """The commit index of a refused call is adopted."""

    def on_append_entries(self, sender: str, message: AppendEntries) -> None:
        self.commit_up_to(min(message.leader_commit, self.log.last_index))
        super().on_append_entries(sender, message)


class HeartbeatsGoOn(step_11.Node):
    """A deposed leader still sends heartbeats."""

    def become_follower(self) -> None:
        self.is_leader = False
        self.open_writes = {}
        self.open_reads = {}
        self.start_election_timer()


class DeposedForever(step_11.Node):
    """A deposed leader does not start its election timer."""

    def become_follower(self) -> None:
        super().become_follower()
        self.cancel_timer("election")


class ReadsAtOnce(step_11.Node):
    """A read is answered at once, as in the steps before."""

    def answer_read(self, client: str, request: Get) -> None:
        self.reply(client, Ok(value=self.state_machine.get(request.key)))


class ReadsWaitForWhatIsKnown(step_11.Node):
    """A read waits until all entries known to be committed are applied, which is always the case."""

    def answer_read(self, client: str, request: Get) -> None:
        self.open_reads[client] = (self.commit_index, request)
        self.answer_clients()


class ReadsWaitForever(step_11.Node):
    """A read waits for one more entry than the log has."""

    def answer_read(self, client: str, request: Get) -> None:
        self.open_reads[client] = (self.log.last_index + 1, request)
        self.answer_clients()


MISTAKES: tuple[tuple[type, str, str], ...] = (
    (ReplaysItsLog, "nothing is applied early", "applied"),
    (FollowersCarryOutWhatTheyStore, "nothing is applied early", "applied"),
    (OldEntriesAreLeftOut, "older entries are not counted", "applied"),
    (NewestFirst, "entries are applied in order and once", "applied"),
    (StartsOver, "entries are applied in order and once", "applied"),
    (TrustsTheLeader, "a follower commits what the call confirms", "applied"),
    (TrustsItsOwnLog, "a follower commits what the call confirms", "applied"),
    (AnswersWithItsEnd, "a follower commits what the call confirms", "sent"),
    (RefusalClaimsAMatch, "a follower commits what the call confirms", "sent"),
    (CommitGoesBack, "what is committed stays committed", "sent"),
    (DoubledCallsRepeat, "what is committed stays committed", "applied"),
    (OpenWritesAreKept, "a reelected leader starts afresh", "answered"),
    (OpenReadsAreKept, "a reelected leader starts afresh", "answered"),
    (OlderTermsCommit, "following and leading are as before", "applied"),
    (HeartbeatsGoOn, "following and leading are as before", "sent"),
    (DeposedForever, "following and leading are as before", "delivered"),
    (ReadsAtOnce, "a read waits for the leaders own entry", "answered"),
    (ReadsWaitForWhatIsKnown, "a read waits for the leaders own entry", "answered"),
    (ReadsWaitForever, "a read waits for the leaders own entry", "delivered"),
)
