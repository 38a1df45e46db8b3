"""Helpers for the checks of elections: requests for votes, votes, and who leads in the end."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from raft_steps.lab.checks.bench import Bench, CheckFailed
from raft_steps.lab.checks.exchange import field_of, first, latest, send
from raft_steps.lab.trace.trace import Event

TIMEOUTS_S = range(8, 19)  # the election timeouts of this course


def await_election(bench: Bench, story: str = "tom receives nothing from a leader") -> list[Event]:
    """Wait until the server under test starts an election; return the RequestVote messages that it sends.

    Raises:
        CheckFailed: It starts none before the longest timeout has passed.
    """
    wait_s = TIMEOUTS_S[-1] + 0.5
    try:
        return bench.run_until_sent("RequestVote", wait_s)
    except CheckFailed:
        last = latest(bench, "started", "delivered", "timer_fired")
        bench.fail(f"{story}; it should start an election within 18 s, but sends no RequestVote", last)


def ask_for_vote(bench: Bench, candidate: str, term: int) -> Event | None:
    """Ask the server under test for its vote; return the reply if it grants it, or None.

    Raises:
        CheckFailed: It does not answer, or it does more than that.
    """
    sent = send(bench, candidate, "RequestVote", term=term)
    story = f"{candidate} asks tom for its vote in term {term}; tom should answer it, whether it votes or refuses"
    reply = first([event for event in sent if event["type"] == "RequestVoteReply" and event["to"] == candidate])
    others = [event for event in sent if event is not reply]
    bench.require(
        not others,
        f"{story}, and send nothing else; but it sends {others[0]['type']} to {others[0]['to']}" if others else "",
        first(others),
    )
    bench.require(reply, f"{story}, but sends nothing", bench.arrival())
    assert reply is not None
    granted = field_of(reply, "vote_granted")
    bench.require(type(granted) is bool, f"{story} with True or False; its vote_granted is {granted!r}", reply)
    return reply if granted else None


def send_vote(bench: Bench, voter: str, *, granted: bool = True) -> list[Event]:
    """Send a voter's reply to the candidate under test; return what the candidate sent in response."""
    return send(bench, voter, "RequestVoteReply", vote_granted=granted)


@contextlib.contextmanager
def preparing() -> Iterator[None]:
    """Mark a failure in a block as one of what a check needs before it can try its rule."""
    try:
        yield
    except CheckFailed as failure:
        failure.is_preparation = True
        raise


def win_election(bench: Bench, story: str = "nobody leads") -> None:
    """Let the server under test start an election, and let its peers vote for it until it leads.

    Raises:
        CheckFailed: It starts none, or does not lead with every vote.
    """
    with preparing():
        await_election(bench, story)
        for peer in bench.peers:
            if not bench.field("is_leader"):
                send_vote(bench, peer)
        require_leading(bench, True, "every server has voted for tom")


def require_leading(bench: Bench, expected: bool, story: str) -> None:
    """Check whether the server under test leads as expected.

    Raises:
        CheckFailed: It leads and should not, or the other way round.
    """
    leads = bool(bench.field("is_leader"))
    should, does = ("should lead", "does not") if expected else ("should not lead yet", "does")
    bench.require(leads == expected, f"{story}; it {should}, but {does}", latest(bench, "delivered", "timer_fired"))


def require_field(bench: Bench, name: str, expected: object, story: str, event: Event | None) -> None:
    """Check a field of the server under test, if its Node has such a field.

    The protocol of these steps does not depend on it, so a Node may lack it; but the player shows its value.

    Raises:
        CheckFailed: It has another value.
    """
    found = bench.field(name, expected)
    bench.require(found == expected, f"{story}; its {name} should be {expected!r}, but is {found!r}", event)


def require_vote_remembered(bench: Bench) -> None:
    """Check that a server that has voted, and then ran and won itself, does not vote again in the same term.

    Raises:
        CheckFailed: It votes again.
    """
    bench.begin(log="1 set a 1; 1 set b 2; 1 set c 3; 1 set d 4; 1 set e 5", at_the_beginning=True, listed_last=True)
    voted = "tom has voted for jerry in term 5"
    bench.require(
        ask_for_vote(bench, "jerry", 5),
        "tom is in term 1, has five entries and has not voted; it should vote for jerry in term 5, but does not",
        bench.arrival(),
    )
    await_election(bench, f"{voted}, who does not call")
    for did in ("has run itself since then", "has been elected since then"):
        vote = ask_for_vote(bench, "spike", 5)
        bench.require(not vote, f"{voted}, and {did}; it should refuse spike in term 5, but votes for it", vote)
        if not bench.field("is_leader"):
            send_vote(bench, "jerry")


def require_leader_votes(bench: Bench) -> None:
    """Ask a leader for its vote in an older term, in its own and in a newer one.

    Raises:
        CheckFailed: It votes in one of the first two, leads no longer then, or does not vote in the newer one.
    """
    bench.begin(log="3 set x 1")
    win_election(bench)
    for term in (2, 4):
        vote = ask_for_vote(bench, "jerry", term)
        story = f"tom leads in term 4, and jerry, a candidate in term {term}, asks for its vote"
        bench.require(not vote, f"{story}; tom should refuse, but votes", vote)
        require_leading(bench, True, story)
    mark = bench.mark()
    bench.run(5)
    bench.require(
        bench.sent("AppendEntries", since=mark),
        "tom leads, and has refused its vote to jerry twice; it should go on sending heartbeats, but sends none within 5 s",
        bench.arrival(),
    )
    bench.require(
        ask_for_vote(bench, "jerry", 40),
        "tom leads in term 4 and has voted for no other server; it should vote for jerry, a candidate in term 40, like any "
        "other server, but does not",
        bench.arrival(),
    )
