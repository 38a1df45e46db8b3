"""The course map: what was measured is what a run shows, every loss has a reason, and one's own Node has a line."""

import json
import subprocess
import sys

import pytest

from raft_steps import STEPS, node
from raft_steps.lab.errors import ScenarioError
from raft_steps.lab.scenario.scenario import Scenario
from raft_steps.lab.verify.fuzzer.course_map import Cell, CourseMap, course_map, measure_steps, steps_on_it
from raft_steps.lab.verify.fuzzer.course_map.report import NOT_SERVED
from raft_steps.lab.verify.fuzzer.course_map.trial import PROMISED, SERVICE_RETURNS, broken_first, mended_adversity
from raft_steps.lab.verify.fuzzer.profiles import PROFILES

STORED = course_map()


def test_it_has_every_step_and_every_profile() -> None:
    """There is one cell for each step from 2 on and each kind of adversity, all of the same number of seeds."""
    assert [f"step {step.number}" for step in STEPS if step.number > 1] == STORED.rows
    assert len(STORED.cells) == len(STORED.rows) * len(PROFILES)
    assert len({cell.seeds for cell in STORED.cells}) == 1
    assert all(STORED.cell(row, profile) for row in STORED.rows for profile in PROFILES)


@pytest.mark.parametrize("cell", STORED.cells, ids=lambda cell: f"{cell.row}-{cell.profile}")
def test_every_loss_has_a_reason_and_a_step_that_mends_it(cell: Cell) -> None:
    """A cell below 100% says for each thing that breaks what the fault is, and which later step mends it."""
    mends = cell.mended_by()

    assert set(cell.broken) == set(mends)
    assert all(step > (cell.step or 0) and why for step, why in mends.values())


@pytest.mark.parametrize(
    "cell", [cell for cell in STORED.cells if cell.step], ids=lambda cell: f"{cell.row}-{cell.profile}"
)
def test_a_step_of_the_course_that_mends_a_fault_has_mended_it(cell: Cell) -> None:
    """Where the step that is said to mend a fault is in the course already, its row does not have that fault."""
    for name, (step, why) in cell.mended_by().items():
        if step <= STEPS[-1].number:
            later = STORED.cell(f"step {step}", cell.profile)
            assert name not in later.broken or later.mended_by()[name][1] != why


def test_what_is_stored_is_what_a_run_shows() -> None:
    """A few seeds, run now, break what the stored map says, about as often as it says."""
    for cell in STORED.cells:
        if cell.step in (3, 8):
            found = [broken_first(cell.step, cell.profile, seed) for seed in range(3)]
            assert set(found) <= {"", *cell.broken}
            assert all(found) if cell.survived == 0 else True
            assert not any(found) if not cell.broken else True


def test_measuring_again_gives_the_same() -> None:
    """The measurement depends on nothing but the seeds, however many processes do it."""
    first, again = measure_steps(2, [8]), measure_steps(2, [8])

    assert first.as_data() == again.as_data()
    assert [cell.profile for cell in first.cells] == list(PROFILES)


def test_ones_own_node_gets_a_line() -> None:
    """A Node class is tried with the same seeds, and its line comes last; it has no step that mends it."""

    class Node(node(8)):
        """A step's own, under another roof."""

    found = course_map(Node, seeds=2, title="mine")

    assert [*STORED.rows, "mine"] == found.rows
    assert found.cell("mine", "calm").survived == 1
    assert found.cell("mine", "crashes").mended_by() == {}


def test_what_cannot_be_put_on_it_is_refused() -> None:
    """A number, or no seeds, gives one sentence."""
    for given, seeds in ((8, 2), (node(8), 0)):
        with pytest.raises(ScenarioError, match="takes a Node class of your own, and at least one seed"):
            course_map(given, seeds=seeds)  # type: ignore[arg-type]


def test_peace_returns_at_the_end() -> None:
    """After the adversity all is mended: the network is whole and every server runs."""
    scenario = mended_adversity(8, "hostile", 3)
    late = [action for action in scenario.actions if action.at_us >= 10_000_000]

    assert ["heal", "resume", "resume", "resume", "resume", "resume", "restart", "restart"] == [a.verb for a in late]
    assert Scenario.parse(scenario.to_text()) == scenario


def test_a_node_that_fails_is_a_loss() -> None:
    """A Node that raises, or that nobody hears of again, does not survive; the name says why."""

    class Raises(node(8)):
        def on_heartbeat_timeout(self) -> None:
            raise ValueError

    class Silent(node(8)):
        def on_client_request(self, client: str, request: object) -> None:
            """Say nothing."""

    assert broken_first(None, "calm", 0, Raises) == "Node Failed"
    assert broken_first(None, "calm", 0, Silent) == SERVICE_RETURNS


def test_shares_do_not_round_away_a_loss() -> None:
    """Only a cell that lost nothing says 100%, and only one that lost everything says 0%."""
    shares = {0: "100%", 1: ">99%", 250: "75%", 999: "<1%", 1000: "0%"}

    assert shares == {lost: Cell("step 8", "calm", 1000, {"x": lost} if lost else {}).percent for lost in shares}


def test_it_shows_itself() -> None:
    """As text, as a table, as data and as a chart: always the same shares."""
    text, html = str(STORED), STORED._repr_html_()

    assert text.splitlines()[0].split() == list(PROFILES)
    for cell in STORED.cells:
        assert cell.percent in text
    assert html.count("<td") == len(STORED.cells)
    assert len(STORED.as_data()["cells"]) == len(STORED.cells)
    assert len(STORED.chart().axes[0].texts) == len(STORED.cells)
    with pytest.raises(LookupError, match="no cell for step 99"):
        STORED.cell("step 99", "calm")


def test_the_command_prints_it() -> None:
    """`raft-steps course-map` prints the table, the profiles, and a sentence for each loss; with --json, one object."""
    command = [sys.executable, "-m", "raft_steps", "course-map"]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    data = json.loads(subprocess.run([*command, "--json"], capture_output=True, text=True, check=True).stdout)

    assert str(STORED) in said
    assert all(profile.sentence in said for profile in PROFILES.values())
    assert all(sentence in said for sentence in STORED.faults())
    assert len(data["cells"]) == len(STORED.cells)


def test_names_are_known() -> None:
    """The map knows its own words: the steps it covers, the rules it counts, the steps that do not serve."""
    assert steps_on_it()[0] == 2
    assert len(PROMISED) == 6
    assert all(step < mend for step, (mend, _) in NOT_SERVED.items())
    assert CourseMap([]).rows == []
