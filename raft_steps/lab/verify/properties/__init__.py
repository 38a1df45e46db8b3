"""The properties of Raft, held against every event of a run.

`Properties` is a watch: it looks at each node after each event, at a cost that does not grow with the run. It needs no
trace, so thousands of runs can be held against all properties. Whatever it finds names the first event that broke a
rule, the servers, the rule and the step of the course that teaches how to keep it.
"""

from __future__ import annotations

from raft_steps.lab.verify.properties.monitor import Properties
from raft_steps.lab.verify.properties.rules import RULES, Rule, kept_by
from raft_steps.lab.verify.properties.violation import PropertyBroken, Violation

__all__ = ["RULES", "Properties", "PropertyBroken", "Rule", "Violation", "kept_by"]
