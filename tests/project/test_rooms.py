"""The rooms of the laboratory: what may import what, and where the modules of earlier versions went.

`[tool.house] rooms` in pyproject.toml lists the rooms from bottom to top. A room may import those before it; the modules
at the top of the laboratory, which a Node is built on, come before all. Imports for types and inside functions count.
"""

import ast
import importlib
import tomllib
from pathlib import Path

import pytest

from raft_steps.lab import HOMES
from raft_steps.lab.moved import MOVED, ROOMS

ROOT = Path(__file__).parents[2]
LAB = ROOT / "raft_steps" / "lab"
FLAT_MODULES_MAX = 11


def name_of(path: Path) -> str:
    """Return the dotted name of a module of the laboratory."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


FILES = {name_of(path): path for path in sorted(LAB.rglob("*.py"))}


def imports_of(name: str) -> set[str]:
    """Return the modules of the laboratory that a module imports, at its top, inside functions or for types."""
    found = set()
    for node in ast.walk(ast.parse(FILES[name].read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name} has a relative import; the rooms are named in full"
            base = node.module or ""
            found |= {whole if (whole := f"{base}.{alias.name}") in FILES else base for alias in node.names}
    return {each for each in found if each in FILES and each not in (name, "raft_steps.lab")}


# The laboratory's own list of names imports every room, so that notebooks need not.
GRAPH = {name: imports_of(name) for name in FILES if name != "raft_steps.lab"}


def rooms() -> list[str]:
    """Return the rooms, bottom to top."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    return ["", *settings["tool"]["house"]["rooms"]]


def room_of(name: str) -> str:
    """Return the room of a module; "" for those at the top of the laboratory."""
    parts = name.split(".")
    is_room = len(parts) > 3 or FILES[name].name == "__init__.py"
    return parts[2] if is_room else ""


def test_every_folder_is_a_room() -> None:
    """Every module is in a room that the list names, and every room of the list has modules."""
    assert set(rooms()) == {room_of(name) for name in GRAPH}


def test_few_modules_are_outside_of_rooms() -> None:
    """At most eleven modules are in no room: a newcomer reads their names at one glance."""
    flat = [name for name in GRAPH if not room_of(name)]

    assert len(flat) <= FLAT_MODULES_MAX, flat


def test_no_import_against_the_order_of_the_rooms() -> None:
    """A room imports only those before it."""
    order = rooms()
    wrong = [
        f"{name} imports {other}"
        for name, others in GRAPH.items()
        for other in sorted(others)
        if order.index(room_of(other)) > order.index(room_of(name))
    ]

    assert [] == wrong


def test_no_circle_of_imports() -> None:
    """No module imports itself, by whatever way: taking away what imports nothing that is left takes all away."""
    left = {name: set(others) for name, others in GRAPH.items()}
    while free := {name for name, others in left.items() if not others & left.keys()}:
        left = {name: others for name, others in left.items() if name not in free}

    assert {} == left


def test_type_checkers_see_the_names_that_are_loaded() -> None:
    """The imports for type checkers at the top of the laboratory name what its table loads, and from the same modules."""
    tree = ast.parse(FILES["raft_steps.lab"].read_text(encoding="utf-8"))
    (block,) = [node for node in tree.body if isinstance(node, ast.If)]
    imported = {
        alias.name: (node.module or "").removeprefix("raft_steps.lab.")
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }

    assert HOMES == imported


@pytest.mark.parametrize("name", HOMES)
def test_name_is_loaded_from_its_home(name: str) -> None:
    """Every name of the table is there, and it is the one of its module."""
    home = importlib.import_module(f"raft_steps.lab.{HOMES[name]}")

    assert getattr(home, name) is getattr(importlib.import_module("raft_steps.lab"), name)


@pytest.mark.parametrize("old", MOVED)
def test_old_path_names_the_new_one(old: str) -> None:
    """An import from a path of version 0.3 fails with the new path, which exists."""
    new = f"raft_steps.lab.{MOVED[old]}"

    assert new in FILES
    with pytest.raises(ImportError, match=rf"^raft_steps\.lab\.{old} is now {new}\b"):
        importlib.import_module(f"raft_steps.lab.{old}")


@pytest.mark.parametrize("room,name", [(room, name) for room, names in ROOMS.items() for name in names])
def test_old_name_of_a_room_names_its_module(room: str, name: str) -> None:
    """If a room has the name of an old module, importing an old name from it fails with the name of the new module."""
    new = f"raft_steps.lab.{ROOMS[room][name]}"

    assert hasattr(importlib.import_module(new), name)
    with pytest.raises(ImportError, match=rf"{name} is in {new}; notebooks: from raft_steps.lab import {name}"):
        exec(f"from raft_steps.lab.{room} import {name}")


def test_old_path_names_what_notebooks_import() -> None:
    """The error for a module that notebooks used says which names the laboratory itself has, ready to paste."""
    with pytest.raises(ImportError, match=r"from raft_steps\.lab import .*Scope, Search"):
        importlib.import_module("raft_steps.lab.search")
    with pytest.raises(
        ImportError, match=r"raft_steps\.lab\.logtable is now .*: from raft_steps\.lab import log_table"
    ):
        exec("from raft_steps.lab.logtable import log_table")


def test_unknown_module_is_missing_as_usual() -> None:
    """A name that never was a module gives Python's own error."""
    with pytest.raises(ModuleNotFoundError, match=r"No module named 'raft_steps\.lab\.nothing'"):
        importlib.import_module("raft_steps.lab.nothing")
