"""Measures the catalogue: all scenarios with every step, with one seed and with a hundred."""

from __future__ import annotations

import time

from raft_steps.lab.verify.conformance import CatalogueReport, catalogue

WORKERS = 2  # the targets are for two cores
ONE_PASS, ALL_SEEDS = 3.0, 180.0  # seconds
SEEDS = 100


def seconds_of_catalogue(seeds: int, workers: int) -> tuple[float, CatalogueReport]:
    """Measure the catalogue with every step, and assert that its table is true with these seeds.

    Args:
        seeds: How many seeds of each scenario and step.
        workers: How many processes.
    """
    begun = time.perf_counter()
    report = catalogue(seeds=seeds, workers=workers)
    took = time.perf_counter() - begun
    assert report.passed, str(report)
    return took, report


def figures(seeds: int = SEEDS) -> list[tuple[str, str, str, bool]]:
    """Measure one seed in one process, and many seeds in two.

    Args:
        seeds: How many seeds; with fewer than a hundred the target is lower in proportion.

    Returns:
        Rows of what was measured, how long it took, the target, and whether it is met.
    """
    one, report = seconds_of_catalogue(1, 1)
    many, _ = seconds_of_catalogue(seeds, WORKERS)
    what = f"catalogue, {len(report.entries)} scenarios, {len(report.columns)} steps"
    limit = ALL_SEEDS * seeds / SEEDS
    return [
        (f"{what}, one seed", f"{one:.2f} s", f"{ONE_PASS:g} s", one < ONE_PASS),
        (f"{what}, {seeds} seeds, {WORKERS} processes", f"{many:.1f} s", f"{limit:g} s", many < limit),
    ]


if __name__ == "__main__":
    for row in figures():
        print(*row)
