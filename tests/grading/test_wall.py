"""The wall around a submission's process: what it can reach, and what is said where there is none."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from raft_steps.lab.grading import wall
from raft_steps.lab.grading.judge import load
from raft_steps.lab.grading.package_copy import copy_package
from raft_steps.lab.grading.wall import NOBODY, NOTHING, Wall, WallError, environment, find_wall
from raft_steps.lab.grading.worker_process import WorkerProcess
from raft_steps.lab.source.extraction import ExtractedNode, extract_node
from tests.grading.submissions import step_06
from tests.grading.walls import real_wall

# Looks around as a submission does, after it has become another user as the worker does.
LOOK = f"""
import json, os, socket, sys
if os.geteuid() == 0:
    os.setgroups([]); os.setresgid({NOBODY}, {NOBODY}, {NOBODY}); os.setresuid({NOBODY}, {NOBODY}, {NOBODY})
def tried(what):
    try:
        what()
    except BaseException as error:
        return type(error).__name__
    return "worked"
def named(files):
    return [each for each in files if each.endswith((".ipynb", "seeds.txt")) or "step_06" in each or each in WANTED]
WANTED, found = ("judge.py", "trials.py", "scores.csv"), []
for at, folders, files in os.walk("/"):
    if at.startswith(("/usr/lib", "/proc")) and "python" not in at and at != "/usr/lib":
        folders.clear()
    found += [at + "/" + each for each in named(files)]
print(json.dumps({{
    "user": os.getuid(), "found": found, "arguments": open("/proc/self/cmdline").read(), "environment": dict(os.environ),
    "processes": sorted(int(each) for each in os.listdir("/proc") if each.isdigit()),
    "package": tried(lambda: open("/package/x", "w")), "root": tried(lambda: open("/x", "w")),
    "device": tried(lambda: open("/dev/shm/x", "w")), "python": tried(lambda: open(os.__file__, "a")),
    "network": tried(lambda: socket.create_connection(("127.0.0.1", {{port}}), 2)),
    "outside": tried(lambda: socket.create_connection(("192.0.2.1", 80), 2)),
    "again": tried(lambda: os.setuid(0)), "kill": tried(lambda: os.kill({{pid}}, 9)),
    "own": tried(lambda: open("mine.txt", "w").write("x")),
    "full": tried(lambda: [open(str(n), "wb").write(bytes(2**20)) for n in range(40)]),
    "import": tried(lambda: __import__("raft_steps.step_06_term_checks")),
}}))
"""


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Return what a process behind the wall sees."""
    import os
    import socket

    folder = tmp_path_factory.mktemp("package")
    copy_package(folder, 6)
    built = real_wall()
    with socket.create_server(("127.0.0.1", 0)) as server:
        code = LOOK.replace("{port}", str(server.getsockname()[1])).replace("{pid}", str(os.getpid()))
        code = "import sys; sys.path.insert(0, '/package')\n" + code
        ran = subprocess.run(
            built.command(folder, code), capture_output=True, text=True, check=False, env=environment(built)
        )
    found: dict[str, Any] = json.loads(ran.stdout or f'{{"error": {json.dumps(ran.stderr)}}}')
    return found


def test_there_is_nothing_to_find(seen: dict[str, Any]) -> None:
    """No solution, no grader, no result and no secret is in any folder, argument or variable."""
    assert [] == seen["found"], seen
    assert {"PYTHONHASHSEED", "LC_ALL", "HOME", "TMPDIR", "PWD", "LC_CTYPE"} >= set(seen["environment"])
    assert "ModuleNotFoundError" == seen["import"]


def test_nothing_outside_can_be_reached(seen: dict[str, Any]) -> None:
    """No network, not even that of the same machine, and no process but its own two or three."""
    assert seen["network"] != "worked" != seen["outside"]
    assert len(seen["processes"]) <= 3
    assert seen["kill"] in ("ProcessLookupError", "PermissionError")


def test_nothing_can_be_written_but_a_small_folder(seen: dict[str, Any]) -> None:
    """Everything is read-only except one folder, and that has a size."""
    for name in ("package", "root", "device", "python"):
        assert seen[name] in ("OSError", "PermissionError"), name
    assert ("worked", "OSError") == (seen["own"], seen["full"])


def test_it_is_another_user_for_good(seen: dict[str, Any]) -> None:
    """It is not root, even if root grades, and cannot become it again."""
    assert seen["user"] in (NOBODY, 65534)
    assert "PermissionError" == seen["again"]


def test_without_a_wall_grading_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The error names the ways to get one, and says what it means to go on without."""
    find_wall.cache_clear()
    monkeypatch.setattr(wall, "_refusal", lambda _: "No permissions to create new namespace")
    with pytest.raises(WallError) as caught:
        find_wall()
    find_wall.cache_clear()

    for word in ("No permissions", "Install bubblewrap", "--container", "--no-sandbox", "runs as you"):
        assert word in str(caught.value)
    assert str(tmp_path) == Wall(NOTHING).package(tmp_path)


STAND_IN = """#!/bin/sh
# Stands in for podman: notes how it is called, and runs what a container would run.
echo "$@" >> {log}
case $1 in
    build) echo made;;
    ps) cat {log}.ids;;
    run) while [ "$1" != raft-steps-grading ]; do shift; done; shift 2; {python} "$@";;
esac
"""


def test_container_is_built_tried_named_and_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stand-in for podman is called to make the image, to try it, to run a submission under a name, and to end it."""
    log, program = tmp_path / "log", tmp_path / "bin" / "podman"
    program.parent.mkdir()
    program.write_text(STAND_IN.format(log=log, python=sys.executable), encoding="utf-8")
    program.chmod(0o755)
    log.with_suffix(".ids").write_text("one two\n", encoding="utf-8")
    monkeypatch.setenv("PATH", str(program.parent), prepend=os.pathsep)
    monkeypatch.setattr(wall, "PACKAGE", str(tmp_path / "grading" / "package"))
    copy_package(tmp_path / "grading" / "package", 6)

    built = wall.start_container("podman")
    with WorkerProcess(tmp_path / "grading" / "package", built, folders_in=tmp_path) as process:
        stand_in = load(extract_node_of(tmp_path), process)
        name = process.folder.name
    built.end_all(tmp_path / "grading" / "package")

    assert "Node" == stand_in.__name__
    calls = log.read_text(encoding="utf-8").splitlines()
    assert ["build", "run", "run", "kill", "ps", "kill"] == [line.split()[0] for line in calls]
    assert f"--label raft-steps-grading=grading --name {name} " in calls[2]
    assert [f"kill {name}", "ps --quiet --filter label=raft-steps-grading=grading", "kill one two"] == calls[3:]


def extract_node_of(folder: Path) -> ExtractedNode:
    """Return a right Node of step 6, from a file."""
    (folder / "ann.py").write_text(step_06.RIGHT, encoding="utf-8")
    return extract_node(folder / "ann.py")


def test_container_gets_nothing_but_the_package(tmp_path: Path) -> None:
    """Its command has no network, no right, no write access, limits, and one read-only folder."""
    command = " ".join(Wall("docker").command(tmp_path, "print(6)"))

    for option in (
        "--network none",
        "--read-only",
        "--cap-drop ALL",
        "no-new-privileges",
        "--user 65534",
        "--pids-limit 8",
    ):
        assert option in command
    assert 1 == command.count("--volume")
    assert f"{tmp_path}:/package:ro" in command
    assert "secret" not in command
