"""Building a node from a scenario: which class, with which random numbers, and what its disk holds at first."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from raft_steps.lab.commands import Get, parse_command
from raft_steps.lab.errors import ScenarioError
from raft_steps.lab.log import Entry
from raft_steps.lab.random_stream import RandomStream
from raft_steps.lab.scenario.model import TIMINGS

if TYPE_CHECKING:
    from raft_steps.lab.runtime.host import Host
    from raft_steps.lab.scenario.scenario import Scenario


def class_of(scenario: Scenario) -> type:
    """Load the Node class of a scenario's step.

    Raises:
        ScenarioError: The scenario names no step, or one that does not exist.
    """
    from raft_steps import node

    if scenario.step is None:
        raise ScenarioError("this scenario names no step; give it a Node class")
    try:
        return node(scenario.step)  # type: ignore[no-any-return]
    except LookupError as error:
        raise ScenarioError(str(error)) from error


def new_node(scenario: Scenario, host: Host, node_class: type) -> Any:
    """Build the node of a host's present life, as it is before it reads its disk."""
    scripted = scenario.draws.get(host.name, ()) if host.life == 1 else ()
    # Each life has its own stream, so what one life draws does not depend on how much the lives before it drew.
    random = RandomStream(scenario.seed, f"node/{host.name}/{host.life}", scripted)
    node = node_class(name=host.name, servers=scenario.servers, random=random)
    if scenario.timing != "post":
        for name in ("heartbeat_interval", "election_timeout_range"):
            if hasattr(node_class, name):
                setattr(node, name, getattr(TIMINGS[scenario.timing], name))
    if host.life == 1 and host.name == scenario.leader:
        node.is_leader = True
    return node


def read_entries(stored: Iterable[tuple[int, str]]) -> list[Entry]:
    """Build the entries of a log from a scenario's terms and commands.

    Raises:
        ScenarioError: A command is not a write; a log holds only writes.
    """
    entries = []
    for index, (term, text) in enumerate(stored, start=1):
        command = parse_command(text)
        if isinstance(command, Get):
            raise ScenarioError(f"a log holds writes, set KEY VALUE or delete KEY, not {text!r}")
        entries.append(Entry(index=index, term=term, command=command))
    return entries
