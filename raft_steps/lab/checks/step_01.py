"""The checks of step 1: one server logs every write, answers reads from its state machine, and replays its log."""

from __future__ import annotations

from raft_steps.lab.checks.bench import Bench
from raft_steps.lab.checks.exchange import first, latest, read, request, require_applied
from raft_steps.lab.checks.rules import rule


@rule(
    "A server answers every request: a write with Ok, a read with the value that was stored.",
    "Section 2: clients talk to state machines; the series' beginning",
)
def a_value_that_was_set_is_read(bench: Bench) -> None:
    """A client stores two values and reads them."""
    begin(bench)
    request(bench, "set x 1")
    request(bench, "set y 2")
    read(bench, "x", "1", "x was set to 1")
    read(bench, "y", "2", "y was set to 2")


@rule(
    "A key that was never set, or was deleted, has no value: a read of it gives None and is no error.",
    "the series' beginning: set, get, delete",
)
def a_key_that_is_not_there_reads_as_none(bench: Bench) -> None:
    """A client reads a key that was never set, and one that was deleted."""
    begin(bench)
    read(bench, "x", None, "x was never set")
    request(bench, "set x 1")
    request(bench, "delete x")
    read(bench, "x", None, "x was set and then deleted")


@rule(
    "Deleting a key that is not there changes nothing and is answered like any other write.",
    "the series' beginning: in the original, a second delete of the same key was an error",
)
def deleting_an_absent_key_is_fine(bench: Bench) -> None:
    """A client deletes a key that was never set, and deletes one twice."""
    begin(bench)
    request(bench, "delete x")
    request(bench, "set y 1")
    request(bench, "delete y")
    request(bench, "delete y")


@rule(
    "Commands are logged and carried out in the order in which they came: the last write of a key is what is read.",
    "Section 2: state machines process the commands of the log in order",
)
def later_writes_win(bench: Bench) -> None:
    """A client writes the same key four times."""
    begin(bench)
    writes = ["set x 1", "delete x", "set x 2", "set x 3"]
    for command in writes:
        request(bench, command)
    read(bench, "x", "3", "x was set to 1, deleted, set to 2 and set to 3")
    logged = [event["command"] for event in bench.events("appended")]
    bench.require(
        logged == writes,
        "a client asks tom for set x 1, delete x, set x 2 and set x 3, and the log should hold them in this order; "
        f"tom's was given {'; '.join(logged) or 'nothing'}",
        latest(bench, "appended", "answered"),
    )
    require_applied(bench, writes, "a client asks tom for set x 1, delete x, set x 2 and set x 3")


@rule(
    "A write is in the log before its client is told that it is done; what is not logged is lost in a crash.",
    "Figure 2: persistent state is updated before a server answers; the series' beginning",
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
            f"tom tells a client that {command!r} is done, so this one entry should be in the log by now; "
            f"the log was given {'; '.join(logged) or 'nothing'}",
            answered,
        )


@rule(
    "The log holds what changes the state machine; a read changes nothing and is not logged.",
    "Figure 2, log[]: entries hold commands for the state machine; the series' beginning",
)
def reads_are_not_logged(bench: Bench) -> None:
    """After one write a client reads the key, and one that is not there; then it waits for what may come late."""
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
        "clients ask tom for one write, set x 1, and for two reads, which should leave the log as it is; "
        "tom appends an entry beside the one for set x 1",
        more,
    )


@rule(
    "A server that starts again carries out every command of its log, and stands where it stood before.",
    "the series' beginning: the log is replayed at start-up",
)
def a_restart_replays_the_log(bench: Bench) -> None:
    """A server that has carried out four writes crashes and starts again."""
    begin(bench)
    writes = ["set x 1", "set y 2", "delete x", "set y 3"]
    for command in writes:
        request(bench, command)
    began = bench.mark()
    restart(bench)
    restarted = latest(bench, "restarted")
    kept = [entry["command"] for entry in restarted["log"]] if restarted else []
    bench.require(
        len(kept) == 4,
        f"tom logged four writes and crashed; its disk should hold all four, but it holds {len(kept)}: "
        f"is 'log' among the names in durable?",
        restarted,
    )
    for key, value in (("y", "3"), ("x", None)):
        found = stored_value(bench, key)
        bench.require(
            found == value,
            f"tom starts again with a log that says set x 1; set y 2; delete x; set y 3, so {key} should be {value!r}; "
            f"in tom's state machine it is {found!r}",
            restarted,
        )
    require_applied(bench, writes, "tom starts again with a log of four writes", since=began)


@rule(
    "The state machine is what the log adds up to, and nothing else of it survives a crash.",
    "Figure 2: the log is persistent, the state machine is not",
)
def only_the_log_survives(bench: Bench) -> None:
    """While a server is down, its log loses the last entry; then it starts again."""
    begin(bench)
    request(bench, "set x 1")
    request(bench, "set y 2")
    restart(bench, log_ends_at=1)
    restarted = latest(bench, "restarted")
    for key, value in (("x", "1"), ("y", None)):
        found = stored_value(bench, key)
        bench.require(
            found == value,
            f"tom starts again with a log that says set x 1 and nothing more, so {key} should be {value!r}; "
            f"in tom's state machine it is {found!r}, which the log does not say",
            restarted,
        )


@rule(
    "A server that starts again is in the term of the last entry of its log, and logs new writes in that term.",
    "the series' beginning: a term per server, read from its log",
)
def the_term_after_a_restart_is_that_of_the_last_entry(bench: Bench) -> None:
    """A server starts with a log whose last entry has term 3, and is asked for a write."""
    begin(bench, log="1 set x 1; 3 set y 2")
    request(bench, "set z 3")
    appended = latest(bench, "appended")
    term = appended["term"] if appended else None
    bench.require(
        term == 3,
        f"tom starts with a log that ends with an entry of term 3, so the next entry should have term 3; "
        f"tom {'logs nothing' if term is None else f'logs it with term {term}'}",
        appended or latest(bench, "answered"),
    )


# What these checks have in common.


def begin(bench: Bench, log: str = "") -> None:
    """Start one server alone; it leads, where there are leaders."""
    bench.begin(servers=1, log=log, leads=hasattr(bench.node_class, "is_leader"))
    bench.run(1)


def restart(bench: Bench, log_ends_at: int | None = None) -> None:
    """Crash the server under test and start it again, if asked with a shorter log on its disk."""
    simulation, host = bench.simulation, bench.simulation.hosts[bench.me]
    bench.run(1)
    simulation.crash(host)
    bench.run(1)
    if log_ends_at is not None and "log" in host.disk:
        host.disk["log"].truncate_after(log_ends_at)
    simulation.start(host)
    bench.run(1)


def stored_value(bench: Bench, key: str) -> str | None:
    """Give what the server under test has under a key: what it answers, or if it turns clients away, what it holds."""
    if getattr(bench.node, "is_leader", True):
        return request(bench, f"get {key}").value
    return bench.field("state_machine").get(key)  # type: ignore[no-any-return]
