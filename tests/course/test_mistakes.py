"""The classic mistakes of each step: each changes the step's module as it says, and fails the check that it names."""

from __future__ import annotations

from pathlib import Path

import pytest

from raft_steps import STEPS
from raft_steps.lab.course import mistakes as course_mistakes
from raft_steps.lab.course.mistakes import Mistake, MistakeError, mistakes, mistakes_of
from raft_steps.lab.errors import MissingStepError
from tests.cli.test_commands import complaint, printed

TEXT = """\
# The timer comes first
Fails: a refused call changes nothing

-        if message.term < self.current_term:
+        self.start_election_timer()
+        if message.term < self.current_term:
             self.refuse_append_entries(sender)

It came first
in `step 4`.
"""


@pytest.mark.parametrize("step", [each.number for each in STEPS if mistakes_of(each.number)])
def test_every_mistake_fails(step: int) -> None:
    """Each of four to eight mistakes fails at the event that it is about, not in a check's own preparation."""
    found = mistakes_of(step)

    assert 4 <= len(found) <= 8
    assert len({each.title for each in found}) == len(found)
    for each in found:
        assert not each.result.passed
        assert not each.result.is_preparation, each.title
        assert {"+", "-"} & {sign for sign, _ in each.lines}
        assert each.thought.endswith("."), each.title


def test_steps_have_mistakes() -> None:
    """Every step has a page."""
    assert [] == [each.number for each in STEPS if not mistakes_of(each.number)]


def test_text_of_a_step() -> None:
    """The lines that differ, what fails, and the thought."""
    text = str(mistakes(6))

    assert text.startswith(
        "Classic mistakes at step 6: an older term is refused\n\n\n1. The election timer is restarted"
    )
    assert "\n+         self.start_election_timer()\n" in text
    assert "FAIL  a refused call changes nothing\n        tom is a follower in term 3" in text
    assert "keeps every server that hears it from running" in text


def test_html_of_a_step() -> None:
    """A picture for each, with the marked event, and the page of the book has the same."""
    found = mistakes(6)
    shown = found._repr_mimebundle_()["text/html"]

    assert shown.count("<img") == len(found.mistakes)
    assert "<ins" in shown
    assert "<code>return</code>" in shown
    page = found.to_page()
    assert page.startswith("# Classic mistakes at step 6")
    assert all(f"## {each.title}\n\n{each.to_html()}" in page for each in found.mistakes)


def test_command_prints_them() -> None:
    """The command prints the text."""
    assert str(mistakes(5)) in printed("mistakes", "5")
    assert "there is no step 99" in complaint("mistakes", "99")


def write(folder: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    """Let the mistakes of step 6 be those of a text."""
    (folder / "step_06.txt").write_text(text, encoding="utf-8")
    monkeypatch.setattr(course_mistakes, "FOLDER", folder)


def only_mistake(folder: Path, monkeypatch: pytest.MonkeyPatch, old: str, new: str) -> Mistake:
    """Return the mistake of the text above, after a change."""
    assert old in TEXT
    write(folder, monkeypatch, TEXT.replace(old, new))
    return mistakes_of(6)[0]


def test_parts_of_a_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Title, check, lines and thought are read from the text."""
    found = only_mistake(tmp_path, monkeypatch, "timer", "timer")

    assert (6, 1, "The timer comes first", "a refused call changes nothing") == (
        found.step,
        found.number,
        found.title,
        found.check,
    )
    assert ["-", "+", "+", " "] == [sign for sign, _ in found.lines]
    assert found.thought == "It came first in `step 4`."


@pytest.mark.parametrize(
    "old, new, words",
    [
        ("Fails: a refused call changes nothing", "Fails: an older term is refused", "passes an older term is refused"),
        ("Fails: a refused call changes nothing", "Fails: nothing", "there is no check nothing"),
        ("refuse_append_entries(sender)", "refuse_append_entries(to)", "lines that are not, or more than once"),
    ],
)
def test_mistake_that_is_none_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, old: str, new: str, words: str
) -> None:
    """A text that no longer fits the step or its checks is an error, and never a page."""
    found = only_mistake(tmp_path, monkeypatch, old, new)

    with pytest.raises(MistakeError, match=words):
        found.result  # noqa: B018  # Computing it raises.


def test_text_in_another_form_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is left out silently."""
    write(tmp_path, monkeypatch, f"{TEXT}\n# One more\n\nwithout a check\n")

    with pytest.raises(MistakeError, match=r"step_06\.txt is not a list of mistakes"):
        mistakes_of(6)


def test_edition_without_the_step_has_no_mistakes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An edition for students has neither the step nor its mistakes, and says so."""
    monkeypatch.setattr(course_mistakes, "FOLDER", tmp_path)

    with pytest.raises(MistakeError, match="there are no classic mistakes of step 6 here"):
        mistakes(6)
    with pytest.raises(MissingStepError):
        mistakes(99)
