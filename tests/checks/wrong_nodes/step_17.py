"""Wrong Nodes for step 17: majorities that are too small, configurations that come too early, are missed, or stay too long."""

from typing import Any

from raft_steps import step_17_membership as step_17
from raft_steps.lab.checks.again import STILL_HOLDS
from raft_steps.lab.commands import Configuration, Ok, Refused
from raft_steps.lab.log import Entry, Snapshot
from raft_steps.step_10_up_to_date_logs import RequestVote
from raft_steps.step_14_linearizable_reads import AppendEntries
from raft_steps.step_16_snapshots import InstallSnapshot


class SwitchesDirectly(step_17.Node):
    """The new configuration follows the old one directly."""

    def add_configuration(self, configuration: Configuration) -> None:
        super().add_configuration(Configuration(voters=configuration.voters))


class SingleChanges(SwitchesDirectly):
    """Servers are added and removed one at a time, directly: the dissertation's simpler way, as it was until 2015."""

    def change_members(self, client: str, voters: tuple[str, ...]) -> None:
        if len(set(voters).symmetric_difference(self.voters())) > 1:
            self.reply(client, Refused(reason="one server at a time"))
        else:
            super().change_members(client, voters)


class SnapshotEndsLearning(step_17.Node):
    """A server that is new and gets the leader's snapshot is taken for one that has everything, and called no more."""

    def send_snapshot(self, peer: str, snapshot: Snapshot) -> None:
        super().send_snapshot(peer, snapshot)
        self.learners = tuple(name for name in self.learners if name != peer)


class NewServersVoteAtOnce(step_17.Node):
    """A server that is new is a voter before it has the log."""

    def read_index(self) -> int:
        return 0


class KnowsNothingOfItsCommits(step_17.Node):
    """New servers count as up to date if they have what this leader has committed, even at the beginning of its term."""

    def read_index(self) -> int:
        return min(self.commit_index, 0)


class CountsAllTogether(step_17.Node):
    """In a joint configuration, more than half of all servers are enough."""

    def is_majority(self, names: set[str]) -> bool:
        return 2 * len(names.intersection(self.voters())) > len(self.voters())


class NewVotersDecide(step_17.Node):
    """In a joint configuration, a majority of the new voters is enough."""

    def is_majority(self, names: set[str]) -> bool:
        voters = self.configuration()[1].voters
        return 2 * len(names.intersection(voters)) > len(voters)


class OldVotersDecide(step_17.Node):
    """In a joint configuration, a majority of the old voters is enough."""

    def is_majority(self, names: set[str]) -> bool:
        configuration = self.configuration()[1]
        voters = configuration.old_voters or configuration.voters
        return 2 * len(names.intersection(voters)) > len(voters)


class CountsTheLeader(step_17.Node):
    """A server counts itself, also if it is not a voter."""

    def is_majority(self, names: set[str]) -> bool:
        voters = self.configuration()[1].voters
        return super().is_majority(names) or 2 * len(names.intersection({*voters, self.name})) > len(voters)


class UsesWhatIsCommitted(step_17.Node):
    """A configuration is in force when it is committed, and not when it is in the log."""

    def configuration(self) -> tuple[int, Configuration]:
        for index in reversed(self.configurations):
            if index <= self.commit_index:
                return index, self.configurations[index]
        return 0, Configuration(voters=self.servers)


class KeepsWhatWasDeleted(step_17.Node):
    """A configuration stays in force after its entry was deleted."""

    def find_configurations(self, after: int) -> None:
        for entry in self.log.entries_after(after):
            if isinstance(entry.command, Configuration):
                self.configurations[entry.index] = entry.command


class ForgetsInACrash(step_17.Node):
    """After a restart, the servers are those that it was started with."""

    def restore_snapshot(self) -> None:
        super().restore_snapshot()
        self.configurations = {}


class LeavesWithASnapshot(step_17.Node):
    """A learner whose leader's snapshot does not name it takes itself for removed, and stops (etcd 21610)."""

    has_left: bool = False

    def on_install_snapshot(self, sender: str, message: InstallSnapshot) -> None:
        super().on_install_snapshot(sender, message)
        self.has_left = self.has_left or self.name not in self.voters()

    def on_append_entries(self, sender: str, message: AppendEntries) -> None:
        if not self.has_left:
            super().on_append_entries(sender, message)


class KeepsItsOwnConfiguration(step_17.Node):
    """A configuration with a higher index than that in a leader's snapshot stays in force, although it is gone (openraft 1808)."""

    def restore_snapshot(self) -> None:
        own = self.configurations
        super().restore_snapshot()
        self.configurations = own | self.configurations


class SnapshotWithoutConfiguration(step_17.Node):
    """A snapshot holds the state machine and the sessions alone."""

    def state(self) -> dict[str, Any]:
        return {"state_machine": self.state_machine, "sessions": self.sessions}


class SnapshotWithTheNewest(step_17.Node):
    """A snapshot holds the newest configuration, although its entry comes after the last one of the snapshot."""

    def state(self) -> dict[str, Any]:
        index, configuration = self.configuration()
        return {
            "state_machine": self.state_machine,
            "sessions": self.sessions,
            "configurations": {min(index, self.last_applied): configuration},
        }


class LeavesTooEarly(step_17.Node):
    """A leader that is removed leaves as soon as it has logged the new configuration."""

    def add_configuration(self, configuration: Configuration) -> None:
        super().add_configuration(configuration)
        if not configuration.old_voters and self.name not in configuration.voters:
            for peer in self.peers():
                self.send_new_entries(peer)
            self.become_follower()


class NeverLeaves(step_17.Node):
    """A leader that is removed goes on leading."""

    def become_follower(self) -> None:
        index, configuration = self.configuration()
        if not self.is_leader or self.name in configuration.voters or index > self.commit_index:
            super().become_follower()


class TakesPartForEver(step_17.Node):
    """A removed server that knows of its removal starts elections."""

    def may_lead(self) -> bool:
        return bool(self.voters())


class OnlyVotersRun(step_17.Node):
    """A server starts an election only if the newest configuration has it, committed or not."""

    def may_lead(self) -> bool:
        return self.name in self.voters()


class OnlyVotersVote(step_17.Node):
    """A server votes only if it is a voter as far as it knows."""

    def on_request_vote(self, sender: str, message: RequestVote) -> None:
        if self.name in self.voters():
            super().on_request_vote(sender, message)
        else:
            self.learn_term(message.term)
            self.answer_request_vote(sender, False)


class ElectsItself(step_17.Node):
    """A server that knows of no other takes itself for the whole cluster."""

    def configuration(self) -> tuple[int, Configuration]:
        index, configuration = super().configuration()
        return index, configuration if configuration.voters else Configuration(voters=(self.name,))


class ManyChangesAtOnce(step_17.Node):
    """The next change begins before the one before is committed."""

    def change_members(self, client: str, voters: tuple[str, ...]) -> None:
        configuration = self.configuration()[1]
        self.change = (client, voters)
        self.learners = tuple(name for name in voters if name not in configuration.voters)
        for peer in self.learners:
            self.begin_sending(peer)
        self.continue_change()
        if not self.learners:
            self.add_configuration(Configuration(voters=voters, old_voters=configuration.voters))


class DoesNotWaitForTheJointOne(step_17.Node):
    """The new configuration is logged right after the joint one."""

    def add_configuration(self, configuration: Configuration) -> None:
        super().add_configuration(configuration)
        if configuration.old_voters:
            super().add_configuration(Configuration(voters=configuration.voters))


class LeavesItUnfinished(step_17.Node):
    """A new leader does not go on with the change of the one before."""

    own: bool = False

    def change_members(self, client: str, voters: tuple[str, ...]) -> None:
        self.own = True
        super().change_members(client, voters)

    def continue_change(self) -> None:
        if self.own:
            super().continue_change()


class SaysOkTooEarly(step_17.Node):
    """The client has its answer when the new configuration is logged."""

    def add_configuration(self, configuration: Configuration) -> None:
        if self.change is not None and not configuration.old_voters:
            self.reply(self.change[0], Ok())
            self.change = None
        super().add_configuration(configuration)


class MissesWhatItLogs(step_17.Node):
    """A leader finds configurations in the calls of others, and not in what it logs itself."""

    def add_configuration(self, configuration: Configuration) -> None:
        entry = self.next_entry(configuration)
        self.log.append(entry)
        if self.change is not None and not configuration.old_voters:
            self.open_writes[self.change[0]] = entry
        self.change = None
        self.start_timer("batch", 0)


class MissesWhatItGets(step_17.Node):
    """A follower does not look for configurations in what it stores."""

    def store_entries(self, prev_log_index: int, prev_log_term: int, entries: tuple[Entry, ...]) -> bool:
        before = self.configurations
        stored = super().store_entries(prev_log_index, prev_log_term, entries)
        self.configurations = before
        return stored


class LooksBelowItsSnapshot(step_17.Node):
    """A leader looks for configurations where only the snapshot is."""

    def add_configuration(self, configuration: Configuration) -> None:
        super().add_configuration(configuration)
        self.find_configurations(self.commit_index - 1)


class ForgetsWhoAskedFirst(step_17.Node):
    """A client whose change is replaced by another one hears nothing."""

    def change_members(self, client: str, voters: tuple[str, ...]) -> None:
        if self.change is not None and self.configuration()[0] <= self.commit_index:
            self.change = None
        super().change_members(client, voters)


class LearnersHearOnce(step_17.Node):
    """Heartbeats go to voters only, so a server that is new hears nothing more if its first call is lost."""

    def peers(self) -> list[str]:
        return [name for name in self.voters() if name != self.name]


class KeepsItsChange(step_17.Node):
    """A leader that is deposed goes on with its change if it leads again, and knows no learners then."""

    def become_follower(self) -> None:
        change = self.change
        super().become_follower()
        self.change = change


class SaysNothingOfNothing(step_17.Node):
    """A client that asks for the voters that there are gets no answer."""

    def change_members(self, client: str, voters: tuple[str, ...]) -> None:
        if set(voters) != set(self.voters()):
            super().change_members(client, voters)


class LosesOlderOnes(step_17.Node):
    """Only the newest configuration is known, so none is found again when it is deleted."""

    def find_configurations(self, after: int) -> None:
        super().find_configurations(after)
        newest, configuration = self.configuration()
        self.configurations = {newest: configuration} if newest else {}


class LooksAtNewEntriesOnly(step_17.Node):
    """A leader keeps what it has logged in force when another leader deletes it."""

    def store_entries(self, prev_log_index: int, prev_log_term: int, entries: tuple[Entry, ...]) -> bool:
        before = self.configurations
        stored = super().store_entries(prev_log_index, prev_log_term, entries)
        self.configurations = {**before, **self.configurations}
        return stored


class KeepsItsVotes(step_17.Node):
    """A candidate that follows a leader of its term keeps its votes, which may be a majority of other voters."""

    def become_follower(self) -> None:
        votes = self.votes
        super().become_follower()
        self.votes = votes


class IsElectedWithoutAsking(step_17.Node):
    """A vote counts for a server that is not a candidate any more."""

    def count_votes(self) -> None:
        if not self.is_leader and self.is_majority(self.votes):
            self.become_leader()


class VotesForEverybody(step_17.Node):
    """A server votes for every candidate of its term."""

    def on_request_vote(self, sender: str, message: RequestVote) -> None:
        self.voted_for = None
        super().on_request_vote(sender, message)


MISTAKES: tuple[tuple[type, str, str], ...] = (
    (CountsAllTogether, "a joint configuration needs both majorities", "timer_fired"),
    (CountsTheLeader, "a removed leader leaves", "timer_fired"),
    (DoesNotWaitForTheJointOne, "new servers learn first", "timer_fired"),
    (ElectsItself, "a server of no cluster waits", "timer_fired"),
    (ForgetsInACrash, "the newest configuration is in force", "sent"),
    (KeepsWhatWasDeleted, "the newest configuration is in force", "sent"),
    (IsElectedWithoutAsking, "a follower counts no votes", "delivered"),
    (KeepsItsVotes, "a follower counts no votes", "delivered"),
    (KeepsItsChange, "a deposed leader drops its change", "failed"),
    (KnowsNothingOfItsCommits, "new servers learn first", "delivered"),
    (LearnersHearOnce, "new servers learn first", "timer_fired"),
    (LeavesItUnfinished, "a new leader finishes the change", "delivered"),
    (LeavesTooEarly, "a removed leader leaves", "timer_fired"),
    (LooksAtNewEntriesOnly, "a leader loses a configuration", "sent"),
    (LosesOlderOnes, "the newest configuration is in force", "sent"),
    (ManyChangesAtOnce, "one change at a time", "asked"),
    (MissesWhatItGets, "a joint configuration elects with both majorities", "sent"),
    (MissesWhatItLogs, "a joint configuration needs both majorities", "delivered"),
    (NeverLeaves, "a removed leader leaves", "delivered"),
    (NewServersVoteAtOnce, "new servers learn first", "delivered"),
    (NewVotersDecide, "a joint configuration needs both majorities", "delivered"),
    (OldVotersDecide, "a joint configuration needs both majorities", "delivered"),
    (OnlyVotersRun, "a removed server may be needed", "timer_fired"),
    (OnlyVotersVote, "a server of no cluster waits", "delivered"),
    (SaysOkTooEarly, "a removed leader leaves", "answered"),
    (SaysNothingOfNothing, "a change of nothing succeeds", "delivered"),
    (SingleChanges, "new servers learn first", "timer_fired"),
    (SnapshotEndsLearning, "a leader with a snapshot changes the members", "delivered"),
    (KeepsItsOwnConfiguration, "a snapshot holds the configuration", "sent"),
    (LeavesWithASnapshot, "a snapshot holds the configuration", "delivered"),
    (SnapshotWithTheNewest, "a snapshot holds the configuration", "sent"),
    (SnapshotWithoutConfiguration, "a snapshot holds the configuration", "sent"),
    (SwitchesDirectly, "new servers learn first", "timer_fired"),
    (TakesPartForEver, "a removed leader leaves", "timer_fired"),
    (ForgetsWhoAskedFirst, "one change at a time", "asked"),
    (LooksBelowItsSnapshot, "a leader with a snapshot changes the members", "failed"),
    (VotesForEverybody, STILL_HOLDS, "sent"),
    (UsesWhatIsCommitted, "new servers learn first", "failed"),
)
