"""The bugs of other systems from step 13 on, each with its wrong Node, and `docs/real_bugs.md`, the same as a page.

    python -m tests.verify.real_bugs.table          writes the page again

A bug is named by its issue, as ``owner/repository#number``, or by where it is described. The Nodes are those of
`tests/checks/wrong_nodes`, which say what each does wrong; none is a copy of the system's code.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.checks.wrong_nodes import step_13, step_14, step_16, step_16_calls, step_17, step_18, transfers
from tests.verify.real_bugs import searches

PAGE = Path(__file__).parents[3] / "docs" / "real_bugs.md"
ISSUE = re.compile(r"([\w.-]+/[\w.-]+)#(\d+)")


@dataclass(frozen=True)
class Seed:
    """A run of a sweep, and the rule that breaks in it: ``raft-steps sweep --node … --profile … --first-seed …``."""

    profile: str
    seed: int
    rule: str


@dataclass(frozen=True)
class RealBug:
    """A bug that a system had.

    Attributes:
        where: The issues that tell of it, or where it is described.
        what: What goes wrong, in a few words.
        node_class: The wrong Node.
        step: The step from which it is derived.
        fails: The step and the name of a check that it fails.
        found: The run of a sweep, or the search, that finds it.
    """

    where: tuple[str, ...]
    what: str
    node_class: type
    step: int
    fails: tuple[int, str]
    found: Seed | Callable[[type | int], str]


ANSWERS = (14, "answers to earlier calls do not count")
HOLDS = (17, "a snapshot holds the configuration")
IN_FORCE = (17, "the newest configuration is in force")
BOTH = (17, "a joint configuration needs both majorities")

REAL_BUGS = (
    RealBug(
        ("etcd-io/etcd#18424",),
        "A client asks again, and its command is carried out twice.",
        step_13.EverythingIsCarriedOut,
        13,
        (13, "a command is carried out once"),
        Seed("retries", 0, "Exactly Once"),
    ),
    RealBug(
        ("CurvineIO/curvine#676",),
        "Only the leader remembers what was carried out, and its successor carries it out again.",
        step_13.FilteredBeforeTheLog,
        13,
        (13, "a command is carried out once"),
        Seed("retries", 0, "Exactly Once"),
    ),
    RealBug(
        ("hashicorp/consul#54",),
        "A leader answers reads for a while without asking; voters do not wait for that while.",
        step_14.HasALease,
        14,
        (14, "a read waits for a majority"),
        Seed("successions", 3, "Linearizable Reads"),
    ),
    RealBug(
        ("etcd-io/etcd#7331",),
        "A new leader takes its own commit index for that of the cluster, and answers a read with it.",
        step_14.CommitIndexOfANewLeader,
        14,
        (14, "a read waits for the leaders own entry"),
        Seed("successions", 0, "Linearizable Reads"),
    ),
    RealBug(
        ("etcd-io/etcd#20418",),
        "A read that is tried again is confirmed by answers to the first attempt, from before it.",
        step_14.RoundUnderWayCounts,
        14,
        ANSWERS,
        Seed("successions", 11, "Linearizable Reads"),
    ),
    RealBug(
        ("step 3 of this course, as the original was",),
        "Any answer counts, whichever call it answers.",
        step_14.AnyAnswerCounts,
        14,
        ANSWERS,
        Seed("successions", 0, "Linearizable Reads"),
    ),
    RealBug(
        ("RedisLabs/raft#49",),
        "A late call about compacted entries is taken for a conflict.",
        step_16_calls.TakesCompactedForConflicts,
        16,
        (16, "a call below the snapshot fits"),
        Seed("snapshots", 13, "Node Failed"),
    ),
    RealBug(
        ("hashicorp/raft#205",),
        "The call after a snapshot is refused, because no entry precedes it.",
        step_16_calls.DoesNotKnowItsBase,
        16,
        (16, "a follower takes a snapshot over"),
        Seed("snapshots", 0, "Service"),
    ),
    RealBug(
        ("etcd-io/raft#31",),
        "An entry that leader and follower both lack is of term 0, and so they agree on it.",
        step_16_calls.NothingMatchesNothing,
        16,
        (16, "a follower that is behind gets the snapshot"),
        Seed("snapshots", 32, "Node Failed"),
    ),
    RealBug(
        ("etcd-io/etcd#2918",),
        "The log is cut while a snapshot is sent, and the follower never gets the next one.",
        step_16.SendsTheFirstOneAgain,
        16,
        (16, "a log is compacted while a snapshot is sent"),
        searches.a_snapshot_that_is_outdated,
    ),
    RealBug(
        ("etcd-io/raft#157",),
        "A snapshot that arrives late takes the log back.",
        step_16.GoesBack,
        16,
        (16, "an old snapshot changes nothing"),
        Seed("snapshots", 95, "Commit Index Never Goes Back"),
    ),
    RealBug(
        ("the Raft paper, Figure 10",),
        "Some servers use the old list of members, and some the new one.",
        step_17.SwitchesDirectly,
        17,
        (17, "new servers learn first"),
        searches.a_change_to_other_servers,
    ),
    RealBug(
        ("Ongaro on raft-dev, July 2015",),
        "Two leaders change one server each, from the same configuration.",
        step_17.SingleChanges,
        17,
        (17, "new servers learn first"),
        searches.two_changes_from_one_configuration,
    ),
    RealBug(
        ("etcd-io/etcd#11284",),
        "A configuration counts once it is committed, and not when it is in the log.",
        step_17.UsesWhatIsCommitted,
        17,
        IN_FORCE,
        Seed("memberships", 0, "Overlapping Majorities"),
    ),
    RealBug(
        ("the Raft paper, Section 6",),
        "The next change begins before the one before it is committed.",
        step_17.ManyChangesAtOnce,
        17,
        (17, "one change at a time"),
        Seed("memberships", 0, "Overlapping Majorities"),
    ),
    RealBug(
        ("camunda/camunda#57393",),
        "A configuration stays in force after its entry was deleted.",
        step_17.KeepsWhatWasDeleted,
        17,
        IN_FORCE,
        Seed("memberships", 54, "Overlapping Majorities"),
    ),
    RealBug(
        ("canonical/raft#250",),
        "The configuration before a deleted one is not known any more.",
        step_17.LosesOlderOnes,
        17,
        IN_FORCE,
        Seed("memberships", 11, "Leader Completeness"),
    ),
    RealBug(
        ("andy-yx-chen/jraft#1",),
        "A restart forgets the configuration in the log.",
        step_17.ForgetsInACrash,
        17,
        IN_FORCE,
        Seed("memberships", 1, "Election Safety"),
    ),
    RealBug(
        ("moby/swarmkit#238",),
        "The members are not in the snapshot.",
        step_17.SnapshotWithoutConfiguration,
        17,
        HOLDS,
        Seed("memberships", 1, "Leader Completeness"),
    ),
    RealBug(
        ("etcd-io/etcd#21610",),
        "A learner that gets a snapshot without its name takes itself for removed.",
        step_17.LeavesWithASnapshot,
        17,
        HOLDS,
        Seed("memberships", 11, "Service"),
    ),
    RealBug(
        ("databendlabs/openraft#1808",),
        "A configuration that a leader's snapshot has taken the place of stays in force.",
        step_17.KeepsItsOwnConfiguration,
        17,
        HOLDS,
        Seed("memberships", 439, "Overlapping Majorities"),
    ),
    RealBug(
        ("microsoft/CCF#4018",),
        "A majority of one of the two configurations is enough.",
        step_17.NewVotersDecide,
        17,
        BOTH,
        searches.a_change_to_other_servers,
    ),
    RealBug(
        ("camunda/camunda#15232",),
        "A leader that has been removed counts itself.",
        step_17.CountsTheLeader,
        17,
        (17, "a removed leader leaves"),
        Seed("memberships", 29, "Election Safety"),
    ),
    RealBug(
        ("etcd-io/etcd#11038",),
        "A leader that has been removed leads for ever.",
        step_17.NeverLeaves,
        17,
        (17, "a removed leader leaves"),
        Seed("memberships", 0, "Election Safety"),
    ),
    RealBug(
        ("tikv/raft-rs#221",),
        "Votes that were asked for in one configuration are counted in the next one.",
        step_17.KeepsItsVotes,
        17,
        (17, "a follower counts no votes"),
        Seed("memberships", 106973, "Election Safety"),
    ),
    RealBug(
        ("etcd-io/etcd#12704", "tikv/tikv#1593"),
        "A leader that hands over answers reads from its lease, and its successor is elected within it.",
        transfers.KeepsItsLease,
        18,
        (14, "a read waits for a majority"),
        Seed("successions", 29, "Linearizable Reads"),
    ),
    RealBug(
        ("etcd-io/etcd#8243", "databendlabs/openraft#1796"),
        "The term of a refused pre-vote is not learnt; the only log that could win asks about an old term for ever.",
        step_18.DoesNotLearnFromRefusals,
        18,
        (18, "the term of a refusal is learnt"),
        searches.nobody_can_be_elected,
    ),
    RealBug(
        ("etcd-io/etcd#8501",),
        "A call of an older leader gets no answer, so that it leads on and commits nothing.",
        step_18.IgnoresAnOlderLeader,
        18,
        (18, "an older leader is told the term"),
        searches.a_leader_that_nobody_tells,
    ),
)


def page() -> str:
    """Return the page with the table."""
    lines = [
        "# Bugs of other systems",
        "",
        "Real systems had these bugs. For each there is a Node with the same mistake, a check that it fails, and a run that",
        "finds it without knowing it: a seed of a sweep, or a search. The Nodes are in `tests/checks/wrong_nodes`, the",
        "searches in `tests/verify/real_bugs`; what each system wrote about its bug is behind the link.",
        "This page is written by `python -m tests.verify.real_bugs.table`, and a test runs every row.",
        "",
        "| the bug | where | wrong Node | fails the check | is found by |",
        "| --- | --- | --- | --- | --- |",
    ]
    for bug in REAL_BUGS:
        where = ", ".join(ISSUE.sub(r"[\1 \2](https://github.com/\1/issues/\2)", each) for each in bug.where)
        step, check = bug.fails
        lines.append(f"| {bug.what} | {where} | `{bug.node_class.__name__}` | step {step}: {check} | {_found(bug)} |")
    return "\n".join([*lines, ""])


def _found(bug: RealBug) -> str:
    if isinstance(bug.found, Seed):
        return f"seed {bug.found.seed} of *{bug.found.profile}*: {bug.found.rule}"
    return f"a search: {bug.found.__name__.replace('_', ' ')}"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
