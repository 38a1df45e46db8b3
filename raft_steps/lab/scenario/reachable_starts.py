"""Which logs a run of Raft can leave behind, and the terms in which servers go on from there.

A scenario may begin in the middle of a cluster's life: it gives the logs on the disks. From logs that no run of Raft can
produce, a correct Node comes to grief, and would be blamed for it. So such logs are refused, for these reasons:

1.  *Terms never fall within a log, and none is negative.* A leader appends entries of its current term, which is at
    least as new as that of every entry that it has, and a follower takes over the order of its leader.
2.  *An entry of term 0 needs a server that led in it.* Elections begin with term 1, so only a server that leads from its
    start without an election creates such entries.
3.  *The logs up to their last entries of one term are prefixes of one another.* Each term has one leader. All entries of
    the term are first in its log, one after the other behind what it had when it was elected, and it deletes none of
    them while it leads. Another server has a part of that log up to an entry of the term. This includes Log Matching.
4.  *A server that leads from its start has all entries of its term*, because it created them.
5.  *With two servers, one log is a prefix of the other.* Both must vote for every leader, so every leader has everything
    that any leader before it had created.
6.  *At most as many first entries differ as a minority has servers, and one more.* The leader of the newest of them was
    elected with an empty log, by a majority whose logs were empty. From then on these voters take no entry of an older
    leader. So what is left of the older first entries is on servers that did not vote, or will arrive there. They are a
    minority, and each of them passes on at most one first entry once it has come to a newer term.

These conditions are necessary. They are not sufficient: which server could vote for which leader is not decided, apart
from 5 and 6. The terms make up for it. Let T be the newest term of any entry. If all servers start in
term T or later, every leader to come has a term above T, and there is one in each of them. What such a leader commits
is an entry of its own term. The proofs of the paper's Section 5.4.3 compare only logs that contain entries of such terms
with candidates of later terms; of older entries they need nothing but conditions 1 and 3. So a correct Node is safe
from every start that is accepted. If servers started in the terms of their own last entries instead, a server that lacks
the entries of term T could lead in it a second time.

A server that leads from its start leads in the term of its own last entry. If that is not T, it is a leader that has
been deposed and does not know yet; the others are then in T + 1. In T they could vote for it after a restart, since
nobody's vote is part of a start.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations, pairwise
from typing import Any

from raft_steps.lab.errors import ScenarioError
from raft_steps.lab.scenario.model import StoredLog
from raft_steps.lab.text import join_names

NO_RUN = "no run of Raft can lead there"
LAST_STEP_WITHOUT_ELECTIONS = 3
Logs = Mapping[str, StoredLog]


def check_start(
    servers: Sequence[str],
    logs: Logs,
    *,
    leader: str | None = None,
    step: int | None = None,
    terms: Mapping[str, int] | None = None,
) -> None:
    """Check that a run of Raft can lead to these logs; the module's docstring explains the conditions.

    Args:
        servers: All servers.
        logs: The logs of some of them.
        leader: The server that leads from its start.
        step: The step that runs; None if that is unknown. Step 1 has no replication, so its logs are independent.
        terms: The terms that are given for some servers.

    Raises:
        ScenarioError: No run can; the message states the reason.
    """
    for server, log in logs.items():
        check_terms(server, log)
    if step == 1:
        return
    for server, log in logs.items():
        _check_term_0(server, log, leader=leader, step=step, alone=len(servers) == 1)
    _check_leaders(logs)
    if leader is not None:
        _check_named_leader(servers, logs, leader, (terms or {}).get(leader))
    _check_elections(servers, logs)


def last_term(log: StoredLog) -> int:
    """Return the term of a log's last entry; 0 if it is empty."""
    return log[-1][0] if log else 0


def newest_term(logs: Logs) -> int:
    """Return the newest term of any entry; 0 without entries."""
    return max(map(last_term, logs.values()), default=0)


def start_terms(
    servers: Sequence[str], logs: Logs, *, leader: str | None = None, terms: Mapping[str, int] | None = None
) -> dict[str, int]:
    """Return the term that each server is at least in, once it has started; nothing for a leader without a given term.

    Args:
        servers: All servers.
        logs: The logs of some of them.
        leader: The server that leads from its start; its term is that of its last entry.
        terms: The terms that are given for some servers.

    Raises:
        ScenarioError: With the terms that are given, a second leader could be elected in the newest term of the logs.
    """
    given, newest = dict(terms or {}), newest_term(logs)
    deposed = leader is not None and given.get(leader, last_term(logs.get(leader, ()))) < newest
    default = newest + 1 if deposed else newest
    found = {server: given.get(server, default) for server in servers if server != leader or server in given}
    behind = [server for server, term in found.items() if term < newest]
    voters = [server for server in servers if found.get(server, newest - deposed) <= newest]
    if behind and 2 * len(voters) > len(servers):
        raise ScenarioError(
            f"{behind[0]} starts in term {found[behind[0]]}, and a log has an entry of term {newest}: {behind[0]} could be "
            f"elected in term {newest} once more, because no server starts with a vote; start it in term {newest} or "
            f"later, or a majority in term {newest + 1}"
        )
    return found


def check_terms(server: str, log: StoredLog) -> None:
    """Check that the terms of a log are numbers and never fall.

    Args:
        server: The server's name, for the error.
        log: Its log.

    Raises:
        ScenarioError: They are not; the message names the entry.
    """
    entry: Any
    for index, entry in enumerate(log, start=1):
        if len(entry) != 2 or type(entry[0]) is not int or not isinstance(entry[1], str):
            raise ScenarioError(f"entry {index} in the log of {server} is not a term and a command, but {entry!r}")
        if entry[0] < 0:
            raise ScenarioError(
                f"entry {index} in the log of {server} has the term {entry[0]}; terms are never negative"
            )
    for index, (before, after) in enumerate(pairwise(log), start=2):
        if after[0] < before[0]:
            raise ScenarioError(
                f"in the log of {server}, entry {index} has term {after[0]} and the one before it term {before[0]}; "
                f"terms never fall within a log, so {NO_RUN}"
            )


def _check_term_0(server: str, log: StoredLog, *, leader: str | None, step: int | None, alone: bool) -> None:
    """Check that an entry of term 0 has a server that led without an election, as far as that is known."""
    may_lead = leader is not None or (step is None and alone)
    if log and log[0][0] == 0 and not may_lead and (step is None or step > LAST_STEP_WITHOUT_ELECTIONS):
        raise ScenarioError(
            f"entry 1 in the log of {server} has term 0; elections begin with term 1, and no server leads from its "
            f"start, so {NO_RUN}"
        )


def _check_leaders(logs: Logs) -> None:
    """Check that one leader for each term could have created all its entries."""
    for (one, one_log), (other, other_log) in combinations(logs.items(), 2):
        for term in sorted({term for term, _ in one_log} & {term for term, _ in other_log}):
            ours, theirs = _up_to_term(one_log, term), _up_to_term(other_log, term)
            shared = min(len(ours), len(theirs))
            if ours[:shared] != theirs[:shared]:
                why = _why_two_leaders(one, ours, other, theirs, term)
                raise ScenarioError(f"{why}; each term has one leader, so {NO_RUN}")


def _up_to_term(log: StoredLog, term: int) -> StoredLog:
    """Return a log up to its last entry of a term; its terms do not fall."""
    return tuple(entry for entry in log if entry[0] <= term)


def _why_two_leaders(one: str, ours: StoredLog, other: str, theirs: StoredLog, term: int) -> str:
    """Return why two logs cannot both be from the leader of a term, which both have entries of."""
    for index, (mine, yours) in enumerate(zip(ours, theirs, strict=False), start=1):
        if mine[0] == yours[0] == term and mine[1] != yours[1]:
            return (
                f"entry {index} of term {term} is {mine[1]!r} in the log of {one} and {yours[1]!r} in that of {other}"
            )
    mine_at, yours_at = (_first_of(log, term) for log in (ours, theirs))
    if mine_at == yours_at:
        return f"{one} and {other} have entry {mine_at} of term {term}, and different entries before it"
    return (
        f"the entries of term {term} begin at index {mine_at} in the log of {one} and at {yours_at} in that of {other}"
    )


def _first_of(log: StoredLog, term: int) -> int:
    return next(index for index, entry in enumerate(log, start=1) if entry[0] == term)


def _check_named_leader(servers: Sequence[str], logs: Logs, leader: str, given: int | None) -> None:
    """Check that a server that leads from its start has all entries of its term."""
    own = logs.get(leader, ())
    term = last_term(own) if given is None else given
    for server, log in logs.items():
        of_term = [index for index, entry in enumerate(log, start=1) if entry[0] == term and index > len(own)]
        if of_term:
            raise ScenarioError(
                f"{leader} leads term {term} from its start and lacks entry {of_term[0]} of that term, which {server} has; "
                f"a leader has all entries of its term, so {NO_RUN}"
            )
    newest = newest_term(logs)
    if len(servers) == 2 and term < newest:
        raise ScenarioError(
            f"{leader} leads term {term} from its start, and there is an entry of term {newest}, whose leader needed the "
            f"votes of both servers; so {NO_RUN}"
        )


def _check_elections(servers: Sequence[str], logs: Logs) -> None:
    """Check that a majority could have voted for each leader, as far as the logs show it."""
    if len(servers) == 2 and len(logs) == 2:
        (one, ours), (other, theirs) = logs.items()
        shared = min(len(ours), len(theirs))
        if ours[:shared] != theirs[:shared]:
            raise ScenarioError(
                f"the logs of {one} and {other} differ at an index that both have; with two servers, both vote for every "
                f"leader, whose log then has all entries, so {NO_RUN}"
            )
    first = sorted({log[0] for log in logs.values() if log})
    minority = (len(servers) - 1) // 2
    if len(first) > minority + 1:
        listed = join_names(f"{command!r} of term {term}" for term, command in first)
        raise ScenarioError(
            f"the logs begin with {listed}: {len(first)} leaders were elected with empty logs, the last of them by a "
            f"majority of {len(servers) - minority} with empty logs, and only {len(servers)} servers in all; so {NO_RUN}"
        )
