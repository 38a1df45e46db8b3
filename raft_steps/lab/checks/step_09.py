"""The checks of step 9: a vote belongs to a term, and so does everything else that one server says to another."""

from __future__ import annotations

from typing import Any

from raft_steps.lab.checks import step_08
from raft_steps.lab.checks.bench import Bench
from raft_steps.lab.checks.elections import await_election, require_leading
from raft_steps.lab.checks.exchange import first, term_of
from raft_steps.lab.checks.rules import rule
from raft_steps.lab.trace.trace import Event

# What each message says beside its term. Any of them may bring news of a newer one.
MESSAGES: dict[str, dict[str, Any]] = {
    "RequestVote": {},
    "RequestVoteReply": {"vote_granted": False},
    "AppendEntries": {"prev_log_index": 0, "prev_log_term": 0, "entries": ()},
    "AppendEntriesReply": {"success": False, "prev_log_index": 0},
    "AppendEntriesRefused": {},
}


@rule(
    "Every reply carries the term of the server that gives it.",
    "Figure 2, AppendEntries RPC and RequestVote RPC, results: term",
)
def replies_carry_the_term(bench: Bench) -> None:
    """A follower of term 3 votes, refuses to vote, and answers calls."""
    bench.begin(log="3 set x 1")
    for name, asked, own, reply in (
        ("RequestVote", 5, 5, "RequestVoteReply"),
        ("RequestVote", 4, 5, "RequestVoteReply"),
        ("AppendEntries", 5, 5, "AppendEntriesReply"),
        ("AppendEntries", 4, 5, "AppendEntriesRefused"),
        ("AppendEntries", 6, 6, "AppendEntriesReply"),
    ):
        lacking: dict[str, Any] = {"prev_log_index": 7, "prev_log_term": 6} if asked == 6 else {}
        replies = [event for event in deliver(bench, name, asked, **lacking) if event["type"] == reply]
        story = f"jerry sends {name} of term {asked}, and tom is in term {own} then; it should answer {reply}"
        bench.require(replies, f"{story}, but does not", bench.arrival())
        said = term_of(replies[0])
        bench.require(said == own, f"{story} of term {own}, but answers term {said}", replies[0])


@rule(
    "A server that hears of a newer term is in that term from then on, whatever message says it; it never goes back.",
    "Section 5.1; Figure 2, All Servers",
)
def any_message_brings_a_newer_term(bench: Bench) -> None:
    """A follower, a candidate and a leader of term 4 hear each message, of term 9 and then of term 2."""
    for role in ("follows", "runs for leader", "leads"):
        for name in MESSAGES:
            begin_as(bench, role)
            for said, expected in ((9, 9), (2, 9)):
                deliver(bench, name, said)
                now = bench.field("current_term")
                bench.require(
                    now == expected,
                    f"tom {role} in term 4 and hears {name} of term 9{' and another of term 2' if said == 2 else ''}: "
                    f"it should be in term {expected}, but is in term {now}",
                    bench.arrival(),
                )


@rule(
    "A leader that hears of a newer term stops leading at once, and waits for the new leader; nothing else deposes it.",
    'Section 5.1: "If a candidate or leader discovers that its term is out of date, it immediately reverts"',
)
def a_newer_term_deposes_a_leader(bench: Bench) -> None:
    """The leader of term 4 hears each message, of term 4 or older first, then of term 9."""
    for name in MESSAGES:
        begin_as(bench, "leads")
        story = "tom leads in term 4"
        for term in (3, 4):
            if (name, term) != ("AppendEntries", 4):  # Nobody else leads in term 4.
                deliver(bench, name, term)
                require_leading(bench, True, f"{story} and hears {name} of term {term}, which is no newer")
        deliver(bench, name, 9)
        heard, mark = bench.arrival(), bench.mark()
        leads = bench.field("is_leader")
        bench.require(not leads, f"{story} and hears {name} of term 9; it should stop leading, but does not", heard)
        turned_away = type(bench.answer(bench.ask("set y 2"))).__name__ == "NotLeader"
        deposed = f"{story} until {name} of term 9"
        bench.require(turned_away, f"{deposed}; then a client should hear NotLeader, but does not", heard)
        found = bench.run_until_sent("RequestVote", 19, f"{deposed}; nobody leads then, and it should run within 18 s")
        calls = bench.sent("AppendEntries", since=mark)
        bench.require(not calls, f"{deposed}; it should send no heartbeat any more, but does", first(calls))
        term = term_of(found[0])
        bench.require(term == 10, f"{deposed}; the next term is 10, but it runs in term {term}", found[0])


@rule(
    "In a term a server votes for one candidate: whoever asks first, as often as that one asks, and nobody else.",
    "Section 5.2; Figure 2, RequestVote RPC, receiver 1 and 2",
)
def one_vote_per_term(bench: Bench) -> None:
    """Two candidates of term 4 ask a follower; another time, one asks a candidate of term 4."""
    bench.begin(log="3 set x 1", draws=(18,))
    require_vote(bench, "jerry", 2, False, "tom is in term 3, so term 2 is over")
    require_vote(bench, "jerry", 4, True, "tom is in term 3 and has not voted in term 4")
    require_vote(bench, "spike", 4, False, "tom has voted for jerry in term 4")
    require_vote(bench, "jerry", 4, True, "tom has voted for jerry in term 4, and the answer may be lost")
    require_vote(bench, "jerry", 3, False, "tom has voted for jerry in term 4, so term 3 is over")
    begin_as(bench, "runs for leader")
    require_vote(bench, "jerry", 4, False, "tom runs for leader of term 4 and has voted for itself")


@rule(
    "In a newer term a server has its vote again, whomever it voted for before and however it heard of that term.",
    "Section 5.2; Figure 2: votedFor is for the current term",
)
def a_new_term_is_a_new_vote(bench: Bench) -> None:
    """A follower has voted in term 4, and hears of term 9 in each message; then a voter is asked term after term."""
    for name in MESSAGES:
        if name == "RequestVote":
            continue  # It asks for the vote.
        bench.begin(log="3 set x 1", draws=(18,))
        require_vote(bench, "jerry", 4, True, "tom is in term 3 and has not voted in term 4")
        deliver(bench, name, 9, sender="jerry")
        story = f"tom voted for jerry in term 4, and heard {name} of term 9, in which it has not voted"
        require_vote(bench, "spike", 9, True, story)
    for role, whom in (("follows", "nobody"), ("runs for leader", "itself"), ("leads", "itself")):
        begin_as(bench, role)
        story = f"tom {role} in term 4, where it has voted for {whom}"
        require_vote(bench, "jerry", 5, True, story)
        require_vote(bench, "spike", 6, True, f"{story}, and voted for jerry in term 5")


@rule(
    "Within a term the vote stays: a server that gives up its candidacy, or refuses something, has still voted.",
    "Section 5.2; Figure 2: votedFor is cleared only with a new term",
)
def within_a_term_the_vote_stays(bench: Bench) -> None:
    """A voter of term 4, and a candidate of term 4, hear that somebody else leads in term 4."""
    bench.begin(log="3 set x 1", draws=(18,))
    require_vote(bench, "jerry", 4, True, "tom is in term 3 and has not voted in term 4")
    for name in MESSAGES:
        deliver(bench, name, 3)
        require_vote(bench, "spike", 4, False, f"tom has voted for jerry in term 4 and heard {name} of term 3")
    deliver(bench, "AppendEntries", 4, sender="spike")
    require_vote(bench, "spike", 4, False, "tom has voted for jerry in term 4, in which spike leads now")
    begin_as(bench, "runs for leader")
    deliver(bench, "AppendEntries", 4)
    require_vote(bench, "spike", 4, False, "tom has voted for itself in term 4, and follows jerry, who has won")


@rule(
    "Only votes that were given in the candidate's present term count.",
    "Section 5.2: it must receive votes from a majority of the servers in the same term",
)
def only_votes_of_this_term_count(bench: Bench) -> None:
    """Votes for an election that came to nothing arrive during the next; another time, they arrived before."""
    begin_as(bench, "runs for leader")
    await_election(bench, "tom runs for leader of term 4 in vain")
    deliver(bench, "RequestVoteReply", 4, vote_granted=True)
    require_leading(bench, False, "tom runs for leader of term 5, and jerry's vote for term 4 arrives late")
    deliver(bench, "RequestVoteReply", 5, vote_granted=True)
    require_leading(bench, True, "tom runs for leader of term 5, and jerry's vote for term 5 arrives")
    begin_as(bench, "runs for leader", servers=5)
    deliver(bench, "RequestVoteReply", 4, vote_granted=True)
    await_election(bench, "tom runs for leader of term 4 in vain")
    story = "tom is one of five and runs for leader of term 5; jerry voted for it in term 4, spike does in term 5"
    deliver(bench, "RequestVoteReply", 5, sender="spike", vote_granted=True)
    require_leading(bench, False, story)
    deliver(bench, "RequestVoteReply", 5, sender="tyke", vote_granted=True)
    require_leading(bench, True, f"{story}, and so does tyke")


@rule(
    "More than half of all servers must have voted for a leader, itself included; each voter counts once.",
    "Section 5.2: a majority of the servers in the full cluster",
)
def more_than_half_must_vote(bench: Bench) -> None:
    """Candidates in clusters of one to five get one vote after the other, some of them twice."""
    for servers, needed in ((4, 3), (2, 2), (3, 2), (5, 3), (1, 1)):
        begin_as(bench, "runs for leader", servers=servers)
        voters = bench.simulation.scenario.servers[1:]
        for has in range(1, needed + 1):
            story = f"tom runs for leader of term 4 and has {has} of {servers} votes, its own included"
            require_leading(bench, has == needed, story)
            if has == needed:
                break
            deliver(bench, "RequestVoteReply", 4, sender=voters[-1], vote_granted=False)
            require_leading(bench, False, f"{story}; {voters[-1]} refuses")
            for _ in range(2):  # The network may bring a vote twice.
                deliver(bench, "RequestVoteReply", 4, sender=voters[has - 1], vote_granted=True)
        term, story = bench.field("current_term"), f"tom was elected in term 4 with {needed} of {servers} votes"
        bench.require(term == 4, f"{story}; it should lead in that term, but is in term {term}")
        sent = deliver(bench, "RequestVoteReply", 4, sender=voters[-1], vote_granted=True) if voters else []
        bench.require(not sent, f"{story}; one more changes nothing, but tom sends messages", first(sent))


@rule(
    "Only replies of the leader's present term count: a late one acknowledges nothing, and asks for nothing.",
    "Section 5.1: what carries an older term is stale",
)
def only_replies_of_this_term_count(bench: Bench) -> None:
    """Somebody leads in term 4, and in term 6 again; a reply of term 4 arrives late."""
    begin_as(bench, "leads")
    deliver(bench, "AppendEntriesRefused", 5)
    win(bench, "tom led in term 4, heard of term 5, and nobody leads")
    story = "tom led in term 4, leads in term 6, and a client waits for its write; jerry's reply of term 4"
    client = bench.ask("set y 2")
    last = bench.field("log").last_index
    deliver(bench, "AppendEntriesReply", 4, success=True, prev_log_index=last, match_index=last)
    waits = bench.answer(client) is None
    bench.require(waits, f"{story} acknowledges nothing, but the client is answered", bench.arrival())
    sent = deliver(bench, "AppendEntriesReply", 4, success=False, prev_log_index=1)
    bench.require(not sent, f"{story} asks for nothing, but tom sends something", bench.arrival())
    before = bench.sent("AppendEntries", to="jerry")[-1]["fields"]["prev_log_index"]
    sent = deliver(bench, "AppendEntriesReply", 6, success=False, prev_log_index=before)
    bench.require(sent, f"{story} asks for nothing; that of term 6 does, but tom sends nothing", bench.arrival())
    deliver(bench, "AppendEntriesReply", 6, success=True, prev_log_index=last, match_index=last)
    bench.require(bench.answer(client) is not None, f"{story} does not count, that of term 6 does; it answers nothing")
    bench.begin(log="3 set x 1")
    sent = deliver(bench, "AppendEntriesReply", 3, success=False, prev_log_index=1)
    story = "tom led in term 3 until it crashed, and follows since; a late reply asks for earlier entries"
    bench.require(not sent, f"{story}: only a leader sends them, but tom does", bench.arrival())


@rule(
    "The election timer restarts with a leader's call, a vote given, and an election; not with a vote refused.",
    "Section 5.2; Figure 2, Followers and Candidates",
)
def the_election_timer_is_as_before(bench: Bench) -> None:
    """A follower votes and refuses to vote; two servers hear of a newer term; a candidate gets no answer, three times."""
    bench.begin(log="3 set x 1", draws=(8,))
    require_vote(bench, "jerry", 4, True, "tom is in term 3 and has not voted in term 4")
    started = bench.arrival().time_us
    story = "tom votes for jerry in term 4: it should restart its election timer"
    bench.require(election_timer_start_us(bench) == started, story, bench.arrival())
    for term in (4, 3):
        bench.run(1)
        require_vote(bench, "spike", term, False, "tom has voted for jerry in term 4")
        story = f"tom has voted for jerry in term 4 and refuses spike, who runs in term {term}"
        on = election_timer_start_us(bench) == started
        bench.require(on, f"{story}: its election timer should run on, but starts anew", bench.arrival())
    deliver(bench, "AppendEntries", 4)
    story = "tom follows jerry in term 4 and hears its call: it should restart its election timer"
    bench.require(election_timer_start_us(bench) == bench.arrival().time_us, story, bench.arrival())
    for role in ("follows", "runs for leader"):
        begin_as(bench, role)
        before, _ = election_timer_start_us(bench), deliver(bench, "AppendEntriesRefused", 9)
        story = f"tom {role} in term 4 and hears AppendEntriesRefused of term 9: its election timer should run on"
        bench.require(election_timer_start_us(bench) == before, f"{story}, but does not", bench.arrival())
    step_08.a_failed_candidate_runs_again.run(bench)
    step_08.each_election_has_its_own_timeout.run(bench)
    step_08.a_split_vote_is_resolved.run(bench)


def election_timer_start_us(bench: Bench) -> int | None:
    """Say when the election timer of the server under test was started, in microseconds; None if it stands still."""
    start: int | None = bench.fields()["timers"].get("election", (None,))[0]
    return start


def deliver(bench: Bench, name: str, term: int, *, sender: str = "jerry", **values: Any) -> list[Event]:
    """Send a message of a term from a peer, and return what the server under test sent in response.

    From step 10 on some messages have more fields; then a candidate's log is up to date, and nothing is committed.
    """
    later = {"last_log_index": 99, "last_log_term": term - 1, "leader_commit": 0, "match_index": 0}
    optional = {field: values.pop(field, default) for field, default in later.items()}
    return bench.send(sender, name, optional=optional, **{"term": term, **MESSAGES[name], **values})


def begin_as(bench: Bench, role: str, *, servers: int = 3) -> None:
    """Begin with the server under test in term 4 and in a role: it follows, runs for leader or leads."""
    if role == "follows":
        bench.begin(servers, log="4 set x 1", draws=(18,))
        return
    bench.begin(servers, log="3 set x 1")
    if role == "leads":
        win(bench, "nobody leads")
    else:
        bench.run_until_sent("RequestVote", 19) if servers > 1 else bench.run(19)


def win(bench: Bench, story: str) -> None:
    """Let the server under test run for leader, and everybody vote for it."""
    term = term_of(await_election(bench, story)[0])
    for peer in bench.simulation.scenario.servers[1:]:
        deliver(bench, "RequestVoteReply", term, sender=peer, vote_granted=True)
    require_leading(bench, True, f"tom runs for leader of term {term}, and every server votes for it")


def require_vote(bench: Bench, candidate: str, term: int, expected: bool, story: str) -> None:
    """Let a candidate ask for the vote of the server under test, and hold the answer against what it should be."""
    sent = deliver(bench, "RequestVote", term, sender=candidate)
    replies = [event for event in sent if event["type"] == "RequestVoteReply" and event["to"] == candidate]
    asks = (
        f"{story}; {candidate} asks for its vote in term {term}, and tom should {'grant' if expected else 'refuse'} it"
    )
    bench.require(replies, f"{asks}, but answers nothing", bench.arrival())
    granted = replies[0]["fields"].get("vote_granted")
    bench.require(granted is expected, f"{asks}, but answers vote_granted={granted}", replies[0])
