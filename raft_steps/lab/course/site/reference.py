"""Pages of the book that no notebook or document is the source of: the glossary, and the classic mistakes of each step.

They are made from the tables and by the checks whenever the site is made, so nothing in them is stored.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from raft_steps import STEPS
from raft_steps.lab.course.glossary import GLOSSARY, Word
from raft_steps.lab.course.mistakes import mistakes, mistakes_of
from raft_steps.lab.course.notebooks import Cell
from raft_steps.lab.files import write_text

GLOSSARY_PAGE, MISTAKES_PAGE = "glossary", "mistakes"
_COMMAND = re.compile(r"`mistakes\((?P<step>\d+)\)`")
# What is not running text: code, headings, tables, links, pictures, HTML, and bold words, which are titles.
_NOT_TEXT = re.compile(
    r"```.*?```|`[^`]*`|^#.*?$|^\|.*?$|!?\[[^\]]*\]\([^)]*\)|<[^>]*>|\*\*[^*]*\*\*", re.MULTILINE | re.DOTALL
)


def write_reference(out: Path) -> None:
    """Write the sources of the pages into the folder of the book."""
    write_text(out / f"{GLOSSARY_PAGE}.md", glossary_page())
    steps = [step for step in STEPS if mistakes_of(step.number)]
    for step in steps:
        write_text(out / f"{_page_of(step.number)}.md", mistakes(step.number).to_page())
    names = "\n".join(_page_of(step.number) for step in steps)
    write_text(
        out / f"{MISTAKES_PAGE}.md",
        "# Classic mistakes\n\n"
        "One page for each step: what is often written instead, what then fails, and how one comes to think so. "
        "Each page gives its step away.\n\n"
        f"```{{toctree}}\n:maxdepth: 1\n\n{names}\n```\n",
    )


def glossary_page() -> str:
    """Return the source of the glossary: every word with its meaning, and the step in which it is needed first."""
    notebooks = {step.number: step for step in STEPS}
    parts = ["# Glossary\n\nThe words of the course, in the order of the alphabet."]
    for word in sorted(GLOSSARY, key=lambda each: each.name):
        if word.step in notebooks:
            step = notebooks[word.step]
            link = f"[step {step.number}: {step.title}]({step.notebook_name})"
            parts.append(f"## {word.name}\n\n{word.meaning[0].upper()}{word.meaning[1:]}.\nNeeded from {link} on.")
    return "\n\n".join(parts) + "\n"


def link_reference(cells: Iterable[Cell], step: int) -> None:
    """Let a notebook's text lead to the reference: the words that are new in its step, and its mistakes.

    Args:
        cells: The cells of the notebook, which are changed.
        step: The number of its step.
    """
    words = {word.name: word for word in GLOSSARY if word.step == step}
    for cell in cells:
        if cell.cell_type == "markdown":
            _link_words(cell, words)
            cell.source = _COMMAND.sub(_to_page, cell.source)


def _link_words(cell: Cell, words: dict[str, Word]) -> None:
    """Link the first use of each word in a cell, and take it out of the words that are left."""
    for name in list(words):
        taken = [each.span() for each in _NOT_TEXT.finditer(cell.source)]
        for found in re.finditer(rf"\b{re.escape(name)}\b", cell.source):
            if not any(start <= found.start() < end for start, end in taken):
                link = f"[{name}]({GLOSSARY_PAGE}.md#{name.replace(' ', '-')})"
                cell.source = cell.source[: found.start()] + link + cell.source[found.end() :]
                del words[name]
                break


def _to_page(command: re.Match[str]) -> str:
    number = int(command["step"])
    return f"[{command[0]}]({_page_of(number)}.md)" if mistakes_of(number) else command[0]


def _page_of(step: int) -> str:
    return f"{MISTAKES_PAGE}_{step:02}"
