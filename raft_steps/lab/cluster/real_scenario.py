"""Which scenarios real servers can carry out."""

from __future__ import annotations

from raft_steps.lab.errors import ScenarioError
from raft_steps.lab.scenario.scenario import Scenario

# What a real cluster cannot be asked for: it has no seed, and nobody sees a message before it arrives.
VERBS = (
    "crash", "restart", "pause", "resume", "partition", "cut", "heal", "loss", "delay", "set", "delete", "get",
)  # fmt: skip


def refuse_what_is_not_real(scenario: Scenario) -> None:
    """Refuse a scenario that needs virtual time.

    Raises:
        ScenarioError: It does; the message lists what.
    """
    found = sorted({action.verb for action in scenario.actions} - set(VERBS))
    found += [name for name in ("draws", "clocks", "loss", "duplicate", "reorder") if getattr(scenario, name, None)]
    found += ["seed"] if scenario.seed else []
    if found:
        raise ScenarioError(
            f"real servers cannot do this: {', '.join(found)}. They have no seed and no named messages; a scenario for "
            f"them has only these actions: {', '.join(VERBS)}"
        )
