"""What the checks of elections share: how one begins, who votes for whom, and who leads in the end."""

from __future__ import annotations

from raft_steps.lab.checks.bench import DELAY, Bench, CheckFailed
from raft_steps.lab.checks.exchange import first, latest, send, value
from raft_steps.lab.scenario.model import MICROSECONDS
from raft_steps.lab.trace.trace import Event

TIMEOUTS = range(8, 19)  # seconds


def timeout_at_start(stage: Bench) -> float:
    """Give the election timeout, in seconds, with which the server under test begins its life as a follower.

    Raises:
        CheckFailed: It starts no timer, or waits for anything but a whole number of seconds from 8 to 18.
    """
    started = first(stage.events("timer_started"))
    stage.require(started, "tom starts as a follower and should start its election timer, but starts none")
    assert started is not None
    seconds = wait_of(started)
    stage.require(
        seconds in TIMEOUTS,
        f"the election timeout should be a whole number of seconds from 8 to 18; tom waits {seconds:g} s",
        started,
    )
    return seconds


def wait_of(timer: Event) -> float:
    """Say how long a timer was started for, in seconds."""
    wait: float = (timer["due"] - timer.time_us) / MICROSECONDS
    return wait


def wait_almost_long_enough(stage: Bench) -> float:
    """Begin with a follower in term 3, so that what a puppet says now arrives a second before its timeout is up.

    Returns:
        When the timeout is up, in seconds.
    """
    stage.begin(log="3 set x 1")
    due = timeout_at_start(stage)
    stage.run(due - 1 - DELAY)
    return due


def runs(stage: Bench, story: str = "tom hears no leader") -> list[Event]:
    """Wait until the server under test runs for leader; return its calls for votes.

    Raises:
        CheckFailed: It does not, though the longest timeout has passed.
    """
    wait = TIMEOUTS[-1] + 0.5
    try:
        return stage.run_until_sent("RequestVote", wait)
    except CheckFailed:
        last = latest(stage, "started", "delivered", "timer_fired")
        stage.require(False, f"{story}; it should run within 18 s, but sends no RequestVote", last)
        raise


def votes(stage: Bench, candidate: str, term: int) -> Event | None:
    """Let a candidate ask the server under test for its vote; return its yes, None for anything else."""
    sent = [event for event in send(stage, candidate, "RequestVote", term=term) if event["to"] == candidate]
    return first([event for event in sent if event["type"] == "RequestVoteReply" and value(event, "vote_granted")])


def answer_vote(stage: Bench, voter: str, *, granted: bool = True) -> list[Event]:
    """Let a puppet answer the candidate under test; return what that sent then."""
    return send(stage, voter, "RequestVoteReply", vote_granted=granted)


def require_leading(stage: Bench, expected: bool, story: str) -> None:
    """Hold the server under test to lead, or not to.

    Raises:
        CheckFailed: It is otherwise.
    """
    leads = bool(stage.field("is_leader"))
    should, does = ("should lead", "does not") if expected else ("should not lead yet", "does")
    stage.require(leads == expected, f"{story}; it {should}, but {does}", latest(stage, "delivered", "timer_fired"))


def require_told(stage: Bench, name: str, expected: object, story: str, event: Event | None) -> None:
    """Hold a field of the server under test to the truth, where its Node has such a field: it may do without.

    The protocol of these steps does not read what it holds, but the player shows it.

    Raises:
        CheckFailed: It holds something else.
    """
    found = getattr(stage.node, name, expected)
    stage.require(found == expected, f"{story}; its {name} should be {expected!r}, but is {found!r}", event)
