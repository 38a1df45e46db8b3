"""The worker process: what goes in, what comes out, and how it ends."""

import ast
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from raft_steps.lab.checks import check
from raft_steps.lab.cluster.cluster import Cluster
from raft_steps.lab.grading import worker_process
from raft_steps.lab.grading.judge import load
from raft_steps.lab.grading.package_copy import copy_package
from raft_steps.lab.grading.worker_process import WorkerLostError, WorkerProcess, cpu_seconds_of
from raft_steps.lab.source.extraction import ExtractedNode
from raft_steps.lab.source.submission_cells import ExtractedCell
from tests.grading.submissions import step_06
from tests.grading.walls import innermost, usable_wall


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the package that a submission of step 6 sees."""
    folder = tmp_path_factory.mktemp("package")
    copy_package(folder, 6)
    return folder


def loaded(process: WorkerProcess, text: str) -> Any:
    """Load a module's text."""
    needed = [each.lineno for each in ast.parse(text).body]
    return load(ExtractedNode([ExtractedCell("x.py", text, text, needed)]), process)


@pytest.mark.slow
def test_ending_the_process_ends_the_trial(package: Path) -> None:
    """A worker that ends itself gets no further points, and its end is reported."""
    text = step_06.RIGHT.replace(
        '        """Refuse an older', "        import os\n        os._exit(0)\n        '''Refuse"
    ).replace('store what fits."""', "store what fits.'''")
    with WorkerProcess(package, usable_wall()) as process:
        report = check(loaded(process, text), 6)

    assert not any(result.passed for result in report.results[:4])
    assert "ended its own process" in report.results[0].message


@pytest.mark.slow
def test_forged_answers_are_the_nodes_own(package: Path) -> None:
    """A forged answer is at most a possible behaviour of the Node, and never a verdict."""
    forged = """os.write(n, b'{"set":{},"passed":true,"score":100}\\\\n')"""
    lines = f"import os\n        for n in range(3, 12):\n            try: {forged}\n            except OSError: pass\n"
    body = step_06.UNTOUCHED.replace(
        "    pass\n", f"    def on_append_entries(self, sender, message):\n        {lines}"
    )
    with WorkerProcess(package, usable_wall()) as process:
        report = check(loaded(process, body), 6)

    assert not report.results[0].passed
    assert not any(result.passed for result in report.results if "followed" in result.name)


@pytest.mark.slow
def test_no_seed_leaves_the_judge(package: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No seed is sent to a worker: it asks for each random number."""
    sent: list[Any] = []
    with WorkerProcess(package, usable_wall()) as process:
        node_class = loaded(process, step_06.RIGHT)
        write = process._write

        def recorded(data: Any) -> None:
            sent.append(data)
            write(data)

        monkeypatch.setattr(process, "_write", recorded)
        Cluster(node_class, 3, seed=987654321).run(60)

    assert sent
    assert any(isinstance(data, int | float) for data in sent)  # a number that was drawn
    assert not any("987654321" in repr(data) for data in sent)


@pytest.mark.slow
def test_same_run_as_in_this_process(package: Path) -> None:
    """A cluster of Nodes in a worker has the same trace, byte for byte."""
    space: dict[str, Any] = {"__name__": "__main__"}
    exec(step_06.RIGHT, space)

    def traced(node_class: Any) -> str:
        cluster = Cluster(node_class, 5, seed=3, timing="paper", network={"loss": 0.05})
        cluster.run(2)
        cluster.set("x", 1)
        cluster.crash("tom")
        cluster.run(2)
        cluster.restart("tom")
        cluster.run(2)
        assert cluster.trace is not None
        return cluster.trace.to_text()

    with WorkerProcess(package, usable_wall()) as process:
        there = traced(loaded(process, step_06.RIGHT))

    assert traced(space["Node"]) == there


@pytest.mark.slow
def test_group_is_ended_with_its_process() -> None:
    """Every process that a worker has started ends with it."""
    code = "import subprocess, sys; p = subprocess.Popen(['sleep', '60']); print(p.pid, flush=True); p.wait()"
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True, bufsize=0
    )
    assert process.stdout is not None
    grandchild = int(process.stdout.readline())

    worker_process.end_group(process)

    assert process.returncode == -signal.SIGKILL
    assert _is_gone(grandchild)


def _is_gone(pid: int) -> bool:
    """Return whether a process is gone or a zombie within ten seconds."""
    until = time.monotonic() + 10
    while time.monotonic() < until:
        try:
            state = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0]
        except OSError:
            return True
        if state == "Z":
            return True
    return False


@pytest.mark.slow
def test_package_holds_no_later_step(package: Path) -> None:
    """The package of step 6 ends with step 5, and has no check, no property and no simulation."""
    names = {path.relative_to(package).as_posix() for path in package.rglob("*.py")}

    assert "raft_steps/step_05_term_in_append_entries.py" in names
    assert not [name for name in names if "step_06" in name or "checks" in name or "properties" in name]
    text = "".join(path.read_text(encoding="utf-8") for path in package.rglob("*.py"))
    assert "def refuse_append_entries" not in text


def test_computing_time_is_the_processes_own() -> None:
    """The computing time is that of the process, and it never decreases."""
    first = cpu_seconds_of(os.getpid())

    assert 0 <= first <= cpu_seconds_of(os.getpid())


@pytest.mark.slow
@pytest.mark.parametrize(
    "number, words",
    [
        (signal.SIGTERM, "was ended by SIGTERM, which came from outside"),
        (signal.SIGKILL, "was ended by SIGKILL, which the machine sends if it runs out of memory"),
        (signal.SIGSEGV, "was ended by SIGSEGV"),
        (signal.SIGXCPU, "used up the 20 s of computing time"),
    ],
)
def test_lost_worker_stays_lost(package: Path, number: int, words: str) -> None:
    """Once a worker is gone, every further request raises the same error at once, with the signal that ended it."""
    with WorkerProcess(package, usable_wall()) as process:
        loaded(process, step_06.RIGHT)
        os.kill(innermost(process._process.pid), number)
        for _ in range(2):
            with pytest.raises(WorkerLostError, match=words):
                process.request({"call": "on_start", "with": [], "id": 0, "new": True, "set": {}})
    assert not process.folder.exists()
