"""The search finds the shortest run that breaks an invariant, and never mistakes one outcome for another."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from itertools import count
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from raft_steps import node
from raft_steps.lab.commands import Ok
from raft_steps.lab.errors import NodeError, ScenarioError
from raft_steps.lab.verify.model_checker import (
    EXHAUSTED,
    GOAL_FOUND,
    NOBODY_CAN_BE_ELECTED,
    NODE_FAILED,
    OUTCOMES,
    TIME_OUT,
    VIOLATED,
    Phase,
    Replay,
    Schedule,
    Scope,
    Search,
    SearchResult,
    committed,
    down,
    leader,
    predicate,
    run_phases,
    run_schedule,
    stored_schedule,
    stored_schedule_names,
)
from raft_steps.lab.verify.model_checker import stored_schedules as package
from raft_steps.lab.verify.model_checker.exploration import SearchProgress
from raft_steps.lab.verify.model_checker.minimise import minimise
from raft_steps.lab.verify.model_checker.successors import NodeFailedError
from tests.verify.model_checker.search_tools import (
    FIGURE_8,
    FIGURE_8_RULES,
    STORED_SEARCHES,
    CountsOlderTerms,
    ForgetsItsVote,
    LaterNode,
    found_schedule,
)

TWO_ELECTIONS = Scope(timeouts={"election": 2})
ROOT = Path(__file__).parents[3]


def summary(result: SearchResult) -> tuple[str, str, int | None]:
    """Return what equal searches agree in: the outcome, what was found, and in how many events."""
    return result.outcome, result.what, None if result.schedule is None else len(result.schedule.steps)


# The three bugs that the model checker was written for.


def test_even_cluster_has_two_leaders() -> None:
    """Step 8 with four servers: half of the votes are enough, so each half elects a leader, in six events."""
    result = Search(8, servers=4).run(TWO_ELECTIONS, invariants="Election Safety")

    assert (VIOLATED, "Election Safety", 6) == summary(result)
    assert "tom" in result.words
    assert "term 1" in result.words
    assert result.replay().breaks[0].step == 6


def test_even_cluster_needs_no_second_vote() -> None:
    """Four servers have two leaders even if no server votes twice in a term: the cause is that half is enough."""
    schedule = found_schedule("two_leaders_of_four")
    broken = run_schedule(schedule, invariants=("Election Safety", "One Vote per Term")).breaks

    assert ["Election Safety"] == [each.name for each in broken]


@pytest.mark.slow
def test_server_votes_again_after_restart() -> None:
    """A server that does not store its vote votes again after a crash, and two servers lead in one term."""
    scope = Scope(timeouts={"election": 2}, crashes=1)
    twice = Search(ForgetsItsVote).run(scope, invariants="One Vote per Term")
    leaders = Search(ForgetsItsVote).run(scope, invariants="Election Safety")

    assert (VIOLATED, "One Vote per Term", 5) == summary(twice)
    assert (VIOLATED, "Election Safety", 8) == summary(leaders)
    assert EXHAUSTED == Search(LaterNode).run(scope, invariants=("One Vote per Term", "Election Safety")).outcome


def test_figure_8_is_found_in_phases() -> None:
    """With term and vote on disk, an entry of an earlier term that is committed by counting is lost (Figure 8)."""
    result, lines = run_phases(Search(CountsOlderTerms), FIGURE_8, invariants=FIGURE_8_RULES)

    assert (VIOLATED, "Leader Completeness") == summary(result)[:2]
    assert [phase.name for phase in FIGURE_8] == [line.partition(". ")[2].partition(": ")[0] for line in lines]
    assert ["Leader Completeness"] == [each.name for each in result.replay().breaks]


def test_figure_8_is_gone_with_its_rule() -> None:
    """If only entries of the leader's own term commit by counting, the same phases exhaust their space."""
    result, lines = run_phases(Search(LaterNode), FIGURE_8, invariants=FIGURE_8_RULES)

    assert result.exhausted
    assert result.states > 1000
    assert len(FIGURE_8) == len(lines)
    assert "Space exhausted: no order of events within the scope breaks anything." in str(result)


@pytest.mark.parametrize("name", STORED_SEARCHES)
def test_stored_schedule_is_what_the_search_finds(name: str) -> None:
    """The stored schedules are those that the search finds today; RAFT_STEPS_GOLDEN=1 stores them again."""
    path = Path(package.__file__).parent / f"{name}.txt"
    text = f"# {STORED_SEARCHES[name].remark}\n{found_schedule(name).to_text()}\n"
    if os.environ.get("RAFT_STEPS_GOLDEN"):
        path.write_text(text, encoding="utf-8")

    assert text == path.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", stored_schedule_names())
def test_stored_schedule_breaks_its_invariant(name: str) -> None:
    """Each stored schedule can be replayed, and breaks the invariant that it names."""
    schedule = stored_schedule(name)
    wrong = STORED_SEARCHES[name].node_class if name in STORED_SEARCHES else CountsOlderTerms
    replayed = run_schedule(schedule, wrong if schedule.step is None else None)

    assert replayed.error is None
    assert [schedule.breaks] == [each.name for each in replayed.breaks]


def test_paper_run_is_harmless_with_its_rule() -> None:
    """The paper's run of Figure 8 breaks nothing if only entries of the leader's own term commit by counting."""
    assert [] == run_schedule(stored_schedule("figure_8_of_the_paper"), LaterNode, "all").breaks


def test_unknown_schedule_is_refused() -> None:
    """The error for the name of an unknown schedule suggests a known one."""
    with pytest.raises(ScenarioError, match="did you mean 'figure_8'"):
        stored_schedule("figure_9")


# Outcomes.


def test_outcomes_are_five() -> None:
    """Each outcome has its own word and its own flag; only an exhausted space shows that nothing is broken."""
    search = Search(8)
    exhausted = search.run(Scope(timeouts={"election": 1}), invariants="Election Safety")
    violated = search.run(TWO_ELECTIONS, invariants="Election Safety")
    goal = search.run(TWO_ELECTIONS, goal=leader(term=2))
    limit = search.run(TWO_ELECTIONS, invariants="Log Matching", states=50)
    failed = Search(changed("on_request_vote", lambda self, sender, message: 1 // 0)).run(TWO_ELECTIONS)
    results = (exhausted, violated, limit, goal, failed)

    assert list(OUTCOMES) == [result.outcome for result in results]
    assert [1, 0, 0, 0, 0] == [result.exhausted for result in results]
    assert [0, 1, 0, 0, 0] == [result.violated for result in results]
    assert [0, 0, 0, 1, 0] == [result.found for result in results]
    assert len({str(result).split()[0] for result in results}) == 5


def test_limit_is_never_exhaustion() -> None:
    """A limit of states, depth or time that is reached is a time out, even one event before the space is exhausted."""
    scope, rules = Scope(timeouts={"election": 1}), "Election Safety"
    whole = Search(8).run(scope, invariants=rules)
    assert whole.outcome == EXHAUSTED
    for depth in range(whole.depth):
        cut_short = Search(8).run(scope, invariants=rules, depth=depth)
        assert (TIME_OUT, f"{depth} events from the start") == (cut_short.outcome, cut_short.limit)
    ticks = count()
    slow = Search(8).run(TWO_ELECTIONS, invariants="Log Matching", seconds=3, clock=lambda: float(next(ticks)))

    assert (TIME_OUT, "3 seconds") == (slow.outcome, slow.limit)
    assert TIME_OUT == Search(8).run(scope, invariants=rules, states=whole.states // 2).outcome
    assert Search(8).run(scope, invariants=rules, depth=whole.depth + 1).outcome == EXHAUSTED


def test_time_limit_needs_a_clock() -> None:
    """The search reads no clock by itself, so a limit in seconds needs one."""
    with pytest.raises(ScenarioError, match="needs a clock"):
        Search(8).run(seconds=1)


def test_missing_goal_exhausts_the_space() -> None:
    """Without an election no server leads: the space is exhausted, which is not a time out."""
    result = Search(8).run(goal=leader())

    assert (EXHAUSTED, 1, 0) == (result.outcome, result.states, result.transitions)
    with pytest.raises(ScenarioError, match="no state to go on from"):
        result.go_on()
    with pytest.raises(ScenarioError, match="no run to show"):
        result.replay()


def test_pruned_state_is_not_expanded() -> None:
    """Nothing is found behind a pruned state, and the result counts such states."""
    free = Search(8).run(TWO_ELECTIONS, goal=leader(term=2))
    pruned = Search(8).run(TWO_ELECTIONS, goal=leader(term=2), prunes=[leader(term=1), leader(term=2)])
    all_leaders = Search(8).run(TWO_ELECTIONS, goal=committed("set x 1"), prunes=[leader()])

    assert GOAL_FOUND == free.outcome == pruned.outcome
    assert (EXHAUSTED, True) == (all_leaders.outcome, all_leaders.pruned > 0)
    assert "were not expanded" in str(all_leaders)


def test_search_goes_on_from_several_goals() -> None:
    """A search may go on from several states; the run that it finds includes the way there."""
    search = Search(8)
    led = search.run(Scope(timeouts={"election": 1}), goal=leader(term=1), goals=4, symmetry=False)
    again = led.go_on(Scope(timeouts={"election": 2}), goal=leader("jerry", term=2), forget=True)

    assert len(led.ends) == 4
    assert again.found
    assert again.schedule is not None
    assert "forget" in [step.verb for step in again.schedule.steps]
    assert again.replay().view()["jerry"].term == 2


def test_history_survives_a_phase_that_does_not_need_it() -> None:
    """What happened in a phase without invariants counts in the next: two leaders of one term are found."""
    first = Search(8, servers=4).run(Scope(timeouts={"tom election": 1}), goal=leader("tom", term=1))
    then = first.go_on(Scope(timeouts={"jerry election": 1}, crashes={"tom": 1}), goal=down("tom"))
    last = then.go_on(Scope(timeouts={"jerry election": 1}), invariants="Election Safety")

    assert last.violated
    assert "have both led in term 1" in last.words


def test_probes_find_and_minimise() -> None:
    """A random walk finds the two leaders of four, and is shortened to about as few events as the shortest run."""
    search = Search(8, servers=4)
    scope = Scope(timeouts={"election": 3, "heartbeat": 2})
    found = search.probe(scope, invariants="Election Safety", seed=1, probes=200, depth=40)
    nothing = Search(LaterNode).probe(TWO_ELECTIONS, invariants="all", probes=20, depth=30)

    assert (VIOLATED, "Election Safety") == summary(found)[:2]
    assert found.schedule is not None
    assert len(found.schedule.steps) <= 8
    assert ["Election Safety"] == [each.name for each in found.replay().breaks]
    assert (TIME_OUT, "20 probes of up to 30 events") == (nothing.outcome, nothing.limit)


def test_probes_find_a_goal() -> None:
    """A random walk to a goal is shortened as well; no walk continues from a state that is pruned."""
    search = Search(8)
    found = search.probe(TWO_ELECTIONS, goal=leader("tom"))
    beyond = search.probe(TWO_ELECTIONS, goal=leader("tom"), prunes=[leader()], probes=3)

    assert (GOAL_FOUND, 3) == (found.outcome, len(found.schedule.steps) if found.schedule else 0)
    assert "tom" == found.trace.of("role")[-1].server
    assert "tom becomes leader" in found.timeline().to_html()
    assert beyond.pruned > 0


def test_probes_end_at_their_time_limit() -> None:
    """After the walk during which the time is up, no other begins."""
    times = count()
    result = Search(LaterNode).probe(TWO_ELECTIONS, invariants="all", seconds=3, clock=lambda: float(next(times)))

    assert (TIME_OUT, "3 probes of up to 100 events") == (result.outcome, result.limit)


def test_phases_end_with_the_last() -> None:
    """If every phase finds its goal, the result is that of the last."""
    phases = [Phase(name=f"term {term}", scope=TWO_ELECTIONS, goal=leader(term=term)) for term in (1, 2)]
    result, lines = run_phases(Search(LaterNode), phases)

    assert result.words.endswith("leads in term 2")
    assert ["1. term 1: goal found", "2. term 2: goal found"] == [": ".join(line.split(": ")[:2]) for line in lines]


def test_search_without_walks_or_phases_is_refused() -> None:
    """The error gives the numbers, or says what is missing."""
    with pytest.raises(ScenarioError, match="1 or more, of 1 event or more, not 0 of 100"):
        Search(8).probe(TWO_ELECTIONS, probes=0)
    with pytest.raises(ScenarioError, match="needs at least one phase"):
        run_phases(Search(8), ())


# Mistakes of a learner.


def changed(method: str, body: Any, step: int = 8) -> type:
    """Return a step's Node with one method replaced."""
    return type("Node", (node(step),), {method: body})


@pytest.mark.parametrize("probes", [1, 3])
def test_walk_in_which_a_node_fails_is_the_last(probes: int) -> None:
    """A failure ends the search, also in the last of the walks: it is never reported as a time out."""
    broken = changed("on_request_vote", lambda self, sender, message: 1 // 0)
    result = Search(broken).probe(TWO_ELECTIONS, probes=probes)

    assert (NODE_FAILED, "") == (result.outcome, result.limit)
    assert "ZeroDivisionError" in result.words


def endless(self: Any, sender: str, message: Any) -> None:
    """Never return."""
    while True:
        pass


@pytest.mark.slow
@pytest.mark.parametrize(
    "body, words",
    [
        (lambda self, sender, message: message.trem, "raised AttributeError: .*trem"),
        (lambda self, sender, message: "yes", "returned 'yes'; a handler returns nothing"),
        (lambda self, sender, message: self.send("spyke", message), "sent a message to 'spyke'"),
        (lambda self, sender, message: self.start_timer("election", -1), "needs a number of seconds from 0"),
        (
            lambda self, sender, message: setattr(self, "votes", self.__dict__.setdefault("more", self.votes)),
            "two places",
        ),
        (lambda self, sender, message: setattr(self, "lock", __import__("threading").Lock()), "cannot compare"),
        (endless, "did not come back within a second"),
    ],
    ids=["raises", "returns", "to nobody", "timer", "shared", "strange", "endless"],
)
@pytest.mark.usefixtures("impatient")
def test_mistake_of_a_node_is_its_own_outcome(body: Any, words: str) -> None:
    """The mistake of a handler ends the search; the result has the server, the handler, and the run that led there."""
    result = Search(changed("on_request_vote", body)).run(TWO_ELECTIONS, invariants="Election Safety")

    assert NODE_FAILED == result.outcome
    assert isinstance(result.error, NodeError)
    assert ("jerry", "on_request_vote") == (result.error.server, result.error.handler)
    assert result.schedule is not None
    assert ["timeout", "deliver"] == [step.verb for step in result.schedule.steps]
    assert re.search(words, result.words), result.words


def test_failure_at_the_start_is_raised() -> None:
    """The error of a Node that fails in `on_start` is raised at once."""
    with pytest.raises(NodeError, match="tom's on_start raised ZeroDivisionError"):
        Search(changed("on_start", lambda self: 1 // 0))


def test_node_that_cannot_be_built_is_reported() -> None:
    """A search raises the error of a Node that fails before its first handler; a replay stops there."""
    broken = changed("__post_init__", lambda self: 1 // 0)
    replayed = Replay(Schedule(servers=("tom", "jerry")), broken).run()

    with pytest.raises(NodeError, match="tom's beginning raised ZeroDivisionError"):
        Search(broken)
    assert "tom's beginning, at 0 s, raised ZeroDivisionError" in str(replayed.error)
    assert [("started", "tom"), ("failed", "tom")] == [(event.kind, event.server) for event in replayed.trace.events]


def test_message_that_is_none_is_a_mistake() -> None:
    """The search and its replay report a handler that sends None."""
    broken = changed("on_request_vote", lambda self, sender, message: self.send(sender, None))
    result = Search(broken).run(TWO_ELECTIONS)

    assert "jerry's on_request_vote, at 2 s, sent None, which is not a message" in result.words
    assert result.words == str(result.replay().error)


@pytest.mark.parametrize(
    "client, response, words",
    [("client#1", "yes", "answered 'yes'; a client is answered with Ok"), ("butch", Ok(), "no such client has asked")],
)
def test_answer_that_is_wrong_is_a_mistake(client: str, response: Any, words: str) -> None:
    """A handler may answer with Ok or NotLeader only, and only clients that have asked."""
    broken = changed("on_client_request", lambda self, asking, request: self.reply(client, response))
    result = Search(broken).run(Scope(commands=("set x 1 to tom",)))

    assert NODE_FAILED == result.outcome
    assert words in result.words


def test_handler_that_is_missing_is_a_mistake() -> None:
    """The error names the server and the handler that its Node lacks."""
    result = Search(changed("on_request_vote", None)).run(TWO_ELECTIONS)

    assert NODE_FAILED == result.outcome
    assert "jerry has no on_request_vote" in result.words


@pytest.mark.parametrize(
    "body, words",
    [
        (lambda self, sender, message: 1 // 0, "jerry's on_request_vote raised ZeroDivisionError"),
        (lambda self, sender, message: "yes", "jerry's on_request_vote returned 'yes'"),
        (None, "jerry has no on_request_vote"),
    ],
    ids=["raises", "returns", "missing"],
)
def test_handler_may_fail_in_a_predicate(body: Any, words: str) -> None:
    """A predicate that tries an election on copies of the nodes meets the mistakes of their handlers."""
    search, scope = Search(changed("on_request_vote", body)), Scope(crashes=1)
    for result in (
        search.run(scope, goal=NOBODY_CAN_BE_ELECTED),
        search.probe(scope, goal=NOBODY_CAN_BE_ELECTED),
    ):
        assert NODE_FAILED == result.outcome
        assert words in result.words


def test_impure_node_is_refused() -> None:
    """A Node that keeps something outside its fields behaves differently in a replay; the error gives the reason."""
    calls = count(1)

    def on_election_timeout(self: Any) -> None:
        self.current_term += next(calls)
        self.start_election()

    for symmetry in (True, False):
        with pytest.raises(ScenarioError, match="this Node is not pure"):
            Search(changed("on_election_timeout", on_election_timeout)).run(
                TWO_ELECTIONS, goal=leader(), symmetry=symmetry
            )


@pytest.mark.slow
@pytest.mark.usefixtures("impatient")
def test_predicate_that_hangs_is_not_the_nodes_fault() -> None:
    """An endless loop in a predicate is reported as the predicate's."""

    def hang(look: object) -> bool:
        while True:
            pass

    with pytest.raises(ScenarioError, match="a predicate of the search did not return"):
        Search(8).run(TWO_ELECTIONS, goal=predicate("never", hang))


# The same result in every run.

SCRIPT = """
import sys
sys.path.insert(0, sys.argv[1])
from raft_steps.lab.verify.model_checker import Scope, Search
scope = Scope(timeouts={"election": 2}, crashes=1, commands=("set x 1",))
for rules in ("all", "Log Matching"):
    print(Search(8).run(scope, invariants=rules, states=3000))
    print(Search(8, servers=4).run(scope, invariants=rules, states=3000).schedule)
print(Search(8).probe(scope, invariants="Acknowledged Writes Last", seed=3))
"""


@pytest.mark.slow
def test_result_does_not_depend_on_hash_order() -> None:
    """Two processes with different hash seeds print the same results, numbers and runs included."""
    printed = []
    for hash_seed in ("1", "2"):
        environment = os.environ | {"PYTHONHASHSEED": hash_seed}
        command = [sys.executable, "-c", SCRIPT, str(ROOT)]
        printed.append(subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout)

    assert printed[0] == printed[1]
    assert "Violated" in printed[0]


def test_search_twice_is_the_same_search() -> None:
    """The transitions that one run stores do not change the result of the next."""
    search = Search(8, servers=4)
    once, twice = (search.run(TWO_ELECTIONS, invariants="all") for _ in range(2))

    assert str(once) == str(twice)
    assert once.schedule == twice.schedule == Schedule.parse(str(once.schedule and once.schedule.to_text()))


@pytest.mark.parametrize("in_predicate", [False, True], ids=["in an event", "in a predicate"])
def test_failing_node_does_not_stop_minimising(in_predicate: bool) -> None:
    """If a handler fails in a path that is shorter by an event, or in a predicate at its end, the event stays."""
    start, after_a, failing, found = (0,), (1,), (9,), (2,)
    successors = {start: [(("a",), after_a), (("b",), failing)], after_a: [(("b",), found)], found: [(("c",), found)]}

    class Space:
        """A space with a state in which a handler fails."""

        def successors(self, state: Any) -> Any:
            """Return the successors of a state."""
            if state == failing:
                if in_predicate:
                    return []
                raise NodeFailedError(("c",)) from failure
            return successors[state]

    def find(state: Any) -> Any:
        if state == failing:
            raise failure
        return (rule, "found") if state == found else None

    failure = NodeError("jerry failed", server="jerry", handler="on_start")
    rule = predicate("there", lambda view: "found")
    invariants = SimpleNamespace(find=find)
    progress = SearchProgress(outcome=VIOLATED, finding=(rule, "found"), path=(("a",), ("b",), ("c",)))
    minimise(progress, Space(), SimpleNamespace(invariants=invariants), [start])  # type: ignore[arg-type]  # Two fakes.

    assert (("a",), ("b",)) == progress.path


@pytest.mark.parametrize("wait", [-1, None])
def test_bad_timer_fails_again_in_the_replay(wait: Any) -> None:
    """A run that ends with a timer that has no valid time ends in a replay with the same error."""

    def forgetful(self: Any, sender: str, message: Any) -> None:
        self.start_timer("election", wait)

    found = Search(changed("on_request_vote", forgetful)).run(TWO_ELECTIONS, invariants="Election Safety")
    assert found.schedule is not None
    again = run_schedule(found.schedule, node=changed("on_request_vote", forgetful))

    assert "needs a number of seconds from 0" in str(again.error)
    assert str(found.error) == str(again.error)
