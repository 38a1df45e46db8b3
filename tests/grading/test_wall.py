"""The wall around a submission's process: what it can reach, and what is said where there is none."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from raft_steps.lab.grading import wall
from raft_steps.lab.grading.package_copy import copy_package
from raft_steps.lab.grading.wall import NOBODY, NOTHING, Wall, WallError, environment, find_wall
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
