"""Every command that --help, the README, a guide, a notebook or a student's page prints runs as it is printed.

The blocks of commands in the guides for instructors are run by `test_instructors.py`.
"""

import html
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

import raft_steps
from raft_steps.lab.cli.command import main
from raft_steps.lab.course.notebooks import load
from raft_steps.lab.grading.html_pages import render
from raft_steps.lab.grading.verdict import Verdict
from raft_steps.lab.runtime.server.database import Database
from tests.helpers.jupyter import own_environment

ROOT = Path(__file__).parents[2]
PAGES = (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md")))
SECONDS_MAX = 300
PRINTED = re.compile(
    r"^[ !]*(?:\.venv/bin/)?(raft-steps [a-z].*)$|`(?:\.venv/bin/)?(raft-steps [a-z][^`\n]*)`", re.MULTILINE
)
# These run until they are ended. Others test them: test_jupyterlab.py and test_installed.py, and the tests of servers.
ENDLESS = ("lab", "serve", "cluster", "client", "draw", "watch")
HISTORY = "{:process 0, :type :invoke, :f :write, :value 1}\n{:process 0, :type :ok, :f :write, :value 1}\n"
# What bounds a command that takes minutes as it is printed, by the command's name.
BOUNDS = {"search": "--states 2000", "catalogue": "--only ReElection", "chaos": "--minutes 0.05"}


def commands() -> Iterator[str]:
    """Yield every command that is printed somewhere, without the remark that may follow it."""
    assert isinstance(main, click.Group)
    texts = [each.help or "" for each in (main, *main.commands.values())]
    texts[0] = re.sub(r"^.*?: +(?=raft-steps)", "", texts[0], flags=re.MULTILINE)
    guides = ("instructors.md", "grading.md", "platforms.md")
    texts += [path.read_text(encoding="utf-8") for path in PAGES if path.name not in guides]
    for path in sorted((ROOT / "notebooks").glob("*.ipynb")):
        texts += [cell.source for cell in load(path).cells]
    for text in texts:
        for found in PRINTED.finditer(text):
            yield re.sub(r" {3,}.*| +#.*", "", found[1] or found[2]).strip()


def is_to_be_run(command: str) -> bool:
    """Return whether a command is printed with all that it needs, and ends by itself."""
    words = command.split()
    assert isinstance(main, click.Group)
    if "--renew" in words:  # It would measure for minutes, and store the result in the package.
        return False
    needs = any(each.required for each in main.commands[words[1]].params)
    return words[1] not in ENDLESS and "FILE" not in words and "…" not in command and not (needs and len(words) == 2)


NAMED = sorted(set(commands()))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Make a folder with the files that the commands name."""
    node = "from raft_steps.step_12_persistence import Node as Last\n\n\nclass Node(Last):\n    pass\n"
    (tmp_path / "my_raft.py").write_text(node, encoding="utf-8")
    (tmp_path / "ann.py").write_text(node, encoding="utf-8")
    shutil.copy(ROOT / "notebooks" / "06_term_checks.ipynb", tmp_path / "bob.ipynb")
    (tmp_path / "handed_in" / "cat").mkdir(parents=True)
    (tmp_path / "handed_in" / "cat" / "scenarios.txt").write_text("raft-steps 1; step 12; until 30", encoding="utf-8")
    shutil.copy(ROOT / "notebooks" / "06_term_checks.ipynb", tmp_path / "handed_in" / "cat")
    shutil.make_archive(str(tmp_path / "submissions"), "zip", tmp_path / "handed_in")
    (tmp_path / "gradebook.csv").write_text("Student,ID,Step 6 (1)\ncat,1,\n", encoding="utf-8")
    (tmp_path / "seeds.txt").write_text("a secret", encoding="utf-8")
    (tmp_path / "etcd_000.log").write_text(HISTORY, encoding="utf-8")
    shutil.copytree(ROOT / "notebooks", tmp_path / "notebooks")
    shutil.copytree(ROOT / "notebooks", tmp_path / "my_course")
    database = Database(tmp_path / "tom.d", {"name": "tom", "servers": "tom", "step": "step 1"}, raft_steps.node(1))
    database.begin_life()
    database.close()
    run("raft-steps run 8 --scenario 'at 9 set x 1; at 12 get x' --trace run.jsonl", tmp_path)
    return tmp_path


def run(command: str, folder: Path) -> str:
    """Run a command in a shell, and return what it prints; its exit status must be that of a verdict."""
    words = [sys.executable, "-m", "raft_steps"]
    script = f"raft-steps() {{ '{words[0]}' -m raft_steps \"$@\"; }}\n{command}"
    environment = own_environment(folder) | {"PATH": os.environ["PATH"]}
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=SECONDS_MAX,
    )
    assert done.returncode in (0, 1), f"{command}\n{done.stdout[-1000:]}{done.stderr[-1000:]}"
    return done.stdout


def test_there_are_commands_to_be_run() -> None:
    """The pattern finds them in each kind of text."""
    assert {"raft-steps run 8", "raft-steps check 6", "raft-steps diff 5 6 --whole"} <= set(NAMED)
    assert any("ten-steps 8 --seeds 1000" in each for each in NAMED)
    assert isinstance(main, click.Group)
    assert {name for each in NAMED for name in [each.split()[1]]} <= set(main.commands)


@pytest.mark.slow
@pytest.mark.parametrize("command", [each for each in NAMED if is_to_be_run(each)])
def test_command_runs_as_printed(command: str, folder: Path) -> None:
    """The command ends with a verdict; only the number of seeds or states is bounded."""
    name = command.split()[1]
    bounded = re.sub(r"--seeds \d\d+", "--seeds 2", command)
    if bounded == command and name in ("sweep", "course-map") and "--help" not in command and "--node" in command:
        bounded += " --seeds 2"
    if name in BOUNDS and "--only" not in command:
        bounded += f" {BOUNDS[name]}"
    run(bounded, folder)


@pytest.mark.slow
def test_commands_of_a_students_page_run_as_printed(folder: Path) -> None:
    """A page prints how to see its failures again: check, replay and schedule, with the text in quotes."""
    line = "raft-steps 1; step 12; servers tom jerry spike; at 12 crash leader; until 30"
    failure = {"broken": "Election Safety", "text": "", "rule": None, "what": "", "words": "", "picture": ""}
    schedule = run("raft-steps search 12 --goal 'leader term 1' --json", folder)
    page = render(
        "student.html",
        student="ann",
        verdict=Verdict.nothing(12, "No.", []),
        tried=True,
        class_name="Node",
        node="my_raft.py:Node",
        slips=[],
        hidden=[],
        failures=[{"name": "a check", "message": "", "rule": "", "source": "", "picture": ""}],
        sweep=failure | {"seed": None, "scenario": line, "quoted": shlex.quote(line)},
        search=failure | {"quoted": shlex.quote(json.loads(schedule)["schedule"])},
    )
    printed = [html.unescape(each) for each in re.findall(r"<pre>(.*?)</pre>", page, re.DOTALL)]
    in_a_shell = [each for each in printed if re.match(r"raft-steps|echo", each)]

    assert ["check", "replay", "schedule"] == [re.findall(r"raft-steps ([a-z]+) ", each)[-1] for each in in_a_shell]
    for each in in_a_shell:
        run(each, folder)
