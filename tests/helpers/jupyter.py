"""Tools for tests that start programs of Jupyter or of the course: an environment, and required modules."""

import importlib.util
import os
import sys
from pathlib import Path

import pytest

PLACES = ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR")
SEEDS = "RAFT_STEPS_PRIVATE_SEEDS"


def own_environment(folder: Path) -> dict[str, str]:
    """Return an environment without the user's settings, in which the commands of this Python come first.

    Args:
        folder: The folder in which Jupyter and IPython keep settings and data instead, in `.jupyter`.
    """
    settings = folder / ".jupyter"
    settings.mkdir(parents=True, exist_ok=True)  # IPython creates its folder in it, and warns if it cannot.
    found = {name: value for name, value in os.environ.items() if name != SEEDS}
    path = os.pathsep.join([str(Path(sys.executable).parent), found.get("PATH", os.defpath)])
    return found | {name: str(settings / name.lower()) for name in PLACES} | {"PATH": path}


def needs(*modules: str, reason: str) -> pytest.MarkDecorator:
    """Skip a test if a module is not installed; it is only looked up, because loading it may take seconds."""
    missing = [name for name in modules if importlib.util.find_spec(name) is None]
    return pytest.mark.skipif(bool(missing), reason=f"{', '.join(missing)} is not installed: {reason}")
