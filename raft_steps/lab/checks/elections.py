"""Helpers for the checks of elections: timeouts, requests for votes, votes, and who leads in the end."""

from __future__ import annotations

from raft_steps.lab.checks.bench import Bench, CheckFailed
from raft_steps.lab.checks.exchange import field_of, first, latest, send
from raft_steps.lab.scenario.model import MICROSECONDS
from raft_steps.lab.trace.trace import Event

TIMEOUTS_S = range(8, 19)  # the election timeouts of this course
NEW_TIMEOUTS = 8  # the step from which each election draws a new timeout
MANY = 8  # of so many draws of a timeout, at least two differ, but for one case in ten million
DRAWS_AGAIN = (
    "A new election timeout is drawn during a life. The course draws one at the start of a life, and from step 8 on one for "
    "each election."
)


def timeout_at_start(bench: Bench) -> float:
    """Return the election timeout, in seconds, with which the server under test starts as a follower.

    Raises:
        CheckFailed: It starts no timer, or one that is not a whole number of seconds from 8 to 18.
    """
    started = first(bench.events("timer_started"))
    bench.require(started, "tom starts as a follower and should start its election timer, but does not")
    assert started is not None
    wait_s = wait_s_of(started)
    bench.require(
        wait_s in TIMEOUTS_S,
        f"the election timeout should be a whole number of seconds from 8 to 18; tom waits {wait_s:g} s",
        started,
    )
    return wait_s


def wait_s_of(timer: Event) -> float:
    """Return the time for which a timer was started, in seconds, from its `timer_started` event."""
    wait_s: float = (timer["due"] - timer.time_us) / MICROSECONDS
    return wait_s


def begin_just_before_timeout(bench: Bench) -> float:
    """Begin with a follower in term 3, one second and one message delay before its election timeout expires.

    A message that a peer sends now arrives one second before the timeout.

    Returns:
        When the timeout expires, in seconds of virtual time.
    """
    bench.begin(log="3 set x 1")
    due_s = timeout_at_start(bench)
    bench.run(due_s - 1 - bench.delay_s)
    return due_s


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


def require_drawn_timeouts(bench: Bench, drawn_s: float, story: str, since: int = 0) -> None:
    """Check the times for which the server under test has started its election timer.

    A Node may draw a new timeout for each wait, but then the runs of a notebook differ from its text.

    Args:
        bench: The bench.
        drawn_s: The timeout that it has drawn at its start, in seconds.
        story: What has happened so far, for the failure.
        since: The number of the first event to look at.

    Raises:
        CheckFailed: One of them is not an election timeout.
    """
    timers = [timer for timer in bench.events("timer_started", since=since) if timer["timer"] == "election"]
    for timer in timers:
        wait_s = wait_s_of(timer)
        bench.require(
            wait_s in TIMEOUTS_S,
            f"{story}; it should wait its election timeout, which it has drawn at its start and which is {drawn_s:g} s, "
            f"but starts the timer with {wait_s:g} s",
            timer,
        )
    other = [timer for timer in timers if wait_s_of(timer) != drawn_s]
    waits_s = {wait_s_of(timer) for timer in other}
    bench.require(
        len(other) < MANY or len(waits_s) > 1,
        f"{story}; it should wait its election timeout, which it has drawn at its start and which is {drawn_s:g} s, "
        f"but always starts the timer with {min(waits_s, default=0):g} s",
        first(other),
    )
    if other:
        bench.remark(NEW_TIMEOUTS, DRAWS_AGAIN)


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
