"""What the notebook's own check accepts gets full marks: sixty honest files, and the same verdict from every grader."""

import json
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from tokenize import detect_encoding
from typing import Any

import pytest

import raft_steps.lab
from raft_steps.lab.checks import CheckReport, check, checks_of
from raft_steps.lab.grading.judge import load
from raft_steps.lab.grading.nbgrader_cells import points_for
from raft_steps.lab.grading.package_copy import copy_package
from raft_steps.lab.grading.scheme import read_scheme
from raft_steps.lab.runtime.loading import load_node
from raft_steps.lab.source.extraction import extract_node
from raft_steps.lab.source.submission_cells import SubmissionError
from tests.grading.submissions import step_06
from tests.grading.submissions.honest import ALL, BROKEN, CELLS, Honest, cells, text
from tests.grading.worker_factory import WorkerFactory

CHECKS = {each.name for each in checks_of(6)}


@pytest.fixture(scope="module")
def factory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WorkerFactory]:
    """Return a factory of workers of step 6."""
    folder = tmp_path_factory.mktemp("package")
    copy_package(folder, 6)
    with WorkerFactory(folder) as factory:
        yield factory


@pytest.fixture
def file(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the file that a student hands in, in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    path = tmp_path / f"ann{request.param.suffix}"
    content = request.param.content
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def seen_in_the_notebook(path: Path, honest: Honest, monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """Run the cells as a kernel does, one after the other; return what passes in the check that counts."""
    shell_module = pytest.importorskip("IPython.core.interactiveshell")
    reports: list[CheckReport] = []

    def recorded(node_class: Any, step: int) -> CheckReport:
        reports.append(check(node_class, step))
        return reports[-1]

    monkeypatch.setattr(raft_steps.lab, "check", recorded, raising=False)
    shell = shell_module.InteractiveShell()
    try:
        if path.suffix == ".py":
            encoding, _ = detect_encoding(BytesIO(path.read_bytes()).readline)
            shell.run_cell(path.read_text(encoding=encoding))
            shell.run_cell("from raft_steps.lab import check\ncheck(Node, 6)")
        else:
            for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
                if cell["cell_type"] == "code":
                    shell.run_cell(cell["source"])
    finally:
        shell.history_manager.end_session()
        shell_module.InteractiveShell.clear_instance()
    return {each.name for each in reports[honest.counts].results if each.passed}


@pytest.mark.slow
@pytest.mark.parametrize(
    "file, honest", [(each, each) for each in ALL], ids=[each.name for each in ALL], indirect=["file"]
)
def test_every_grader_says_what_the_notebook_says(
    file: Path,
    honest: Honest,
    factory: WorkerFactory,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The notebook, `raft-steps check`, nbgrader's cell and `raft-steps grade` pass the same checks."""
    wanted = seen_in_the_notebook(file, honest, monkeypatch)
    node_class: Any = load_node(str(file))
    with factory.start() as process:
        graded = {each.name for each in check(load(extract_node(file), process), 6).results if each.passed}

    assert wanted
    assert wanted == {each.name for each in check(node_class, 6).results if each.passed}
    assert wanted == graded
    assert wanted == CHECKS or honest.name in ("leader_stays", "own_term_refused", "plain_wrong")
    assert round(6 * read_scheme(6).share(wanted), 2) == points_for(node_class, 6, 6)


def extracted(tmp_path: Path, honest: Honest) -> Any:
    """Extract the Node of a submission."""
    path = tmp_path / f"ann{honest.suffix}"
    assert isinstance(honest.content, str)
    path.write_text(honest.content, encoding="utf-8")
    return extract_node(path)


def test_text_cell_with_the_node_is_read_with_a_remark(tmp_path: Path) -> None:
    """A code cell that was turned into text is read as code, as nbgrader restores it."""
    found = extracted(tmp_path, cells("x", *CELLS[:2], text(CELLS[2]), step_06.CHECK))

    assert "def refuse_append_entries" in found.text
    assert ["Code cell 3 with the Node is a text cell; it was read as code."] == found.remarks


def test_definition_below_the_check_is_taken_with_a_remark(tmp_path: Path) -> None:
    """A helper that was run before and stands below belongs to the Node; the remark names its cell."""
    body = CELLS[2] + "\n    limit = staticmethod(lambda: LIMIT)"
    found = extracted(tmp_path, cells("x", *CELLS[:2], body, step_06.CHECK, "LIMIT = 3"))

    assert "LIMIT = 3" in found.text
    assert ["Code cell 5, below the check, defines LIMIT; it was taken, too."] == found.remarks


def test_the_page_says_which_node_was_taken(tmp_path: Path) -> None:
    """The clause names the cell and its check, and a remark names another Node below."""
    found = extracted(tmp_path, cells("x", *CELLS, step_06.CHECK, text("# More"), BROKEN))

    assert "Node of code cell 3, as code cell 4 checks it" == found.taken
    assert ["The Node of code cell 5, below the exercise, was not taken."] == found.remarks


@pytest.mark.parametrize("call", ["points_for(Node, step=6, points=6)", "grading.private_runs(Node, 6, 3)"])
def test_nbgraders_cells_are_checks(tmp_path: Path, call: str) -> None:
    """What nbgrader hands out has another check cell, which ends the exercise as well."""
    found = extracted(tmp_path, cells("x", *CELLS, call, text("## Exercises"), "class Node(Deaf): pass"))

    assert "as code cell 4 checks it" in found.taken


def test_encoding_that_does_not_exist_is_said(tmp_path: Path) -> None:
    """A module in an unknown encoding that is not UTF-8 either cannot be read."""
    path = tmp_path / "ann.py"
    path.write_bytes(b"# coding: none\n" + "größe".encode("latin-1"))

    with pytest.raises(SubmissionError, match="is not UTF-8 text"):
        extract_node(path)
