"""The course map: its stored shares are what runs show, every loss has a reason, and your own Node gets a row."""

import json
import subprocess
import sys

import pytest

from raft_steps import STEPS
from raft_steps import step_08_election_timeout_reset as step_08
from raft_steps.lab.errors import ScenarioError
from raft_steps.lab.pictures.svg import Picture
from raft_steps.lab.scenario.scenario import Scenario
from raft_steps.lab.verify.fuzzer.course_map import CourseMap, MapCell, course_map, measure_steps, steps_on_map
from raft_steps.lab.verify.fuzzer.course_map.report import NOT_SERVED
from raft_steps.lab.verify.fuzzer.course_map.trial import PROMISED, SERVICE_RETURNS, broken_first, mended_adversity
from raft_steps.lab.verify.fuzzer.profiles import PROFILES

STORED = course_map()


def test_every_step_and_profile_has_a_cell() -> None:
    """There is a cell for each step from 2 on and each profile, all with the same number of seeds."""
    assert [f"step {step.number}" for step in STEPS if step.number > 1] == STORED.rows
    assert len(STORED.cells) == len(STORED.rows) * len(PROFILES)
    assert len({cell.seeds for cell in STORED.cells}) == 1
    assert all(STORED.cell(row, profile) for row in STORED.rows for profile in PROFILES)


@pytest.mark.parametrize("cell", STORED.cells, ids=lambda cell: f"{cell.row}-{cell.profile}")
def test_every_loss_has_a_reason_and_a_step_that_mends_it(cell: MapCell) -> None:
    """For each thing that breaks, a cell has the reason and a later step that mends it."""
    mends = cell.mended_by()

    assert set(cell.broken) == set(mends)
    assert all(step > (cell.step or 0) and why for step, why in mends.values())


@pytest.mark.parametrize(
    "cell", [cell for cell in STORED.cells if cell.step], ids=lambda cell: f"{cell.row}-{cell.profile}"
)
def test_a_step_of_the_course_that_mends_a_fault_has_mended_it(cell: MapCell) -> None:
    """If the step that mends a fault is in the course already, its row does not have that fault."""
    for name, (step, why) in cell.mended_by().items():
        if step <= STEPS[-1].number:
            later = STORED.cell(f"step {step}", cell.profile)
            assert name not in later.broken or later.mended_by()[name][1] != why


def test_stored_shares_are_what_runs_show() -> None:
    """A few seeds break what the stored map says, and about as often."""
    for cell in STORED.cells:
        if cell.step in (3, 8):
            found = [broken_first(cell.step, cell.profile, seed) for seed in range(3)]
            assert set(found) <= {"", *cell.broken}
            assert all(found) if cell.survived == 0 else True
            assert not any(found) if not cell.broken else True


def test_measuring_again_gives_the_same() -> None:
    """The measurement depends on the seeds alone, not on the processes that do it."""
    first, again = measure_steps(2, [8]), measure_steps(2, [8])

    assert first.as_data() == again.as_data()
    assert [cell.profile for cell in first.cells] == list(PROFILES)


def test_own_node_gets_a_row() -> None:
    """A Node class is tried with the same seeds, and its row comes last; no step mends its faults."""

    class Node(step_08.Node):
        """Step 8's Node as a class that belongs to no step."""

    found = course_map(Node, seeds=2, title="mine")

    assert [*STORED.rows, "mine"] == found.rows
    assert found.cell("mine", "calm").survived == 1
    assert found.cell("mine", "crashes").mended_by() == {}


def test_wrong_arguments_are_refused() -> None:
    """A step's number, or no seeds, is refused in one sentence."""
    for given, seeds in ((8, 2), (step_08.Node, 0)):
        with pytest.raises(ScenarioError, match="takes a Node class of your own, and at least one seed"):
            course_map(given, seeds=seeds)  # type: ignore[arg-type]


def test_adversity_ends() -> None:
    """After the adversity no link is cut and every server runs."""
    scenario = mended_adversity(8, "hostile", 3)
    late = [action for action in scenario.actions if action.at_us >= 10_000_000]

    assert ["heal", "resume", "resume", "resume", "resume", "resume", "restart", "restart"] == [a.verb for a in late]
    assert Scenario.parse(scenario.to_text()) == scenario


def test_a_node_that_fails_is_a_loss() -> None:
    """A Node that raises or never answers does not survive, and the name says why."""

    class Raises(step_08.Node):
        def on_heartbeat_timeout(self) -> None:
            raise ValueError

    class Silent(step_08.Node):
        def on_client_request(self, client: str, request: object) -> None:
            """Never answer."""

    assert broken_first(None, "calm", 0, Raises) == "Node Failed"
    assert broken_first(None, "calm", 0, Silent) == SERVICE_RETURNS


def test_shares_do_not_round_away_a_loss() -> None:
    """Only a cell in which nothing broke shows 100%, and only one in which all seeds broke shows 0%."""
    shares = {0: "100%", 1: ">99%", 250: "75%", 999: "<1%", 1000: "0%"}

    assert shares == {lost: MapCell("step 8", "calm", 1000, {"x": lost} if lost else {}).percent for lost in shares}


def test_all_forms_have_the_same_shares() -> None:
    """Text, table, data and chart have the same shares."""
    text, html = str(STORED), STORED._repr_html_()

    assert text.splitlines()[0].split() == list(PROFILES)
    for cell in STORED.cells:
        assert cell.percent in text
    assert html.count("<td") == len(STORED.cells)
    assert len(STORED.as_data()["cells"]) == len(STORED.cells)
    chart = STORED.chart()
    assert not isinstance(chart, Picture)
    shares = [cell.percent for cell in STORED.cells if cell.broken]
    assert sorted(shares) == sorted(each.get_text() for each in chart.axes[0].texts)
    with pytest.raises(LookupError, match="no cell for step 99"):
        STORED.cell("step 99", "calm")


def test_command_prints_the_map() -> None:
    """`raft-steps course-map` prints the table, the profiles, and a sentence for each loss; with --json, one object."""
    command = [sys.executable, "-m", "raft_steps", "course-map"]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    data = json.loads(subprocess.run([*command, "--json"], capture_output=True, text=True, check=True).stdout)

    assert str(STORED) in printed
    assert all(profile.sentence in printed for profile in PROFILES.values())
    assert all(sentence in printed for sentence in STORED.faults())
    assert len(data["cells"]) == len(STORED.cells)


def test_constants_fit_together() -> None:
    """The map begins with step 2, counts six rules, and later steps mend what does not serve."""
    assert steps_on_map()[0] == 2
    assert len(PROMISED) == 6
    assert all(step < mend for step, (mend, _) in NOT_SERVED.items())
    assert CourseMap([]).rows == []
