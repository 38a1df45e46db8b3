"""The one object that notebooks work with, and experiments measured over many of them."""

from __future__ import annotations

from raft_steps.lab.moved import moved_name


def __getattr__(name: str) -> object:
    """Raise an error that says where a name of the module of this name is now."""
    raise moved_name(__name__, name)
