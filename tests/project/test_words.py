"""Plain English: phrases that neither code nor prose of the course uses, and how docstrings begin.

The list holds habits of earlier versions that readers stumbled over, each with what to write instead. It is a net for
the commonest ones; what passes it should still read like the documentation of Python.
"""

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.project.course_files import ROOT, files_of_the_course

SUFFIXES = {".py", ".md", ".ipynb", ".js", ".ts", ".mjs", ".css", ".toml", ".yml", ".html", ".jinja", ".txt"}

# What is not written, as a pattern, and what to write instead.
PHRASES = {
    r"\b[Ww]hat (?:came|becomes|became|comes) of\b": "the result of",
    r"\bone's own\b|\bof one's\b|\bone's\b": "its own, your own",
    r"(?<![Tt]here )\b(?:is|are|was|were) no (?!longer\b|more\b|less\b|such\b|better\b|worse\b|different\b|\w+er than\b)": (
        "is not a"
    ),
    r"\bin (?:the|a) \w+'s? terms\b": "say which words are meant",
    r"\b(?:module|function|method|class|code|check|recorder|parser|command|report|simulation|watchdog|test)s? "
    r"(?:hears?|tells?|speaks?|says?|knows?)\b": "receives, reports, states, has",
    r"\b(?:hold|holds|held|holding)\b[^.\n]{0,40}\bagainst\b": "check … against, compare … with",
    r"\bbeside\b": "next to",
    r"\bin vain\b": "without success",
    r"\b[Ww]hoever\b": "anyone who, the server that",
    r"\bbefall": "happens to",
    r"\bthe way back\b": "the return, the answer",
    r"\bheard by nobody\b|\b(?:make|makes|making) (?:one|it)self heard\b": "sends a heartbeat",
    r"\bso that nobody\b": "so that no one, or say what happens",
    r"\bnone that is\b": "say what is missing",
    r"\bfrom lasting\b": "interrupts",
    r"\banew\b": "again, new",
    r"\bat hand\b": "available, given",
}
PATTERN = {re.compile(phrase): better for phrase, better in PHRASES.items()}
# A sentence that opens with a condition of place; a question may.
OPENING = re.compile(r"(?:^|[.!?:] |\"\"\")(?:Where|Whoever) [^.?!\n]*,[^?\n]*(?:\.|$)")
# How a docstring does not begin: it says what is returned, checked or done, in the words of the field.
VERBS = ("Give", "Say", "Hear", "Tell", "Spell", "Hold", "Name")
THIS = Path(__file__).resolve()


FILES = [
    path
    for path in files_of_the_course()
    if (path.suffix in SUFFIXES or path.name == "Makefile") and path != THIS and "data" not in path.parts
]


def text_of(path: Path) -> str:
    """Return what people wrote in a file: of a notebook, the sources of its cells."""
    text = path.read_text(encoding="utf-8")
    if path.suffix != ".ipynb":
        return text
    sources = ("".join(cell["source"]) for cell in json.loads(text)["cells"])
    return "\n".join(sources)


def complaints(text: str) -> Iterator[str]:
    """Yield a sentence for each phrase that is not written, with its line."""
    for number, line in enumerate(text.splitlines(), start=1):
        for pattern, better in PATTERN.items():
            for match in pattern.finditer(line):
                yield f"line {number}: {match[0]!r}; better: {better}"
        if opening := OPENING.search(line):
            yield f"line {number}: {opening[0][:40]!r}; better: begin with what happens, and put the condition after it"


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_plain_phrases(path: Path) -> None:
    """No file uses a phrase of the list."""
    assert [] == list(complaints(text_of(path)))


@pytest.mark.parametrize(
    "path", [path for path in FILES if path.suffix == ".py"], ids=lambda path: path.relative_to(ROOT).as_posix()
)
def test_docstrings_begin_plainly(path: Path) -> None:
    """A docstring begins with an ordinary verb: Return, Check, Report, Called when, not Give, Say or Hear."""
    begun = {}
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            words = (ast.get_docstring(node) or "").split()
            if words and words[0] in VERBS:
                begun[getattr(node, "name", "the module")] = " ".join(words[:6])

    assert {} == begun


@pytest.mark.parametrize(
    "sentence,found",
    [
        ("This is no message.", True),
        ("There is no message here.", False),
        ("It is no longer the leader.", False),
        ("What came of a release.", True),
        ("Where nobody leads, nothing happens.", True),
        ("Where is the entry, and who has it?", False),
        ("The module hears of it.", True),
        ("Besides, the log is empty.", False),
        ("The check holds it against the paper.", True),
    ],
)
def test_list_finds_what_it_should(sentence: str, found: bool) -> None:
    """The patterns find the phrases that they are meant for, and leave plain sentences alone."""
    assert found == bool(list(complaints(sentence)))
