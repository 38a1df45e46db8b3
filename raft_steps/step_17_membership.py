"""Step 17: the servers of a cluster can be exchanged while it works.

Servers hear of a change at different times, so two majorities that share no server could each have a leader. So a leader
first logs a joint configuration, in which a decision needs a majority of the old voters and one of the new voters. Once
that is committed, it logs the new one. A server uses the newest configuration in its log, committed or not, and finds it
again when entries are deleted and when it restarts. Servers that are new get the log first, as learners that nobody
counts. A leader that is not a voter does not count itself, and leaves once the new configuration is committed.

New: change, configurations, learners, add_configuration, begin_sending, change_members, configuration, continue_change,
    find_configurations, may_lead, peers.
Changed: advance_commit_index, become_follower, count_votes, is_majority, on_client_request, on_election_timeout,
    restore_snapshot, state, store_entries, voters.
Paper: Section 6 (cluster membership changes); Ongaro's dissertation, Chapter 4: 4.2.1 (learners), 4.2.2 (a leader that
    is removed), 4.3 (joint consensus); Section 7 (a snapshot holds the configuration).
Follows: the paper. The commits of September 2020 let a server join, and switched to the new servers directly.
"""

from __future__ import annotations

from dataclasses import field
from typing import Any

from raft_steps import step_16_snapshots as step_16
from raft_steps.lab.commands import Configuration, Get, NotLeader, Ok, Refused, Request
from raft_steps.lab.log import Entry


class Node(step_16.Node):
    """A server whose log says which servers make up the cluster."""

    # The configurations in the log and its snapshot, by index.
    configurations: dict[int, Configuration] = field(default_factory=dict)

    # The change that this leader has been asked for, until it is logged: the client, and the voters to come.
    change: tuple[str, tuple[str, ...]] | None = None

    # The servers that get the log before they become voters.
    learners: tuple[str, ...] = ()

    def restore_snapshot(self) -> None:
        """Begin with the state in the log's snapshot, if there is one, and with the configurations in the log."""
        super().restore_snapshot()
        self.find_configurations(self.log.base_index)

    def state(self) -> dict[str, Any]:
        """Return all that follows from the entries that have been applied, the last configuration among them."""
        last = [index for index in self.configurations if index <= self.last_applied][-1:]
        applied = {index: self.configurations[index] for index in last}
        return {"state_machine": self.state_machine, "sessions": self.sessions, "configurations": applied}

    def find_configurations(self, after: int) -> None:
        """Read the log from an index on: which configurations it has there, and which it has no longer."""
        self.configurations = {index: each for index, each in self.configurations.items() if index <= after}
        for entry in self.log.entries_after(after):
            if isinstance(entry.command, Configuration):
                self.configurations[entry.index] = entry.command

    def configuration(self) -> tuple[int, Configuration]:
        """Return the configuration in force, the newest one, and its index; at 0, the servers known from the start."""
        if not self.configurations:
            return 0, Configuration(voters=self.servers)
        index = max(self.configurations)
        return index, self.configurations[index]

    def voters(self) -> tuple[str, ...]:
        """Return the servers that vote: in a joint configuration, those of both."""
        _, configuration = self.configuration()
        return tuple(dict.fromkeys(configuration.old_voters + configuration.voters))

    def peers(self) -> list[str]:
        """Return the other servers that get the log."""
        return [name for name in dict.fromkeys(self.voters() + self.learners) if name != self.name]

    def is_majority(self, names: set[str]) -> bool:
        """Return whether these servers can decide: more than half of the voters, in a joint configuration of both kinds."""
        _, configuration = self.configuration()
        groups = (configuration.voters, configuration.old_voters or configuration.voters)
        return all(2 * len(names.intersection(group)) > len(group) for group in groups)

    def store_entries(self, prev_log_index: int, prev_log_term: int, entries: tuple[Entry, ...]) -> bool:
        """Add entries after the previous one, with the configurations in them; return False if that one is missing."""
        base = self.log.base_index
        if prev_log_index >= base and self.log.term_at(prev_log_index) != prev_log_term:
            return False
        for entry in entries:
            # What the snapshot stands for is committed: the leader has the same there.
            if entry.index > base and self.log.term_at(entry.index) != entry.term:
                # Section 5.3: delete an entry that conflicts with the leader's, and all that follow it.
                self.log.truncate_after(entry.index - 1)
                self.log.append(entry)
        if entries:
            self.find_configurations(max(prev_log_index, base))
        return True

    def on_election_timeout(self) -> None:
        """No leader was heard from in time: start an election, if this server has a part in it."""
        if self.may_lead():
            self.start_election()

    def may_lead(self) -> bool:
        """Return whether this server votes, or does not know that it was removed: it may be needed until that is certain."""
        index, _ = self.configuration()
        return self.name in self.voters() or index > self.commit_index

    def on_client_request(self, client: str, request: Request) -> None:
        """Refuse clients with the name of the leader; otherwise answer a read, begin a change, or log a command."""
        if not self.is_leader:
            self.reply(client, NotLeader(leader=self.leader))
        elif isinstance(request, Get):
            self.answer_read(client, request)
        elif isinstance(request, Configuration):
            self.change_members(client, request.voters)
        else:
            self.write(client, request)

    def change_members(self, client: str, voters: tuple[str, ...]) -> None:
        """Begin to send the log to the servers that are new, unless the change before is not finished."""
        index, configuration = self.configuration()
        if index > self.commit_index or configuration.old_voters:
            self.reply(client, Refused(reason="the change before is not finished"))
        elif set(voters) == set(configuration.voters):
            self.reply(client, Ok())
        else:
            if self.change is not None:
                self.reply(self.change[0], Refused(reason="another change has taken its place"))
            self.change = (client, voters)
            self.learners = tuple(name for name in voters if name not in configuration.voters)
            for peer in self.learners:
                self.begin_sending(peer)
            self.continue_change()

    def begin_sending(self, peer: str) -> None:
        """Send a server that is new its first call; its answer says what it lacks."""
        self.next_index[peer] = self.log.last_index + 1
        self.match_index[peer] = 0
        self.send_limit[peer] = 0
        self.send_entries(peer)

    def advance_commit_index(self) -> None:
        """Commit what a majority has, and go on with a change."""
        super().advance_commit_index()
        self.continue_change()

    def continue_change(self) -> None:
        """Log the configuration that comes next, or leave, once the one in force is committed."""
        index, configuration = self.configuration()
        if not self.is_leader or index > self.commit_index:
            return
        if configuration.old_voters:
            self.add_configuration(Configuration(voters=configuration.voters))
        elif self.name not in configuration.voters:
            self.become_follower()
        elif self.change is not None and all(self.match_index[peer] >= self.read_index() for peer in self.learners):
            self.add_configuration(Configuration(voters=self.change[1], old_voters=configuration.voters))

    def add_configuration(self, configuration: Configuration) -> None:
        """Log a configuration, which is in force from now on; the client is answered when the last one is committed."""
        entry = self.next_entry(configuration)
        self.log.append(entry)
        self.find_configurations(entry.index - 1)
        self.learners = ()
        if self.change is not None and not configuration.old_voters:
            self.open_writes[self.change[0]] = entry
            self.change = None
        self.start_timer("batch", 0)

    def become_follower(self) -> None:
        """Follow the leader, who knows nothing of a change that is not in the log."""
        self.change = None
        self.learners = ()
        # Too few votes in the configuration in which they were asked for may be enough in the next one.
        self.votes = set()
        super().become_follower()

    def count_votes(self) -> None:
        """Lead with the votes of a majority, if this server is a candidate: it votes for itself first."""
        if not self.is_leader and self.name in self.votes and self.is_majority(self.votes):
            self.become_leader()
