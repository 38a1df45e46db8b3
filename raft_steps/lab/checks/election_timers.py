"""Helpers for the checks of the election timer: for how long it is started, and which messages start it again."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from raft_steps.lab.checks.bench import Bench
from raft_steps.lab.checks.elections import TIMEOUTS_S, ask_for_vote, await_election
from raft_steps.lab.checks.exchange import append_entries, first, latest, require_reply, term_of
from raft_steps.lab.scenario.model import MICROSECONDS
from raft_steps.lab.trace.trace import Event

NEW_TIMEOUTS = 8  # the step from which each election draws a new timeout
MANY = 8  # of so many draws of a timeout, at least two differ, but for one case in ten million
DRAWS_AGAIN = (
    "A new election timeout is drawn during a life. The course draws one at the start of a life, and from step 8 on one for "
    "each election."
)


class Call(NamedTuple):
    """A call of a leader: who sends it, what it follows and carries, whether it is accepted, and its name in a failure."""

    sender: str
    after: tuple[int, int]
    entries: str
    success: bool
    name: str


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


def election_due_s(bench: Bench, story: str = "tom does not lead") -> float:
    """Return when the election timer of the server under test expires, in seconds of virtual time.

    Args:
        bench: The bench.
        story: Why it should be running, for the failure.

    Raises:
        CheckFailed: It is off.
    """
    timer = bench.fields()["timers"].get("election")
    last = latest(bench, "delivered", "timer_fired", "started")
    bench.require(timer is not None, f"{story}, so its election timer should be running, but it is off", last)
    due_s: float = timer[1] / MICROSECONDS
    return due_s


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


def require_full_timeouts(bench: Bench, story: str, act: Callable[[], object]) -> None:
    """Check with some seeds that the server under test waits the timeout that it has drawn, or a newly drawn one.

    Args:
        bench: The bench.
        story: What `act` does, for the failure.
        act: Makes a follower in term 3, with one entry, start its election timer again.

    Raises:
        CheckFailed: It does not start the timer, or with another time, such as one that is always the same.
    """
    drawn_s, waits_s = [], []
    for seed in range(MANY):
        bench.begin(log="3 set x 1", seed=seed)
        drawn_s.append(timeout_at_start(bench))
        mark = bench.mark()
        act()
        timer = latest(bench, "timer_started")
        bench.require(
            timer is not None and timer.number >= mark,
            f"{story}; it should start its election timer again, but does not",
            latest(bench, "delivered", "timer_fired"),
        )
        assert timer is not None
        waits_s.append(wait_s_of(timer))
        bench.require(
            waits_s[-1] in TIMEOUTS_S,
            f"{story}; it should wait its election timeout, which is {drawn_s[-1]:g} s, but starts the timer with "
            f"{waits_s[-1]:g} s",
            timer,
        )
    bench.require(
        waits_s == drawn_s or len(set(waits_s)) > 1,
        f"{story}; it should wait its election timeout, which it has drawn at its start and which is {drawn_s[-1]:g} s, "
        f"but always starts the timer with {waits_s[0]:g} s",
        latest(bench, "timer_started"),
    )
    if waits_s != drawn_s:
        bench.remark(NEW_TIMEOUTS, DRAWS_AGAIN)


def require_each_call_restarts(bench: Bench) -> None:
    """Call a follower, a voter and a candidate, each time one second before their election timeout.

    Raises:
        CheckFailed: One of the calls does not restart the timer, or changes the term, or is not answered.
    """
    bench.begin(log="1 set x 1; 3 set y 2")
    for call in (
        Call("jerry", (2, 3), "3 set z 3", True, "jerry's call with entry 3"),
        Call("jerry", (2, 3), "3 set z 3", True, "jerry's call with entry 3 for the second time"),
        Call("jerry", (9, 3), "3 set w 4", False, "jerry's call, which follows entry 9, which tom lacks"),
        Call("jerry", (1, 1), "", True, "jerry's heartbeat, which follows entry 1 of term 1"),
        Call("spike", (2, 3), "", True, "the heartbeat of spike, who leads now"),
        Call("spike", (2, 3), "3 set z 3; 3 set w 4", True, "the call of spike, who leads now, with entries 3 and 4"),
    ):
        require_restart(bench, "tom is a follower in term 3", call)
    began = await_election(bench, "tom followed spike, which has gone silent")[0]
    require_term(bench, began, 4, "tom was in term 3")
    candidate = "tom is a candidate in term 4"
    require_restart(bench, candidate, Call("jerry", (2, 3), "", True, "jerry's heartbeat"))
    began = await_election(bench, "tom ran and then followed jerry, which has gone silent")[0]
    require_term(bench, began, 5, "tom ran in term 4 before")
    candidate = "tom is a candidate in term 5"
    require_restart(bench, candidate, Call("jerry", (2, 3), "3 set z 3", True, "jerry's call with entry 3"))
    bench.begin(log="3 set x 1")
    bench.require(
        ask_for_vote(bench, "jerry", 4), "tom is in term 3 and should vote for jerry in term 4", bench.arrival()
    )
    voted = "tom has voted for jerry"
    require_restart(bench, voted, Call("jerry", (1, 3), "", True, "the heartbeat of jerry, the winner"))
    spikes = Call("spike", (1, 3), "4 set y 2", True, "the call of spike, who leads now, with entry 2")
    require_restart(bench, voted, spikes)
    await_election(bench, f"{voted} and followed spike, which has gone silent")


def require_restart(bench: Bench, story: str, call: Call) -> None:
    """Call the server under test one second before its election timeout, and let two seconds pass.

    Raises:
        CheckFailed: Its timer is off, it starts an election, or it answers otherwise.
    """
    due_s = election_due_s(bench)
    bench.run(due_s - bench.simulation.now_us / MICROSECONDS - 1 - bench.delay_s)
    mark = bench.mark()
    sent = append_entries(bench, call.sender, call.after, call.entries)
    story = f"{story}, and a second before its timeout, at {due_s:g} s, it receives {call.name}"
    require_reply(bench, sent, success=call.success, about=call.after[0], story=story)
    bench.run(2)
    early = first(bench.sent("RequestVote", since=mark))
    bench.require(not early, f"{story}; it should wait a full timeout again, but starts an election", early)


def require_term(bench: Bench, call: Event, term: int, story: str) -> None:
    """Check the term of a RequestVote.

    Raises:
        CheckFailed: It has another term.
    """
    found = term_of(call)
    bench.require(
        found == term,
        f"{story}, so its next election should be in term {term}, but its RequestVote has term {found}",
        call,
    )


def require_election_at(bench: Bench, due_s: float, story: str) -> None:
    """Check that a server that has refused its vote starts its election at its timeout, and not later.

    Raises:
        CheckFailed: It starts it later, or not at all.
    """
    call = await_election(bench, f"{story}; tom refuses")[0]
    bench.require(
        call.seconds <= due_s,
        f"{story}; tom refuses, and should still start an election at {due_s:g} s, but does so at {call.seconds:g} s",
        call,
    )
