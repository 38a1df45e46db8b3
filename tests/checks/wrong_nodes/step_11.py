"""Wrong Nodes for step 11: leaders that count wrongly, and that do not track what their followers have."""

from dataclasses import field, replace

from raft_steps import step_11_commit_index as step_11
from raft_steps.lab.commands import Command
from raft_steps.lab.log import Entry
from raft_steps.step_03_majority_commit import CommitEntry
from raft_steps.step_11_commit_index import AppendEntries, AppendEntriesReply


class NothingIsLogged(step_11.Node):
    """A new leader appends no entry before a client's write."""

    def become_leader(self) -> None:
        self.is_leader = True
        self.cancel_timer("election")
        self.next_index = dict.fromkeys(self.peers(), self.log.last_index + 1)
        self.match_index = dict.fromkeys(self.peers(), 0)
        self.send_heartbeat()
        self.start_timer("heartbeat", self.heartbeat_interval)


class EntryIsNotSent(NothingIsLogged):
    """The no-op is appended after the heartbeat, and waits for the next one."""

    def become_leader(self) -> None:
        super().become_leader()
        self.log.append(Entry(index=self.log.last_index + 1, term=self.current_term, command=None))
        self.advance_commit_index()


class EntryIsOfTheOldTerm(step_11.Node):
    """The leader's no-op has the term of the preceding entry."""

    def become_leader(self) -> None:
        term, self.current_term = self.current_term, self.log.last_term
        self.log.append(Entry(index=self.log.last_index + 1, term=self.current_term, command=None))
        self.current_term = term
        super().become_leader()
        self.log.truncate_after(self.log.last_index - 1)


class LoneLeaderWaits(step_11.Node):
    """Only a reply makes the leader count, so a leader without followers waits forever."""

    def become_leader(self) -> None:
        counting, self.advance_commit_index = self.advance_commit_index, lambda: None  # type: ignore[method-assign]
        super().become_leader()
        self.advance_commit_index = counting  # type: ignore[method-assign]


class CommitsWhenElected(step_11.Node):
    """A new leader takes its whole log for committed."""

    def become_leader(self) -> None:
        self.commit_up_to(self.log.last_index)
        super().become_leader()


class AnyAcknowledgementCounts(step_11.Node):
    """A successful reply counts for the whole log."""

    def on_append_entries_reply(self, sender: str, message: AppendEntriesReply) -> None:
        if message.success:
            self.match_index[sender] = self.log.last_index
        super().on_append_entries_reply(sender, message)


class HalfIsEnough(step_11.Node):
    """The comparison is >= instead of >."""

    def advance_commit_index(self) -> None:
        for index in range(self.log.last_index, self.commit_index, -1):
            holders = 1 + sum(match >= index for match in self.match_index.values())
            if self.log[index].term == self.current_term and 2 * holders >= len(self.servers):
                self.commit_up_to(index)
                break


class LeaderIsNoHolder(step_11.Node):
    """The leader does not count itself and requires a majority of followers."""

    def advance_commit_index(self) -> None:
        for index in range(self.log.last_index, self.commit_index, -1):
            holders = sum(match >= index for match in self.match_index.values())
            if self.log[index].term == self.current_term and 2 * holders > len(self.servers):
                self.commit_up_to(index)
                break


class MessagesAreCounted(step_11.Node):
    """Replies are counted instead of followers."""

    counts: dict[int, int] = field(default_factory=dict)

    def on_append_entries_reply(self, sender: str, message: AppendEntriesReply) -> None:
        self.counts[message.match_index] = self.counts.get(message.match_index, 0) + 1
        super().on_append_entries_reply(sender, message)

    def advance_commit_index(self) -> None:
        for index, count in sorted(self.counts.items()):
            if self.log[index].term == self.current_term and 2 * (1 + count) > len(self.servers):
                self.commit_up_to(index)


class OlderTermsCount(step_11.Node):
    """An entry of any term is committed by counting: Figure 8."""

    def advance_commit_index(self) -> None:
        have = sorted([self.log.last_index, *self.match_index.values()])
        self.commit_up_to(have[(len(have) - 1) // 2])


class MatchGoesBack(step_11.Node):
    """The last reply sets match_index, even if it is an older one that was delayed."""

    def on_append_entries_reply(self, sender: str, message: AppendEntriesReply) -> None:
        if message.success and sender in self.match_index:
            self.match_index[sender] = 0
        super().on_append_entries_reply(sender, message)


class RefusalTakesBack(step_11.Node):
    """A refusal resets match_index, though it may answer an older call."""

    def on_append_entries_reply(self, sender: str, message: AppendEntriesReply) -> None:
        if not message.success:
            self.match_index[sender] = message.match_index
        super().on_append_entries_reply(sender, message)


class CommitIsNotSent(step_11.Node):
    """The calls carry no commit index."""

    def append_entries_after(self, prev_log_index: int) -> AppendEntries:
        return replace(super().append_entries_after(prev_log_index), leader_commit=0)


class CommitIsSaidEarly(step_11.Node):
    """The calls carry a commit index that includes their own entries."""

    def append_entries_after(self, prev_log_index: int) -> AppendEntries:
        return replace(super().append_entries_after(prev_log_index), leader_commit=self.log.last_index)


class CommitMessageStays(step_11.Node):
    """CommitEntry of step 3 is still sent and handled."""

    def commit_up_to(self, index: int) -> None:
        if self.is_leader and index > self.commit_index:
            self.broadcast(CommitEntry(index=index))
        super().commit_up_to(index)


class GoesBackBelowZero(step_11.Node):
    """The retry goes back one entry each time, without a lower bound."""

    def index_before(self, refused_index: int) -> int:
        return refused_index - 1


class NeverGoesBack(step_11.Node):
    """The same call is sent again after a refusal."""

    def index_before(self, refused_index: int) -> int:
        return refused_index


class RefusalIsIgnored(step_11.Node):
    """A refusal is not counted, but causes no retry either."""

    def on_append_entries_reply(self, sender: str, message: AppendEntriesReply) -> None:
        if message.success:
            super().on_append_entries_reply(sender, message)


class SendsEverythingAgain(step_11.Node):
    """Every heartbeat carries entries that the follower is known to have."""

    def send_heartbeat(self) -> None:
        self.next_index = dict.fromkeys(self.peers(), max(self.log.last_index, 1))
        super().send_heartbeat()


class MatchIsKept(step_11.Node):
    """A leader that is elected again keeps match_index."""

    def become_leader(self) -> None:
        known = self.match_index
        super().become_leader()
        self.match_index |= known


class NextIsKept(step_11.Node):
    """A leader that is elected again keeps next_index."""

    def become_leader(self) -> None:
        known = self.next_index
        super().become_leader()
        self.next_index |= known
        self.send_heartbeat()


class OldRepliesCount(step_11.Node):
    """A reply of an earlier term counts in this one."""

    def on_append_entries_reply(self, sender: str, message: AppendEntriesReply) -> None:
        if message.success and self.is_leader:
            self.match_index[sender] = max(self.match_index[sender], message.match_index)
        super().on_append_entries_reply(sender, message)


class RepliesTeachNoTerm(step_11.Node):
    """A reply of a newer term is handled as if it had the current one."""

    def on_append_entries_reply(self, sender: str, message: AppendEntriesReply) -> None:
        if message.term <= self.current_term:
            super().on_append_entries_reply(sender, message)


class OneHeartbeatOnly(step_11.Node):
    """A new leader calls once and starts no timer."""

    def become_leader(self) -> None:
        super().become_leader()
        self.cancel_timer("heartbeat")


class WritesAreNotSent(step_11.Node):
    """A write is not sent before the next heartbeat."""

    def write(self, client: str, command: Command) -> None:
        entry = self.next_entry(command)
        self.log.append(entry)
        self.open_writes[client] = entry


MISTAKES: tuple[tuple[type, str, str], ...] = (
    (NothingIsLogged, "a new leader appends a blank entry", "delivered"),
    (EntryIsNotSent, "a new leader appends a blank entry", "delivered"),
    (EntryIsOfTheOldTerm, "a new leader appends a blank entry", "delivered"),
    (LoneLeaderWaits, "older entries are not counted", "timer_fired"),
    (CommitsWhenElected, "nothing is applied early", "applied"),
    (AnyAcknowledgementCounts, "a write waits for its own entry", "answered"),
    (HalfIsEnough, "a write waits for its own entry", "applied"),
    (MessagesAreCounted, "a write waits for its own entry", "applied"),
    (LeaderIsNoHolder, "a write waits for its own entry", "delivered"),
    (WritesAreNotSent, "a write waits for its own entry", "asked"),
    (OlderTermsCount, "older entries are not counted", "applied"),
    (MatchGoesBack, "entries are applied in order and once", "delivered"),
    (RefusalTakesBack, "entries are applied in order and once", "delivered"),
    (CommitIsNotSent, "every call carries the commit index", "sent"),
    (CommitIsSaidEarly, "every call carries the commit index", "sent"),
    (CommitMessageStays, "every call carries the commit index", "sent"),
    (GoesBackBelowZero, "each follower is sent what it lacks", "failed"),
    (NeverGoesBack, "each follower is sent what it lacks", "sent"),
    (RefusalIsIgnored, "each follower is sent what it lacks", "delivered"),
    (SendsEverythingAgain, "each follower is sent what it lacks", "sent"),
    (MatchIsKept, "a reelected leader starts afresh", "applied"),
    (NextIsKept, "a reelected leader starts afresh", "sent"),
    (OldRepliesCount, "a reelected leader starts afresh", "applied"),
    (RepliesTeachNoTerm, "a reelected leader starts afresh", "delivered"),
    (OneHeartbeatOnly, "following and leading are as before", "delivered"),
)
