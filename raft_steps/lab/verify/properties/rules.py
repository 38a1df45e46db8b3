"""The properties of Raft, as data: their names, their sentences, and the step of the course from which each is kept.

The first five are those of the paper's Figure 3. The others are required by Figure 2 and Section 8. A step before the
one that brings a property may break it; its reason says how, and which step mends it. Steps 1 to 3 keep all of them,
however early they answer: only one server ever leads there, and its log is on disk.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

MEASURED = Path(__file__).parent / "kept.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One property.

    Attributes:
        name: Its name; the paper's, where the paper has one.
        section: The section of the paper that requires it.
        sentence: The rule itself.
        kept_from: The number of the step from which on no run breaks it.
        mended_by: What that step changes.
        why_not: Why earlier steps break it, by the first step that the reason applies to.
        taught_by: The number of the step that teaches how to keep it, if that is another one.
    """

    name: str
    section: str
    sentence: str
    kept_from: int
    mended_by: str
    why_not: dict[int, str]
    taught_by: int = 0

    @property
    def step(self) -> int:
        """The number of the step that teaches how to keep the rule."""
        return self.taught_by or self.kept_from

    def reason(self, step: int) -> str:
        """Return why a step does not keep the rule yet; "" if it does."""
        if step >= self.kept_from:
            return ""
        found = [why for first, why in sorted(self.why_not.items()) if first <= step]
        return found[-1] if found else ""

    def mended_at(self, step: int) -> int:
        """Return the step that removes the reason why an earlier one does not keep the rule."""
        return min(first for first in (*self.why_not, self.kept_from) if first > step)


ELECTION_SAFETY = Rule(
    name="Election Safety",
    section="Figure 3, Section 5.2",
    sentence="At most one server leads in a term.",
    kept_from=12,
    mended_by="term and vote are on disk, and votes belong to a term",
    why_not={
        4: "a server leads in whatever term it has, and messages change that term while it leads",
        5: "a leader adopts the term of another leader's call and goes on leading in it",
        6: "half of the votes are enough, votes of an earlier election count, and a voter keeps its own old term",
        9: "a server that crashes forgets its term and its vote, and votes again in the same term",
    },
)
LEADER_APPEND_ONLY = Rule(
    name="Leader Append-Only",
    section="Figure 3, Section 5.3",
    sentence="A leader never overwrites or deletes entries of its log; it only appends.",
    kept_from=6,
    mended_by="a leader that accepts a call steps down first",
    why_not={4: "a leader that receives another leader's call stores its entries and goes on leading"},
)
LOG_MATCHING = Rule(
    name="Log Matching",
    section="Figure 3, Section 5.3",
    sentence="If two logs hold an entry with the same index and term, they are the same up to that index.",
    kept_from=12,
    mended_by="no two servers lead in one term",
    why_not={4: "two leaders of one term give one index two commands of that term"},
)
LEADER_COMPLETENESS = Rule(
    name="Leader Completeness",
    section="Figure 3, Section 5.4",
    sentence="An entry that was committed in a term is in the log of every leader of a later term.",
    kept_from=12,
    mended_by="only a server whose log is up to date is elected, and only entries of the leader's term commit by counting",
    why_not={
        4: "a server votes without asking what is in the candidate's log",
        10: "an acknowledgement of any heartbeat counts for every open write",
        11: "a server that crashes forgets its term, and helps a former leader to commit what the present one lacks",
    },
)
STATE_MACHINE_SAFETY = Rule(
    name="State Machine Safety",
    section="Figure 3, Section 5.4.3",
    sentence="If a server has applied an entry at an index, no other server applies another one there.",
    kept_from=12,
    mended_by="only committed entries are applied, and no server votes twice in a term",
    why_not={
        4: "a new leader, or a server that restarts, applies its whole log, committed or not; and late replies, even "
        "to heartbeats, commit entries of a server that no longer leads",
        11: "a server that crashes forgets its vote, and a second leader is elected in the same term",
    },
)
ONE_VOTE_PER_TERM = Rule(
    name="One Vote per Term",
    section="Figure 2, Section 5.2",
    sentence="A server votes for at most one candidate in a term, itself included.",
    kept_from=12,
    mended_by="term and vote are on disk",
    why_not={
        4: "a voter keeps its own old term, so it may later vote for itself in the term that it has voted in",
        9: "a server that crashes forgets its term and its vote, and votes again in the same term",
    },
)
TERMS_GROW = Rule(
    name="Terms Never Go Back",
    section="Figure 2, Section 5.1",
    sentence="A server's current term never gets smaller while it runs.",
    kept_from=1,
    mended_by="a message of an older term changes nothing",
    why_not={},
    taught_by=6,
)
COMMIT_INDEX_GROWS = Rule(
    name="Commit Index Never Goes Back",
    section="Figure 2",
    sentence="A server's commit index never gets smaller while it runs.",
    kept_from=1,
    mended_by="a follower never goes below what it has committed, whatever a late call contains",
    why_not={},
    taught_by=11,
)
PROMISES_OUTLIVE_CRASHES = Rule(
    name="Promises Outlive Crashes",
    section="Figure 2 (persistent state), Section 5.1",
    sentence="After a crash a server contradicts no term, no vote and no acknowledgement that it gave before.",
    kept_from=12,
    mended_by="term and vote are on disk, like the log",
    why_not={4: "only the log is on disk: a server that restarts has the term of its last entry, and no vote"},
)
ACKNOWLEDGED_WRITES_LAST = Rule(
    name="Acknowledged Writes Last",
    section="Section 8",
    sentence="An acknowledged write stays in the log: no server leads without it, and its last copy is never deleted.",
    kept_from=12,
    mended_by="an answer is given for committed entries only, and committed entries stay",
    why_not={
        4: "a server without the entry is elected, because voters do not compare logs",
        10: "an acknowledgement of any heartbeat counts for every open write",
        11: "a server that crashes forgets its vote, and a second leader is elected in the same term",
    },
)
OVERLAPPING_MAJORITIES = Rule(
    name="Overlapping Majorities",
    section="Section 6",
    sentence="A leader adds a configuration when the one before is committed, and no majorities of the two are disjoint.",
    kept_from=1,
    mended_by="a joint configuration comes between two, and each waits until the one before is committed",
    why_not={},
    taught_by=17,
)

APPLIED_ONCE = Rule(
    name="Applied Once and in Order",
    section="Section 5.3, Figure 2 (lastApplied)",
    sentence="Between a start and a crash, a server applies each committed entry once, in the order of the log.",
    kept_from=11,
    mended_by="a server applies what follows last_applied, up to the commit index",
    why_not={
        3: "an entry is applied whenever a message says so, and such a message may come late, twice or never",
        4: "a new leader applies its whole log again, and a message that says what to apply may come late, twice or never",
    },
)
EQUAL_STATES = Rule(
    name="Equal State Machines",
    section="Section 2 (replicated state machines)",
    sentence="Two servers that have applied the same entries have the same state machine.",
    kept_from=11,
    mended_by="entries are applied in the order of the log, and nothing else changes a state machine",
    why_not={3: "an old entry that is applied a second time overwrites what newer ones have written"},
)
LINEARIZABLE_READS = Rule(
    name="Linearizable Reads",
    section="Section 8",
    sentence="A read returns what the last write before it wrote, as if one server handled one request at a time.",
    kept_from=14,
    mended_by="a leader makes sure that it still leads before it answers a read",
    why_not={4: "a leader that was deposed and has not heard of it yet answers reads from its old state machine"},
)
EXACTLY_ONCE = Rule(
    name="Exactly Once",
    section="Section 8; dissertation, Section 6.3",
    sentence="A command of a session that a client sends again is carried out once.",
    kept_from=13,
    mended_by="a command carries its session and its serial number, and a server carries out each number once",
    why_not={1: "a client that has no answer asks again, and its command is in the log twice, and carried out twice"},
)
SERVICE = Rule(
    name="Service",
    section="Section 5.6",
    sentence="Clients get as many answers as from the course's Node in the same run, and as soon, with as few elections.",
    kept_from=1,
    mended_by="timeouts are restarted by a leader's calls and by granted votes, and by nothing else",
    why_not={},
    taught_by=8,
)

# The properties of Raft, which are checked in every run that is watched.
RULES: tuple[Rule, ...] = (
    ELECTION_SAFETY,
    LEADER_APPEND_ONLY,
    LOG_MATCHING,
    LEADER_COMPLETENESS,
    STATE_MACHINE_SAFETY,
    ONE_VOTE_PER_TERM,
    TERMS_GROW,
    COMMIT_INDEX_GROWS,
    PROMISES_OUTLIVE_CRASHES,
    ACKNOWLEDGED_WRITES_LAST,
    OVERLAPPING_MAJORITIES,
)


# What clients and state machines rely on; sweeps check it, too.
CLIENT_RULES: tuple[Rule, ...] = (APPLIED_ONCE, EQUAL_STATES, EXACTLY_ONCE, LINEARIZABLE_READS, SERVICE)
ALL_RULES: tuple[Rule, ...] = RULES + CLIENT_RULES


SEEDS_MIN = 1000  # in so many runs of a step, a rule has to be kept


@cache
def measured(step: int) -> tuple[Mapping[str, Any], ...]:
    """Return the stored figures of a step, by profile: the seeds, and in how many of them each broken rule broke.

    They are in ``kept.json``; ``raft-steps kept-rules --renew`` measures them again. A later step than those that were
    measured counts as the last one of them.

    Args:
        step: The number of a step.
    """
    rows = json.loads(MEASURED.read_text(encoding="utf-8"))
    step = min(step, max(row["step"] for row in rows))
    return tuple(row for row in rows if row["step"] == step)


@cache
def kept_by(step: int, profile: str | None = None) -> tuple[Rule, ...]:
    """Return the rules that a step kept when it was measured, in 1,000 or more runs.

    A rule of these may have a reason (`Rule.reason`) why a rarer run than those breaks it.

    Args:
        step: The number of a step.
        profile: The name of a fault profile, to include the rules that were kept in 1,000 runs with this profile; by
            default, only those that were kept in all runs with all profiles.
    """
    rows = measured(step)
    broken = {name for row in rows for name in row["broken"]}
    enough = sum(row["seeds"] for row in rows) >= SEEDS_MIN
    kept = {rule.name for rule in ALL_RULES if rule.name not in broken and (enough or not rule.reason(step))}
    for row in rows:
        if row["profile"] == profile and row["seeds"] >= SEEDS_MIN:
            kept |= {rule.name for rule in ALL_RULES} - set(row["broken"])
    return tuple(rule for rule in ALL_RULES if rule.name in kept)
