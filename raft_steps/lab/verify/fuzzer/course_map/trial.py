"""A run for the course map: adversity, then the end of all faults, and a last write that must be answered."""

from __future__ import annotations

import dataclasses
from functools import partial

from raft_steps.lab.commands import Ok
from raft_steps.lab.runtime.simulator.simulation import Simulation
from raft_steps.lab.scenario.model import MICROSECONDS, TIMINGS, Action
from raft_steps.lab.scenario.scenario import Scenario
from raft_steps.lab.verify.fuzzer.profiles import adversity
from raft_steps.lab.verify.fuzzer.trial import find_break
from raft_steps.lab.verify.properties import Properties, rules

SERVICE_RETURNS = "Service Returns"  # required in addition to the rules: the last write is answered
# What the paper promises (Figure 3) and what a client relies on. The other rules are about causes, such as a second vote
# in a term: a cause counts once it breaks one of these.
PROMISED = (
    rules.ELECTION_SAFETY,
    rules.LEADER_APPEND_ONLY,
    rules.LOG_MATCHING,
    rules.LEADER_COMPLETENESS,
    rules.STATE_MACHINE_SAFETY,
    rules.ACKNOWLEDGED_WRITES_LAST,
)
USUAL_DELAY = tuple(f"{each:g}" for each in TIMINGS["paper"].delay)
ADVERSITY_S, RECOVERY_S, WRITE_TIMEOUT_S = 10.0, 5.0, 2.0
WRITE_ATTEMPTS = 3


def mended_adversity(step: int | None, profile: str, seed: int, node_class: type | None = None) -> Scenario:
    """Generate ten seconds of adversity, and five more in which all servers run and no link is cut or slower than usual.

    Args:
        step: The step whose Node runs; None with a custom class.
        profile: The name of the fault profile.
        seed: The seed of the run and of its faults.
        node_class: The Node class, if it is not a step's.

    Raises:
        ScenarioError: There is no such profile.
        LookupError: There is no such step.
    """
    scenario = adversity(step, profile, seed, seconds=ADVERSITY_S, node_class=node_class)
    end_us = round(ADVERSITY_S * MICROSECONDS)
    slow = [action for action in scenario.actions if action.verb == "delay"][-1:]  # the last fault may not be over yet
    repairs = (
        *(dataclasses.replace(action, at_us=end_us, words=USUAL_DELAY) for action in slow),
        Action(end_us, "heal"),
        *(Action(end_us, "resume", (name,)) for name in scenario.servers),
        Action(end_us, "restart", ("crashed",)),
        # A `lose` or `tear` from before takes effect in the server's next event, so it may still crash after `end_us`.
        Action(end_us + MICROSECONDS, "restart", ("crashed",)),
    )
    until_us = end_us + round(RECOVERY_S * MICROSECONDS)
    return dataclasses.replace(scenario, actions=scenario.actions + repairs, until_us=until_us)


def broken_first(step: int | None, profile: str, seed: int, node_class: type | None = None) -> str:
    """Run one seed, and return the name of what breaks first.

    Args:
        step: The step whose Node runs; None with a custom class.
        profile: The name of the fault profile.
        seed: The seed of the run and of its faults.
        node_class: The Node class, if it is not a step's.

    Returns:
        The name of a rule, "Service Returns", "Node Failed" or "Event Storm"; "" if nothing breaks.
    """
    scenario = mended_adversity(step, profile, seed, node_class)
    served = False

    def run() -> None:
        nonlocal served
        simulation = Simulation(scenario, node_class, record=False, monitor=Properties(stop_at=PROMISED))
        simulation.run_until(scenario.end_us)
        served = _answers_a_write(simulation)

    broken, _ = find_break(run)
    return broken or ("" if served else SERVICE_RETURNS)


def _answers_a_write(simulation: Simulation) -> bool:
    """Let a client write to the leader, and return whether the write is answered with Ok.

    The network still loses and delays messages, which may depose even a correct leader, so there are several attempts.
    """
    for number in range(WRITE_ATTEMPTS):
        client = simulation.perform(Action(simulation.now_us, "set", ("last", str(number))))
        simulation.run_until(
            simulation.now_us + round(WRITE_TIMEOUT_S * MICROSECONDS), partial(_has_answer, simulation, client)
        )
        if isinstance(simulation.responses.get(client), Ok):
            return True
    return False


def _has_answer(simulation: Simulation, client: str) -> bool:
    return client in simulation.responses
