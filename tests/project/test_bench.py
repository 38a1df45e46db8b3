"""The benchmark runs, and its table says for every target whether it is met. What it measures is not tested here."""

from __future__ import annotations

import shutil
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


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("redis-benchmark") is None, reason="needs redis-benchmark (apt install redis-tools)")
def test_benchmark_of_servers_runs() -> None:
    """With tiny sizes, each load has a line; what is not installed is left out with a sentence."""
    command = [sys.executable, "-m", "tests.bench.servers", "--quick", "--only", "loads"]
    answer = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=120)

    assert (0, "") == (answer.returncode, answer.stderr)
    for what in ("one write at a time", "writes, 256", "writes, 4", "reads, 256"):
        assert what in answer.stdout
    for peer, package in (("etcd", "etcd-server"), ("PySyncObj", "pip install pysyncobj")):
        assert f"{peer}: a second" in answer.stdout or package in answer.stdout
