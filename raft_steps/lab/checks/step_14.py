"""The checks of step 14: which round of calls a read waits for, which answers count, and what else it must wait for."""

from __future__ import annotations

from typing import Any

from raft_steps.lab.checks import exchange
from raft_steps.lab.checks.again import run_earlier_checks
from raft_steps.lab.checks.bench import Bench, CheckFailed, call_fields
from raft_steps.lab.checks.replication import (
    call,
    elect,
    lead,
    require_answer,
    require_entries_sent,
    require_following,
    require_read,
)
from raft_steps.lab.checks.rules import rule
from raft_steps.lab.checks.step_12 import restart
from raft_steps.lab.commands import Ok
from raft_steps.lab.trace.trace import Event

ROUNDS = (
    "Section 8: exchange heartbeats with a majority before responding to a read; dissertation, Section 6.4, third step"
)


@rule(
    "A read begins a round at once: the leader calls every follower, with a number that no earlier call has had.",
    ROUNDS,
)
def a_read_begins_a_round(bench: Bench) -> None:
    """A client reads from a leader whose calls have all been answered; then another one, ten seconds later."""
    lead_and_commit(bench)
    for _ in range(2):
        before, mark = latest_round(bench), bench.mark()
        bench.ask("get x")
        story = f"tom leads, its last round was {before}, and a client reads x"
        for follower in exchange.PEERS:
            sent = exchange.first(bench.sent("AppendEntries", to=follower, since=mark))
            bench.require(
                sent, f"{story}; tom should call {follower} at once, but does not", exchange.latest(bench, "asked")
            )
            found = round_of(sent) if sent else before
            bench.require(
                found > before,
                f"{story}; its call to {follower} should have a later round, but has round {found}",
                sent,
            )
            answer_round(bench, follower, found)
        bench.run(10)
        for follower in exchange.PEERS:
            answer_round(bench, follower, latest_round(bench))


@rule(
    "A follower answers with the round of the call that it answers, whether it accepts the entries or refuses them.",
    ROUNDS,
)
def an_answer_repeats_the_round(bench: Bench) -> None:
    """A follower is called in rounds 3 and 7, refuses a call of round 8, and is called in round 5 by a new leader."""
    bench.begin(log="1 set x 1")
    for leader, term, number, index in (("jerry", 2, 3, 1), ("jerry", 2, 7, 1), ("jerry", 2, 8, 4), ("spike", 3, 5, 1)):
        fields, success = call_fields((index, 1)), index == 1
        sent = bench.send(leader, "AppendEntries", term=term, leader_commit=0, round=number, **fields)
        story = f"{leader}, the leader of term {term}, calls tom in round {number}, after entry {index}"
        replies = [event for event in sent if event["type"] == "AppendEntriesReply"]
        bench.require(replies, f"{story}; tom should answer, but does not", bench.arrival())
        found, accepted = exchange.field_of(replies[-1], "round"), exchange.field_of(replies[-1], "success")
        bench.require(
            found == number, f"{story}; tom should answer with round={number}, but answers with {found!r}", replies[-1]
        )
        bench.require(
            accepted is success, f"{story}; tom should answer success={success}, but answers {accepted}", replies[-1]
        )


@rule(
    "A read waits until a majority has answered a call that was sent after the read arrived, each server counted once.",
    ROUNDS,
)
def a_read_waits_for_a_majority(bench: Bench) -> None:
    """In clusters of five, four and three, followers answer the read's round one by one; one server needs no answer."""
    for servers in (5, 4, 3):
        lead_and_commit(bench, servers)
        client = bench.ask("get x")
        number = latest_round(bench)
        story = f"tom leads {servers} servers, a client reads x, and tom's calls of round {number} are on their way"
        require_answer(bench, client, False, story)
        if servers > 3:
            for _ in range(2):
                answer_round(bench, "jerry", number)
            answer_round(bench, "jerry", number - 1)
            story += f"; jerry answers one of them, twice, and its answer to round {number - 1} arrives late"
            require_answer(bench, client, False, story)
        answer_round(bench, "spike", number)
        require_read(bench, client, "1", f"{story}; with spike's answer tom knows that it still led")
    lead(bench, servers=1, log="1 set x 1")
    require_read(bench, bench.ask("get x"), "1", "tom is the only server, and a majority by itself")


@rule(
    "An answer to an earlier call does not count, however late it arrives: it shows who led before the read arrived.",
    ROUNDS,
)
def answers_to_earlier_calls_do_not_count(bench: Bench) -> None:
    """Answers to calls before a read arrive after it; another read arrives while the round of the first is under way."""
    lead_and_commit(bench, log="1 set x 1; 1 set y 2; 1 set z 3; 1 set w 4")
    bench.run(5.2)
    earlier = latest_round(bench)
    first = bench.ask("get x")
    for follower in (*exchange.PEERS, "jerry"):
        answer_round(bench, follower, earlier)
    story = f"a client reads x; tom's calls before that were of round {earlier} or earlier, and are answered after it"
    require_answer(bench, first, False, story)
    number = latest_round(bench)
    second = bench.ask("get x")
    answer_round(bench, "jerry", number)
    story = f"two clients read x one after the other, and jerry answers round {number}, which began between the two"
    require_answer(bench, first, True, story)
    require_answer(bench, second, False, story)
    answer_round(bench, "spike", number)
    require_answer(bench, second, False, f"{story}; spike answers the same round")
    after = latest_round(bench)
    bench.require(
        after > number,
        f"{story}; tom should begin another round for the second read, but its last one is still {after}",
        bench.arrival(),
    )
    answer_round(bench, "spike", after)
    require_answer(bench, second, True, f"{story}; spike answers round {after}, which began after both reads")


@rule(
    "Reads that arrive while a round is under way share the next one: ten reads cost one more round, and not ten.",
    "Dissertation, Section 6.4: one round of heartbeats for any number of read-only queries",
)
def many_reads_share_a_round(bench: Bench) -> None:
    """A client reads; while that round is under way, ten others do."""
    lead_and_commit(bench)
    first = bench.ask("get x")
    number, mark = latest_round(bench), bench.mark()
    others = [bench.ask("get x") for _ in range(10)]
    answer_round(bench, "jerry", number)
    story = f"a client reads x, which begins round {number}; ten others read x before it is answered"
    require_answer(bench, first, True, f"{story}; jerry answers it")
    answered = bench.mark()
    answer_round(bench, "jerry", latest_round(bench))
    for client in others:
        require_answer(bench, client, True, f"{story}; jerry answers this round and the latest one")
    calls = bench.sent("AppendEntries", to="jerry", since=mark)
    bench.require(
        len(calls) <= 2,
        f"{story}; one more call to jerry is enough for them, but tom sends {len(calls)}",
        exchange.first(calls[2:]),
    )
    extra = bench.sent("AppendEntries", since=answered)
    bench.require(not extra, f"{story}; no read waits any more, but tom begins another round", exchange.first(extra))


@rule(
    "If calls of a round are lost, the next heartbeat makes up for them: its answers count for all reads before it.",
    "Section 5.3: RPCs are retried; " + ROUNDS,
)
def a_heartbeat_makes_up_for_a_lost_round(bench: Bench) -> None:
    """No follower gets the calls of a read's round; a second read arrives; then one follower answers the heartbeat."""
    lead_and_commit(bench)
    clients = [bench.ask("get x") for _ in range(2)]
    number = latest_round(bench)
    bench.run(5.2)
    story = f"two clients read x, all calls of round {number} are lost, and tom has sent its next heartbeat"
    answer_round(bench, "jerry", latest_round(bench))
    require_read(bench, clients[0], "1", f"{story}; jerry answers the heartbeat")
    answer_round(bench, "jerry", latest_round(bench))  # A Node may have begun another round for the second read.
    require_read(bench, clients[1], "1", f"{story}; jerry answers the heartbeat, and whatever tom sends then")


@rule(
    "A new leader answers no read until an entry of its own term is committed: before, it does not know the commit index.",
    "Section 8: a leader must have the latest information on which entries are committed; etcd issue 7331",
)
def a_read_waits_for_the_leaders_own_entry(bench: Bench) -> None:
    """A follower knows of one commit and not of the next; it is elected, and both followers answer its rounds."""
    bench.begin(log="1 set w 1")
    call(bench, "jerry", 1, (1, 1), "1 set x 1; 1 set x 2", commit=2)
    elect(bench)
    client = bench.ask("get x")
    for follower in (*exchange.PEERS, *exchange.PEERS):
        answer_round(bench, follower, latest_round(bench), match_index=3)
    story = (
        "tom is elected in term 2. It knows that set x 1, entry 2, is committed, and not whether set x 2 is, entry 3. "
        "A client reads x"
    )
    require_answer(
        bench,
        client,
        False,
        f"{story}; both followers answer tom's rounds, and neither has entry 4, the first of term 2",
    )
    for _ in range(2):  # A Node may begin the round only now.
        answer_round(bench, "jerry", latest_round(bench), match_index=4)
    require_read(bench, client, "2", f"{story}; jerry has entry 4, so that everything up to it is committed")


@rule(
    "A read returns what the committed writes before it have left, and nothing that is not committed.",
    "Dissertation, Section 6.4: readIndex is the commit index; the state machine must have been advanced that far",
)
def a_read_sees_what_is_committed(bench: Bench) -> None:
    """A client reads after a write that is committed, and another one while a write is not committed yet."""
    lead_and_commit(bench)
    bench.ask("set x 5")
    answer_round(bench, "jerry", latest_round(bench), match_index=3)
    client = bench.ask("get x")
    answer_round(bench, "spike", latest_round(bench), match_index=3)
    require_read(bench, client, "5", "set x 5 is committed, a client reads x, and spike answers the round")
    client = bench.ask("get x")
    write = bench.ask("set x 7")
    for follower in exchange.PEERS:
        answer_round(bench, follower, latest_round(bench), match_index=3)
    story = (
        "a client reads x, and then another one sends set x 7, which no follower has; both answer tom's latest round"
    )
    require_read(bench, client, "5", story)
    require_answer(bench, write, False, story)
    client = bench.ask("get x")
    for _ in range(2):
        answer_round(bench, "spike", latest_round(bench), match_index=3)
    answer = bench.answer(client)
    # A Node may let the read wait for the write, as in step 11.
    bench.require(
        not isinstance(answer, Ok) or answer.value == "5",
        "set x 7 is in tom's log and not committed; a client that reads x should get '5' or wait, "
        f"but tom answers {getattr(answer, 'value', None)!r}",
        exchange.latest(bench, "answered"),
    )
    client = bench.ask("get x")
    bench.ask("set x 8")
    for _ in range(2):
        answer_round(bench, "jerry", latest_round(bench), match_index=5)
    story = "a client reads x while set x 7 and set x 8 are in tom's log; jerry has both, and answers the latest round"
    require_answer(bench, client, True, story)


@rule(
    "A read writes nothing: no entry, no term, no vote, and followers are sent no entry for it.",
    "Section 8: read-only operations can be handled without writing anything into the log",
)
def a_read_writes_nothing(bench: Bench) -> None:
    """Three clients read, one after the other, and every round is answered."""
    lead_and_commit(bench)
    names = ("log", *sorted(set(bench.node.durable) - {"log"}))
    before = {name: bench.log() if name == "log" else bench.field(name) for name in names}
    applied = len(bench.events("applied"))
    for _ in range(3):
        client, mark = bench.ask("get x"), bench.mark()
        for follower in exchange.PEERS:
            answer_round(bench, follower, latest_round(bench))
        require_answer(bench, client, True, "a client reads x, and both followers answer the round")
        bench.run(5.2)
        for follower in exchange.PEERS:
            require_entries_sent(bench, follower, [], "tom leads, its log is on every server, and clients read x", mark)
    for name in names:
        now = bench.log() if name == "log" else bench.field(name)
        bench.require(
            now == before[name],
            f"three clients have read x; tom's {name} should still be {before[name]!r}, but is {now!r}",
            exchange.latest(bench, "asked"),
        )
    extra = bench.events("applied")[applied:]
    bench.require(not extra, "three clients have read x; tom should apply nothing, but does", exchange.first(extra))


@rule(
    "A leader that is deposed answers none of its reads, and in its next term, answers of the earlier one do not count.",
    "Section 5.1: a message with an older term is stale; " + ROUNDS,
)
def a_deposed_leader_does_not_answer(bench: Bench) -> None:
    """A leader with many answered rounds is deposed while a read waits; it is elected again, and another client reads.

    In the second run it crashes instead, restarts, and is elected again.
    """
    for crashes in (False, True):
        lead_and_commit(bench)
        for _ in range(6):
            bench.ask("get x")
            answer_round(bench, "jerry", latest_round(bench))
        waiting, old = bench.ask("get x"), latest_round(bench)
        if crashes:
            restart(bench)
        call(bench, "spike", 3, (2, 2), "3 set x 7", commit=2)
        require_following(bench, 3, "tom led in term 2, and spike calls in term 3")
        answer_round(bench, "jerry", old, match_index=2, term=2)
        story = f"tom led in term 2, {'crashed' if crashes else 'was deposed'} while a client read x, and is in term 3"
        require_answer(bench, waiting, False, f"{story}; jerry's answer of term 2 arrives")
        elect(bench)
        answer_round(bench, "jerry", latest_round(bench), match_index=4)
        client = bench.ask("get x")
        story = (
            f"tom led in term 2, {'crashed' if crashes else 'was deposed'}, and leads in term 4, whose first entry is "
            "committed; a client reads x"
        )
        require_answer(bench, client, False, f"{story}, and no follower has answered since")
        for follower in exchange.PEERS:
            answer_round(bench, follower, old, match_index=2, term=2)
        require_answer(bench, client, False, f"{story}; both followers' answers to round {old} of term 2 arrive")
        answer_round(bench, "spike", latest_round(bench), match_index=4)
        require_read(bench, client, "7", f"{story}; spike answers the latest round of term 4")


@rule(
    "What earlier steps ask of a server is still so, except what this step changes.",
    "Sections 5.1 to 5.4, Section 8; steps 1 to 13",
)
def the_rules_of_earlier_steps_still_hold(bench: Bench) -> None:
    """The checks of steps 1 to 13 run again, except those that a later step replaces."""
    run_earlier_checks(bench, 14)


def lead_and_commit(bench: Bench, servers: int = 3, log: str = "1 set x 1") -> None:
    """Elect tom with this log, and let every follower answer, so that the first entry of tom's term is committed, too."""
    lead(bench, servers, log=log)
    for follower in bench.peers:
        answer_round(bench, follower, latest_round(bench))


def round_of(message: Event) -> int:
    """Return the round of a call.

    Raises:
        CheckFailed: It has none, or one that is not a whole number.
    """
    found = exchange.field_of(message, "round")
    if type(found) is not int:
        raise CheckFailed(f"a round is a whole number; tom's call has {found!r}", message.number)
    return found


def latest_round(bench: Bench) -> int:
    """Return the round of tom's last call, to whichever follower.

    Raises:
        CheckFailed: Tom has not called anybody, or its call has no round.
    """
    calls = bench.sent("AppendEntries")
    bench.require(calls, "tom leads and should have called its followers, but has not")
    return round_of(calls[-1])


def answer_round(
    bench: Bench, follower: str, number: int, *, match_index: int | None = None, term: int | None = None
) -> list[Event]:
    """Send a follower's answer to a call of this round.

    Args:
        bench: The bench.
        follower: The follower.
        number: The number of the round.
        match_index: Up to which index its log matches tom's; by default up to the end.
        term: Its term; by default tom's.

    Returns:
        What tom sent in response.
    """
    index = bench.field("log").last_index if match_index is None else match_index
    fields: dict[str, Any] = {"success": True, "prev_log_index": index, "match_index": index}
    return exchange.send(bench, follower, "AppendEntriesReply", term=term, round=number, **fields)
