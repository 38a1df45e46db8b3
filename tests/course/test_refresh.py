"""Refreshing notebooks: a second run leaves the same bytes, nbval accepts them, and a failure writes nothing."""

import base64
import json
import os
import struct
import subprocess
import sys
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from raft_steps.lab.course import notebooks
from raft_steps.lab.course.notebooks import (
    NotebookError,
    RefreshOutcome,
    format_notebook,
    load,
    normalise,
    notebooks_of,
    refresh,
    refresh_one,
)

# Outputs that would be stored differently by another run or on another machine.
UNSTABLE = {
    "twice": "import sys\nprint('one')\nsys.stdout.flush()\nprint('two')\n1 + 1",
    "both": "print('to one', file=sys.stderr)\nprint('to the other')",
    "widget": "from ipywidgets import IntSlider\nIntSlider(value=3)",
    "chart": "import matplotlib.pyplot as plt\nplt.plot([1, 2])\nplt.show()",
    "error": "1 / 0",
    "here": "from pathlib import Path\nPath('neighbour.txt').read_text()",
}


def write(path: Path, *cells: Any, **metadata: object) -> Path:
    """Write a notebook of these cells; a text is a code cell."""
    made = [
        new_code_cell(cell, id=f"cell-{index}") if isinstance(cell, str) else cell for index, cell in enumerate(cells)
    ]
    path.write_text(format_notebook(new_notebook(cells=made, metadata=metadata)), encoding="utf-8")
    return path


def unstable_notebook(path: Path) -> Path:
    """Write a notebook whose outputs differ from run to run, with the traces of another tool."""
    cells = [new_code_cell(source, id=name) for name, source in UNSTABLE.items()]
    cells[0].metadata = {"execution": {"iopub.execute_input": "2020"}, "tags": ["kept"], "nbgrader": {"kept": True}}
    cells[4].metadata = {"tags": ["raises-exception"]}
    language = {"name": "python", "version": "3.4.5"}
    return write(path, new_markdown_cell("# Title", id="title"), *cells, widgets={"state": 1}, language_info=language)


def test_notebooks_that_need_processes_can_be_left_out(tmp_path: Path) -> None:
    """Such a notebook says so in its metadata; where no processes can be started, it is left out."""
    plain = write(tmp_path / "01_plain.ipynb", "1")
    servers = write(tmp_path / "02_servers.ipynb", "1", raft_steps={"needs": ["processes"]})
    assert notebooks_of(tmp_path) == [plain, servers]
    assert notebooks_of(tmp_path, without=["processes"]) == [plain]
    course = Path(__file__).parents[2] / "notebooks"
    left_out = set(notebooks_of(course)) - set(notebooks_of(course, without=["processes"]))
    assert {path.name for path in left_out} == {"12c_real_servers.ipynb"}


@dataclass
class Refreshing:
    """A folder of notebooks, its files before they were refreshed, and the outcomes."""

    folder: Path
    before: dict[str, bytes]
    found: list[RefreshOutcome]
    seen: list[RefreshOutcome]


@pytest.fixture(scope="module")
def refreshing(tmp_path_factory: pytest.TempPathFactory) -> Refreshing:
    """Refresh a folder of three notebooks once: one that is unstable, one that fails, one that kills its kernel."""
    folder = tmp_path_factory.mktemp("notebooks")
    (folder / "neighbour.txt").write_text("a neighbour", encoding="utf-8")
    unstable_notebook(folder / "01_good.ipynb")
    write(folder / "02_fails.ipynb", "1", "print('first')\nraise ValueError('no\\nsuch thing')", "2")
    write(folder / "03_dies.ipynb", "import os", "os._exit(3)")
    write(folder / "notes.ipynb", "1 / 0")
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    seen: list[RefreshOutcome] = []
    return Refreshing(folder, before, refresh(notebooks_of(folder), progress=seen.append), seen)


@pytest.fixture(scope="module")
def refreshed(refreshing: Refreshing) -> Path:
    """Return the folder of the refreshed notebooks."""
    return refreshing.folder


def outputs(folder: Path, name: str) -> list[Any]:
    """Return a cell's outputs in the refreshed notebook."""
    (cell,) = (cell for cell in load(folder / "01_good.ipynb").cells if cell.id == name)
    found: list[Any] = cell.outputs
    return found


@pytest.mark.slow
def test_outputs_are_stored(refreshed: Path) -> None:
    """Every code cell is numbered and has its outputs, joined, from a run in the notebook's folder."""
    cells = [cell for cell in load(refreshed / "01_good.ipynb").cells if cell.cell_type == "code"]

    assert [1, 2, 3, 4, 5, 6] == [cell.execution_count for cell in cells]
    assert "one\ntwo\n" == outputs(refreshed, "twice")[0].text
    assert ("2", 1) == (
        outputs(refreshed, "twice")[1].data["text/plain"],
        outputs(refreshed, "twice")[1].execution_count,
    )
    assert ["stdout", "stderr"] == [output.name for output in outputs(refreshed, "both")]
    assert "'a neighbour'" == outputs(refreshed, "here")[0].data["text/plain"]
    assert {"image/png", "text/plain"} == outputs(refreshed, "chart")[0].data.keys()


@pytest.mark.slow
def test_output_that_is_not_compared_is_not_stored() -> None:
    """What differs from run to run would be a difference in the file after each refresh."""
    made, stored = (
        new_notebook(cells=[new_code_cell("now()", id="a", metadata={"tags": ["nbval-ignore-output"]})])
        for _ in range(2)
    )
    made.cells[0].outputs = [new_output("stream", text="12:31")]

    notebooks.normalise(made, stored)

    assert [] == made.cells[0].outputs
    assert 1 == made.cells[0].execution_count


def test_nothing_of_the_run_is_stored(refreshed: Path) -> None:
    """Times, widget state, model ids, versions and frames of tracebacks are removed; an author's metadata stays."""
    notebook = load(refreshed / "01_good.ipynb")

    assert {"name": "python"} == notebook.metadata.language_info
    assert "python3" == notebook.metadata.kernelspec.name
    assert "widgets" not in notebook.metadata
    assert {"tags": ["kept"], "nbgrader": {"kept": True}} == notebook.cells[1].metadata
    assert ["title", *UNSTABLE] == [cell.id for cell in notebook.cells]
    assert {"text/plain": "IntSlider(value=3)"} == outputs(refreshed, "widget")[0].data
    assert ["ZeroDivisionError: division by zero"] == outputs(refreshed, "error")[0].traceback


@pytest.mark.slow
def test_second_run_leaves_the_same_bytes(refreshed: Path) -> None:
    """Refreshing a refreshed notebook changes nothing, with another hash seed either."""
    path = refreshed / "01_good.ipynb"
    before = path.read_bytes()
    code = f"from pathlib import Path\nfrom raft_steps.lab.course.notebooks import refresh_one\nprint(refresh_one(Path({str(path)!r})))"
    environment = os.environ | {"PYTHONHASHSEED": "1", "MPLBACKEND": "agg"}
    answer = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)

    assert repr(RefreshOutcome(path)) == answer.stdout.strip(), answer.stderr
    assert before == path.read_bytes()
    assert b"\r" not in before


@pytest.mark.slow
def test_strict_nbval_accepts_what_is_stored(refreshed: Path) -> None:
    """The stored outputs are those that nbval, which runs cells without history, compares them with."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "nbval.plugin", "--nbval", "--nbval-current-env"]
    command += ["-p", "no:cacheprovider", "--rootdir", str(refreshed), "-W", "default", "01_good.ipynb"]
    environment = os.environ | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    answer = subprocess.run(
        command, env=environment, capture_output=True, text=True, check=False, timeout=120, cwd=refreshed
    )

    assert 0 == answer.returncode, answer.stdout[-3000:]
    assert f"{len(UNSTABLE)} passed" in answer.stdout


@pytest.mark.slow
def test_failing_cell_is_named_and_nothing_written(refreshing: Refreshing) -> None:
    """A failing cell is reported in one line with notebook, cell and error; its notebook stays as it was."""
    good, *failed = refreshing.found

    assert RefreshOutcome(refreshing.folder / "01_good.ipynb", changed=True) == good
    assert [
        "02_fails.ipynb, cell cell-1: ValueError: no such thing",
        "03_dies.ipynb, cell cell-1: it ended its kernel",
    ] == [outcome.failure for outcome in failed]
    assert sorted(map(str, refreshing.seen)) == sorted(map(str, refreshing.found))
    names = {"02_fails.ipynb", "03_dies.ipynb"}
    assert names == {outcome.path.name for outcome in failed}
    assert {name: refreshing.before[name] for name in names} == {
        name: (refreshing.folder / name).read_bytes() for name in names
    }


@pytest.mark.slow
def test_only_notebooks_of_the_course_are_run(refreshed: Path) -> None:
    """A notebook without a number is not refreshed, and no temporary file is left behind."""
    assert {"01_good.ipynb", "02_fails.ipynb", "03_dies.ipynb", "notes.ipynb", "neighbour.txt"} == {
        path.name for path in refreshed.iterdir()
    }
    assert None is load(refreshed / "notes.ipynb").cells[0].execution_count


@pytest.mark.slow
def test_endless_cell_is_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cell that does not end is reported."""
    monkeypatch.setattr(notebooks, "CELL_LIMIT_S", 1)
    path = write(tmp_path / "01_slow.ipynb", "while True: pass")

    assert "01_slow.ipynb, cell cell-0: it took more than 1 seconds" == refresh_one(path).failure


def test_check_writes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With write=False a refresh reports what would change and writes nothing."""
    monkeypatch.setattr(notebooks, "execute", lambda _notebook, _path, _settings: None)
    path = write(tmp_path / "01_new.ipynb", "1")
    before = path.read_bytes()

    assert RefreshOutcome(path, changed=True) == refresh_one(path, write=False)
    assert before == path.read_bytes()


def test_edit_during_the_run_is_not_lost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A notebook that is saved while it runs is not overwritten."""
    path = write(tmp_path / "01_new.ipynb", "1")
    monkeypatch.setattr(notebooks, "execute", lambda _notebook, path, _settings: write(path, "theirs"))

    assert "01_new.ipynb was changed while it ran, so nothing was written" == refresh_one(path).failure
    assert "theirs" == load(path).cells[0].source


# Reading.


def raw(cells: list[dict[str, Any]], **parts: object) -> str:
    """Return a notebook's JSON as a careless tool would write it."""
    whole = [{"cell_type": "markdown", "metadata": {}, "source": "x"} | cell for cell in cells]
    return json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": whole} | parts)


def test_missing_ids_follow_from_the_place(tmp_path: Path) -> None:
    """Cells without an id, as in old notebooks, get the same unique ids every time."""
    path = tmp_path / "01_old.ipynb"
    path.write_text(raw([{}, {"id": "cell-2"}, {}], nbformat_minor=4), encoding="utf-8")

    assert ["cell-0", "cell-2", "cell-2-2"] == [cell.id for cell in load(path).cells]


@pytest.mark.parametrize(
    "text, problem",
    [
        ("", "is not a valid notebook"),
        ("[]", "is not a valid notebook"),
        ("{}", "is not a valid notebook: 'nbformat'"),
        (raw([{"id": "a"}, {"id": "a"}]), "the cell id 'a' occurs twice"),
        (raw([{"source": 3}]), "is not a valid notebook: 3 is not valid"),
        (raw([], nbformat=3), "has notebook format 3"),
    ],
)
def test_invalid_notebook_is_reported_in_a_line(tmp_path: Path, text: str, problem: str) -> None:
    """A file that cannot be read is reported in one line with the reason."""
    path = tmp_path / "01_bad.ipynb"
    path.write_text(text, encoding="utf-8")

    with pytest.raises(NotebookError, match=problem) as caught:
        load(path)

    assert 1 == len(str(caught.value).splitlines())


def test_missing_file_is_reported(tmp_path: Path) -> None:
    """A missing notebook is an error with the operating system's reason."""
    with pytest.raises(NotebookError, match=r"01_none\.ipynb cannot be read: No such file"):
        load(tmp_path / "01_none.ipynb")


# Charts.


def png(shade: int, software: str = "") -> str:
    """Build a picture of one pixel, as a notebook stores it, which may name the software that made it."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0)
    maker = chunk(b"tEXt", b"Software\0" + software.encode()) if software else b""
    body = chunk(b"IHDR", header) + maker + chunk(b"IDAT", zlib.compress(bytes([0, shade]))) + chunk(b"IEND", b"")
    return base64.b64encode(b"\x89PNG\r\n\x1a\n" + body).decode()


def with_chart(picture: str, source: str = "plot()", before: str = "x = 1", words: str = "<Figure>") -> Any:
    """Build an executed notebook whose second cell shows a chart."""
    data = {"image/png": picture, "text/plain": words}
    chart = new_code_cell(source, id="chart", outputs=[new_output("display_data", data=data)], execution_count=2)
    return new_notebook(cells=[new_code_cell(before, id="before", execution_count=1), chart])


def chart_of(notebook: Any) -> str:
    """Return the chart of the notebook's second cell."""
    found: str = notebook.cells[1].outputs[0].data["image/png"]
    return found


OLD, NEW = png(10, "matplotlib 1"), png(20, "matplotlib 2")


def test_stored_chart_is_kept() -> None:
    """Another version of matplotlib draws other bytes; if code and text are the same, the stored chart stays."""
    stored, fresh = with_chart(OLD), with_chart(NEW)
    normalise(fresh, stored)
    again = with_chart(png(30, "matplotlib 3"))
    normalise(again, fresh)

    assert (OLD, OLD) == (chart_of(fresh), chart_of(again))
    assert format_notebook(fresh) == format_notebook(again)


@pytest.mark.parametrize(
    "change",
    [{"source": "plot(2)"}, {"before": "x = 2"}, {"words": "<Figure 2>"}],
    ids=["the cell", "the code before", "the words"],
)
def test_chart_of_changed_code_is_taken(change: dict[str, str]) -> None:
    """If the code up to the chart or the cell's text has changed, the new chart is stored."""
    stored = with_chart(OLD)
    normalise(stored, with_chart(OLD))
    edited = with_chart(OLD, **{name: text for name, text in change.items() if name != "words"})
    edited.cells[1].outputs[0].metadata = stored.cells[1].outputs[0].metadata  # A tool saved it without running it.
    fresh = with_chart(NEW, **change)
    normalise(fresh, edited)

    assert NEW == chart_of(fresh)


def test_chart_that_the_same_version_draws_differently_is_taken() -> None:
    """If the same version of matplotlib draws another chart, the new chart is stored."""
    stored = with_chart(png(10, "matplotlib 2"))
    fresh = with_chart(NEW)
    normalise(fresh, stored)

    assert NEW == chart_of(fresh)


def test_picture_of_unknown_origin_is_kept() -> None:
    """A picture without the name of its software, or not a PNG at all, is kept if code and text are the same."""
    stored = with_chart(png(10))
    fresh, broken = with_chart(png(20)), with_chart("no picture")
    normalise(fresh, stored)
    normalise(broken, stored)

    assert (png(10), png(10)) == (chart_of(fresh), chart_of(broken))
