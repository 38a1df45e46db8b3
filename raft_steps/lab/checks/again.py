"""Checks of earlier steps on a later Node: when a step rewrites a handler, what was asked of it before is asked again.

A check sends the fields that its own step's messages have. A later Node's messages have more; they get values that do not
matter to the earlier check.
"""

from __future__ import annotations

from typing import Any

from raft_steps.lab.checks.bench import Bench, CheckFailed
from raft_steps.lab.checks.rules import Check
from raft_steps.lab.checks.runner import checks_of

NO_OP = "a new leader logs a no-op entry of its own first"
COUNTED = "an acknowledgement counts for the entries up to its match_index"
NOT_APPLIED = "a leader applies an entry when it is committed, so a read waits for that"
COMMIT_INDEX = "every call carries the commit index, and there is no CommitEntry"
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
    (7, "a new leader has applied its whole log"): (11, NOT_APPLIED),
    (7, "role changes are otherwise as before"): (9, REPEATED),
    (8, "an election is otherwise as before"): (9, "it asks for the vote to be kept when an election starts"),
    (8, "becoming leader is as before"): (11, NOT_APPLIED),
    (8, "stepping down is as before"): (9, REPEATED),
}
COMMIT_INDEX_STEP = 11
STILL_HOLDS = "the rules of earlier steps still hold"


class LaterBench(Bench):
    """A bench whose peers send the fields that later steps have added to a message."""

    def __init__(self, bench: Bench) -> None:
        """Continue on another bench: the two share their run."""
        self.__dict__ = bench.__dict__

    def message(self, message_name: str, **fields: Any) -> Any:
        """Build a message; a field that the check does not know and the Node's message has gets a value.

        A reply is of the Node's current term, a candidate's log is up to date, and nothing is committed.

        Raises:
            CheckFailed: The Node has no handler for it, or its class has other fields.
        """
        later = ("term", "last_log_index", "last_log_term", "leader_commit", "match_index")
        missing = [name for name in later if name not in fields and self.has_field(message_name, name)]
        return super().message(message_name, **{name: self._value(name, fields) for name in missing}, **fields)

    def _value(self, name: str, fields: dict[str, Any]) -> int:
        """Return the value of a field that the check does not know."""
        if name == "term":
            return int(self.field("current_term"))
        if name == "match_index":
            return self._match_index(fields)
        return {"last_log_index": 99, "last_log_term": int(fields.get("term", 1)) - 1, "leader_commit": 0}[name]

    def _match_index(self, fields: dict[str, Any]) -> int:
        """Return the index up to which the log of the follower that sends this reply matches the leader's."""
        if not fields.get("success"):
            return 0
        before = int(fields["prev_log_index"])
        calls = [call["fields"] for call in self.sent("AppendEntries")]
        counts: list[int] = [len(call.get("entries", ())) for call in calls if call.get("prev_log_index") == before]
        return before + counts[-1] if counts else before


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
    later = LaterBench(bench)
    # A Node whose calls carry the commit index is ahead of steps 9 and 10: it has replaced the same checks as step 11.
    ahead = COMMIT_INDEX_STEP if bench.has_field("AppendEntries", "leader_commit") else step
    for earlier, each in earlier_checks(step, ahead):
        try:
            each.run(later)
        except CheckFailed as failure:
            rule = f"This is still a rule of step {earlier} ({each.source}): {each.rule}"
            raise CheckFailed(f"{failure}\n{rule}", failure.event) from failure
