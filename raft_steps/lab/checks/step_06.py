"""The checks of step 6: an older term is refused, and a term at least as new is followed."""

from __future__ import annotations

from raft_steps.lab.checks import rule
from raft_steps.lab.checks.stage import Stage


@rule(
    "A call whose term is smaller than the receiver's is answered with a refusal, not with success or failure.",
    "Section 5.2; Raft 11, first commit",
)
def an_older_term_is_refused(stage: Stage) -> None:
    """A call of term 2 reaches a server of term 3."""
    stage.begin(log="3 set x 1")
    sent = stage.send("jerry", "AppendEntries", term=2, prev_log_index=1, prev_log_term=3, entries=())
    stage.require(sent, "tom should refuse the call of term 2, for tom is in term 3; it answers nothing")
    stage.require(
        [event["type"] for event in sent] == ["AppendEntriesRefused"],
        f"tom is in term 3 and should answer the call of term 2 with AppendEntriesRefused, not {sent[0]['type']}",
        sent[0],
    )


@rule(
    "A candidate that rejects a call of an older term goes on as a candidate, and its election timer runs on.",
    "Section 5.2: rejects the RPC and continues in candidate state",
)
def a_refused_call_changes_nothing(stage: Stage) -> None:
    """A call of an older term reaches a candidate."""
    stage.begin(log="3 set x 1", draws=(8, 8))
    stage.run_until_sent("RequestVote")
    before = stage.fields()
    stage.send("jerry", "AppendEntries", term=3, prev_log_index=1, prev_log_term=3, entries=())
    after = stage.fields()
    for name, value in before.items():
        stage.require(
            after.get(name) == value,
            f"tom ran for leader of term 4 and should refuse a call of term 3 unchanged; but it changed {name}",
        )
