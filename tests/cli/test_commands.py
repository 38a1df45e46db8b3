"""The command line: the output of every command as text and JSON, its exit statuses and its errors."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import click
import pytest
from click.shell_completion import ShellComplete
from click.testing import CliRunner, Result
from nbformat.v4 import new_code_cell, new_notebook

import raft_steps
from raft_steps import STEPS
from raft_steps.lab.cli import common
from raft_steps.lab.cli.command import main
from raft_steps.lab.cli.common import Progress, format_error
from raft_steps.lab.course import notebooks
from raft_steps.lab.course.notebooks import format_notebook
from raft_steps.lab.errors import NodeError

ROOT = Path(__file__).parents[2]
GOOD_NODE = "from raft_steps import step_06_term_checks as step_06\n\n\nclass Node(step_06.Node):\n    pass\n"
OLD_NODE = GOOD_NODE.replace("step_06_term_checks", "step_05_term_in_append_entries")
STUCK_NODE = GOOD_NODE.replace(
    "    pass", "    def on_append_entries(self, sender, message):\n        while True: pass"
)
RAISING_NODE = GOOD_NODE.replace("    pass", "    def on_start(self):\n        raise ValueError('not today')")
CRASH = "at 12 crash leader; at 40 restart crashed"


def call(*arguments: str, text: str | None = None) -> Result:
    """Call the command; an exception that is not an exit is a bug, and raised."""
    result = CliRunner().invoke(main, list(arguments), input=text)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def printed(*arguments: str, status: int = 0, text: str | None = None) -> str:
    """Return what a command prints, after checking its exit status and that there is no error."""
    result = call(*arguments, text=text)

    assert (status, "") == (result.exit_code, result.stderr)
    return str(result.stdout)


def data(*arguments: str, status: int = 0, text: str | None = None) -> Any:
    """Return the JSON object that a command prints."""
    found = json.loads(printed(*arguments, "--json", status=status, text=text))

    assert isinstance(found, dict)
    return found


def complaint(*arguments: str, status: int = 2, text: str | None = None) -> str:
    """Return the one sentence that a command prints on standard error."""
    result = call(*arguments, text=text)
    lines = [line for line in result.stderr.splitlines() if not line.startswith(("Usage:", "Try ")) and line]

    assert status == result.exit_code
    assert 1 == len(lines), result.stderr
    assert lines[0].startswith("Error: ")
    return lines[0].removeprefix("Error: ")


def one_cell(source: str) -> str:
    """Return the text of a notebook with one cell of code."""
    return format_notebook(new_notebook(cells=[new_code_cell(source, id="only")]))


@pytest.fixture
def learner(tmp_path: Path) -> Callable[..., str]:
    """Return a function that writes a learner's file and returns the argument for --node."""

    def write(source: str, name: str = "my_raft.py", suffix: str = ":Node") -> str:
        (tmp_path / name).write_text(source, encoding="utf-8")
        return f"{tmp_path / name}{suffix}"

    return write


# The group of all commands.


def test_help_lists_the_commands() -> None:
    """The help lists every command, and begins with examples."""
    text = printed("--help")

    assert "To begin:            raft-steps lab" in text
    for name in ("lab", "steps", "show", "diff", "run", "replay", "check", "ten-steps", "refresh", "release"):
        assert f"\n  {name} " in text
    assert max(map(len, text.splitlines())) <= 80


def test_shell_completes_commands() -> None:
    """A shell that completes a command's name gets the commands in the order in which the help lists them."""
    offered = ShellComplete(main, {}, "raft-steps", "_RAFT_STEPS_COMPLETE").get_completions([], "")

    assert list(main.commands) == [each.value for each in offered]


@pytest.mark.parametrize("name", main.commands)
def test_every_command_has_help(name: str) -> None:
    """Each command and each option has a help text."""
    command = main.commands[name]

    assert printed(name, "-h").startswith("Usage: ")
    assert (command.help or "").strip()
    assert all(option.help for option in command.params if isinstance(option, click.Option))


def test_version_is_that_of_the_package() -> None:
    """--version prints the version of the package."""
    assert f"raft-steps {raft_steps.__version__}\n" == printed("--version")


@pytest.mark.slow
def test_package_is_the_same_command() -> None:
    """`python -m raft_steps` is the same command; it ends without an error if the reader of a pipe closes it."""
    command = [sys.executable, "-m", "raft_steps", "run", "8", "--seconds", "2000", "--heartbeats"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stderr is not None
    first = process.stdout.readline()
    process.stdout.close()
    said = process.stderr.read()
    process.stderr.close()

    assert "tom starts" in first
    assert "" == said
    assert 2 == process.wait(10)


@pytest.mark.parametrize(
    "arguments",
    [["show", "99"], ["diff", "6", "0"], ["run", "99"], ["check", "99"], ["ten-steps", "99"]],
    ids=lambda arguments: arguments[0],
)
def test_unknown_step_is_an_error(arguments: Sequence[str]) -> None:
    """The error for an unknown step is a sentence with the known ones, and exit status 2."""
    assert f"there is no step {'0' if '0' in arguments else '99'}; the course has steps 1 to {len(STEPS)}" == complaint(
        *arguments
    )


@pytest.mark.parametrize("arguments", [["chekc", "6"], ["run"], ["run", "six"], ["ten-steps", "8", "--seeds", "0"]])
def test_wrong_use_has_status_2(arguments: Sequence[str]) -> None:
    """An unknown command, and missing or wrong arguments, end with exit status 2."""
    assert complaint(*arguments)


def test_bug_has_no_verdict(monkeypatch: pytest.MonkeyPatch) -> None:
    """A KeyError is a bug, and not a name that the user got wrong: the command ends with 2 and a line to report."""

    def fail(**_options: object) -> None:
        raise KeyError("x")

    monkeypatch.setattr(main.commands["steps"], "callback", fail)

    assert re.fullmatch(
        r"the laboratory itself failed, so there is no verdict: KeyError: 'x' \(raft_steps/lab/cli/common.py, line \d+\). "
        r"Please report it to the authors, with the traceback that RAFT_STEPS_TRACEBACK=1 prints.",
        complaint("steps"),
    )


def test_error_is_one_sentence() -> None:
    """Further lines of an error, such as the line of a Node's source, are put in parentheses."""
    assert "tom's on_start raised (my_raft.py, line 3: boom)" == format_error(
        NodeError("tom's on_start raised\n  my_raft.py, line 3: boom")
    )
    assert "LookupError" == format_error(LookupError())


# The steps as text.


def test_steps_are_listed() -> None:
    """The table of contents has a line, or an object in JSON, for each step."""
    assert [f"{entry.number:>3}" for entry in STEPS] == [line[:3] for line in printed("steps").splitlines()]
    rows = data("steps")["steps"]
    assert {"number": 6, "name": "term_checks", "title": "an older term is refused"}.items() <= rows[5].items()
    assert "raft_steps.step_06_term_checks" == rows[5]["module"]
    assert "06_term_checks.ipynb" == rows[5]["notebook"]


def test_step_is_shown_as_written() -> None:
    """A step is shown as its file is written, with its docstring."""
    assert Path(str(raft_steps.step(6).__file__)).read_text(encoding="utf-8") == printed("show", "6")


def test_inherited_method_is_shown() -> None:
    """A method that an earlier step defines is shown too; the error for an unknown one has a suggestion."""
    assert "def start_election(self)" in printed("show", "6", "--method", "start_election")
    assert "did you mean start_election?" in complaint("show", "6", "--method", "start_electoin")


def test_whole_node_is_a_file_that_runs(tmp_path: Path) -> None:
    """The whole Node, written into a file, passes the checks of its step."""
    path = tmp_path / "raft.py"
    path.write_text(printed("show", "6", "--whole"), encoding="utf-8")

    assert data("check", "6", "--node", str(path))["passed"]


def test_whole_and_method_exclude_each_other() -> None:
    """--whole and --method together are refused."""
    assert "--whole and --method exclude each other" in complaint("show", "6", "--whole", "--method", "on_start")


def test_difference_is_shown(learner: Callable[..., str]) -> None:
    """The difference between two steps, or a step and a custom class, has no colours if it is not printed on a terminal."""
    text = printed("diff", "5", "6")

    assert "+     if message.term < self.current_term:" in text
    assert "\x1b" not in text
    assert "become_follower is new" in printed("diff", "5", learner(GOOD_NODE), "--method", "become_follower")


def test_whole_difference_is_a_patch(learner: Callable[..., str], tmp_path: Path) -> None:
    """The difference between two whole files is a patch that turns the one into the other."""
    old, text = tmp_path / "raft.py", printed("diff", "5", "6", "--whole")
    old.write_text(printed("show", "5", "--whole"), encoding="utf-8")

    assert patched(old.read_text(encoding="utf-8"), text) == printed("show", "6", "--whole")
    assert "+class Node" not in printed("diff", "5", learner(GOOD_NODE), "--whole")
    assert not printed("diff", "6", "6", "--whole")
    assert "--whole and --method exclude each other" in complaint("diff", "5", "6", "--whole", "--method", "on_start")


def patched(text: str, patch: str) -> str:
    """Apply a patch in the unified format, and check that its context fits."""
    old, new, place = text.splitlines(), [], 0
    for line in patch.splitlines()[2:]:
        if found := re.fullmatch(r"@@ -(\d+)(?:,\d+)? \+\d+(?:,\d+)? @@", line):
            new += old[place : int(found[1]) - 1]
            place = int(found[1]) - 1
        elif line[0] == "+":
            new.append(line[1:])
        else:
            assert old[place] == line[1:]
            new += [line[1:]] if line[0] == " " else []
            place += 1
    return "\n".join([*new, *old[place:]]) + "\n"


# Running.


def test_run_is_printed() -> None:
    """A run is printed event by event, and then how it ended and the line that replays it."""
    *story, _blank, end, again = printed("run", "8", "--seed", "1").splitlines()

    assert "tom's election timer runs out" in "\n".join(story)
    assert "After 72 s: tom: leader in term 1; jerry, spike: follower in term 1." == end
    assert again.startswith("The same run again: raft-steps 1; step 8; servers tom jerry spike; seed 1;")


def test_run_as_data() -> None:
    """The JSON has the scenario, and the state of every server at the end."""
    found = data("run", "8", "--seed", "1", "--scenario", "at 20 set x 1; at 30 crash spike", "--seconds", "60")

    assert (8, 60.0, ["tom"]) == (found["step"], found["seconds"], found["leaders"])
    assert found["events"] > 30
    assert {"up": True, "role": "leader", "term": 1, "log": ["1 set x 1"]} == found["servers"]["tom"]
    assert {"up": False, "role": "down", "term": None, "log": ["1 set x 1"]} == found["servers"]["spike"]
    assert "at 30 crash spike; until 60" in found["scenario"]


@pytest.mark.parametrize(
    "options, scenario",
    [
        (["--servers", "5"], "raft-steps 1; step 8; servers tom jerry spike tyke butch; seed 0; until 72"),
        (["--servers", "a,b c"], "raft-steps 1; step 8; servers a b c; seed 0; until 72"),
        (["--timing", "paper"], "raft-steps 1; step 8; servers tom jerry spike; seed 0; timing paper; until 1.2"),
        (["--scenario", "at 99 heal;"], "raft-steps 1; step 8; servers tom jerry spike; seed 0; at 99 heal; until 135"),
        (
            ["--scenario", "raft-steps 1; step 2; servers a b; seed 3; until 5", "--seed", "4", "--servers", "1"],
            "raft-steps 1; step 8; servers tom; seed 4; until 5",
        ),
        (
            ["--scenario", '{"version": 1, "seed": 2}', "--seconds", "1"],
            "raft-steps 1; step 8; servers tom jerry spike; seed 2; until 1",
        ),
    ],
)
def test_options_make_the_scenario(options: Sequence[str], scenario: str) -> None:
    """Options are combined with clauses or a whole scenario, and take precedence."""
    assert scenario == data("run", "8", *options)["scenario"]


def test_run_of_a_step_without_elections() -> None:
    """A step without elections has a leader on the command line too."""
    assert ["tom"] == data("run", "2", "--seconds", "10")["leaders"]


def test_shorter_run_names_the_actions_that_it_leaves_out() -> None:
    """--seconds may end a run before its last action: a note states that; an `until` of the scenario may not."""
    shorter = call("run", "8", "--scenario", "at 12 crash leader; at 70 restart crashed", "--seconds", "20")
    refused = call("run", "8", "--scenario", "at 12 crash leader; at 70 restart crashed; until 20")

    assert 0 == shorter.exit_code
    assert "Note: --seconds leaves out 1 action after that time, first restart crashed at 70 s." in shorter.stderr
    assert 2 == refused.exit_code
    assert "restart at 70 s would never happen, because the run ends at 20 s" in refused.stderr
    assert "After 0 s:" in call("run", "8", "--scenario", "until 0").output


@pytest.mark.parametrize(
    "options, problem",
    [
        (["--scenario", "at 3 krash tom"], "there is no action 'krash'; did you mean 'crash'?"),
        (["--scenario", "at 3 crash nobody"], "crash: there is no server 'nobody'"),
        (["--scenario", "{"], "the scenario is not a JSON object"),
        (["--scenario", "raft-steps 7; step 8"], "this scenario is of version 7"),
        (["--servers", "0"], "a cluster has at least one server, not 0"),
        (["--servers", "a,a"], "servers need different names, not a a"),
        (["--seconds", "-1"], "lies before the start"),
        (["--timing", "mine"], "Invalid value for '--timing'"),
    ],
)
def test_wrong_scenario_is_an_error(options: Sequence[str], problem: str) -> None:
    """The error for a scenario that cannot be run is a sentence with the right form."""
    assert problem in complaint("run", "8", *options)


def test_run_is_drawn(tmp_path: Path) -> None:
    """--svg writes the space-time diagram as well-formed XML."""
    printed("run", "8", "--seed", "1", "--svg", str(tmp_path / "run.svg"))

    assert ET.parse(tmp_path / "run.svg").getroot().tag.endswith("svg")  # noqa: S314  # it is our own


def test_missing_folder_is_an_error(tmp_path: Path) -> None:
    """The error for a file that cannot be written has its path and the system's reason."""
    assert f"{tmp_path / 'no' / 'run.svg'}: No such file or directory" == complaint(
        "run", "8", "--svg", str(tmp_path / "no" / "run.svg")
    )


# Replaying.


def test_scenario_is_replayed(tmp_path: Path) -> None:
    """A scenario gives the same run from a file with comments, from standard input, and as JSON."""
    line = data("run", "7", "--scenario", CRASH)["scenario"]
    path = tmp_path / "crash.scenario"
    lines = line.replace("; ", ";\n")
    path.write_text(f"# The leader crashes and restarts.\n\n{lines}\n", encoding="utf-8")
    expected = data("run", "7", "--scenario", line)

    assert expected == data("replay", str(path))
    assert expected == data("replay", "-", text=line)
    assert expected == data("replay", line) == data("replay", raft_steps.lab.Scenario.parse(line).to_json())
    assert expected == data("replay", "-", text=raft_steps.lab.Scenario.parse(line).to_json())
    assert printed("run", "7", "--scenario", line) == printed("replay", str(path))


def test_saved_trace_is_run_again(tmp_path: Path) -> None:
    """A saved trace is compared with a new run of its scenario; the first difference is printed, with exit status 1."""
    path = tmp_path / "run.trace"
    printed("run", "8", "--seed", "1", "--trace", str(path))
    assert "The run is the same as the saved trace, event for event." in printed("replay", str(path))
    assert data("replay", str(path))["same"]
    text = path.read_text(encoding="utf-8")
    assert '"vote_granted": true' in text
    path.write_text(text.replace('"vote_granted": true', '"vote_granted": false', 1), encoding="utf-8")
    changed = call("replay", str(path))
    path.write_text("\n".join(text.splitlines()[:-1]), encoding="utf-8")
    shortened = call("replay", str(path), "--json")

    assert (1, 1) == (changed.exit_code, shortened.exit_code)
    assert changed.stderr.startswith("Error: the run differs from the saved trace from event ")
    assert "those that both have are the same" in shortened.stderr
    assert json.loads(shortened.stdout)["same"] is False


def test_scenario_without_an_end_gets_one() -> None:
    """A scenario that does not say until when it runs is replayed as `run` runs it."""
    line = data("run", "7", "--scenario", CRASH)["scenario"]

    assert data("run", "7", "--scenario", CRASH) == data("replay", "-", text=line.partition("; until")[0])


def test_custom_class_is_replayed(learner: Callable[..., str], tmp_path: Path) -> None:
    """A run of a custom class is replayed with that class; without --node, the error asks for it."""
    node, path = learner(GOOD_NODE), str(tmp_path / "run.trace")
    printed("run", "6", "--node", node, "--trace", path)

    assert data("replay", path, "--node", node)["same"]
    assert "names no step" in complaint("replay", "-", text="raft-steps 1; servers a b")


@pytest.mark.parametrize(
    "text, problem",
    [
        ("", "a scenario begins with its version"),
        ("hello", "a scenario has no part 'hello'"),
        ('{"servers": ["a"], "scenario": "", "end": 1}', "this is not a trace"),
        ("raft-steps 1; step 8; at noon crash tom", "'noon' is not a number of seconds"),
    ],
)
def test_text_that_cannot_be_replayed_is_an_error(text: str, problem: str) -> None:
    """The error for a text that is neither a scenario nor a trace is a sentence, with exit status 2."""
    assert problem in complaint("replay", "-", text=text)


def test_file_is_replayed_even_if_it_is_called_like_a_scenario(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An argument that begins like a scenario is one, unless there is a file of this name."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "raft-steps 1").write_text("raft-steps 1; step 8; until 9", encoding="utf-8")

    assert 9 == data("replay", "raft-steps 1")["seconds"]
    assert "there is no file raft_steps 1, and a scenario or a trace begins with raft-steps or {" in complaint(
        "replay", "raft_steps 1"
    )


def test_file_that_cannot_be_replayed_is_an_error(tmp_path: Path) -> None:
    """The error for a missing file, or one that is not text, has its name."""
    (tmp_path / "picture").write_bytes(b"\x89PNG\xff")

    assert f"there is no file {tmp_path / 'none'}, and" in complaint("replay", str(tmp_path / "none"))
    assert "is not a text file" in complaint("replay", str(tmp_path / "picture"))


def test_node_that_raises_falls_short(learner: Callable[..., str]) -> None:
    """An error of a Node during a run is a sentence with the line of its source, and exit status 1."""
    error = complaint("run", "6", "--node", learner(RAISING_NODE), status=1)

    assert (
        "tom's on_start, at 0 s, raised ValueError: not today (my_raft.py, line 6: raise ValueError('not today'))"
        == error
    )


# Checking.


@pytest.mark.parametrize("number", [entry.number for entry in STEPS])
def test_every_step_passes_its_own_checks(number: int) -> None:
    """The course's own Nodes pass, with exit status 0."""
    found = data("check", str(number))

    assert (number, True) == (found["step"], found["passed"])
    assert all({"name", "passed", "message"} == set(check) and check["passed"] for check in found["checks"])
    assert len(found["checks"]) >= 3


def test_class_of_a_learner_is_checked(learner: Callable[..., str]) -> None:
    """A correct class passes with status 0; one without the step fails with status 1 and a message for each failure."""
    assert "checks pass" in printed("check", "6", "--node", learner(GOOD_NODE))
    found = data("check", "6", "--node", learner(OLD_NODE, "old.py"), status=1)

    assert not found["passed"]
    failed = [check for check in found["checks"] if not check["passed"]]
    assert failed
    assert all(check["message"] for check in failed)
    assert "FAIL" in printed("check", "6", "--node", learner(OLD_NODE, "old.py"), status=1)


def test_class_in_a_notebook_is_checked_like_one_in_a_module() -> None:
    """Every command that takes a learner's class takes a notebook, of which only the class and its needs are run."""
    notebook = str(ROOT / "notebooks" / "06_term_checks.ipynb")

    assert data("check", "6", "--node", notebook)["passed"]
    assert "become_follower is new from step 5 to your Node" in printed("diff", "5", f"{notebook}:Node")
    assert "your Node" in printed("show", notebook, "--whole")
    assert "jerry" in printed("run", "6", "--node", notebook, "--seconds", "10")


@pytest.mark.slow
def test_endless_loop_is_a_failed_check(learner: Callable[..., str]) -> None:
    """A handler in an endless loop fails its check, and the command ends."""
    found = data("check", "6", "--node", learner(STUCK_NODE), status=1)

    assert "did not come back" in " ".join(check["message"] for check in found["checks"])


@pytest.mark.parametrize(
    "source, name, suffix, problem",
    [
        (GOOD_NODE, "my_raft.py", ":Nod", "has no class 'Nod'; did you mean 'Node'?"),
        ("x = 1", "my_raft.py", "", "has no class 'Node'; it has no Node class at all"),
        ("Node = 3", "my_raft.py", ":Node", "is not a Node: derive it from the Node of the step before"),
        ("class Node: pass", "my_raft.py", "", "is not a Node: derive it from the Node of the step before"),
        ("def f(:", "my_raft.py", "", "cannot be loaded: SyntaxError: invalid syntax (my_raft.py, line 1)"),
        ("\n1 / 0", "my_raft.py", "", "cannot be loaded: line 2: ZeroDivisionError: division by zero"),
        ("import raft_stepz", "my_raft.py", "", "cannot be loaded: line 1: ModuleNotFoundError"),
        ("raise SystemExit('bye')", "my_raft.py", "", "cannot be loaded: line 1: SystemExit: bye"),
        ("{}", "my_raft.ipynb", ":Node", "my_raft.ipynb is not a notebook: it may be cut off"),
        ('{"cells": []}', "my_raft.ipynb", "", "my_raft.ipynb has no class Node"),
        (one_cell("1 / 0\nclass Node: pass"), "my_raft.ipynb", "", "Node in"),
        (one_cell("class Node:\n    x = 1 / 0"), "my_raft.ipynb", "", "loaded: code cell 1, line 2: ZeroDivisionError"),
        (one_cell("class Node(:"), "my_raft.ipynb", "", "code cell 1, line 1 is not valid Python: invalid syntax"),
        ("{}", "my_raft.txt", ":Node", "is neither a Python file nor a notebook"),
    ],
)
def test_class_that_cannot_be_loaded_is_an_error(
    learner: Callable[..., str], source: str, name: str, suffix: str, problem: str
) -> None:
    """The error in a learner's file is a sentence with its name, and exit status 2."""
    assert problem in complaint("check", "6", "--node", learner(source, name, suffix))


def test_missing_file_is_an_error(tmp_path: Path) -> None:
    """The error for a missing file has its path."""
    assert f"there is no file {tmp_path / 'none.py'}" == complaint(
        "check", "6", "--node", f"{tmp_path / 'none.py'}:Node"
    )


def test_file_of_a_learner_may_import_its_neighbour(learner: Callable[..., str]) -> None:
    """A learner's file can import modules from its own folder."""
    learner(GOOD_NODE, "neighbour_of_mine.py")

    assert data("check", "6", "--node", learner("from neighbour_of_mine import Node as Mine\n", suffix=":Mine"))[
        "passed"
    ]


def test_ten_steps_as_data() -> None:
    """The JSON has the number of seeds, how many passed, which failed, and the same counted strictly."""
    found = data("ten-steps", "8", "--seeds", "3", status=call("ten-steps", "8", "--seeds", "3").exit_code)

    assert {"step", "seeds", "passed", "failed_seeds", "strict_passed", "strict_failed_seeds"} == set(found)
    assert (8, 3) == (found["step"], found["seeds"])
    assert 3 == found["passed"] + len(found["failed_seeds"])
    assert 3 == found["strict_passed"] + len(found["strict_failed_seeds"])


def test_ten_steps_fall_short_where_they_should() -> None:
    """At step 4 the ten-step test fails for most seeds, with exit status 1 and the command that shows one."""
    found = data("ten-steps", "4", "--seeds", "5", "--first-seed", "1", status=1)
    first = found["failed_seeds"][0]
    text = printed("ten-steps", "4", "--seeds", "5", "--first-seed", "1", status=1)

    assert set(found["failed_seeds"]) <= set(range(1, 6))
    assert f"raft-steps ten-steps 4 --seed {first}" in text
    assert "the former leader restarts" in printed("ten-steps", "4", "--seed", str(first), status=1).lower()
    assert [first] == data("ten-steps", "4", "--seed", str(first), status=1)["failed_seeds"]


def test_class_of_a_learner_in_the_ten_step_test(learner: Callable[..., str]) -> None:
    """The ten-step test gives a custom class the same result as the same Node of a step."""
    node = learner("from raft_steps.step_08_election_timeout_reset import Node\n")

    assert data("ten-steps", "8", "--seed", "3") == data("ten-steps", "8", "--seed", "3", "--node", node)


# The notebooks.


@pytest.fixture
def course(tmp_path: Path) -> Path:
    """Build a course of one notebook with one exercise."""
    root = tmp_path / "course"
    (root / "notebooks").mkdir(parents=True)
    grading = {"schema_version": 3, "grade": False, "solution": True, "locked": False, "task": False, "grade_id": "x"}
    turn = new_code_cell("### BEGIN SOLUTION\nsecret = 1\n### END SOLUTION", metadata={"nbgrader": grading}, id="turn")
    text = format_notebook(new_notebook(cells=[turn]))
    (root / "notebooks" / "05_first.ipynb").write_text(text, encoding="utf-8")
    return root


def test_release_is_made_and_renewed(course: Path, tmp_path: Path) -> None:
    """A release lists its files; a second one changes nothing; a changed file is only overwritten with --force."""
    out, options = tmp_path / "out", ["--flat", "--steps", "5", "--folder", str(course)]
    assert f"wrote {out / '05_first.ipynb'}\nwrote {out / 'README.md'}\n" == printed("release", str(out), *options)
    assert f"{out} is up to date\n" == printed("release", str(out), *options)
    (out / "05_first.ipynb").write_text("work", encoding="utf-8")

    assert "which would be lost or mixed up" in complaint("release", str(out), *options)
    assert f"wrote {out / '05_first.ipynb'}\n" == printed("release", str(out), *options, "--force")
    assert "releases are made from the course" in complaint("release", str(tmp_path / "o"), "--folder", str(out))
    assert "steps are written as 6" in complaint(
        "release", str(tmp_path / "o"), "--steps", "x", "--folder", str(course)
    )


@pytest.mark.parametrize(
    "options, problem",
    [
        (["--flat", "--nbgrader"], "only one of --flat"),
        (["--private-seeds", "a secret of words"], "--private-seeds needs --nbgrader"),
    ],
)
def test_release_refuses_options_that_exclude_each_other(
    options: list[str], problem: str, course: Path, tmp_path: Path
) -> None:
    """Nothing is written."""
    assert problem in complaint("release", str(tmp_path / "out"), "--folder", str(course), *options)
    assert not (tmp_path / "out").exists()


def test_refresh_lists_the_notebooks(course: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """There is a line for each notebook; with --check nothing is written, and status 1 means that something would be."""
    path = course / "notebooks" / "05_first.ipynb"
    before = path.read_bytes()
    monkeypatch.setattr(notebooks, "refresh", refresh_here)
    monkeypatch.setattr(notebooks, "execute", lambda _notebook, _path, _settings: None)

    assert "05_first.ipynb: would change\n" == printed("refresh", "--folder", str(course), "--check", status=1)
    assert before == path.read_bytes()
    assert "05_first.ipynb: refreshed\n" == printed("refresh", "--folder", str(course))
    assert "05_first.ipynb: unchanged\n" == printed("refresh", str(path), "--check")


def test_failing_notebook_is_an_error(course: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error for a cell that fails is a sentence, with exit status 1; a missing notebook has status 2."""

    def fail(_notebook: object, path: Path, _settings: Path | None) -> None:
        raise notebooks.NotebookError(f"{path.name}, cell turn: ValueError: no")

    monkeypatch.setattr(notebooks, "refresh", refresh_here)
    monkeypatch.setattr(notebooks, "execute", fail)

    assert "05_first.ipynb, cell turn: ValueError: no" == complaint("refresh", "--folder", str(course), status=1)
    assert "does not exist" in complaint("refresh", str(course / "none.ipynb"))


def refresh_here(paths: Sequence[Path], *, jobs: int, write: bool, progress: Callable[[object], None]) -> list[Any]:
    """Refresh notebooks in this process, where a test can replace the kernel."""
    outcomes = [notebooks.refresh_one(path, write) for path in paths]
    for outcome in outcomes:
        progress(outcome)
    return outcomes


@pytest.mark.parametrize("command", ["lab", "refresh", "release out"])
def test_missing_course_is_an_error(command: str, tmp_path: Path) -> None:
    """If there is no course, the error has the folder that was searched."""
    assert "there is no course in" in complaint(*command.split(), "--folder", str(tmp_path))


# The progress bar.


class FakeStream:
    """An output stream that is a terminal, or not."""

    def __init__(self, *, is_terminal: bool) -> None:
        """Build an empty stream."""
        self.is_terminal, self.text = is_terminal, ""

    def isatty(self) -> bool:
        """Return whether it is a terminal."""
        return self.is_terminal

    def write(self, text: str) -> int:
        """Append a text."""
        self.text += text
        return len(text)

    def flush(self) -> None:
        """Do nothing."""


@pytest.mark.parametrize("is_terminal, delay_s, shown", [(True, -1.0, True), (False, -1.0, False), (True, 60.0, False)])
def test_progress_is_shown_on_terminals(
    is_terminal: bool, delay_s: float, shown: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bar appears on a terminal, and only after a moment."""
    screen = FakeStream(is_terminal=is_terminal)
    monkeypatch.setattr(sys, "stderr", screen)
    monkeypatch.setattr(common, "BAR_DELAY_S", delay_s)
    with Progress("notebooks", 4) as progress:
        for done in range(1, 5):
            progress(done)

    assert shown == ("4/4" in screen.text)
    assert shown == bool(screen.text)


def test_colours_are_for_terminals(monkeypatch: pytest.MonkeyPatch) -> None:
    """Output on a terminal has colours, unless NO_COLOR is set."""
    environment = {name: value for name, value in os.environ.items() if name != "NO_COLOR"}
    terminal = FakeStream(is_terminal=True)
    monkeypatch.setattr(sys, "stdout", terminal)
    monkeypatch.setattr(os, "environ", environment)

    class Coloured:
        def __str__(self) -> str:
            return "plain"

        def ansi(self) -> str:
            return "\x1b[32mgreen\x1b[0m"

    common.echo(Coloured())
    environment["NO_COLOR"] = "1"
    common.echo(Coloured())

    assert "\x1b[32mgreen\x1b[0m\nplain\n" == terminal.text
