"""The properties of Raft, checked at every event of a run.

There are two ways in, and both use the same rules. `Properties` watches a run while it happens: it is called after each
event, at a cost that does not grow with the run, and needs no trace, so that thousands of runs can be checked.
`check_trace` replays a trace: of a stored run, or of real servers. A violation names the first event that broke a rule,
the servers, the rule, and the step of the course that teaches how to keep it.
"""

from __future__ import annotations

from raft_steps.lab.verify.properties.from_trace import check_trace, properties_of_events, properties_of_trace
from raft_steps.lab.verify.properties.monitor import Properties
from raft_steps.lab.verify.properties.rules import ALL_RULES, RULES, Rule, kept_by
from raft_steps.lab.verify.properties.violation import PropertyBroken, Violation

__all__ = [
    "ALL_RULES",
    "RULES",
    "Properties",
    "PropertyBroken",
    "Rule",
    "Violation",
    "check_trace",
    "kept_by",
    "properties_of_events",
    "properties_of_trace",
]
