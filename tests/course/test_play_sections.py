"""The tasks in the notebooks' *Play* sections, done as clicks do them, have the results that the notebooks state."""

from __future__ import annotations

import dataclasses
import shlex
from pathlib import Path
from typing import Any

import pytest

from raft_steps import node
from raft_steps.lab.cluster.cluster import Cluster
from raft_steps.lab.course.notebooks import load
from raft_steps.lab.player.branches import Branch, BranchTree
from raft_steps.lab.scenario.model import MICROSECONDS
from raft_steps.lab.trace.trace import Event

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
# The cells that create each notebook's run, and the name of the run.
RUNS = {
    0: ("first-run first-write crash-run back-run", "cluster"),
    1: ("cluster virtual-run crash-run again-run", "mended"),
    2: ("away-run", "away"),
    3: ("cluster crash-run again-run", "mended"),
    4: ("cluster restart-run again-run", "mended"),
    5: ("first-election cut-off second-election second-write heal-run again-run", "mended"),
    6: ("cluster heal-run again-run", "mended"),
    7: ("scenario again-run again-write again-senders", "mended"),
    8: ("twins again-run", "mended"),
    9: ("even-run even-writes again-even-run", "halves"),
    11: ("lost-write lost-write-crash-run again-run", "mended"),
    12: ("failure-run again-run", "mended"),
    13: ("failure-run again-run", "mended"),
    14: ("failure-run again-run", "mended"),
    15: ("catch-up-function again-picture", "mended"),
    16: ("player-run", "played"),
    17: ("start again-run again-picture", "mended"),
    18: ("transfer-function transfer-run", "handed"),
}


def run_of(number: int) -> Cluster:
    """Return the run that a notebook plays, made by its own cells with the step's Node instead of the reader's."""
    cells = {cell.id: cell.source for cell in load(next(NOTEBOOKS.glob(f"{number:02}_*.ipynb"))).cells}
    known: dict[str, Any] = {"Cluster": Cluster, "Node": node(number or 8), "Forgetful": node(1)}
    names, run = RUNS[number]
    for name in names.split():
        exec(cells[name], known)
    found = known[run]
    assert isinstance(found, Cluster)
    return found


def steer(cluster: Cluster, *script: tuple[float, str], until: float = 0) -> Branch:
    """Do what a reader clicks: the first action branches off in the past, the others follow; then play on."""
    scenario = cluster.scenario
    branches = BranchTree(dataclasses.replace(scenario, actions=()), list(scenario.actions), cluster._simulation)
    branch = branches.current
    for seconds, line in script:
        at = round(seconds * MICROSECONDS)
        branch = branches.act(branch, at, at, shlex.split(line))
    while branch.end_us < until * MICROSECONDS:
        branches.extend(branch)
    assert 2 == len(branches.all)
    return branch


def leaders(branch: Branch) -> dict[str, int]:
    """Return the leaders at the end of a branch, each with its term."""
    servers = branch.trace.moment_at(branch.end_us / MICROSECONDS).servers
    return {name: state.fields["current_term"] for name, state in servers.items() if state.role == "leader"}


def first(branch: Branch, kind: str, after: float = 0, **detail: Any) -> Event:
    """Find the first event of a kind after a time, with these details."""
    for event in branch.trace.of(kind, server=detail.pop("server", None)):
        if event.seconds > after and all(event.get(key) == value for key, value in detail.items()):
            return event
    raise AssertionError(f"no {kind} with {detail}")


def on_its_way(cluster: Cluster, seconds: float, *, sender: str, to: str) -> str:
    """Return the one message from a server to another that is in flight at a time."""
    flights = cluster.trace.moment_at(seconds).in_flight.values()
    (found,) = [event["message"] for event in flights if (event.server, event["to"]) == (sender, to)]
    return str(found)


def log_of(branch: Branch, server: str) -> list[str]:
    """Return the commands in a server's log at the end of a branch."""
    return [str(entry["command"]) for entry in branch.trace.moment_at(branch.end_us / MICROSECONDS).servers[server].log]


def test_a_leader_that_is_cut_off_goes_on_leading() -> None:
    """Notebook 00: two servers believe that they lead, in the terms 0 and 1."""
    assert [0, 1] == sorted(leaders(steer(run_of(0), (15, "partition tom"))).values())


def test_what_waits_for_a_paused_server_is_lost_in_a_crash() -> None:
    """Notebook 01: the question is never answered."""
    script = [(4.5, "pause tom"), (4.6, "get x to tom"), (4.7, "crash tom"), (4.8, "restart tom")]
    branch = steer(run_of(1), *script)

    assert "tom" == first(branch, "restarted").server
    assert not [event for event in branch.trace.of("answered") if event.seconds > 4.5]


def test_a_lost_refusal_costs_a_heartbeat_and_all_refusals_anew() -> None:
    """Notebook 02: spike's log is complete after the heartbeat of 15 seconds, at 16.72."""
    run = run_of(2)
    refusal = on_its_way(run, 10.8, sender="spike", to="tom")

    branch = steer(run, (10.8, f"drop {refusal}"), until=20)

    assert 16.72 == pytest.approx(first(branch, "appended", 10, server="spike").seconds, abs=0.01)


def test_lost_acknowledgements_are_made_good_by_the_next_heartbeat() -> None:
    """Notebook 03: the client receives Ok at 5.48 seconds."""
    run = run_of(3)
    drops = [(1.3, f"drop {on_its_way(run, 1.3, sender=server, to='tom')}") for server in ("jerry", "spike")]
    answer = first(steer(run, *drops), "answered")

    assert 5.48 == pytest.approx(answer.seconds, abs=0.01)
    assert "Ok" == answer["response"]


def test_a_split_vote_ends_with_the_shorter_timeout() -> None:
    """Notebook 04: neither votes for the other, and jerry leads in term 2, at 21.47 seconds."""
    branch = steer(run_of(4), (12, "timeout jerry"), (12, "timeout spike"))
    led = first(branch, "role", 12, role="leader")

    assert "jerry" == led.server
    assert led.seconds == pytest.approx(21.47, abs=0.01)


def test_who_missed_the_term_runs_in_a_term_that_has_a_leader() -> None:
    """Notebook 05: spike runs in term 1, in which jerry has voted for itself and leads."""
    run = run_of(5)
    heartbeat = on_its_way(run, 14.8, sender="jerry", to="spike")
    branch = steer(run, (14.8, f"drop {heartbeat}"), (14.8, "timeout spike"))

    assert 1 == first(branch, "term", 14, server="spike")["term"]
    assert first(branch, "delivered", 14.8, server="spike", type="RequestVoteReply")["message"].startswith(
        "jerry>spike"
    )
    assert "jerry" == first(branch, "role", 14, role="leader").server


def test_an_earlier_heal_brings_the_old_write_back() -> None:
    """Notebook 06: the deposed leader, still sending, gets its old write through, and then nobody leads."""
    branch = steer(run_of(6), (40, "heal"))

    assert "Ok" == first(branch, "answered", 40)["response"]
    assert all("set y old" in log_of(branch, server) for server in ("tom", "jerry", "spike"))
    assert {} == leaders(branch)


def test_a_leader_that_was_cut_off_falls_silent_when_another_one_leads() -> None:
    """Notebook 07: spike leads after the heal, and jerry follows."""
    branch = steer(run_of(7), (40, "partition jerry"), (80, "heal"))

    assert ["spike"] == list(leaders(branch))


def test_a_second_split_vote_ends_too() -> None:
    """Notebook 08: spike leads in term 3, at 26.46 seconds."""
    branch = steer(run_of(8), (18, "timeout jerry"), (18, "timeout spike"))
    led = first(branch, "role", 18, role="leader")

    assert "spike" == led.server
    assert led.seconds == pytest.approx(26.46, abs=0.01)
    assert {"spike": 3} == leaders(branch)


def test_three_of_four_elect_a_leader() -> None:
    """Notebook 09: tom leads in term 2; spike stands for election again and again, alone."""
    branch = steer(run_of(9), (13, "partition tom jerry tyke"))
    led = first(branch, "role", 13, role="leader")

    assert "tom" == led.server
    assert 2 == leaders(branch)["tom"]
    assert first(branch, "timer_fired", 13, server="spike", timer="election").seconds < led.seconds


def test_the_longer_log_can_win_as_well() -> None:
    """Notebook 10: with spike's vote tom leads in term 3, and jerry's entry is deleted."""
    run = Cluster(10, logs={"tom": "1 set x 1; 1 set y 2", "jerry": "2 set z 3"}, later=["spike"])
    branch = steer(run.run(60), (2, "restart spike"), (3, "timeout tom"))

    assert {"tom": 3} == leaders(branch)
    assert ["set x 1", "set y 2"] == log_of(branch, "jerry")


def test_who_has_the_entry_can_save_it() -> None:
    """Notebook 11: tom comes back and runs at once; x is in all logs, and its client has no answer."""
    branch = steer(run_of(11), (6, "restart tom"), (6, "timeout tom"))

    assert all("set x 1" in log_of(branch, server) for server in ("tom", "jerry", "spike"))
    assert not branch.trace.of("answered")


@pytest.mark.parametrize("moment", [8.8, 9.2])
def test_a_crash_more_makes_no_second_leader(moment: float) -> None:
    """Notebook 12: whenever jerry's power fails, no two servers lead in the same term."""
    branch = steer(run_of(12), (moment, "crash jerry"), (moment, "restart jerry"))
    term_of: dict[str, int] = {}
    led = set()
    for event in branch.trace.of("term", "role"):
        if event.kind == "term":
            term_of[event.server] = event["term"]
        elif event["role"] == "leader":
            led.add((term_of[event.server], event.server))

    assert len(led) == len({term for term, _ in led})


def test_sessions_are_rebuilt_from_the_log() -> None:
    """Notebook 13: tom comes back without sessions, applies its log, and has the state of the others in the end."""
    branch = steer(run_of(13), (24, "restart tom"), (26, "retry append y 1 as ann"), until=40)
    states = {name: branch.simulation.hosts[name].node for name in ("tom", "jerry", "spike")}

    assert {(("x", "2"), ("y", "1"))} == {tuple(sorted(node.state_machine.items())) for node in states.values()}
    assert 1 == len({str(node.sessions) for node in states.values()})
    assert "jerry" == first(branch, "asked", 25.9, client="ann#2").server


def test_a_lost_round_delays_a_read_until_the_next_heartbeat() -> None:
    """Notebook 14: the read of 20 seconds is answered at 23.4, and that of 24.15 never, because tom is deposed."""
    early = steer(run_of(14), (20, "heal"), (20, "get x to tom"), until=40)
    late = steer(run_of(14), (24.15, "heal"), (24.15, "get x to tom"), until=40)

    assert {"tom": 1} == leaders(early)
    assert 23.4 == pytest.approx(first(early, "answered", 20, server="tom", value="1").seconds)
    assert {"jerry": 2} == leaders(late)
    assert not [event for event in late.trace.of("answered", server="tom") if event.seconds > 20]


@pytest.mark.parametrize("lost, until, again", [(1, 0.7, 137), (3, 5, 9)])
def test_a_lost_call_is_noticed_by_the_next_one(lost: int, until: float, again: int) -> None:
    """Notebook 15: the next call is refused, or the next heartbeat, and what follows the lost call travels twice."""
    run = run_of(15)
    calls = [event for event in run.trace.of("sent", server="jerry") if len(event["fields"].get("entries", ())) > 1]
    branch = steer(run, (calls[0].seconds + 0.05, f"drop {calls[lost]['message']}"), until=run.time + until)
    sent = [
        event
        for event in branch.trace.of("sent", server="jerry")
        if event.seconds > run.time and event["to"] == "spike"
    ]

    assert 202 == len(log_of(branch, "spike"))
    assert again == sum(len(event["fields"].get("entries", ())) for event in sent)


@pytest.mark.parametrize("act, until, sent", [("drop {}", 26, 2), ("hold {} 20", 45, 2)])
def test_a_lost_snapshot_is_sent_again_and_a_late_one_is_ignored(act: str, until: float, sent: int) -> None:
    """Notebook 16: spike refuses the next heartbeat and gets the snapshot then; when it has it, no other changes anything."""
    run = run_of(16)
    (snapshot,) = [event for event in run.trace.of("sent", server="tom") if event["type"] == "InstallSnapshot"]
    branch = steer(run, (snapshot.seconds + 0.05, act.format(snapshot["message"])), until=until)
    again = [event for event in branch.trace.of("sent", server="tom") if event["type"] == "InstallSnapshot"]
    arrived = [event for event in branch.trace.of("delivered", server="spike") if event["type"] == "InstallSnapshot"]

    assert sent == len(again)
    assert len(arrived) == (1 if "drop" in act else 2)
    assert 1 == len(branch.trace.of("compacted", server="spike"))
    assert "5" == branch.trace.moment_at(until).servers["spike"].fields["state_machine"]["x"]


@pytest.mark.parametrize("moment, last", [(10.85, "members spike,tyke,butch"), (10.75, "set x 1")])
def test_the_next_leader_finishes_what_is_logged(moment: float, last: str) -> None:
    """Notebook 17: once tom has logged the joint configuration, the others finish the change; before, nothing changes."""
    branch = steer(run_of(17), (moment, "crash tom"), until=60)

    assert last == [command for command in log_of(branch, "spike") if command != "-"][-1]
    assert not [event for event in branch.trace.of("answered") if event.seconds > moment]


def test_a_transfer_to_a_server_that_is_cut_off_ends() -> None:
    """Notebook 18: tom names spike to a client, accepts the next write after 8 s, and hands over once spike is back."""
    cut = ((9.9, "partition spike"), (9.9, "transfer spike"), (10, "set x 2"), (18.5, "set x 3"))
    branch = steer(run_of(18), *cut, until=20)
    healed = steer(run_of(18), *cut, (20, "heal"), (26, "transfer spike"), until=28)
    answers = [event["response"] for event in branch.trace.of("answered", server="tom") if event.seconds > 9.95]

    assert ["NotLeader", "Ok"] == answers
    assert {"tom": 1} == leaders(branch)
    assert {"spike": 2} == leaders(healed)
