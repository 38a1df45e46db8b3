"""Wrong Nodes for the rule about configurations: what they log whenever a client writes could give a term two leaders."""

from raft_steps.lab.commands import Command, Configuration
from tests.helpers.raft_fixture import RaftNode


class SwitchesAtOnce(RaftNode):
    """The servers change in one step: the leader alone is a majority of the new ones, the others one of the old."""

    def write(self, client: str, command: Command) -> None:
        super().write(client, Configuration(voters=(self.name,)))


class TwoChangesAtOnce(RaftNode):
    """Each change is small enough, but the second one does not wait until the first is committed."""

    def write(self, client: str, command: Command) -> None:
        super().write(client, Configuration(voters=self.servers[:2]))
        super().write(client, Configuration(voters=self.servers[:1]))


class JointWithTheWrongServers(RaftNode):
    """The joint configuration has the new voters in the place of the old ones."""

    def write(self, client: str, command: Command) -> None:
        super().write(client, Configuration(voters=(self.name,), old_voters=(self.name,)))


_LINE = "raft-steps 1; servers tom jerry spike; seed 0; timing paper; at 0.6 set x 1; until 0.600001"
MISTAKES: tuple[tuple[type, str, str], ...] = (
    (SwitchesAtOnce, "Overlapping Majorities", _LINE),
    (TwoChangesAtOnce, "Overlapping Majorities", _LINE),
    (JointWithTheWrongServers, "Overlapping Majorities", _LINE),
)
