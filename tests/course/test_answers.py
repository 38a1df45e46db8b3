"""Answers to exercises: their code shows what is stored; whatever else is folded is left alone."""

import re
from pathlib import Path

import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from raft_steps.lab.course.answers import AnswerError, compute_answers, without_answers
from raft_steps.lab.course.notebooks import load
from tests.course.notebook_rules import ROOT

NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
FOLDED = """## Exercises

1. How many?

<details><summary>Hint 1</summary>

Count.

</details>

<details><summary>Answer to 1</summary>

```python
{code}
```

That many.

</details>

**Next:** nothing."""


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_what_answers_show_is_computed(path: Path) -> None:
    """The code of the answers, run with what the notebook defines, shows what is stored."""
    notebook = load(path)
    stored = [cell.source for cell in notebook.cells]

    compute_answers(notebook, path.name)

    assert [cell.source for cell in notebook.cells] == stored


def test_code_uses_what_the_notebook_defines() -> None:
    """Imports, constants, functions and classes of the notebook are there; nothing else of it is run."""
    made = [
        new_code_cell("from math import floor\nhalf = 0.5"),
        new_code_cell("def rounded(number):\n    return floor(number + half)"),
        new_code_cell("raise SystemExit"),
        new_markdown_cell(FOLDED.format(code="print('so many:')\nrounded(2.6)")),
    ]
    notebook = new_notebook(cells=made)

    compute_answers(notebook, "x.ipynb")

    assert (
        "```python\nprint('so many:')\nrounded(2.6)\n```\n\n```text\nso many:\n3\n```\n\nThat many." in made[3].source
    )
    once = made[3].source
    compute_answers(notebook, "x.ipynb")
    assert made[3].source == once


def test_an_error_of_the_laboratory_is_shown() -> None:
    """An answer that breaks a Node on purpose shows the error that the learner sees."""
    cell = new_markdown_cell(FOLDED.format(code="from raft_steps.lab import Cluster\nCluster(99)"))

    compute_answers(new_notebook(cells=[cell]), "x.ipynb")

    assert "```text\nScenarioError: there is no step 99" in cell.source


def test_code_that_fails_is_an_error() -> None:
    """Any other error ends the computation, with the notebook and the answer in its message."""
    cell = new_markdown_cell(FOLDED.format(code="1 / 0"))

    with pytest.raises(AnswerError, match=r"^x\.ipynb, answer to 1: ZeroDivisionError: division by zero$"):
        compute_answers(new_notebook(cells=[cell]), "x.ipynb")


def test_only_answers_are_taken_out() -> None:
    """Without its answers, a text still has its exercises, its hints and what follows."""
    text = FOLDED.format(code="1")

    assert without_answers(text) == re.sub(r"<details><summary>Answer.*</details>\n\n", "", text, flags=re.DOTALL)
    assert without_answers("plain\n") == "plain\n"
