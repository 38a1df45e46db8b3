"""Whoever goes through the ten-step list: starts and stops servers, reads and writes, looks at logs."""

from __future__ import annotations

from collections.abc import Callable

from raft_steps.lab.cluster.cluster import Cluster
from raft_steps.lab.commands import Ok, command_text

NO_COMMAND = command_text(None)
DEADLINE = 120.0  # seconds of virtual time for each list step
# Seconds after each list step before the state machines are looked at: a commit message takes 0.3. Where calls say how
# much is committed, a heartbeat brings it, and so does the next one if that is lost: they have their time.
SETTLE = 1.0

TRIES = 5  # how often a patient tester asks for one thing

LEADER = "tom"  # who is told to lead in list step 1
ABOUT_FOLLOWERS = (5, 6, 9, 10)  # the list steps that ask for what followers have: the strict verdict is given here

FIRST_COMMANDS = ("set a 1", "set b 2", "set c 3", "delete b")
FIRST_LOG = "1 set a 1; 1 set b 2; 2 set c 3; 2 delete b"
EARLIER_WRITES = ("set d 4", "set a 5", "delete b")
LATER_WRITES = ("set e 6", "delete d")


class Missed(Exception):  # noqa: N818  # It is a verdict, not an error.
    """A list step does not show what it should; the message says why."""


class Tester:
    """Whoever goes through the list: starts and stops servers, reads and writes, looks at logs."""

    def __init__(self, cluster: Cluster, *, patient: bool = False) -> None:
        """Begin at the list's first step.

        Args:
            cluster: The cluster, as the list wants it to begin.
            patient: Whether to ask again where nobody answers, as one does whose network loses messages.
        """
        self.cluster, self.patient = cluster, patient
        self.down = ""  # the server that is stopped
        self.commands = list(FIRST_COMMANDS)  # what every log should hold by now
        self.since = 0.0

    def go_through(self, number: int) -> None:
        """Do what a list step asks for.

        Raises:
            Missed: It does not come about within its time.
        """
        self.since = self.cluster.time
        match number:
            case 1:
                self.see_the_start()
            case 2 | 7:
                self.agree()
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
                self.bring_back()

    def see_the_start(self) -> None:
        """One server leads and has a log; the others have none."""
        lengths = {server: len(commands_of(self.cluster.log(server))) for server in self.cluster.servers}
        if self.cluster.leader != LEADER or lengths != {LEADER: len(self.commands), "jerry": 0, "spike": 0}:
            raise Missed(f"{self.cluster.leader or 'nobody'} leads, and the logs have {lengths} entries")

    def stop_leader(self) -> None:
        """Stop whoever leads."""
        self.down = self.leader()
        self.cluster.crash(self.down)

    def bring_back(self) -> None:
        """Start the stopped server again, and see that it gets what it has missed."""
        self.cluster.restart(self.down)
        self.down = ""
        self.agree()
        self.read_everything()

    def write(self, commands: tuple[str, ...]) -> None:
        """Let a client write, see that every log gets it, and read it back."""
        for command in commands:
            self.ask_for(command)
            self.commands.append(command)
        self.agree()
        self.read_everything()

    def ask_for(self, command: str) -> None:
        """Let a client write; a patient one that hears nothing looks at the logs, and writes again what is in none."""
        verb, *words = command.split()
        for _ in range(TRIES if self.patient else 1):
            answer = self.cluster.set(*words) if verb == "set" else self.cluster.delete(*words)
            if isinstance(answer, Ok) or not self.patient:
                return
            self.cluster.run(DEADLINE, until=self.logs_are_one)
            if self.wrong_logs([*self.commands, command]) == []:
                return

    def logs_are_one(self) -> bool:
        """Say whether someone leads and all running servers have the same log."""
        if self.cluster.leader is None:
            return False
        logs = [self.cluster.node(server).log for server in self.running()]
        return all(log == logs[0] for log in logs)

    def read_everything(self) -> None:
        """Read every key that was ever written from the leader."""
        wanted = adds_up_to(self.commands)
        for key in sorted({command.split()[1] for command in self.commands}):
            answer = self.cluster.get(key)
            for _ in range(TRIES if self.patient and not isinstance(answer, Ok) else 0):
                self.wait(lambda: self.cluster.leader is not None, self.why_nobody_leads)
                answer = self.cluster.get(key)
            if not isinstance(answer, Ok) or answer.value != wanted.get(key):
                raise Missed(f"a client that reads {key} should hear {wanted.get(key)}, but: {answer}")

    def agree(self) -> None:
        """Wait until someone leads and the log of every running server holds all commands, each once and in order."""
        if self.patient:
            self.cluster.run(DEADLINE / 2, until=lambda: self.logs_agree() or self.all_is_lost())
            if self.all_is_lost():  # The first leader was replaced before anybody had its commands.
                lost, self.commands = self.commands, []
                for command in lost:
                    self.ask_for(command)
                    self.commands.append(command)
        self.wait(self.logs_agree, self.why_logs_differ)

    def all_is_lost(self) -> bool:
        """Say whether all running servers agree on a log without any command, where there should be some."""
        return bool(self.commands) and self.logs_are_one() and not self.wrong_logs([])

    def logs_agree(self) -> bool:
        """Say whether someone leads and every running server has the commands."""
        return self.logs_are_one() and not self.wrong_logs()

    def wrong_logs(self, commands: list[str] | None = None) -> list[str]:
        """Name the running servers whose logs hold anything else than the commands."""
        wanted = self.commands if commands is None else commands
        return [name for name in self.running() if commands_of(self.cluster.log(name)) != wanted]

    def wait(self, condition: Callable[[], bool], why: Callable[[], str]) -> None:
        """Let time pass until a condition holds.

        Raises:
            Missed: It does not hold before the list step's time is up.
        """
        if not condition():
            self.cluster.run(self.since + DEADLINE - self.cluster.time, until=condition)
            if not condition():
                raise Missed(why())

    def why_nobody_leads(self) -> str:
        """Say what the servers are at, where nobody leads."""
        terms = [f"{server} is in term {self.cluster.node(server).current_term}" for server in self.running()]
        return f"nobody leads after {DEADLINE:g} s: {', '.join(terms)}"

    def why_logs_differ(self) -> str:
        """Say whose log is wrong, and how."""
        if self.cluster.leader is None:
            return self.why_nobody_leads()
        found = [
            f"{name} has {'; '.join(commands_of(self.cluster.log(name))) or 'nothing'}" for name in self.wrong_logs()
        ]
        return f"after {DEADLINE:g} s not every log holds {'; '.join(self.commands)}: {', and '.join(found)}"

    def wrong_state_machine(self) -> str:
        """Let commits be heard of, and say whose state machine is not what its log adds up to; nothing if all are."""
        self.cluster.run(SETTLE)
        if self.wrong_states() and hasattr(self.cluster.node(self.leader()), "commit_index"):
            self.cluster.run(DEADLINE, until=lambda: not self.wrong_states())
        return next(iter(self.wrong_states()), "")

    def wrong_states(self) -> list[str]:
        """Say of each running server whose state machine is not what its log adds up to what it holds."""
        found = []
        for server in self.running():
            wanted, held = adds_up_to(commands_of(self.cluster.log(server))), self.cluster.node(server).state_machine
            if held != wanted:
                found.append(
                    f"{server}'s log adds up to {spelled(wanted)}, but its state machine holds {spelled(held)}"
                )
        return found

    def running(self) -> list[str]:
        """Name the servers that run."""
        return [server for server in self.cluster.servers if server != self.down]

    def leader(self) -> str:
        """Name whoever leads.

        Raises:
            Missed: Nobody does.
        """
        if self.cluster.leader is None:
            raise Missed("nobody leads any more")
        return self.cluster.leader


def commands_of(log: list[str]) -> list[str]:
    """Leave the terms out of a log's lines, and the entries with which leaders begin, which ask for nothing."""
    commands = [line.partition(" ")[2] for line in log]
    return [command for command in commands if command != NO_COMMAND]


def adds_up_to(commands: list[str]) -> dict[str, str]:
    """Carry out commands on an empty state machine."""
    state: dict[str, str] = {}
    for command in commands:
        verb, key, *value = command.split()
        if verb == "set":
            state[key] = value[0]
        else:
            state.pop(key, None)
    return state


def spelled(state: dict[str, str]) -> str:
    """Spell a state machine as ``a=5 d=4``, its keys in order."""
    return " ".join(f"{key}={state[key]}" for key in sorted(state)) or "nothing"
