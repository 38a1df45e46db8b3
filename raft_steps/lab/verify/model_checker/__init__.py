"""The model checker: all orders of events of a small cluster, and the shortest run that breaks an invariant.

    from raft_steps.lab.verify.model_checker import Scope, Search

    found = Search(8, servers=4).run(Scope(timeouts={"election": 2}), invariants=["Election Safety"])
    print(found)
    found.timeline()

A simulation follows one order of events, which its seed decides. A search follows all of them within a `Scope`: any
message in flight may arrive next, any running timer may run out, any server may crash, each as often as the scope
allows. It has one of five outcomes (see `result`), and what it finds is a `Schedule`: a line of text that can be
replayed.

    scope, predicates, invariants          what may happen, and what to look for
    interning, freezing, transitions       the number of each server state, and what each event does to it
    state_space, successors, symmetry      states, the events that can happen in them, and which states are alike
    breadth_first, random_walks, minimise  the ways through a space, and how what they find is shortened
    schedule, replay, result               what is found, as text, as a trace, in words
"""

from __future__ import annotations

from raft_steps.lab.verify.model_checker.electability import NOBODY_CAN_BE_ELECTED
from raft_steps.lab.verify.model_checker.exploration import (
    EXHAUSTED,
    GOAL_FOUND,
    NODE_FAILED,
    OUTCOMES,
    TIME_OUT,
    VIOLATED,
)
from raft_steps.lab.verify.model_checker.invariants import INVARIANTS
from raft_steps.lab.verify.model_checker.phases import Phase, run_phases
from raft_steps.lab.verify.model_checker.predicates import (
    Predicate,
    acknowledged,
    committed,
    down,
    holds,
    leader,
    predicate,
)
from raft_steps.lab.verify.model_checker.replay import Replay
from raft_steps.lab.verify.model_checker.result import SearchResult, run_schedule
from raft_steps.lab.verify.model_checker.schedule import Schedule
from raft_steps.lab.verify.model_checker.scope import Scope
from raft_steps.lab.verify.model_checker.search import Search
from raft_steps.lab.verify.model_checker.state_view import StateView
from raft_steps.lab.verify.model_checker.stored_schedules import stored_schedule, stored_schedule_names

__all__ = [
    "EXHAUSTED",
    "GOAL_FOUND",
    "INVARIANTS",
    "NOBODY_CAN_BE_ELECTED",
    "NODE_FAILED",
    "OUTCOMES",
    "TIME_OUT",
    "VIOLATED",
    "Phase",
    "Predicate",
    "Replay",
    "Schedule",
    "Scope",
    "Search",
    "SearchResult",
    "StateView",
    "acknowledged",
    "committed",
    "down",
    "holds",
    "leader",
    "predicate",
    "run_phases",
    "run_schedule",
    "stored_schedule",
    "stored_schedule_names",
]
