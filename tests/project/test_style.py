"""Style is a test: what the course promises its readers about the shape of its code holds for every file.

The linter checks the rest. Its settings, with a reason for each exception, are in pyproject.toml.
"""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.project.course_files import ROOT, files_of_the_course

PACKAGE = sorted((ROOT / "raft_steps").rglob("*.py"))
TESTS = sorted((ROOT / "tests").rglob("*.py"))
STEPS = sorted((ROOT / "raft_steps").glob("step_*.py"))

FUNCTION_LINES_MAX = 60
FILE_LINES_MAX = 500
STEP_LINES_MAX = 190
# A path of somebody's machine: no reader has it, and it says more about the writer than about the course.
MACHINE_PATH = re.compile(r"(?<![\w/.:])/(?:work|tmp|root|home/\w+|Users/\w+)/[\w.-]+")

# Imports what the arguments name and prints every module that this brought in.
LIST_IMPORTED = """
import sys
before = set(sys.modules)
for name in sys.argv[2:]:
    sys.path.insert(0, sys.argv[1])
    __import__(name)
print(*sorted({name.partition(".")[0] for name in set(sys.modules) - before}))
"""


def name_of(path: Path) -> str:
    """Return a path relative to the course's folder."""
    return path.relative_to(ROOT).as_posix()


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Yield every function and method of a file, nested ones too."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


@pytest.mark.parametrize("path", [*PACKAGE, *TESTS], ids=name_of)
def test_module_says_what_it_is(path: Path) -> None:
    """Every module opens with a docstring: a whole sentence that ends."""
    docstring = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    first_line = docstring.partition("\n")[0]

    assert first_line, f"{name_of(path)} has no docstring"
    assert first_line[-1] in ".:!?", f"{name_of(path)} does not open with a whole sentence: {first_line}"


@pytest.mark.parametrize("path", TESTS, ids=name_of)
def test_test_says_what_it_requires(path: Path) -> None:
    """Every test has a docstring: the requirement, in a sentence."""
    tests = [function for function in functions(path) if function.name.startswith("test_")]

    assert [] == [test.name for test in tests if not ast.get_docstring(test)]


@pytest.mark.parametrize("path", [*PACKAGE, *TESTS], ids=name_of)
def test_function_fits_a_screen(path: Path) -> None:
    """No function is over 60 lines: it is read as a whole or not at all."""
    long = {function.name: lines for function in functions(path) if (lines := length(function)) > FUNCTION_LINES_MAX}

    assert {} == long


def length(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Count a function's lines, without its decorators."""
    return (function.end_lineno or function.lineno) - function.lineno + 1


@pytest.mark.parametrize("path", PACKAGE, ids=name_of)
def test_module_is_one_idea(path: Path) -> None:
    """No module is over 500 lines, and no step, which is a commit, over 190."""
    lines = path.read_text(encoding="utf-8").count("\n")

    assert lines <= (STEP_LINES_MAX if path in STEPS else FILE_LINES_MAX)


def test_package_is_the_book_and_the_laboratory() -> None:
    """Beside the laboratory, the package's folder holds the steps, its table of contents and its door: nothing else."""
    allowed = {"__init__.py", "__main__.py", "py.typed", "lab", "__pycache__"}
    found = {path.name for path in (ROOT / "raft_steps").iterdir()}

    assert set() == {name for name in found - allowed if not re.fullmatch(r"step_\d\d_[a-z_]+\.py", name)}


@pytest.mark.parametrize("path", STEPS, ids=name_of)
def test_step_makes_no_excuse(path: Path) -> None:
    """A step holds no remark for a tool: a reader takes every line of it as part of the algorithm."""
    assert not re.search(r"#\s*(type:|noqa|pragma|fmt:|pylint)", path.read_text(encoding="utf-8"))


def test_no_file_names_a_machine() -> None:
    """No file of the course holds a path of the machine that it was written on."""
    found = {}
    for path in files_of_the_course():
        text = path.read_text(encoding="utf-8", errors="replace")
        if match := MACHINE_PATH.search(text):
            found[name_of(path)] = match.group()

    assert {} == found


def test_import_needs_the_standard_library_alone() -> None:
    """Importing the package, and every step, loads nothing else, so it is fast and works in a browser without a server.

    The interpreter that tries it cannot see installed packages at all (-S).
    """
    names = ["raft_steps", *(f"raft_steps.{path.stem}" for path in STEPS)]
    command = [sys.executable, "-I", "-S", "-c", LIST_IMPORTED, str(ROOT), *names]
    answer = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)

    assert 0 == answer.returncode, answer.stderr
    assert {"raft_steps"} == set(answer.stdout.split()) - sys.stdlib_module_names
