"""Tests of finding a scenario in a text."""

import pytest

from raft_steps.lab.errors import ScenarioError
from raft_steps.lab.player.scenario_finder import find_scenario
from raft_steps.lab.scenario.scenario import Scenario

LINE = "raft-steps 1; step 6; servers tom jerry; seed 7; at 12 set 'a key' \"it's\"; until 30"


@pytest.mark.parametrize(
    "text",
    [
        LINE,
        f"  {LINE}  \n",
        f"Here is what I saw:\n\n{LINE}\n\nIs that right?",
        f"# {LINE}\ncluster = Cluster(6)",
        f"cluster = Cluster.replay({LINE!r})",
        f"replay(\n    {LINE[:40]!r}\n    {LINE[40:]!r}\n)",
        Scenario.parse(LINE).to_json(),
        f"it is {LINE}",
        f"not a scenario: raft-steps for beginners\n{LINE}",
    ],
)
def test_scenario_is_found_in_any_text(text: str) -> None:
    """A scenario is found on a line, in a comment, in a Python string, as JSON, and within a sentence."""
    assert Scenario.parse(LINE) == find_scenario(text)


@pytest.mark.parametrize(
    "text, complaint",
    [
        ("", "there is no scenario in this text"),
        ("def f(:", "there is no scenario in this text"),
        ("raft-steps 1; step 6; servrs tom", "no part 'servrs'"),
        ("raft-steps 2; step 6; servers tom", "version 2"),
        ("x" * 1_000_001, "too long"),
    ],
)
def test_text_without_a_scenario_is_refused(text: str, complaint: str) -> None:
    """A text without a scenario, or with an invalid one, is refused with the reason."""
    with pytest.raises(ScenarioError, match=complaint):
        find_scenario(text)
