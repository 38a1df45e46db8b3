"""The checks of step 18: what comes before an election, who refuses it, when a leader stops, and how it hands over."""

from __future__ import annotations

from itertools import pairwise

from raft_steps.lab.checks import exchange
from raft_steps.lab.checks.again import run_earlier_checks
from raft_steps.lab.checks.bench import Bench
from raft_steps.lab.checks.elections import require_leading, send_vote
from raft_steps.lab.checks.pre_vote_exchange import (
    LOG,
    OTHERS,
    WITHOUT_TOM,
    answer_question,
    ask_first,
    exchange_two,
    follow_three,
    lead_three,
    require_election,
    require_nothing_begun,
    require_question_answered,
    require_refused,
    require_term,
    require_unchanged_by_question,
    require_vote,
)
from raft_steps.lab.checks.replication import (
    acknowledge,
    call,
    elect,
    lead,
    require_answer,
    require_following,
    require_not_sent,
)
from raft_steps.lab.checks.rules import rule
from raft_steps.lab.commands import NotLeader
from raft_steps.lab.text import plural

PRE_VOTE = "Dissertation, Section 9.6: a candidate increments its term only if it first learns that it could win"
STICKY = (
    "Section 6 and dissertation, Section 4.2.3: no vote within the minimum election timeout of hearing from a leader"
)
QUORUM = "Dissertation, Section 6.2: a leader steps down if an election timeout passes without answers of a majority"
MEMBERS = "Section 6: decisions are made by the voters of the configuration in force"
TRANSFER = "Dissertation, Section 3.10: leadership transfer"


@rule(
    "A server whose timeout has passed asks who would vote for it in the next term, and stays in its term; again and again, if need be.",
    PRE_VOTE,
)
def a_timeout_asks_first(bench: Bench) -> None:
    """A follower has voted in a term that is newer than its log; then nobody answers it for two minutes."""
    bench.begin(log="1 set x 1; 1 set y 2; 2 set z 3", asks_first=True)
    require_vote(bench, "jerry", 4, False, "tom has heard no leader yet")
    bench.run(120)
    for peer in exchange.PEERS:
        asked = bench.sent("PreVote", to=peer)
        bench.require(
            len(asked) >= 120 // 18,
            f"tom receives nothing for 120 s; it should ask {peer} after each timeout, but sends it {plural(len(asked), 'PreVote')}",
        )
        expected = {"term": 5, "last_log_index": 3, "last_log_term": 2}
        for event in asked:
            found = {name: exchange.field_of(event, name) for name in expected}
            bench.require(
                found == expected,
                f"tom is in term 4, and its log ends in term 2; its PreVote should have {expected}, but has {found}",
                event,
            )
    times = [event.time_us for event in bench.sent("PreVote", to="jerry")]
    bench.require(
        len({later - earlier for earlier, later in pairwise(times)}) > 1,
        "tom asks again and again; it should draw a new timeout each time, but asks at equal distances",
    )
    require_nothing_begun(bench, "nobody has answered tom's questions", term=4, vote="jerry")


@rule(
    "A majority, each server counted once and the server itself too, begins the election; refusals do not count.",
    PRE_VOTE,
)
def a_majority_begins_the_election(bench: Bench) -> None:
    """In clusters of five, three and one, a follower asks, and answers arrive one by one."""
    ask_first(bench, 5)
    for peer, granted in (("jerry", True), ("jerry", True), ("spike", False), ("tyke", False)):
        answer_question(bench, peer, granted=granted)
    require_nothing_begun(
        bench, "of five servers, jerry would vote for tom, says so twice, and spike and tyke would not"
    )
    answer_question(bench, "butch")
    require_election(bench, 3, "of five servers, jerry and butch would vote for tom")
    ask_first(bench, 3)
    answer_question(bench, "spike")
    require_election(bench, 3, "of three servers, spike would vote for tom")
    bench.begin(1, log=LOG, asks_first=True)
    bench.run(19)
    require_leading(bench, True, "tom is the only server, a majority by itself, and its timeout has passed")


@rule("Only answers to the present question count: about the next term, from a server that still asks.", PRE_VOTE)
def only_answers_to_this_question_count(bench: Bench) -> None:
    """An answer is about an earlier term; others arrive when the server follows a leader, or leads itself."""
    ask_first(bench)
    answer_question(bench, "jerry", next_term=2)
    require_nothing_begun(bench, "tom asks about term 3, and jerry's answer to a question about term 2 arrives")
    call(bench, "spike", 2, (2, 2))
    for peer in exchange.PEERS:
        answer_question(bench, peer)
    require_nothing_begun(bench, "spike leads in term 2 and has called; then late answers to tom's question arrive")
    ask_first(bench)
    answer_question(bench, "jerry")
    require_election(bench, 3, "jerry would vote for tom")
    bench.run_until_sent("PreVote", 19)
    send_vote(bench, "jerry")
    require_leading(bench, True, "tom runs in term 3, asks about term 4 because no vote arrives, and then gets jerry's")
    for peer in exchange.PEERS:
        answer_question(bench, peer, next_term=4, term=3)
    require_leading(bench, True, "tom leads in term 3; then late answers to its question about term 4 arrive")
    found = bench.field("current_term")
    bench.require(
        found == 3,
        f"tom leads in term 3, and late answers to a question arrive; it should be in term 3, but is in term {found}",
        bench.arrival(),
    )


@rule(
    "The term of a refusal is learnt: otherwise a server whose log the others need might ask about an old term for ever.",
    PRE_VOTE + "; etcd issue 8243, openraft issue 1796",
)
def the_term_of_a_refusal_is_learnt(bench: Bench) -> None:
    """A server is refused by one that is in a newer term, and asks again."""
    ask_first(bench)
    answer_question(bench, "jerry", granted=False, term=7)
    found = bench.field("current_term")
    story = "tom is in term 2 and asks about term 3; jerry is in term 7 and refuses"
    bench.require(found == 7, f"{story}; tom should be in term 7, but is in term {found}", bench.arrival())
    asked = bench.run_until_sent("PreVote", 19)
    about = exchange.field_of(asked[-1], "term")
    bench.require(about == 8, f"{story}; tom should then ask about term 8, but asks about term {about}", asked[-1])


@rule(
    "A question changes nothing, whatever the answer: no term, no vote, no timer; several may get the same answer.",
    PRE_VOTE,
)
def a_question_changes_nothing(bench: Bench) -> None:
    """Two servers ask one that hears no leader; two ask a leader, about a term far ahead."""
    bench.begin(log=LOG, draws=(18, 18), asks_first=True)
    bench.run(9)
    for peer, term in (("jerry", 3), ("spike", 9), ("jerry", 3)):
        require_unchanged_by_question(bench, peer, term, True, "tom has heard no leader for 9 s")
    lead(bench, log=LOG)
    for peer in exchange.PEERS:
        require_unchanged_by_question(bench, peer, 90, False, "tom leads in term 3")


@rule(
    "A server would vote if it would: it hears no leader, the term is newer than its own, and the log is as up to date.",
    PRE_VOTE + "; Section 5.4.1",
)
def a_server_says_whether_it_would_vote(bench: Bench) -> None:
    """A server is asked soon after a leader's call and long after it, about several terms, and with several logs."""
    bench.begin(log=LOG, draws=(18, 18), asks_first=True)
    call(bench, "spike", 4, (2, 2))
    bench.run(7 - bench.delay_s)
    require_question_answered(bench, "jerry", 5, False, "spike, the leader, has called 7 s ago")
    bench.run(1.5)
    story = "the last call of a leader is more than 8 s old"
    for last_log_index, last_log_term, granted in ((2, 2, True), (1, 2, False), (9, 1, False), (1, 3, True)):
        require_question_answered(bench, "jerry", 6, granted, story, log=(last_log_index, last_log_term))
    for term, granted in ((4, False), (3, False), (5, True)):
        require_question_answered(bench, "spike", term, granted, f"{story}, and tom is in term 4")


@rule("While a server hears a leader, or leads, it refuses its vote, and does not even learn the term.", STICKY)
def votes_are_refused_while_a_leader_is_heard(bench: Bench) -> None:
    """A candidate of a term far ahead asks a follower soon after a call and long after it, and asks a leader."""
    bench.begin(log=LOG, draws=(18, 18))
    call(bench, "spike", 2, (2, 2))
    bench.run(7 - bench.delay_s)
    require_refused(bench, "jerry", 40, 2, "spike, the leader of term 2, has called 7 s ago")
    bench.run(1.5)
    story = "the last call of a leader is more than 8 s old"
    require_vote(bench, "jerry", 40, False, story)
    lead(bench, log=LOG)
    require_refused(bench, "jerry", 40, 3, "tom leads in term 3")
    require_leading(bench, True, "tom leads, and jerry, a candidate of term 40, has asked for its vote")


@rule("If the leader wants the election, votes are given at once, although the leader is heard.", TRANSFER)
def votes_are_given_if_the_leader_wants_it(bench: Bench) -> None:
    """A candidate that the leader has asked to run asks a follower that has just been called, and the leader itself."""
    bench.begin(log=LOG)
    call(bench, "spike", 2, (2, 2))
    require_vote(bench, "jerry", 3, True, "spike leads in term 2 and hands over to jerry")
    lead(bench, log=LOG)
    require_vote(bench, "jerry", 4, True, "tom leads in term 3 and hands over to jerry")
    require_following(bench, 4, "tom has voted for jerry in term 4")


@rule(
    "A leader of an older term is told the newer one, and does not count as heard: it must step down, or nobody is elected.",
    "Section 5.1; etcd issue 8501",
)
def an_older_leader_is_told_the_term(bench: Bench) -> None:
    """A server that has voted in a newer term is called by the old leader, and then asked for its vote again."""
    bench.begin(log=LOG, draws=(18, 18), asks_first=True)
    require_vote(bench, "jerry", 5, False, "tom has heard no leader yet")
    sent = call(bench, "spike", 2, (2, 2))
    story = "tom has voted for jerry in term 5, and spike, the leader of term 2, calls"
    terms = [exchange.field_of(event, "term") for event in sent if event["to"] == "spike"]
    bench.require(
        terms == [5], f"{story}; tom should answer once, with term 5, but answers {terms or 'nothing'}", bench.arrival()
    )
    require_question_answered(bench, "jerry", 6, True, story)


@rule(
    "A leader whom no majority has answered for an election timeout stops leading, in the same term; with answers it goes on.",
    QUORUM,
)
def a_leader_needs_a_majority(bench: Bench) -> None:
    """Nobody answers a new leader. Of four followers two answer, then one does; the votes of the election arrive again."""
    lead(bench, log=LOG)
    bench.run(18.5)
    require_following(bench, 3, "tom leads three servers in term 3, and nobody has answered a call for 19 s")
    lead(bench, 5, log=LOG)
    for _ in range(20):
        bench.run(5)
        for follower in ("jerry", "butch"):
            acknowledge(bench, follower, 3)
    story = "tom leads five servers in term 3, and jerry and butch have answered every heartbeat for 100 s"
    require_leading(bench, True, story)
    require_question_answered(bench, "jerry", 9, False, story, log=(99, 80))
    client = bench.ask("set x 5")
    for _ in range(36 // 5 + 1):
        if bench.field("is_leader"):
            bench.run(5)
            acknowledge(bench, "jerry", 3)
    require_following(bench, 3, f"{story}; for 40 s, jerry alone has answered")
    require_answer(bench, client, False, story)
    found = bench.answer(bench.ask("set x 6"))
    bench.require(
        found == NotLeader(leader=None),
        f"{story}; then tom stops leading, and a client asks; tom should answer NotLeader and name nobody, but answers {found!r}",
        exchange.latest(bench, "answered", "asked"),
    )
    mark = bench.mark()
    for peer in ("spike", "jerry", "tyke", "butch"):
        send_vote(bench, peer)
    bench.run(5.5)
    calls = bench.sent("AppendEntries", since=mark)
    bench.require(
        not calls,
        f"{story}; then jerry alone answers, and tom stops leading; but it still calls",
        exchange.first(calls),
    )


@rule(
    "Only answers to calls of this leadership count: not those from before, when the server led in an older term.",
    QUORUM,
)
def a_leader_elected_again_needs_new_answers(bench: Bench) -> None:
    """Jerry answers every call; then spike leads for a moment, tom is elected again, and nobody answers."""
    lead(bench, log=LOG)
    for _ in range(6):
        bench.run(5)
        acknowledge(bench, "jerry", 3)
    call(bench, "spike", 4, (3, 3))
    story = "tom has led, has followed spike in term 4, and is elected again"
    elect(bench)
    bench.run(18.5)
    require_following(bench, bench.field("current_term"), f"{story}; nobody has answered a call since then, for 19 s")


@rule(
    "A server that knows that it does not vote asks nobody, and does not run; one that is not sure may be needed, and asks.",
    MEMBERS,
)
def who_does_not_vote_does_not_ask(bench: Bench) -> None:
    """Tom is a learner, or removed; its leader asks it to run, and is gone. Then its removal is not committed."""
    bench.begin(5, members=("jerry", "spike", "tyke"), at_the_beginning=True, asks_first=True)
    call(bench, "jerry", 1, (0, 0), "1 set x 1", commit=1)
    removed = f"1 {WITHOUT_TOM} from tom,jerry,spike; 1 {WITHOUT_TOM}"
    for story in ("tom does not vote, and jerry sends it an entry", "tom is removed, and knows that this is committed"):
        if "removed" in story:
            follow_three(bench, removed, commit=3)
        bench.send("jerry", "TimeoutNow", term=1)
        asked = bench.sent("RequestVote")
        bench.require(
            not asked,
            f"{story}; jerry sends it TimeoutNow, which tom should ignore, but it runs for leader",
            exchange.first(asked),
        )
        require_not_sent(bench, 40, "PreVote", story)
    follow_three(bench, removed, commit=1)
    story = "the last entries of tom's log remove it, and are not committed"
    asked_to = {event["to"] for event in bench.run_until_sent("PreVote", 19, f"{story}; tom should ask who would vote")}
    bench.require(
        asked_to == {"jerry", "spike"},
        f"{story}; tom should ask jerry and spike, but asks {', '.join(sorted(asked_to))}",
        exchange.latest(bench, "sent"),
    )
    answer_question(bench, "jerry", next_term=2)
    early = bench.sent("RequestVote")
    bench.require(
        not early,
        f"{story}; jerry would vote for tom, but spike has not answered, and tom does not vote: it should not run yet",
        exchange.first(early),
    )
    answer_question(bench, "spike", next_term=2)
    bench.require(
        bench.sent("RequestVote"), f"{story}; both voters would vote for tom, so it should run", bench.arrival()
    )


@rule("In a joint configuration, a leader needs the answers of both majorities.", QUORUM + "; " + MEMBERS)
def a_joint_leader_needs_both_majorities(bench: Bench) -> None:
    """The old voters answer alone, then the new ones alone; then one of each answers."""
    for answering in (("jerry", "spike"), ("tyke", "butch"), ("jerry", "tyke")):
        exchange_two(bench)
        story = f"tom has logged {OTHERS} from tom,jerry,spike; for 60 s, {' and '.join(answering)} alone answer"
        for _ in range(60 // 5):
            if bench.field("is_leader"):
                bench.run(5)
                for follower in answering:
                    acknowledge(bench, follower, 1)
        require_leading(bench, answering == ("jerry", "tyke"), story)


@rule("A leader that hands over asks the successor to run as soon as it has the whole log, and nobody else.", TRANSFER)
def the_successor_is_asked_when_it_has_the_log(bench: Bench) -> None:
    """One follower has all entries; to another one, the leader hands over before its last write is there."""
    for peer, behind in (("jerry", False), ("tyke", True)):
        lead(bench, 5, log=LOG)
        for follower in bench.peers:
            acknowledge(bench, follower, 3)
        if behind:
            bench.ask("set x 5")
        mark = bench.mark()
        client = bench.ask(f"transfer {peer}")
        story = f"tom leads in term 3 and is asked to hand over to {peer}"
        require_answer(bench, client, True, story)
        if behind:
            early = bench.sent("TimeoutNow", since=mark)
            bench.require(
                not early, f"{story}, which lacks entry 4; tom should wait, but sends TimeoutNow", exchange.first(early)
            )
            for follower in ("jerry", "spike", peer):
                acknowledge(bench, follower, 4)
        sent = bench.sent("TimeoutNow", since=mark)
        found = [(event["to"], exchange.field_of(event, "term")) for event in sent]
        bench.require(
            found[:1] == [(peer, 3)] and {to for to, _ in found} == {peer},
            f"{story}, which has every entry; tom should send TimeoutNow of term 3 to it alone, but sends {found or 'none'}",
            exchange.latest(bench, "delivered", "asked"),
        )


@rule(
    "While it hands over, a leader accepts no commands; after the least timeout without a new leader it goes on.",
    TRANSFER,
)
def no_commands_while_handing_over(bench: Bench) -> None:
    """Clients write during a transfer that fails, and after it; then a transfer succeeds, and tom is elected again."""
    bench.begin(log=LOG)
    call(bench, "spike", 2, (2, 2))
    found = bench.answer(bench.ask("transfer jerry"))
    bench.require(
        found == NotLeader(leader="spike"),
        f"tom follows spike and is asked to hand over to jerry; it should answer NotLeader and name spike, but answers {found!r}",
    )
    lead(bench, log=LOG)
    for name in ("tom", "nibbles"):
        found = bench.answer(bench.ask(f"transfer {name}"))
        bench.require(
            found == NotLeader(leader="tom"),
            f"tom leads and is asked to hand over to {name}; it should answer NotLeader and name itself, but answers {found!r}",
        )
    lead_three(bench)
    bench.ask("members tom,jerry,spike,tyke")
    found = bench.answer(bench.ask("transfer tyke"))
    bench.require(
        isinstance(found, NotLeader),
        f"tom leads, and tyke is a learner; tom is asked to hand over to tyke, and should answer NotLeader, but answers {found!r}",
    )
    lead(bench, log=LOG)
    for _ in range(2):
        bench.ask("transfer jerry")
        before, found = bench.log(), bench.answer(bench.ask("set x 5"))
        story = "tom hands over to jerry, and a client sends 'set x 5'"
        bench.require(
            found == NotLeader(leader="jerry"),
            f"{story}; tom should answer NotLeader and name jerry, but answers {found!r}",
        )
        found = bench.answer(bench.ask("members tom,jerry"))
        bench.require(
            isinstance(found, NotLeader),
            f"tom hands over to jerry, and a client asks it to remove spike; it should answer NotLeader, but answers {found!r}",
            exchange.latest(bench, "asked"),
        )
        bench.require(bench.log() == before, f"{story}; its log should be '{before}', but is '{bench.log()}'")
        bench.run(8.5)
        mark = bench.mark()
        bench.ask("set x 5")
        index = len(bench.field("log")) - 1
        story = "tom was to hand over to jerry, which was not elected within 8 s"
        bench.require(
            bench.log() != before, f"{story}; it should log 'set x 5', but does not", exchange.latest(bench, "asked")
        )
        for peer in exchange.PEERS:
            acknowledge(bench, peer, index)
        late = bench.sent("TimeoutNow", since=mark)
        bench.require(not late, f"{story}; later it should send no TimeoutNow, but does", exchange.first(late))
    bench.ask("transfer jerry")
    require_vote(bench, "jerry", 4, True, "tom leads in term 3 and hands over to jerry")
    call(bench, "jerry", 4, (2, 2))
    bench.send("jerry", "TimeoutNow", term=4)
    send_vote(bench, "spike")
    require_leading(bench, True, "tom has handed over to jerry, which hands over to tom, and spike votes for it")
    before = bench.log()
    bench.ask("set x 7")
    bench.require(bench.log() != before, "tom has handed over and leads again; it should log 'set x 7', but does not")


@rule(
    "A server that is asked to run now begins an election at once, without a question, if the leader of its term asks.",
    TRANSFER,
)
def a_successor_runs_at_once(bench: Bench) -> None:
    """A follower that hears its leader gets TimeoutNow of an older term, of its own, and a copy of it; and so does a leader."""
    bench.begin(log=LOG, asks_first=True)
    call(bench, "spike", 2, (2, 2))
    bench.send("spike", "TimeoutNow", term=1)
    require_nothing_begun(bench, "tom is in term 2, and TimeoutNow of term 1 arrives")
    bench.send("spike", "TimeoutNow", term=2)
    require_election(bench, 3, "tom follows spike in term 2, which hands over to it", is_transfer=True)
    asked = bench.sent("PreVote")
    bench.require(not asked, "spike hands over to tom, which should not ask first, but does", exchange.first(asked))
    bench.send("spike", "TimeoutNow", term=2)
    require_term(bench, 3, "tom runs in term 3, and a copy of spike's TimeoutNow of term 2 arrives")
    send_vote(bench, "jerry")
    require_leading(bench, True, "spike has handed over to tom, and jerry votes for it")
    bench.send("spike", "TimeoutNow", term=3)
    require_term(bench, 3, "tom leads in term 3, and TimeoutNow of term 3 arrives")
    bench.run(8)
    story = "spike handed over to tom, which has led in term 3 for more than 8 s"
    require_question_answered(bench, "jerry", 9, False, story, log=(99, 80))


@rule(
    "What earlier steps ask of a server is still so, except what this step changes.",
    "Sections 5.1 to 5.4, Section 8; the steps before",
)
def the_rules_of_earlier_steps_still_hold(bench: Bench) -> None:
    """The checks of the steps before run again, except those that a later step replaces."""
    run_earlier_checks(bench, 18)
