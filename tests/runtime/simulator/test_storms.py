"""Storms: a run whose servers never become quiet ends with an error that names the cause."""

from __future__ import annotations

from typing import Any

import pytest

from raft_steps.lab.errors import EventBudgetError
from raft_steps.lab.runtime.simulator.simulation import Simulation
from raft_steps.lab.scenario.scenario import default_scenario
from tests.helpers.runs import changed
from tests.runtime.mistaken_nodes import on_election_timeout


def test_storm_of_messages_ends() -> None:
    """Servers that answer each other without end use up the run's event budget; the error names the busiest link."""

    def on_append_entries_reply(self: Any, sender: str, _message: Any) -> None:
        for _ in range(2):
            self.send(sender, self.append_entries_after(0))

    simulation = Simulation(
        default_scenario(2), changed(2, on_append_entries_reply=on_append_entries_reply), event_budget=5_000
    )

    with pytest.raises(EventBudgetError, match=r"took 5000 events and is only at .* tom>\w+ alone has carried \d+"):
        simulation.run_until(60_000_000)


@pytest.mark.parametrize("record", [False, True])
def test_flood_of_messages_ends(record: bool) -> None:
    """Servers that answer each call to all others fill the network long before the budget is used up."""

    def on_append_entries(self: Any, _sender: str, message: Any) -> None:
        self.broadcast(message)

    node_class = changed(8, on_append_entries=on_append_entries)
    simulation = Simulation(default_scenario(8, 5), node_class, record=record, event_budget=100_000)

    with pytest.raises(
        EventBudgetError, match=r"has 5\d{4} messages and timers under way and is only at .* alone has carried \d+"
    ):
        simulation.run_until(60_000_000)

    assert simulation.event_count < 20_000


def test_timer_that_restarts_at_once_ends() -> None:
    """A timer that restarts itself at once uses up the budget, too; the error does not blame messages."""
    node_class = on_election_timeout(lambda node: node.start_timer("election", 1e-6))

    simulation = Simulation(default_scenario(8), node_class, event_budget=5_000)

    with pytest.raises(EventBudgetError, match="does a timer restart itself at once"):
        simulation.run_until(60_000_000)
