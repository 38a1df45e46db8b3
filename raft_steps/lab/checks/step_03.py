"""The checks of step 3: a write is done when a majority has it, and everyone carries it out then, not before."""

from __future__ import annotations

from raft_steps.lab.checks import rule
from raft_steps.lab.checks.bench import Bench
from raft_steps.lab.checks.exchange import (
    PUPPETS,
    answer_call,
    append_entries,
    brought_by,
    first,
    latest,
    read,
    refuse_call,
    require_applied,
    send,
    value,
)
from raft_steps.lab.commands import Ok
from raft_steps.lab.trace.trace import Event

MAJORITY = "Section 5.3: an entry is committed once a majority of the servers has it"


@rule(
    "A leader logs a write and sends it to every follower at once; it carries it out, and answers, only after half of "
    "them have acknowledged it.",
    MAJORITY,
)
def a_write_waits_for_the_followers(stage: Bench) -> None:
    """A leader is asked for a write, and no follower says anything."""
    stage.begin(leads=True)
    client = write(stage, "set x 1")
    story, asked = "a client asks tom, who leads, for set x 1", latest(stage, "asked")
    logged = [event["command"] for event in stage.events("appended")]
    stage.require(
        logged == ["set x 1"],
        f"{story}; tom should log this one entry at once, but its log was given {'; '.join(logged) or 'nothing'}",
        asked,
    )
    for follower in PUPPETS:
        sent = [entry for call in stage.sent("AppendEntries", to=follower) for entry in brought_by(call)]
        stage.require(
            sent == ["1: 0 set x 1"],
            f"{story}; tom should send {follower} one entry at once, 1: 0 set x 1; it sends {'; '.join(sent) or 'none'}",
            asked,
        )
    stage.run(1)
    require_waiting(stage, client, "tom leads jerry and spike, and neither has acknowledged set x 1")


@rule(
    "With the leader, half of the followers are a majority: then a write is carried out and answered, once.", MAJORITY
)
def half_of_the_followers_are_enough(stage: Bench) -> None:
    """One of two followers acknowledges a write, and later the other does too."""
    stage.begin(leads=True)
    client = write(stage, "set x 1")
    acknowledge(stage, "jerry")
    require_done(stage, client, "jerry, one of tom's two followers, has acknowledged set x 1")
    mark = stage.mark()
    acknowledge(stage, "spike")
    again = stage.events("applied", "answered", since=mark)
    stage.require(
        not again,
        "set x 1 is done, and now spike acknowledges it too; tom should do nothing more, but does it again",
        first(again),
    )


@rule("A server without followers is a majority by itself: its writes wait for nobody.", MAJORITY)
def a_server_alone_waits_for_nobody(stage: Bench) -> None:
    """A leader that is the only server is asked for a write."""
    stage.begin(1, leads=True)
    client = write(stage, "set x 1")
    require_done(stage, client, "tom is the only server, so nobody else has to have set x 1")


@rule("Of three or four followers two must acknowledge a write; one that says so twice still counts once.", MAJORITY)
def with_four_or_five_servers_two_followers_are_needed(stage: Bench) -> None:
    """In a cluster of five, and in one of four, a follower acknowledges a write twice, then a second one does."""
    for servers in (5, 4):
        stage.begin(servers, leads=True)
        client = write(stage, "set x 1")
        minority = f"tom and jerry have set x 1, and two of {servers} servers are no majority"
        acknowledge(stage, "jerry")
        require_waiting(stage, client, minority)
        acknowledge(stage, "jerry")
        require_waiting(stage, client, f"jerry acknowledges set x 1 twice; {minority}")
        acknowledge(stage, "spike")
        require_done(stage, client, f"tom, jerry and spike have set x 1, three of {servers} servers")


@rule(
    "A follower that refuses does not have the entry: its answer is no acknowledgement, and the leader tries again one "
    "entry earlier.",
    "Section 5.3: an entry is committed once a majority of the servers has it; the leader retries after a rejection",
)
def a_refusal_is_no_acknowledgement(stage: Bench) -> None:
    """A follower lacks the entry before the new one, and refuses."""
    stage.begin(log="1 set x 1", leads=True)
    client = write(stage, "set x 2")
    refuse_call(stage, calls(stage, "jerry")[-1], (0, 0))
    require_waiting(stage, client, "jerry refuses set x 2, for it lacks the entry before; spike says nothing")


@rule("What followers acknowledged before a write was asked for says nothing about that write.", MAJORITY)
def every_write_needs_acknowledgements_of_its_own(stage: Bench) -> None:
    """Followers acknowledge heartbeats, and a first write; then comes a second one."""
    stage.begin(leads=True)
    for follower in PUPPETS:
        acknowledge(stage, follower)
    client = write(stage, "set x 1")
    require_waiting(stage, client, "jerry and spike have acknowledged a heartbeat, but not yet set x 1")
    for follower in PUPPETS:
        acknowledge(stage, follower)
    require_done(stage, client, "jerry and spike have acknowledged set x 1")
    client = write(stage, "set x 2")
    require_waiting(stage, client, "jerry and spike have acknowledged set x 1, but not yet set x 2")
    acknowledge(stage, "jerry")
    require_done(stage, client, "jerry has acknowledged set x 2")


@rule(
    "Several writes may wait at once: each is carried out in the order of the log, and each client has its own answer.",
    "Section 5.3; Section 8: every client gets the answer to its own request",
)
def open_writes_are_told_apart(stage: Bench) -> None:
    """Two clients write before any follower has answered; then one acknowledges both calls, or is heard but once."""
    for heard, did in (
        (slice(None), "jerry has acknowledged both"),
        (slice(-1, None), "jerry has acknowledged set y 2, which it would have refused without set x 1 before it"),
    ):
        stage.begin(leads=True)
        mark = stage.mark()
        clients = {"set x 1": write(stage, "set x 1"), "set y 2": write(stage, "set y 2")}
        sent = stage.sent("AppendEntries", since=mark, to="jerry")
        stage.require(sent, "tom is asked for set x 1 and set y 2 and should send jerry both, but sends nothing")
        for call in sent[heard]:
            answer_call(stage, call, success=True)
        story = f"set x 1 and set y 2 waited together at tom, and {did}"
        for client in clients.values():
            require_done(stage, client, story)
        require_applied(stage, list(clients), story)


@rule(
    "A read gives what committed writes have made of a key; a write that still waits for its majority is not seen.",
    "Section 5.3: only committed entries are applied to the state machine",
)
def reads_see_only_committed_writes(stage: Bench) -> None:
    """A client reads a key while a write to it waits, and again when it is done."""
    stage.begin(log="1 set x 1", leads=True)
    write(stage, "set x 2")
    read(stage, "x", "1", "x was 1, and set x 2 waits for its majority")
    acknowledge(stage, "jerry")
    read(stage, "x", "2", "jerry has acknowledged set x 2")


@rule(
    "When an entry is committed, the leader tells every follower so with CommitEntry; before, it does not.",
    "the commits of July 2020: a message of its own tells followers to apply; Section 5.3",
)
def followers_hear_of_the_commit(stage: Bench) -> None:
    """A leader is asked for a write, and one of two followers acknowledges it."""
    stage.begin(log="1 set x 1", leads=True)
    stage.run(1)
    write(stage, "set x 2")
    stage.run(1)
    early = stage.sent("CommitEntry")
    stage.require(
        not early,
        "nobody has acknowledged set x 2, and no follower should carry it out yet; tom already sends CommitEntry",
        first(early),
    )
    acknowledge(stage, "jerry")
    for follower in PUPPETS:
        told = stage.sent("CommitEntry", to=follower)
        story = f"jerry has acknowledged set x 2, entry 2, so it is committed; tom should tell {follower}"
        stage.require(told, f"{story}, but sends no CommitEntry", stage.arrival())
        stage.require(
            [value(event, "index") for event in told] == [2],
            f"{story} with one CommitEntry of index 2; it sends {', '.join(str(event['fields']) for event in told)}",
            told[0],
        )


@rule(
    "A follower carries an entry out when it hears that it is committed, not when it stores it.",
    "Section 5.3: once a follower learns that an entry is committed, it applies it; the commits of July 2020",
)
def a_follower_applies_on_the_commit_message(stage: Bench) -> None:
    """A follower is sent two entries, and hears that the first is committed, one that it does not have, and its last."""
    stage.begin()
    append_entries(stage, "jerry", (0, 0), "1 set x 1; 1 set y 2")
    early = stage.events("applied")
    stage.require(
        not early,
        "jerry sends tom two entries, which may not be committed; tom should store them, but carries them out",
        first(early),
    )
    for index, expected, story in (
        (1, ["set x 1"], "jerry tells tom that entry 1, set x 1, is committed"),
        (7, ["set x 1"], "jerry tells tom that entry 7 is committed, and tom's log ends at entry 2"),
        (2, ["set x 1", "set y 2"], "jerry tells tom that entry 2, set y 2, the last of tom's log, is committed"),
    ):
        mark = stage.mark()
        send(stage, "jerry", "CommitEntry", index=index)
        applied = stage.events("applied")
        found = [event["command"] for event in applied]
        stage.require(
            found == expected,
            f"{story}; by now tom should have carried out {'; '.join(expected)} and nothing else, "
            f"but has carried out {'; '.join(found) or 'nothing'}",
            first(stage.events("applied", since=mark)) or stage.arrival(),
        )


# What these checks have in common.


def write(stage: Bench, command: str) -> str:
    """Let a client ask for a write, wait until the calls that it sets off have arrived, and give the client."""
    stage.run(0.5)
    client = stage.ask(command)
    stage.run(0.5)
    return client


def calls(stage: Bench, follower: str) -> list[Event]:
    """Give the AppendEntries that the server under test has sent to a follower.

    Raises:
        CheckFailed: There are none.
    """
    found = stage.sent("AppendEntries", to=follower)
    stage.require(found, f"tom leads and should send AppendEntries to {follower}, but sends none")
    return found


def acknowledge(stage: Bench, follower: str) -> None:
    """Let a follower acknowledge the latest AppendEntries that it was sent."""
    answer_call(stage, calls(stage, follower)[-1], success=True)


def require_waiting(stage: Bench, client: str, story: str) -> None:
    """Hold a write to it that it is neither carried out nor answered.

    Raises:
        CheckFailed: It is.
    """
    asked = next(event for event in stage.events("asked") if event["client"] == client)
    early = stage.events("applied", "answered", since=asked.number)
    did = "carries it out" if early and early[0].kind == "applied" else "answers the client"
    stage.require(not early, f"{story}; the write should wait, but tom {did}", first(early))


def require_done(stage: Bench, client: str, story: str) -> None:
    """Hold a write to it that it is carried out and answered.

    Raises:
        CheckFailed: It is not.
    """
    asked = next(event for event in stage.events("asked") if event["client"] == client)
    entry = f"the write {asked['request']!r}"
    heard = latest(stage, "asked", "delivered")
    answer = stage.answer(client)
    stage.require(answer is not None, f"{story}; {entry} should be answered, but tom tells its client nothing", heard)
    stage.require(
        isinstance(answer, Ok),
        f"{story}; {entry} should be answered with Ok, not {answer!r}",
        latest(stage, "answered"),
    )
    applied = [event["command"] for event in stage.events("applied", since=asked.number)]
    stage.require(
        asked["request"] in applied, f"{story}; {entry} should be carried out, but tom only answers its client", heard
    )
