"""The pages to look things up: the glossary and the classic mistakes, and the links that lead to them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from raft_steps import STEPS
from raft_steps.lab.course.glossary import GLOSSARY
from raft_steps.lab.course.notebooks import load
from raft_steps.lab.course.site import reference
from raft_steps.lab.course.site.pages import make_page

ROOT = Path(__file__).parents[3]


def test_glossary_defines_every_word() -> None:
    """Each word has a heading, to which links lead, and the notebook that needs it first."""
    page = reference.glossary_page()
    words = [word for word in GLOSSARY if word.step <= STEPS[-1].number]

    assert sorted(word.name for word in words) == re.findall(r"^## (.+)$", page, re.MULTILINE)
    assert "## split vote\n\nAn election in which no candidate has enough votes.\nNeeded from [step 8: " in page


def test_every_step_with_mistakes_has_a_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The pages of the steps are listed by the page above them."""
    monkeypatch.setattr(reference, "STEPS", STEPS[5:7])
    reference.write_reference(tmp_path)

    assert {"glossary.md", "mistakes.md", "mistakes_06.md", "mistakes_07.md"} == {p.name for p in tmp_path.iterdir()}
    assert "\nmistakes_06\nmistakes_07\n```" in (tmp_path / "mistakes.md").read_text(encoding="utf-8")


def test_notebook_leads_to_words_and_mistakes() -> None:
    """A word is linked where the text of its step uses it first, and never in code or a title."""
    notebook = load(ROOT / "notebooks" / "08_election_timeout_reset.ipynb")
    make_page(notebook, "08_election_timeout_reset.ipynb", [])
    text = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")

    assert text.count("[split vote](glossary.md#split-vote)") == 1
    assert "[`mistakes(8)`](mistakes_08.md)" in text
    assert "glossary.md#leader" not in text  # Step 2 explains it.
