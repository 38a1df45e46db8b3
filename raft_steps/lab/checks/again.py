"""Checks of earlier steps on a later Node: when a step rewrites a handler, what was asked of it before is asked again.

A check sends the fields that its own step's messages have. A later Node's messages have more; the bench gives them values
that do not matter to the earlier check.
"""

from __future__ import annotations

from raft_steps.lab.checks.bench import Bench, CheckFailed
from raft_steps.lab.checks.fake_peers import handles
from raft_steps.lab.checks.rules import Check
from raft_steps.lab.checks.runner import checks_of

NO_OP = "a new leader logs a no-op entry of its own first"
COUNTED = "an acknowledgement counts for the entries up to its match_index"
NOT_APPLIED = "a leader applies an entry when it is committed, so a read waits for that"
COMMIT_INDEX = "every call carries the commit index, and there is no CommitEntry"
CONFIRMED = "a read waits for a round of calls, and step 14 asks it again"
STATED = "a refusal states where to go on, and step 15 asks it again"
NOBODY_ANSWERS = "a leader whom nobody answers does not lead for long"
REPEATED = "step 9 asks it again, of a server that has adopted the candidate's term"

# The checks that a later step replaces, by their step and name: from which step on they do not run any more, and why.
REPLACED: dict[tuple[int, str], tuple[int, str]] = {
    (1, "later writes win"): (11, NO_OP),
    (1, "reads are not logged"): (11, NO_OP),
    (1, "a restart replays the log"): (11, NO_OP),
    (1, "only the log survives"): (11, NOT_APPLIED),
    (2, "a heartbeat names the last entry"): (11, NO_OP),
    (2, "a new entry is sent with the preceding one"): (11, NO_OP),
    (2, "an answered write is applied"): (11, COUNTED),
    (2, "a refused leader retries one entry earlier"): (11, NO_OP),
    (3, "a refusal is not an acknowledgement"): (15, STATED),
    (3, "a write waits for the followers"): (11, NO_OP),
    (3, "pending writes are kept apart"): (11, COUNTED),
    (3, "reads see only committed writes"): (11, NOT_APPLIED),
    (3, "followers are notified of the commit"): (11, COMMIT_INDEX),
    (3, "a follower applies on the commit message"): (11, COMMIT_INDEX),
    (4, "the timeout is a whole number from 8 to 18"): (9, "step 8 asks it again, of one server in many elections"),
    (4, "one vote only"): (9, "step 9 asks it again, however a Node stores its vote"),
    (4, "half of the servers win"): (9, "more than half of the servers must vote"),
    (4, "a new leader has applied its log"): (11, NOT_APPLIED),
    (5, "entries are stored as before"): (11, COMMIT_INDEX),
    (5, "calls are built as before"): (11, NO_OP),
    (6, "a call is otherwise handled as before"): (11, COMMIT_INDEX),
    (6, "a refused call changes nothing"): (9, REPEATED),
    (6, "a term at least as new is followed"): (9, REPEATED),
    (6, "a term at least as new deposes a leader"): (9, REPEATED),
    (4, "a leader does not time out"): (18, NOBODY_ANSWERS),
    (7, "a leader does not start an election"): (18, NOBODY_ANSWERS),
    (7, "a new leader has applied its whole log"): (11, NOT_APPLIED),
    (7, "role changes are otherwise as before"): (9, REPEATED),
    (8, "an election is otherwise as before"): (9, "it asks for the vote to be kept when an election starts"),
    (8, "becoming leader is as before"): (11, NOT_APPLIED),
    (8, "stepping down is as before"): (9, REPEATED),
    (11, "each follower is sent what it lacks"): (15, STATED),
    (11, "a read waits for the leaders own entry"): (14, CONFIRMED),
    (11, "following and leading are as before"): (18, NOBODY_ANSWERS),
    (13, "sessions do not expire by a clock"): (18, NOBODY_ANSWERS),
    (11, "a read waits for what is in the log"): (15, "a write begins no round that a read could wait for"),
}
# Fields by which a Node is known to have reached a step: the message, the field and the step.
FIELDS = (
    ("AppendEntries", "leader_commit", 11),
    ("AppendEntries", "round", 14),
    ("AppendEntriesReply", "conflict_term", 15),
    ("RequestVote", "is_transfer", 18),
)
STILL_HOLDS = "the rules of earlier steps still hold"


def earlier_checks(step: int, ahead: int = 0) -> list[tuple[int, Check]]:
    """Return the checks of all earlier steps whose rules a Node still keeps, each with its own step.

    Args:
        step: The step whose checks run.
        ahead: The step that the Node has reached, if that is a later one.
    """
    reached = max(step, ahead)
    return [
        (earlier, each)
        for earlier in range(1, step)
        for each in checks_of(earlier)
        if each.name != STILL_HOLDS and REPLACED.get((earlier, each.name), (reached + 1, ""))[0] > reached
    ]


def run_earlier_checks(bench: Bench, step: int) -> None:
    """Run the checks of all earlier steps whose rules a step still keeps on the Node under test.

    Args:
        bench: The bench of the step's check; afterwards it has the run of the last of these checks.
        step: The step.

    Raises:
        CheckFailed: The Node breaks one of their rules; the message names it on a line of its own.
    """
    # A Node whose messages have a field of a later step may be ahead: it has replaced the same checks as that step.
    ahead = step
    for message, name, reached in FIELDS:
        # Nodes of steps 2 and 3 do not know elections.
        if handles(bench.node_class, message) and bench.has_field(message, name):
            ahead = reached
    for earlier, each in earlier_checks(step, ahead):
        try:
            each.run(bench)
        except CheckFailed as failure:
            if failure.is_preparation:
                raise
            rule = f"This is still a rule of step {earlier} ({each.source}): {each.rule}"
            raise CheckFailed(f"{failure}\n{rule}", failure.event) from failure
