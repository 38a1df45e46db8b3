"""Reads notebooks, runs them again, and stores them so that a second run leaves the same bytes.

Anything that differs between runs or machines is left out: times, widget state, frames of tracebacks, versions. Kernels
have an environment of their own, without the user's settings (`environment.py`). Cells run without history, as strict
nbval runs them, so that the stored outputs are those that nbval will see. A notebook in which a cell fails is not
written at all.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Collection, Iterable
from concurrent.futures import as_completed
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from raft_steps.lab.course.answers import AnswerError, compute_answers
from raft_steps.lab.course.charts import keep_charts
from raft_steps.lab.course.environment import MARK, build_font_cache, own_settings
from raft_steps.lab.errors import LabError, NotTextError
from raft_steps.lab.files import read_text, replace_file
from raft_steps.lab.verify.fuzzer.workers import submitted

if TYPE_CHECKING:
    from nbclient import NotebookClient

CELL_LIMIT_S = 60
KERNEL_TRIES = 3
NOTEBOOK_NAME = re.compile(r"(?P<step>\d\d)(?P<letter>[a-z]?)_\w+\.ipynb")
WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"
UNCOMPARED = "nbval-ignore-output"  # the tag of a cell whose output differs from run to run
METADATA = "raft_steps"  # the course's own part of a notebook's metadata
KERNEL = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
# Keys that tools add to a cell's metadata when they run it.
RUN_METADATA = ("execution", "ExecuteTime", "execution_count", "trusted")

# A notebook, cell or output of nbformat, which has no types of its own: a dict whose keys are attributes too.
Notebook = Any
Cell = Any
Output = Any


class NotebookError(LabError):
    """A notebook cannot be read, or one of its cells fails; the message names the notebook and the cell."""


@dataclass(frozen=True, slots=True)
class RefreshOutcome:
    """The outcome of refreshing one notebook.

    Attributes:
        path: The notebook.
        changed: Whether the new file differs from the stored one.
        failure: A sentence that names the cell that failed and the error; empty if none failed.
    """

    path: Path
    changed: bool = False
    failure: str = ""


def notebooks_of(folder: Path, without: Collection[str] = ()) -> list[Path]:
    """Return the notebooks of a course in a folder, in order.

    Args:
        folder: The folder.
        without: What is missing where they shall run, such as ``"processes"``; notebooks that need it are left out.
    """
    found = sorted(path for path in folder.glob("*.ipynb") if NOTEBOOK_NAME.fullmatch(path.name))
    return [path for path in found if needs_of(load(path)).isdisjoint(without)] if without else found


def needs_of(notebook: Notebook) -> frozenset[str]:
    """Return what a notebook needs besides Python and the course: ``"processes"`` if it starts servers.

    It is in the notebook's metadata: ``"raft_steps": {"needs": ["processes"]}``.
    """
    return frozenset(notebook["metadata"].get(METADATA, {}).get("needs", ()))


def step_of(name: str) -> int:
    """Return the step of a notebook by its file's name; 0 for notebook 00."""
    match = NOTEBOOK_NAME.fullmatch(name)
    return int(match["step"]) if match else 0


def refresh(
    paths: Iterable[Path],
    *,
    jobs: int = 2,
    write: bool = True,
    progress: Callable[[RefreshOutcome], None] | None = None,
) -> list[RefreshOutcome]:
    """Run notebooks again and store their outputs.

    Args:
        paths: The notebooks.
        jobs: The number of notebooks to run at a time, each in a separate process.
        write: Whether to write notebooks that have changed, or only to report them.
        progress: Called with each notebook's outcome as it arrives.

    Returns:
        The outcomes, in the order of the paths.
    """
    wanted = list(paths)
    outcomes: dict[Path, RefreshOutcome] = {}
    with own_settings() as environment:
        build_font_cache(environment)
        work = partial(refresh_one, write=write, settings=Path(environment[MARK]))
        with submitted(work, wanted, min(jobs, len(wanted)) or 1) as futures:
            for future in as_completed(futures):
                outcome = future.result()
                outcomes[outcome.path] = outcome
                if progress is not None:
                    progress(outcome)
    return [outcomes[path] for path in wanted]


def refresh_one(path: Path, write: bool = True, settings: Path | None = None) -> RefreshOutcome:
    """Run one notebook again and store its outputs and the results in its answers.

    Nothing is stored if a cell fails, or the file changes while it runs.

    Args:
        path: The notebook.
        write: Whether to write it if it has changed, or only to report it.
        settings: The folder for settings and caches of kernels; by default one that lasts as long as the kernel.
    """
    try:
        fresh, stored = load(path), load(path)
        before = path.read_bytes()
        execute(fresh, path, settings)
        compute_answers(fresh, path.name)
    except (NotebookError, AnswerError) as error:
        return RefreshOutcome(path, failure=str(error))
    normalise(fresh, stored)
    text = format_notebook(fresh)
    if path.read_bytes() != before:
        return RefreshOutcome(path, failure=f"{path.name} was changed while it ran, so nothing was written")
    if write and text.encode() != before:
        replace_file(path, text.encode())
    return RefreshOutcome(path, changed=text.encode() != before)


def load(path: Path) -> Notebook:
    """Read a notebook; a cell without an id gets one that depends only on its position.

    Raises:
        NotebookError: It cannot be read, or is not a notebook.
    """
    import nbformat

    try:
        data = json.loads(read_text(path, "a notebook"))
        if data["nbformat"] != nbformat.current_nbformat:
            raise NotebookError(
                f"{path.name} has notebook format {data['nbformat']}; open and save it in JupyterLab first"
            )
        _add_ids(data["cells"])
        data["nbformat_minor"] = max(5, data["nbformat_minor"])
        notebook = nbformat.reads(json.dumps(data), as_version=4)
        nbformat.validate(notebook)
    except OSError as error:
        raise NotebookError(f"{path.name} cannot be read: {error.strerror}") from error
    except (
        NotTextError,
        ValueError,
        KeyError,
        TypeError,
        AttributeError,
        RecursionError,
        nbformat.ValidationError,
    ) as error:
        raise NotebookError(f"{path.name} is not a valid notebook: {_first_line(error)}") from error
    return notebook


def _first_line(error: Exception) -> str:
    """Return an error's message, or its first line."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]


def _add_ids(cells: list[dict[str, Any]]) -> None:
    """Add missing cell ids, the same on every machine; raise a ValueError for an id that occurs twice."""
    taken = [cell["id"] for cell in cells if "id" in cell]
    twice = [name for name in taken if taken.count(name) > 1]
    if twice:
        raise ValueError(f"the cell id {twice[0]!r} occurs twice")
    for number, cell in enumerate(cells):
        if "id" not in cell:
            names = (f"cell-{number}{letters}" for letters in ("", *(f"-{copy}" for copy in range(2, len(cells) + 2))))
            cell["id"] = next(name for name in names if name not in taken)


def format_notebook(notebook: Notebook) -> str:
    """Return the text of a notebook's file."""
    import nbformat

    text: str = nbformat.writes(notebook)
    return text.rstrip("\n") + "\n"


# Running.


def execute(
    notebook: Notebook,
    path: Path,
    settings: Path | None = None,
    after_cell: Callable[[NotebookClient, Cell], None] | None = None,
) -> None:
    """Run all cells in a new kernel, in the notebook's folder, and put their outputs into the notebook.

    The kernel has none of the user's settings. If it dies before the first cell, a new one is started: two kernels that
    start at the same time may have chosen the same port.

    Args:
        notebook: The notebook.
        path: Its file.
        settings: The folder for settings and caches, as in `refresh_one`.
        after_cell: Called after each code cell; the client knows the state of all widgets at that time.

    Raises:
        NotebookError: A cell failed, took too long, or killed its kernel.
    """
    from jupyter_client.kernelspec import NoSuchKernel
    from nbclient import NotebookClient
    from nbclient.exceptions import CellControlSignal

    for left in reversed(range(KERNEL_TRIES)):
        client = NotebookClient(
            notebook,
            timeout=CELL_LIMIT_S,
            kernel_name=KERNEL["name"],
            record_timing=False,
            extra_arguments=["--log-level=ERROR"],  # Without it, each kernel prints a warning about its sockets.
            resources={"metadata": {"path": str(path.parent)}},
        )
        place = "its kernel"
        try:
            with own_settings(settings) as environment, client.setup_kernel(env=environment):
                for index, cell in enumerate(notebook.cells):
                    place = f"cell {cell.id}"
                    client.execute_cell(cell, index, store_history=False)
                    if after_cell is not None and cell.cell_type == "code":
                        after_cell(client, cell)
        except (CellControlSignal, RuntimeError, NoSuchKernel) as error:
            if place != "its kernel" or isinstance(error, NoSuchKernel) or not left:
                raise NotebookError(f"{path.name}, {place}: {_reason(error)}") from error
        else:
            return


def _reason(error: Exception) -> str:
    """Describe in one line why a cell failed: an exception, the time limit, or a dead kernel."""
    from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

    match error:
        case CellExecutionError():
            return f"{error.ename}: {error.evalue}".replace("\n", " ").strip()
        case CellTimeoutError():
            return f"it took more than {CELL_LIMIT_S} seconds"
        case DeadKernelError():
            return "it ended its kernel"
        case _:
            return _first_line(error)


# Normalising.


def normalise(notebook: Notebook, stored: Notebook) -> None:
    """Remove everything specific to this run from an executed notebook, and keep stored charts that are still current."""
    notebook.metadata.pop("widgets", None)
    notebook.metadata["kernelspec"] = dict(KERNEL)
    notebook.metadata["language_info"] = {"name": "python"}
    before = {cell.id: cell for cell in stored.cells}
    number, made_from = 0, hashlib.sha256()
    for cell in notebook.cells:
        for name in RUN_METADATA:
            cell.metadata.pop(name, None)
        if cell.cell_type != "code":
            continue
        number += 1
        made_from.update(cell.source.encode())
        _normalise_cell(cell, number)
        old = before[cell.id]
        _normalise_cell(old, number)
        keep_charts(cell, old, made_from.copy())


def _normalise_cell(cell: Cell, number: int) -> None:
    cell.execution_count = number
    if UNCOMPARED in cell.metadata.get("tags", []):
        cell.outputs = []  # It differs from run to run, so that storing it would leave a diff each time.
        return
    outputs: list[Output] = []
    for output in cell.outputs:
        if output.output_type == "stream":
            _add_to_stream(outputs, output)
            continue
        if output.output_type == "execute_result":
            output.execution_count = number
        elif output.output_type == "error":
            output.traceback = [f"{output.ename}: {output.evalue}"]
        if WIDGET_VIEW in output.get("data", {}):
            del output.data[WIDGET_VIEW]
            output.metadata.pop(WIDGET_VIEW, None)
            if not output.data:
                continue
        outputs.append(output)
    cell.outputs = outputs


def _add_to_stream(outputs: list[Output], more: Output) -> None:
    """Join consecutive stream outputs: how they are split and interleaved depends on the machine's speed."""
    start = len(outputs)
    while start and outputs[start - 1].output_type == "stream":
        start -= 1
    same = next((output for output in outputs[start:] if output.name == more.name), None)
    if same is not None:
        same.text += more.text
    else:
        outputs.append(more)
        outputs[start:] = sorted(outputs[start:], key=lambda output: str(output.name), reverse=True)  # stdout first
