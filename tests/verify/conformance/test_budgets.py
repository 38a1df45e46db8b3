"""What agreement costs: the right numbers for the steps, and every bar missed by a Node that is wasteful in its way."""

from __future__ import annotations

import json
from typing import Any

import pytest
from click.testing import CliRunner

from raft_steps.lab.cli.main import main
from raft_steps.lab.errors import ScenarioError
from raft_steps.lab.log import Entry
from raft_steps.lab.runtime.simulator.simulation import Simulation
from raft_steps.lab.scenario.model import Action
from raft_steps.lab.scenario.scenario import Scenario
from raft_steps.lab.verify.conformance.budgets import BudgetReport, budgets
from raft_steps.lab.verify.conformance.traffic import Traffic
from tests.helpers.raft_fixture import AppendEntries, RaftNode


class Chatterbox(RaftNode):
    """Sends a heartbeat every 30 ms, whatever the timing says."""

    def on_heartbeat_timeout(self) -> None:
        super().on_heartbeat_timeout()
        self.start_timer("heartbeat", 0.03)


class Canvasser(RaftNode):
    """Asks for every vote twenty times."""

    def on_election_timeout(self) -> None:
        super().on_election_timeout()
        asked = [effect for effect in self.effects if effect[0] == "send"]
        self.effects += asked * 19


class Repeater(RaftNode):
    """Sends the whole log with every call."""

    def send_append_entries(self, to: str) -> None:
        self.send(
            to,
            AppendEntries(
                term=self.current_term,
                prev_log_index=0,
                prev_log_term=0,
                entries=self.log.entries_after(0),
                leader_commit=self.commit_index,
            ),
        )


class Worrier(RaftNode):
    """Sends every entry three times."""

    def write(self, client: str, command: Any) -> None:
        super().write(client, command)
        for peer in self.peers() * 2:
            self.send_append_entries(peer)


class Mute(RaftNode):
    """Never answers a client."""

    def apply_committed(self) -> None:
        self.open_writes = {}
        super().apply_committed()


def missed(report: BudgetReport) -> set[str]:
    """Name the figures whose bars are missed."""
    return {figure.name for figure in report.figures if not figure.met}


@pytest.mark.parametrize("seed", range(5))
def test_correct_node_meets_every_bar(seed: int) -> None:
    """The small correct Raft elects, agrees and idles within MIT's bars."""
    report = budgets(RaftNode, seed)

    assert (missed(report), report.passed) == (set(), True)
    assert all(figure.value for figure in report.figures)


def test_figures_are_what_the_timing_says() -> None:
    """Twenty heartbeats a second go to two followers; an entry goes to two and is stored once on each of three disks."""
    report = budgets(RaftNode)

    assert report.figure("calls_idle").value == 2 * 20
    assert report.figure("messages_idle").value == pytest.approx(4 * 20, abs=3)
    assert report.figure("calls_to_elect").value >= 4, "two are asked, and two hear the leader"
    assert 20 <= report.figure("calls_for_entries").value <= 20 + 2 * 5
    assert 0.9 <= report.figure("stored_per_entry").value <= 1.1
    assert 2 * 5_000 < report.figure("bytes_per_entry").value < 20_000


@pytest.mark.parametrize(
    "node, figures",
    [
        (Chatterbox, {"calls_idle"}),
        (Canvasser, {"calls_to_elect"}),
        (Repeater, {"bytes_for_entries"}),
        (Worrier, {"calls_for_entries", "bytes_for_entries"}),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_wasteful_node_misses_its_bar(node: type, figures: set[str]) -> None:
    """Each kind of waste misses the bar that is about it, and no other."""
    assert missed(budgets(node)) == figures


def test_what_does_not_come_about_is_no_bargain() -> None:
    """A Node that answers nobody has no figure for its entries, and does not pass for cheap."""
    report = budgets(Mute)
    figure = report.figure("calls_for_entries")

    assert (figure.value, figure.met) == (None, False)
    assert "did not come about within 10 s" in str(report)
    assert "calls_for_entries" in missed(report)


@pytest.mark.parametrize("step", [1, 2, 3])
def test_steps_skip_what_does_not_apply(step: int) -> None:
    """A step without elections has no figure for one, and says why; a step without messages has none at all."""
    report = budgets(step)
    figure = report.figure("calls_to_elect")

    assert (figure.value, figure.applies, figure.met) == (None, False, True)
    assert ("is alone" if step == 1 else "is named") in figure.note
    assert report.figure("calls_idle").applies == (step > 1)
    assert step > 1 or report.passed


def test_commit_messages_cost_calls_until_step_11() -> None:
    """Step 10 tells of each commit in a call to everyone and misses the bar; step 11 says it in the next call."""
    assert "calls_for_entries" in missed(budgets(10))
    assert budgets(10).figure("calls_for_entries").value >= 2 * budgets(11).figure("calls_for_entries").value - 10
    assert budgets(11).passed


def test_the_same_seed_gives_the_same_report() -> None:
    """The report is decided by Node and seed alone."""
    assert str(budgets(8, 3)) == str(budgets(8, 3))
    assert budgets(8, 3).as_data() != budgets(8, 4).as_data()


def test_answers_are_told_from_calls() -> None:
    """What goes back to the caller is an answer; what it sets off beyond that is a call again."""
    traffic = Traffic()
    scenario = Scenario(servers=("tom", "jerry"), timing="paper", draws={"tom": (0.15,), "jerry": (0.3,)})
    simulation = Simulation(scenario, RaftNode, record=False, monitor=traffic)
    simulation.run_until(165_000)  # One RequestVote, its answer, and the first heartbeat at least.
    sent = {name: link.count for name, host in simulation.hosts.items() for link in host.links.values()}

    assert (traffic.messages, traffic.calls) == (sum(sent.values()), sent["tom"])
    assert traffic.bytes > 50 * traffic.messages


def test_what_is_stored_is_counted_once_an_event() -> None:
    """An event that changes the log, the term or the vote is one write to the disk; any other is none."""
    traffic = Traffic()
    scenario = Scenario(servers=("tom", "jerry", "spike"), timing="paper", draws={"tom": (0.15,)})
    simulation = Simulation(scenario, RaftNode, record=False, monitor=traffic)
    simulation.run_until(1_000_000)
    before = dict(traffic.stored)
    simulation.run_until(2_000_000)
    assert traffic.stored == before, "an idle cluster stores nothing"

    simulation.perform(Action(simulation.now_us, "set", ("a", "1")))
    simulation.run_until(3_000_000)

    assert {name: traffic.stored[name] - before[name] for name in before} == dict.fromkeys(before, 1)


def test_own_node_must_be_one() -> None:
    """Anything but a step's number or a Node class is refused."""
    with pytest.raises(ScenarioError, match="a step's number or a Node class"):
        budgets("mine")  # type: ignore[arg-type]
    with pytest.raises(LookupError, match="there is no figure 'calls'"):
        budgets(1).figure("calls")


def test_report_shows_itself() -> None:
    """A notebook shows the table that a terminal shows."""
    report = budgets(3)
    shown = report._repr_html_()

    for figure in report.figures:
        assert figure.text in shown
        assert figure.text in str(report)
    assert "NOT MET" in shown
    assert isinstance(report.figures[0].text, str)


def test_command() -> None:
    """`raft-steps budgets` prints the table or JSON, and its exit status says whether a bar is missed."""
    runner = CliRunner()
    missing = runner.invoke(main, ["budgets", "8", "--json"])
    data = json.loads(missing.stdout)

    assert (missing.exit_code, data["passed"]) == (1, False)
    assert {figure["name"] for figure in data["figures"] if not figure["met"]} == missed(budgets(8))
    assert runner.invoke(main, ["budgets", "12"]).exit_code == 0
    assert runner.invoke(main, ["budgets", "99"]).exit_code == 2


def test_entries_are_found_behind_a_no_op() -> None:
    """A leader that begins its term with an entry of its own is measured like any other."""

    class Opener(RaftNode):
        def become_leader(self) -> None:
            super().become_leader()
            self.log.append(Entry(index=self.log.last_index + 1, term=self.current_term, command=None))

    assert budgets(Opener).figure("calls_for_entries").met
