"""Where a search begins: all servers have started, and what they sent is on its way."""

from __future__ import annotations

from raft_steps.lab.log import Log
from raft_steps.lab.runtime.launching import read_entries
from raft_steps.lab.verify.model_checker.interning import Local
from raft_steps.lab.verify.model_checker.schedule import Schedule
from raft_steps.lab.verify.model_checker.state_space import Event, State, advanced
from raft_steps.lab.verify.model_checker.transitions import Machine

StartState = tuple[tuple[Event, ...], State]  # the events that lead to a state, and the state with all facts


def beginning_of(machine: Machine, schedule: Schedule) -> StartState:
    """Start the servers one after the other, with what a schedule says of logs, terms and leader.

    Raises:
        NodeError: A node failed in `on_start`.
    """
    head, history = [], 0
    packets: list[int] = []
    for i, name in enumerate(schedule.servers):
        entries = tuple(read_entries(schedule.logs.get(name, ())))
        disk = (("log", machine.freezer.freeze(Log(entries), set())),) if entries else ()
        stopped = machine.number_of_local(Local(i, False, (), (), disk))
        local, sends, facts = machine.do(stopped, "start", name == schedule.leader, schedule.terms.get(name))
        head.append(local)
        packets += sends
        history = machine.grow(history, facts)
    return (), (*head, history, 0, *sorted(packets))


def forgotten(machine: Machine, start: StartState) -> StartState:
    """Lose all messages that are on their way."""
    path, state = start
    n = len(machine.servers)
    return ((*path, ("forget",)), state[: n + 2]) if len(state) > n + 2 else start


def end_of(machine: Machine, start: StartState, path: tuple[Event, ...]) -> StartState:
    """Go along a path from a start, and keep all facts."""
    state = start[1]
    for event in path:
        state = advanced(machine, state, event)
    return path, state
