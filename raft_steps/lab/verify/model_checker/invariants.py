"""The invariants: the properties of the paper's Figure 3, and two more, as predicates that find how they are broken.

Their names are the paper's, as far as it has one.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import combinations

from raft_steps.lab.commands import Configuration, command_text
from raft_steps.lab.errors import ScenarioError
from raft_steps.lab.log import Log
from raft_steps.lab.runtime.configurations import configuration_of, decides
from raft_steps.lab.text import nearest
from raft_steps.lab.verify.model_checker.facts import Fact
from raft_steps.lab.verify.model_checker.predicates import Find, Predicate
from raft_steps.lab.verify.model_checker.state_view import StateView


def _election_safety(view: StateView) -> str:
    first: dict[int, str] = {}
    for term, server in view.history("leads"):
        if first.setdefault(term, server) != server:
            return f"{first[term]} and {server} have both led in term {term}"
    return ""


def _one_vote(view: StateView) -> str:
    first: dict[tuple[str, int], str] = {}
    for server, term, candidate in view.history("votes"):
        if first.setdefault((server, term), candidate) != candidate:
            both = " and for ".join(_itself(name, server) for name in (first[server, term], candidate))
            return f"{server} has voted for {both} in term {term}"
    return ""


def _itself(candidate: str, server: str) -> str:
    return "itself" if candidate == server else candidate


def _log_matching(view: StateView) -> str:
    for one, other in combinations(view, 2):
        mismatch = _mismatch(one.log, other.log)
        if mismatch is not None:
            index, term = mismatch
            return f"the logs of {one.name} and {other.name} agree on entry {index} of term {term}, and not up to it"
    return ""


def _mismatch(one: Log, other: Log) -> tuple[int, int] | None:
    """Return the index and term of the first entry that two logs share although they differ there or before."""
    base = max(one.base_index, other.base_index)  # Entries that only one of them still has cannot be compared.
    same = one.term_at(base) == other.term_at(base)
    for index in range(base + 1, min(one.last_index, other.last_index) + 1):
        same = same and one[index] == other[index]
        if not same and one[index].term == other[index].term:
            return index, one[index].term
    return None


def _leader_completeness(view: StateView) -> str:
    for server in view.leaders():
        for index, term, command, in_term in view.history("committed"):
            if server.term > in_term and not _has(server.log, index, term, command):
                return (
                    f"entry {index} of term {term}, {command_text(command)}, was committed in term {in_term}, "
                    f"and {server.name} leads in term {server.term} without it"
                )
    return ""


def _state_machine_safety(view: StateView) -> str:
    first: dict[int, Fact] = {}
    for index, term, command in view.history("applied"):
        other = first.setdefault(index, (term, command))
        if other != (term, command):
            both = " and ".join(f"{command_text(done)} of term {of_term}" for of_term, done in (other, (term, command)))
            return f"at index {index}, {both} were both carried out"
    return ""


def _acknowledged_lasts(view: StateView) -> str:
    for client, index, term, command, _ in view.history("acknowledged"):
        holders = [server.name for server in view if index and _has(server.log, index, term, command)]
        if not _is_kept_by(holders, view):
            who = f"{' and '.join(holders)} alone of {len(view.servers)}" if holders else "no server"
            return f"{client} has its Ok for {command_text(command)}, and {who} holds it"
    return ""


def _is_kept_by(holders: list[str], view: StateView) -> bool:
    """Return whether these servers are a majority of a configuration in force on one of them, or of the new voters in it."""
    found = [configuration_of(view[name].log, view.members)[1] for name in holders]
    return any(decides(Configuration(voters=configuration.voters), holders) for configuration in found)


def _has(log: Log, index: int, term: int, command: object) -> bool:
    """Return whether a log has an entry, or a snapshot in its place."""
    return index <= log.base_index or (log.term_at(index) == term and log[index].command == command)


def _invariant(name: str, find: Find, reads: str, *needs: str) -> Predicate:
    return Predicate(name=name, find=find, reads=frozenset(reads.split()), needs=frozenset(needs), servers=())


ONE_VOTE_PER_TERM = _invariant("One Vote per Term", _one_vote, "history", "votes")

INVARIANTS = {
    invariant.name: invariant
    for invariant in (
        _invariant("Election Safety", _election_safety, "history", "leads"),
        ONE_VOTE_PER_TERM,
        _invariant("Log Matching", _log_matching, "logs"),
        _invariant("Leader Completeness", _leader_completeness, "nodes history", "committed"),
        _invariant("State Machine Safety", _state_machine_safety, "history", "applied"),
        _invariant("Acknowledged Writes Last", _acknowledged_lasts, "logs history", "acknowledged"),
    )
}


def read_invariants(wanted: str | Predicate | Iterable[str | Predicate]) -> tuple[Predicate, ...]:
    """Return invariants that are given by their names or as predicates; ``"all"`` stands for all of `INVARIANTS`.

    Raises:
        ScenarioError: There is no invariant of that name.
    """
    if wanted == "all":
        return tuple(INVARIANTS.values())
    listed = [wanted] if isinstance(wanted, str | Predicate) else list(wanted)
    return tuple(each if isinstance(each, Predicate) else _by_name(each) for each in listed)


def _by_name(name: str) -> Predicate:
    for known, invariant in INVARIANTS.items():
        if known.lower() == name.lower():
            return invariant
    raise ScenarioError(f"there is no invariant {name!r}{nearest(name, INVARIANTS)}")
