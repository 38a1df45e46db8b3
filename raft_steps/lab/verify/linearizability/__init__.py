"""Linearizability: whether what clients saw could have been seen of one server that does one thing at a time.

    from raft_steps.lab.verify.linearizability import History, Operation, check_linearizable

    result = check_linearizable(cluster.history())
    result                 the verdict in words
    result.picture()       the same, drawn beside the servers and the faults

A history is linearizable if all its operations can be put in one order in which each takes effect at a moment between
its call and its answer, and every answer is what one copy of the data would have given (Herlihy and Wing,
"Linearizability: a correctness condition for concurrent objects", 1990). This package knows what clients asked and
heard; it knows nothing of Raft.
"""

from raft_steps.lab.verify.linearizability.check import LinearizabilityResult, check_linearizable
from raft_steps.lab.verify.linearizability.history import History, HistoryError, Mark, Operation
from raft_steps.lab.verify.linearizability.models import MODELS, KeyValueModel, Model, RegisterModel

__all__ = [
    "MODELS",
    "History",
    "HistoryError",
    "KeyValueModel",
    "LinearizabilityResult",
    "Mark",
    "Model",
    "Operation",
    "RegisterModel",
    "check_linearizable",
]
