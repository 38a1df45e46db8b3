"""Carries out a chaos run: clients work while servers are killed, paused and cut off, and then everything is mended."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from raft_steps import COURSE
from raft_steps.lab.cluster.chaos.load import Client, ask
from raft_steps.lab.cluster.chaos.plan import DELAYS_S, LOST_SHARE, UNDONE_BY, Fault, plan
from raft_steps.lab.cluster.chaos.report import ChaosReport
from raft_steps.lab.cluster.chaos.verdict import ChaosRun, judge
from raft_steps.lab.cluster.real_cluster import RealCluster
from raft_steps.lab.commands import Get, Set
from raft_steps.lab.errors import ScenarioError, ServerError
from raft_steps.lab.runtime.server.clock import now_us
from raft_steps.lab.runtime.server.leader_client import LeaderClient
from raft_steps.lab.scenario.arguments import title_of
from raft_steps.lab.scenario.model import MICROSECONDS
from raft_steps.lab.verify.linearizability.history import Operation
from raft_steps.lab.verify.properties.rules import LINEARIZABLE_READS

FIRST_STEP = 4  # the first one in which another server can become the leader
SETTLE_S = 30.0  # after everything is mended, until the cluster serves again
LOOK_S = 0.02
LAST_KEY = "the end"  # written after everything is mended


def run_chaos(
    step_or_node: int | type,
    *,
    seconds: float = 60.0,
    clients: int = 5,
    servers: int = 3,
    seed: int = 0,
    folder: Path | None = None,
    reads_count: bool | None = None,
    tell: Callable[[str], None] = lambda _text: None,
) -> ChaosReport:
    """Run servers under load and faults, and judge what they did.

    Args:
        step_or_node: The number of a step from 4 on, or a Node class.
        seconds: How long the clients work.
        clients: How many clients work at the same time.
        servers: How many servers run.
        seed: Decides the faults and the requests; how the servers react to them is different in each run.
        folder: The folder for databases, traces and histories, which is kept. By default a new one, which is kept only
            if something is wrong.
        reads_count: Whether every read must be linearizable; by default from step 14 on, which promises that.
        tell: Called with a line about each fault.

    Raises:
        ScenarioError: An argument is invalid, or the folder is in use.
        ServerError: The servers cannot be started or reached.
    """
    if isinstance(step_or_node, int) and step_or_node < FIRST_STEP <= len(COURSE):
        raise ScenarioError(f"in step {step_or_node} no other server can become the leader; chaos begins with step 4")
    if reads_count is None:
        reads_count = isinstance(step_or_node, int) and step_or_node >= LINEARIZABLE_READS.kept_from
    if folder is not None and folder.exists() and any(folder.iterdir()):
        raise ScenarioError(f"the folder {folder} is not empty; choose a new one")
    is_temporary = folder is None
    folder = folder or Path(tempfile.mkdtemp(prefix="raft-steps-chaos-"))
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with RealCluster(step_or_node, servers, folder=folder) as cluster:
            cluster.run(SETTLE_S, until=lambda: cluster.leader is not None)
            run = _run(_Chaos(cluster, now_us(), seconds, tell), title_of(step_or_node), clients, seed)
        # The servers have ended, so their traces are complete, and nothing but the verdict needs the machine.
        report = judge(run, cluster.merged_events(), folder, reads_count=reads_count)
    except BaseException:
        if is_temporary:
            shutil.rmtree(folder, ignore_errors=True)
        raise
    if is_temporary and report.verdict == "ok":
        shutil.rmtree(folder, ignore_errors=True)
        report.folder = None
    return report


def _run(chaos: _Chaos, title: str, clients: int, seed: int) -> ChaosRun:
    cluster, problem = chaos.cluster, ""
    with _clients(cluster, clients, seed, chaos.start_us) as working:
        try:
            chaos.carry_out(plan(seed, cluster.servers, chaos.seconds))
        except ServerError as error:
            problem = str(error)
    end_us = now_us()
    operations = [operation for client in working for operation in client.operations]
    last_reads: list[Operation] = []
    if not problem:
        try:
            last_reads = _read_everything(cluster, {str(operation.key) for operation in operations})
        except ServerError as error:
            problem = str(error)
    return ChaosRun(
        title=title, servers=cluster.servers, clients=clients, seed=seed, start_us=chaos.start_us, end_us=end_us,
        faults=chaos.struck, operations=operations, last_reads=last_reads, leader=cluster.leader or "", problem=problem,
    )  # fmt: skip


@contextlib.contextmanager
def _clients(cluster: RealCluster, count: int, seed: int, start_us: int) -> Iterator[list[Client]]:
    """Let clients work; raise what went wrong in one of them.

    Yields:
        The clients.
    """
    stop = threading.Event()
    working = [Client(number, cluster.addresses, seed, start_us, stop) for number in range(1, count + 1)]
    for client in working:
        client.start()
    try:
        yield working
    finally:
        stop.set()
        for client in working:
            client.join()
    for client in working:
        if client.error is not None:
            raise client.error


@dataclass(frozen=True, slots=True)
class _Chaos:
    """Lets the faults of a plan happen.

    Attributes:
        cluster: The servers.
        start_us: When the load began.
        seconds: How long it lasts.
        tell: Called with a line about each fault.
        struck: How often each kind of fault has happened.
    """

    cluster: RealCluster
    start_us: int
    seconds: float
    tell: Callable[[str], None]
    struck: Counter[str] = field(default_factory=Counter)

    def carry_out(self, faults: list[Fault]) -> None:
        """Let the faults happen, and mend everything at the end.

        Raises:
            ServerError: A server has ended by itself, or does not answer.
        """
        moments = [(fault.at_s, 0, number) for number, fault in enumerate(faults)]
        moments += [(fault.until_s, 1, number) for number, fault in enumerate(faults)]
        for at_s, is_end, number in sorted(moments):
            fault = faults[number]
            self._wait(min(at_s, self.seconds))
            if is_end:
                _undo(self.cluster, UNDONE_BY[fault.verb])
            elif at_s < self.seconds and (names := _strike(self.cluster, fault)) is not None:
                self.struck[f"{fault.verb} {fault.target}"] += 1
                self.tell(f"{at_s:7.1f} s  {fault.verb} {fault.target}{': ' if names else ''}{', '.join(names)}")
        self._wait(self.seconds)
        for verb in ("resume", "heal", "restart"):
            _undo(self.cluster, verb)

    def _wait(self, until_s: float) -> None:
        self.cluster.run(until_s - (now_us() - self.start_us) / MICROSECONDS)


def _strike(cluster: RealCluster, fault: Fault) -> list[str] | None:
    """Let a fault happen; return the servers that it strikes, or None if it strikes none."""
    names = fault.strikes(cluster.leader)
    match fault.verb:
        case "kill":
            names = [name for name in names if name in cluster.running or name in cluster.paused]
            cluster.crash(*names)
        case "pause":
            names = [name for name in names if name in cluster.running]
            cluster.pause(*names)
        case "partition":
            cluster.partition(*(names if fault.target == "each" else [names]))
        case "cut":
            for other in cluster.servers:
                if other != names[0]:
                    cluster.cut(names[0], other)
        case "loss":
            cluster.loss(LOST_SHARE)
            return []
        case _:
            cluster.delay(*DELAYS_S)
            return []
    return names or None


def _undo(cluster: RealCluster, verb: str) -> None:
    """Mend all faults of a kind; what is mended already stays so."""
    match verb:
        case "resume":
            cluster.resume(*cluster.paused)
        case "restart":
            cluster.restart(*(name for name in cluster.servers if name not in cluster.paused))
        case _:
            cluster.heal()
            cluster.loss(0)
            cluster.delay(0, 0)


def _read_everything(cluster: RealCluster, keys: set[str]) -> list[Operation]:
    """Read every key at the end, once a single server leads and has committed a write.

    Returns:
        The write and the reads; nothing if the cluster does not serve within the time that it has to settle.

    Raises:
        ServerError: A server has ended by itself.
    """
    client = LeaderClient(cluster.addresses, limit_s=SETTLE_S)
    found: list[Operation] = []
    deadline_s = time.monotonic() + SETTLE_S
    try:
        cluster.run(SETTLE_S, until=lambda: len(cluster.leaders) == 1)
        requests: list[Set | Get] = [Set(key=LAST_KEY, value=LAST_KEY), *(Get(key=key) for key in sorted(keys))]
        for request in requests:
            while True:
                found.append(ask(client, request, "the last client"))
                if found[-1].outcome == "ok":
                    break
                if time.monotonic() > deadline_s:
                    return []
                time.sleep(LOOK_S)
            deadline_s = time.monotonic() + SETTLE_S
    finally:
        client.close()
    return found
