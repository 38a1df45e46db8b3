"""Messages of one term for the checks of steps 9 to 12, and servers in term 4 that receive them."""

from __future__ import annotations

from typing import Any

from raft_steps.lab.checks.bench import Bench
from raft_steps.lab.checks.elections import await_election, preparing, require_leading
from raft_steps.lab.checks.exchange import first, term_of
from raft_steps.lab.trace.trace import Event

# The fields of each message except its term; a message of any kind may carry a newer term.
MESSAGES: dict[str, dict[str, Any]] = {
    "RequestVote": {},
    "RequestVoteReply": {"vote_granted": False},
    "AppendEntries": {"prev_log_index": 0, "prev_log_term": 0, "entries": ()},
    "AppendEntriesReply": {"success": False, "prev_log_index": 0},
    "AppendEntriesRefused": {},
}


def deliver(bench: Bench, name: str, term: int, *, sender: str = "jerry", **values: Any) -> list[Event]:
    """Send a message of a term from a peer, and return what the server under test sent in response.

    From step 10 on some messages have more fields. Their values are such that they do not matter to these checks: a
    candidate's log is up to date, and nothing is committed.
    """
    later = {"last_log_index": 99, "last_log_term": term - 1, "leader_commit": 0, "match_index": 0}
    optional = {field: values.pop(field, default) for field, default in later.items()}
    return bench.send(sender, name, optional=optional, **{"term": term, **MESSAGES[name], **values})


def begin_as(bench: Bench, role: str, *, servers: int = 3) -> None:
    """Begin with the server under test in term 4 as a follower, a candidate or a leader."""
    assert role in {"follower", "candidate", "leader"}, role
    if role == "follower":
        bench.begin(servers, log="4 set x 1", draws=(18,))
        return
    bench.begin(servers, log="3 set x 1")
    if role == "leader":
        win(bench, "nobody leads")
    else:
        bench.run_until_sent("RequestVote", 19) if servers > 1 else bench.run(19)


def win(bench: Bench, story: str) -> None:
    """Let the server under test start an election, and let every peer vote for it."""
    with preparing():
        term = term_of(await_election(bench, story)[0])
        for peer in bench.peers:
            deliver(bench, "RequestVoteReply", term, sender=peer, vote_granted=True)
        require_leading(bench, True, f"tom is a candidate in term {term}, and every server votes for it")


def election_timer_start_us(bench: Bench) -> int | None:
    """Return the time at which the election timer of the server under test was started; None if it is off."""
    start_us: int | None = bench.fields()["timers"].get("election", (None,))[0]
    return start_us


def require_vote(bench: Bench, candidate: str, term: int, expected: bool, story: str) -> None:
    """Ask the server under test for its vote, and check the reply.

    Raises:
        CheckFailed: There is no reply, or it is not the expected one.
    """
    sent = deliver(bench, "RequestVote", term, sender=candidate)
    replies = [event for event in sent if event["type"] == "RequestVoteReply" and event["to"] == candidate]
    asks = (
        f"{story}; {candidate} asks for its vote in term {term}, and tom should {'grant' if expected else 'refuse'} it"
    )
    bench.require(replies, f"{asks}, but does not answer", bench.arrival())
    granted = replies[0]["fields"].get("vote_granted")
    bench.require(granted is expected, f"{asks}, but answers vote_granted={granted}", replies[0])
    others = [event for event in sent if event["to"] != candidate]
    bench.require(
        not others, f"{asks}, and answer nobody else, but sends {others[0]['type'] if others else ''}", first(others)
    )
