"""The properties of the paper's Figure 3, and what else must never be found, as predicates on a state.

Each finds how it is broken. The names are the paper's, where the paper has one.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import combinations

from raft_steps.lab.commands import command_text
from raft_steps.lab.errors import ScenarioError
from raft_steps.lab.log import Log
from raft_steps.lab.text import nearest
from raft_steps.lab.verify.model_checker.facts import Fact
from raft_steps.lab.verify.model_checker.predicates import Find, Predicate
from raft_steps.lab.verify.model_checker.state_view import Look


def _election_safety(look: Look) -> str:
    first: dict[int, str] = {}
    for term, server in look.history("leads"):
        if first.setdefault(term, server) != server:
            return f"{first[term]} and {server} have both led in term {term}"
    return ""


def _one_vote(look: Look) -> str:
    first: dict[tuple[str, int], str] = {}
    for server, term, candidate in look.history("votes"):
        if first.setdefault((server, term), candidate) != candidate:
            both = " and for ".join(_itself(name, server) for name in (first[server, term], candidate))
            return f"{server} has voted for {both} in term {term}"
    return ""


def _itself(candidate: str, server: str) -> str:
    return "itself" if candidate == server else candidate


def _log_matching(look: Look) -> str:
    for one, other in combinations(look, 2):
        found = _difference(one.log, other.log)
        if found is not None:
            index, term = found
            return f"the logs of {one.name} and {other.name} agree on entry {index} of term {term}, and not up to it"
    return ""


def _difference(one: Log, other: Log) -> tuple[int, int] | None:
    """Find an entry of the same index and term in two logs that differ there or before; None if there is none."""
    same = True
    for index in range(1, min(one.last_index, other.last_index) + 1):
        same = same and one[index] == other[index]
        if not same and one[index].term == other[index].term:
            return index, one[index].term
    return None


def _leader_completeness(look: Look) -> str:
    for seen in look.leaders():
        for index, term, command, in_term in look.history("committed"):
            if seen.term > in_term and not _has(seen.log, index, term, command):
                return (
                    f"entry {index} of term {term}, {command_text(command)}, was committed in term {in_term}, "
                    f"and {seen.name} leads in term {seen.term} without it"
                )
    return ""


def _state_machine_safety(look: Look) -> str:
    first: dict[int, Fact] = {}
    for index, term, command in look.history("applied"):
        other = first.setdefault(index, (term, command))
        if other != (term, command):
            both = " and ".join(f"{command_text(done)} of term {of_term}" for of_term, done in (other, (term, command)))
            return f"at index {index}, {both} were both carried out"
    return ""


def _acknowledged_lasts(look: Look) -> str:
    for client, index, term, command, _ in look.history("acknowledged"):
        holders = [seen.name for seen in look if index and _has(seen.log, index, term, command)]
        if 2 * len(holders) <= len(look.servers):
            who = f"{' and '.join(holders)} alone of {len(look.servers)}" if holders else "no server"
            return f"{client} was told that {command_text(command)} is done, and {who} holds it"
    return ""


def _has(log: Log, index: int, term: int, command: object) -> bool:
    return log.term_at(index) == term and log[index].command == command


def _invariant(name: str, find: Find, looks_at: str, *needs: str) -> Predicate:
    return Predicate(name=name, find=find, looks_at=frozenset(looks_at.split()), needs=frozenset(needs), servers=())


ELECTION_SAFETY = _invariant("Election Safety", _election_safety, "history", "leads")
ONE_VOTE_PER_TERM = _invariant("One Vote per Term", _one_vote, "history", "votes")
LOG_MATCHING = _invariant("Log Matching", _log_matching, "logs")
LEADER_COMPLETENESS = _invariant("Leader Completeness", _leader_completeness, "nodes history", "committed")
STATE_MACHINE_SAFETY = _invariant("State Machine Safety", _state_machine_safety, "history", "applied")
ACKNOWLEDGED_WRITES_LAST = _invariant("Acknowledged Writes Last", _acknowledged_lasts, "logs history", "acknowledged")

INVARIANTS = {
    rule.name: rule
    for rule in (
        ELECTION_SAFETY,
        ONE_VOTE_PER_TERM,
        LOG_MATCHING,
        LEADER_COMPLETENESS,
        STATE_MACHINE_SAFETY,
        ACKNOWLEDGED_WRITES_LAST,
    )
}


def read_invariants(wanted: str | Predicate | Iterable[str | Predicate]) -> tuple[Predicate, ...]:
    """Read invariants: their names, or predicates of one's own that must never find anything; ``"all"`` for all.

    Raises:
        ScenarioError: There is none of that name.
    """
    if wanted == "all":
        return tuple(INVARIANTS.values())
    listed = [wanted] if isinstance(wanted, str | Predicate) else list(wanted)
    return tuple(rule if isinstance(rule, Predicate) else _by_name(rule) for rule in listed)


def _by_name(name: str) -> Predicate:
    for known, rule in INVARIANTS.items():
        if known.lower() == name.lower():
            return rule
    raise ScenarioError(f"there is no invariant {name!r}{nearest(name, INVARIANTS)}")
