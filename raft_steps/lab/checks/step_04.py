"""The checks of step 4: a server that hears no leader runs for leader, and leads with a majority behind it."""

from __future__ import annotations

from raft_steps.lab.checks import rule
from raft_steps.lab.checks.stage import CheckFailed, Stage
from raft_steps.lab.checks.talk import PUPPETS, append_entries, first, latest, read, require_log, send, term_of, value
from raft_steps.lab.scenario import MICROSECONDS
from raft_steps.lab.trace import Event

TIMEOUTS = range(8, 19)  # seconds
LIVES = 200  # A right Node leaves out one of the 11 timeouts in so many lives about once in 20 million tries.


@rule(
    "A follower that hears no leader for its election timeout raises its term and asks every other server for its vote.",
    "Section 5.2; Figure 2, Followers and Candidates; Raft 10",
)
def silence_starts_an_election(stage: Stage) -> None:
    """A follower in term 2 hears nothing."""
    stage.begin(log="2 set x 1")
    story = "tom is a follower in term 2 and hears no leader"
    calls = _runs(stage, story)
    began = calls[0].seconds
    stage.require(
        began >= TIMEOUTS[0], f"{story}; it should wait 8 s at least, but sends RequestVote at {began:g} s", calls[0]
    )
    for call in calls:
        term = term_of(call)
        stage.require(term == 3, f"{story}; it should run in term 3, but sends RequestVote of term {term}", call)
    asked = [call["to"] for call in calls]
    stage.require(
        sorted(asked) == sorted(PUPPETS),
        f"{story}; it should send RequestVote to jerry and to spike, but sends it to {', '.join(asked)}",
        calls[0],
    )


@rule(
    "Each server draws its election timeout at random: a whole number of seconds, from 8 to 18, both included.",
    "Section 5.2: timeouts are chosen randomly from a fixed interval; Raft 11: some integer between 8 and 18",
)
def the_timeout_is_a_whole_number_from_8_to_18(stage: Stage) -> None:
    """A server is started many times, each time with another seed."""
    drawn: set[float] = set()
    for seed in range(LIVES):
        stage.cluster(1, seed=seed, leader=None)
        started = first(stage.events("timer_started"))
        stage.require(started, "tom starts as a follower and should start its election timer, but starts none")
        assert started is not None
        seconds = (started["due"] - started.time) / MICROSECONDS
        stage.require(
            seconds in TIMEOUTS,
            f"the election timeout should be a whole number of seconds from 8 to 18; tom waits {seconds:g} s",
            started,
        )
        drawn.add(seconds)
    missing = ", ".join(f"{seconds} s" for seconds in TIMEOUTS if seconds not in drawn)
    stage.require(
        not missing, f"in {LIVES} lives tom should draw every timeout from 8 s to 18 s; it never draws {missing}"
    )


@rule(
    "A follower that hears from a leader waits a full election timeout again.",
    "Section 5.2: a server remains a follower as long as it hears from a leader",
)
def a_heartbeat_restarts_the_timer(stage: Stage) -> None:
    """A follower hears a heartbeat every 7 s, ten times; then nothing more."""
    stage.begin(log="1 set x 1")
    for _ in range(10):
        stage.run(6.8)
        append_entries(stage, "jerry", (1, 1))
        early = first(stage.sent("RequestVote"))
        stage.require(
            not early,
            "tom hears jerry's heartbeat every 7 s, and no timeout is that short; but tom runs for leader",
            early,
        )
    heard = stage.arrival().seconds
    call = _runs(stage, "tom followed jerry, who has fallen silent")[0]
    stage.require(
        call.seconds - heard >= TIMEOUTS[0],
        f"tom hears jerry's heartbeat at {heard:g} s and should wait 8 s at least from then on; "
        f"it runs for leader at {call.seconds:g} s",
        call,
    )


@rule(
    "A server gives its vote to one candidate of a term, to the first that asks.",
    "Section 5.2: at most one candidate in a given term, first come, first served",
)
def one_vote_only(stage: Stage) -> None:
    """Two candidates of the same term ask a follower for its vote."""
    stage.begin()
    stage.require(
        _votes(stage, "jerry", 5),
        "tom is in term 0 and has not voted; it should vote for jerry, who asks for a vote in term 5, but does not",
        stage.arrival(),
    )
    vote = _votes(stage, "spike", 5)
    stage.require(not vote, "tom has voted for jerry in term 5; it should refuse spike, who asks too, but votes", vote)


@rule(
    "A server refuses its vote to a candidate whose term is not newer than its own.",
    "Section 5.2; Figure 2, RequestVote RPC, receiver 1; Raft 10",
)
def no_vote_for_a_term_that_is_not_newer(stage: Stage) -> None:
    """A candidate of an older term asks a follower; later, one of the same term asks it as a candidate."""
    stage.begin(log="3 set x 1")
    vote = _votes(stage, "jerry", 2)
    stage.require(not vote, "tom is in term 3; it should refuse jerry, who asks for a vote in term 2, but votes", vote)
    _runs(stage)
    vote = _votes(stage, "jerry", 4)
    stage.require(
        not vote, "tom runs in term 4; it should refuse jerry, who asks for a vote in term 4, but votes", vote
    )


@rule(
    "A candidate leads as soon as half of the servers have voted for it, itself included; refusals do not count.",
    "Section 5.2: a candidate wins with votes from a majority of the servers; Raft 10",
)
def half_of_the_servers_win(stage: Stage) -> None:
    """One of three servers runs, is refused, and gets a vote; one of five gets the same vote twice, and then another."""
    stage.begin(3)
    _runs(stage)
    _require_leading(stage, False, "tom has one vote of three, its own")
    _answer_vote(stage, "jerry", granted=False)
    _require_leading(stage, False, "jerry refuses, and tom has one vote of three, its own")
    _answer_vote(stage, "spike")
    _require_leading(stage, True, "tom has two votes of three, its own and spike's")
    stage.begin(5)
    _runs(stage)
    _answer_vote(stage, "jerry")
    _require_leading(stage, False, "tom has two votes of five, its own and jerry's")
    _answer_vote(stage, "jerry")
    _require_leading(stage, False, "jerry's vote comes twice, so tom still has two votes of five")
    _answer_vote(stage, "spike")
    _require_leading(stage, True, "tom has three votes of five, its own, jerry's and spike's")


@rule(
    "A candidate that wins sends heartbeats to all others at once; it wins once, and a late vote changes nothing.",
    "Section 5.2; Figure 2, Leaders: upon election, send initial empty AppendEntries",
)
def the_winner_sends_heartbeats_at_once(stage: Stage) -> None:
    """A candidate wins with the first of two votes; the second comes later."""
    stage.begin()
    _runs(stage)
    sent = _answer_vote(stage, "jerry")
    _require_leading(stage, True, "tom has two votes of three, its own and jerry's")
    called = [call["to"] for call in sent if call["type"] == "AppendEntries"]
    stage.require(
        sorted(called) == sorted(PUPPETS),
        f"tom has won and should send jerry and spike a heartbeat each, at once; "
        f"it sends AppendEntries to {', '.join(called) or 'nobody'}",
        stage.arrival(),
    )
    mark = stage.mark()
    _answer_vote(stage, "spike")
    again = first(stage.events("sent", "applied", since=mark))
    did = f"sends {again['type']}" if again and again.kind == "sent" else "carries out its log"
    stage.require(
        not again, f"tom leads already when spike's vote arrives, and should do nothing; but it {did} again", again
    )


@rule(
    "A leader does not run for leader, however long it leads.",
    "Section 5.2; Figure 2: it is followers and candidates that have an election timeout",
)
def a_leader_does_not_time_out(stage: Stage) -> None:
    """A server wins its election and leads for a minute."""
    stage.begin()
    stage.win_election()
    mark = stage.mark()
    for _ in range(12):
        stage.run(5)
        call = first(stage.sent("RequestVote", since=mark))
        stage.require(not call, "tom leads, and its election timer should not run any more; but tom runs again", call)


@rule(
    "When a server becomes leader, its state machine holds all that its log holds, so that its reads are right.",
    "Raft 10: winning an election replays the log; the ten-step test, step 4",
)
def a_new_leader_has_carried_out_its_log(stage: Stage) -> None:
    """A follower is sent two entries, never hears that they are committed, and becomes leader."""
    stage.begin(log="1 set x 1")
    append_entries(stage, "jerry", (1, 1), "1 set x 2; 1 set y 3")
    require_log(stage, "1 set x 1; 1 set x 2; 1 set y 3", "tom's log ends at entry 1, and jerry sends entries 2 and 3")
    stage.win_election()
    for key, expected in (("x", "2"), ("y", "3")):
        read(stage, key, expected, "tom has won, and its log says set x 1; set x 2; set y 3")


@rule(
    "A candidate that is not elected within its timeout raises its term and runs again.",
    "Section 5.2: each candidate times out and starts a new election",
)
def a_failed_election_is_tried_again(stage: Stage) -> None:
    """A candidate hears nothing from the others, three times."""
    stage.begin(log="2 set x 1")
    call = _runs(stage)[0]
    for _ in range(3):
        began, term = call.seconds, term_of(call)
        story = f"tom runs in term {term} at {began:g} s, and nobody answers"
        call = _runs(stage, story)[0]
        stage.require(
            call.seconds - began >= TIMEOUTS[0],
            f"{story}; it should wait 8 s at least for votes, but runs again at {call.seconds:g} s",
            call,
        )
        found = term_of(call)
        stage.require(
            found == term + 1,
            f"{story}; it should run again in term {term + 1}, but sends RequestVote of term {found}",
            call,
        )


# What these checks have in common.


def _runs(stage: Stage, story: str = "tom hears no leader") -> list[Event]:
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


def _votes(stage: Stage, candidate: str, term: int) -> Event | None:
    """Let a candidate ask the server under test for its vote; return its yes, None for anything else."""
    sent = [event for event in send(stage, candidate, "RequestVote", term=term) if event["to"] == candidate]
    return first([event for event in sent if event["type"] == "RequestVoteReply" and value(event, "vote_granted")])


def _answer_vote(stage: Stage, voter: str, *, granted: bool = True) -> list[Event]:
    """Let a puppet answer the candidate under test; return what that sent then."""
    return send(stage, voter, "RequestVoteReply", vote_granted=granted)


def _require_leading(stage: Stage, expected: bool, story: str) -> None:
    """Hold the server under test to lead, or not to.

    Raises:
        CheckFailed: It is otherwise.
    """
    leads = bool(stage.field("is_leader"))
    should, does = ("should lead", "does not") if expected else ("should not lead yet", "does")
    stage.require(leads == expected, f"{story}; it {should}, but {does}", latest(stage, "delivered", "timer_fired"))
