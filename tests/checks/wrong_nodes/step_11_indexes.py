"""Wrong Nodes for step 11: leaders that go back for the wrong refusals, mix up followers, or let reads wait wrongly."""

from dataclasses import replace

from raft_steps import step_11_commit_index as step_11
from raft_steps.lab.commands import Get, Ok
from raft_steps.step_11_commit_index import AppendEntries, AppendEntriesReply


class AnyRefusalGoesBack(step_11.Node):
    """Every refusal of the term makes the leader go back from the entry that it names, a late one too."""

    def on_append_entries_reply(self, sender: str, message: AppendEntriesReply) -> None:
        if self.is_leader and message.term == self.current_term and not message.success:
            self.next_index[sender] = message.prev_log_index + 1
        super().on_append_entries_reply(sender, message)


class EveryRefusalCountsOne(step_11.Node):
    """Every refusal of the term makes the leader go back by one entry, a duplicate too."""

    def on_append_entries_reply(self, sender: str, message: AppendEntriesReply) -> None:
        if self.is_leader and message.term == self.current_term and not message.success:
            self.next_index[sender] = max(self.next_index[sender] - 1, 1)
            self.send(sender, self.append_entries_after(self.next_index[sender] - 1))
        else:
            super().on_append_entries_reply(sender, message)


class LateRefusalsGoBack(step_11.Node):
    """A refusal of an earlier entry than the latest call's counts, though the follower has acknowledged more since."""

    def on_append_entries_reply(self, sender: str, message: AppendEntriesReply) -> None:
        if self.is_leader and message.term == self.current_term and not message.success:
            self.next_index[sender] = min(self.next_index[sender], message.prev_log_index + 1)
        super().on_append_entries_reply(sender, message)


class RefusalsGoForward(step_11.Node):
    """A late refusal sets next_index to the entry that it names, even if the leader is further back by now."""

    def on_append_entries_reply(self, sender: str, message: AppendEntriesReply) -> None:
        if self.is_leader and message.term == self.current_term and not message.success:
            self.next_index[sender] = max(self.next_index[sender], message.prev_log_index + 1)
        super().on_append_entries_reply(sender, message)


class OneIndexForAll(step_11.Node):
    """The next entry of the first follower counts for all of them."""

    def send_heartbeat(self) -> None:
        for peer in self.peers():
            self.send(peer, self.append_entries_after(self.next_index[self.peers()[0]] - 1))


class AcknowledgementsMoveTheFirst(step_11.Node):
    """An acknowledgement moves the next entry of the first follower, also if another one has sent it."""

    def on_append_entries_reply(self, sender: str, message: AppendEntriesReply) -> None:
        before = dict(self.next_index)
        super().on_append_entries_reply(sender, message)
        if message.success and self.is_leader:
            moved = self.next_index[sender]
            self.next_index = before | {self.peers()[0]: moved}


class PreviousTermIsTheLast(step_11.Node):
    """A call has the term of the leader's last committed entry as that of the preceding one."""

    def append_entries_after(self, prev_log_index: int) -> AppendEntries:
        return replace(super().append_entries_after(prev_log_index), prev_log_term=self.log[self.commit_index].term)


class RetriesWithAll(step_11.Node):
    """A refusal makes the leader call every follower."""

    def on_append_entries_reply(self, sender: str, message: AppendEntriesReply) -> None:
        super().on_append_entries_reply(sender, message)
        if self.is_leader and message.term == self.current_term and not message.success:
            self.send_heartbeat()


class AppliedIsEnough(step_11.Node):
    """A read is answered at once if the server has applied something before it was elected."""

    def answer_read(self, client: str, request: Get) -> None:
        if self.last_applied:
            self.reply(client, Ok(value=self.state_machine.get(request.key)))
        else:
            super().answer_read(client, request)


class ReadsWaitForTheWholeLog(step_11.Node):
    """A read waits until everything that is in the log by then is applied, so it may wait forever."""

    def answer_clients(self) -> None:
        if self.last_applied < self.log.last_index:
            kept, self.open_reads = self.open_reads, {}
            super().answer_clients()
            self.open_reads = kept
        else:
            super().answer_clients()


class ReadsWaitForTheTerm(step_11.Node):
    """A read waits for the entry whose index is the number of the term."""

    def answer_read(self, client: str, request: Get) -> None:
        self.open_reads[client] = (self.current_term, request)
        self.answer_clients()


class ReadsWaitForExactlyTheirs(step_11.Node):
    """A read is answered when the last entry before it is the last one applied, and never if more are applied with it."""

    def answer_clients(self) -> None:
        kept = {client: each for client, each in self.open_reads.items() if each[0] != self.last_applied}
        self.open_reads = {client: each for client, each in self.open_reads.items() if each[0] == self.last_applied}
        super().answer_clients()
        self.open_reads = kept


LATEST, OWN, LOGGED = (
    "only the latest refusal counts",
    "each follower has its own indexes",
    "a read waits for what is in the log",
)

MISTAKES: tuple[tuple[type, str, str], ...] = (
    (AnyRefusalGoesBack, LATEST, "sent"),
    (EveryRefusalCountsOne, LATEST, "sent"),
    (LateRefusalsGoBack, LATEST, "sent"),
    (RefusalsGoForward, LATEST, "sent"),
    (OneIndexForAll, OWN, "sent"),
    (AcknowledgementsMoveTheFirst, OWN, "sent"),
    (RetriesWithAll, OWN, "sent"),
    (PreviousTermIsTheLast, LATEST, "sent"),
    (AppliedIsEnough, LOGGED, "answered"),
    (ReadsWaitForTheWholeLog, LOGGED, "delivered"),
    (ReadsWaitForTheTerm, LOGGED, "answered"),
    (ReadsWaitForExactlyTheirs, LOGGED, "delivered"),
)
