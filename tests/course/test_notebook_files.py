"""Opening a notebook of the course does not change it, and saving stores nothing of this machine's Python."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from raft_steps.lab.course.notebook_files import STORED, NotebookFiles, language_of_kernel

NAME = "x.ipynb"


@pytest.fixture
def files(tmp_path: Path) -> NotebookFiles:
    """Return the files of a folder with a notebook."""
    notebook = {"nbformat": 4, "nbformat_minor": 5, "metadata": {"language_info": STORED}, "cells": []}
    (tmp_path / NAME).write_text(json.dumps(notebook))
    (tmp_path / "notes.txt").write_text("x")
    return NotebookFiles(root_dir=str(tmp_path))


def stored(files: NotebookFiles) -> Any:
    """Return what the notebook's file says about its language."""
    return json.loads((Path(files.root_dir) / NAME).read_text())["metadata"]["language_info"]


def test_notebook_has_the_language_of_the_kernel_until_it_is_saved(files: NotebookFiles) -> None:
    """JupyterLab would add it, and the notebook would count as changed."""
    model = asyncio.run(files.get(NAME))
    assert language_of_kernel() == model["content"]["metadata"]["language_info"]
    assert STORED.items() < language_of_kernel().items()

    asyncio.run(files.save(model, NAME))
    assert STORED == stored(files)


def test_other_languages_and_files_are_left_alone(files: NotebookFiles) -> None:
    """A notebook for another kernel keeps what it says; text has no language."""
    model = asyncio.run(files.get(NAME))
    model["content"]["metadata"]["language_info"] = {"name": "R"}
    asyncio.run(files.save(model, NAME))

    assert {"name": "R"} == stored(files)
    assert {"name": "R"} == asyncio.run(files.get(NAME))["content"]["metadata"]["language_info"]
    assert "x" == asyncio.run(files.get("notes.txt"))["content"]
    assert "directory" == asyncio.run(files.get(""))["type"]
    assert asyncio.run(files.get(NAME, content=False))["content"] is None
