"""The cost of agreement: the numbers of the steps, and for each limit a wasteful Node that exceeds it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from click.testing import CliRunner

from raft_steps.lab.cli.command import main
from raft_steps.lab.errors import ScenarioError
from raft_steps.lab.log import Entry
from raft_steps.lab.runtime.simulator.simulation import Simulation
from raft_steps.lab.scenario.model import Action
from raft_steps.lab.scenario.scenario import Scenario
from raft_steps.lab.verify.conformance.budgets import BudgetReport, budgets
from raft_steps.lab.verify.conformance.traffic import Traffic
from tests.helpers.raft_fixture import AppendEntries, RaftNode
from tests.helpers.runs import changed


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
    """Return the names of the measurements that exceed their limits."""
    return {each.name for each in report.measurements if not each.met}


def value(report: BudgetReport, name: str) -> float:
    """Return the value of a measurement that has one."""
    found = report.measurement(name).value
    assert found is not None
    return found


@pytest.mark.parametrize("seed", range(5))
def test_correct_node_meets_every_limit(seed: int) -> None:
    """A small correct Raft elects, agrees and idles within MIT's limits."""
    report = budgets(RaftNode, seed)

    assert (missed(report), report.passed) == (set(), True)
    assert all(each.value for each in report.measurements)


def test_numbers_follow_from_the_timing() -> None:
    """Twenty heartbeats a second go to two followers; an entry goes to two and is stored once on each of three disks."""
    report = budgets(RaftNode)

    assert value(report, "calls_idle") == 2 * 20
    assert value(report, "messages_idle") == pytest.approx(4 * 20, abs=3)
    assert value(report, "calls_to_elect") >= 4, "two votes are requested, and two followers get a heartbeat"
    assert 20 <= value(report, "calls_for_entries") <= 20 + 2 * 5
    assert 0.9 <= value(report, "stored_per_entry") <= 1.1
    assert 2 * 5_000 < value(report, "bytes_per_entry") < 20_000


@pytest.mark.parametrize(
    "node, names",
    [
        (Chatterbox, {"calls_idle"}),
        (Canvasser, {"calls_to_elect"}),
        (Repeater, {"bytes_for_entries"}),
        (Worrier, {"calls_for_entries", "bytes_for_entries"}),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_wasteful_node_exceeds_its_limit(node: type, names: set[str]) -> None:
    """Each kind of waste exceeds the limit for it, and no other."""
    assert missed(budgets(node)) == names


def test_node_that_never_answers_does_not_pass() -> None:
    """A Node that never answers has no value for its entries, and exceeds the limit."""
    report = budgets(Mute)
    entries = report.measurement("calls_for_entries")

    assert (entries.value, entries.met) == (None, False)
    assert "it did not happen within 10 s" in str(report)
    assert "calls_for_entries" in missed(report)


@pytest.mark.parametrize("step", [1, 2, 3])
def test_steps_skip_what_does_not_apply(step: int) -> None:
    """For a step without elections their costs do not apply, with a reason; for step 1 nothing does."""
    report = budgets(step)
    election = report.measurement("calls_to_elect")

    assert (election.value, election.applies, election.met) == (None, False, True)
    assert ("is alone" if step == 1 else "is named") in election.note
    assert report.measurement("calls_idle").applies == (step > 1)
    assert step > 1 or report.passed


def test_commit_messages_cost_calls_until_step_11() -> None:
    """Step 10 announces each commit with a call to every server and exceeds the limit; step 11 adds it to other calls."""
    assert "calls_for_entries" in missed(budgets(10))
    assert value(budgets(10), "calls_for_entries") >= 2 * value(budgets(11), "calls_for_entries") - 10
    assert budgets(11).passed


def test_the_same_seed_gives_the_same_report() -> None:
    """The report depends on Node and seed alone."""
    assert str(budgets(8, 3)) == str(budgets(8, 3))
    assert budgets(8, 3).as_data() != budgets(8, 4).as_data()


def test_answers_do_not_count_as_calls() -> None:
    """The first message back to the caller is an answer; further messages are calls."""
    traffic = Traffic()
    scenario = Scenario(servers=("tom", "jerry"), timing="paper", draws={"tom": (0.15,), "jerry": (0.3,)})
    simulation = Simulation(scenario, RaftNode, record=False, monitor=traffic)
    simulation.run_until(165_000)  # One RequestVote, its answer, and the first heartbeat at least.
    sent = {name: link.count for name, host in simulation.hosts.items() for link in host.links.values()}

    assert (traffic.messages, traffic.calls) == (sum(sent.values()), sent["tom"])
    assert traffic.bytes > 50 * traffic.messages


def test_writes_to_the_disk_are_counted_once_per_event() -> None:
    """An event that changes the log, the term or the vote is one write to the disk; other events are not."""
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


def test_wrong_arguments_are_refused() -> None:
    """Anything but a step's number or a Node class is refused, and so is an unknown measurement."""
    with pytest.raises(ScenarioError, match="a step number or a Node class"):
        budgets("mine")  # type: ignore[arg-type]
    with pytest.raises(LookupError, match="there is no measurement 'calls'"):
        budgets(1).measurement("calls")


def test_text_and_html_have_the_same_rows() -> None:
    """A notebook shows the same rows as a terminal."""
    report = budgets(3)
    html = report._repr_html_()

    for each in report.measurements:
        assert each.text in html
        assert each.text in str(report)
    assert "NOT MET" in html


def test_command() -> None:
    """`raft-steps budgets` prints the table or JSON, and its exit status is 1 if a limit is exceeded."""
    runner = CliRunner()
    missing = runner.invoke(main, ["budgets", "8", "--json"])
    data = json.loads(missing.stdout)

    assert (missing.exit_code, data["passed"]) == (1, False)
    assert {figure["name"] for figure in data["figures"] if not figure["met"]} == missed(budgets(8))
    assert runner.invoke(main, ["budgets", "12"]).exit_code == 0
    assert runner.invoke(main, ["budgets", "99"]).exit_code == 2


def test_no_op_of_a_new_leader_is_no_obstacle() -> None:
    """A leader that starts its term with an entry without a command is measured like any other."""

    class Opener(RaftNode):
        def become_leader(self) -> None:
            super().become_leader()
            self.log.append(Entry(index=self.log.last_index + 1, term=self.current_term, command=None))

    assert budgets(Opener).measurement("calls_for_entries").met


def test_catching_up_has_a_budget_from_step_15() -> None:
    """A Node with batches sends a server what it lacks once, in few calls; the step before would miss both limits."""
    names = ("calls_to_catch_up", "entries_to_catch_up")
    report = budgets(15)

    assert [6, 202] == [value(report, name) for name in names]
    assert report.passed
    assert not {figure.name for figure in budgets(14).measurements} & set(names)
    before = changed(14, batch_size=64)
    assert set(names) == missed(budgets(before))
