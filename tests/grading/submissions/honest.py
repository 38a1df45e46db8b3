"""Honest submissions of step 6 in many styles; each gets from every grader the verdict of the notebook's own check."""

import json
from typing import Any, NamedTuple

from tests.grading.submissions.step_06 import (
    BODY,
    CHECK,
    HEAD,
    LEADER_STAYS,
    OWN_TERM_REFUSED,
    RIGHT,
    in_handler,
    notebook,
)


class Honest(NamedTuple):
    """One submission.

    Attributes:
        name: Its style.
        suffix: What its file's name ends with.
        content: What is in the file.
        counts: Which of the notebook's checks counts, by its place among them.
    """

    name: str
    suffix: str
    content: str | bytes
    counts: int = -1


IMPORTS = (
    "from raft_steps import step_05_term_in_append_entries as step_05\nfrom raft_steps.lab import Cluster, check, diff"
)
CELLS = (IMPORTS, HEAD.split("\n", 1)[1], BODY.strip())
BROKEN = "class Node(Node):\n    def become_follower(self):\n        pass"


def module(name: str, text: str | bytes) -> Honest:
    """Return a submission that is a module."""
    return Honest(name, ".py", text)


def above(name: str, lines: str) -> Honest:
    """Return a right module that begins with further lines."""
    return module(name, f"{lines}\n{RIGHT}")


def inside(name: str, *lines: str, top: str = "") -> Honest:
    """Return a right module with further lines at the beginning of its handler, and at its top."""
    return module(name, f"{top}\n{in_handler(*lines)}")


def below(name: str, lines: str) -> Honest:
    """Return a right module that goes on with further lines."""
    return module(name, f"{RIGHT}\n\n{lines}\n")


def cells(name: str, *sources: str | dict[str, Any], counts: int = -1, **changes: Any) -> Honest:
    """Return a submission that is a notebook, with a text cell for each dictionary."""
    data = json.loads(notebook(*[each if isinstance(each, str) else each["source"] for each in sources], **changes))
    data["cells"] = [
        cell | source if isinstance(source, dict) else cell for cell, source in zip(data["cells"], sources, strict=True)
    ]
    return Honest(name, ".ipynb", json.dumps(data), counts)


def text(source: str) -> dict[str, Any]:
    """Return a text cell."""
    return {"cell_type": "markdown", "source": source}


FIELDS = (
    "types",
    "chunk",
    "site",
    "errno",
    "operator",
    "co_leader",
    "tb_count",
    "func_count",
    "gi_frame",
    "mro",
    "f_back",
)
MODULES = (
    module("right", RIGHT),
    module("leader_stays", LEADER_STAYS),
    module("own_term_refused", OWN_TERM_REFUSED),
    inside("umlaut", "größe = len(self.log)", "self.größe = größe"),
    inside("private_method", "self.__note()").__class__(
        "private_method", ".py", in_handler("self.__note()") + "\n    def __note(self) -> None:\n        self.noted = 1\n"
    ),
    inside("class_name", "print(self.__class__.__name__)"),
    inside("own_dictionary", "self.__dict__.setdefault('seen', 0)", "print(vars(self))"),
    inside("logging", "logging.warning('got %s', message)", top="import logging\nlogging.basicConfig(level=logging.DEBUG)"),
    inside("log_file", "LOG.info('got %s', message)", top="import logging\nlogging.basicConfig(filename='debug.log')\nLOG = logging.getLogger('raft')"),
    inside("clock", "began = time.perf_counter()", "print(time.time() - began)", top="import time"),
    module("operator", "import operator\n" + RIGHT.replace("message.term < self.current_term", "operator.lt(message.term, self.current_term)")),
    inside("suppress", "with suppress(KeyError):", "    {}['x']", top="from contextlib import suppress"),
    inside("pprint", "pprint(message)", top="from pprint import pprint"),
    inside("standard_library", "json.dumps(decimal.Decimal('1.5').as_tuple()._asdict())", top="import decimal, json, sqlite3, uuid, ssl, socket, asyncio, ctypes"),
    inside("environment", "os.environ.get('DEBUG')", "sys.getsizeof(self.log)", top="import os, sys"),
    inside("lock", "with LOCK:", "    pass", top="import threading\nLOCK = threading.Lock()"),
    inside("patterns", "assert re.match(r'\\w+', sender)", top="import re"),
    inside("dates", "datetime.now()", top="from datetime import datetime"),
    inside("file", "with open('debug.txt', 'a') as file: file.write(sender)"),
    inside("standard_error", "print('x', file=sys.stderr)", top="import sys"),
    inside("module_level_list", "assert HISTORY == [1, 2]", top="HISTORY = []\nHISTORY.append(1)\nHISTORY.extend([2])"),
    inside("module_level_loop", "assert TABLE[3] == 9", top="TABLE = {}\nfor number in range(5):\n    TABLE[number] = number * number"),
    inside("module_level_registry", "assert KNOWN == {'few': few}", top="KNOWN = {}\ndef register(made):\n    KNOWN[made.__name__] = made\n    return made\n@register\ndef few(): ..."),
    inside("module_level_helper_call", "assert CONFIG['x'] == 1", top="CONFIG = {}\ndef fill():\n    CONFIG['x'] = 1\nfill()"),
    inside("module_level_counter", "global COUNT", "COUNT += 1", top="COUNT = 0"),
    inside("module_level_try", "assert array is None", top="try:\n    import no_such_package as array\nexcept ImportError:\n    array = None"),
    inside("fields", *(f"self.{name} = {number}" for number, name in enumerate(FIELDS))),
    inside("getattr", "getattr(self, '_peers', None)", "setattr(self, 'note', 1)", "delattr(self, 'note')"),
    inside("eval", "assert eval('1 + 1') == 2", "exec('x = 1')", "print(globals().keys(), locals())"),
    inside("match", "match message:", "    case AppendEntries(term=term):", "        self.last = term"),
    inside("walrus", "if (size := len(self.log)) > 10: print(size)"),
    inside("lambda", "key = lambda entry, base=0: base + entry.term", "sorted(self.log, key=key)"),
    inside("enumeration", "self.mood = Mood.CALM", top="import enum\nclass Mood(enum.Enum):\n    CALM = 1"),
    inside("named_tuple", "self.last = Seen(sender, 1)", top="from typing import NamedTuple\nclass Seen(NamedTuple):\n    who: str\n    count: int"),
    inside("deque", "QUEUE.append(sender)", top="from collections import deque\nQUEUE = deque(maxlen=3)"),
    inside("cache", "square(3)", top="from functools import lru_cache\n@lru_cache\ndef square(x): return x * x"),
    inside("stack", "traceback.format_stack()", "inspect.stack()", top="import inspect, traceback, warnings"),
    above("future", "from __future__ import annotations"),
    above("docstring", '"""My Node."""'),
    above("tools_of_the_course", "from raft_steps.lab import Cluster, check, show, sweep\nimport raft_steps.lab as lab"),
    below("main_block", "if __name__ == '__main__':\n    from raft_steps.lab import Cluster\n    Cluster(Node, 3).run(60)"),
    below("own_tests", "def test_it():\n    assert Node\n\ntest_it()\nassert issubclass(Node, Deaf)"),
    below("attached_function", "def follow(self):\n    self.is_leader = self.is_candidate = False\n    self.start_election_timer()\n\nNode.become_follower = follow"),
    below("set_attribute", "setattr(Node, 'limit', 3)"),
    below("split_class", "class Node(Node):\n    limit = 3"),
    below("assigned", "class Better(Node):\n    pass\n\nNode = Better"),
    below("decorated", "def mark(made):\n    made.marked = True\n    return made\n\nNode = mark(Node)"),
    module("mixin", RIGHT.replace("class Node(Deaf):", "class Polite:\n    def greet(self): return 'hello'\n\n\nclass Node(Polite, Deaf):")),
    module("node_of_the_table", RIGHT.replace("step_05.Node", "node(5)").replace("from raft_steps import", "from raft_steps import node\nfrom raft_steps import")),
    module("package", RIGHT.replace("step_05.Node", "raft_steps.node(5)").replace("from raft_steps import", "import raft_steps\nfrom raft_steps import", 1)),
    module("latin_1", ("# -*- coding: latin-1 -*-\n" + in_handler("größe = 1", "print('Übergröße', größe)")).encode("latin-1")),
    module("byte_order_mark", RIGHT.encode("utf-8-sig")),
    module("windows_line_ends", RIGHT.replace("\n", "\r\n")),
)  # fmt: skip
NOTEBOOKS = (
    cells("plain", *CELLS, CHECK),
    cells("plain_wrong", IMPORTS, CELLS[1], LEADER_STAYS.removeprefix(HEAD).strip(), CHECK),
    cells("magic_of_the_cell", IMPORTS, CELLS[1], f"%%time\n{CELLS[2]}", CHECK),
    cells("captured", IMPORTS, f"%%capture\n{CELLS[1]}", CELLS[2], CHECK),
    cells("magics_of_lines", f"%config Completer.use_jedi = False\n{IMPORTS}\n!true", CELLS[1], f"{CELLS[2]}\n\nNode?", CHECK),
    cells("magic_of_an_assignment", IMPORTS, "%time LIMIT = 3\nfiles = !ls", CELLS[1], CELLS[2] + "\n    limit = LIMIT", CHECK),
    cells("other_language", "%%bash\ntrue", *CELLS, CHECK),
    cells("shown", *CELLS[:2], f"{CELLS[2]}\n\ndisplay(Node)\nget_ipython()", CHECK),
    cells("scratch_check_above", *CELLS[:2], "class Node(Deaf):\n    pass", "check(Node, step=6)", CELLS[2], CHECK),
    cells("better_below", *CELLS[:2], LEADER_STAYS.removeprefix(HEAD).strip(), {"source": "check(Node, step=6)", "id": "check"}, CELLS[2], "check(Node, 6)", text("## Again")),
    cells("broken_in_an_exercise", *CELLS, CHECK, text("## Exercises\n\nBreak it."), BROKEN, "check(Node, step=6)", counts=0),
    cells("broken_without_a_heading", *CELLS, CHECK, BROKEN, "check(Node, step=6)", counts=0),
    cells("copied_check", *CELLS, CHECK, CHECK),
    cells("check_by_keyword", *CELLS, "check(node_class=Node, step=6)"),
    cells("check_of_the_laboratory", *CELLS, "import raft_steps.lab as lab\nlab.check(Node, 6)"),
    cells("failed_cell_above", IMPORTS, "1 / 0", "print(undefined)", *CELLS[1:], CHECK),
    cells("experiments_above", IMPORTS, 'cluster = Cluster(5, leader="tom")\ncluster.run(6)\ncluster.logs()', *CELLS[1:], CHECK),
    cells("old_format", *CELLS, CHECK, nbformat_minor=4),
    cells("two_classes", *CELLS[:2], CELLS[2].replace("class Node", "class Mine"), "Node = Mine", CHECK),
)  # fmt: skip
ALL = (*MODULES, *NOTEBOOKS)
