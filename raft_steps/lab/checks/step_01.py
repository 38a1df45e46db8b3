"""The checks of step 1: one server logs every write, answers reads from its state machine, and replays its log."""

from __future__ import annotations

from raft_steps.lab.checks.bench import Bench
from raft_steps.lab.checks.exchange import (
    first,
    latest,
    read,
    request,
    require_applied,
    require_applied_from_log,
)
from raft_steps.lab.checks.rules import rule

LONG_LOG = (
    "1 set a 1; 1 set b 2; 1 delete w; 1 set c 3; 1 set d 4; 2 set e 5; 2 set a 6; 2 delete b; 2 set b 7; "
    "3 set c 8; 3 set d 9; 3 set a 1"
)


@rule(
    "A server answers every request: a write with Ok, a read with the stored value.",
    "Section 2: clients talk to state machines; the first commits",
)
def a_value_that_was_set_is_read(bench: Bench) -> None:
    """A client stores two values, one that looks like a number, and an empty one, and reads each of them twice."""
    begin(bench)
    request(bench, "set x 1")
    request(bench, "set y 2")
    for again in ("", ", and has been read once"):
        read(bench, "x", "1", f"x was set to 1{again}")
        read(bench, "y", "2", f"y was set to 2{again}")
    for text, value in (("0", "0"), ("''", "")):
        request(bench, f"set y {text}")
        read(bench, "y", value, f"y was set to {text}, which is a value like any other")


@rule(
    "A key that was never set, or was deleted, has no value: reading it returns None and is not an error.",
    "the first commits: set, get, delete",
)
def a_missing_key_reads_as_none(bench: Bench) -> None:
    """A client reads a key that was never set, one that was deleted, and one that was not."""
    begin(bench)
    read(bench, "x", None, "x was never set")
    request(bench, "set x 1")
    request(bench, "set y 2")
    request(bench, "set X 3")
    read(bench, "X", "3", "x was set to 1, and then X, which is another key, to 3")
    read(bench, "x", "1", "x was set to 1, and then X, which is another key, to 3")
    request(bench, "delete x")
    read(bench, "x", None, "x was set and then deleted")
    read(bench, "y", "2", "x and y were set, and only x was deleted")


@rule(
    "Deleting a missing key changes nothing and is answered like any other write.",
    "the first commits: in the original, a second delete of the same key was an error",
)
def deleting_a_missing_key_is_allowed(bench: Bench) -> None:
    """A client deletes a key that was never set, and deletes one twice."""
    begin(bench)
    writes = ["delete x", "set y 1", "delete y", "delete y"]
    for command in writes:
        request(bench, command)
    bench.run(2)  # Another check is about an entry that is logged too late.
    require_logged(bench, writes)


@rule(
    "Commands are logged and applied in the order in which they arrive: a read returns the last value written.",
    "Section 2: state machines process the commands of the log in order",
)
def later_writes_win(bench: Bench) -> None:
    """A client writes the same key four times."""
    begin(bench)
    writes = ["set x 1", "delete x", "set x 2", "set x 3"]
    for command in writes:
        request(bench, command)
    read(bench, "x", "3", "x was set to 1, deleted, set to 2 and set to 3")
    require_logged(bench, writes)
    require_applied(bench, writes, "a client sends tom set x 1, delete x, set x 2 and set x 3")


@rule(
    "What a server applies is an entry of its log, the very one that it has stored for the command.",
    "Section 2: the log contains the commands that the state machine executes",
)
def what_is_applied_is_in_the_log(bench: Bench) -> None:
    """A client writes twice, with two seconds after each write; then the server restarts."""
    begin(bench)
    for command in ("set x 1", "delete x"):
        request(bench, command)
        bench.run(2)
    require_applied_from_log(bench, "a client has sent tom set x 1 and then delete x")
    restart(bench)
    require_applied_from_log(bench, "a client has sent tom set x 1 and then delete x, and tom restarts")


@rule(
    "A write is in the log before its client gets an answer; a write that is not logged is lost in a crash.",
    "Figure 2: persistent state is updated before a server answers; the first commits",
)
def a_write_is_logged_before_it_is_answered(bench: Bench) -> None:
    """A client sets a key, sets it to the same value again, and deletes it."""
    begin(bench)
    for command, again in (("set x 1", ""), ("set x 1", " a second time"), ("delete x", "")):
        mark = bench.mark()
        request(bench, command)
        answered = latest(bench, "answered")
        logged = [event["command"] for event in bench.events("appended", since=mark)]
        bench.require(
            logged == [command],
            f"tom answers {command!r} with Ok{again}, so it should have logged this one entry by now; "
            f"it has logged {'; '.join(logged) or 'nothing'}",
            answered,
        )


@rule(
    "The log contains the commands that change the state machine; a read changes nothing and is not logged.",
    "Figure 2, log[]: entries contain commands for the state machine; the first commits",
)
def reads_are_not_logged(bench: Bench) -> None:
    """A client writes a key, reads it and a missing one; then two seconds pass, in case the Node logs late."""
    begin(bench)
    request(bench, "set x 1")
    request(bench, "get x")
    request(bench, "get y")
    bench.run(2)
    appended = bench.events("appended")
    written = first([event for event in appended if event["command"] == "set x 1"])
    more = first([event for event in appended if event is not written])
    bench.require(
        not more,
        "clients send tom one write, set x 1, and then two reads, which should not be logged; "
        f"but tom also logs {more['command'] if more else 'nothing'}",
        more,
    )
    require_applied(bench, ["set x 1"], "clients send tom one write, set x 1, and then two reads, which change nothing")


@rule(
    "A server that restarts applies every command of its log, and has the same state as before.",
    "the first commits: the log is replayed at start-up",
)
def a_restart_replays_the_log(bench: Bench) -> None:
    """A server that has applied four writes crashes and restarts."""
    begin(bench)
    writes = ["set x 1", "set y 2", "delete x", "set y 3"]
    for command in writes:
        request(bench, command)
    bench.run(2)  # Another check is about an entry that is logged too late.
    require_logged(bench, writes)
    began = bench.mark()
    restart(bench)
    restarted = latest(bench, "restarted")
    kept = [entry["command"] for entry in restarted["log"]] if restarted else []
    bench.require(
        len(kept) == 4,
        f"tom logged four writes and crashed; its disk should have all four, but has {len(kept)}: "
        f"does durable contain 'log'?",
        restarted,
    )
    for key, value in (("y", "3"), ("x", None)):
        found = stored_value(bench, key)
        bench.require(
            found == value,
            f"tom restarts with the log set x 1; set y 2; delete x; set y 3, so {key} should be {value!r}; "
            f"in tom's state machine it is {found!r}",
            restarted,
        )
    require_applied(bench, writes, "tom restarts with a log of four writes", since=began)
    require_all_replayed(bench)


@rule(
    "A restart only reads the log: afterwards the log is as it was, however often the server restarts.",
    "Figure 2: the log is persistent state; the first commits: the log is replayed at start-up",
)
def a_restart_leaves_the_log_as_it_is(bench: Bench) -> None:
    """A server with two entries restarts twice, and then a client writes."""
    begin(bench, log="1 set x 1; 2 set y 2")
    for times in ("once", "a second time"):
        restart(bench)
        changed = first(
            [event for event in bench.events("appended", "truncated") if event.get("command") != "-"]  # step 11's no-op
        )
        log = "; ".join(entry for entry in bench.log().split("; ") if not entry.endswith(" -"))
        bench.require(
            not changed and log == "1 set x 1; 2 set y 2",
            f"tom's log is '1 set x 1; 2 set y 2', and tom restarts {times}; its log should stay as it is, but is '{log}'",
            changed or latest(bench, "restarted"),
        )


@rule(
    "After a crash the state machine is built from the log alone.",
    "Figure 2: the log is persistent, the state machine is not",
)
def only_the_log_survives(bench: Bench) -> None:
    """While a server is down, its log loses the last entry, and later the first one too; each time the server restarts."""
    begin(bench, at_the_beginning=True)
    request(bench, "set x 1")
    request(bench, "set y 2")
    for left, x in ((1, "1"), (0, None)):
        restart(bench, log_ends_at=left)
        restarted = latest(bench, "restarted")
        has = "has only set x 1" if left else "has neither set x 1 nor set y 2"
        for key, value in (("x", x), ("y", None)):
            found = stored_value(bench, key)
            bench.require(
                found == value,
                f"tom restarts with a log that {has}, so {key} should be {value!r}; "
                f"in tom's state machine it is {found!r}, which is not from the log",
                restarted,
            )


@rule(
    "A server that restarts is in the term of the last entry of its log, and logs new writes in that term.",
    "the first commits: a term per server, read from its log",
)
def the_term_after_a_restart_is_that_of_the_last_entry(bench: Bench) -> None:
    """Servers start with an empty log, with one entry of term 2, and with entries of terms 1 and 3; each gets two writes."""
    for log, term, story in (
        ("", 0, "tom starts with an empty log, which ends with the common entry 0 of term 0"),
        ("2 set x 1", 2, "tom starts with a log that has one entry, of term 2"),
        ("1 set x 1; 3 set y 2", 3, "tom starts with a log that ends with an entry of term 3"),
    ):
        begin(bench, log=log, at_the_beginning=";" not in log)
        for command in ("set z 3", "set w 4"):
            request(bench, command)
            require_logged_in_term(bench, term, story)


# Helpers of these checks.


def require_all_replayed(bench: Bench) -> None:
    """Check that a server that restarts with a log of twelve entries, of three terms, applies all of them.

    Raises:
        CheckFailed: It applies others.
    """
    begin(bench, log=LONG_LOG)
    commands = [entry[2:] for entry in LONG_LOG.split("; ")]
    began = bench.mark()
    restart(bench)
    require_applied(bench, commands, "tom restarts with a log of twelve entries, of terms 1 to 3", since=began)


def require_logged(bench: Bench, writes: list[str]) -> None:
    """Check that the server under test has logged these writes since the run began, and nothing else.

    Raises:
        CheckFailed: It has logged others, or the same in another order.
    """
    logged = [event["command"] for event in bench.events("appended") if event["command"] != "-"]  # step 11's no-op
    bench.require(
        logged == writes,
        f"a client sends tom {', '.join(writes[:-1])} and {writes[-1]}, and tom should log them in this order; "
        f"it logs {'; '.join(logged) or 'nothing'}",
        latest(bench, "appended", "answered"),
    )


def require_logged_in_term(bench: Bench, term: int, story: str) -> None:
    """Check the term of the entry that the server under test has logged, and its own.

    Raises:
        CheckFailed: It has logged nothing, or one of the two is another term.
    """
    appended = latest(bench, "appended")
    found = appended["term"] if appended else None
    bench.require(
        found == term,
        f"{story}, so the next entry should have term {term}; "
        f"tom {'logs nothing' if found is None else f'logs an entry of term {found}'}",
        appended or latest(bench, "answered"),
    )
    now = bench.field("current_term", term)
    bench.require(
        now == term,
        f"{story}, so its current_term should be {term}; it is {bench.term_text(now)}",
        latest(bench, "started"),
    )


def begin(bench: Bench, log: str = "", *, at_the_beginning: bool = False) -> None:
    """Start a cluster of one server, which leads if its Node has the field is_leader."""
    leads = hasattr(bench.node_class, "is_leader")
    bench.begin(servers=1, log=log, leads=leads, at_the_beginning=at_the_beginning)
    bench.run(1)


def restart(bench: Bench, log_ends_at: int | None = None) -> None:
    """Crash and restart the server under test, optionally with a shorter log on its disk."""
    simulation, host = bench.simulation, bench.host
    bench.run(bench.pace_s(1))
    simulation.crash(host)
    bench.run(bench.pace_s(1))
    if log_ends_at is not None and "log" in host.disk:
        host.disk["log"].truncate_after(bench.vocabulary.to_run("index", log_ends_at))
    simulation.start(host)
    bench.run(bench.pace_s(1))


def stored_value(bench: Bench, key: str) -> str | None:
    """Return the value of a key: the server's answer to a read or, if it turns clients away, its state machine's value."""
    if bench.field("is_leader", True):
        return request(bench, f"get {key}").value
    return bench.field("state_machine").get(key)  # type: ignore[no-any-return]
