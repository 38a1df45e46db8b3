"""The object that notebooks work with, and measurements over many of them."""

from __future__ import annotations

from raft_steps.lab.moved import moved_name_error


def __getattr__(name: str) -> object:
    """Raise an error that names the new module of a name."""
    raise moved_name_error(__name__, name)
