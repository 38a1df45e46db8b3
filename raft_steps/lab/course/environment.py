"""The environment of processes whose output must not depend on who starts them: kernels, tests, graders.

A user may have settings for Python, IPython, Jupyter, matplotlib, the terminal and the language, in variables and in
files. Here the variables are dropped, and the programs look for their files in a folder of ours.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

# Variables that are dropped, by the beginning of their names or by their names.
PREFIXES = ("PYTHON", "IPYTHON", "IPY_", "JUPYTER", "MPL", "MATPLOTLIB", "LC_", "NBGRADER", "NBVAL")
NAMES = frozenset(
    {
        *("LANG", "LANGUAGE", "TZ", "COLUMNS", "LINES", "NO_COLOR", "FORCE_COLOR", "CLICOLOR", "CLICOLOR_FORCE"),
        *("PY_COLORS", "RAFT_STEPS_PRIVATE_SEEDS"),
    }
)
# The seed of Python's hashes is not among them. It stays random, as it is for readers: a result that depends on it
# then differs from the stored one, and is found. A submission's process sets it, because a student's Node may depend on it.
VALUES = {
    "LC_ALL": "C",  # known on every system; the encoding is that of PYTHONUTF8 anyway
    "MPLBACKEND": "module://matplotlib_inline.backend_inline",  # charts are shown in the notebook
    "PYTHONIOENCODING": "utf-8",
    "PYTHONUTF8": "1",
    "TZ": "UTC",
}
# Folders of settings and caches, within ours.
FOLDERS = {
    "IPYTHONDIR": "ipython",
    "JUPYTER_CONFIG_DIR": "jupyter/config",
    "JUPYTER_DATA_DIR": "jupyter/data",
    "JUPYTER_RUNTIME_DIR": "jupyter/runtime",
    "MPLCONFIGDIR": "matplotlib",
}
MARK = "RAFT_STEPS_OWN_SETTINGS"  # names the folder in an environment that is made here
BUILD_FONT_CACHE = "import matplotlib.font_manager"


def clean_environment(folder: Path, given: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return an environment without the user's settings.

    Args:
        folder: The folder in which IPython, Jupyter and matplotlib keep settings and caches; the folders in it are made.
        given: The environment to begin with; by default that of this process.
    """
    given = os.environ if given is None else given
    kept = {name: value for name, value in given.items() if name not in NAMES and not name.startswith(PREFIXES)}
    folders = {name: folder / place for name, place in FOLDERS.items()}
    for each in folders.values():
        each.mkdir(parents=True, exist_ok=True)  # IPython warns if it cannot make its folder, and so does matplotlib.
    kept |= VALUES | {name: str(each) for name, each in folders.items()} | {MARK: str(folder)}
    return kept | ({"PYTHONPATH": path} if (path := _path_of_the_course(given)) else {})


@contextmanager
def own_settings(given: Path | None = None) -> Iterator[dict[str, str]]:
    """Yield an environment without the user's settings, whose folder of settings lasts as long as the block.

    Within such an environment, as in tests, its folder is used again.

    Args:
        given: A folder that is used instead, and stays.
    """
    folder_of_caller = given or Path(os.environ.get(MARK, os.devnull))
    if folder_of_caller.is_dir():
        yield clean_environment(folder_of_caller)
        return
    with tempfile.TemporaryDirectory(prefix="raft-steps-", ignore_cleanup_errors=True) as folder:
        yield clean_environment(Path(folder))


def adopt_clean_environment(folder: Path, keep: tuple[str, ...] = ()) -> None:
    """Take the user's settings out of the environment of this process, and so of all that it starts.

    Args:
        folder: The folder for settings and caches; see `clean_environment`.
        keep: Beginnings of the names of variables that stay as they are.
    """
    kept = {name: value for name, value in os.environ.items() if keep and name.startswith(keep)}
    clean = {name: value for name, value in clean_environment(folder).items() if not keep or not name.startswith(keep)}
    os.environ.clear()
    os.environ.update(clean | kept)


def build_font_cache(environment: Mapping[str, str]) -> None:
    """Let matplotlib list the fonts of this machine. If that takes long, it would print so in a notebook."""
    command = [sys.executable, "-c", BUILD_FONT_CACHE]
    subprocess.run(command, env=environment, capture_output=True, check=False)


def restart_without_optimisation(words: Sequence[str] | None = None) -> None:
    """Replace this process by one without ``python -O`` and PYTHONOPTIMIZE, unless it is one already.

    With -O, asserts are left out, and with -OO docstrings, from which `raft-steps --help` takes its sentences.

    Args:
        words: What Python is to run; by default the script, or the package, that it runs now, with its arguments.
    """
    if not sys.flags.optimize:
        return
    if words is None:
        script = Path(sys.argv[0])
        is_script = script.is_file() and script.name != "__main__.py"
        words = [*([str(script)] if is_script else ["-m", "raft_steps"]), *sys.argv[1:]]
    sys.stdout.flush()
    sys.stderr.flush()
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONOPTIMIZE"}
    os.execve(sys.executable, [sys.executable, *words], environment)  # noqa: S606  # the same program again


def _path_of_the_course(given: Mapping[str, str]) -> str:
    """Return the entry of PYTHONPATH in which this package was found; "" if it was found elsewhere."""
    here = Path(__file__).resolve().parents[3]
    entries = [entry for entry in given.get("PYTHONPATH", "").split(os.pathsep) if entry]
    return next((str(here) for entry in entries if Path(entry).resolve() == here), "")
