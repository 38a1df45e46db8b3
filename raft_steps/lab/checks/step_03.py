"""The checks of step 3: a write is done when a majority has it, and everyone carries it out then, not before."""

from __future__ import annotations

from raft_steps.lab.checks.bench import Bench
from raft_steps.lab.checks.exchange import (
    PEERS,
    answer_call,
    append_entries,
    entries_in,
    field_of,
    first,
    latest,
    read,
    refuse_call,
    require_applied,
    send,
)
from raft_steps.lab.checks.rules import rule
from raft_steps.lab.commands import Ok
from raft_steps.lab.trace.trace import Event

MAJORITY = "Section 5.3: an entry is committed once a majority of the servers has it"


@rule(
    "A leader logs a write and sends it to every follower at once; it carries it out, and answers, only after half of "
    "them have acknowledged it.",
    MAJORITY,
)
def a_write_waits_for_the_followers(bench: Bench) -> None:
    """A leader is asked for a write, and no follower says anything."""
    bench.begin(leads=True)
    client = write(bench, "set x 1")
    story, asked = "a client asks tom, who leads, for set x 1", latest(bench, "asked")
    logged = [event["command"] for event in bench.events("appended")]
    bench.require(
        logged == ["set x 1"],
        f"{story}; tom should log this one entry at once, but its log was given {'; '.join(logged) or 'nothing'}",
        asked,
    )
    for follower in PEERS:
        sent = [entry for call in bench.sent("AppendEntries", to=follower) for entry in entries_in(call)]
        bench.require(
            sent == ["1: 0 set x 1"],
            f"{story}; tom should send {follower} one entry at once, 1: 0 set x 1; it sends {'; '.join(sent) or 'none'}",
            asked,
        )
    bench.run(1)
    require_waiting(bench, client, "tom leads jerry and spike, and neither has acknowledged set x 1")


@rule(
    "With the leader, half of the followers are a majority: then a write is carried out and answered, once.", MAJORITY
)
def half_of_the_followers_are_enough(bench: Bench) -> None:
    """One of two followers acknowledges a write, and later the other does too."""
    bench.begin(leads=True)
    client = write(bench, "set x 1")
    acknowledge(bench, "jerry")
    require_done(bench, client, "jerry, one of tom's two followers, has acknowledged set x 1")
    mark = bench.mark()
    acknowledge(bench, "spike")
    again = bench.events("applied", "answered", since=mark)
    bench.require(
        not again,
        "set x 1 is done, and now spike acknowledges it too; tom should do nothing more, but does it again",
        first(again),
    )


@rule("A server without followers is a majority by itself: its writes wait for nobody.", MAJORITY)
def a_server_alone_waits_for_nobody(bench: Bench) -> None:
    """A leader that is the only server is asked for a write."""
    bench.begin(1, leads=True)
    client = write(bench, "set x 1")
    require_done(bench, client, "tom is the only server, so nobody else has to have set x 1")


@rule("Of three or four followers two must acknowledge a write; one that says so twice still counts once.", MAJORITY)
def with_four_or_five_servers_two_followers_are_needed(bench: Bench) -> None:
    """In a cluster of five, and in one of four, a follower acknowledges a write twice, then a second one does."""
    for servers in (5, 4):
        bench.begin(servers, leads=True)
        client = write(bench, "set x 1")
        minority = f"tom and jerry have set x 1, and two of {servers} servers are no majority"
        acknowledge(bench, "jerry")
        require_waiting(bench, client, minority)
        acknowledge(bench, "jerry")
        require_waiting(bench, client, f"jerry acknowledges set x 1 twice; {minority}")
        acknowledge(bench, "spike")
        require_done(bench, client, f"tom, jerry and spike have set x 1, three of {servers} servers")


@rule(
    "A follower that refuses does not have the entry: its answer is no acknowledgement, and the leader tries again one "
    "entry earlier.",
    "Section 5.3: an entry is committed once a majority of the servers has it; the leader retries after a rejection",
)
def a_refusal_is_no_acknowledgement(bench: Bench) -> None:
    """A follower lacks the entry before the new one, and refuses."""
    bench.begin(log="1 set x 1", leads=True)
    client = write(bench, "set x 2")
    refuse_call(bench, calls(bench, "jerry")[-1], (0, 0))
    require_waiting(bench, client, "jerry refuses set x 2, for it lacks the entry before; spike says nothing")


@rule("What followers acknowledged before a write was asked for says nothing about that write.", MAJORITY)
def every_write_needs_acknowledgements_of_its_own(bench: Bench) -> None:
    """Followers acknowledge heartbeats, and a first write; then comes a second one."""
    bench.begin(leads=True)
    for follower in PEERS:
        acknowledge(bench, follower)
    client = write(bench, "set x 1")
    require_waiting(bench, client, "jerry and spike have acknowledged a heartbeat, but not yet set x 1")
    for follower in PEERS:
        acknowledge(bench, follower)
    require_done(bench, client, "jerry and spike have acknowledged set x 1")
    client = write(bench, "set x 2")
    require_waiting(bench, client, "jerry and spike have acknowledged set x 1, but not yet set x 2")
    acknowledge(bench, "jerry")
    require_done(bench, client, "jerry has acknowledged set x 2")


@rule(
    "Several writes may wait at once: each is carried out in the order of the log, and each client has its own answer.",
    "Section 5.3; Section 8: every client gets the answer to its own request",
)
def open_writes_are_told_apart(bench: Bench) -> None:
    """Two clients write before any follower has answered; then one acknowledges both calls, or is heard but once."""
    for heard, did in (
        (slice(None), "jerry has acknowledged both"),
        (slice(-1, None), "jerry has acknowledged set y 2, which it would have refused without set x 1 before it"),
    ):
        bench.begin(leads=True)
        mark = bench.mark()
        clients = {"set x 1": write(bench, "set x 1"), "set y 2": write(bench, "set y 2")}
        sent = bench.sent("AppendEntries", since=mark, to="jerry")
        bench.require(sent, "tom is asked for set x 1 and set y 2 and should send jerry both, but sends nothing")
        for call in sent[heard]:
            answer_call(bench, call, success=True)
        story = f"set x 1 and set y 2 waited together at tom, and {did}"
        for client in clients.values():
            require_done(bench, client, story)
        require_applied(bench, list(clients), story)


@rule(
    "A read gives what committed writes have made of a key; a write that still waits for its majority is not seen.",
    "Section 5.3: only committed entries are applied to the state machine",
)
def reads_see_only_committed_writes(bench: Bench) -> None:
    """A client reads a key while a write to it waits, and again when it is done."""
    bench.begin(log="1 set x 1", leads=True)
    write(bench, "set x 2")
    read(bench, "x", "1", "x was 1, and set x 2 waits for its majority")
    acknowledge(bench, "jerry")
    read(bench, "x", "2", "jerry has acknowledged set x 2")


@rule(
    "When an entry is committed, the leader tells every follower so with CommitEntry; before, it does not.",
    "the commits of July 2020: a message of its own tells followers to apply; Section 5.3",
)
def followers_hear_of_the_commit(bench: Bench) -> None:
    """A leader is asked for a write, and one of two followers acknowledges it."""
    bench.begin(log="1 set x 1", leads=True)
    bench.run(1)
    write(bench, "set x 2")
    bench.run(1)
    early = bench.sent("CommitEntry")
    bench.require(
        not early,
        "nobody has acknowledged set x 2, and no follower should carry it out yet; tom already sends CommitEntry",
        first(early),
    )
    acknowledge(bench, "jerry")
    for follower in PEERS:
        told = bench.sent("CommitEntry", to=follower)
        story = f"jerry has acknowledged set x 2, entry 2, so it is committed; tom should tell {follower}"
        bench.require(told, f"{story}, but sends no CommitEntry", bench.arrival())
        bench.require(
            [field_of(event, "index") for event in told] == [2],
            f"{story} with one CommitEntry of index 2; it sends {', '.join(str(event['fields']) for event in told)}",
            told[0],
        )


@rule(
    "A follower carries an entry out when it hears that it is committed, not when it stores it.",
    "Section 5.3: once a follower learns that an entry is committed, it applies it; the commits of July 2020",
)
def a_follower_applies_on_the_commit_message(bench: Bench) -> None:
    """A follower is sent two entries, and hears that the first is committed, one that it does not have, and its last."""
    bench.begin()
    append_entries(bench, "jerry", (0, 0), "1 set x 1; 1 set y 2")
    early = bench.events("applied")
    bench.require(
        not early,
        "jerry sends tom two entries, which may not be committed; tom should store them, but carries them out",
        first(early),
    )
    for index, expected, story in (
        (1, ["set x 1"], "jerry tells tom that entry 1, set x 1, is committed"),
        (7, ["set x 1"], "jerry tells tom that entry 7 is committed, and tom's log ends at entry 2"),
        (2, ["set x 1", "set y 2"], "jerry tells tom that entry 2, set y 2, the last of tom's log, is committed"),
    ):
        mark = bench.mark()
        send(bench, "jerry", "CommitEntry", index=index)
        applied = bench.events("applied")
        found = [event["command"] for event in applied]
        bench.require(
            found == expected,
            f"{story}; by now tom should have carried out {'; '.join(expected)} and nothing else, "
            f"but has carried out {'; '.join(found) or 'nothing'}",
            first(bench.events("applied", since=mark)) or bench.arrival(),
        )


# What these checks have in common.


def write(bench: Bench, command: str) -> str:
    """Let a client ask for a write, wait until the calls that it sets off have arrived, and give the client."""
    bench.run(0.5)
    client = bench.ask(command)
    bench.run(0.5)
    return client


def calls(bench: Bench, follower: str) -> list[Event]:
    """Give the AppendEntries that the server under test has sent to a follower.

    Raises:
        CheckFailed: There are none.
    """
    found = bench.sent("AppendEntries", to=follower)
    bench.require(found, f"tom leads and should send AppendEntries to {follower}, but sends none")
    return found


def acknowledge(bench: Bench, follower: str) -> None:
    """Let a follower acknowledge the latest AppendEntries that it was sent."""
    answer_call(bench, calls(bench, follower)[-1], success=True)


def require_waiting(bench: Bench, client: str, story: str) -> None:
    """Hold a write to it that it is neither carried out nor answered.

    Raises:
        CheckFailed: It is.
    """
    asked = next(event for event in bench.events("asked") if event["client"] == client)
    early = bench.events("applied", "answered", since=asked.number)
    did = "carries it out" if early and early[0].kind == "applied" else "answers the client"
    bench.require(not early, f"{story}; the write should wait, but tom {did}", first(early))


def require_done(bench: Bench, client: str, story: str) -> None:
    """Hold a write to it that it is carried out and answered.

    Raises:
        CheckFailed: It is not.
    """
    asked = next(event for event in bench.events("asked") if event["client"] == client)
    entry = f"the write {asked['request']!r}"
    heard = latest(bench, "asked", "delivered")
    answer = bench.answer(client)
    bench.require(answer is not None, f"{story}; {entry} should be answered, but tom tells its client nothing", heard)
    bench.require(
        isinstance(answer, Ok),
        f"{story}; {entry} should be answered with Ok, not {answer!r}",
        latest(bench, "answered"),
    )
    applied = [event["command"] for event in bench.events("applied", since=asked.number)]
    bench.require(
        asked["request"] in applied, f"{story}; {entry} should be carried out, but tom only answers its client", heard
    )
