"""What tests of several files ask for."""

import asyncio
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from raft_steps.lab.runtime import watchdog

# How long an example takes says something about the machine, which may be busy, and nothing about the code.
settings.register_profile("busy machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("busy machine")


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the watchdog look ten times as often, for tests of what follows an endless loop and not of how long it takes."""
    monkeypatch.setattr(watchdog, "TICK", watchdog.TICK / 10)


@pytest.fixture(autouse=True)
def own_event_loop(request: pytest.FixtureRequest) -> Iterator[None]:
    """Let a test run an event loop of its own.

    As long as Playwright's browser is open, which the tests in a browser share, its loop counts as running in this thread.
    """
    if request.node.get_closest_marker("browser") is not None:
        yield
        return
    running = asyncio._get_running_loop()
    asyncio._set_running_loop(None)
    yield
    asyncio._set_running_loop(running)
