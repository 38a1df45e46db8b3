"""Helpers for the checks of pre-votes: let tom ask, answer it, ask it, and check what it then does."""

from __future__ import annotations

from typing import Any

from raft_steps.lab.checks import exchange
from raft_steps.lab.checks.bench import Bench
from raft_steps.lab.checks.replication import acknowledge, call, elect
from raft_steps.lab.text import join_names
from raft_steps.lab.trace.trace import Event

LOG = "1 set x 1; 2 set y 2"  # tom's, so that it is in term 2
THREE = ("tom", "jerry", "spike")
OTHERS = "members tom,tyke,butch"  # instead of jerry and spike
WITHOUT_TOM = "members jerry,spike"

# Acting.


def ask_first(bench: Bench, servers: int = 3) -> None:
    """Begin in term 2, and let tom's timeout pass, so that it asks about term 3."""
    bench.begin(servers, log=LOG, asks_first=True)
    bench.run_until_sent("PreVote", 19)


def answer_question(
    bench: Bench, peer: str, *, granted: bool = True, next_term: int = 3, term: int | None = None
) -> list[Event]:
    """Answer tom's question as a peer, which is by default in the term before the next one; return what tom sent then."""
    of_term = next_term - 1 if term is None else term
    return bench.send(peer, "PreVoteReply", term=of_term, next_term=next_term, vote_granted=granted)


def request_vote(bench: Bench, candidate: str, term: int, is_transfer: bool) -> Any:
    """Ask tom for its vote with a log that is up to date; return the fields of its only answer."""
    sent = bench.send(
        candidate, "RequestVote", term=term, last_log_index=99, last_log_term=term - 1, is_transfer=is_transfer
    )
    replies = [event for event in sent if event["type"] == "RequestVoteReply" and event["to"] == candidate]
    bench.require(
        len(replies) == 1,
        f"{candidate} asks tom for its vote in term {term}; tom should answer once, but sends {len(replies)} answers",
        bench.arrival(),
    )
    return replies[0]["fields"]


def lead_three(bench: Bench) -> None:
    """Let tom lead jerry and spike of five servers, with all of its log committed; tyke and butch are not members."""
    bench.begin(5, log=LOG, members=THREE)
    elect(bench)
    acknowledge_all(bench, "jerry", "spike")


def exchange_two(bench: Bench) -> None:
    """Let tom lead with a joint configuration, which is not committed: tyke and butch take the places of the others."""
    lead_three(bench)
    bench.ask(OTHERS)
    acknowledge_all(bench, "tyke", "butch")


def follow_three(bench: Bench, entries: str, *, commit: int) -> None:
    """Let tom, of three servers, follow jerry in term 1, who sends it an entry and then these."""
    bench.begin(5, members=THREE, asks_first=True)
    call(bench, "jerry", 1, (0, 0), f"1 set x 1; {entries}", commit=commit)


def acknowledge_all(bench: Bench, *followers: str) -> None:
    """Let followers acknowledge all that was in tom's log before."""
    last = bench.field("log").last_index
    for follower in followers:
        acknowledge(bench, follower, last)


# Judging.


def require_term(bench: Bench, term: int, story: str) -> None:
    """Check which term tom is in."""
    found = bench.field("current_term")
    bench.require(found == term, f"{story}; tom should be in term {term}, but is in term {found}", bench.arrival())


def require_nothing_begun(bench: Bench, story: str, *, term: int = 2, vote: str | None = None) -> None:
    """Check that tom is still in its term, has voted as before, and has asked nobody for a vote."""
    last = exchange.latest(bench, "delivered", "timer_fired")
    asked = bench.sent("RequestVote")
    bench.require(not asked, f"{story}; tom should ask for no votes yet, but sends RequestVote", exchange.first(asked))
    found, voted_for = bench.field("current_term"), bench.field("voted_for", None)
    bench.require(found == term, f"{story}; tom should still be in term {term}, but is in term {found}", last)
    bench.require(voted_for == vote, f"{story}; tom's vote should be {vote}, but is {voted_for}", last)


def require_election(bench: Bench, term: int, story: str, *, is_transfer: bool = False) -> None:
    """Check that tom has just begun an election, in which every peer is asked once."""
    for peer in bench.peers:
        sent = bench.sent("RequestVote", to=peer)
        found = [(exchange.field_of(event, "term"), exchange.field_of(event, "is_transfer")) for event in sent]
        bench.require(
            found == [(term, is_transfer)],
            f"{story}; tom should send {peer} one RequestVote of term {term} with is_transfer={is_transfer}, but sends "
            f"{[fields for _, fields in found] if found else 'none'}",
            exchange.first(sent) or bench.arrival(),
        )
    require_term(bench, term, story)


def require_question_answered(
    bench: Bench, peer: str, term: int, granted: bool, story: str, *, log: tuple[int, int] = (2, 2)
) -> None:
    """Ask tom whether it would vote, and check its answer: the same term, its own, and whether it would."""
    own = bench.field("current_term")
    sent = bench.send(peer, "PreVote", term=term, last_log_index=log[0], last_log_term=log[1])
    story = f"{story}; {peer}, whose log ends with entry {log[0]} of term {log[1]}, asks tom about term {term}"
    expected = {"term": own, "next_term": term, "vote_granted": granted}
    bench.require(
        len(sent) == 1 and sent[0]["type"] == "PreVoteReply" and sent[0]["to"] == peer,
        f"{story}; tom should send it one PreVoteReply, but sends {', '.join(event['type'] for event in sent) or 'nothing'}",
        bench.arrival(),
    )
    found = {name: exchange.field_of(sent[0], name) for name in expected}
    bench.require(found == expected, f"{story}; tom should answer {expected}, but answers {found}", sent[0])


def require_unchanged_by_question(bench: Bench, peer: str, term: int, granted: bool, story: str) -> None:
    """Ask tom whether it would vote, and check its answer and that its state is what it was."""
    before = bench.fields()
    require_question_answered(bench, peer, term, granted, story, log=(99, 80))
    after = bench.fields()
    changed = [name for name in before if before[name] != after.get(name)]
    bench.require(
        not changed,
        f"{story}, and {peer} asks about term {term}; nothing should change, but {join_names(changed)} did",
        bench.arrival(),
    )


def require_refused(bench: Bench, candidate: str, term: int, own: int, story: str) -> None:
    """Ask tom for its vote, and check that it refuses and stays in its own term."""
    fields = request_vote(bench, candidate, term, False)
    bench.require(
        fields.get("vote_granted") is False,
        f"{story}, and {candidate}, a candidate of term {term}, asks tom for its vote; tom should refuse, but votes",
        bench.arrival(),
    )
    require_term(bench, own, f"{story}, and {candidate}, a candidate of term {term}, asks tom for its vote")


def require_vote(bench: Bench, candidate: str, term: int, is_transfer: bool, story: str) -> None:
    """Ask tom for its vote, and check that it votes in that term."""
    fields = request_vote(bench, candidate, term, is_transfer)
    bench.require(
        fields.get("vote_granted") is True,
        f"{story}, and {candidate}, a candidate of term {term}, asks tom for its vote; tom should vote, but refuses",
        bench.arrival(),
    )
    require_term(bench, term, story)
