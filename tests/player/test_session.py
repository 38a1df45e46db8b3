"""Tests of the session: answers to requests, its state, changes made by Python, and two threads at once."""

import contextlib
import os
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from raft_steps.lab.cluster.cluster import Cluster
from raft_steps.lab.node import Node
from tests.player.live_tools import LivePlayer, Usurper, replayed


@pytest.mark.parametrize(
    "action, said",
    [
        ("crash tom jerry", "tom crashes; jerry crashes"),
        ("partition tom | jerry spike", "the network is partitioned: tom | jerry spike"),
        ("heal", "the network heals"),
        ("restart tom", "restart tom: it is so already"),
        ("lose tom", "the disk of tom will lose what its next event writes"),
        ("drop tom>jerry#900", "tom>jerry#900 will not arrive"),
        ("hold tom>jerry#900 2", "hold tom>jerry#900: it is not on its way"),
        ("loss 0.25", "the network loses 25% of the messages"),
        ("delay 1 2.5", "messages take 1 to 2.5 s"),
        ("set x 'two words' to tom", "tom is asked by client#1: set x 'two words'"),
    ],
)
def test_answer_describes_what_happened(player: LivePlayer, action: str, said: str) -> None:
    """The answer to an action describes its result, in the words of the trace."""
    assert said == player.act(action, 30.000001, seen=30)


@pytest.mark.parametrize(
    "request_, complaint",
    [
        (
            {"do": "act", "branch": 0, "at": 0, "seen": 0, "known": 0, "action": "crsh tom"},
            "there is no action 'crsh'; did you mean",
        ),
        ({"do": "act", "branch": 0, "at": 0, "seen": 0, "known": 0, "action": "crash bob"}, "there is no server 'bob'"),
        ({"do": "act", "branch": 0, "at": 0, "seen": 0, "known": 0, "action": " "}, "the action is empty"),
        ({"do": "act", "branch": 0, "at": 0, "seen": 0, "known": 0, "action": "set 'x"}, "an open quotation mark"),
        ({"do": "act", "branch": 0, "at": -1, "seen": 0, "known": 0, "action": "heal"}, "is before the start"),
        (
            {"do": "act", "branch": 0, "at": 10**15, "seen": 0, "known": 0, "action": "heal"},
            "is after the end of the run so far",
        ),
        (
            {"do": "act", "branch": 0, "at": "now", "seen": 0, "known": 0, "action": "heal"},
            "a live cluster cannot do this",
        ),
        (
            {"do": "act", "branch": 7, "at": 0, "seen": 0, "known": 0, "action": "heal"},
            "there is no branch 7; there are 0 to 0",
        ),
        ({"do": "switch", "branch": -1}, "there is no branch -1"),
        ({"do": "fetch", "branch": None}, "there is no branch None"),
        ({"do": "extend"}, "a live cluster cannot do this"),
        ({"do": "export", "branch": 0, "as": "poem"}, "a live cluster cannot do this"),
        ({"do": "dance"}, "a live cluster cannot do this"),
        ({"do": "seed", "seed": "seven"}, "a live cluster cannot do this"),
        ({"do": "paste", "text": "hello"}, "there is no scenario in this text"),
        ({"do": "paste", "text": "raft-steps 1; step 99; servers tom"}, "99"),
    ],
)
def test_invalid_request_is_answered(player: LivePlayer, request_: dict[str, Any], complaint: str) -> None:
    """An invalid request is answered with the reason, and changes nothing."""
    before = player.text(0)
    answer = player.ask(**request_)

    assert not answer["ok"]
    assert complaint in answer["said"]
    assert [[]] == player.sent()
    assert (1, before) == (len(player.session.branches.all), player.cluster.trace.to_text())


@pytest.mark.parametrize("request_", [None, 3, [], "act", {"id": {}}, {"id": 1, "do": ["act"]}])
def test_nonsense_is_answered(player: LivePlayer, request_: Any) -> None:
    """Whatever a browser sends, it gets an answer."""
    player.session.answer(player.frontend, request_)

    assert [("news", False)] == [(each["kind"], each["ok"]) for each in player.frontend.messages]


def test_bug_is_answered(player: LivePlayer, monkeypatch: pytest.MonkeyPatch) -> None:
    """An unexpected error is an answer as well, because the browser waits for one."""

    def fail(_frontend: object, _request: object) -> str:
        raise KeyError("tom")

    monkeypatch.setattr(player.session, "_do_and_adopt", fail)

    assert "this cannot be done: KeyError: 'tom'" == player.ask("reset")["said"]


def test_switch_makes_a_branch_the_cluster(player: LivePlayer) -> None:
    """The cluster in Python is the current branch, with its time, its scenario and its nodes."""
    player.act("crash tom", 12, seen=30)
    player.cluster.run(10)
    assert "crash tom" in player.cluster.scenario.to_text()
    assert not player.cluster._host("tom").up

    answer = player.ask("switch", branch=0)

    assert "this is branch 0: the first run" == answer["said"]
    assert [[0]] == player.sent()
    assert (30.0, ()) == (player.cluster.time, player.cluster.scenario.actions)
    assert player.cluster._host("tom").up
    player.cluster.crash("tom")
    assert (["crash tom"], 0) == ([line["line"] for line in player.frontend.live["script"]], player.current)
    player.ask("switch", branch=1)
    assert 40.0 == player.cluster.time


def test_fetch_sends_all_of_a_branch(player: LivePlayer) -> None:
    """A browser without any events of a branch can ask for all of them; others get no events, and nothing changes."""
    player.act("crash tom", 12, seen=30)
    other = player.open()
    other.messages.clear()
    player.ask("fetch", branch=0)

    assert [0] == [trace["keep"] for trace in player.frontend.messages[0]["traces"]]
    assert player.lines(0) == player.frontend.held[0]
    assert [] == other.messages
    assert 1 == player.current


def test_violation_names_its_event() -> None:
    """A violation is listed with the number of the event that caused it."""
    player = LivePlayer(Cluster(Usurper, 3).run(5))
    first = player.frontend.live["violations"][0]
    event = player.cluster.trace.events[first["event"]]

    assert ("Election Safety", 0, 12) == (first["rule"], first["time"], first["step"])
    assert ("jerry", "role", "leader") == (event.server, event.kind, event["role"])
    assert ["jerry", "tom"] == first["servers"]
    assert first["text"].startswith("jerry leads in term 0, and tom has led in it since 0 s")
    assert ["Election Safety"] == [violation.rule.name for violation in player.cluster.violations]


def test_violations_belong_to_their_branch() -> None:
    """A branch lists its own violations: a four-server cluster with a partition, and the same without it."""
    player = LivePlayer(Cluster(6, 4, seed=1).run(30))
    assert [] == player.frontend.live["violations"]
    leader = player.cluster.leader
    player.act(f"partition {leader}", 25, seen=30)
    for _ in range(40):
        player.ask("extend", branch=1)
    rules = {each["rule"] for each in player.frontend.live["violations"]}
    plain = Cluster.replay(player.cluster.scenario)
    player.ask("switch", branch=0)

    assert {violation.rule.name for violation in plain.violations} == rules
    assert [] == player.frontend.live["violations"]


class Strange(Node):
    """A node whose term cannot be compared."""

    current_term: Any = None

    def on_start(self) -> None:
        self.current_term = object
        self.start_timer("work", 1)

    def on_work_timeout(self) -> None:
        self.is_leader = True
        self.start_timer("work", 1)

    is_leader: Any = "perhaps"


def test_strange_node_can_be_played() -> None:
    """A node that has nothing to do with Raft runs and branches like any other, without violations."""
    player = LivePlayer(Cluster(Strange, 2).run(5))
    player.act("crash tom", 3, seen=5)

    assert (1, False) == (player.current, player.frontend.live["clients"])
    assert replayed(player, 1) == player.cluster.trace.to_text()
    assert "the properties of Raft cannot be checked from event" in player.frontend.live["unjudged"]
    assert "violated rules: could not be judged." in player.copied("pytest")
    assert "cluster.violations" not in player.copied("pytest")


def test_state_holds_the_initial_network(player: LivePlayer) -> None:
    """Loss and delay are those at the start, because events hold later changes; the chunk is a heartbeat interval."""
    player.act("loss 0.25", 30, seen=30)
    player.act("delay 1 2.5", 31, seen=31)
    live = player.frontend.live
    assert (0.0, [0.2, 0.3], 5_000_000, True) == tuple(live[name] for name in ("loss", "delay", "chunk", "clients"))

    fast = LivePlayer(Cluster(8, timing="paper", network={"loss": 0.1, "delay": (0.5, 1)})).frontend.live
    assert (0.1, [0.5, 1], 50_000) == tuple(fast[name] for name in ("loss", "delay", "chunk"))


def test_python_code_moves_the_player(player: LivePlayer) -> None:
    """A verb in Python sends the new events, and that code has caused them; without a request, there is no answer."""
    player.cluster.crash("tom")
    player.cluster.run(10)

    assert [[0], [0]] == player.sent()
    found = [(trace["end"], trace["code"]) for each in player.frontend.messages for trace in each["traces"]]
    assert [(30_000_000, True), (40_000_000, True)] == found
    assert not any("id" in each for each in player.frontend.messages)
    assert player.lines(0) == player.frontend.held[0]
    assert ["crash tom"] == [line["line"] for line in player.frontend.live["script"]]


def test_all_players_of_a_cluster_see_the_same(player: LivePlayer) -> None:
    """All open players get the changes made in one, even those opened later, which have fewer branches."""
    player.act("crash tom", 12, seen=30)
    late, closed = player.open(), player.open()
    closed.is_open = False
    player.act("crash jerry", 14, seen=30)
    player.ask("switch", branch=0)
    player.act("crash spike", 5, seen=30)

    for frontend in (player.frontend, late):
        assert player.lines(3) == frontend.held[3]
        assert 3 == frontend.live["current"]
    assert [] == closed.messages


def test_reloaded_page_gets_whole_traces(player: LivePlayer) -> None:
    """A browser that asks for all of the state has lost the other branches, so it is not asked to keep their events."""
    player.act("crash tom", 12, seen=30)
    player.session.open_state(player.frontend)
    player.frontend.held = {1: player.frontend.held[1]}
    player.act("crash jerry", 14, seen=30, branch=0)

    assert [0] == [trace["keep"] for trace in player.frontend.messages[0]["traces"]]
    assert player.lines(2) == player.frontend.held[2]


IN_CELLS = """
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
for cell in (
    "import sys; sys.path.insert(0, {tests!r})",
    "from tests.player.live_tools import LivePlayer; from raft_steps.lab.cluster.cluster import Cluster",
    "player = LivePlayer(Cluster(8, seed=1).run(30)); cluster = player.cluster; cluster.run(1)",
    "before = player.sent(); player.frontend.messages.clear()",
    "cluster.crash('tom'); cluster.run(5); cluster.restart('tom'); cluster.run(5); within = player.sent()",
    "after = player.sent(); player.frontend.messages.clear(); answer = player.act('crash jerry', 41, seen=41)",
    "cluster.run(5); answered = player.act('heal', 46, seen=46); both = player.sent()",
    "whole = player.lines(0) == player.frontend.held[0]",
):
    result = shell.run_cell(cell)
    assert result.success, result.error_in_exec
names = shell.user_ns
names["player"].frontend.messages.clear()
names["cluster"].run(1)
print(names["player"].sent() == [[1]], names["before"], names["within"], names["after"], names["both"], names["whole"])
"""


@pytest.mark.slow
def test_changes_of_a_cell_are_sent_at_its_end(tmp_path: Path) -> None:
    """In a notebook, the changes made by a cell are sent once, at its end, or earlier if a player sends a request.

    Changes between cells, made by another widget, are sent at once.
    """
    text = IN_CELLS.format(tests=str(Path(__file__).parents[2]))
    variables = {"IPYTHONDIR": str(tmp_path)}
    answer = subprocess.run(
        [sys.executable, "-c", text],
        env=os.environ | variables,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )

    assert "True [[0]] [] [[0]] [[0, 1]] True" == answer.stdout.strip().split("\n")[-1], answer.stderr


CLICKS = st.sampled_from(
    ["crash tom", "restart crashed", "crash leader", "timeout jerry", "partition tom | jerry spike", "heal", "set x 1", "get x",
     "hold tom>jerry#3 2", "duplicate tom>jerry#4", "drop jerry>tom#2", "loss 0.3", "delay 0.1 3", "pause spike", "resume spike"]
)  # fmt: skip
REQUESTS = st.lists(
    st.tuples(st.just("act"), st.floats(0, 1), st.floats(0, 1), CLICKS)
    | st.tuples(st.sampled_from(["extend", "switch", "fetch"]), st.integers(0, 5))
    | st.tuples(st.just("seed"), st.integers(0, 3))
    | st.tuples(st.sampled_from(["reset", "paste", "python", "reload"])),
    max_size=8,
)


def request(player: LivePlayer, asked: tuple[Any, ...]) -> None:
    """Send a request that this browser could send with the branches that it has."""
    do, *words = asked
    branches_ = player.session.branches.all
    if do == "act":
        number = player.current
        end = branches_[number].end_us
        at, seen = round(words[0] * end), round(words[1] * end)
        player.ask("act", branch=number, at=at, seen=max(seen, at), known=end, action=words[2])
    elif do == "python":
        player.cluster.crash("tom")
        player.cluster.run(3)
    elif do == "reload":
        player.session.open_state(player.frontend)
        player.frontend.held = {player.current: player.frontend.held[player.current]}
    elif do == "paste":
        player.ask("paste", text=player.copied("pytest"))
    elif do == "seed":
        player.ask("seed", seed=words[0])
    elif do == "reset":
        player.ask("reset")
    else:
        player.ask(do, branch=words[0] % len(branches_))


@pytest.mark.slow
@settings(deadline=None, max_examples=60)
@given(seed=st.integers(0, 20), asked=st.lists(REQUESTS, min_size=1, max_size=1).map(lambda lists: lists[0]))
def test_any_requests_keep_branches_consistent(seed: int, asked: list[tuple[Any, ...]]) -> None:
    """After any requests, each branch equals the run of its scenario, and the browser and the cluster have the same.

    Only the branch that a request is about may change.
    """
    player = LivePlayer(Cluster(8, seed=seed).run(20))
    for each in asked:
        before = [player.text(branch.number) for branch in player.session.branches.all]
        current = player.current
        request(player, each)
        for number, text in enumerate(before):
            assert number == current or each[0] == "extend" or text == player.text(number)
        assert player.cluster.trace.to_text() == player.text(player.current)
        assert player.text(player.current).encode() == player.session.open_state()[0]
        for number, lines in player.frontend.held.items():
            assert player.lines(number) == lines
    for branch in player.session.branches.all:
        assert replayed(player, branch.number) == player.text(branch.number)


@pytest.mark.slow
def test_two_threads_at_once() -> None:
    """Clicks arrive on another thread while a cell uses the cluster: a hundred times both at once, and nothing is lost.

    Whatever the order, the cluster's scenario gives the same trace again, byte for byte, and the browser has it.
    """
    for seed in range(10):
        player = LivePlayer(Cluster(8, seed=seed).run(10))
        failures: list[BaseException] = []
        for number in range(10):
            start = threading.Barrier(2)
            clicking = threading.Thread(target=click, args=(player, start, number, failures))
            clicking.start()
            with taking_turns():
                start.wait()
                work(player.cluster, number)
                clicking.join()
            current = player.current
            assert [] == failures
            assert Cluster.replay(player.cluster.scenario).trace.to_text() == player.cluster.trace.to_text()
            assert player.lines(current) == player.frontend.held[current]
        assert len(player.session.branches.all) > 3
        assert all(replayed(player, branch.number) == branch.trace.to_text() for branch in player.session.branches.all)


@contextlib.contextmanager
def taking_turns() -> Iterator[None]:
    """Let two threads take turns even within a verb."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-4)  # seconds
    try:
        yield
    finally:
        sys.setswitchinterval(interval)


def work(cluster: Cluster, number: int) -> None:
    """Do what a cell does: act, run, read."""
    cluster.crash("tom")
    cluster.run(0.5)
    cluster.restart("tom")
    cluster.run(until=cluster.time + 0.5)
    if number % 5 == 0:
        cluster.story(start=cluster.time - 1)


def click(player: LivePlayer, start: threading.Barrier, number: int, failures: list[BaseException]) -> None:
    """Do what a player does meanwhile: act in the past, extend, or act at what it believes to be the end."""
    try:
        start.wait()
        if number % 3 == 0:
            at = round(player.cluster.time * 0.8e6)
            asked = {"do": "act", "branch": player.current, "at": at, "seen": at, "known": at, "action": "pause jerry"}
        elif number % 3 == 1:
            asked = {"do": "extend", "branch": player.current}
        else:
            at = round(player.cluster.time * 1e6)
            asked = {"do": "act", "branch": player.current, "at": at, "seen": 0, "known": at, "action": "resume jerry"}
        player.session.answer(player.frontend, {"id": number} | asked)
        answer = next(each for each in reversed(player.frontend.messages) if "id" in each)
        assert (number, True) == (answer["id"], answer["ok"]), answer
    except BaseException as error:  # noqa: BLE001  # Whatever it was, the test fails with it.
        failures.append(error)


@pytest.mark.slow
def test_answer_comes_soon() -> None:
    """The median time from a request to its answer is less than 15 ms of CPU time in a typical cluster."""
    player = LivePlayer(Cluster(8, seed=1).run(60))
    taken = []
    for number in range(30):
        begin = time.process_time()
        player.act("crash leader", 10 + number, seen=60, branch=0)
        taken.append(time.process_time() - begin)

    assert statistics.median(taken) < 0.015
