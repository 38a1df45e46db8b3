"""The fields that later steps add to messages: a check of an earlier step runs on a later Node, and does not know them."""

from __future__ import annotations

from typing import Any

# A log that is always up to date, a call that commits nothing, a round that no leader has begun, and an election that the
# leader wants: from step 18 on, a request for a vote is otherwise refused while a leader is heard.
LATER_FIELDS = {"leader_commit": 0, "last_log_index": 99, "last_log_term": 99, "round": 0, "is_transfer": True}


def matching_index(calls: list[dict[str, Any]], success: bool, prev_log_index: int, **_: Any) -> int:
    """Return the index up to which the log of the follower that sends a reply matches the leader's.

    Args:
        calls: The fields of the calls that the leader has sent, in their order.
        success: Whether the follower has the preceding entry.
        prev_log_index: The index of that entry.
    """
    # A learner's call may have other fields, which another check explains.
    sent = [call.get("entries") for call in calls if call.get("prev_log_index") == prev_log_index]
    counts = [len(entries) for entries in sent[-1:] if isinstance(entries, list)]
    return prev_log_index + sum(counts) if success else 0


def latest_round(calls: list[dict[str, Any]]) -> Any:
    """Return the round of the last of these calls; 0 without one."""
    return calls[-1].get("round", 0) if calls else 0


def conflict_before(success: bool, prev_log_index: int, **_: Any) -> dict[str, Any]:
    """Return what a refusal states by default: to go back one entry, as if the log ended there.

    Args:
        success: Whether the follower has the preceding entry; then there is no conflict.
        prev_log_index: The index of that entry.
    """
    return {"conflict_term": None, "conflict_index": 0 if success else prev_log_index}
