"""What tests of several files ask for."""

import pytest

from raft_steps.lab import guard


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the guard look ten times as often, where a loop's end is looked at and not how long it is waited for."""
    monkeypatch.setattr(guard, "TICK", guard.TICK / 10)
