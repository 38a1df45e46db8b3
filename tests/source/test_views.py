"""The whole node of a step is one module that behaves as the chain does; single definitions and differences."""

from __future__ import annotations

import ast
import io
import re
import subprocess
import sys
import tokenize
from pathlib import Path

import pytest

from raft_steps import STEPS, node, step
from raft_steps.lab import node as laboratory
from raft_steps.lab.errors import LabError, SourceError
from raft_steps.lab.source.views import diff, patch, show, whole
from tests.source.source_tools import GOLDEN, events, load
from tests.steps.rules import step_texts

ROOT = Path(__file__).parents[2]
NUMBERS = [step.number for step in STEPS]


# The whole node.


@pytest.mark.parametrize("number", NUMBERS)
def test_a_whole_node_stands_alone(number: int, tmp_path: Path) -> None:
    """It imports the standard library and the laboratory, but no step, and derives from the laboratory's base class."""
    text = whole(number).text
    imports = {
        n.module.partition(".")[0] for n in ast.walk(ast.parse(text)) if isinstance(n, ast.ImportFrom) and n.module
    }

    found = load(text, tmp_path / f"whole_{number}.py")

    assert (found.Node, laboratory.Node, object) == found.Node.__mro__
    assert "raft_steps.step_" not in text
    assert "from raft_steps import" not in text
    assert imports - sys.stdlib_module_names == {"raft_steps"}


def test_a_whole_node_says_that_it_is_generated() -> None:
    """The docstring names the steps that the file was generated from."""
    docstring = ast.get_docstring(ast.parse(whole(6).text)) or ""

    assert docstring.startswith(
        "The whole node as of step 6, in one file.\n\nGenerated from steps 1 to 6: change those,"
    )
    assert "Generated from step 1: " in whole(1).text


@pytest.mark.parametrize("number", NUMBERS)
def test_a_whole_node_runs_as_the_chain_does(number: int, tmp_path: Path) -> None:
    """The traces are the same, byte for byte, over 20 seeds; for the last step over 200."""
    alone = load(whole(number).text, tmp_path / f"alone_{number}.py").Node

    seeds, applied = range(200 if number == NUMBERS[-1] else 20), 0
    for seed in seeds:
        expected = events(number, number, seed)
        applied += any('"applied"' in line for line in expected)

        assert expected == events(alone, number, seed), f"step {number} and its whole file differ at seed {seed}"
    assert applied > len(seeds) / 2, "too few of these runs come so far that they could differ"


@pytest.mark.slow
def test_whole_nodes_are_clean(tmp_path: Path) -> None:
    """A whole file is formatted, has sorted imports, and passes the strict type checker."""
    for number in NUMBERS:
        (tmp_path / f"whole_{number}.py").write_text(whole(number).text, encoding="utf-8")
    ruff, settings = [sys.executable, "-m", "ruff"], ["--config", str(ROOT / "pyproject.toml"), "--no-cache"]
    mypy = [sys.executable, "-m", "mypy", "--strict", "--cache-dir", str(tmp_path / "cache"), "--config-file", ""]
    last = tmp_path / f"whole_{NUMBERS[-1]}.py"

    for command in (
        [*ruff, "format", "--diff", *settings, str(tmp_path)],
        [*ruff, "check", "--select", "F,I", *settings, str(tmp_path)],
        [*mypy, str(last)],
    ):
        answer = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        assert 0 == answer.returncode, answer.stdout + answer.stderr


def test_comments_are_kept() -> None:
    """Every comment of steps 1 to 8 is in the whole of step 8."""
    expected = [comment for each in step_texts(8) for comment in comments(each.text)]

    assert len(expected) >= 5
    assert sorted(expected) == sorted(comments(whole(8).text))


def comments(text: str) -> list[str]:
    """Return the comments of a source text."""
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    return [token.string for token in tokens if token.type == tokenize.COMMENT]


def test_calls_of_super_are_written_out() -> None:
    """The lines of an earlier step replace a call of super(); calls of the laboratory's base class stay."""
    assert "super()" not in str(show(4, "on_start"))
    assert str(show(4, "on_start")).endswith(
        "    self.start_election_timer()\n"
        "    self.current_term = self.log.last_term\n"
        "    self.replay_log()\n"
        "    if self.is_leader:\n"
        "        self.become_leader()"
    )
    assert "        else:\n            if isinstance(request, Get):\n" in whole(2).text
    assert "super().apply(entry)" in whole(8).text


def test_what_a_step_takes_away_is_gone() -> None:
    """Step 8 removes the candidate attribute: the whole file does not mention it."""
    assert "is_candidate" in whole(7).text
    assert "is_candidate" not in whole(8).text
    assert "removed" not in whole(8).text


def test_folding_again_changes_nothing(tmp_path: Path) -> None:
    """The whole of a whole file is that file, and it does not differ from its step."""
    first = whole(8).text
    found = load(first, tmp_path / "folded_once.py").Node
    body = re.compile(r'\A""".*?"""', re.DOTALL)

    assert first == whole(8).text
    assert body.sub("", first) == body.sub("", whole(found).text)
    assert str(diff(8, found)) == "nothing changes from step 8 to your Node"


# Single definitions.


def test_show_gives_one_piece_as_of_a_step() -> None:
    """A method is shown as of the step, whichever step defines it; so is a message, and so are all fields."""
    assert str(show(8, "on_heartbeat_timeout")) == str(show(2, "on_heartbeat_timeout"))
    assert str(show(4, "AppendEntries")) != str(show(5, "AppendEntries"))
    assert str(show(5, "AppendEntries")).startswith("@message\nclass AppendEntries:\n")
    assert "    # Section 5.3: " in str(show(8, "store_entries"))
    assert str(show(8, "log")) == "# Persistent state (Figure 2).\nlog: Log = field(default_factory=Log)"
    assert str(show(2, "fields")).startswith('durable: ClassVar[tuple[str, ...]] = ("log",)\nheartbeat_interval')


def test_show_takes_names_as_people_write_them() -> None:
    """A method with its class's name, a field of a message, and several names at once are accepted."""
    assert str(show(6, "Node.become_follower")) == str(show(6, "become_follower"))
    assert str(show(6, "AppendEntries.term")) == str(show(6, "AppendEntries"))
    assert str(show(6, "votes", "commit")) == f"{show(6, 'votes')}\n\n{show(6, 'commit')}"
    assert str(show(node(6), "commit")) == str(show(6, "commit"))


def test_show_without_a_name_is_the_step_itself() -> None:
    """Without a name, the step's file is shown as it is."""
    assert show(6).text == Path(str(step(6).__file__)).read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "ask, said",
    [
        (lambda: whole(0), "there is no step 0; the course has steps 1 to"),
        (lambda: show(99), "there is no step 99"),
        (lambda: whole("six"), "this takes the number of a step or a Node class, not 'six'"),  # type: ignore[arg-type]
        (lambda: whole(laboratory.Node), "this takes the number of a step or a Node class"),
        (lambda: whole(int), "this takes the number of a step or a Node class"),
        (lambda: show(6, "on_append_entry"), "step 6 has no on_append_entry; did you mean on_append_entries?"),
        (lambda: show(1, "xyz"), "step 1 has no xyz; there are "),
        (lambda: diff(5, 6, "write"), "write is the same in step 5 and step 6"),
        (lambda: diff(5, 6, "voted"), "neither step 5 nor step 6 has voted; did you mean vote"),
        (lambda: diff(5, 6).only("zzz"), "neither step 5 nor step 6 has zzz"),
    ],
)
def test_errors_are_one_sentence(ask: object, said: str) -> None:
    """An error is one sentence, without a traceback in a notebook."""
    assert callable(ask)

    with pytest.raises(SourceError, match=re.escape(said)) as raised:
        ask()
    assert isinstance(raised.value, LabError)
    assert "\n" not in str(raised.value)


# Differences.


def test_difference_is_the_golden_one() -> None:
    """What step 6 changes, as text; see source_tools on how to renew the file."""
    assert GOLDEN.read_text(encoding="utf-8") == f"{diff(5, 6)}\n"


def test_difference_comes_in_pieces() -> None:
    """Messages come first, then fields, then methods in the order of the text; each can be selected."""
    found = diff(5, 6)

    assert found.names == [
        *("AppendEntriesRefused", "on_append_entries", "become_follower"),
        *("refuse_append_entries", "on_append_entries_refused"),
    ]
    assert [change.kind for change in found.changes] == ["new", "changed", "new", "new", "new"]
    assert str(found.only("become_follower")) == str(diff(5, 6, "become_follower"))
    assert str(found.only("become_follower")) in str(found)
    assert diff(7, 8).names == ["fields", "start_election", "become_leader", "become_follower"]


def test_difference_of_fields_shows_what_is_near() -> None:
    """All fields are compared as one text, abbreviated far from changes; a single field can be selected."""
    assert str(diff(7, 8, "fields")).splitlines()[2:] == [
        "  …",
        "",
        "  votes: set[str] = field(default_factory=set)",
        "  election_timeout: float = 0  # seconds",
        "- is_candidate: bool = False",
    ]
    assert str(diff(7, 8, "is_candidate")) == (
        "is_candidate is removed from step 7 to step 8\n\n- is_candidate: bool = False"
    )
    assert str(diff(3, 4, "voted_for")).startswith("voted_for is new from step 3 to step 4\n\n+ voted_for")


def test_difference_of_a_message_shows_its_new_field() -> None:
    """Step 5 is about one field of one message."""
    assert "\n+     term: int\n" in str(diff(4, 5, "AppendEntries.term"))


def test_difference_goes_both_ways_and_over_several_steps() -> None:
    """What is new in one direction is removed in the other; a node does not differ from itself."""
    assert {change.kind for change in diff(6, 5).changes} == {"removed", "changed"}
    assert diff(1, 8).names[:2] == ["AppendEntries", "AppendEntriesReply"]
    assert str(diff(6, 6)) == "nothing changes from step 6 to step 6"
    assert diff(6, 6).ansi() == str(diff(6, 6))


def test_patch_is_all_that_differs() -> None:
    """The patch names both files, and its added and removed lines are those of the files."""
    text = patch(5, 6)
    after = whole(6).text

    assert text.startswith("--- the whole node as of step 5\n+++ the whole node as of step 6\n@@ ")
    added = [line[1:] for line in text.splitlines()[2:] if line.startswith("+")]
    assert added
    assert all(line in after.splitlines() for line in added)


# On the screen.


def test_a_notebook_shows_lines_with_signs() -> None:
    """Added and removed lines have a sign and a tag, so that colour is not the only mark."""
    shown = diff(5, 6, "on_append_entries")._repr_mimebundle_()
    assert '<pre style="' in shown["text/html"]
    assert "font-family:var(--jp-code-font-family,monospace)" in shown["text/html"]
    plain = str(diff(5, 6, "on_append_entries"))

    assert shown["text/plain"] == plain
    assert shown["text/html"].count("+ ") >= plain.count("\n+ ")
    assert shown["text/html"].count("<ins ") == plain.count("\n+")
    assert shown["text/html"].count("<del ") == shown["text/html"].count(">− ") == plain.count("\n-")


def test_a_notebook_needs_no_trust() -> None:
    """There is no script, no class, no link, and no colour for only one theme."""
    for shown in (diff(4, 5), diff(5, 5), show(6, "write"), whole(8)):
        html = shown._repr_mimebundle_()["text/html"]

        assert not re.search(r"<script|<style|class=|http|(?<!-)color:", html)
        assert html.count("<div") == html.count("</div>")


def test_html_says_what_the_text_says() -> None:
    """Without its tags, the HTML is the source, and < in the source is escaped."""
    html = show(8, "on_start", "log", "election_timeout_range", "announce_commit")._repr_mimebundle_()["text/html"]
    bare = re.sub(r"<[^>]+>", "", html).replace("&gt;", ">").replace("&lt;", "<").replace("&amp;", "&")

    assert str(show(8, "on_start", "log", "election_timeout_range", "announce_commit")) in bare
    assert "-&gt; <b>None</b>" in html
    assert "<i># seconds; whole numbers, both ends included</i>" in html


def test_a_terminal_shows_colours() -> None:
    """Without its colours, the coloured text is the plain one."""
    for shown in (diff(4, 5), show(6, "on_start"), whole(8)):
        coloured = shown.ansi()

        assert "\x1b[" in coloured
        assert str(shown) == re.sub(r"\x1b\[\d+m", "", coloured)


def test_output_is_the_same_in_every_process() -> None:
    """Another process with another hash seed gives the same bytes."""
    code = "from raft_steps.lab import diff, whole; print(whole(8), diff(4, 8)._repr_mimebundle_())"
    answers = [
        subprocess.run(
            [sys.executable, "-c", code],
            cwd=ROOT,
            env={"PYTHONHASHSEED": seed, "PYTHONUTF8": "1"},
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    ]

    assert answers[0] == answers[1]


@pytest.mark.parametrize(
    "base, value, expected",
    [
        ("step_12.Node", '(*step_12.Node.durable, "x")', '("log", "current_term", "voted_for", "x")'),
        ("node(12)", '(*node(12).durable, "x")', '("log", "current_term", "voted_for", "x")'),
        ("Base", '("x", *Base.durable)', '("x", "log", "current_term", "voted_for")'),
        ("Base", 'Base.durable + ("x",)', '("log", "current_term", "voted_for") + ("x",)'),
    ],
)
def test_a_value_computed_from_an_inherited_one_is_written_out(
    base: str, value: str, expected: str, tmp_path: Path
) -> None:
    """In one file there is no earlier class whose `durable` could be extended."""
    text = (
        "from raft_steps import node, step_12_persistence as step_12\n\nBase = step_12.Node\n\n\n"
        f"class Node({base}):\n    durable = {value}\n    x: int = 0\n\n"
        "    def on_start(self):\n        super().on_start()\n        self.x += len(Node.durable)\n"
    )
    own = load(text, tmp_path / "own_raft.py").Node

    found = whole(own).text

    assert f"durable = {expected}\n" in found
    assert own.durable == load(found, tmp_path / "whole_own.py").Node.durable
    assert 1 == found.count("class Node(")
