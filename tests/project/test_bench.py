"""The benchmark runs, and its table says for every target whether it is met. What it measures is not tested here."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
def test_benchmark_runs() -> None:
    """With tiny sizes, every line of the table is there, and nothing but Python's own is loaded."""
    command = [sys.executable, "-m", "tests.bench.run", "--quick"]
    answer = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)
    lines = answer.stdout.splitlines()

    assert (0, "") == (answer.returncode, answer.stderr)
    assert len(lines) >= 15
    for what in (
        "bare heapq",
        "SimPy",
        "simulator",
        "20 writes",
        "ten-step",
        "diagram",
        "linearizability",
        "import raft_steps",
    ):
        assert any(what in line for line in lines), what
    assert lines[-1].split()[-3:] == ["nothing", "nothing", "met"]
