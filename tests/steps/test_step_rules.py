"""Every step keeps every rule of the steps, and every rule catches a step that was written to break it."""

from __future__ import annotations

import dataclasses

import pytest

from raft_steps import STEPS
from tests.steps.rule_cases import Case, StepText
from tests.steps.rules import RULES, broken_rules, step_texts

FIRST = StepText(
    "step_01_counter",
    '''"""Step 1: a server counts.

New: durable, count, log, kinds, on_start, on_tick_timeout, grow, size.
Paper: none.
Follows: nothing.
"""

from __future__ import annotations

from dataclasses import field
from typing import ClassVar

from raft_steps.lab import node
from raft_steps.lab.log import Log


class Node(node.Node):
    """A server that counts."""

    durable: ClassVar[tuple[str, ...]] = ("log",)

    # What a crash leaves.
    log: Log = field(default_factory=Log)

    count: int = 0
    kinds: list[str] = field(default_factory=list)

    def on_start(self) -> None:
        """Start to count."""
        self.start_timer("tick", 1)

    def on_tick_timeout(self) -> None:
        """Count on."""
        self.grow(1)
        self.start_timer("tick", 1)

    def grow(self, by: int) -> None:
        """Count several at once."""
        self.count += by

    def size(self) -> int:
        """Return how far it has counted."""
        return self.count
''',
)

SECOND = StepText(
    "step_02_greeting",
    '''"""Step 2: a server tells the others.

New: Hello, greet, on_hello.
Changed: on_start.
Paper: none.
Follows: nothing.
"""

from __future__ import annotations

from raft_steps import step_01_counter as step_01
from raft_steps.lab.messages import message


@message
class Hello:
    """How far the sender has counted."""

    count: int


class Node(step_01.Node):
    """A server that tells the others."""

    def on_start(self) -> None:
        """Tell the others, and start to count."""
        self.greet()
        super().on_start()

    def greet(self) -> None:
        """Tell the others."""
        self.broadcast(Hello(count=self.size()))

    def on_hello(self, sender: str, message: Hello) -> None:
        """Catch up."""
        self.count = max(self.count, message.count)
''',
)

THIRD = StepText(
    "step_03_names",
    '''"""Step 3: a greeting has a kind.

New: Hello.kind.
Changed: Hello, greet, on_hello.
Removed: kinds.
Paper: none.
Follows: nothing.
"""

from __future__ import annotations

from raft_steps import step_02_greeting as step_02
from raft_steps.lab.messages import message
from raft_steps.lab.node import removed


@message
class Hello:
    """How far the sender has counted, and what."""

    count: int
    kind: str


class Node(step_02.Node):
    """A server that counts one kind of thing."""

    kinds = removed("there is one kind")

    def greet(self) -> None:
        """Tell the others."""
        self.broadcast(Hello(count=self.size(), kind="sheep"))

    def on_hello(self, sender: str, message: Hello) -> None:
        """Catch up."""
        self.count = max(self.count, message.count)
''',
)

CHAIN = (FIRST, SECOND, THIRD)

SIZE = FIRST.text[FIRST.text.index("    def size") :].rstrip()

# A rule, the step of the chain above that is made to break it, what is replaced there by what, and part of the report.
BREAKS = [
    ("definitions_are_messages", 1, "\nclass Node(", "\nclass Spare:\n    pass\n\n\nclass Node(", "Spare is not a message"),
    ("node_comes_last", 2, '"""Catch up."""\n        self', '"""Catch up."""\n\n\nLATE = 1\n#', "comes last"),
    ("node_has_the_right_base", 2, "(step_01.Node)", "(step_01.Node, object)", "nothing else"),
    ("node_has_the_right_base", 2, "as step_01", "as before", "as step_01"),
    ("node_has_the_right_base", 3, "step_02_greeting as", "step_01_counter as", "import step_02_greeting as step_02"),
    ("node_has_the_right_base", 2, "class Node(", "@dataclass\nclass Node(", "no decorator"),
    ("node_has_the_right_base", 2, "(step_01.Node)", "(step_01.Node, metaclass=type)", "no keywords"),
    ("node_is_just_a_class", 1, "def grow(self, by: int)", "def __init__(self)", "__init__ has two underscores"),
    ("node_is_just_a_class", 1, "count: int = 0", "__slots__ = ()", "__slots__ has two underscores"),
    ("node_is_just_a_class", 1, "count: int = 0", "__count: int = 0", "__count has two underscores"),
    ("node_is_just_a_class", 1, "    def size", "    @property\n    def size", "size is not a plain method"),
    ("node_is_just_a_class", 1, "field(default_factory=list)", "[]", "kinds would be shared"),
    ("node_is_just_a_class", 1, "field(default_factory=Log)", "Log()", "log would be shared"),
    ("super_passes_on", 2, "super().on_start()", "x = super().on_start()", "as a statement of its own"),
    ("super_passes_on", 2, "super().on_start()", "super().on_start()\n        super().on_start()", "once"),
    ("super_passes_on", 2, "super().on_start()", "super().grow(1)", "super().on_start(…)"),
    ("super_passes_on", 2, "super().on_start()", "super().on_start(1)", "same arguments"),
    ("super_passes_on", 2, "def greet(self) -> None:", "def size(self) -> int:\n        super().size()", "returns int"),
    ("super_passes_on", 2, "def greet(self) -> None:", "def peers(self) -> None:\n        super().peers()", "list[str]"),
    ("definitions_are_messages", 2, "class Hello:", "class Hello(Base):", "in full"),
    ("definitions_are_messages", 2, "@message\n", "", "not a message"),
    ("definitions_are_messages", 3, "@message\nclass Hello:", "Hello = 1\n@message\nclass Other:", "class variable"),
    ("nothing_inherited_names_it", 3, "def on_hello", "def receive", "on_hello is inherited and names the old Hello"),
    ("nothing_inherited_names_it", 3, "def greet", "def meet", "greet is inherited and names the old Hello"),
    ("built_in_one_method", 3, "def greet", "def meet", "greet and meet"),
    ("built_in_one_method", 2, "Hello(count=self.size())", "self.size()", "no method"),
    ("every_message_is_used", 2, "@message\n", "@message\nclass Idle:\n    pass\n\n\n@message\n", "Idle"),
    ("handlers_fit", 2, "def on_hello", "def receive", "there is no on_hello"),
    ("handlers_fit", 1, "def on_tick_timeout", "def tick", "there is no on_tick_timeout"),
    ("handlers_fit", 1, "def grow", "def on_growth", "on_growth is never called"),
    ("methods_are_short", 1, "self.count += by", "self.count += (" + "\n" * 40 + ")", "at most 40"),
    ("restated_methods_differ", 3, "    def greet", f"{SIZE}\n\n    def greet", "size is written again"),
    ("what_goes_was_there", 3, "kinds = removed", "sorts = removed", "no earlier step has it"),
    ("what_goes_was_there", 3, "kinds = removed", "count = removed", "on_hello still uses count"),
    ("what_goes_was_there", 3, "kinds = removed", "size = removed", "greet still uses size"),
    ("what_goes_was_there", 3, '"there is one kind"', '""', "says why"),
    ("docstring_has_its_parts", 2, "Step 2: ", "Step 7: ", "'Step 2: what it adds.'"),
    ("docstring_has_its_parts", 2, "others.\n\n", "others.\n", "a blank line"),
    ("docstring_has_its_parts", 2, "Paper: none.\n", "", "no section Paper"),
    ("docstring_has_its_parts", 2, "New: Hello", "Changed: Hello", "in this order"),
    ("lists_agree_with_the_code", 2, "New: Hello, greet", "New: Hello", "New does not name greet"),
    ("lists_agree_with_the_code", 2, "New: Hello, ", "New: Hello, bow, ", "New names bow"),
    ("lists_agree_with_the_code", 2, "New: Hello, ", "New: Hello, Hello, ", "twice"),
    ("lists_agree_with_the_code", 2, "Changed: on_start.\n", "", "Changed does not name on_start"),
    ("lists_agree_with_the_code", 3, "Removed: kinds.\n", "", "Removed does not name kinds"),
    ("lists_agree_with_the_code", 3, "New: Hello.kind.", "New: nothing.", "New does not name Hello.kind"),
    ("lists_agree_with_the_code", 3, "    count: int\n", "", "Removed does not name Hello.count"),
    ("lists_agree_with_the_code", 3, "New: Hello.kind.", "New: Hello.kind,\n    Hello.name.", "names Hello.name"),
    ("imports_are_few", 1, "from typing import", "from numpy import", "may import"),
    ("imports_are_few", 1, "from raft_steps.lab import node", "from raft_steps.lab import cluster, node", "may import"),
    ("imports_are_few", 1, "from raft_steps.lab.log", "from raft_steps.lab.runtime.simulator.simulation", "may import"),
    ("imports_are_few", 1, "from typing", "from raft_steps.step_02_greeting", "may import"),
    ("imports_are_few", 1, "from typing", "from .typing", "names its module"),
    ("imports_are_few", 1, "import ClassVar", "import *", "names its module"),
    ("imports_are_few", 1, "from dataclasses", "from time import time\nfrom dataclasses", "pure"),
    ("imports_are_few", 1, "from dataclasses", "import random\nfrom dataclasses", "pure"),
    ("imports_are_few", 1, "self.count += by", "import math", "at the top"),
    ("names_are_pure", 1, "self.count += by", "print(by)", "print is used"),
    ("annotations_are_late", 1, "from __future__ import annotations\n", "", "is missing"),
    ("steps_are_named_once", 2, "self.greet()", "step_01.Node.on_start(self)", "import the message itself"),
    ("comments_belong_to_something", 1, "from typing", "# Types.\nfrom typing", "# Types."),
    ("step_has_its_size", 1, '        """Count on."""\n', "\n" * 160, "10 to 190"),
]  # fmt: skip


def chain_with(number: int, old: str, new: str) -> list[StepText]:
    """Return the chain up to a step, with one text of that step replaced by another."""
    step = CHAIN[number - 1]
    assert old in step.text, f"{old!r} is not in step {number}"
    return [*CHAIN[: number - 1], dataclasses.replace(step, text=step.text.replace(old, new, 1))]


@pytest.mark.parametrize("number", [step.number for step in STEPS])
def test_the_course_keeps_the_rules(number: int) -> None:
    """No step breaks a rule."""
    assert broken_rules(step_texts(number)) == []


@pytest.mark.parametrize("number", [1, 2, 3])
def test_the_chain_of_these_tests_keeps_the_rules(number: int) -> None:
    """The small steps break no rule by themselves, so every break that is found below was put there."""
    assert broken_rules(CHAIN[:number]) == []


@pytest.mark.parametrize("rule, number, old, new, said", BREAKS)
def test_a_broken_rule_is_found(rule: str, number: int, old: str, new: str, said: str) -> None:
    """The rule that a change breaks reports it, and where."""
    chain = chain_with(number, old, new)
    found = [broken for _, each in RULES if each.__name__ == rule for broken in each(Case(chain[-1], chain[:-1]))]

    assert found
    assert any(said in broken for broken in found), found
    assert any(line.partition(": ")[2] in found for line in broken_rules(chain))


def test_every_rule_is_tried() -> None:
    """For every rule there is a wrong step that breaks it."""
    tried = {rule for rule, *_ in BREAKS} | {"imports_are_the_latest"}

    assert {rule.__name__ for _, rule in RULES} == tried


def test_super_may_not_meet_a_local_name() -> None:
    """Two methods that share a local name cannot be merged."""
    first = dataclasses.replace(FIRST, text=FIRST.text.replace('self.start_timer("tick", 1)', "by = self.count", 1))
    second = dataclasses.replace(SECOND, text=SECOND.text.replace("self.greet()", "by = 1", 1))

    assert any("the name by too" in broken for broken in broken_rules([first, second]))


def test_a_stale_message_is_found() -> None:
    """A step that imports a message from a step that did not define it last would build the old one."""
    fourth = StepText("step_04_stale", THIRD.text.replace("step_02_greeting as step_02", "step_03_names as step_03"))
    stale = dataclasses.replace(
        fourth,
        text=fourth.text.replace(
            "from raft_steps.lab.node", "from raft_steps.step_02_greeting import Hello\nfrom raft_steps.lab.node"
        ),
    )

    assert any("step_03_names wrote it last" in broken for broken in broken_rules([*CHAIN, stale]))
    assert not any("wrote it last" in broken for broken in broken_rules([*CHAIN, fourth]))


@pytest.mark.parametrize(
    "old, new, said",
    [
        ("class Node(", "class Nodes(", "has no class Node"),
        ("self.greet()", "self.greet(", "was never closed"),
        ("def greet", "def on_start", "on_start is defined twice"),
        ("@message", "3 + 4\n@message", "only definitions"),
    ],
)
def test_a_module_that_is_not_a_step_is_reported_once(old: str, new: str, said: str) -> None:
    """A module that cannot be parsed is reported once, under the first rule."""
    (broken,) = broken_rules(chain_with(2, old, new))

    assert broken.startswith("rule 1: ")
    assert said in broken
