"""Sweeps are the same on every machine and every Python version: one digest for each step and profile.

A digest covers every event of the runs, for the trials contain when and how each of them ended, and how much happened.
It does not cover the sentences, which are for people and may be reworded. ``python -m
tests.verify.fuzzer.test_sweep_digest`` stores the digests again; do that only if the change of behaviour is intended.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import fields
from pathlib import Path

import pytest

from raft_steps import STEPS
from raft_steps.lab.cluster.cluster import Cluster
from raft_steps.lab.verify.fuzzer import try_scenario
from raft_steps.lab.verify.fuzzer.profiles import PROFILES, adversity
from raft_steps.lab.verify.properties import RULES

GOLDEN = Path(__file__).parent / "golden" / "sweeps.json"
SEEDS, SECONDS = 3, 4.0
NOT_IN_DIGESTS = ("text", "unjudged", "expected")  # sentences, and what only a comparison with the reference sets


def digest(step: int, profile: str) -> str:
    """Hash the trials of a few seeds, and the whole trace of the first of them."""
    scenarios = [adversity(step, profile, seed, seconds=SECONDS) for seed in range(SEEDS)]
    trials = [try_scenario(scenario, RULES) for scenario in scenarios]
    facts = [
        [getattr(trial, each.name) for each in fields(trial) if each.name not in NOT_IN_DIGESTS] for trial in trials
    ]
    text = f"{facts}\n{Cluster.replay(scenarios[0]).trace.to_text()}"
    return hashlib.sha256(text.encode()).hexdigest()[:16]


@pytest.mark.parametrize("step", [step.number for step in STEPS])
def test_sweeps_are_the_same_everywhere(step: int) -> None:
    """The runs of every profile have the stored digests."""
    golden = json.loads(GOLDEN.read_text(encoding="utf-8"))[str(step)]

    assert golden == {profile: digest(step, profile) for profile in PROFILES}


if __name__ == "__main__":
    found = {step.number: {profile: digest(step.number, profile) for profile in PROFILES} for step in STEPS}
    GOLDEN.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8", newline="\n")
