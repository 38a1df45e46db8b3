"""Tests and notebooks run without the settings of the user who starts them; see raft_steps/lab/course/environment.py."""

import locale
import os
import sys
from pathlib import Path

import pytest

from raft_steps.lab.course.environment import MARK, adopt_clean_environment, build_font_cache, own_settings


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Adopt a clean environment, and start again where Python itself was started with settings that matter."""
    if sys.flags.optimize or locale.getpreferredencoding(do_setlocale=False).lower() != "utf-8":
        capture = config.pluginmanager.getplugin("capturemanager")
        if capture is not None:
            capture.stop_global_capturing()  # Or else the new process would write into files that nobody reads.
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONOPTIMIZE"}
        command = [sys.executable, "-X", "utf8", "-m", "pytest", *config.invocation_params.args]
        os.execve(sys.executable, command, environment | {"PYTHONUTF8": "1"})  # noqa: S606  # the same program again
    settings = own_settings()
    environment = settings.__enter__()
    config.add_cleanup(lambda: settings.__exit__(None, None, None))
    adopt_clean_environment(Path(environment[MARK]))
    if config.getoption("nbval", default=False):
        build_font_cache(os.environ)
