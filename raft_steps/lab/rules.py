"""The rules that every step keeps, so that reading it alone is enough, and so that the chain can be folded.

    1  The class is Node, derived from the Node of the step before, and just a class.
    2  super() is one whole statement that passes a method's own arguments on, where the inherited method returns nothing.
    3  A message is built in one method and heard by one. When it is redefined, nothing inherited names it any more.
    4  Methods are short. What a step takes away was there, and nobody uses it any more.
    5  The docstring's lists New, Changed and Removed say what the code does.
    6  A step imports the standard library, the laboratory's few names and earlier steps, and is pure.
    7  A step is 10 to 150 lines long.

`broken_rules` works on texts alone, so that it can be tried on steps that nobody would keep.
"""

from __future__ import annotations

import ast
import io
import tokenize
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from raft_steps.lab import node
from raft_steps.lab.errors import SourceError
from raft_steps.lab.folding import Folded, fold
from raft_steps.lab.reading import Chapter, Piece, function_of, global_names, read_module
from raft_steps.lab.rules_of_lists import lists_that_differ
from raft_steps.lab.rules_of_names import imports_that_are_not_allowed, names_that_do_not_fit
from raft_steps.lab.super_calls import parameters, passed_on, supers, write_out

METHOD_LINES_MAX = 40
STEP_LINES = range(10, 151)
MUTABLE = {"list", "dict", "set", "defaultdict", "deque", "Counter"}


@dataclass(frozen=True)
class StepText:
    """A step as its file holds it.

    Attributes:
        name: The module's name without its package, such as ``step_06_term_checks``.
        text: The file's text.
    """

    name: str
    text: str

    @property
    def number(self) -> int:
        """The step's number."""
        return int(self.name.split("_")[1])

    @cached_property
    def tree(self) -> ast.Module:
        """The syntax tree."""
        return ast.parse(self.text)

    @cached_property
    def chapter(self) -> Chapter:
        """The step, cut into pieces."""
        return read_module(self.text, f"step {self.number}")


@dataclass(frozen=True)
class Case:
    """A step and the chain that it belongs to.

    Attributes:
        step: The step.
        earlier: The steps before it, the first one first.
    """

    step: StepText
    earlier: Sequence[StepText]

    @cached_property
    def before(self) -> Folded:
        """The whole node before the step."""
        return fold([each.chapter for each in self.earlier], alone=False)

    @cached_property
    def after(self) -> Folded:
        """The whole node as of the step."""
        return fold([each.chapter for each in (*self.earlier, self.step)], alone=False)

    @cached_property
    def redefined(self) -> set[str]:
        """The definitions of earlier steps that the step writes anew."""
        return {piece.name for piece in self.step.chapter.definitions} & {piece.name for piece in self.before.definitions}

    @cached_property
    def inherited(self) -> Mapping[str, Piece]:
        """The members that the step neither restates nor takes away."""
        own = {piece.name for piece in self.step.chapter.members} | self.step.chapter.removed
        return {piece.name: piece for piece in self.before.members if piece.name not in own}
