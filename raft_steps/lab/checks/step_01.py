"""The checks of step 1: one server logs every write, answers reads from its state machine, and replays its log."""

from __future__ import annotations

from raft_steps.lab.checks import rule
from raft_steps.lab.checks.bench import Bench
from raft_steps.lab.checks.exchange import first, latest, read, request, require_applied


@rule(
    "A server answers every request: a write with Ok, a read with the value that was stored.",
    "Section 2: clients talk to state machines; the series' beginning",
)
def a_value_that_was_set_is_read(stage: Bench) -> None:
    """A client stores two values and reads them."""
    begin(stage)
    request(stage, "set x 1")
    request(stage, "set y 2")
    read(stage, "x", "1", "x was set to 1")
    read(stage, "y", "2", "y was set to 2")


@rule(
    "A key that was never set, or was deleted, has no value: a read of it gives None and is no error.",
    "the series' beginning: set, get, delete",
)
def a_key_that_is_not_there_reads_as_none(stage: Bench) -> None:
    """A client reads a key that was never set, and one that was deleted."""
    begin(stage)
    read(stage, "x", None, "x was never set")
    request(stage, "set x 1")
    request(stage, "delete x")
    read(stage, "x", None, "x was set and then deleted")


@rule(
    "Deleting a key that is not there changes nothing and is answered like any other write.",
    "the series' beginning: in the original, a second delete of the same key was an error",
)
def deleting_an_absent_key_is_fine(stage: Bench) -> None:
    """A client deletes a key that was never set, and deletes one twice."""
    begin(stage)
    request(stage, "delete x")
    request(stage, "set y 1")
    request(stage, "delete y")
    request(stage, "delete y")


@rule(
    "Commands are logged and carried out in the order in which they came: the last write of a key is what is read.",
    "Section 2: state machines process the commands of the log in order",
)
def later_writes_win(stage: Bench) -> None:
    """A client writes the same key four times."""
    begin(stage)
    writes = ["set x 1", "delete x", "set x 2", "set x 3"]
    for command in writes:
        request(stage, command)
    read(stage, "x", "3", "x was set to 1, deleted, set to 2 and set to 3")
    logged = [event["command"] for event in stage.events("appended")]
    stage.require(
        logged == writes,
        "a client asks tom for set x 1, delete x, set x 2 and set x 3, and the log should hold them in this order; "
        f"tom's was given {'; '.join(logged) or 'nothing'}",
        latest(stage, "appended", "answered"),
    )
    require_applied(stage, writes, "a client asks tom for set x 1, delete x, set x 2 and set x 3")


@rule(
    "A write is in the log before its client is told that it is done; what is not logged is lost in a crash.",
    "Figure 2: persistent state is updated before a server answers; the series' beginning",
)
def a_write_is_logged_before_it_is_answered(stage: Bench) -> None:
    """A client sets and deletes a key."""
    begin(stage)
    for command in ("set x 1", "delete x"):
        mark = stage.mark()
        request(stage, command)
        answered = latest(stage, "answered")
        logged = [event["command"] for event in stage.events("appended", since=mark)]
        stage.require(
            logged == [command],
            f"tom tells a client that {command!r} is done, so this one entry should be in the log by now; "
            f"the log was given {'; '.join(logged) or 'nothing'}",
            answered,
        )


@rule(
    "The log holds what changes the state machine; a read changes nothing and is not logged.",
    "Figure 2, log[]: entries hold commands for the state machine; the series' beginning",
)
def reads_are_not_logged(stage: Bench) -> None:
    """After one write a client reads the key, and one that is not there; then it waits for what may come late."""
    begin(stage)
    request(stage, "set x 1")
    request(stage, "get x")
    request(stage, "get y")
    stage.run(2)
    appended = stage.events("appended")
    written = first([event for event in appended if event["command"] == "set x 1"])
    more = first([event for event in appended if event is not written])
    stage.require(
        not more,
        "clients ask tom for one write, set x 1, and for two reads, which should leave the log as it is; "
        "tom appends an entry beside the one for set x 1",
        more,
    )


@rule(
    "A server that starts again carries out every command of its log, and stands where it stood before.",
    "the series' beginning: the log is replayed at start-up",
)
def a_restart_replays_the_log(stage: Bench) -> None:
    """A server that has carried out four writes crashes and starts again."""
    begin(stage)
    writes = ["set x 1", "set y 2", "delete x", "set y 3"]
    for command in writes:
        request(stage, command)
    began = stage.mark()
    restart(stage)
    restarted = latest(stage, "restarted")
    kept = [entry["command"] for entry in restarted["log"]] if restarted else []
    stage.require(
        len(kept) == 4,
        f"tom logged four writes and crashed; its disk should hold all four, but it holds {len(kept)}: "
        f"is 'log' among the names in durable?",
        restarted,
    )
    for key, value in (("y", "3"), ("x", None)):
        found = remembered(stage, key)
        stage.require(
            found == value,
            f"tom starts again with a log that says set x 1; set y 2; delete x; set y 3, so {key} should be {value!r}; "
            f"in tom's state machine it is {found!r}",
            restarted,
        )
    require_applied(stage, writes, "tom starts again with a log of four writes", since=began)


@rule(
    "The state machine is what the log adds up to, and nothing else of it survives a crash.",
    "Figure 2: the log is persistent, the state machine is not",
)
def only_the_log_survives(stage: Bench) -> None:
    """While a server is down, its log loses the last entry; then it starts again."""
    begin(stage)
    request(stage, "set x 1")
    request(stage, "set y 2")
    restart(stage, log_ends_at=1)
    restarted = latest(stage, "restarted")
    for key, value in (("x", "1"), ("y", None)):
        found = remembered(stage, key)
        stage.require(
            found == value,
            f"tom starts again with a log that says set x 1 and nothing more, so {key} should be {value!r}; "
            f"in tom's state machine it is {found!r}, which the log does not say",
            restarted,
        )


@rule(
    "A server that starts again is in the term of the last entry of its log, and logs new writes in that term.",
    "the series' beginning: a term per server, read from its log",
)
def the_term_after_a_restart_is_that_of_the_last_entry(stage: Bench) -> None:
    """A server starts with a log whose last entry has term 3, and is asked for a write."""
    begin(stage, log="1 set x 1; 3 set y 2")
    request(stage, "set z 3")
    appended = latest(stage, "appended")
    term = appended["term"] if appended else None
    stage.require(
        term == 3,
        f"tom starts with a log that ends with an entry of term 3, so the next entry should have term 3; "
        f"tom {'logs nothing' if term is None else f'logs it with term {term}'}",
        appended or latest(stage, "answered"),
    )


# What these checks have in common.


def begin(stage: Bench, log: str = "") -> None:
    """Start one server alone; it leads, where there are leaders."""
    stage.begin(servers=1, log=log, leads=hasattr(stage.node_class, "is_leader"))
    stage.run(1)


def restart(stage: Bench, log_ends_at: int | None = None) -> None:
    """Crash the server under test and start it again, if asked with a shorter log on its disk."""
    simulation, host = stage.simulation, stage.simulation.hosts[stage.me]
    stage.run(1)
    simulation.crash(host)
    stage.run(1)
    if log_ends_at is not None and "log" in host.disk:
        host.disk["log"].truncate_after(log_ends_at)
    simulation.start(host)
    stage.run(1)


def remembered(stage: Bench, key: str) -> str | None:
    """Give what the server under test has under a key: what it answers, or if it turns clients away, what it holds."""
    if getattr(stage.node, "is_leader", True):
        return request(stage, f"get {key}").value
    return stage.field("state_machine").get(key)  # type: ignore[no-any-return]
