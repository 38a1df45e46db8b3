"""A scenario: everything that determines a run, as data that fits on one line of text.

    raft-steps 1; step 6; servers tom jerry spike; seed 7; at 12 crash leader; at 30 restart crashed; until 60

The same scenario produces the same trace, byte for byte. Parts that are left out have defaults. As JSON it is one
object with the same words. All times are virtual: in seconds in text and JSON, in whole microseconds in the fields.

    step N                     which step's Node runs (absent when a Node class is given with the scenario)
    servers NAME…              the servers; `later NAME…` lists those that are not started at first
    members NAME…              the servers that make up the cluster at first, all by default; any other knows of no server
                               until it is added
    seed N                     the seed of every random stream
    leader NAME                the server that leads from its first start (`leader -`: none)
    timing post|paper          heartbeats and timeouts, see `TIMINGS`
    delay LOW HIGH             how long a message takes, in seconds
    spread even|long           how times between the two are drawn; with a long tail, some take up to 50 times longer
    loss P, duplicate P, reorder P     the share of messages that are lost, arrive twice, are held back
    log NAME TERM "COMMAND"…   the log on a server's disk before the run
    clock NAME RATE            how fast a server's clock runs: at 1.1 its timers run out after 10/11 of their time
    draws NAME SECONDS…        the first values that a server draws, before its random stream takes over
    at SECONDS VERB …          an action, see `VERBS`
    until SECONDS              when the run ends
"""

from __future__ import annotations

import json
from dataclasses import dataclass, fields, replace
from typing import Any

from raft_steps.lab.errors import ScenarioError
from raft_steps.lab.scenario import grammar
from raft_steps.lab.scenario.json_form import parse_json
from raft_steps.lab.scenario.model import VERSION, ScenarioData, server_names
from raft_steps.lab.scenario.validation import check_scenario
from raft_steps.lab.text import nearest, without_mark


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario(ScenarioData):
    """Everything that determines a run; the module's docstring explains each part."""

    def __post_init__(self) -> None:
        """Check that the scenario can be run.

        Raises:
            ScenarioError: A part is wrong; the message names it and what would be right.
        """
        check_scenario(self)

    def ending_at(self, until_us: int) -> Scenario:
        """Return the scenario with another end, in microseconds, and without the actions after it."""
        actions = tuple(action for action in self.actions if action.at_us <= until_us)
        return replace(self, actions=actions, until_us=until_us)

    def to_text(self) -> str:
        """Format the scenario as one line."""
        return grammar.format_scenario(self)

    def to_json(self) -> str:
        """Format the scenario as one JSON object on one line."""
        data = {key: value for key, value in grammar.as_data(self).items() if value not in (None, [], {})}
        return json.dumps({"version": VERSION} | data, ensure_ascii=False)

    @classmethod
    def parse(cls, text: str) -> Scenario:
        """Parse a scenario from its line of text, or from JSON.

        Raises:
            ScenarioError: A part cannot be read; the message names it and what would be right.
        """
        # Not `plain_text`: a carriage return in quotation marks is part of a key or a value, elsewhere it is a space.
        text = without_mark(text).strip()
        parts = parse_json(text) if text.startswith("{") else grammar.parse_line(text)
        version = parts.pop("version", None)
        if version is None:
            raise ScenarioError(
                f"a scenario begins with its version, as in: raft-steps {VERSION}; step 6; servers tom jerry"
            )
        if type(version) is not int or version != VERSION:
            raise ScenarioError(f"this scenario is of version {version!r}; this laboratory reads version {VERSION}")
        known = [f.name.removesuffix("_us") for f in fields(cls)]  # Text and JSON are in seconds.
        unknown = [name for name in parts if name not in known]
        if unknown:
            raise ScenarioError(f"a scenario has no {unknown[0]!r}{nearest(unknown[0], known)}")
        return cls(until_us=parts.pop("until", None), **parts)


def default_scenario(
    step: int | None,
    servers: int | tuple[str, ...] | None = None,
    *,
    node_class: type | None = None,
    **parts: Any,
) -> Scenario:
    """Return a scenario with the defaults that suit a Node: the number of servers, and the one that leads from the start.

    A Node without AppendEntries gets a cluster of one. With AppendEntries but without elections, the first server leads.

    Args:
        step: The step whose Node runs, or None with a class.
        servers: The number of servers, or their names.
        node_class: The Node class, if it is not a step's.
        parts: Other parts of the scenario.

    Raises:
        ScenarioError: A part is invalid.
        LookupError: There is no such step.
    """
    if step is not None:
        from raft_steps import node

        node_class = node(step)
    if servers is None:
        servers = 3 if node_class is None or hasattr(node_class, "on_append_entries") else 1
    names = server_names(servers) if isinstance(servers, int) else tuple(servers)
    has_followers, elects = hasattr(node_class, "on_append_entries"), hasattr(node_class, "on_election_timeout")
    if "leader" not in parts and has_followers and not elects and names:
        parts["leader"] = names[0]
    return Scenario(step=step, servers=names, **parts)
