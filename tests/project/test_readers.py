"""Every reader of a text accepts what editors write: a byte order mark, and line ends of any kind."""

from __future__ import annotations

import ast
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from raft_steps.lab import Cluster, parse_history
from raft_steps.lab.course.notebooks import load as read_notebook
from raft_steps.lab.errors import NotTextError
from raft_steps.lab.files import read_text
from raft_steps.lab.runtime.loading import load_node
from raft_steps.lab.scenario.scenario import Scenario
from raft_steps.lab.source.submission_cells import read_text as read_submission
from raft_steps.lab.trace.trace import Trace
from raft_steps.lab.verify.conformance import FOLDER, entries, read_entry
from raft_steps.lab.verify.model_checker import Schedule, stored_schedule, stored_schedule_names

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "raft_steps"

# Calls that turn a file or a stream into a text without `files.read_text` or `files.decode_text`.
FORBIDDEN = ("read_text", "read", "readlines", "decode", "open", "load", "File")
# The modules that may do so, each with the calls and the reason.
ALLOWED: dict[str, tuple[tuple[str, ...], str]] = {
    "lab/files.py": (("decode", "read"), "this is the reader"),
    "lab/cli/grade_class.py": (("read",), "a method of its own"),
    "lab/grading/archives.py": (("open", "read"), "bytes of a zip file's entries"),
    "lab/grading/csv_cells.py": (("decode",), "a table of which every byte is kept"),
    "lab/grading/downloads.py": (("read",), "a function of its own"),
    "lab/cli/linearizable.py": (("File",), "opened as bytes"),
    "lab/course/site/assets/conf.py": (("read_text",), "licences of packages, in Sphinx's environment"),
    "lab/course/site/lite_app.py": (("read",), "the metadata of a wheel, which the parser decodes"),
    "lab/course/site/stand_alone.py": (("decode",), "base64, which is ASCII"),
    "lab/source/inline_values.py": (("decode",), "a piece of a text that was encoded to cut it"),
    "lab/source/inline_super.py": (("decode",), "a piece of a text that was encoded to cut it"),
    "lab/source/notebook_class.py": (("decode",), "a piece of a text that was encoded to cut it"),
    "lab/course/missing_steps.py": (("decode",), "a piece of a text that was encoded to cut it"),
    "lab/course/file_list.py": (("decode", "read_text"), "the output of git, and the list of an installed package"),
    "lab/trace/merge_stream.py": (("open",), "traces of real servers, too large to be read as a whole"),
    "lab/verify/fuzzer/kept_rules.py": (("read_text",), "figures that come with the package"),
    "lab/verify/properties/rules.py": (("read_text",), "figures that come with the package"),
    "lab/pictures/svg.py": (("decode",), "base64"),
    "lab/source/submission_cells.py": (("decode",), "a module in the encoding that it declares"),
    "lab/grading/worker.py": (("read",), "messages between the grader's processes"),
    "lab/grading/worker_process.py": (("read_text",), "/proc"),
    "lab/grading/judge.py": (("load", "read"), "messages between the grader's processes"),
    "lab/grading/run.py": (("decode", "read"), "the output of the grader's own processes"),
    "lab/player/exports.py": (("read",), "a method of its own"),
    "lab/verify/linearizability/edn_atoms.py": (("decode",), "joins surrogate pairs"),
}  # fmt: skip
SERVERS = "lab/runtime/server/"  # real servers read what programs send and store


def calls(path: Path) -> Iterator[tuple[int, str]]:
    """Return the line and the name of each call that may read a text."""
    own = set()  # names that are the project's own readers
    tree = ast.parse(path.read_bytes())
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and str(node.module).startswith("raft_steps"):
            own |= {alias.asname or alias.name for alias in node.names}
        if isinstance(node, ast.FunctionDef):
            own.add(node.name)
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or _writes_or_codes(node):
            continue
        if isinstance(node.func, ast.Attribute) and node.func.attr in FORBIDDEN:
            yield node.lineno, node.func.attr
        elif isinstance(node.func, ast.Name) and node.func.id in FORBIDDEN and node.func.id not in own:
            yield node.lineno, node.func.id


def _writes_or_codes(call: ast.Call) -> bool:
    """Return whether a call opens a file for writing or as bytes, or is one of a codec, of JSON, or of the grader."""
    arguments = [*call.args, *(keyword.value for keyword in call.keywords if keyword.arg == "mode")]
    modes = [each.value for each in arguments if isinstance(each, ast.Constant) and isinstance(each.value, str)]
    name = ast.unparse(call.func)
    opens_otherwise = name.endswith("open") and any(set(mode) & set("wxab") and len(mode) <= 3 for mode in modes)
    return opens_otherwise or name.startswith("os.") or name.endswith(("codec.decode", "self.decode"))


def test_no_reader_bypasses_the_reader() -> None:
    """A text is read by `files.read_text`, or by a call that is listed with its reason; no entry is out of date."""
    found: dict[str, set[str]] = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        name = path.relative_to(PACKAGE).as_posix()
        if not name.startswith(SERVERS):
            for _line, call in calls(path):
                found.setdefault(name, set()).add(call)

    assert {name: sorted(names) for name, (names, _) in ALLOWED.items()} == {
        name: sorted(names) for name, names in found.items()
    }


def variants(text: str) -> list[bytes]:
    """Return a text as editors may store it."""
    plain = text.replace("\r\n", "\n")
    ends = (plain, plain.replace("\n", "\r\n"), plain.replace("\n", "\r"))
    return [mark + each.encode() for each in ends for mark in (b"", b"\xef\xbb\xbf")]


def test_texts_are_parsed_with_any_mark_and_line_ends() -> None:
    """A text that a program passes on as it is stored means the same, whatever reader it goes to."""
    cluster = Cluster(8, leader="tom")
    cluster.set("x", 1)
    schedule = stored_schedule(stored_schedule_names()[0]).to_text()
    history = "{:process 0, :type :invoke, :f :write, :value 1}\n{:process 0, :type :ok, :f :write, :value 1}\n"
    entry = read_text(min(FOLDER.glob("*.txt")), "an entry")
    scenario = cluster.scenario
    readers: list[tuple[str, Callable[[str], object]]] = [
        (cluster.trace.to_text(), lambda text: Trace.from_text(text).to_text()),
        (scenario.to_text().replace("; ", ";\n"), Scenario.parse),
        (json.dumps(json.loads(scenario.to_json()), indent=1), Scenario.parse),
        (schedule.replace("; ", ";\n"), Schedule.parse),
        (history, parse_history),
        (entry, lambda text: read_entry(text).plain),
    ]
    for text, read in readers:
        for stored in variants(text):
            assert read(text) == read(stored.decode("utf-8"))


def test_files_are_read_with_any_mark_and_line_ends(tmp_path: Path) -> None:
    """Modules, notebooks, submissions and plain files are read as they are stored."""
    module = "from raft_steps import step_08_election_timeout_reset as s\n\n\nclass Node(s.Node):\n    pass\n"
    notebook = (ROOT / "notebooks/01_key_value_store.ipynb").read_text("utf-8")
    for number, stored in enumerate(variants(module)):
        file = tmp_path / f"mine_{number}.py"
        file.write_bytes(stored)
        assert "Node" == load_node(f"{file}:Node").__name__
        assert module == read_text(file, "a module") == read_submission(file)
    for stored in variants(notebook):
        file = tmp_path / "notebook.ipynb"
        file.write_bytes(stored)
        assert json.loads(notebook)["cells"][0]["source"] == json.loads(read_submission(file))["cells"][0]["source"]
        assert read_notebook(file).cells
    assert len(entries()) > 1


@pytest.mark.parametrize("data", [b"\x89PNG\xff", b"\xff\xfe\x00", "é".encode("latin-1"), "x".encode("utf-16")])
def test_what_is_not_utf_8_is_refused(data: bytes, tmp_path: Path) -> None:
    """The error names the file, and UTF-16, which some editors call Unicode, by its name."""
    file = tmp_path / "file.txt"
    file.write_bytes(data)

    with pytest.raises(NotTextError, match=r"file\.txt is not a text file"):
        read_text(file, "a history")
