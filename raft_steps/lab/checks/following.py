"""What a server does with a leader's call, for the checks of steps 9 to 12: refuse it, or follow and store what fits.

Step 2 wrote the consistency check and steps 5 and 6 the comparison of terms; steps 9 and 11 write the handler again. The
calls here carry entries that a wrong Node would store, because a refusal that changes nothing by accident proves nothing.
"""

from __future__ import annotations

from raft_steps.lab.checks.bench import Bench, call_fields
from raft_steps.lab.checks.delivery import begin_as, deliver, election_timer_start_us
from raft_steps.lab.checks.election_timers import wait_s_of
from raft_steps.lab.checks.exchange import first, require_log, require_reply, term_of
from raft_steps.lab.commands import NotLeader
from raft_steps.lab.scenario.model import format_seconds
from raft_steps.lab.trace.trace import Event

LOG = "1 set x 1; 1 set y 2; 3 set z 3"  # in most of these checks, on the disk of the server under test


def call(bench: Bench, leader: str, term: int, after: tuple[int, int], entries: str = "") -> list[Event]:
    """Send a leader's call of a term; return what the server under test sent in response."""
    return deliver(bench, "AppendEntries", term, sender=leader, **call_fields(after, entries))


def refuse_what_does_not_follow(bench: Bench) -> None:
    """Call a follower after an entry that it lacks or has with another term, each time with entries that it could store."""
    end = "tom's log ends with entry 3, of term 3"
    for after, entries, story in (
        ((4, 3), "5 set w 4", f"{end}, and spike's call follows entry 4 of term 3"),
        ((5, 4), "5 set w 4", f"{end}, and spike's call follows entry 5 of term 4"),
        ((3, 4), "5 set w 4", f"{end}, and spike's call follows entry 3 of term 4"),
        ((3, 2), "5 set w 4", f"{end}, and spike's call follows entry 3 of term 2"),
        ((2, 2), "2 set w 4; 5 set w 5", "tom's entry 2 has term 1, and spike's call follows entry 2 of term 2"),
        ((1, 3), "5 set w 4", "tom's entry 1 has term 1, and spike's call follows entry 1 of term 3"),
        ((3, 4), "", f"{end}, and spike's heartbeat follows entry 3 of term 4"),
        ((4, 3), "", f"{end}, and spike's heartbeat follows entry 4 of term 3"),
    ):
        bench.begin(log=LOG)
        sent = call(bench, "spike", 5, after, entries)
        changed = bench.events("appended", "truncated")
        did = "appends an entry" if changed and changed[0].kind == "appended" else "deletes entries"
        bench.require(not changed, f"{story}; tom should change nothing, but {did}", first(changed))
        require_reply(bench, sent, success=False, about=after[0], story=story)
        require_sent_to(bench, sent, "spike", story)


def store_what_follows(bench: Bench) -> None:
    """Call a follower after an entry that it has: after its last one, in the middle, and after entry 0."""
    for after, entries, log, what in (
        ((3, 3), "5 set w 4", f"{LOG}; 5 set w 4", "entry 3 of term 3, tom's last one"),
        ((3, 3), "3 set w 4; 4 set v 5; 5 set v 6", f"{LOG}; 3 set w 4; 4 set v 5; 5 set v 6", "entry 3 of term 3, tom's last one"),
        ((2, 1), "", LOG, "entry 2 of term 1, which tom has"),
        ((2, 1), "3 set z 3; 5 set w 4", f"{LOG}; 5 set w 4", "entry 2 of term 1, which tom has"),
        ((0, 0), "1 set x 1; 1 set y 2; 3 set z 3; 5 set w 4", f"{LOG}; 5 set w 4", "entry 0"),
        ((0, 0), "", LOG, "entry 0"),
    ):  # fmt: skip
        bench.begin(log=LOG)
        story = f"spike's {'call' if entries else 'heartbeat'} follows {what}"
        sent = call(bench, "spike", 5, after, entries)
        require_log(bench, log, story)
        require_reply(bench, sent, success=True, about=after[0], story=story)
        require_sent_to(bench, sent, "spike", story)


def delete_what_conflicts(bench: Bench) -> None:
    """Send a follower entries that have another term than its own at the same index: a newer one, and an older one."""
    for log, after, entries, expected, story in (
        (
            "1 set a 1; 1 set b 2; 2 set c 3; 2 set d 4", (1, 1), "1 set b 2; 3 set e 5",
            "1 set a 1; 1 set b 2; 3 set e 5", "tom's entry 3 has term 2, and spike's call carries entry 3 of term 3",
        ),
        (
            "1 set a 1; 3 set b 2; 3 set c 3", (1, 1), "2 set d 4",
            "1 set a 1; 2 set d 4", "tom's entry 2 has term 3, and spike's call carries entry 2 of term 2",
        ),
        (
            "1 set a 1; 2 set b 2; 2 set c 3", (0, 0), "3 set d 4; 3 set e 5; 4 set w 6; 5 set z 7",
            "3 set d 4; 3 set e 5; 4 set w 6; 5 set z 7", "tom's entry 1 has term 1, and spike's call carries entry 1 of term 3",
        ),
    ):  # fmt: skip
        bench.begin(log=log)
        sent = call(bench, "spike", 5, after, entries)
        require_log(bench, expected, story)
        require_reply(bench, sent, success=True, about=after[0], story=story)


def keep_what_matches(bench: Bench) -> None:
    """Send a follower entries that it has: a call arrives twice, an older one late, and the next leader sends a part."""
    bench.begin()
    call(bench, "spike", 1, (0, 0), "1 set x 1; 1 set y 2; 1 set z 3")
    for leader, term, after, entries, story in (
        ("spike", 1, (0, 0), "1 set x 1; 1 set y 2; 1 set z 3", "spike's call with entries 1 to 3 arrives a second time"),
        ("spike", 1, (0, 0), "1 set x 1", "tom has entries 1 to 3, and an older call of spike with entry 1 arrives late"),
        ("spike", 1, (1, 1), "1 set y 2", "tom has entries 1 to 3, and an older call of spike with entry 2 arrives late"),
        ("spike", 1, (0, 0), "", "tom has entries 1 to 3, and spike's heartbeat, which follows entry 0, arrives late"),
        ("jerry", 2, (1, 1), "1 set y 2", "tom has entries 1 to 3, and jerry, the next leader, sends entry 2"),
    ):  # fmt: skip
        require_log(bench, "1 set x 1; 1 set y 2; 1 set z 3", "spike has sent tom entries 1 to 3")
        mark = bench.mark()
        sent = call(bench, leader, term, after, entries)
        changed = bench.events("appended", "truncated", since=mark)
        did = "deletes" if changed and changed[0].kind == "truncated" else "appends"
        bench.require(
            not changed,
            f"{story}; no entry conflicts, so tom's log should not change, but tom {did} entries",
            first(changed),
        )
        require_reply(bench, sent, success=True, about=after[0], story=story)


def change_nothing_for_an_older_call(bench: Bench) -> None:
    """Call a follower, a candidate and a leader in term 4 in term 3: after its log, in place of it, and after a gap."""
    for role in ("follower", "candidate", "leader"):
        # Each of these entries would be stored if the term were not compared: one is new, one conflicts, one leaves a gap.
        for after, entries in (((1, 3), "3 set w 4"), ((0, 0), "2 set w 4"), ((7, 3), "3 set w 4")):
            begin_in_term_4(bench, role)
            bench.run(1)
            before, mark = state_of(bench), bench.mark()
            sent = call(bench, "spike", 3, after, entries)
            story = f"tom is a {role} in term 4 and receives spike's call of term 3"
            changed = bench.events("appended", "truncated", since=mark)
            did = "stores its entries" if changed and changed[0].kind == "appended" else "deletes entries"
            bench.require(not changed, f"{story}; tom should change nothing, but {did}", first(changed))
            now = state_of(bench)
            for name, was in before.items():
                what = f"{story}; its {name} should not change"
                bench.require(now[name] == was, f"{what}, but was {was!r} and is {now[name]!r}", bench.arrival())
            kinds = [event["type"] for event in sent]
            bench.require(
                kinds == ["AppendEntriesRefused"],
                f"{story}; tom should only refuse it, but sends {', '.join(kinds) or 'nothing'}",
                bench.arrival(),
            )
            require_sent_to(bench, sent, "spike", story)
            found = term_of(sent[0])
            bench.require(found == 4, f"{story}; its refusal should carry term 4, but carries term {found}", sent[0])


def begin_in_term_4(bench: Bench, role: str) -> None:
    """Begin with the server under test in term 4 with an entry of term 3, in a role; a follower follows jerry."""
    if role != "follower":
        begin_as(bench, role)
        return
    bench.begin(log="3 set x 1", draws=(18,))
    call(bench, "jerry", 4, (1, 3))


def state_of(bench: Bench) -> dict[str, object]:
    """Return what a refused call must not change, of what the Node under test has."""
    fields = bench.fields()
    known = {
        name: fields[name] for name in ("current_term", "voted_for", "is_leader", "commit_index") if name in fields
    }
    return known | {f"{name} timer": timer_text(bench, name) for name in ("election", "heartbeat")}


def timer_text(bench: Bench, name: str) -> str:
    """Return when a timer of the server under test expires: ``due at 9.2 s``, or ``off``."""
    timers = bench.fields()["timers"]
    return f"due at {format_seconds(timers[name][1])} s" if name in timers else "off"


def follow_the_leader_of_its_term(bench: Bench) -> None:
    """Call a candidate in term 4, as the leader of term 4 and of term 5; the call of another run fails the consistency check."""
    for term in (4, 5):
        for after, entries, log, success in (
            ((1, 3), f"{term} set y 2", f"3 set x 1; {term} set y 2", True),
            ((2, 3), f"{term} set y 2", "3 set x 1", False),
        ):
            begin_as(bench, "candidate")
            bench.run(1)
            sent = call(bench, "spike", term, after, entries)
            story = f"tom is a candidate in term 4, and spike leads in term {term} and calls it"
            kinds = [event["type"] for event in sent]
            bench.require(
                "AppendEntriesRefused" not in kinds,
                f"{story}; tom should follow spike, but refuses the call as one of an older term",
                first(sent),
            )
            require_log(bench, log, story)
            require_reply(bench, sent, success=success, about=after[0], story=story)
            require_sent_to(bench, sent, "spike", story)
            now = bench.field("current_term")
            bench.require(
                now == term, f"{story}; tom should be in term {term} now, but is in term {now}", bench.arrival()
            )
            require_timer_restarted(bench, True, story)


def restart_the_timer_for_the_leader_only(bench: Bench) -> None:
    """Call a follower in term 4: its leader's call fits, or fails the consistency check; a call of term 3 does neither."""
    for leader, term, after, restarted, story in (
        ("jerry", 4, (1, 3), True, "the call of its leader, jerry"),
        ("jerry", 4, (7, 4), True, "a call of its leader, jerry, that fails the consistency check"),
        ("spike", 3, (1, 3), False, "a call of term 3 from spike, a former leader"),
        ("spike", 5, (1, 3), True, "a call of term 5 from spike, the next leader"),
        ("spike", 5, (7, 4), True, "a call of term 5 from spike, the next leader, that fails the consistency check"),
    ):
        begin_in_term_4(bench, "follower")
        bench.run(2)
        call(bench, leader, term, after)
        require_timer_restarted(bench, restarted, f"tom follows jerry in term 4 and receives {story}")


def require_timer_restarted(bench: Bench, restarted: bool, story: str) -> None:
    """Check whether the message just received restarted the election timer, and for a full timeout.

    Raises:
        CheckFailed: It did and should not have, or the other way round, or with another time than its election timeout.
    """
    received = bench.arrival()
    found = election_timer_start_us(bench) == received.time_us
    should, does = ("should restart", "does not") if restarted else ("should keep running", "restarts")
    bench.require(found == restarted, f"{story}; its election timer {should}, but {does}", received)
    if restarted:
        timer = [event for event in bench.events("timer_started") if event["timer"] == "election"][-1]
        wait_s = wait_s_of(timer)
        timeout_s = bench.field("election_timeout", wait_s)
        bench.require(
            wait_s == timeout_s,
            f"{story}; it should wait its full election timeout again, {timeout_s} s, but starts its timer with {wait_s:g} s",
            timer,
        )


def depose_a_leader_and_store(bench: Bench) -> None:
    """Call the leader of term 4 as the leader of term 5, with entries that replace its own."""
    begin_as(bench, "leader")
    bench.ask("set y 2")
    bench.run(1)
    sent = call(bench, "spike", 5, (1, 3), "5 set z 3; 5 set w 4")
    story = "tom leads in term 4, and spike leads in term 5 and sends entries 2 and 3"
    leads = bench.field("is_leader")
    bench.require(not leads, f"{story}; tom should follow spike, but still leads", bench.arrival())
    require_log(bench, "3 set x 1; 5 set z 3; 5 set w 4", story)
    require_reply(bench, sent, success=True, about=1, story=story)
    require_sent_to(bench, sent, "spike", story)
    require_timer_restarted(bench, True, story)


def log_writes_as_leader_only(bench: Bench) -> None:
    """Send writes and reads to a follower, a candidate and a deposed leader, which answer NotLeader, and to a leader."""
    for role in ("follower", "candidate", "deposed leader"):
        begin_as(bench, "leader" if role == "deposed leader" else role)
        if role == "deposed leader":
            deliver(bench, "AppendEntriesRefused", 9)
        for command in ("set y 2", "delete x", "get x"):
            mark = bench.mark()
            answer = bench.answer(bench.ask(command))
            bench.run(1)
            story = f"tom is a {role}, and a client sends {command!r}"
            logged = bench.events("appended", since=mark)
            bench.require(not logged, f"{story}; only a leader logs, but tom appends an entry", first(logged))
            does = "does not answer" if answer is None else f"answers {answer!r}"
            bench.require(
                isinstance(answer, NotLeader),
                f"{story}; it should answer NotLeader, but {does}",
                bench.events("asked")[-1],
            )
    begin_as(bench, "leader")
    mark = bench.mark()
    bench.ask("set y 2")
    logged = bench.events("appended", since=mark)
    found = [(event["term"], event["command"]) for event in logged]
    bench.require(
        found == [(4, "set y 2")],
        "tom leads in term 4, and a client sends set y 2; tom should log it once, as an entry of term 4, but logs "
        + ("; ".join(f"{command} of term {term}" for term, command in found) or "nothing"),
        first(logged) or bench.events("asked")[-1],
    )


def require_sent_to(bench: Bench, sent: list[Event], to: str, story: str) -> None:
    """Check that a server answers the sender of a call, and nobody else.

    Raises:
        CheckFailed: It sends a message to another server.
    """
    wrong = first([event for event in sent if event["to"] != to])
    bench.require(
        not wrong,
        f"{story}; tom should answer {to}, but sends {wrong['type'] if wrong else ''} to {wrong['to'] if wrong else ''}",
        wrong,
    )
