"""Submissions of step 6 as text: a right one, typical mistakes, and parts that the hostile ones use."""

import json
from typing import Any

HEAD = '''from raft_steps import step_05_term_in_append_entries as step_05
from raft_steps.lab import message
from raft_steps.step_05_term_in_append_entries import AppendEntries


@message
class AppendEntriesRefused:
    """The answer to a leader of an older term: the term that it missed."""

    term: int


class Deaf(step_05.Node):
    def on_append_entries_refused(self, sender: str, message: AppendEntriesRefused) -> None:
        """Leave it at that."""
'''

OPENING = '''
class Node(Deaf):
    def on_append_entries(self, sender: str, message: AppendEntries) -> None:
        """Refuse an older term; otherwise follow, catch up, and store what fits."""
'''
HANDLING = """\
        if message.term < self.current_term:
            self.refuse_append_entries(sender)
        else:
            self.current_term = message.term
            self.become_follower()
            success = self.store_entries(message.prev_log_index, message.prev_log_term, message.entries)
            self.answer_append_entries(sender, success, message.prev_log_index)
"""
OTHERS = '''
    def become_follower(self) -> None:
        """Follow the server that leads."""
        self.is_leader = False
        self.is_candidate = False
        self.start_election_timer()

    def refuse_append_entries(self, to: str) -> None:
        """Tell a leader of an older term which term it is."""
        self.send(to, AppendEntriesRefused(term=self.current_term))
'''
BODY = OPENING + HANDLING + OTHERS

RIGHT = HEAD + BODY
UNTOUCHED = HEAD + "\n\nclass Node(Deaf):\n    pass\n"
LEADER_STAYS = RIGHT.replace(
    "        self.is_leader = False\n", "        self.is_leader == False\n"
)  # A slip of the pen.
OWN_TERM_REFUSED = RIGHT.replace("message.term < self", "message.term <= self")
NOT_WRITTEN = HEAD + (
    "\n\nclass Node(Deaf):\n    def on_append_entries(self, sender: str, message: AppendEntries) -> None:\n"
    '        raise NotImplementedError("your turn")\n'
)


def in_handler(*lines: str) -> str:
    """Put lines at the beginning of the handler of an otherwise right Node."""
    return HEAD + OPENING + "".join(f"        {line}\n" for line in lines) + HANDLING + OTHERS


def in_the_cell(module: str) -> str:
    """Return the part of a module that a student writes in the notebook's cell: all but what earlier cells define."""
    assert module.startswith(HEAD)
    return module.removeprefix(HEAD).strip()


def notebook(*sources: str, **changes: Any) -> str:
    """Return a notebook with these code cells."""
    cells: list[dict[str, Any]] = [
        {"cell_type": "code", "id": f"c{n}", "metadata": {}, "outputs": [], "execution_count": None, "source": source}
        for n, source in enumerate(sources)
    ]
    whole = {"cells": cells, "metadata": {"kernelspec": {"name": "python3"}}, "nbformat": 4, "nbformat_minor": 5}
    return json.dumps(whole | changes)


CHECK = "check(Node, step=6).require()"
RIGHT_NOTEBOOK = notebook(
    "from raft_steps import step_05_term_in_append_entries as step_05\nfrom raft_steps.lab import Cluster, check, diff",
    'cluster = Cluster(5, leader="tom")\ncluster.run(6)',
    HEAD.split("\n", 1)[1],
    BODY,
    CHECK,
    "class Node(Node):\n    def become_follower(self):\n        pass  # Break it.",
    "check(Node, step=6)",
)
