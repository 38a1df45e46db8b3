"""Logs that a scenario may begin with, drawn by hypothesis."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from raft_steps.lab.errors import ScenarioError
from raft_steps.lab.scenario.model import StoredLog
from raft_steps.lab.scenario.reachable_starts import check_start

TERM_MAX = 4
Logs = dict[str, StoredLog]


def is_refused(servers: tuple[str, ...], logs: Logs, **parts: Any) -> str:
    """Return why a start is refused; "" if it is not."""
    try:
        check_start(servers, logs, **parts)
    except ScenarioError as error:
        return str(error)
    return ""


@st.composite
def reachable_logs(draw: st.DrawFn, servers: tuple[str, ...], commands: st.SearchStrategy[str]) -> Logs:
    """Generate logs that are accepted: for each term, one leader appends to what some log may have been."""
    known: list[StoredLog] = [()]
    for term in range(1, TERM_MAX + 1):
        log = draw(st.sampled_from(known))
        for _ in range(draw(st.integers(0, 2))):
            log = (*log, (term, draw(commands)))
            known.append(log)
    logs = {name: log for name in servers if (log := draw(st.sampled_from(known)))}
    while is_refused(servers, logs):  # Too many first entries, or two of two servers; never because of a leader.
        logs.popitem()
    return logs


@st.composite
def starts(draw: st.DrawFn, servers: tuple[str, ...], commands: st.SearchStrategy[str]) -> tuple[Logs, str | None]:
    """Generate logs, and perhaps a server that leads with its log from the start."""
    logs = draw(reachable_logs(servers, commands))
    leader = draw(st.none() | st.sampled_from(servers))
    return logs, None if is_refused(servers, logs, leader=leader) else leader
