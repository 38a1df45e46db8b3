"""What the course stores, tests and grades does not depend on the settings of the user who starts it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from nbformat.v4 import new_code_cell, new_notebook

from raft_steps.lab.course.environment import FOLDERS, MARK, VALUES, clean_environment, own_settings
from raft_steps.lab.course.nbgrader_course import CONFIG
from raft_steps.lab.course.notebooks import format_notebook

ROOT = Path(__file__).parents[2]
SECONDS_MAX = 300
PROFILE = """c = get_config()
c.InlineBackend.figure_formats = {"svg"}
c.InteractiveShell.ast_node_interactivity = "all"
c.InteractiveShellApp.exec_lines = ["print('hello from my profile')"]
"""
# A notebook whose outputs the settings would change: a chart, two values in a cell, letters, an assert, the time zone.
CELLS = (
    "import matplotlib.pyplot as plt\n\nlines = plt.plot([1, 2])",
    "1\n2",
    "print('→ ✓')\nopen('a.txt', 'w').write('→')",
    "try:\n    assert False\nexcept AssertionError:\n    print('asserts count')",
    "import time\n\ntime.strftime('%H', time.gmtime(0)) == time.strftime('%H', time.localtime(0)), print.__doc__ is None",
    "import shutil, sys\n\nshutil.get_terminal_size().columns, sys.warnoptions, sys.flags.dev_mode",
)
SETTINGS: dict[str, dict[str, str]] = {
    "Agg": {"MPLBACKEND": "Agg"},
    "TkAgg": {"MPLBACKEND": "TkAgg"},
    "a profile of IPython": {"IPYTHONDIR": "{folder}/ipython"},
    "a home with a profile": {"HOME": "{folder}/home"},
    "a folder that cannot be written": {"MPLCONFIGDIR": "{folder}/file", "JUPYTER_DATA_DIR": "{folder}/file"},
    "a matplotlibrc": {"MATPLOTLIBRC": "{folder}/matplotlibrc"},
    "-O": {"PYTHONOPTIMIZE": "1"},
    "-OO": {"PYTHONOPTIMIZE": "2"},
    "another encoding": {"PYTHONIOENCODING": "cp1252", "PYTHONUTF8": "0", "LC_ALL": "C", "PYTHONCOERCECLOCALE": "0"},
    "flags of Python": {"PYTHONWARNINGS": "error", "PYTHONDEVMODE": "1", "PYTHONDONTWRITEBYTECODE": "1"},
    "files of Python": {"PYTHONSTARTUP": "{folder}/startup.py", "PYTHONPATH": "{folder}/path"},
    "the terminal": {"COLUMNS": "20", "NO_COLOR": "1", "FORCE_COLOR": "1", "TZ": "Asia/Tokyo", "PYTHONHASHSEED": "7"},
}
EVERYTHING = {name: value for settings in SETTINGS.values() for name, value in settings.items() if name != "HOME"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make the files that the settings name."""
    folder = tmp_path_factory.mktemp("hostile")
    for profile in ("ipython", "home/.ipython"):
        path = folder / profile / "profile_default" / "ipython_config.py"
        path.parent.mkdir(parents=True)
        path.write_text(PROFILE, encoding="utf-8")
    (folder / "file").write_text("not a folder", encoding="utf-8")
    (folder / "matplotlibrc").write_text("figure.figsize: 2, 2", encoding="utf-8")
    (folder / "startup.py").write_text("print('hello from my startup file')", encoding="utf-8")
    (folder / "path").mkdir()
    (folder / "path" / "sitecustomize.py").write_text("import os\nos.environ['HOSTILE'] = '1'", encoding="utf-8")
    return folder


def hostile(folder: Path, settings: dict[str, str]) -> dict[str, str]:
    """Return a user's environment with these settings."""
    users = {name: value for name, value in os.environ.items() if name not in {MARK, *VALUES, *FOLDERS}}
    return users | {name: value.format(folder=folder) for name, value in settings.items()}


def run(words: list[str], environment: dict[str, str], where: Path = ROOT) -> "subprocess.CompletedProcess[bytes]":
    """Run Python with arguments, as a user does."""
    return subprocess.run(
        [sys.executable, *words], cwd=where, env=environment, capture_output=True, check=False, timeout=SECONDS_MAX
    )


def refreshed(where: Path, environment: dict[str, str]) -> bytes:
    """Refresh the notebook in a new folder; return its bytes."""
    where.mkdir()
    path = where / "01_settings.ipynb"
    cells = [new_code_cell(source, id=f"cell-{number}") for number, source in enumerate(CELLS)]
    path.write_text(format_notebook(new_notebook(cells=cells)), encoding="utf-8")
    done = run(["-m", "raft_steps", "refresh", str(path)], environment, where)
    assert (0, b"01_settings.ipynb: refreshed\n") == (done.returncode, done.stdout), done.stderr.decode()
    return path.read_bytes()


@pytest.fixture(scope="module")
def expected(folder: Path) -> bytes:
    """Refresh the notebook in an environment without settings."""
    stored = refreshed(folder / "expected", hostile(folder, {}))
    assert b"image/png" in stored
    assert b"asserts count" in stored
    assert b"hello" not in stored
    return stored


@pytest.mark.slow
@pytest.mark.parametrize("settings", SETTINGS.values(), ids=SETTINGS)
def test_refresh_stores_the_same_bytes(folder: Path, expected: bytes, tmp_path: Path, settings: dict[str, str]) -> None:
    """Under each setting that a user may have, the notebook is stored as it is without them."""
    assert expected.decode() == refreshed(tmp_path / "notebook", hostile(folder, settings)).decode()


@pytest.mark.slow
def test_strict_nbval_passes_under_all_settings_at_once(folder: Path) -> None:
    """`make test` runs the notebooks without the user's settings, and starts pytest again if asserts are left out."""
    words = [
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "--nbval",
        "--nbval-current-env",
        "--nbval-cell-timeout=60",
    ]
    done = run([*words, "notebooks/11_commit_index.ipynb"], hostile(folder, EVERYTHING))

    assert 0 == done.returncode, done.stdout.decode(errors="replace")[-3000:]
    assert b" passed" in done.stdout


@pytest.mark.slow
def test_tests_are_tests_under_all_settings_at_once(folder: Path, tmp_path: Path) -> None:
    """Without asserts every test would pass; here a wrong one fails, as it should, with its words on the terminal."""
    wrong = ROOT / "tests" / "course" / "test_environment.py"
    words = ["-m", "pytest", "-q", "-p", "no:cacheprovider", "--runxfail", f"{wrong}::test_wrong_assert_fails"]
    done = run(words, hostile(folder, EVERYTHING))

    assert 1 == done.returncode, done.stderr.decode(errors="replace")
    assert b"assert 1 == 2" in done.stdout


@pytest.mark.xfail(reason="it is wrong on purpose: the test above runs it", strict=True)
def test_wrong_assert_fails() -> None:
    """An assert that does not hold fails its test."""
    one, two = 1, 2

    assert one == two


@pytest.mark.slow
@pytest.mark.parametrize("level", ["1", "2"])
def test_help_keeps_its_sentences(folder: Path, level: str) -> None:
    """Python leaves docstrings out with -OO; the command line takes its sentences from them."""
    for words in ([], ["check"]):
        plain = run(["-m", "raft_steps", *words, "--help"], hostile(folder, {}))
        done = run(["-m", "raft_steps", *words, "--help"], hostile(folder, {"PYTHONOPTIMIZE": level}))
        flag = run([f"-{'O' * int(level)}", "-m", "raft_steps", *words, "--help"], hostile(folder, {}))

        assert plain.stdout.count(b"\n") > 10
        assert plain.stdout == done.stdout == flag.stdout


@pytest.mark.slow
def test_graders_ignore_the_settings(folder: Path, tmp_path: Path) -> None:
    """A submission gets the same points under all settings at once."""
    (tmp_path / "ann.py").write_text("from raft_steps.step_01_key_value_store import Node\n", encoding="utf-8")
    words = ["-m", "raft_steps", "grade", "ann.py", "--step", "2", "--private-seeds", "a secret", "--seeds", "1"]
    plain = run([*words, "--out", "plain"], hostile(folder, {}), tmp_path)
    done = run([*words, "--out", "hostile"], hostile(folder, EVERYTHING | {"PYTHONIOENCODING": "utf-8"}), tmp_path)

    assert (0, 0) == (plain.returncode, done.returncode), done.stderr.decode(errors="replace")
    scores = [(tmp_path / name / "scores.json").read_bytes() for name in ("plain", "hostile")]
    assert scores[0] == scores[1]


def test_nbgrader_grades_without_the_settings(folder: Path, tmp_path: Path) -> None:
    """The configuration of an nbgrader course takes the settings away, except for those of Jupyter and nbgrader."""
    (tmp_path / "source" / "step_06").mkdir(parents=True)
    (tmp_path / "source" / "step_06" / "raft_steps").symlink_to(ROOT / "raft_steps")
    config = CONFIG.replace("c = get_config()", "c = MagicMock()").replace(
        "from raft_steps.lab.course.nbgrader_preprocessor import set_up",
        "from unittest.mock import MagicMock\nset_up = MagicMock()",
    )
    (tmp_path / "nbgrader_config.py").write_text(
        f"{config}\nimport json\nprint(json.dumps(dict(os.environ)))", encoding="utf-8"
    )
    given = hostile(folder, EVERYTHING | {"JUPYTER_PATH": "mine", "NBGRADER_EXECUTION": "autograde"})
    done = run([str(tmp_path / "nbgrader_config.py")], given, tmp_path)

    assert 0 == done.returncode, done.stderr.decode(errors="replace")
    printed = done.stdout.decode()
    assert '"JUPYTER_PATH": "mine"' in printed
    assert '"NBGRADER_EXECUTION": "autograde"' in printed
    assert f'"IPYTHONDIR": "{tmp_path}/.settings/ipython"' in printed
    assert not {name for name in EVERYTHING if f'"{name}"' in printed} - {*VALUES, *FOLDERS}


# The environment itself.


def test_environment_has_none_of_the_settings(tmp_path: Path) -> None:
    """Whatever is given, what Python, IPython, Jupyter, matplotlib and the terminal look at is ours or missing."""
    given = dict.fromkeys(EVERYTHING, "theirs") | {"PATH": "/bin", "JUPYTER_TOKEN": "x", "LC_NUMERIC": "de_DE"}
    made = clean_environment(tmp_path, given)

    assert {"PATH", MARK, *VALUES, *FOLDERS} == made.keys()
    assert "theirs" not in made.values()
    assert all(Path(made[name]).is_dir() for name in FOLDERS)


def test_course_on_the_python_path_stays_there(tmp_path: Path) -> None:
    """If the package was found by PYTHONPATH, kernels find the same one; other entries are dropped."""
    given = {"PYTHONPATH": os.pathsep.join([str(tmp_path), str(ROOT)])}

    assert str(ROOT) == clean_environment(tmp_path, given)["PYTHONPATH"]
    assert "PYTHONPATH" not in clean_environment(tmp_path, {"PYTHONPATH": str(tmp_path)})


def test_folder_of_settings_lasts_as_long_as_it_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """The folder is removed at the end; a process within it uses it again, and leaves it."""
    monkeypatch.delenv(MARK, raising=False)
    with own_settings() as outer:
        folder = Path(outer[MARK])
        monkeypatch.setenv(MARK, str(folder))
        with own_settings() as inner:
            assert folder == Path(inner[MARK])
        assert folder.is_dir()

    assert not folder.exists()
