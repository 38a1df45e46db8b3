"""The tester of the ten-step test: it starts and stops servers, reads and writes, and inspects logs."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from raft_steps.lab.commands import Ok, command_text

if TYPE_CHECKING:
    from raft_steps.lab.cluster.cluster import Cluster
    from raft_steps.lab.cluster.real_cluster import RealCluster

NO_COMMAND = command_text(None)
DEADLINE_S = 120.0  # virtual time for each list step
# Virtual time before the state machines are inspected: a commit message takes up to 0.3 s. A Node whose heartbeats
# carry the commit index gets more time, see `find_wrong_state_machine`: the first heartbeat may be lost.
SETTLE_S = 1.0

TRIES = 5  # how often a patient tester sends one request

LEADER = "tom"  # the leader that list step 1 names
ABOUT_FOLLOWERS = (5, 6, 9, 10)  # the list steps about what followers have; the strict verdict inspects them here

FIRST_COMMANDS = ("set a 1", "set b 2", "set c 3", "delete b")
FIRST_LOG = "1 set a 1; 1 set b 2; 2 set c 3; 2 delete b"
EARLIER_WRITES = ("set d 4", "set a 5", "delete b")
LATER_WRITES = ("set e 6", "delete d")


class ListStepFailed(Exception):  # noqa: N818  # It is a verdict, not an error.
    """A step of the list failed; the message says why."""


class Tester:
    """Goes through the list: starts and stops servers, reads and writes, and inspects logs."""

    def __init__(self, cluster: Cluster | RealCluster, *, patient: bool = False, is_real: bool = False) -> None:
        """Prepare for the first step of the list.

        Args:
            cluster: The cluster, in the state in which the list begins.
            patient: Whether to repeat a request that gets no answer, for a network that loses messages.
            is_real: Whether the cluster has real servers, for which time passes between two looks.
        """
        self.cluster, self.patient, self.is_real = cluster, patient, is_real
        self.down = ""  # the stopped server; "" while all run
        self.commands = list(FIRST_COMMANDS)  # what every log should contain by now
        self.start_s = 0.0  # when the list step began

    def go_through(self, number: int) -> None:
        """Do what a step of the list asks for.

        Raises:
            ListStepFailed: The cluster does not do its part before the deadline.
        """
        self.start_s = self.cluster.time
        match number:
            case 1:
                self.require_start()
            case 2 | 7:
                self.require_equal_logs()
                self.stop_leader()
            case 3 | 8:
                self.wait(lambda: self.cluster.leader is not None, self.why_nobody_leads)
            case 4:
                self.read_everything()
            case 5:
                self.write(EARLIER_WRITES)
            case 9:
                self.write(LATER_WRITES)
            case _:
                self.restart_stopped()

    def require_start(self) -> None:
        """Check that the named leader leads and has the commands, and that the other logs are empty.

        Raises:
            ListStepFailed: Another server leads, or a log has another length.
        """
        lengths = self.lengths_at_start()
        if self.cluster.leader != LEADER or lengths != {LEADER: len(self.commands), "jerry": 0, "spike": 0}:
            raise ListStepFailed(f"{self.cluster.leader or 'nobody'} leads, and the logs have {lengths} entries")

    def lengths_at_start(self) -> dict[str, int]:
        """Return how many entries are in the log of each server as the list begins."""
        if self.is_real:  # Heartbeats are under way by now, so the logs as they are now say little.
            return {event.server: len(event["log"]) for event in self.cluster.trace.of("started")}
        return {server: len(commands_of(self.cluster.log(server))) for server in self.cluster.servers}

    def stop_leader(self) -> None:
        """Stop the leader."""
        assert not self.down, "the list never stops a second server: two of three must run"
        self.down = self.leader()
        self.cluster.crash(self.down)

    def restart_stopped(self) -> None:
        """Restart the stopped server, and check that it gets what it missed."""
        self.cluster.restart(self.down)
        self.down = ""
        self.require_equal_logs()
        self.read_everything()

    def write(self, commands: tuple[str, ...]) -> None:
        """Send writes, check that every log gets them, and read them back."""
        for command in commands:
            self.send_write(command)
            self.commands.append(command)
        self.require_equal_logs()
        self.read_everything()

    def send_write(self, command: str) -> None:
        """Send one write; a patient tester that gets no answer repeats it, but only if no log has it."""
        verb, *words = command.split()
        for _ in range(TRIES if self.patient else 1):
            answer = self.cluster.set(*words) if verb == "set" else self.cluster.delete(*words)
            if isinstance(answer, Ok) or not self.patient:
                return
            self.cluster.run(DEADLINE_S, until=self.logs_are_equal)
            if self.wrong_logs([*self.commands, command]) == []:
                return

    def logs_are_equal(self) -> bool:
        """Return whether there is a leader and all running servers have the same log."""
        if self.cluster.leader is None:
            return False
        logs = [self.cluster.node(server).log for server in self.running()]
        return all(log == logs[0] for log in logs)

    def read_everything(self) -> None:
        """Read every key that was ever written from the leader, and check its value.

        Raises:
            ListStepFailed: A value is wrong, or there is no answer.
        """
        wanted = state_after(self.commands)
        for key in sorted({command.split()[1] for command in self.commands}):
            answer = self.cluster.get(key)
            for _ in range(TRIES if self.patient and not isinstance(answer, Ok) else 0):
                self.wait(lambda: self.cluster.leader is not None, self.why_nobody_leads)
                answer = self.cluster.get(key)
            if not isinstance(answer, Ok) or answer.value != wanted.get(key):
                raise ListStepFailed(f"a client that reads {key} should get {wanted.get(key)}, but gets {answer}")

    def require_equal_logs(self) -> None:
        """Wait until there is a leader and the log of every running server has all commands, each once and in order."""
        if self.patient:
            self.cluster.run(DEADLINE_S / 2, until=lambda: self.logs_are_right() or self.all_is_lost())
            if self.all_is_lost():  # The first leader was replaced before any other server had its commands.
                lost, self.commands = self.commands, []
                for command in lost:
                    self.send_write(command)
                    self.commands.append(command)
        self.wait(self.logs_are_right, self.why_logs_differ)

    def all_is_lost(self) -> bool:
        """Return whether all running servers have the same log without any command, although they should have some."""
        return bool(self.commands) and self.logs_are_equal() and not self.wrong_logs([])

    def logs_are_right(self) -> bool:
        """Return whether there is a leader and the log of every running server has the commands."""
        return self.logs_are_equal() and not self.wrong_logs()

    def wrong_logs(self, commands: list[str] | None = None) -> list[str]:
        """Return the running servers whose logs do not contain exactly the commands."""
        wanted = self.commands if commands is None else commands
        return [name for name in self.running() if commands_of(self.cluster.log(name)) != wanted]

    def wait(self, condition: Callable[[], bool], why: Callable[[], str]) -> None:
        """Let time pass until a condition holds.

        Raises:
            ListStepFailed: It does not hold before the list step's deadline.
        """
        if not condition():
            self.cluster.run(self.start_s + DEADLINE_S - self.cluster.time, until=condition)
            if not condition():
                raise ListStepFailed(why())

    def why_nobody_leads(self) -> str:
        """Return a message for a failure because nobody leads, with the terms of the running servers."""
        terms = [f"{server} is in term {self.cluster.node(server).current_term}" for server in self.running()]
        return f"nobody leads after {DEADLINE_S:g} s: {', '.join(terms)}"

    def why_logs_differ(self) -> str:
        """Return a message for a failure because logs are wrong, with their contents."""
        if self.cluster.leader is None:
            return self.why_nobody_leads()
        found = [
            f"{name} has {'; '.join(commands_of(self.cluster.log(name))) or 'nothing'}" for name in self.wrong_logs()
        ]
        return f"after {DEADLINE_S:g} s not every log contains {'; '.join(self.commands)}: {', and '.join(found)}"

    def find_wrong_state_machine(self) -> str:
        """Wait for commits to arrive, and return a sentence about a state machine that differs from its log, or ""."""
        self.cluster.run(SETTLE_S)
        if self.wrong_states() and hasattr(self.cluster.node(self.leader()), "commit_index"):
            self.cluster.run(DEADLINE_S, until=lambda: not self.wrong_states())
        return next(iter(self.wrong_states()), "")

    def wrong_states(self) -> list[str]:
        """Return a sentence for each running server whose state machine differs from its log."""
        found = []
        for server in self.running():
            wanted, actual = state_after(commands_of(self.cluster.log(server))), self.cluster.node(server).state_machine
            if actual != wanted:
                found.append(
                    f"{server}'s log results in {state_text(wanted)}, but its state machine has {state_text(actual)}"
                )
        return found

    def running(self) -> list[str]:
        """Return the running servers."""
        return [server for server in self.cluster.servers if server != self.down]

    def leader(self) -> str:
        """Return the leader.

        Raises:
            ListStepFailed: There is none.
        """
        if self.cluster.leader is None:
            raise ListStepFailed("there is no leader any more")
        return self.cluster.leader


def commands_of(log: list[str]) -> list[str]:
    """Return the commands of a log's lines, without terms and without the no-op entries of new leaders."""
    commands = [line.partition(" ")[2] for line in log]
    return [command for command in commands if command != NO_COMMAND]


def state_after(commands: list[str]) -> dict[str, str]:
    """Apply commands to an empty state machine."""
    state: dict[str, str] = {}
    for command in commands:
        verb, key, *value = command.split()
        if verb == "set":
            state[key] = value[0]
        else:
            state.pop(key, None)
    return state


def state_text(state: dict[str, str]) -> str:
    """Format a state machine as ``a=5 d=4``, its keys in order."""
    return " ".join(f"{key}={state[key]}" for key in sorted(state)) or "nothing"
