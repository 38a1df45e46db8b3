"""One seed of the course map: a run in adversity that is mended at its end, and asked for one more write."""

from __future__ import annotations

import dataclasses
from functools import partial

from raft_steps.lab.commands import Ok
from raft_steps.lab.runtime.simulator.simulation import Simulation
from raft_steps.lab.scenario.model import MICROSECONDS, Action
from raft_steps.lab.scenario.scenario import Scenario
from raft_steps.lab.verify.fuzzer.profiles import adversity
from raft_steps.lab.verify.fuzzer.trial import what_breaks
from raft_steps.lab.verify.properties import Properties, rules

SERVICE_RETURNS = "Service Returns"  # what is asked for beside the rules: a write that is answered, once all is mended
# What the paper promises (Figure 3) and what a client relies on. A vote too many, or a term forgotten, is a cause: it
# counts as soon as it has such a consequence.
PROMISED = (
    rules.ELECTION_SAFETY,
    rules.LEADER_APPEND_ONLY,
    rules.LOG_MATCHING,
    rules.LEADER_COMPLETENESS,
    rules.STATE_MACHINE_SAFETY,
    rules.ACKNOWLEDGED_WRITES_LAST,
)
SECONDS, RECOVERY, PATIENCE = 10.0, 5.0, 2.0  # of adversity, of peace, and for each try of the last write
TRIES = 3
SERVERS = 5


def mended_adversity(step: int | None, profile: str, seed: int, node_class: type | None = None) -> Scenario:
    """Give ten seconds of adversity and five of peace, in which every server runs and reaches every other.

    Args:
        step: The step whose Node runs; None with a class of one's own.
        profile: The kind of adversity.
        seed: What chance begins with.
        node_class: The Node class, when it is not a step's.

    Raises:
        ScenarioError: There is no such profile.
        LookupError: There is no such step.
    """
    scenario = adversity(step, profile, seed, servers=SERVERS, seconds=SECONDS, node_class=node_class)
    end = round(SECONDS * MICROSECONDS)
    mending = (
        Action(end, "heal"),
        *(Action(end, "resume", (name,)) for name in scenario.servers),
        Action(end, "restart", ("crashed",)),
        # A disk that was to fail in the next event may still do so.
        Action(end + MICROSECONDS, "restart", ("crashed",)),
    )
    until = end + round(RECOVERY * MICROSECONDS)
    return dataclasses.replace(scenario, actions=scenario.actions + mending, until_us=until)


def broken_first(step: int | None, profile: str, seed: int, node_class: type | None = None) -> str:
    """Run one seed, and name what breaks first; "" if the run survives.

    Args:
        step: The step whose Node runs; None with a class of one's own.
        profile: The kind of adversity.
        seed: What chance begins with.
        node_class: The Node class, when it is not a step's.

    Returns:
        The name of a rule, "Service Returns", "Node Failed", "Event Storm", or "".
    """
    scenario = mended_adversity(step, profile, seed, node_class)
    served = False

    def run() -> None:
        nonlocal served
        simulation = Simulation(scenario, node_class, record=False, monitor=Properties(stop_at=PROMISED))
        simulation.run_until(scenario.end_us)
        served = _is_answered(simulation)

    broken, _ = what_breaks(run)
    return broken or ("" if served else SERVICE_RETURNS)


def _is_answered(simulation: Simulation) -> bool:
    """Let a client write to whoever leads, more than once if need be, and see whether it is told that it is done.

    The network goes on losing and delaying messages, so that even a right leader may be replaced under way.
    """
    for number in range(TRIES):
        client = simulation.perform(Action(simulation.now_us, "set", ("last", str(number))))
        simulation.run_until(simulation.now_us + round(PATIENCE * MICROSECONDS), partial(_is_told, simulation, client))
        if isinstance(simulation.responses.get(client), Ok):
            return True
    return False


def _is_told(simulation: Simulation, client: str) -> bool:
    return client in simulation.responses
