"""The speed of sweeps: the cost of a seed, what checking the properties adds to it, and the time to shrink a failure."""

from __future__ import annotations

import statistics
import time

from raft_steps.lab.runtime.simulator.simulation import Simulation
from raft_steps.lab.verify.fuzzer import shrink, sweep
from raft_steps.lab.verify.fuzzer.profiles import adversity
from raft_steps.lab.verify.fuzzer.trial import try_scenario
from raft_steps.lab.verify.properties import RULES, kept_by

STEP, PROFILE, SECONDS, WHOLE = 8, "hostile", 30.0, 10_000


def sweep_figures(seeds: int, repetitions: int) -> list[tuple[str, str, str, bool | None]]:
    """Measure sweeps; return rows of what was measured, the result, the target, and whether it is met.

    Args:
        seeds: The number of seeds of a sweep.
        repetitions: How often the cost of the properties is measured.
    """
    with_rules, without = [], []
    few = range(max(2, seeds // 20))
    for _ in range(repetitions):
        with_rules.append(_seconds(few, watched=True))
        without.append(_seconds(few, watched=False))
    extra = statistics.median(one / other for one, other in zip(with_rules, without, strict=True)) - 1
    virtual = SECONDS * len(few) / statistics.median(with_rules)
    begun = time.perf_counter()
    sweep(STEP, PROFILE, seeds, seconds=SECONDS)
    whole = (time.perf_counter() - begun) * WHOLE / seeds
    begun = time.perf_counter()
    sizes = [len(shrink(adversity(STEP, PROFILE, seed), rules=RULES).scenario.actions) for seed in few]
    took = (time.perf_counter() - begun) / len(few)
    return [
        ("hostile run, all properties, one core", f"{virtual:,.0f} virtual s/s", "", None),
        ("what the properties add to it", f"{extra:.0%}", "25%", extra <= 0.25),
        (f"sweep of {WHOLE:,} seeds, from {seeds:,} of them", f"{whole:,.0f} s", "150 s", whole < 150),
        ("a failure made small", f"{took:.1f} s; at most {max(sizes)} actions", "10 actions", max(sizes) <= 10),
    ]


def _seconds(seeds: range, *, watched: bool) -> float:
    """Run some seeds in this process, and return the processor time that they took."""
    begun = time.process_time()
    for seed in seeds:
        scenario = adversity(STEP, PROFILE, seed, seconds=SECONDS)
        if watched:
            try_scenario(scenario, kept_by(STEP))
        else:
            Simulation(scenario, record=False).run_until(scenario.until_us or 0)
    return time.process_time() - begun
