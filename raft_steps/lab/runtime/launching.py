"""Building a node from a scenario: which class, with which random numbers, and what its disk holds at first."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from raft_steps import COURSE
from raft_steps.lab.commands import Get, parse_command
from raft_steps.lab.errors import ScenarioError
from raft_steps.lab.log import Entry
from raft_steps.lab.random_stream import RandomStream
from raft_steps.lab.runtime.mistakes import enter_term, new_node_of, set_field
from raft_steps.lab.scenario.model import TIMINGS
from raft_steps.lab.scenario.reachable_starts import start_terms

if TYPE_CHECKING:
    from raft_steps.lab.runtime.host import Host
    from raft_steps.lab.scenario.scenario import Scenario

OWN_COURSE = "my_course"  # The modules of Nodes that are loaded from a learner's notebooks are named after them.
_MODULE = re.compile(rf"(?:raft_steps|{OWN_COURSE})\.step_(\d\d)_\w+")


def step_of_class(node_class: type) -> int | None:
    """Return the step that a Node class is: the course's, or the one after the step that it is derived from.

    The Node of a learner's own notebook 06 counts as step 6. A class that is derived from the last step of the course
    counts as that step.

    Args:
        node_class: The class.

    Returns:
        The step's number; None if the class is derived from no step.
    """
    found = [int(match[1]) for each in node_class.__mro__ if (match := _MODULE.fullmatch(each.__module__))]
    if not found:
        return None
    is_new = _MODULE.fullmatch(node_class.__module__) is None
    return max(found) + 1 if is_new and max(found) < COURSE[-1].number else max(found)


def is_course_class(node_class: type) -> bool:
    """Return whether a class is the Node of a step, and not a learner's."""
    return _MODULE.fullmatch(node_class.__module__) is not None and own_step(node_class) is None


def own_step(node_class: type) -> int | None:
    """Return the step whose Node, in a learner's own notebook, a class is; None for any other class."""
    match = _MODULE.fullmatch(node_class.__module__)
    return int(match[1]) if match and node_class.__module__.startswith(f"{OWN_COURSE}.") else None


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


def known_servers(members: tuple[str, ...], name: str) -> tuple[str, ...]:
    """Return the servers that a server knows of when it starts: the first members, and none if it is not one of them."""
    return members if name in members else ()


def new_node(scenario: Scenario, host: Host, node_class: type) -> Any:
    """Build the node of a host's present life, as it is before it reads its disk."""
    scripted = scenario.draws.get(host.name, ()) if host.life == 1 else ()
    # Each life has its own stream, so what one life draws does not depend on how much the lives before it drew.
    random = RandomStream(scenario.seed, f"node/{host.name}/{host.life}", scripted)
    node = new_node_of(
        node_class, name=host.name, servers=known_servers(scenario.first_members, host.name), random=random
    )
    if scenario.timing != "post":
        for name in ("heartbeat_interval", "election_timeout_range"):
            if hasattr(node_class, name):
                set_field(node, name, getattr(TIMINGS[scenario.timing], name))
    if host.life == 1 and host.name == scenario.leader:
        set_field(node, "is_leader", True)
    return node


def respects_terms(node_class: type) -> bool:
    """Return whether a Node keeps to the terms that it has heard of: from step 9 on, or if its term is on disk.

    Earlier steps learn a term from some messages and not from others, so for them every start is as good as another.
    """
    return hasattr(node_class, "learn_term") or "current_term" in getattr(node_class, "durable", ())


def first_term(scenario: Scenario, host: Host, node_class: type) -> int:
    """Return the term that a server is at least in once its first life has begun; 0 if its Node decides that alone."""
    if host.life != 1 or not scenario.logs or not respects_terms(node_class):
        return 0
    return start_terms(scenario.first_members, scenario.logs, leader=scenario.leader).get(host.name, 0)


def starting_in(node: Any, term: int) -> Callable[[], object]:
    """Return a handler that starts a node and lets it enter a term, if its own is older."""

    @functools.wraps(node.on_start)  # An error in the call is one in the call of the node's own.
    def on_start() -> object:
        returned: object = node.on_start()
        enter_term(node, term)
        return returned

    return on_start


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
