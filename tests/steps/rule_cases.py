"""Cases for the rules of the steps: a step's text, the chain before it, and what the two make together."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from raft_steps.lab.source.flatten import FlatNode, flatten
from raft_steps.lab.source.parse import Definition, StepSource, parse_module


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
    def chapter(self) -> StepSource:
        """The step, cut into pieces."""
        return parse_module(self.text, f"step {self.number}")


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
    def before(self) -> FlatNode:
        """The whole node before the step."""
        return flatten([each.chapter for each in self.earlier], complete=False)

    @cached_property
    def after(self) -> FlatNode:
        """The whole node as of the step."""
        return flatten([each.chapter for each in (*self.earlier, self.step)], complete=False)

    @cached_property
    def old_definitions(self) -> Mapping[str, Definition]:
        """The messages of the chain before the step, by name."""
        return {piece.name: piece for piece in self.before.definitions}

    @cached_property
    def old_members(self) -> Mapping[str, Definition]:
        """The class variables, fields and methods of the chain before the step, by name."""
        return {piece.name: piece for piece in self.before.members}

    @cached_property
    def redefined(self) -> list[str]:
        """The definitions of earlier steps that the step redefines."""
        return [piece.name for piece in self.step.chapter.definitions if piece.name in self.old_definitions]

    @cached_property
    def inherited(self) -> list[Definition]:
        """What the step inherits unchanged: neither written again nor removed."""
        chapter = self.step.chapter
        own = {piece.name for piece in (*chapter.members, *chapter.definitions)} | chapter.removed
        return [piece for piece in (*self.before.members, *self.before.definitions) if piece.name not in own]


def message_fields(piece: Definition) -> list[str]:
    """Return the names of a message's fields; none for anything else."""
    match ast.parse(piece.text).body[0]:
        case ast.ClassDef(body=body):
            return [s.target.id for s in body if isinstance(s, ast.AnnAssign) and isinstance(s.target, ast.Name)]
    return []


def is_message(piece: Definition) -> bool:
    """Return whether a definition is a message."""
    match ast.parse(piece.text).body[0]:
        case ast.ClassDef(decorator_list=[ast.Name(id="message")]):
            return True
    return False
