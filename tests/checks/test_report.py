"""The report of checks: its lines, its HTML and its picture, the same in every process."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from raft_steps import step_06_term_checks
from raft_steps.lab.checks import ChecksFailed, check
from raft_steps.lab.errors import LabError
from tests.checks.wrong_nodes import mistakes, step_06, step_07

ROOT = Path(__file__).parents[2]


def test_one_mistake_is_explained_once() -> None:
    """If one mistake fails many checks, the report explains it once and refers to it."""
    report = str(check(mistakes.NotWrittenYet, 6))

    assert 1 == report.count("is not written yet")
    assert "        The same mistake as in: an older term is refused." in report


def test_require_returns_the_report_of_a_right_node() -> None:
    """A cell may end with check(…).require() and show the report."""
    report = check(step_06_term_checks.Node, 6)

    assert report is report.require()


def test_require_shows_the_report_of_a_wrong_node_and_raises(capsys: pytest.CaptureFixture[str]) -> None:
    """A grader gets an error, a reader the whole report."""
    report = check(step_06.RefusalIsSilence, 6)

    with pytest.raises(ChecksFailed) as caught:
        report.require()

    assert "1 of 10 checks fail, the first is: an older term is refused" == str(caught.value)
    assert isinstance(caught.value, LabError)
    assert f"{report}\n" == capsys.readouterr().out


def test_html_does_not_depend_on_colours() -> None:
    """Each check is a line that begins with a word, and the first failure has its picture."""
    html = check(step_07.NothingIsCancelled, 7)._repr_mimebundle_()["text/html"]

    words = re.findall(r">(ok|FAIL)</span> ([a-z ]+)<", html)
    assert [("ok" if number != 2 else "FAIL") for number in range(9)] == [word for word, _ in words]
    assert "a deposed leader stops its heartbeats" == words[2][1]
    assert 1 == html.count("<img")
    assert "it should send no more heartbeats, but at 18.2 s it sends one" in html


def test_html_of_a_right_node_has_no_picture() -> None:
    """If nothing fails, the report has only lines of text."""
    bundle = check(step_06_term_checks.Node, 6)._repr_mimebundle_()

    assert "<img" not in bundle["text/html"]
    assert bundle["text/plain"].startswith("step 6: 10 of 10 checks pass\n  ok    an older term is refused\n")


def test_html_escapes_messages() -> None:
    """Source and messages are escaped, whatever characters they contain."""
    html = check(mistakes.AddressIsShown, 6)._repr_mimebundle_()["text/html"]

    assert "raised ValueError: &lt;random.Random object&gt;" in html


BUNDLES = """
import json
from tests.checks.wrong_nodes import mistakes, step_05, step_06, step_07, step_08
from raft_steps.lab.checks import check
wrong = [(step_05.TermIsNotRead, 5), (step_06.ElseIsForgotten, 6), (mistakes.ClassIsSent, 6), (step_07.Starts, 7),
         (step_08.DrawsByName, 8), (step_08.DrawsFromTheModule, 8)]
print(json.dumps([check(*each)._repr_mimebundle_() for each in wrong]))
"""


@pytest.mark.slow
def test_report_is_the_same_to_the_byte_in_every_process() -> None:
    """Strict nbval compares a notebook's outputs, so they may not depend on hash seeds or addresses."""
    shown = []
    for hash_seed in ("1", "2"):
        environment = os.environ | {"PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(ROOT)}
        done = subprocess.run(
            [sys.executable, "-c", BUNDLES], env=environment, capture_output=True, text=True, check=True
        )
        shown.append(done.stdout)

    assert shown[0] == shown[1]
    assert not re.search(r"0x[0-9a-f]{6}", json.dumps(json.loads(shown[0])))
