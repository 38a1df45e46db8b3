"""The search: every order of events of a small cluster, and the shortest run that breaks a rule.

    from raft_steps.lab.search import Scope, Search

    found = Search(8, servers=4).run(Scope(timeouts={"election": 2}), invariants=["Election Safety"])
    print(found)
    found.timeline()

A simulation follows one order of events, that of a seed. A search follows all of them, within a `Scope`: any message
on its way may arrive next, any running timer may run out, any server may crash, each as often as the scope allows.
It ends with one of five outcomes (`result`), and what it found is a `Schedule`: one line of text that runs again.
"""

from __future__ import annotations

from raft_steps.lab.search.driver import Search
from raft_steps.lab.search.elections import NOBODY_CAN_BE_ELECTED
from raft_steps.lab.search.explore import EXHAUSTED, GOAL_FOUND, NODE_FAILED, OUTCOMES, TIME_OUT, VIOLATED
from raft_steps.lab.search.finds import find, stored
from raft_steps.lab.search.invariants import INVARIANTS
from raft_steps.lab.search.look import Look
from raft_steps.lab.search.predicates import Predicate, acknowledged, committed, down, holds, leader, predicate
from raft_steps.lab.search.replay import Replay
from raft_steps.lab.search.result import Result, run_schedule
from raft_steps.lab.search.schedule import Schedule
from raft_steps.lab.search.scope import Scope
from raft_steps.lab.search.stages import Stage, run_stages

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
    "Predicate",
    "Replay",
    "Result",
    "Schedule",
    "Scope",
    "Search",
    "Stage",
    "acknowledged",
    "committed",
    "down",
    "find",
    "holds",
    "leader",
    "predicate",
    "run_schedule",
    "run_stages",
    "stored",
]
