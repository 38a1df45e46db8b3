"""The checks of step 13: who leads, what a session carries out once, and what it answers when it is asked again."""

from __future__ import annotations

from typing import Any

from raft_steps.lab.checks.again import run_earlier_checks
from raft_steps.lab.checks.bench import Bench
from raft_steps.lab.checks.elections import await_election, preparing, send_vote
from raft_steps.lab.checks.exchange import latest
from raft_steps.lab.checks.replication import acknowledge, call, elect, lead
from raft_steps.lab.checks.rules import rule
from raft_steps.lab.commands import Mismatch, NotLeader, Ok, Response, SessionExpired


@rule(
    "A server that does not lead names the leader that it has heard from.",
    "Section 8: it rejects the request and supplies information about the most recent leader it has heard from",
)
def a_follower_names_the_leader(bench: Bench) -> None:
    """A follower gets a call of one leader, then of the next one; clients write and read after each."""
    bench.begin(log="3 set x 1")
    for leader, term in (("jerry", 4), ("spike", 5)):
        call(bench, leader, term, (1, 3))
        require_hint(bench, {leader}, f"{leader}, the leader of term {term}, has called tom")


@rule(
    "A server names nobody as the leader that it has not heard from as a leader, and never itself while it does not lead.",
    "Section 8; Figure 2",
)
def only_a_leader_is_named(bench: Bench) -> None:
    """A server starts; votes for a candidate; is a candidate; leads and is deposed by a candidate."""
    bench.begin(log="3 set x 1")
    require_hint(bench, {None}, "tom has just started and heard from nobody")
    bench.send("jerry", "RequestVote", term=4, last_log_index=1, last_log_term=3)
    require_hint(bench, {None}, "jerry, a candidate of term 4, has asked tom for its vote")
    bench.begin(log="3 set x 1")
    await_election(bench)
    require_hint(bench, {None}, "tom is a candidate of term 4")
    for peer in ("jerry", "spike"):
        send_vote(bench, peer)
    bench.send("spike", "RequestVote", term=6, last_log_index=9, last_log_term=5)
    require_hint(bench, {None}, "tom has led in term 4, and was deposed by spike, a candidate of term 6")


@rule(
    "An opened session has a number of its own, which the client learns when the entry is committed.",
    "Dissertation Section 6.3: the leader registers a client through the log, and answers with its identifier",
)
def a_session_has_a_number_of_its_own(bench: Bench) -> None:
    """Two clients open a session; neither is answered before its entry is on a majority."""
    lead(bench)
    clients = [bench.ask("open session") for _ in range(2)]
    early = [each for each in bench.events("answered") if each["client"] in clients]
    bench.require(
        not early, "a client opens a session; tom should not answer before the entry is on a majority, but does",
        early[0] if early else None,
    )  # fmt: skip
    commit(bench)
    numbers = [bench.session(client) for client in clients]
    bench.require(
        numbers[0] != numbers[1],
        f"tom opens a session for each of two clients; they should have different numbers, but both have {numbers[0]}",
        latest(bench, "answered"),
    )


@rule(
    "A command of a session is carried out once, however often the client asks: before it is committed, and after.",
    "Section 8: the state machine tracks the latest serial number of each client",
)
def a_command_is_carried_out_once(bench: Bench) -> None:
    """A client appends, asks again at once, and again when that has been carried out; then it appends the same once more."""
    lead(bench)
    session = open_session(bench)
    clients = [bench.ask(f"append x 1 as {session}.1") for _ in range(2)]
    commit(bench)
    story = "a client asks twice to append 1 to x, as the first command of its session"
    for client in clients:
        require_response(bench, client, Ok(value="1"), story)
    require_value(bench, "x", "1", story)
    ask_committed(bench, f"append x 1 as {session}.1")
    require_value(bench, "x", "1", f"{story}, and a third time when it has its answer")
    client = ask_committed(bench, f"append x 1 as {session}.2")
    story = f"{story}; then it asks for the same as the second command"
    require_response(bench, client, Ok(value="11"), story)
    require_value(bench, "x", "11", story)
    client = ask_committed(bench, f"append x 1 as {session}.4")
    story = f"{story}, and as the fourth, because it has given the third one up"
    require_response(bench, client, Ok(value="111"), story)


@rule(
    "A client that asks again gets the response that it would have got the first time.",
    "Section 8: it responds immediately without re-executing the request; dissertation Section 6.3: it returns the response",
)
def a_repeated_command_gets_its_first_response(bench: Bench) -> None:
    """Commands whose responses would now be others: another client has changed the keys meanwhile."""
    lead(bench)
    session = open_session(bench)
    cases: list[tuple[str, str, str, Response]] = [
        ("append x 1", "append x 2", "append x 1", Ok(value="1")),
        ("set y 1", "delete y", "set y 1", Ok()),
        ("cas y 1 2", "set y 3", "cas y 1 2", Mismatch(value=None)),
        ("cas y 3 4", "set y 5", "cas y 3 4", Ok()),
    ]
    for serial, (command, other, _, expected) in enumerate(cases, 1):
        for again in (False, True):
            client = ask_committed(bench, f"{command} as {session}.{serial}")
            what = f"a client asks for {command!r} in its session"
            what += f", another one for {other!r}, and the first one asks again" if again else ""
            require_response(bench, client, expected, what)
            if not again:
                ask_committed(bench, other)
    command = f"append z 1 as {session}.{len(cases) + 1}"
    first, second = bench.ask(command), bench.ask("set x 9")
    between = bench.field("log").last_index
    bench.ask(command, first)
    acknowledge(bench, "jerry", between)
    story = (
        "a client asks for 'append z 1' in its session, then another one for 'set x 9', then the first one asks again"
    )
    require_response(bench, second, Ok(), f"{story}; jerry has acknowledged the first two entries")
    commit(bench)
    require_response(bench, first, Ok(value="1"), story)


@rule(
    "Sessions are kept apart: each has serial numbers of its own, and a command without a session is always carried out.",
    "Section 8: unique serial numbers, by client",
)
def sessions_are_kept_apart(bench: Bench) -> None:
    """Two sessions send two commands each, one after the other; then a client without a session appends twice."""
    lead(bench)
    one, other = open_session(bench), open_session(bench)
    for session in (one, other):
        for serial in (1, 2):
            ask_committed(bench, f"append x {serial} as {session}.{serial}")
    require_value(bench, "x", "1212", "two clients append 1 and then 2 to x, each in its own session")
    for _ in range(2):
        ask_committed(bench, "append x 3")
    require_value(bench, "x", "121233", "then a client without a session appends 3 to x twice")


@rule(
    "A command that is late is not carried out: its session has carried out a later one.",
    "Dissertation Section 6.3: the state machine tracks the latest serial number processed for the client",
)
def an_old_command_is_not_carried_out(bench: Bench) -> None:
    """A session sends two commands; a copy of the first one arrives after both."""
    lead(bench)
    session = open_session(bench)
    for command in ("append x 1", "append x 2"):
        ask_committed(bench, f"{command} as {session}.{command[-1]}")
    ask_committed(bench, f"append x 1 as {session}.1")
    require_value(bench, "x", "12", "a session appends 1 and then 2 to x, and a copy of its first command arrives late")
    ask_committed(bench, f"append x 2 as {session}.2")
    require_value(bench, "x", "12", "a session appends 1 and then 2 to x, and a copy of each arrives late")


@rule(
    "A command of a session that the server does not know is not carried out, and the client is told.",
    "Dissertation Section 6.3: a command of a session that has expired is an error, not a new command",
)
def an_unknown_session_is_refused(bench: Bench) -> None:
    """A client sends a command of a session that nobody has opened."""
    lead(bench)
    ask_committed(bench, "set x 1")
    for serial in (1, 2):
        client = ask_committed(bench, f"append x 2 as 999999.{serial}")
        story = f"a client asks to append 2 to x, as command {serial} of a session that nobody has opened"
        require_response(bench, client, SessionExpired(), story)
        require_value(bench, "x", "1", story)


@rule(
    "At most sessions_max sessions are kept, and the one that was not used for longest expires.",
    "Dissertation Section 6.3: an upper bound for the number of sessions, and the least recently used one expires",
)
def the_least_recently_used_session_expires(bench: Bench) -> None:
    """Two sessions are opened, the first one is used, and so many others are opened that one must expire."""
    lead(bench)
    used, unused = open_session(bench), open_session(bench)
    ask_committed(bench, f"append x 1 as {used}.1")
    for _ in range(bench.field("sessions_max") - 1):
        bench.ask("open session")
    commit(bench)
    story = "two sessions are opened, the first one is used, and sessions_max - 1 others are opened"
    client = ask_committed(bench, f"append x 1 as {used}.1")
    require_response(
        bench, client, Ok(value="1"), f"{story}; a client asks again for the first command of the first one"
    )
    client = ask_committed(bench, f"append x 2 as {unused}.1")
    require_response(bench, client, SessionExpired(), f"{story}; a client asks for a command of the second one")
    require_value(bench, "x", "1", story)


@rule(
    "A session does not expire by a server's clock: after the same entries all servers have the same sessions.",
    "Dissertation Section 6.3: the servers must agree on when to expire a session",
)
def sessions_do_not_expire_by_a_clock(bench: Bench) -> None:
    """A session is opened and used; ten minutes later its client asks again, and then for something new."""
    lead(bench)
    session = open_session(bench)
    ask_committed(bench, f"append x 1 as {session}.1")
    for _ in range(6):
        bench.run(100)
        for peer in bench.peers:
            acknowledge(bench, peer, bench.field("log").last_index)
    story = "a session is opened and used, and ten minutes later, with no entry in between,"
    client = ask_committed(bench, f"append x 1 as {session}.1")
    require_response(bench, client, Ok(value="1"), f"{story} its client asks again for the same")
    client = ask_committed(bench, f"append x 2 as {session}.2")
    require_response(bench, client, Ok(value="12"), f"{story} its client asks for the next command")


@rule(
    "Followers know the sessions, too: a new leader does not carry out again what an earlier one has.",
    "Section 8; the sessions follow from the log, as the state machine does",
)
def a_new_leader_knows_the_sessions(bench: Bench) -> None:
    """A session is opened while tom leads; it follows and applies a command of it; it leads again, and is asked again."""
    lead(bench)
    session = open_session(bench)
    log, term = bench.field("log"), bench.field("current_term")
    at = log.last_index, log.last_term
    call(bench, "jerry", term + 1, at, f"{term + 1} append x 1 as {session}.1", commit=at[0] + 1)
    elect(bench)
    client = ask_committed(bench, f"append x 1 as {session}.1")
    story = "tom follows jerry and applies an append of 1 to x; then tom leads, and the client asks again"
    require_response(bench, client, Ok(value="1"), story)
    require_value(bench, "x", "1", story)


@rule(
    "After a crash, sessions and state machine are those of the same entries.",
    "Section 8; Figure 2: neither is persistent state, and both are rebuilt from the log",
)
def a_crash_leaves_no_command_twice_or_undone(bench: Bench) -> None:
    """A session's command is carried out; tom crashes, restarts, leads again, and the client asks again."""
    lead(bench)
    session = open_session(bench)
    ask_committed(bench, f"append x 1 as {session}.1")
    bench.simulation.crash(bench.host)
    bench.run(0.5)
    bench.simulation.start(bench.host)
    elect(bench)
    commit(bench)
    story = "tom has carried out an append of 1 to x in a session, crashes, restarts and leads again"
    require_value(bench, "x", "1", story)
    client = ask_committed(bench, f"append x 1 as {session}.1")
    require_response(bench, client, Ok(value="1"), f"{story}; the client asks again")
    require_value(bench, "x", "1", f"{story}; the client asks again")


@rule(
    "append adds to the end of a value and answers what the key then holds; cas answers Mismatch with the value, and changes "
    "nothing, unless the key holds what it expects.",
    "This course, step 13",
)
def append_and_compare_and_set_do_what_they_say(bench: Bench) -> None:
    """Both commands with keys that exist and keys that do not, in a session and without one."""
    lead(bench)
    session = open_session(bench)
    steps: list[tuple[str, Response, str | None]] = [
        ("append x 1", Ok(value="1"), "1"),
        ("append x 2", Ok(value="12"), "12"),
        ("cas x 1 3", Mismatch(value="12"), "12"),
        ("cas x 12 3", Ok(), "3"),
        ("delete x", Ok(), None),
        ("cas x 3 4", Mismatch(value=None), None),
        ("append x 4", Ok(value="4"), "4"),
        ("set x 5", Ok(), "5"),
        ("append x 6", Ok(value="56"), "56"),
    ]
    for serial, (command, expected, value) in enumerate(steps, 1):
        for name, request in (("", command), (" in a session", f"{command.replace(' x', ' y')} as {session}.{serial}")):
            client = ask_committed(bench, request)
            story = f"after {'; '.join(each for each, _, _ in steps[: serial - 1]) or 'nothing'}, a client asks for {command!r}"
            require_response(bench, client, expected, story + name)
            require_value(bench, "y" if name else "x", value, story + name)


@rule(
    "What earlier steps ask of a server is still so, except what this step changes.",
    "Sections 5.1 to 5.4, Section 8; steps 1 to 12",
)
def the_rules_of_earlier_steps_still_hold(bench: Bench) -> None:
    """The checks of steps 1 to 12 run again, except those that a later step replaces."""
    run_earlier_checks(bench, 13)


# Acting.


def commit(bench: Bench) -> None:
    """Let a follower acknowledge all that is in tom's log: with tom that is a majority."""
    acknowledge(bench, "jerry", bench.field("log").last_index)


def ask_committed(bench: Bench, command: str) -> str:
    """Send a client's request, and let what tom logs for it be committed; return the client's address."""
    client = bench.ask(command)
    commit(bench)
    return client


def open_session(bench: Bench) -> int:
    """Open a session, and return its number.

    Raises:
        CheckFailed: The client gets no number.
    """
    return bench.session(ask_committed(bench, "open session"))


# Judging.


def require_response(bench: Bench, client: str, expected: Response, story: str) -> None:
    """Check the response to a client.

    Raises:
        CheckFailed: There is none, or it is another one.
    """
    found = bench.answer(client)
    bench.require(
        found == expected,
        f"{story}; tom should answer {response_text(expected)}, but {response_text(found, 'answers')}",
        latest(bench, "answered", "delivered"),
    )


def response_text(response: Any, verb: str = "") -> str:
    """Describe a response in a failure."""
    if response is None:
        return "does not answer"
    value = getattr(response, "value", None)
    with_value = f" with {value_text(value)}" if isinstance(response, Mismatch) or value is not None else ""
    return f"{verb} {type(response).__name__}{with_value}".strip()


def require_value(bench: Bench, key: str, expected: str | None, story: str) -> None:
    """Check what a key holds by a client's read.

    Raises:
        CheckFailed: The read is not answered, or with another value.
    """
    client = ask_committed(bench, f"get {key}")
    if bench.answer(client) is None:  # From step 14 on, that may have confirmed a call from before the read.
        commit(bench)
    found = bench.answer(client)
    with preparing():
        bench.require(isinstance(found, Ok), f"{story}; tom should answer a read of the key, but does not")
    bench.require(
        found.value == expected,
        f"{story}; the key should then hold {value_text(expected)}, but tom answers {value_text(found.value)}",
        latest(bench, "answered"),
    )


def value_text(value: str | None) -> str:
    """Describe a value in a failure."""
    return "nothing" if value is None else repr(value)


def require_hint(bench: Bench, expected: set[str | None], story: str) -> None:
    """Check whom tom names as the leader, to a client that writes and to one that reads.

    Raises:
        CheckFailed: Tom does not refuse, or names another server.
    """
    for command in ("set y 2", "get x"):
        found = bench.answer(bench.ask(command))
        bench.require(
            isinstance(found, NotLeader) and found.leader in expected,
            f"{story}; a client asks for {command!r}: tom should answer NotLeader and name "
            f"{' or '.join(each or 'nobody' for each in expected)}, but {hint_text(found)}",
            latest(bench, "answered", "asked"),
        )


def hint_text(response: Any) -> str:
    """Describe what a client was told about the leader, in a failure."""
    if isinstance(response, NotLeader):
        return f"names {response.leader or 'nobody'}"
    return response_text(response, "answers")
