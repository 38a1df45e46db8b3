"""Source: what a reader wants to see of the chain of steps.

    whole(6)                        the complete node as of step 6, one file that stands alone
    show(6, "on_append_entries")    one method, message or field of it; show(6) is what the step itself says
    diff(5, 6)                      what step 6 changes; diff(5, 6, "on_append_entries") is one piece of it

Each takes a step's number or a Node class, such as your own from a notebook's cell. A notebook shows the results
highlighted, `print` gives plain text, `ansi()` gives text with a terminal's colours.
"""

from __future__ import annotations

import difflib
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

from raft_steps import STEPS
from raft_steps.lab import node
from raft_steps.lab.errors import SourceError
from raft_steps.lab.source import highlight
from raft_steps.lab.source.compare import FIELDS, Difference, Pieces, compare, find, plain_name
from raft_steps.lab.source.flatten import LINE_LENGTH, fields_text, fold, text_of
from raft_steps.lab.source.notebook_class import read_cell
from raft_steps.lab.source.parse import StepSource, read_step

GENERATED = (
    "Generated from {all}: change those, and not this. Every message, field and method stands here as it was last "
    "written, word for word and with its comments. Where a method passed its arguments on to super(), the lines that "
    "it called stand instead. What a step took away is left out, and so are imports that nothing needs."
)


@dataclass(frozen=True, slots=True, repr=False)
class Source:
    """Some source text.

    Attributes:
        title: What it is, such as ``on_append_entries as of step 6``.
        text: The text, with a newline at its end.
    """

    title: str
    text: str

    def __str__(self) -> str:
        """Give the text as `print` wants it, without the last newline."""
        return self.text.rstrip("\n")

    __repr__ = __str__

    def ansi(self) -> str:
        """Give the text with a terminal's colours."""
        return highlight.ansi_source(str(self))

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:  # noqa: ARG002
        """Tell a notebook what to show."""
        block = highlight.html_block(f"<b>{self.title}</b>", highlight.html_source(str(self)))
        return {"text/plain": str(self), "text/html": block}


def whole(step_or_class: int | type) -> Source:
    """Give the complete node as of a step, or as of a class of your own, as one file that stands alone.

    Raises:
        SourceError: There is no such step, or the source of the class cannot be found or folded.
    """
    chapters = _chapters(step_or_class)
    title = chapters[-1].title
    generated = textwrap.fill(GENERATED.format(all=_all(chapters)), LINE_LENGTH - 4)
    text = text_of(fold(chapters), f"The whole node as of {title}, in one file.\n\n{generated}\n")
    return Source(f"the whole node as of {title}", text)


def show(step_or_class: int | type, *names: str) -> Source:
    """Show methods, messages or fields as of a step or class; without a name, what the step itself says.

    Args:
        step_or_class: The number of a step, or a Node class such as your own.
        names: What to show; ``"fields"`` are all fields at once.

    Raises:
        SourceError: There is nothing of that name, or the source cannot be found.
    """
    if not names:
        chapter = _chapters(step_or_class)[-1]
        return Source(chapter.title, chapter.text)
    pieces = _pieces(step_or_class)
    texts = [find(pieces.texts, plain_name(name), f"{pieces.title} has no") for name in names]
    return Source(f"{', '.join(names)} as of {pieces.title}", "\n\n".join(texts) + "\n")


def diff(before: int | type, after: int | type, *names: str) -> Difference:
    """Compare two nodes: what does a step, or your class, change?

    Args:
        before: The number of a step, or a Node class.
        after: The number of a step, or a Node class.
        names: The pieces to compare; all that differ when there is none.

    Raises:
        SourceError: A piece does not differ or does not exist, or a source cannot be found.
    """
    return compare(_pieces(before), _pieces(after), *names)


def patch(before: int | type, after: int | type) -> str:
    """Give all that differs between two whole files, as the patch that makes the one of the other.

    Raises:
        SourceError: A source cannot be found or folded.
    """
    first, second = whole(before), whole(after)
    old, new = first.text.splitlines(keepends=True), second.text.splitlines(keepends=True)
    return "".join(difflib.unified_diff(old, new, first.title, second.title))


def _pieces(step_or_class: int | type) -> Pieces:
    """Cut the node as of a step or class into pieces; that it could stand alone is not asked."""
    chapters = _chapters(step_or_class)
    folded = fold(chapters, alone=False)
    variables = folded.variables
    texts = {piece.name: piece.text for piece in (*folded.definitions, *folded.members)}
    order = [piece.name for piece in folded.definitions]
    order += [FIELDS] * bool(variables) + [piece.name for piece in folded.methods]
    return Pieces(chapters[-1].title, tuple(order), texts | ({FIELDS: fields_text(variables)} if variables else {}))


def _chapters(step_or_class: object) -> list[StepSource]:
    """Read what a node is made of, from the first step on."""
    if isinstance(step_or_class, int):
        last = read_step(step_or_class)  # The first to be read, so that an error is about the step that was asked for.
        return [*map(read_step, range(1, step_or_class)), last]
    if not (
        isinstance(step_or_class, type) and issubclass(step_or_class, node.Node) and step_or_class is not node.Node
    ):
        raise SourceError(f"this takes the number of a step or a Node class, not {step_or_class!r}")
    steps = {step.module_name: step.number for step in STEPS}
    chapters: list[StepSource] = []
    for each in reversed(step_or_class.__mro__[: step_or_class.__mro__.index(node.Node)]):
        if len(each.__bases__) > 1:
            raise SourceError(f"{each.__name__} has several bases; a node changes the one before it, and no other")
        if each.__module__ in steps:
            chapters.append(read_step(steps[each.__module__]))
        else:
            known = frozenset(piece.name for chapter in chapters for piece in chapter.definitions)
            chapters.append(read_cell(each, known))
    return chapters


def _all(chapters: Sequence[StepSource]) -> str:
    """Name all chapters: ``steps 1 to 5 and your Node``."""
    steps = sum(chapter.title.startswith("step ") for chapter in chapters)
    named = ["step 1" if steps == 1 else f"steps 1 to {steps}"] if steps else []
    named += [chapter.title for chapter in chapters[steps:]]
    return " and ".join([", ".join(named[:-1])] * (len(named) > 1) + named[-1:])
