"""Reads the arguments of a `Cluster` or a `Search`; an error shows what would be right.

These arguments are written by hand in notebooks, so they may be short: one line for a log, a number of servers.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from raft_steps.lab.errors import ScenarioError
from raft_steps.lab.node import Node
from raft_steps.lab.scenario.model import WHOLE_NUMBER, StoredLog

NETWORK_PARTS = ("delay", "spread", "loss", "duplicate", "reorder")


def read_step(step_or_node: Any) -> tuple[int | None, type | None]:
    """Return the number of a step and None, or None and a Node class.

    Raises:
        ScenarioError: The argument is neither, or there is no such step.
    """
    from raft_steps import find_step

    if type(step_or_node) is int:
        try:
            return find_step(step_or_node).number, None
        except LookupError as error:
            raise ScenarioError(str(error)) from error
    if not (isinstance(step_or_node, type) and issubclass(step_or_node, Node)):
        raise ScenarioError(f"a cluster takes a step number or a Node class, not {step_or_node!r}")
    return None, step_or_node


def title_of(step_or_node: object) -> str:
    """Return the title of a run for a report: the step's number, or "your Node"."""
    return f"step {step_or_node}" if isinstance(step_or_node, int) else "your Node"


def title_of_class(node_class: type) -> str:
    """Return the title of a run for its pictures: the name of its class, or "your Node" if that is just Node."""
    return "your Node" if node_class.__name__ == "Node" else node_class.__name__


def read_servers(servers: Any) -> int | tuple[str, ...] | None:
    """Return the number of servers, or their names, given as a list or as ``"tom jerry"``.

    Raises:
        ScenarioError: It is none of these.
    """
    if servers is None or type(servers) is int:
        return servers
    return read_names(servers, "servers")


def read_names(names: Any, what: str) -> tuple[str, ...]:
    """Return names that are given as a list or as ``"tom jerry"``.

    Raises:
        ScenarioError: It is neither.
    """
    if isinstance(names, str):
        return tuple(names.split())
    if not isinstance(names, Iterable):
        raise ScenarioError(f'{what} must be a list of names, such as ["tom", "jerry"], not {names!r}')
    return tuple(names)


def read_logs(logs: Any) -> dict[str, StoredLog]:
    """Parse the contents of disks, given as ``{"tom": "1 set x 1; 2 delete x"}``.

    Raises:
        ScenarioError: It has another form.
    """
    return {name: _read_log(text) for name, text in _as_dict(logs, "logs").items()}


def _read_log(text: Any) -> StoredLog:
    """Parse one log: ``1 set x 1; 2 delete x``, or a list of such entries, which may then contain semicolons."""
    lines = text.split(";") if isinstance(text, str) else text
    if not isinstance(lines, Iterable):
        raise ScenarioError(f"a log is text, such as '1 set x 1; 2 delete x', not {text!r}")
    return tuple(_read_entry(line) for line in lines)


def _read_entry(line: Any) -> tuple[int, str]:
    term, _space, command = line.strip().partition(" ") if isinstance(line, str) else ("", "", "")
    if WHOLE_NUMBER.fullmatch(term) is None or not command:
        raise ScenarioError(f"a log entry is a term and a command, such as '1 set x 1', not {line!r}")
    return int(term), command.strip()


def read_draws(draws: Any) -> dict[str, tuple[float, ...]]:
    """Return the timeouts that servers draw first, given as ``{"jerry": [11]}``.

    Raises:
        ScenarioError: It has another form.
    """
    found = {}
    for name, values in _as_dict(draws, "draws").items():
        if isinstance(values, str) or not isinstance(values, Iterable):
            raise ScenarioError(f"the draws of {name} are a list of numbers of seconds, such as [11], not {values!r}")
        found[name] = tuple(values)
    return found


def read_network(network: Any) -> dict[str, Any]:
    """Return the parts of a scenario that describe its network, given as ``{"delay": (0.2, 0.3), "loss": 0.05}``.

    Raises:
        ScenarioError: There is no such part.
    """
    parts = _as_dict(network, "network")
    unknown = [name for name in parts if name not in NETWORK_PARTS]
    if unknown:
        raise ScenarioError(f"a network has {', '.join(NETWORK_PARTS)}, but no {unknown[0]!r}")
    if isinstance(parts.get("delay"), list):
        parts["delay"] = tuple(parts["delay"])
    return parts


def _as_dict(given: Any, what: str) -> dict[Any, Any]:
    if given is None:
        return {}
    if not isinstance(given, Mapping):
        raise ScenarioError(f"{what} is a dictionary from names to values, not {given!r}")
    return dict(given)
