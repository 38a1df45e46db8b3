"""The laboratory: everything that is not the book.

A notebook imports what it needs from here and from the steps, whichever room of the laboratory it is in:

    from raft_steps.lab import Cluster, check, diff

Each name is loaded when it is first used, so a simulation or a picture needs only the standard library.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from raft_steps.lab import moved

if TYPE_CHECKING:
    from raft_steps.lab.checks import check as check
    from raft_steps.lab.checks.ten_steps import run_ten_steps as run_ten_steps
    from raft_steps.lab.checks.ten_steps import sweep_ten_steps as sweep_ten_steps
    from raft_steps.lab.cluster.cluster import Cluster as Cluster
    from raft_steps.lab.cluster.experiments import equal_timeouts as equal_timeouts
    from raft_steps.lab.cluster.experiments import leaderless as leaderless
    from raft_steps.lab.cluster.experiments import three_fresh_followers as three_fresh_followers
    from raft_steps.lab.cluster.real_cluster import RealCluster as RealCluster
    from raft_steps.lab.commands import Append as Append
    from raft_steps.lab.commands import Command as Command
    from raft_steps.lab.commands import CompareAndSet as CompareAndSet
    from raft_steps.lab.commands import Configuration as Configuration
    from raft_steps.lab.commands import Delete as Delete
    from raft_steps.lab.commands import Get as Get
    from raft_steps.lab.commands import InSession as InSession
    from raft_steps.lab.commands import Mismatch as Mismatch
    from raft_steps.lab.commands import NotLeader as NotLeader
    from raft_steps.lab.commands import Ok as Ok
    from raft_steps.lab.commands import OpenSession as OpenSession
    from raft_steps.lab.commands import Refused as Refused
    from raft_steps.lab.commands import Request as Request
    from raft_steps.lab.commands import Response as Response
    from raft_steps.lab.commands import SessionExpired as SessionExpired
    from raft_steps.lab.commands import Set as Set
    from raft_steps.lab.commands import Transfer as Transfer
    from raft_steps.lab.commands import Write as Write
    from raft_steps.lab.course.cheat_sheet import cheat_sheet as cheat_sheet
    from raft_steps.lab.course.mistakes import mistakes as mistakes
    from raft_steps.lab.course.own_nodes import mine as mine
    from raft_steps.lab.course.progress import progress as progress
    from raft_steps.lab.course.tour import tour as tour
    from raft_steps.lab.errors import LabError as LabError
    from raft_steps.lab.errors import NodeError as NodeError
    from raft_steps.lab.log import Entry as Entry
    from raft_steps.lab.log import Log as Log
    from raft_steps.lab.log import Snapshot as Snapshot
    from raft_steps.lab.messages import from_text as from_text
    from raft_steps.lab.messages import message as message
    from raft_steps.lab.messages import to_text as to_text
    from raft_steps.lab.node import removed as removed
    from raft_steps.lab.pictures.charts import histogram as histogram
    from raft_steps.lab.pictures.log_table import log_table as log_table
    from raft_steps.lab.runtime.simulator.simulation import Simulation as Simulation
    from raft_steps.lab.scenario.scenario import Scenario as Scenario
    from raft_steps.lab.snapshots import state_from_text as state_from_text
    from raft_steps.lab.snapshots import state_to_text as state_to_text
    from raft_steps.lab.source.views import diff as diff
    from raft_steps.lab.source.views import show as show
    from raft_steps.lab.source.views import whole as whole
    from raft_steps.lab.verify.conformance import catalogue as catalogue
    from raft_steps.lab.verify.conformance.budgets import budgets as budgets
    from raft_steps.lab.verify.conformance.traffic import Traffic as Traffic
    from raft_steps.lab.verify.fuzzer import try_scenario as try_scenario
    from raft_steps.lab.verify.fuzzer.course_map import course_map as course_map
    from raft_steps.lab.verify.fuzzer.profiles import PROFILES as PROFILES
    from raft_steps.lab.verify.fuzzer.profiles import adversity as adversity
    from raft_steps.lab.verify.fuzzer.sweep import sweep as sweep
    from raft_steps.lab.verify.linearizability import History as History
    from raft_steps.lab.verify.linearizability import Operation as Operation
    from raft_steps.lab.verify.linearizability import check_linearizable as check_linearizable
    from raft_steps.lab.verify.linearizability import parse_history as parse_history
    from raft_steps.lab.verify.linearizability import read_history as read_history
    from raft_steps.lab.verify.model_checker import NOBODY_CAN_BE_ELECTED as NOBODY_CAN_BE_ELECTED
    from raft_steps.lab.verify.model_checker import Schedule as Schedule
    from raft_steps.lab.verify.model_checker import Scope as Scope
    from raft_steps.lab.verify.model_checker import Search as Search
    from raft_steps.lab.verify.model_checker import acknowledged as acknowledged
    from raft_steps.lab.verify.model_checker import committed as committed
    from raft_steps.lab.verify.model_checker import down as down
    from raft_steps.lab.verify.model_checker import holds as holds
    from raft_steps.lab.verify.model_checker import leader as leader
    from raft_steps.lab.verify.model_checker import predicate as predicate
    from raft_steps.lab.verify.model_checker import run_schedule as run_schedule
    from raft_steps.lab.verify.model_checker import stored_schedule as stored_schedule
    from raft_steps.lab.verify.properties import ALL_RULES as ALL_RULES
    from raft_steps.lab.verify.properties import RULES as RULES
    from raft_steps.lab.verify.properties import Properties as Properties
    from raft_steps.lab.verify.properties import check_trace as check_trace
    from raft_steps.lab.verify.properties import kept_by as kept_by

# Each public name and the module that defines it. The imports above repeat it for type checkers; a test compares them.
HOMES = {
    "ALL_RULES": "verify.properties",
    "Append": "commands",
    "Cluster": "cluster.cluster",
    "Command": "commands",
    "CompareAndSet": "commands",
    "Configuration": "commands",
    "Delete": "commands",
    "Entry": "log",
    "Get": "commands",
    "History": "verify.linearizability",
    "InSession": "commands",
    "LabError": "errors",
    "Log": "log",
    "Mismatch": "commands",
    "NOBODY_CAN_BE_ELECTED": "verify.model_checker",
    "NodeError": "errors",
    "NotLeader": "commands",
    "Ok": "commands",
    "OpenSession": "commands",
    "Operation": "verify.linearizability",
    "PROFILES": "verify.fuzzer.profiles",
    "Properties": "verify.properties",
    "RULES": "verify.properties",
    "RealCluster": "cluster.real_cluster",
    "Refused": "commands",
    "Request": "commands",
    "Response": "commands",
    "Scenario": "scenario.scenario",
    "Schedule": "verify.model_checker",
    "Scope": "verify.model_checker",
    "Search": "verify.model_checker",
    "SessionExpired": "commands",
    "Set": "commands",
    "Simulation": "runtime.simulator.simulation",
    "Snapshot": "log",
    "Traffic": "verify.conformance.traffic",
    "Transfer": "commands",
    "Write": "commands",
    "acknowledged": "verify.model_checker",
    "adversity": "verify.fuzzer.profiles",
    "budgets": "verify.conformance.budgets",
    "catalogue": "verify.conformance",
    "cheat_sheet": "course.cheat_sheet",
    "check": "checks",
    "check_linearizable": "verify.linearizability",
    "check_trace": "verify.properties",
    "committed": "verify.model_checker",
    "course_map": "verify.fuzzer.course_map",
    "diff": "source.views",
    "down": "verify.model_checker",
    "equal_timeouts": "cluster.experiments",
    "from_text": "messages",
    "histogram": "pictures.charts",
    "holds": "verify.model_checker",
    "kept_by": "verify.properties",
    "leader": "verify.model_checker",
    "leaderless": "cluster.experiments",
    "log_table": "pictures.log_table",
    "message": "messages",
    "mine": "course.own_nodes",
    "mistakes": "course.mistakes",
    "parse_history": "verify.linearizability",
    "predicate": "verify.model_checker",
    "progress": "course.progress",
    "read_history": "verify.linearizability",
    "removed": "node",
    "run_schedule": "verify.model_checker",
    "run_ten_steps": "checks.ten_steps",
    "show": "source.views",
    "state_from_text": "snapshots",
    "state_to_text": "snapshots",
    "stored_schedule": "verify.model_checker",
    "sweep": "verify.fuzzer.sweep",
    "sweep_ten_steps": "checks.ten_steps",
    "three_fresh_followers": "cluster.experiments",
    "to_text": "messages",
    "tour": "course.tour",
    "try_scenario": "verify.fuzzer",
    "whole": "source.views",
}

__all__ = sorted(HOMES)  # noqa: PLE0605  # The table is the one list of names.

moved.install()


def __getattr__(name: str) -> Any:
    """Load a name when it is first used.

    Raises:
        ImportError: The name is that of a module that has moved.
        AttributeError: There is no such name.
    """
    if name in HOMES:
        return getattr(importlib.import_module(f"{__name__}.{HOMES[name]}"), name)
    if name in moved.MOVED:
        raise moved.moved_module_error(name)
    raise AttributeError(f"raft_steps.lab has no {name}; it has {', '.join(HOMES)}")


def __dir__() -> list[str]:
    """Return the public names, for completion in a notebook."""
    return sorted(HOMES)
