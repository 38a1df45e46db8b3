"""What tests of several files ask for."""

import pytest

from raft_steps.lab.runtime import watchdog


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the watchdog look ten times as often, for tests of what follows an endless loop and not of how long it takes."""
    monkeypatch.setattr(watchdog, "TICK", watchdog.TICK / 10)
