"""What tests of several files ask for."""

import pytest

from raft_steps.lab.runtime import watchdog


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the guard look ten times as often, where a loop's end is looked at and not how long it is waited for."""
    monkeypatch.setattr(watchdog, "TICK", watchdog.TICK / 10)
