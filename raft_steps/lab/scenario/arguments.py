"""Reads what people give to a `Cluster`, and says what would be right where it is not.

A cluster's arguments are written by hand in notebooks, so they may be short: one line for a log, a number of servers.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from raft_steps.lab.errors import ScenarioError
from raft_steps.lab.node import Node

NETWORK = ("delay", "spread", "loss", "duplicate", "reorder")


def read_step(step_or_node: Any) -> tuple[int | None, type | None]:
    """Tell a step's number from a Node class.

    Raises:
        ScenarioError: It is neither, or there is no such step.
    """
    from raft_steps import find_step

    if type(step_or_node) is int:
        try:
            return find_step(step_or_node).number, None
        except LookupError as error:
            raise ScenarioError(str(error)) from error
    if not (isinstance(step_or_node, type) and issubclass(step_or_node, Node)):
        raise ScenarioError(f"a cluster runs a step's number or a Node class, not {step_or_node!r}")
    return None, step_or_node


def title_of(step_or_node: object) -> str:
    """Say whose run it is: a step's, by its number, or that of somebody's own Node."""
    return f"step {step_or_node}" if isinstance(step_or_node, int) else "your Node"


def title_of_class(node_class: type) -> str:
    """Say whose run it is, above its pictures: a class that has a name of its own is called by it."""
    return "your Node" if node_class.__name__ == "Node" else node_class.__name__


def read_servers(servers: Any) -> int | tuple[str, ...] | None:
    """Read how many servers there are, or their names, as a list or as ``"tom jerry"``.

    Raises:
        ScenarioError: It is none of these.
    """
    if servers is None or type(servers) is int:
        return servers
    return read_names(servers, "servers")


def read_names(names: Any, what: str) -> tuple[str, ...]:
    """Read names, as a list or as ``"tom jerry"``.

    Raises:
        ScenarioError: It is neither.
    """
    if isinstance(names, str):
        return tuple(names.split())
    if not isinstance(names, Iterable):
        raise ScenarioError(f'{what} are a list of names, such as ["tom", "jerry"], not {names!r}')
    return tuple(names)


def read_logs(logs: Any) -> dict[str, tuple[tuple[int, str], ...]]:
    """Read what the disks hold, as ``{"tom": "1 set x 1; 2 delete x"}``.

    Raises:
        ScenarioError: It is something else.
    """
    return {name: _read_log(text) for name, text in _by_server(logs, "logs").items()}


def _read_log(text: Any) -> tuple[tuple[int, str], ...]:
    """Read one log: ``1 set x 1; 2 delete x``, or a list of such entries; in a list, an entry may hold a semicolon."""
    lines = text.split(";") if isinstance(text, str) else text
    if not isinstance(lines, Iterable):
        raise ScenarioError(f"a log is text, such as '1 set x 1; 2 delete x', not {text!r}")
    return tuple(_read_entry(line) for line in lines)


def _read_entry(line: Any) -> tuple[int, str]:
    term, _space, command = line.strip().partition(" ") if isinstance(line, str) else ("", "", "")
    if not term.isdecimal() or not command:
        raise ScenarioError(f"a log's entry is a term and a command, such as '1 set x 1', not {line!r}")
    return int(term), command.strip()


def read_draws(draws: Any) -> dict[str, tuple[float, ...]]:
    """Read the timeouts that servers draw first, as ``{"jerry": [11]}``.

    Raises:
        ScenarioError: It is something else.
    """
    found = {}
    for name, values in _by_server(draws, "draws").items():
        if isinstance(values, str) or not isinstance(values, Iterable):
            raise ScenarioError(f"what {name} draws is a list of numbers of seconds, such as [11], not {values!r}")
        found[name] = tuple(values)
    return found


def read_network(network: Any) -> dict[str, Any]:
    """Read how the network is, as ``{"delay": (0.2, 0.3), "loss": 0.05}``.

    Raises:
        ScenarioError: A network has no such part.
    """
    parts = _by_server(network, "network")
    unknown = [name for name in parts if name not in NETWORK]
    if unknown:
        raise ScenarioError(f"a network has {', '.join(NETWORK)}, but no {unknown[0]!r}")
    if isinstance(parts.get("delay"), list):
        parts["delay"] = tuple(parts["delay"])
    return parts


def _by_server(given: Any, what: str) -> dict[Any, Any]:
    if given is None:
        return {}
    if not isinstance(given, Mapping):
        raise ScenarioError(f"{what} is a dictionary, with a name before each value, not {given!r}")
    return dict(given)
