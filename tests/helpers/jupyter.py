"""Tools for tests that start programs of Jupyter or of the course: an environment, and required modules."""

import importlib.util
import os
import sys
from pathlib import Path

import pytest

from raft_steps.lab.course.environment import MARK, clean_environment


def own_environment(folder: Path) -> dict[str, str]:
    """Return an environment without the user's settings, in which the commands of this Python come first.

    Args:
        folder: The folder in which Jupyter and IPython keep settings and data instead, in `.jupyter`.
    """
    clean = clean_environment(folder / ".jupyter")
    del clean[MARK]  # What is started is on its own, as a user's command is.
    return clean | {"PATH": os.pathsep.join([str(Path(sys.executable).parent), clean.get("PATH", os.defpath)])}


def needs(*modules: str, reason: str) -> pytest.MarkDecorator:
    """Skip a test if a module is not installed; it is only looked up, because loading it may take seconds."""
    missing = [name for name in modules if importlib.util.find_spec(name) is None]
    return pytest.mark.skipif(bool(missing), reason=f"{', '.join(missing)} is not installed: {reason}")
