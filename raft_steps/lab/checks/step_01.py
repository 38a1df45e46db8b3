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


@rule(
    "A server answers every request: a write with Ok, a read with the stored value.",
    "Section 2: clients talk to state machines; the first commits",
)
def a_value_that_was_set_is_read(bench: Bench) -> None:
    """A client stores two values and reads them."""
    begin(bench)
    request(bench, "set x 1")
    request(bench, "set y 2")
    read(bench, "x", "1", "x was set to 1")
    read(bench, "y", "2", "y was set to 2")


@rule(
    "A key that was never set, or was deleted, has no value: reading it returns None and is not an error.",
    "the first commits: set, get, delete",
)
def a_missing_key_reads_as_none(bench: Bench) -> None:
    """A client reads a key that was never set, and one that was deleted."""
    begin(bench)
    read(bench, "x", None, "x was never set")
    request(bench, "set x 1")
    request(bench, "delete x")
    read(bench, "x", None, "x was set and then deleted")


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
    """A client sets and deletes a key."""
    begin(bench)
    for command in ("set x 1", "delete x"):
        mark = bench.mark()
        request(bench, command)
        answered = latest(bench, "answered")
        logged = [event["command"] for event in bench.events("appended", since=mark)]
        bench.require(
            logged == [command],
            f"tom answers {command!r} with Ok, so it should have logged this one entry by now; "
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
    """While a server is down, its log loses the last entry; then the server restarts."""
    begin(bench)
    request(bench, "set x 1")
    request(bench, "set y 2")
    restart(bench, log_ends_at=1)
    restarted = latest(bench, "restarted")
    for key, value in (("x", "1"), ("y", None)):
        found = stored_value(bench, key)
        bench.require(
            found == value,
            f"tom restarts with a log that has only set x 1, so {key} should be {value!r}; "
            f"in tom's state machine it is {found!r}, which is not from the log",
            restarted,
        )


@rule(
    "A server that restarts is in the term of the last entry of its log, and logs new writes in that term.",
    "the first commits: a term per server, read from its log",
)
def the_term_after_a_restart_is_that_of_the_last_entry(bench: Bench) -> None:
    """A server starts with a log whose last entry has term 3, and a client sends it a write."""
    begin(bench, log="1 set x 1; 3 set y 2")
    request(bench, "set z 3")
    appended = latest(bench, "appended")
    term = appended["term"] if appended else None
    bench.require(
        term == 3,
        f"tom starts with a log that ends with an entry of term 3, so the next entry should have term 3; "
        f"tom {'logs nothing' if term is None else f'logs an entry of term {term}'}",
        appended or latest(bench, "answered"),
    )
    now = bench.field("current_term", 3)
    bench.require(
        now == 3,
        f"tom starts with a log that ends with an entry of term 3, so its current_term should be 3; it is {bench.term_text(now)}",
        latest(bench, "started"),
    )


# Helpers of these checks.


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


def begin(bench: Bench, log: str = "") -> None:
    """Start a cluster of one server, which leads if its Node has the field is_leader."""
    bench.begin(servers=1, log=log, leads=hasattr(bench.node_class, "is_leader"))
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
