"""Hostile submissions of step 6: name, suffix, content, and the highest score that each may get."""

import json
from typing import NamedTuple

from tests.grading.submissions.step_06 import CHECK, HEAD, RIGHT, UNTOUCHED, in_handler, notebook

FULL = 100.0


class Hostile(NamedTuple):
    """One submission.

    Attributes:
        name: What it does.
        suffix: What its file's name ends with.
        content: What is in the file.
        most: The most points that it may earn, of 100.
        least: The fewest: what is right in it counts.
        says: A part of the sentence, or of a remark.
    """

    name: str
    suffix: str
    content: str | bytes
    most: float = 0.0
    least: float = 0.0
    says: str = ""


def stub(*lines: str) -> str:
    """Return a Node that tries something instead of writing the step."""
    return HEAD + "\n\nclass Node(Deaf):\n" + "".join(f"    {line}\n" for line in lines)


SOLUTION = "step_06_term_checks"
BORROWED = "\n\nclass Node({0}):\n    pass\n"

LOOPS = (
    Hostile("endless_loop", ".py", in_handler("while True:", "    pass"), says="endless loop"),
    Hostile(
        "loop_that_swallows_everything",
        ".py",
        in_handler(
            "while True:",
            "    try:",
            "        while True:",
            "            pass",
            "    except BaseException:",
            "        pass",
        ),
        says="could not be interrupted",
    ),
    Hostile(
        "loop_at_load",
        ".py",
        HEAD + "\nx = [1 for _ in iter(int, 1)]\n\n\nclass Node(Deaf):\n    y = x\n",
        says="endless loop",
    ),
    Hostile("loop_in_a_property", ".py", stub("@property", "def current_term(self):", "    while True: pass")),
    Hostile("recursion", ".py", in_handler("return self.on_append_entries(sender, message)")),
    Hostile(
        "storm",
        ".py",
        in_handler("self.broadcast(AppendEntriesRefused(term=1))", "self.start_timer('election', 1e-6)"),
        60,
    ),
)
PROCESSES = (
    Hostile("fork", ".py", in_handler("import os", "while True: os.fork()"), 30),
    Hostile("fork_at_load", ".py", "import os\nos.fork()\n" + RIGHT, FULL, FULL),
    Hostile(
        "fork_as_a_field",
        ".py",
        "import os\n" + RIGHT.replace("class Node(Deaf):", "class Node(Deaf):\n    pid: int = os.fork()"),
        FULL,  # Two processes answer, and which of them is heard first is chance.
    ),
    Hostile("os_exit", ".py", in_handler("import os", "os._exit(0)"), 30),
    Hostile("sys_exit", ".py", in_handler("raise SystemExit(0)"), 30),
    Hostile("sys_exit_at_load", ".py", "raise SystemExit(0)\n" + UNTOUCHED),
    Hostile("subprocess", ".py", in_handler("import subprocess", "subprocess.run(['raft-steps', 'show', '6'])"), 30),
    Hostile("thread", ".py", in_handler("import threading", "threading.Thread(target=print).start()"), FULL, FULL),
)
TOO_MUCH = (
    Hostile("gigabytes_of_output", ".py", in_handler("for _ in range(20): print('x' * 10_000_000)"), FULL, 70),
    Hostile("gigabytes_of_memory", ".py", in_handler("self.hoard = [0] * 10**10"), 30),
    Hostile("gigabytes_in_a_field", ".py", in_handler("self.note = 'x' * 200_000_000"), 30),
    Hostile("gigabytes_in_messages", ".py", in_handler("for _ in range(10**9): self.broadcast(message)"), 30),
    Hostile("hundred_megabytes", ".py", b"# " + b"x" * 100_000_000, says="100 MB"),
    Hostile("deep_nesting", ".py", "x = " + "(" * 5000 + ")" * 5000, says="not valid Python"),
    Hostile("number_of_many_digits", ".py", in_handler("self.big = 10**6000"), 30, says="cannot be written down"),
    Hostile("deep_field", ".py", in_handler("x = []", "for _ in range(10**5): x = [x]", "self.x = x"), 30),
)
FILES = (
    Hostile("empty_file", ".py", "", says="empty"),
    Hostile("empty_notebook", ".ipynb", "", says="empty"),
    Hostile("broken_notebook", ".ipynb", notebook(RIGHT)[:400], says="not a notebook"),
    Hostile("notebook_of_another_kind", ".ipynb", '{"cells": 3}', says="not a notebook"),
    Hostile("no_text", ".py", bytes(range(256)) * 20, says="not UTF-8 text"),
    Hostile("another_suffix", ".docx", RIGHT, says="neither"),
    Hostile("no_python", ".py", "def (:\n", says="not valid Python"),
    Hostile("no_node", ".py", "x = 1\n", says="no class Node"),
    Hostile("node_of_its_own", ".py", "class Node:\n    pass\n", says="is not a Node"),
    Hostile("node_that_is_no_class", ".py", "Node = 3\n", says="not a class"),
    Hostile(
        "wrong_kernel",
        ".ipynb",
        notebook(RIGHT, CHECK, metadata={"kernelspec": {"name": "ir", "language": "R"}}),
        FULL,
        FULL,
        "in R",
    ),
    Hostile(
        "changed_metadata", ".ipynb", notebook(UNTOUCHED, CHECK, metadata={"nbgrader": {"points": 1000, "score": 1000}})
    ),
    Hostile("deleted_check_cell", ".ipynb", notebook(UNTOUCHED), says="nothing of step 6"),
    Hostile("edited_check_cell", ".ipynb", notebook(UNTOUCHED, "assert True", "print('step 6: 10 of 10 checks pass')")),
    Hostile(
        "no_cell_ids",
        ".ipynb",
        json.dumps({"cells": [{"cell_type": "code", "source": RIGHT.splitlines(True)}], "nbformat": 4}),
        FULL,
        FULL,
    ),
)
FORGERIES = (
    Hostile(
        "always_equal",
        ".py",
        stub(
            "class Always:",
            "    def __eq__(self, other): return True",
            "    def __lt__(self, other): return True",
            "    def __ge__(self, other): return True",
            "    def __hash__(self): return 1",
            "current_term = Always()",
            "is_leader = Always()",
            "def on_append_entries(self, sender, message): self.current_term = Node.Always(); self.effects = Node.Always()",
        ),
    ),
    Hostile(
        "int_that_equals_all",
        ".py",
        HEAD
        + (
            "\n\nclass Any4(int):\n    def __eq__(self, other): return True\n    def __ne__(self, other): return False\n"
            "    __hash__ = int.__hash__\n\n\nclass Node(Deaf):\n"
            "    def on_append_entries(self, sender: str, message: AppendEntries) -> None:\n"
            "        self.current_term = Any4(4)\n        self.send(sender, AppendEntriesRefused(term=Any4(4)))\n"
        ),
    ),
    Hostile(
        "patched_checks",
        ".py",
        "from raft_steps.lab.checks import report\nfrom raft_steps.lab.checks.bench import Bench\n"
        + UNTOUCHED
        + "\nreport.CheckReport.passed = True\nBench.require = lambda *a, **k: None\n",
    ),
    Hostile(
        "patched_cluster",
        ".ipynb",
        notebook(
            "from raft_steps.lab import Cluster, check",
            "Cluster.run = lambda *a: None\ncheck = lambda *a, **k: None",
            UNTOUCHED,
            CHECK,
        ),
    ),
    Hostile(
        "patched_base", ".py", UNTOUCHED + "\nstep_05.Node.on_append_entries = lambda self, sender, message: None\n"
    ),
    Hostile(
        "patched_log",
        ".py",
        HEAD
        + "from raft_steps.lab.log import Log\n"
        + stub("log = Log")[len(HEAD) :]
        + "\nLog.__eq__ = lambda *a: True\n",
        says="",
    ),
    Hostile(
        "forged_verdict",
        ".py",
        in_handler("""print('{"score": 100, "points": 11, "checks": {}}')""", "raise KeyError(1)"),
        30,
    ),
    Hostile(
        "forged_answers", ".py", in_handler("import os", """[os.write(n, b'{"set":{}}\\n') for n in range(3, 9)]"""), 30
    ),
    Hostile("traced", ".py", in_handler("import sys", "sys.settrace(print)"), FULL),
)
THEFTS = (
    Hostile("import_of_the_solution", ".py", f"from raft_steps import {SOLUTION}\n" + BORROWED.format(f"{SOLUTION}.Node")),
    Hostile("import_from_the_solution", ".py", f"from raft_steps.{SOLUTION} import Node\n"),
    Hostile("import_of_a_later_step", ".py", "import raft_steps.step_09_one_vote_per_term as later\n" + BORROWED.format("later.Node")),
    Hostile("importlib", ".py", f"import importlib\n{BORROWED.format(f'importlib.import_module({SOLUTION!r}).Node')}"),
    Hostile("import_by_name", ".py", BORROWED.format(f"__import__('raft_steps.{SOLUTION}', fromlist=['Node']).Node"), says="__import__"),
    Hostile("node_of_the_table", ".py", "import raft_steps\n" + BORROWED.format("raft_steps.node(6)")),
    Hostile("whole_source", ".py", "from raft_steps.lab import whole\n\nexec(str(whole(6)))\n"),
    Hostile("whole_source_as_a_base", ".py", "from raft_steps.lab import whole\n" + BORROWED.format("whole(6).Node")),
    Hostile("reads_the_file", ".py", "text = open('raft_steps/step_06_term_checks.py').read()\n\n\nclass Node:\n    exec(text)\n", says="open"),
    Hostile("pathlib_read", ".py", "from pathlib import Path\n\n\nclass Node:\n    exec(Path('x').read_text())\n"),
    Hostile("through_a_module", ".py", "import dataclasses\n" + BORROWED.format(f"dataclasses.sys.modules['raft_steps.{SOLUTION}'].Node"), says=".sys"),
    Hostile("through_subclasses", ".py", "found = [c for c in object.__subclasses__() if 'Loader' in c.__name__]\n" + BORROWED.format("found[0]"), says="cannot be loaded"),
    Hostile("through_globals", ".py", "from raft_steps.lab import message\n" + BORROWED.format("message.__globals__['sys'].modules"), says="__globals__"),
    Hostile("through_getattr", ".py", "from raft_steps.lab import message\n" + BORROWED.format("getattr(message, '__glo' + 'bals__')"), says="getattr"),
    Hostile("network", ".py", in_handler("import socket", "socket.create_connection(('127.0.0.1', 80))"), 30),
    Hostile("network_at_load", ".py", "import urllib.request as r\n" + BORROWED.format("r.urlopen('http://127.0.0.1').read()")),
    Hostile("writes_a_file", ".py", in_handler("open('x', 'w').write('x')"), FULL, FULL),
)  # fmt: skip
IDLE = (
    Hostile(
        "ignores_every_call",
        ".py",
        stub("def on_append_entries(self, sender: str, message: AppendEntries) -> None:", "    pass"),
        says="nothing of step 6",
    ),
    Hostile(
        "swallows_every_interruption",
        ".py",
        in_handler("try:", "    for n in range(10**12): n * n", "except BaseException: return"),
        says="nothing of step 6",
    ),
)
ODD_TEXTS = (
    Hostile("page_break_in_the_source", ".py", RIGHT.replace("\n\nclass Node", "\n\x0c\n\nclass Node"), FULL, FULL),
    Hostile("line_separator_in_a_docstring", ".py", RIGHT.replace('"""The answer', '"""\u2028The answer'), FULL, FULL),
    Hostile("line_separator_in_a_notebook", ".ipynb", notebook(RIGHT.replace('"""The answer', '"""\u2028The answer'), CHECK), FULL, FULL),
    Hostile("old_line_ends", ".py", RIGHT.replace("\n", "\r"), FULL, FULL),
    Hostile("utf_16", ".py", RIGHT.encode("utf-16"), says="UTF-8"),
    Hostile("command_in_the_cell", ".ipynb", notebook("%time\n" + RIGHT, CHECK), FULL, FULL),
    Hostile("half_a_character", ".py", in_handler("raise type('E', (Exception,), {})('\\ud800')"), says="on_append_entries"),
)  # fmt: skip
WALKS = tuple(
    Hostile(name, ".py", HEAD + f"{how}\nspace = found['__builtins__']\nlimits = getattr(space['__import__']('sys'), 'modules')['raft_steps.lab.grading.limits']\nlimits.FORBIDDEN_EVENTS = ('none',)\ntext = space['open']('x').read()\n\n\nclass Node(Deaf):\n    held = text, limits\n", says="cannot be loaded")
    for name, how in (
        ("walk_of_a_format", "import string\nfound = string.Formatter().get_field('0.__globals__', (message,), {})[0]"),
        ("walk_of_a_wrapper", "import functools\nclass Catch:\n    def update(self, got): Catch.got = got\nW = type('W', (), {'__glo' + 'bals__': Catch()})\nmade = functools.update_wrapper(W(), message, assigned=(), updated=('__glo' + 'bals__',))\nfound = (made, Catch.got)[1]"),
        ("walk_of_an_annotation", "import typing\ndef hold(x):\n    hold.got = x\n    return int\nclass A:\n    x: 'hold(m.__globals__)'\nmade = typing.get_type_hints(A, {'hold': hold, 'm': message})\nfound = (made, hold.got)[1]"),
    )
)  # fmt: skip
MARK = "raft-steps-test-of-a-process-that-outlives-its-grading"
PAIRS = "(message.term, self.current_term) in {(2, 4), (2, 3), (3, 4), (1, 2), (1, 4), (0, 1), (4, 5)}"
EVERYTHING = """import os, glob
SEEN = [open(path, errors="replace").read()[:2000] for path in glob.glob("/proc/*/cmdline") + glob.glob("/proc/*/environ")]
for at, folders, files in os.walk("/"):
    folders[:] = [each for each in folders if each not in ("lib", "lib64", "sys", "usr", "dev")]
    SEEN += [open(os.path.join(at, each), errors="replace").read()[:500] for each in files if "seed" in each or "score" in each]
"""
ESCAPES = (
    Hostile("full_escape", ".py", "import string\nfound = string.Formatter().get_field('0.__globals__', (print,), {}) if hasattr(print, '__globals__') else 0\nimport ctypes, sys, importlib\nsys.path[:0] = ['/', '/root', '/home', '/work']\n" + BORROWED.format(f"importlib.import_module('raft_steps.{SOLUTION}').Node"), says="cannot be loaded"),
    Hostile("reads_everything", ".py", EVERYTHING + in_handler("raise ValueError(' '.join(SEEN)[-3000:])")),
    Hostile("remembers_and_tells", ".py", "SEEN = []\n" + in_handler("SEEN.append((self.name, self.servers, message, self.random.random()))", "if len(SEEN) > 60: raise ValueError(repr(SEEN[-40:]))"), 99),
    Hostile("knows_the_numbers", ".py", RIGHT.replace("message.term < self.current_term", PAIRS), 80, 10),
    Hostile("plays_dead", ".py", "STARTED = set()\n" + in_handler("STARTED.add(self.name)", "if len(STARTED) > 1: return"), 80, 10),
    Hostile("kills_all", ".py", in_handler("import os, signal", "os.kill(os.getppid(), 9) if os.getppid() > 1 else None", "os.kill(-1, 9)"), FULL),
    Hostile("outlives", ".py", f"import os, sys\nif os.fork() == 0:\n    os.setsid()\n    os.execv(sys.executable, [sys.executable, '-c', 'import time; time.sleep(600)', '{MARK}'])\n" + RIGHT, FULL),
    Hostile("asks_without_end", ".py", in_handler("while True: self.random.random()"), 30),
    Hostile("floods_the_judge", ".py", in_handler("import os", "for n in range(3, 9):", "    try: os.write(n, b'[' * 60_000)", "    except OSError: pass"), 30),
    Hostile("strange_answers", ".py", in_handler("import os", "for n in range(3, 9):", "    try: os.write(n, b'{\"set\": {\"current_term\": NaN, \"__class__\": 3, \"log\": [\"o\", \"x\"]}, \"effects\": [\"l\", [\"t\", 1]]}\\n')", "    except OSError: pass"), 60),
    Hostile("answers_for_classes", ".py", in_handler("import os", "for n in range(3, 9):", "    try: os.write(n, b'{\"set\": {}, \"classes\": [{\"id\": 1, \"name\": \"os\", \"kind\": \"message\", \"fields\": 3}]}\\n')", "    except OSError: pass"), 60),
    Hostile("fills_the_folder", ".py", in_handler("try:", "    for n in range(10**6): open(str(n), 'wb').write(bytes(2**20))", "except OSError: pass"), FULL),
    Hostile("many_threads", ".py", in_handler("import threading, time", "for _ in range(1000): threading.Thread(target=time.sleep, args=(600,)).start()"), 30),
    Hostile("stops_the_watchdog", ".py", in_handler("import signal", "signal.setitimer(signal.ITIMER_REAL, 0)", "signal.signal(signal.SIGALRM, signal.SIG_IGN)", "while True: pass"), 30),
)  # fmt: skip
ALL = (*ESCAPES, *IDLE, *ODD_TEXTS, *WALKS, *LOOPS, *PROCESSES, *TOO_MUCH, *FILES, *FORGERIES, *THEFTS)
