"""Run the ten-step test, once or with many seeds.

A tester starts and stops three servers, reads and writes. Every step of the list has 120 seconds of virtual time. The
verdict is based on the leader's reads and the logs of all running servers; a second, stricter one checks every
server's state machine too. The tester uses the public methods of Cluster alone, so each run is a scenario.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from raft_steps.lab.checks.ten_steps.report import ListStepResult, TenStepsResult, TenStepsRun, TenStepsSweep
from raft_steps.lab.checks.ten_steps.tester import ABOUT_FOLLOWERS, FIRST_LOG, LEADER, ListStepFailed, Tester
from raft_steps.lab.cluster.cluster import Cluster
from raft_steps.lab.errors import ScenarioError
from raft_steps.lab.scenario.arguments import title_of
from raft_steps.lab.verify.fuzzer.profiles import find_profile

if TYPE_CHECKING:
    from raft_steps.lab.cluster.real_cluster import RealCluster

SENTENCES = (
    "Start a leader with commands in its log, and two followers whose logs are empty.",
    "Once its heartbeats have reached the followers, stop the leader.",
    "The two remaining servers elect a leader.",
    "A client reads from it every value that its log implies.",
    "Its follower gets what a client writes.",
    "The former leader restarts as a follower and gets what it missed.",
    "Stop the current leader.",
    "The two running servers elect a leader again.",
    "Its follower gets what a client writes.",
    "The stopped server restarts and gets what it missed.",
)


def network_of(profile: str) -> dict[str, Any]:
    """Return the network options of a fault profile.

    Its delays and early timeouts are left out: they suit the paper's timing, not the posts'.

    Raises:
        ScenarioError: There is no such profile, or it also crashes, pauses or partitions servers.
    """
    found = find_profile(profile)
    if not found.leaves_servers_alone:
        raise ScenarioError(f"the ten-step test crashes servers itself; the profile {profile} would crash more of them")
    return {name: value for name, value in found.network.items() if name != "delay"}


def run_ten_steps(
    step_or_node: int | type, seed: int = 0, *, profile: str = "calm", record: bool = True
) -> TenStepsRun:
    """Go through the ten steps of the list once, and return the result of each.

    Args:
        step_or_node: The number of a step from 4 on, or a Node class such as your own.
        seed: The seed of every random choice.
        profile: How the network behaves: calm, slow, lossy or reordering.
        record: Whether to keep a trace.

    Raises:
        ScenarioError: There is no such profile.
        LookupError: There is no such step.
        NodeError: A handler raised, did not return, or returned a value.
    """
    network = network_of(profile)
    cluster = Cluster(
        step_or_node, 3, seed=seed, leader=LEADER, logs={LEADER: FIRST_LOG}, network=network, record=record
    )
    checks = _go_through(cluster, patient=bool(network))
    return TenStepsRun(title_of(step_or_node), f"seed {seed}", checks, seed, cluster)


def run_real_ten_steps(step_or_node: int | type, *, timing: str = "paper") -> TenStepsResult:
    """Go through the ten steps of the list with processes that are started, killed (kill -9) and restarted.

    Args:
        step_or_node: The number of a step from 4 on, or a Node class such as your own.
        timing: ``"paper"`` (150 to 300 ms) or ``"post"`` (whole seconds).

    Raises:
        ServerError: A server does not start, or its Node fails.
    """
    from raft_steps.lab.cluster.real_cluster import RealCluster

    with RealCluster(step_or_node, 3, leader=LEADER, logs={LEADER: FIRST_LOG}, timing=timing) as cluster:
        return TenStepsResult(title_of(step_or_node), "real servers", _go_through(cluster, is_real=True))


def _go_through(
    cluster: Cluster | RealCluster, *, patient: bool = False, is_real: bool = False
) -> list[ListStepResult]:
    """Go through the list until a step fails."""
    checks = [ListStepResult(number, sentence) for number, sentence in enumerate(SENTENCES, start=1)]
    tester = Tester(cluster, patient=patient, is_real=is_real)
    for check in checks:
        start_s = cluster.time
        try:
            tester.go_through(check.number)
            check.passed = True
        except ListStepFailed as failure:
            check.message = str(failure)
        check.seconds = cluster.time - start_s
        if not check.passed:
            break
        if check.number in ABOUT_FOLLOWERS:
            check.strict_message = tester.find_wrong_state_machine()
        check.strict_passed = not check.strict_message
    for check in checks:
        if not check.passed and not check.message:
            check.message = "not reached"
    return checks


def sweep_ten_steps(
    step_or_node: int | type,
    seeds: Iterable[int] | int = 100,
    progress: Callable[[int, int], None] | None = None,
    *,
    profile: str = "calm",
) -> TenStepsSweep:
    """Go through the ten steps of the list with many seeds, and return how many runs passed.

    Args:
        step_or_node: The number of a step from 4 on, or a Node class such as your own.
        seeds: The seeds, or how many, from 0.
        progress: Called after each run with the number of runs done and the number of all runs.
        profile: How the network behaves: calm, slow, lossy or reordering.

    Raises:
        ScenarioError: There is no such profile.
        LookupError: There is no such step.
        NodeError: A handler raised, did not return, or returned a value.
    """
    wanted = list(range(seeds)) if isinstance(seeds, int) else list(seeds)
    sweep = TenStepsSweep(step_or_node if isinstance(step_or_node, int) else None, title_of(step_or_node), wanted)
    for done, seed in enumerate(wanted, start=1):
        sweep.add(run_ten_steps(step_or_node, seed, profile=profile, record=False))
        if progress is not None:
            progress(done, len(wanted))
    return sweep
