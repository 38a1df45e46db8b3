"""Find the bug: the score is the share of wrong Nodes that a student's tests find, without a false alarm."""

import dataclasses
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from raft_steps import node
from raft_steps.lab.cli.command import main
from raft_steps.lab.errors import ScenarioError
from raft_steps.lab.grading import find_the_bug
from raft_steps.lab.grading.find_the_bug import TEXT_MAX, grade_tests, read_test, read_tests
from raft_steps.lab.grading.mutants import _order, own_mutants, write_mutants
from raft_steps.lab.scenario.scenario import Scenario
from raft_steps.lab.source.submission_cells import SubmissionError
from raft_steps.lab.verify.fuzzer import Trial, try_scenario
from raft_steps.lab.verify.fuzzer.profiles import adversity
from raft_steps.lab.verify.properties import Rule

# tom wins with jerry's vote; jerry crashes before the entry of that term has reached it, and is asked again.
LATE_ENTRY = (
    "raft-steps 1; servers tom jerry spike; seed 0; delay 0.1 0.1; draws tom 8; draws spike 9; draws jerry 18; "
    "at 0 cut tom>spike; at 8.15 crash jerry; at 8.7 restart jerry; until 10"
)
QUIET = "raft-steps 1; servers tom jerry spike; until 60"
TOO_EARLY = "raft-steps 1\nservers tom jerry spike\nuntil 3\nexpect 2 one leader"
TWO_VOTES = (
    "raft-steps-schedule 1; servers tom jerry spike; timeout tom election; timeout spike election; "
    "deliver tom>jerry#1; deliver jerry>tom#1; crash jerry; restart jerry; deliver spike>jerry#1; deliver jerry>spike#1"
)
RIGHT: Any = node(12)


class FromTheLog(RIGHT):
    def on_start(self) -> None:
        super().on_start()
        self.current_term = self.log.last_term


class ForgetsItsVote(RIGHT):
    durable = ("log", "current_term")


class SendsNothing(RIGHT):
    def send(self, to: str, message: object) -> None:
        pass


class RaisesWhenAsked(RIGHT):
    def on_request_vote(self, sender: str, message: Any) -> None:
        raise ValueError("no")


class NeverLeads(RIGHT):
    def become_leader(self) -> None:
        pass


MUTANTS = [FromTheLog, NeverLeads]


def graded(tmp_path: Path, *tests: str) -> tuple[float, list[str]]:
    """Grade these tests; return the score, and the outcome of each."""
    path = tmp_path / "ann.txt"
    path.write_text("\n---\n".join(tests), encoding="utf-8")
    found = grade_tests(path, 12, MUTANTS)
    return found.score, found.outcomes


def test_scenario_finds_a_broken_promise(tmp_path: Path) -> None:
    """A scenario in which a wrong Node violates a property finds that Node, and no other."""
    assert (50.0, ["Test 1 finds mutant 1."]) == graded(tmp_path, f"# A late entry.\n{LATE_ENTRY}")


def test_schedule_finds_a_broken_promise(tmp_path: Path) -> None:
    """A schedule finds a Node that breaks an invariant, and one that fails; it does not fit one that sends nothing."""
    (tmp_path / "ann.txt").write_text(TWO_VOTES, encoding="utf-8")
    found = grade_tests(tmp_path / "ann.txt", 12, [ForgetsItsVote, RaisesWhenAsked, SendsNothing])

    assert ["Test 1 finds mutant 1, mutant 2."] == found.outcomes


def test_expectation_finds_what_breaks_no_promise(tmp_path: Path) -> None:
    """A Node that never leads violates no property; a test that expects a leader finds it."""
    expects = QUIET.replace("; ", "\n") + "\nexpect 59 one leader"

    assert (0.0, ["Test 1 finds none of the mutants."]) == graded(tmp_path, QUIET)
    assert (100.0, ["Test 1 finds mutant 2.", "Test 2 finds mutant 1."]) == graded(tmp_path, expects, LATE_ENTRY)


def test_false_alarm_finds_nothing(tmp_path: Path) -> None:
    """A test that the right Node fails counts for nothing, however many mutants fail it; the others count."""
    score, told = graded(tmp_path, TOO_EARLY, LATE_ENTRY)

    assert 50.0 == score
    assert told[0].startswith("Test 1 is a false alarm")


def test_what_cannot_be_judged_is_stated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A test that could not be judged with the right Node finds nothing, and its outcome has the reason."""

    def unjudged(scenario: Scenario, rules: Iterable[Rule], node_class: type) -> Trial:
        return dataclasses.replace(try_scenario(scenario, rules, node_class), broken="", unjudged="it took too long")

    monkeypatch.setattr(find_the_bug, "try_scenario", unjudged)

    assert (0.0, ["Test 1 cannot be run: it could not be judged: it took too long"]) == graded(tmp_path, LATE_ENTRY)


UNREACHABLE = (
    "raft-steps 1; step 12; servers tom jerry spike; log tom 1 'set x 1'; log jerry 1 'set x 1' 2 'set y 2'; "
    "log spike 2 'set x 9'; draws tom 5; draws jerry 100; draws spike 100; at 20 set z 3; until 60"
)


def test_start_that_no_run_can_reach_is_not_a_false_alarm(tmp_path: Path) -> None:
    """The right Node would break a promise after such a start: the test cannot be run, and the others count."""
    (tmp_path / "ann.txt").write_text(f"{UNREACHABLE}\n---\n{LATE_ENTRY}", encoding="utf-8")
    found = grade_tests(tmp_path / "ann.txt", 12, MUTANTS)

    assert (50.0, "1 of 2 mutants are found by 2 tests.") == (found.score, found.sentence)
    assert found.outcomes[0].startswith("Test 1 cannot be run: ")
    assert "Test 1 cannot be run: " in found.page("ann")
    assert "false alarm" not in found.page("ann")


def test_what_cannot_be_run_is_told(tmp_path: Path) -> None:
    """A mistake in one test affects only that test."""
    score, told = graded(tmp_path, "at noon crash leader", LATE_ENTRY)

    assert 50.0 == score
    assert told[0].startswith("Test 1 cannot be run")


@pytest.mark.parametrize(
    "text",
    [
        QUIET.replace("until 60", "until 100000"),
        QUIET.replace("tom jerry spike", " ".join(f"s{n}" for n in range(30))),
        "name A\nraft-steps 1\nservers a b c\nuntil 9\nscript writes from 1 count 99 every 0.01\nexpect 5 one leader",
    ],
)
def test_a_test_has_a_size(text: str) -> None:
    """Tests that would keep the grader busy are refused."""
    with pytest.raises(ScenarioError, match="a test"):
        read_test(text, 12)


def test_unedited_output_of_adversity_is_not_a_test() -> None:
    """What a command prints without any thought is too large to count."""
    for seed in range(3):
        with pytest.raises(ScenarioError, match="at most 12 actions"):
            read_test(adversity(12, "hostile", seed).to_text(), 12)


def test_mutants_follow_from_the_secret() -> None:
    """Another secret tries the changes in another order, the same one in the same; each change is tried once."""
    one, other = _order(60, "12/one"), _order(60, "12/other")

    assert one == _order(60, "12/one")
    assert set(one[:12]) != set(other[:12])
    assert list(range(60)) == sorted(one) == sorted(other)


@pytest.mark.parametrize("content", [b"", b"# nothing\n---\n", bytes(range(256)), b"x\0y", b"a\n---\n" * 60])
def test_files_without_tests_are_reported(tmp_path: Path, content: bytes) -> None:
    """An empty file, one that is not a text, and one with too many tests get a sentence."""
    path = tmp_path / "bob.txt"
    path.write_bytes(content)

    with pytest.raises(SubmissionError, match=r"bob\.txt"):
        read_tests(path)
    assert 0 == grade_tests(path, 12, MUTANTS).score


def test_file_that_is_missing_or_too_long_is_reported(tmp_path: Path) -> None:
    """A student who has handed in nothing, or more than a grader can run, gets a sentence and no points."""
    (tmp_path / "bob.txt").write_text("# long\n" * TEXT_MAX, encoding="utf-8")

    with pytest.raises(SubmissionError, match="nothing was handed in, or more than one file"):
        read_tests(None)
    with pytest.raises(SubmissionError, match="a file of tests has at most"):
        read_tests(tmp_path / "bob.txt")


def test_own_mutants_are_the_nodes_of_a_module(tmp_path: Path) -> None:
    """Every Node that a module defines is a mutant; a message is not."""
    (tmp_path / "suspects.py").write_text(
        "from raft_steps import step_12_persistence as step_12\n\n\nclass One(step_12.Node):\n    pass\n\n\n"
        "class Two(One):\n    pass\n\n\nclass Message:\n    pass\n",
        encoding="utf-8",
    )

    assert ["One", "Two"] == [each.rpartition(":")[2] for each in own_mutants(tmp_path)]


@pytest.mark.slow
def test_default_set_takes_looking_for(tmp_path: Path) -> None:
    """Step 12 has many mutants; a quiet run finds none of them, and runs with faults find each."""
    from raft_steps.lab.runtime.loading import load_node

    specs = write_mutants(tmp_path / "mutants", 12, "a secret")
    path = tmp_path / "lazy.txt"
    path.write_text(QUIET, encoding="utf-8")

    assert len(specs) >= 10
    assert 0 == grade_tests(path, 12, [load_node(each) for each in specs]).score


@pytest.mark.slow
def test_command_grades_hunts(tmp_path: Path) -> None:
    """The command runs an instructor's mutants, and writes a column for each."""
    (tmp_path / "suspects.py").write_text(
        "from raft_steps import step_12_persistence as step_12\n\n\nclass FromTheLog(step_12.Node):\n"
        "    def on_start(self) -> None:\n        super().on_start()\n        self.current_term = self.log.last_term\n",
        encoding="utf-8",
    )
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "ann.txt").write_text(LATE_ENTRY, encoding="utf-8")
    given = [
        "--step",
        "12",
        "--find-the-bug",
        "--mutants",
        str(tmp_path / "suspects.py"),
        "--out",
        str(tmp_path / "out"),
    ]

    answer = CliRunner().invoke(main, ["grade", str(tmp_path / "in"), *given])

    assert 0 == answer.exit_code, answer.output
    assert "100.0  ann: 1 of 1 mutants are found" in answer.output
    assert "mutant 1" in (tmp_path / "out" / "scores.csv").read_text(encoding="utf-8").splitlines()[0]
    page = (tmp_path / "out" / "pages" / "ann.html").read_text(encoding="utf-8")
    assert "current_term" not in page
