"""What a real server says about its node: for INFO and RAFT.STATE."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from raft_steps.lab.messages import as_data
from raft_steps.lab.runtime.recorder import entry_data, state_fields

MOST_SHOWN = 1_000  # entries of the log
MOST_SHOWN_CHARACTERS = 16 * 1_048_576


def state_text(node: Any) -> str:
    """Return a node's fields, except the log, and the last entries of its log, as one line of JSON."""
    names, read_fields = state_fields(type(node))
    fields = {name: as_data(value) for name, value in zip(names, read_fields(node), strict=True)}
    entries: list[dict[str, object]] = []
    characters = 0
    for entry in reversed(node.log.entries_after(max(node.log.base_index, node.log.last_index - MOST_SHOWN))):
        data = entry_data(entry)
        characters += len(data["command"])
        if characters > MOST_SHOWN_CHARACTERS:
            break
        entries.append(data)
    return json.dumps({"fields": fields, "log": entries[::-1]}, ensure_ascii=False)


def node_info(node: Any) -> Mapping[str, object]:
    """Return the fields of INFO that are about a node; None stands for a server without one, whose disk is full."""
    leads, log = getattr(node, "is_leader", None), getattr(node, "log", None)
    return {
        "raft_role": "server" if leads is None else "leader" if leads else "follower",
        "raft_term": getattr(node, "current_term", 0),
        "raft_last_index": log.last_index if log is not None else 0,
        "raft_snapshot_index": log.base_index if log is not None else 0,
        "raft_commit_index": getattr(node, "commit_index", ""),
    }
