"""The ten-step test: the list that the post goes through by hand, as one scenario with a check for each of its steps.

A tester starts and stops three servers and asks what a client may ask. Every list step has 120 seconds of virtual
time. The verdict is by the leader's reads and the logs of all servers that run; a second, stricter one asks every
server's state machine too. All that the tester does goes through the cluster's verbs, so each run is a scenario.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from raft_steps.lab.cluster import Cluster
from raft_steps.lab.commands import Ok
from raft_steps.lab.ten_steps_report import Check, Sweep, TenSteps

DEADLINE = 120.0  # seconds of virtual time for each list step
SETTLE = 1.0  # seconds after each list step before the state machines are looked at: a commit message takes 0.3

LEADER = "tom"  # who is told to lead in list step 1
ABOUT_FOLLOWERS = (5, 6, 9, 10)  # the list steps that ask for what followers have: the strict verdict is given here

FIRST_COMMANDS = ("set a 1", "set b 2", "set c 3", "delete b")
FIRST_LOG = "1 set a 1; 1 set b 2; 2 set c 3; 2 delete b"
EARLIER_WRITES = ("set d 4", "set a 5", "delete b")
LATER_WRITES = ("set e 6", "delete d")

SENTENCES = (
    "Start a leader with commands in its log, and two followers whose logs are empty.",
    "Once its heartbeats have reached the followers, stop the leader.",
    "The two that remain choose a leader.",
    "A client's reads from it show all that its log adds up to.",
    "Its follower gets what a client writes to it.",
    "The former leader comes back as a follower and gets what it has missed.",
    "Stop the leader of now.",
    "The two that run choose a leader again.",
    "Its follower gets what a client writes to it.",
    "The stopped server comes back and gets what it has missed.",
)


class _Missed(Exception):  # noqa: N818  # It is a verdict, not an error.
    """A list step does not show what it should; the message says why."""


class _Tester:
    """Whoever goes through the list: starts and stops servers, reads and writes, looks at logs."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self.down = ""  # the server that is stopped
        self.commands = list(FIRST_COMMANDS)  # what every log should hold by now
        self.since = 0.0

    def go_through(self, number: int) -> None:
        """Do what a list step asks for.

        Raises:
            _Missed: It does not come about within its time.
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
        lengths = {server: len(self.cluster.log(server)) for server in self.cluster.servers}
        if self.cluster.leader != LEADER or lengths != {LEADER: len(self.commands), "jerry": 0, "spike": 0}:
            raise _Missed(f"{self.cluster.leader or 'nobody'} leads, and the logs have {lengths} entries")

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
            verb, *words = command.split()
            self.cluster.set(*words) if verb == "set" else self.cluster.delete(*words)
            self.commands.append(command)
        self.agree()
        self.read_everything()

    def read_everything(self) -> None:
        """Read every key that was ever written from the leader."""
        wanted = adds_up_to(self.commands)
        for key in sorted({command.split()[1] for command in self.commands}):
            answer = self.cluster.get(key)
            if not isinstance(answer, Ok) or answer.value != wanted.get(key):
                raise _Missed(f"a client that reads {key} should hear {wanted.get(key)}, but: {answer}")

    def agree(self) -> None:
        """Wait until someone leads and the log of every running server holds all commands, each once and in order."""
        self.wait(self.logs_agree, self.why_logs_differ)

    def logs_agree(self) -> bool:
        """Say whether someone leads and every running server has the commands."""
        if self.cluster.leader is None:
            return False
        logs = [self.cluster.node(server).log for server in self.running()]
        return all(len(log) == len(self.commands) and log == logs[0] for log in logs) and not self.wrong_logs()

    def wrong_logs(self) -> list[str]:
        """Name the running servers whose logs hold anything else than the commands."""
        return [name for name in self.running() if commands_of(self.cluster.log(name)) != self.commands]

    def wait(self, condition: Callable[[], bool], why: Callable[[], str]) -> None:
        """Let time pass until a condition holds.

        Raises:
            _Missed: It does not hold before the list step's time is up.
        """
        if not condition():
            self.cluster.run(self.since + DEADLINE - self.cluster.time, until=condition)
            if not condition():
                raise _Missed(why())

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
        """Let commit messages arrive, and say whose state machine is not what its log adds up to; nothing if all are."""
        self.cluster.run(SETTLE)
        for server in self.running():
            wanted, found = adds_up_to(commands_of(self.cluster.log(server))), self.cluster.node(server).state_machine
            if found != wanted:
                return f"{server}'s log adds up to {spelled(wanted)}, but its state machine holds {spelled(found)}"
        return ""

    def running(self) -> list[str]:
        """Name the servers that run."""
        return [server for server in self.cluster.servers if server != self.down]

    def leader(self) -> str:
        """Name whoever leads.

        Raises:
            _Missed: Nobody does.
        """
        if self.cluster.leader is None:
            raise _Missed("nobody leads any more")
        return self.cluster.leader


def commands_of(log: list[str]) -> list[str]:
    """Leave the terms out of a log's lines."""
    return [line.partition(" ")[2] for line in log]


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


def run_ten_steps(step_or_node: int | type, seed: int = 0, *, record: bool = True) -> TenSteps:
    """Go through the ten steps once.

    Args:
        step_or_node: The number of a step from 4 on, or a Node class such as your own.
        seed: What chance begins with.
        record: Whether to keep a trace.

    Raises:
        LookupError: There is no such step.
        NodeError: A node raised, hung or returned something.
    """
    cluster = Cluster(step_or_node, 3, seed=seed, leader=LEADER, logs={LEADER: FIRST_LOG}, record=record)
    checks = [Check(number, sentence) for number, sentence in enumerate(SENTENCES, start=1)]
    tester = _Tester(cluster)
    for check in checks:
        begun = cluster.time
        try:
            tester.go_through(check.number)
            check.passed = True
        except _Missed as missed:
            check.message = str(missed)
        check.seconds = cluster.time - begun
        if not check.passed:
            break
        if check.number in ABOUT_FOLLOWERS:
            check.strict_message = tester.wrong_state_machine()
        check.strict_passed = not check.strict_message
    for check in checks:
        if not check.passed and not check.message:
            check.message = "not reached"
    return TenSteps(_title(step_or_node), seed, checks, cluster)


def sweep_ten_steps(
    step_or_node: int | type, seeds: Iterable[int] | int = 100, progress: Callable[[int, int], None] | None = None
) -> Sweep:
    """Go through the ten steps with many seeds.

    Args:
        step_or_node: The number of a step from 4 on, or a Node class such as your own.
        seeds: Which seeds, or how many from 0.
        progress: Told after each run how many are done, of how many.

    Raises:
        LookupError: There is no such step.
        NodeError: A node raised, hung or returned something.
    """
    wanted = list(range(seeds)) if isinstance(seeds, int) else list(seeds)
    sweep = Sweep(step_or_node if isinstance(step_or_node, int) else None, _title(step_or_node), wanted)
    for done, seed in enumerate(wanted, start=1):
        sweep.add(run_ten_steps(step_or_node, seed, record=False))
        if progress is not None:
            progress(done, len(wanted))
    return sweep


def _title(step_or_node: int | type) -> str:
    return f"step {step_or_node}" if isinstance(step_or_node, int) else "your Node"
