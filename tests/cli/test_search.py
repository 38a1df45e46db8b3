"""The commands of the model checker: a limit is never a success, and a printed schedule can be replayed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from raft_steps.lab.cli.command import main
from raft_steps.lab.verify.model_checker import stored_schedule, stored_schedule_names


def run(*arguments: str, given: str | None = None) -> Result:
    """Run the command in this process."""
    return CliRunner().invoke(main, arguments, input=given)


@pytest.mark.slow
@pytest.mark.parametrize(
    "options, status, words",
    [
        (["--timeout", "election=1"], 0, "Space exhausted"),
        (["--servers", "4"], 1, "Violated: Election Safety: jerry and tom have both led in term 1"),
        (["--invariant", "all", "--command", "set x 1"], 1, "Violated"),
        (["--states", "10"], 2, "Time out at 10 states"),
        (["--depth", "3", "--invariant", "Log Matching"], 2, "Time out at 3 events from the start"),
        (["--seconds", "0", "--invariant", "Log Matching"], 2, "Time out at 0 seconds"),
        (["--goal", "leader tom term 2"], 0, "Goal found: tom leads in term 2"),
        (["--goal", "down tom"], 1, "Space exhausted"),
        (["--goal", "leader", "--states", "1"], 2, "Time out"),
        (["--goal", "nobody", "--timeout", "election=1", "--crashes", "2"], 0, "nobody can be elected"),
        (["--goal", "committed set x 1", "--command", "set x 1"], 0, "Goal found: 'set x 1' was committed"),
        (["--probes", "5", "--invariant", "Log Matching"], 2, "5 probes of up to 100 events"),
        (["--probes", "200", "--seed", "1", "--servers", "4"], 1, "Violated: Election Safety"),
    ],
)
def test_exit_status_is_the_outcome(options: list[str], status: int, words: str) -> None:
    """0: all is searched, or the goal is found; 1: something is broken, or there is no such goal; 2: unknown."""
    answer = run("search", "8", *options)

    assert (status, True) == (answer.exit_code, words in answer.output), answer.output


@pytest.mark.parametrize(
    "options, words",
    [
        (["--goal", "king tom"], "is not a goal; goals are: leader"),
        (["--goal", "leader tom term one"], "is not a goal; goals are: leader"),
        (["--timeout", "election"], "takes a timer and a number, such as election=2"),
        (["--invariant", "Election Savety"], "did you mean 'Election Safety'"),
        (["--cut", "tom>jery"], "did you mean 'jerry'"),
        (["--crashes", "-1"], "Invalid value"),
    ],
)
def test_wrong_option_is_an_error(options: list[str], words: str) -> None:
    """The error for a wrong option is a sentence, with exit status 2."""
    answer = run("search", "8", *options)

    assert (2, True) == (answer.exit_code, words in answer.output), answer.output
    assert run("search", "99").exit_code == 2


def test_custom_class_is_searched(tmp_path: Path) -> None:
    """A custom class that raises is a failure, with the line that raises."""
    source = "from raft_steps.step_08_election_timeout_reset import Node as Before\n\n\nclass Node(Before):\n"
    source += "    def on_request_vote(self, sender, message):\n        raise RuntimeError('no')\n"
    file = tmp_path / "mine.py"
    file.write_text(source, encoding="utf-8")
    answer = run("search", "8", "--node", str(file))

    assert 1 == answer.exit_code
    assert "Node failed: jerry's on_request_vote, at 2 s, raised RuntimeError: no" in answer.output
    assert "mine.py, line 6" in answer.output


def test_schedule_is_replayed(tmp_path: Path) -> None:
    """The schedule that `search` prints can be replayed and drawn, from a file or from a pipe."""
    picture, again = tmp_path / "found.svg", tmp_path / "again.svg"
    found = json.loads(run("search", "8", "--servers", "4", "--svg", str(picture), "--json").output)
    assert ("violated", "Election Safety", 6) == (found["outcome"], found["what"], len(found["steps"]))
    file = tmp_path / "found.txt"
    file.write_text(found["schedule"], encoding="utf-8")
    from_file = run("schedule", str(file), "--svg", str(again))
    from_pipe = run("schedule", "-", "--json", given=found["schedule"])

    assert 0 == from_file.exit_code == from_pipe.exit_code
    assert "After event 6, Election Safety is broken" in from_file.output
    assert found["steps"] == json.loads(from_pipe.output)["steps"]
    assert picture.read_text(encoding="utf-8") == again.read_text(encoding="utf-8")


def test_stored_schedules_run_by_name() -> None:
    """A stored schedule of a step runs by its name; one of a custom class needs --node."""
    assert 0 == run("schedule", "two_leaders_of_four").exit_code
    for name in set(stored_schedule_names()) - {"two_leaders_of_four"}:
        assert stored_schedule(name).step is None
        answer = run("schedule", name)
        assert (2, True) == (answer.exit_code, "give the class with --node" in answer.output)


def test_schedule_that_does_not_break_its_rule(tmp_path: Path) -> None:
    """If the rule is not broken, the status is 1; if the file is missing or not a schedule, 2."""
    text = stored_schedule("two_leaders_of_four").to_text().replace("deliver tyke>jerry#1; ", "")
    answer = run("schedule", "-", given=text)

    assert 1 == answer.exit_code
    assert "Election Safety is not broken, although the schedule names it" in answer.output
    assert 2 == run("schedule", "-", given="raft-steps 1; step 8").exit_code
    missing = run("schedule", str(tmp_path / "nowhere.txt"))
    assert (2, True) == (missing.exit_code, "stored are figure_8" in missing.output)
    (tmp_path / "picture").write_bytes(b"\x89PNG\xff")
    picture = run("schedule", str(tmp_path / "picture"))
    assert (2, True) == (picture.exit_code, "is not a text file" in picture.output)
