"""The states that a search starts from: all servers have started, or an earlier search has found its goal."""

from __future__ import annotations

from raft_steps.lab.log import Log
from raft_steps.lab.runtime.launching import read_entries
from raft_steps.lab.verify.model_checker.interning import FrozenServerState
from raft_steps.lab.verify.model_checker.schedule import Schedule
from raft_steps.lab.verify.model_checker.state_space import SearchEvent, State
from raft_steps.lab.verify.model_checker.successors import successor
from raft_steps.lab.verify.model_checker.transitions import TransitionTable

# The events that lead to a state from the beginning, and the state with its full history.
StartState = tuple[tuple[SearchEvent, ...], State]


def initial_state(table: TransitionTable, schedule: Schedule) -> StartState:
    """Return the state in which all servers have started, with the logs, the terms and the leader of a schedule.

    Raises:
        NodeError: A node failed in `on_start`.
        ScenarioError: No run of Raft can lead to the terms that are given.
    """
    servers, history, terms = [], 0, schedule.first_terms(table.node_class)
    packets: list[int] = []
    for i, name in enumerate(schedule.servers):
        entries = tuple(read_entries(schedule.logs.get(name, ())))
        disk = (("log", table.freezer.freeze(Log(entries), set())),) if entries else ()
        stopped = table.intern_server(FrozenServerState(i, False, (), (), (), disk))
        started, sent, facts = table.perform(stopped, "start", name == schedule.leader, terms.get(name))
        servers.append(started)
        packets += sent
        history = table.extend_history(history, facts)
    return (), (*servers, history, 0, *sorted(packets))


def without_messages(table: TransitionTable, start: StartState) -> StartState:
    """Return the state after all messages in flight are lost."""
    path, state = start
    n = len(table.servers)
    return ((*path, ("forget",)), state[: n + 2]) if len(state) > n + 2 else start


def state_after(table: TransitionTable, start: StartState, path: tuple[SearchEvent, ...]) -> StartState:
    """Return the state at the end of a path, with its full history."""
    state = start[1]
    for event in path:
        state = successor(table, state, event)
    return path, state
