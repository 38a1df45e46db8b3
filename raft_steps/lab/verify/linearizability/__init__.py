"""Linearizability: whether one server that handles one request at a time could have given the clients' answers.

    from raft_steps.lab import check_linearizable

    result = check_linearizable(cluster.history())
    result                 the verdict in words
    result.picture()       the history, drawn below the servers and the faults

A history is linearizable if its operations have an order in which each takes effect at some moment between its call
and its return, and every answer is the one that a single copy of the data would have given (Herlihy and Wing,
"Linearizability: a correctness condition for concurrent objects", 1990). This package does not depend on Raft: a
history contains calls and answers of clients and nothing else.
"""

from raft_steps.lab.errors import HistoryError
from raft_steps.lab.verify.linearizability.check import LinearizabilityResult, check_linearizable
from raft_steps.lab.verify.linearizability.formats import format_history
from raft_steps.lab.verify.linearizability.from_trace import history_of_trace
from raft_steps.lab.verify.linearizability.history import History, Mark, Operation
from raft_steps.lab.verify.linearizability.models import MODELS, KeyValueModel, Model, RegisterModel
from raft_steps.lab.verify.linearizability.reading import parse_history, read_history

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
    "format_history",
    "history_of_trace",
    "parse_history",
    "read_history",
]
