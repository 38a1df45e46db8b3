"""The search: every order of events of a small cluster, and the shortest run that breaks a rule.

    from raft_steps.lab.verify.model_checker import Scope, Search

    found = Search(8, servers=4).run(Scope(timeouts={"election": 2}), invariants=["Election Safety"])
    print(found)
    found.timeline()

A simulation follows one order of events, that of a seed. A search follows all of them, within a `Scope`: any message
on its way may arrive next, any running timer may run out, any server may crash, each as often as the scope allows.
It ends with one of five outcomes (`result`), and what it found is a `Schedule`: one line of text that runs again.
"""

from __future__ import annotations

from raft_steps.lab.verify.model_checker.breadth_first import (
    EXHAUSTED,
    GOAL_FOUND,
    NODE_FAILED,
    OUTCOMES,
    TIME_OUT,
    VIOLATED,
)
from raft_steps.lab.verify.model_checker.electability import NOBODY_CAN_BE_ELECTED
from raft_steps.lab.verify.model_checker.invariants import INVARIANTS
from raft_steps.lab.verify.model_checker.phases import Phase, run_stages
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
from raft_steps.lab.verify.model_checker.state_view import Look
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
    "Look",
    "Phase",
    "Predicate",
    "Replay",
    "Schedule",
    "Scope",
    "Search",
    "SearchResult",
    "acknowledged",
    "committed",
    "down",
    "holds",
    "leader",
    "predicate",
    "run_schedule",
    "run_stages",
    "stored_schedule",
    "stored_schedule_names",
]
