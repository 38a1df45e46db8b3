"""Faults depose leaders at step 18, too, whose voters refuse while they hear one."""

import pytest

from raft_steps.lab.random_stream import RandomStream
from raft_steps.lab.verify.fuzzer import try_scenario
from raft_steps.lab.verify.fuzzer.depositions import SILENCE_S, depose_calmly
from raft_steps.lab.verify.fuzzer.profiles import FAULTS, PROFILES, adversity
from raft_steps.lab.verify.properties import RULES

SERVERS = ("tom", "jerry", "spike", "tyke", "butch")


def test_a_leader_that_is_heard_hands_over() -> None:
    """A timeout alone becomes a transfer."""
    assert [(0, "transfer", ("jerry",))] == depose_calmly([(0, "timeout", ("jerry",))])


def test_a_leader_that_is_cut_off_is_forgotten_first() -> None:
    """The timeout and all that follows it come later, and messages that are held back take longer."""
    before = [
        (0.1, "partition", ("tom",)),
        (0.11, "delay", ("0.030", "0.060")),
        (0.12, "delay", ("0.001", "0.01")),
        (0.15, "timeout", ("jerry",)),
        (0.22, "heal", ()),
        (0.3, "timeout", ("tom",)),
    ]
    slow = tuple(f"{each + SILENCE_S:.3f}" for each in (0.03, 0.06))

    assert [
        (0.1, "partition", ("tom",)),
        (0.11, "delay", slow),
        (0.12, "delay", ("0.001", "0.01")),
        (0.15 + SILENCE_S, "timeout", ("jerry",)),
        (0.22 + SILENCE_S, "heal", ()),
        (0.3 + SILENCE_S, "transfer", ("tom",)),
    ] == depose_calmly(before)


@pytest.mark.parametrize("kind", FAULTS)
def test_actions_stay_in_order(kind: str) -> None:
    """Each fault still has all its actions in the order of their times; without timeouts, nothing changes."""
    for seed in range(10):
        actions = FAULTS[kind](RandomStream(seed, kind), SERVERS)
        calm = depose_calmly(actions)
        times = [time for time, _, _ in calm]
        assert times == sorted(times)
        assert [verb for _, verb, _ in calm if verb != "transfer"] == [
            verb for at, (_, verb, _) in enumerate(actions) if calm[at][1] != "transfer"
        ]
        assert calm == actions or "timeout" in [verb for _, verb, _ in actions]


@pytest.mark.parametrize("profile", ["reordering", "reelections", "successions"])
def test_leaders_are_deposed(profile: str) -> None:
    """Profiles about elections promise as many at step 18 as for any other Node."""
    for seed in range(3):
        trial = try_scenario(adversity(18, profile, seed), RULES)
        assert not trial.broken, trial.text
        assert trial.elections >= PROFILES[profile].elections


def test_only_a_node_that_can_hands_over() -> None:
    """The faults of the Nodes before step 18 are as they were."""
    for step, transfers in ((17, False), (18, True)):
        scenario = adversity(step, "successions", 1)
        assert transfers == any(action.verb == "transfer" and "to" in action.words for action in scenario.actions)
