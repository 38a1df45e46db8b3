"""Whatever is swept is the same on every machine and every Python: one digest for each step and profile.

A digest covers every event of the runs, for the trials hold when and how each of them ended, and how much happened.
``python tests/test_sweep_digest.py`` writes them anew; do that only for a change that is meant.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from raft_steps import STEPS
from raft_steps.lab.cluster.cluster import Cluster
from raft_steps.lab.verify.fuzzer import try_scenario
from raft_steps.lab.verify.fuzzer.profiles import PROFILES, adversity
from raft_steps.lab.verify.properties import RULES

GOLDEN = Path(__file__).parent / "golden" / "sweeps.json"
SEEDS, SECONDS = 3, 4.0


def digest(step: int, profile: str) -> str:
    """Hash what comes of a few seeds, and the whole trace of the first of them."""
    scenarios = [adversity(step, profile, seed, seconds=SECONDS) for seed in range(SEEDS)]
    trials = [try_scenario(scenario, RULES) for scenario in scenarios]
    text = f"{trials}\n{Cluster.replay(scenarios[0]).trace.to_text()}"
    return hashlib.sha256(text.encode()).hexdigest()[:16]


@pytest.mark.parametrize("step", [step.number for step in STEPS])
def test_sweeps_are_the_same_everywhere(step: int) -> None:
    """The runs of every profile have the digests that are stored."""
    golden = json.loads(GOLDEN.read_text(encoding="utf-8"))[str(step)]

    assert golden == {profile: digest(step, profile) for profile in PROFILES}


if __name__ == "__main__":
    found = {step.number: {profile: digest(step.number, profile) for profile in PROFILES} for step in STEPS}
    GOLDEN.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8", newline="\n")
