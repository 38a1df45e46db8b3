"""The ten-step test: the list that the post goes through by hand, as one scenario with a check for each of its steps.

A tester starts and stops three servers and asks what a client may ask. Every list step has 120 seconds of virtual
time. The verdict is by the leader's reads and the logs of all servers that run; a second, stricter one asks every
server's state machine too. All that the tester does goes through the cluster's verbs, so each run is a scenario.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from raft_steps.lab.checks.ten_steps.report import Check, Sweep, TenSteps
from raft_steps.lab.checks.ten_steps.tester import ABOUT_FOLLOWERS, FIRST_LOG, LEADER, Missed, Tester
from raft_steps.lab.cluster.cluster import Cluster
from raft_steps.lab.errors import ScenarioError
from raft_steps.lab.scenario.arguments import title_of
from raft_steps.lab.verify.fuzzer.profiles import find_profile

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


def network_of(profile: str) -> dict[str, Any]:
    """Give what a profile says of the network, with the post's delays: its own are for the paper's timing.

    Raises:
        ScenarioError: There is no such profile, or it has faults beside those of the network: the list has its own.
    """
    found = find_profile(profile)
    if found.faults:
        raise ScenarioError(f"the ten-step test has crashes of its own; {profile} would add to them")
    return {name: value for name, value in found.network.items() if name != "delay"}


def run_ten_steps(step_or_node: int | type, seed: int = 0, *, profile: str = "calm", record: bool = True) -> TenSteps:
    """Go through the ten steps once.

    Args:
        step_or_node: The number of a step from 4 on, or a Node class such as your own.
        seed: What chance begins with.
        profile: What the network does beside: calm, slow, lossy or reordering.
        record: Whether to keep a trace.

    Raises:
        ScenarioError: There is no such profile.
        LookupError: There is no such step.
        NodeError: A node raised, hung or returned something.
    """
    network = network_of(profile)
    cluster = Cluster(
        step_or_node, 3, seed=seed, leader=LEADER, logs={LEADER: FIRST_LOG}, network=network, record=record
    )
    checks = [Check(number, sentence) for number, sentence in enumerate(SENTENCES, start=1)]
    tester = Tester(cluster, patient=bool(network))
    for check in checks:
        begun = cluster.time
        try:
            tester.go_through(check.number)
            check.passed = True
        except Missed as missed:
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
    return TenSteps(title_of(step_or_node), seed, checks, cluster)


def sweep_ten_steps(
    step_or_node: int | type,
    seeds: Iterable[int] | int = 100,
    progress: Callable[[int, int], None] | None = None,
    *,
    profile: str = "calm",
) -> Sweep:
    """Go through the ten steps with many seeds.

    Args:
        step_or_node: The number of a step from 4 on, or a Node class such as your own.
        seeds: Which seeds, or how many from 0.
        progress: Told after each run how many are done, of how many.
        profile: What the network does beside: calm, slow, lossy or reordering.

    Raises:
        ScenarioError: There is no such profile.
        LookupError: There is no such step.
        NodeError: A node raised, hung or returned something.
    """
    wanted = list(range(seeds)) if isinstance(seeds, int) else list(seeds)
    sweep = Sweep(step_or_node if isinstance(step_or_node, int) else None, title_of(step_or_node), wanted)
    for done, seed in enumerate(wanted, start=1):
        sweep.add(run_ten_steps(step_or_node, seed, profile=profile, record=False))
        if progress is not None:
            progress(done, len(wanted))
    return sweep
